"""The writes of standing orders and of their orders."""
