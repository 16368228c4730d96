"""Locking an invoice, which draft an adjustment joins, taking one off, and what the portal answered for documents."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.customers.bulk import lock_customers
from dairy_app.invoices.models import Invoice
from dairy_app.invoices.queries.content import E_INVOICE_COLUMNS
from dairy_app.invoices.queries.invoices import get_visible_invoice
from dairy_app.web.access import Actor

if TYPE_CHECKING:
    from dairy_app.invoices.service.e_invoices import DocumentAnswer


def lock_invoice(session: Session, actor: Actor, invoice_id: UUID) -> Invoice:
    """An invoice the actor may see, as it is under the locks of its customer and of itself, in this order.

    Raises ``invoice_not_found``.
    """
    invoice = get_visible_invoice(session, actor, invoice_id)
    lock_customers(session, [invoice.customer_id])
    session.expire(invoice)
    return get_visible_invoice(session, actor, invoice_id, for_update=True)


def draft_of(session: Session, customer_id: UUID, day: date) -> UUID:
    """The draft that something of ``day`` joins, opened when there is none. The caller holds the customer's row."""
    given = {"id": customer_id, "day": day}
    session.execute(text("SELECT open_drafts(ARRAY[CAST(:id AS uuid)], ARRAY[CAST(:day AS date)])"), given)
    draft: UUID = session.scalars(text("SELECT draft_for(CAST(:id AS uuid), CAST(:day AS date))"), given).one()
    return draft


def delete_row(session: Session, adjustment_id: UUID) -> None:
    """Delete an adjustment; the database refuses once its document is issued."""
    session.execute(text("DELETE FROM adjustments WHERE id = :id"), {"id": adjustment_id})


_KEEP = """
UPDATE {documents} d SET irn = w.irn, ack_no = w.ack_no, ack_date = w.ack_date, signed_qr = w.signed_qr,
    updated_at = now()
FROM unnest(CAST(:number AS text[]), CAST(:irn AS text[]), CAST(:ack_no AS text[]), CAST(:ack_date AS timestamptz[]),
    CAST(:signed_qr AS text[])) AS w (number, irn, ack_no, ack_date, signed_qr)
WHERE d.number = w.number AND d.irn IS NULL"""


def keep_answers(session: Session, answers: Sequence["DocumentAnswer"]) -> None:
    """Write the portal's answers on the documents of their numbers. The caller holds their customers' rows."""
    given = {name: [getattr(each.answer, name) for each in answers] for name in E_INVOICE_COLUMNS}
    given["number"] = [each.number for each in answers]
    for documents in ("invoices", "credit_notes", "debit_notes"):
        session.execute(text(_KEEP.format(documents=documents)), given)
