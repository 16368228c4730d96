"""The reads of invoices, adjustments and credit notes."""
