"""Moving a live dairy from the earlier MongoDB system: reads its dump, writes our tables, proves the money.

Owns ``import_quarantine`` and ``imported_bills``. Knows every shape the earlier system wrote; no other package does.

Rules
-----
* What is written keeps its key: a UUID stays the primary key, any other key gives a derived one;
  ``legacy_id`` always holds the original, and a second import of the same dump changes nothing.
* Nothing is guessed and nothing is dropped: a document is written, already there, a copy or part of another,
  in quarantine with its reason, left for review, or without a home here; per collection these add up to what was
  read. What waits in quarantine is taken again after a repair.
* A standing order says for every day what it said there, except for what was forgotten there: paused delivers nothing,
  and what stood beside it counts. One of both shifts keeps its quantity, in the morning.
* Delivered, confirmed and unbilled orders land on the drafts of their months at the prices written on them;
  orders the earlier system marked as billed land on documents of status ``external``, from which an administrator may
  move them to a draft; those that no paid bill record proves are listed for review. Payments arrive as they were;
  what was owed before, less what is in wallets, becomes the opening balance. Money before equals money after, per
  customer, to the paisa, or nothing is kept.
"""
