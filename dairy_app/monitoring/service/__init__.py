"""The use cases of monitoring."""
