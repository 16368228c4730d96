"""Pure rules of standing orders."""
