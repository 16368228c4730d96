"""Shared links: one round for a helper without a login, for a while, until revoked."""
