"""What a document is: invoices, credit notes, their lines, adjustments, number series, the chain of hashes.

A delivered order is on an invoice from the moment it is confirmed; an issued invoice never changes, it is voided and
issued anew; numbers have no gaps. How documents come about is in ``billing``.
"""
