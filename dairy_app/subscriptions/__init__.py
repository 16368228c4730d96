"""Standing orders: what a customer wants every day, the days that differ, and the orders made of both.

Rules. What is due on a day is decided by one expression (``due.due``; ``rules.decide`` says the same in
Python): customer, status, start, stop, pause, the day's own entry, then the rhythm; the first that speaks wins.
Orders are made of it once a day in one statement (``bulk.generate``), at most one per standing order and day. A
change of a standing order makes, changes or unmakes the orders that already exist, in the same transaction;
what is on its way or confirmed is refused. A customer changes a day until its cut-off, staff later with a reason.
"""
