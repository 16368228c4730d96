"""HTTP of the catalogue."""
