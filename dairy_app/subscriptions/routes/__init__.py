"""HTTP of standing orders."""
