"""The use cases of billing: runs, single invoices, crediting, the monthly view."""
