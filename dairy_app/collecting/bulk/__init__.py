"""Every write of money that comes in by itself."""
