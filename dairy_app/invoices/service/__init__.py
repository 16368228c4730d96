"""Use cases of single documents: adjustments, e-invoices, verification."""
