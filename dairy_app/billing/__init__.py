"""Money: drafts, runs, invoices, tax lines, voids, and what accountants export.

Rules: a delivered order is on an invoice from the moment it is confirmed; a run issues drafts, it never
searches for forgotten orders; an issued invoice never changes, it is voided and issued anew; numbers have no
gaps. Every write begins by locking the customer's row, and whatever decides is read after that lock.
"""
