"""Shared links: one round for a helper without a login, for a while, until revoked.

Rules: a link reaches the orders of one delivery boy or one area, on one date or (rolling) today and yesterday, and
nothing else: what is out of scope is unknown. Its token is stored hashed, its end lies at most 30 days ahead, it can
be revoked, limited by a PIN, and every use of it is recorded, refused ones too. Through it the round is shown with
what a delivery needs and no more, deliveries are confirmed by the same rules as with a login, and changes are asked
for; those become rows that staff approve, which applies them through the same services, or reject.
"""
