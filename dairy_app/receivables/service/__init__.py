"""The use cases of receivables."""
