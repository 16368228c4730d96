"""How an invoice or a credit note looks: its contents, its words, and the PDF."""
