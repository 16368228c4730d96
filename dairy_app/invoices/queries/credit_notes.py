"""Reading credit notes and debit notes."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, select, text
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import CreditNote, DebitNote, Invoice
from dairy_app.invoices.rules import month_bounds
from dairy_app.web.access import Actor, Role

Note = type[CreditNote] | type[DebitNote]


def visible_notes(actor: Actor, of: Note) -> Select[Any]:
    """The notes of a kind that an actor may see, with the invoice's number and the customer's code and name."""
    query = (
        select(
            *of.__table__.columns,
            Invoice.number.label("invoice_number"),
            Invoice.invoice_date,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
        )
        .join(Invoice, Invoice.id == of.invoice_id)
        .join(Customer, Customer.id == of.customer_id)
    )
    if actor.role in (Role.ADMIN, Role.ACCOUNTANT):
        return query
    return query.where(of.customer_id == actor.customer_id)


def note_list(
    actor: Actor,
    of: Note = CreditNote,
    *,
    customer_id: list[UUID] | None,
    invoice_id: UUID | None,
    number: str | None,
    period: str | None,
    date_from: date | None,
    date_to: date | None,
) -> Select[Any]:
    """The notes an actor may see, filtered. ``period``: those dated in the month."""
    query = visible_notes(actor, of)
    if customer_id is not None:
        query = query.where(of.customer_id.in_(customer_id))
    if invoice_id is not None:
        query = query.where(of.invoice_id == invoice_id)
    if number is not None:
        query = query.where(of.number == number)
    if period is not None:
        query = query.where(of.note_date.between(*month_bounds(period)))
    if date_from is not None:
        query = query.where(of.note_date >= date_from)
    if date_to is not None:
        query = query.where(of.note_date <= date_to)
    return query


def get_visible_note(session: Session, actor: Actor, note_id: UUID, of: Note = CreditNote) -> RowMapping:
    """A note the actor may see, else 404 ``credit_note_not_found`` or ``debit_note_not_found``."""
    note = session.execute(visible_notes(actor, of).where(of.id == note_id)).mappings().one_or_none()
    if note is None:
        raise Problem("credit_note_not_found" if of is CreditNote else "debit_note_not_found")
    return note


def note_lines(session: Session, note_id: UUID, of: Note = CreditNote) -> Sequence[RowMapping]:
    """The lines of a note, with the goods, HSN, unit, price and rate of the invoice's lines."""
    kind = of.__tablename__.removesuffix("s")
    return (
        session.execute(
            text(f"""
            SELECT k.line_no, k.invoice_line_no, l.product_id, l.description, l.hsn_code, l.unit, l.unit_price,
                l.supply_type, l.gst_rate, k.quantity, k.taxable_value, k.cgst, k.sgst, k.igst, k.line_total
            FROM {kind}_lines k
            JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
            WHERE k.{kind}_id = :id ORDER BY k.line_no"""),
            {"id": note_id},
        )
        .mappings()
        .all()
    )
