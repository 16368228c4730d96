"""Which draft an adjustment joins, and taking one off. Callers hold the customer's row."""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def draft_of(session: Session, customer_id: UUID, day: date) -> UUID:
    """The draft that something of ``day`` joins, opened when there is none."""
    given = {"id": customer_id, "day": day}
    session.execute(text("SELECT open_drafts(ARRAY[CAST(:id AS uuid)], ARRAY[CAST(:day AS date)])"), given)
    draft: UUID = session.scalars(text("SELECT draft_for(CAST(:id AS uuid), CAST(:day AS date))"), given).one()
    return draft


def delete(session: Session, adjustment_id: UUID) -> None:
    """Delete the row; the database refuses once its paper is issued."""
    session.execute(text("DELETE FROM adjustments WHERE id = :id"), {"id": adjustment_id})
