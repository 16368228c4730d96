"""A document of the earlier system as rows to stage."""
