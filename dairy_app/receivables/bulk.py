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


def insert_opening_balances(session: Session, rows: Sequence[dict[str, Any]], entered_by: UUID) -> None:
    """Write opening balances: customer_id, as_of, amount each."""
    session.execute(
        text("""
            INSERT INTO opening_balances (customer_id, as_of, amount, entered_by)
            SELECT r.customer_id, r.as_of, r.amount, :by
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (customer_id uuid, as_of date, amount numeric)"""),
        {"rows": json.dumps(rows, default=str), "by": entered_by},
    )


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
