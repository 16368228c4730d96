"""Files as people keep them: customers with what they get and owe, standing orders, opening balances, payments.

A sheet need not be made for this: titles above its headings, headings in English or Hindi, amounts and days as they are
written by hand. What was read as what is part of the answer, and a file is taken whole or not at all. It is high up
because a file may hold what belongs to customers, subscriptions and receivables; each of these judges and writes its
own, as it does for a single one.
"""
