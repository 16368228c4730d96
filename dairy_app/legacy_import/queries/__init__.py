"""The reads of the import."""
