"""The reads of standing orders."""
