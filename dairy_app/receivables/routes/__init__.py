"""HTTP of receivables."""
