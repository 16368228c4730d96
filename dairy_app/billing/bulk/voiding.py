"""Voiding an issued invoice. Callers hold the customer's row."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def void(
    session: Session,
    invoice_id: UUID,
    *,
    reason: str,
    at: datetime,
    on: date,
    voided_by: UUID,
    after_return: bool,
) -> UUID:
    """Void an issued document and its companion; orders and adjustments move to a fresh draft of the same days.

    Returns the draft's id. The row, its number and its lines stay for ever; what was chosen to settle it is free again.
    """
    paper = {"id": invoice_id, "reason": reason, "at": at, "on": on, "by": voided_by, "after_return": after_return}
    session.execute(
        text("""
            UPDATE payment_allocations a
            SET released_on = greatest(CAST(:on AS date), a.allocated_on), updated_at = now()
            FROM invoices i WHERE i.id = a.invoice_id AND (i.id = :id OR i.companion_of = :id)
                AND a.released_on IS NULL"""),
        paper,
    )
    session.execute(
        text("""
            UPDATE invoices SET status = 'void', void_reason = :reason, voided_at = :at, voided_by = :by,
                voided_after_return = :after_return, updated_at = now()
            WHERE id = :id OR companion_of = :id"""),
        paper,
    )
    fresh: UUID = session.scalars(
        text("""
            INSERT INTO invoices (customer_id, period_start, period_end)
            SELECT customer_id, period_start, period_end FROM invoices WHERE id = :id RETURNING id"""),
        paper,
    ).one()
    for table in ("orders", "adjustments"):
        session.execute(
            text(f"UPDATE {table} SET invoice_id = :fresh, updated_at = now() WHERE invoice_id = :id"),
            {"fresh": fresh, "id": invoice_id},
        )
    return fresh
