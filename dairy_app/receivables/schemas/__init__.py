"""Bodies and answers of receivables."""
