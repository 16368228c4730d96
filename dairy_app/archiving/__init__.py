"""Old months of deliveries, moved out of the way of the daily work (``dairy archive``).

Orders, items and delivery statuses of months whose books are closed go to tables of the same form, with two fifths of
the indexes. Bills stay where they are: they are a twelfth of the bytes, and the law wants them for 72 months after the
annual return (CGST Act s. 36). A delivered order is always in exactly one of the two places, on its invoice: each
batch is copied, compared by SHA-256, deleted, and committed as one. What is archived is read through ``all_orders`` and
its siblings by bills, exports and checks, is changed by nobody, and can be brought back.

It is high up because it asks everybody who points to an order.
"""
