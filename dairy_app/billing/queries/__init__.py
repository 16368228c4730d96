"""The reads of billing."""
