"""Files of the earlier system, read document by document."""
