"""Rounds and confirmations: what really reached the door, who said so, when and from where.

Rules: one delivery status per order; confirming is one transaction that fills in the order, its items, the
audit columns, the standing order's tracking and the draft invoice; the same confirmation again changes
nothing.
"""
