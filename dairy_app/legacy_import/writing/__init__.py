"""Staging, and what was staged into our tables."""
