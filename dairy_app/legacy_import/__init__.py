"""Moving a live dairy from the earlier MongoDB system: reads its dump, writes our tables, proves the money.

Owns ``import_quarantine``. Knows every shape the earlier system wrote; no other package does.

Rules
-----
* What is written keeps its key: a UUID stays the primary key, any other key gives a derived one;
  ``legacy_id`` always holds the original, and a second import of the same dump changes nothing.
* Nothing is guessed and nothing is dropped: a document is written, already there, a copy or part of another,
  left for a later import, or in quarantine with its reason; per collection these add up to what was read.
* Delivered, confirmed and unbilled orders land on the drafts of their months at the prices written on them;
  orders the earlier system billed land on papers of status ``external``; money before equals money after,
  per customer and month, to the paisa, or nothing is kept.
"""
