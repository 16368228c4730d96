"""What waits in quarantine, kept, counted and taken again.

A document is repaired where it waits (its ``document``), or by what it lacks: its customer, its product. Taken again,
it is judged like one of a dump; what still cannot be placed stays with its reason.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from bson import json_util
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion
from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.legacy_import.shaping.staged import CONTENT_KEY

_OPTIONS = json_util.JSONOptions(
    tz_aware=True,
    tzinfo=UTC,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)

# The hash names a document as it was in its dump, also after a repair: that dump imported again knows it. The object id
# is left out, as the earlier system's own backup does.
RETRIED = """
CREATE TEMPORARY TABLE stage_retried (collection text, key text, legacy_id text, content_hash text, reason text,
    detail text, PRIMARY KEY (collection, key)) ON COMMIT DROP
"""
# What cannot be placed, with the key and the hash under which it waits: a repair may have given it another id.
_WAITING = """
(SELECT s.*, coalesce(r.legacy_id, s.key) AS known_as,
    coalesce(r.content_hash, md5((s.document::jsonb - '_id')::text)) AS hash
FROM {table} s LEFT JOIN stage_retried r ON r.collection = s.collection AND r.key = s.key WHERE s.fate = 'quarantined')
"""
# One document under two keys: a dump names what has no id of its own by its object id, a backup by its content.
_IS_NAMED_OTHERWISE = f"""
(s.collection, s.hash, NOT starts_with(s.known_as, '{CONTENT_KEY}')) IN (
    SELECT collection, content_hash, starts_with(legacy_id, '{CONTENT_KEY}') FROM import_quarantine
    WHERE resolved_at IS NULL)
"""
# Of several documents of one key the latest is taken. A contradiction does not end by waiting: the other document, or
# what named the other customer, is only missing from the quarantine. Until it is repaired its reason stays.
_TAKE = """
INSERT INTO stage_retried
SELECT DISTINCT ON (collection, key) collection, key, legacy_id, content_hash,
    CASE WHEN reason IN ('duplicate_id', 'customer_contradictory') AND md5((document - '_id')::text) = content_hash
        THEN reason END, detail
FROM (SELECT *, coalesce(nullif(CASE jsonb_typeof(document -> 'id') WHEN 'string' THEN document ->> 'id' END, ''),
    legacy_id) AS key FROM import_quarantine WHERE resolved_at IS NULL) q
ORDER BY collection, key, created_at DESC, id
"""
_STAND = """
UPDATE {table} s SET reason = r.reason, detail = r.detail FROM stage_retried r
WHERE r.collection = s.collection AND r.key = s.key AND r.reason IS NOT NULL
"""
_COLLECTIONS = "SELECT DISTINCT collection FROM import_quarantine WHERE resolved_at IS NULL"
_DOCUMENTS = """
SELECT q.legacy_id, q.document::text FROM import_quarantine q
JOIN stage_retried r USING (collection, legacy_id, content_hash)
WHERE q.collection = :collection ORDER BY q.created_at, q.id
"""

_KEEP = f"""
INSERT INTO import_quarantine AS q (collection, legacy_id, reason, detail, document, content_hash)
SELECT DISTINCT ON (collection, known_as, hash) collection, known_as, reason, detail, document::jsonb, hash
FROM {_WAITING} s WHERE NOT {_IS_NAMED_OTHERWISE}
ORDER BY collection, known_as, hash, line
ON CONFLICT (collection, legacy_id, content_hash) DO UPDATE
    SET reason = excluded.reason, detail = excluded.detail, resolved_at = NULL, updated_at = now()
    WHERE (q.reason, q.detail) IS DISTINCT FROM (excluded.reason, excluded.detail) OR q.resolved_at IS NOT NULL
"""
# What a dump says anew of a key resolves whatever waits under it; what was taken again resolves itself alone. Each on
# its own: the key of the one is found by its index among a million rows.
_RESOLVED = """
UPDATE import_quarantine q SET resolved_at = now(), updated_at = now()
FROM {table} s
WHERE s.collection = q.collection AND s.key = q.legacy_id AND s.fate <> 'quarantined' AND q.resolved_at IS NULL
    AND NOT EXISTS (SELECT FROM {table} o
        WHERE o.collection = q.collection AND o.key = q.legacy_id AND o.fate = 'quarantined')
    AND NOT EXISTS (SELECT FROM stage_retried r WHERE r.collection = q.collection AND r.legacy_id = q.legacy_id);
UPDATE import_quarantine q SET resolved_at = now(), updated_at = now()
FROM stage_retried r JOIN {table} s ON s.collection = r.collection AND s.key = r.key
WHERE q.collection = r.collection AND q.legacy_id = r.legacy_id AND q.content_hash = r.content_hash
    AND s.fate <> 'quarantined' AND q.resolved_at IS NULL
"""
_COUNTS = f"""
SELECT s.collection, count(*) FROM {_WAITING} s
WHERE {_IS_NAMED_OTHERWISE} OR EXISTS (SELECT FROM import_quarantine q WHERE q.collection = s.collection
    AND q.legacy_id = s.known_as AND q.content_hash = s.hash AND q.resolved_at IS NULL)
GROUP BY s.collection
"""


class WaitingDocuments:
    """The documents in quarantine, in the place of a dump; of each key the latest."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.files: Mapping[str, Any] = dict.fromkeys(session.scalars(text(_COLLECTIONS)))

    def take(self) -> None:
        """Note which documents are taken: in the transaction of the import, after ``stage_retried`` is made."""
        self._session.execute(text(_TAKE))

    def documents(self, collection: str) -> Iterator[dict[str, Any]]:
        """Every waiting document of a collection; one that never had a key has the one of its quarantine."""
        rows = self._session.execute(
            text(_DOCUMENTS), {"collection": collection}, execution_options={"yield_per": 1000}
        )
        for key, written in rows:
            document: dict[str, Any] = json_util.loads(written, json_options=_OPTIONS)
            if "id" not in document and "_id" not in document:
                document["_id"] = key
            yield document


def stand(session: Session, table: str) -> None:
    """Of the documents taken again, those that only a repair can place keep their reason."""
    session.execute(text(_STAND.format(table=table)))


def keep(session: Session, table: str) -> None:
    """Quarantine what has a reason; what is placed now, after a repair, is marked resolved."""
    session.execute(text(_KEEP.format(table=table)))
    session.execute(text(_RESOLVED.format(table=table)))


def counts(session: Session, table: str) -> dict[str, int]:
    """Documents of a staging table that wait in quarantine, per collection."""
    rows = session.execute(text(_COUNTS.format(table=table)))
    return {row[0]: row[1] for row in rows}
