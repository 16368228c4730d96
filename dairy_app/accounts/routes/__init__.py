"""HTTP of accounts."""
