"""What is known of gateways and banks, and decided without a database."""
