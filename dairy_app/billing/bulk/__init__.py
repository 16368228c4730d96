"""The set-based writes of billing."""
