"""Payment gateways, a module each. None of them knows the database."""
