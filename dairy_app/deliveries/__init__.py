"""Rounds and confirmations: what really reached the door, who said so, when and from where.

Rules: one delivery status per order; confirming is one transaction that fills in the order, its items, the
audit columns, the standing order's tracking and the draft invoice; the same confirmation again changes
nothing. Each of a batch stands by itself. Who confirms reaches the orders of a scope (a boy's round, an area,
some days, a shift) and no other order exists for him. What was told wrongly is corrected, with a reason, until
it is billed; after that only another correction changes it, no phone that sends its morning again.
"""
