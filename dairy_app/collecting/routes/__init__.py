"""HTTP of money that comes in."""
