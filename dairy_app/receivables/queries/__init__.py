"""The reads of receivables."""
