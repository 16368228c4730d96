"""Set-based writes of receivables. Callers hold the customers' rows; of cash, its own rows are locked here."""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def release_allocations(session: Session, payment_id: UUID, on: date) -> None:
    """Make a payment's chosen money free again from a day on, but not before it was chosen."""
    session.execute(
        text("""
            UPDATE payment_allocations SET released_on = greatest(CAST(:on AS date), allocated_on), updated_at = now()
            WHERE payment_id = :payment AND released_on IS NULL"""),
        {"payment": payment_id, "on": on},
    )


def insert_opening_balances(session: Session, rows: Sequence[dict[str, Any]], entered_by: UUID) -> dict[UUID, UUID]:
    """Write opening balances: customer_id, as_of, amount each. Gives their ids by customer."""
    written = session.execute(
        text("""
            INSERT INTO opening_balances (customer_id, as_of, amount, entered_by)
            SELECT r.customer_id, r.as_of, r.amount, :by
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (customer_id uuid, as_of date, amount numeric)
            RETURNING customer_id, id"""),
        {"rows": json.dumps(rows, default=str), "by": entered_by},
    )
    return {row.customer_id: row.id for row in written}


def insert_payments(session: Session, rows: Sequence[dict[str, Any]], recorded_by: UUID) -> dict[int, tuple[UUID, str]]:
    """Write payments: id, place, customer_id, amount, method, received_on, reference, notes, collected_by each.

    Gives id and number of the receipt by place. Their numbers are taken at once and follow each other in that order
    and what was booked before, as ``next_receipt_no`` gives them one by one: it would write the series' row each time,
    and look at all it wrote before.
    """
    written = session.execute(
        text("""
            WITH given AS MATERIALIZED (
                SELECT row_number() OVER (ORDER BY r.place) AS number, r.*
                FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (id uuid, place integer, customer_id uuid,
                    amount numeric, method text, received_on date, reference text, notes text, collected_by uuid)
                ORDER BY r.place),
            taken AS (
                INSERT INTO receipt_series AS s (series, next_no) VALUES ('R', :count + 1)
                ON CONFLICT (series) DO UPDATE SET next_no = s.next_no + :count
                RETURNING next_no - :count - 1 AS before),
            written AS (
                INSERT INTO payments (id, receipt_no, customer_id, amount, method, received_on, reference, notes,
                    collected_by, recorded_by)
                SELECT g.id, 'R' || lpad((t.before + g.number)::text, 7, '0'), g.customer_id, g.amount, g.method,
                    g.received_on, g.reference, g.notes, g.collected_by, :by
                FROM given g CROSS JOIN taken t ORDER BY g.place
                RETURNING id, receipt_no)
            SELECT g.place, w.id, w.receipt_no FROM written w JOIN given g ON g.id = w.id"""),
        {"rows": json.dumps(rows, default=str), "count": len(rows), "by": recorded_by},
    )
    return {row.place: (row.id, row.receipt_no) for row in written}


def lock_cash(session: Session, staff_id: UUID, through: date) -> dict[UUID, Decimal]:
    """Lock the cash payments that somebody has not handed over, and say what each came to.

    A payment that was settled or reversed while this waited is left out.
    """
    rows = session.execute(
        text("""
            SELECT id, amount FROM payments
            WHERE method = 'cash' AND collected_by = :staff AND cash_settlement_id IS NULL AND status = 'received'
                AND received_on <= :through
            ORDER BY id FOR NO KEY UPDATE"""),
        {"staff": staff_id, "through": through},
    )
    return {row.id: row.amount for row in rows}


def lock_paid_back(session: Session, staff_id: UUID, through: date) -> dict[UUID, Decimal]:
    """Lock the refunds that somebody paid out of his cash and that were not set off, and say what each came to."""
    rows = session.execute(
        text("""
            SELECT id, amount FROM refunds
            WHERE paid_by = :staff AND cash_settlement_id IS NULL AND status = 'paid' AND paid_on <= :through
            ORDER BY id FOR NO KEY UPDATE"""),
        {"staff": staff_id, "through": through},
    )
    return {row.id: row.amount for row in rows}


def settle_cash(session: Session, settlement_id: UUID, payment_ids: Sequence[UUID], refund_ids: Sequence[UUID]) -> None:
    """Put payments, and the refunds that were paid of them, into a settlement."""
    for table, ids in (("payments", payment_ids), ("refunds", refund_ids)):
        session.execute(
            text(f"UPDATE {table} SET cash_settlement_id = :settlement, updated_at = now() WHERE id = ANY (:ids)"),
            {"settlement": settlement_id, "ids": list(ids)},
        )
