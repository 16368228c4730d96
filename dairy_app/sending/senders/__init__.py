"""How a message reaches somebody else's server, one module a kind of server. None of them knows the database."""
