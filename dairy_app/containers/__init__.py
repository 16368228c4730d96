"""Bottles, cans and crates that come back: which goods go out in them, what a customer still has, what was lost.

Rules: what goes out is counted from what was delivered, a started container whole, with the number per unit that the
product had then; a correction counts anew. What came back is told with a confirmation or entered by the office. No
customer ever has less than none. A lost container leaves the balance and is charged with its deposit.
"""
