"""The use cases of standing orders."""
