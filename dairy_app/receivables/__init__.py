"""What customers owe and what they paid: payments, chosen allocations, opening balances, write-offs, cash handed over.

A balance is always the sum of the ledger, never a stored counter. Payments settle what is oldest first unless somebody
chose otherwise; only what was chosen is stored, the rest is computed as of a day (``sql/``).
"""
