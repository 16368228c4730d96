"""Bodies and answers of billing."""
