-- In a database that was restored to an earlier moment, as its owner, before anybody is served: what was given out after
-- that moment is not given a second time. (Documents of invoices have a series instead; docs/backups.md.)
\set ON_ERROR_STOP on
BEGIN;
-- Readers of events may have read on: an event with an id that they know would be passed over without a word.
SELECT setval('event_ids', last_value + 1000000) AS events_from FROM event_ids;
-- Receipts that were printed after the moment. A hole in their numbers is no fault, a number that means two payments is.
UPDATE receipt_series SET next_no = next_no + 1000 RETURNING series, next_no AS receipts_from;
COMMIT;
