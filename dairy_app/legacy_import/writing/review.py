"""Moving an order from an external invoice to a draft."""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_OPEN = text("SELECT open_drafts(ARRAY[payer_for(:customer, :on)]::uuid[], ARRAY[:on]::date[])")
_REBILL = text("""
UPDATE orders SET invoice_id = draft_for(payer_for(customer_id, delivered_on), delivered_on), updated_at = now()
WHERE id = :order RETURNING invoice_id""")


def move_to_draft(session: Session, customer_id: UUID, order_id: UUID, on: date) -> UUID:
    """Move a locked order to the draft of its day, opened when there is none; the draft's id."""
    session.execute(_OPEN, {"customer": customer_id, "on": on})
    draft: UUID = session.scalars(_REBILL, {"order": order_id}).one()
    return draft
