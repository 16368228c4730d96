"""The set-based writes of accounts."""
