"""The use cases of the import."""
