"""Writes of bank statements, as sets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from dairy_app.collecting.rules.statements import Line

#: Two lines that are really equal are the first and the second of their day; a statement that overlaps counts alike.
_KEEP = text("""
WITH given AS MATERIALIZED (
    SELECT r.*, row_number() OVER (
        PARTITION BY r.day, r.amount, coalesce(bare_reference(r.reference), r.narration) ORDER BY r.line_no
    ) AS day_number
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (line_no integer, day date, amount numeric(12, 2), narration text,
        reference text, balance numeric(14, 2))
), statement AS (
    SELECT uuid7() AS id, count(*) AS lines, min(day) AS first_day, max(day) AS last_day FROM given
), fresh AS MATERIALIZED (
    SELECT g.* FROM given g WHERE NOT EXISTS (SELECT FROM bank_statement_lines l
        WHERE l.account = :account AND l.day = g.day AND l.amount = g.amount AND l.day_number = g.day_number
            AND coalesce(bare_reference(l.reference), l.narration) = coalesce(bare_reference(g.reference), g.narration))
), made AS (
    INSERT INTO bank_statements (id, account, first_day, last_day, line_count, new_lines, uploaded_by)
    SELECT s.id, :account, s.first_day, s.last_day, s.lines, (SELECT count(*) FROM fresh), :by FROM statement s
    RETURNING id
), kept AS (
    INSERT INTO bank_statement_lines (statement_id, account, line_no, day, amount, narration, reference, balance,
        day_number)
    SELECT m.id, :account, f.line_no, f.day, f.amount, f.narration, f.reference, f.balance, f.day_number
    FROM fresh f CROSS JOIN made m ORDER BY f.line_no
    RETURNING 1
)
SELECT id FROM made CROSS JOIN (SELECT count(*) FROM kept) k""")
_LOCK = text("""
SELECT id FROM bank_statement_lines
WHERE statement_id = :statement AND id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE""")
#: Asked once they are locked: who waited does not see with the same statement what the other has booked.
_LOCKED = text("""
SELECT l.id, l.account, l.day, l.amount, l.narration, l.reference, l.payment_id, p.status AS payment_status,
    p.receipt_no
FROM bank_statement_lines l LEFT JOIN payments p ON p.id = l.payment_id
WHERE l.statement_id = :statement AND l.id = ANY (CAST(:ids AS uuid[]))""")
_BOOK = text("""
UPDATE bank_statement_lines l SET payment_id = r.payment_id, accepted_by = :by, accepted_at = now(), updated_at = now(),
    dismissed_by = NULL, dismissed_at = NULL, dismissed_reason = NULL
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (id uuid, payment_id uuid) WHERE l.id = r.id""")

_DISMISS = text("""
UPDATE bank_statement_lines SET dismissed_by = :by, dismissed_at = now(), dismissed_reason = :reason, updated_at = now()
WHERE id = ANY (CAST(:ids AS uuid[]))""")


def lock_account(session: Session, account: str) -> None:
    """Let one statement of an account be kept at a time: the next sees its lines."""
    key = f"statements of {account}"
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def keep_statement(session: Session, account: str, lines: Sequence[Line], by: UUID) -> UUID:
    """Keep a statement with those of its lines that are not known; its id. One statement, however many lines."""
    rows = json.dumps([asdict(each) for each in lines], default=str)
    kept: UUID = session.execute(_KEEP, {"rows": rows, "account": account, "by": by}).scalar_one()
    return kept


def lock_lines(session: Session, statement_id: UUID, line_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Lines of a statement as they are once nobody else has them, with the payment that each is."""
    given = {"statement": statement_id, "ids": [str(each) for each in line_ids]}
    session.execute(_LOCK, given)
    return {row.id: row for row in session.execute(_LOCKED, given)}


def book_lines(session: Session, payments: Mapping[UUID, UUID], by: UUID) -> None:
    """Write as which payment each line is booked."""
    rows = json.dumps([{"id": str(line), "payment_id": str(payment)} for line, payment in payments.items()])
    session.execute(_BOOK, {"rows": rows, "by": by})


def dismiss_lines(session: Session, line_ids: Sequence[UUID], reason: str, by: UUID) -> None:
    """Write that lines are no customer's payments, and what they are."""
    session.execute(_DISMISS, {"ids": [str(each) for each in line_ids], "reason": reason, "by": by})
