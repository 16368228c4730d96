"""Reading invoices: whose an actor may see, and their frozen lines."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, Text, func, select, text
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Invoice
from dairy_app.invoices.queries.content import LINE_COLUMNS, listed
from dairy_app.web.access import Actor, Role
from dairy_app.web.pages import Key


def get_visible_invoice(session: Session, actor: Actor, invoice_id: UUID, *, for_update: bool = False) -> Invoice:
    """An invoice the actor may see: admin and accountant all, a customer its own numbered ones. Else 404."""
    query = visible_invoices(actor).where(Invoice.id == invoice_id)
    if for_update:
        query = query.with_for_update(key_share=True)
    invoice: Invoice | None = session.scalars(query).one_or_none()
    if invoice is None:
        raise Problem("invoice_not_found")
    return invoice


def visible_invoices(actor: Actor) -> Select[Any]:
    """The invoices an actor may see. A customer's drafts are still work of the office."""
    query = select(Invoice)
    if actor.role in (Role.ADMIN, Role.ACCOUNTANT):
        return query
    return query.where(Invoice.customer_id == actor.customer_id, Invoice.status.in_(("issued", "void")))


def stored_lines(session: Session, invoice_id: UUID) -> Sequence[RowMapping]:
    """The frozen lines of an issued or void invoice."""
    return (
        session.execute(
            text(f"SELECT {listed(LINE_COLUMNS)} FROM invoice_lines WHERE invoice_id = :id ORDER BY line_no"),
            {"id": invoice_id},
        )
        .mappings()
        .all()
    )


def invoice_keys(sort: str) -> list[Key]:
    """What a list of invoices in this order is read by; all but the id are to be selected besides."""
    drafts_too: dict[str, ColumnElement[Any]] = {
        "period_start": Invoice.__table__.c.period_start,
        "invoice_date": func.coalesce(Invoice.invoice_date, Invoice.period_end),
        "due_date": func.coalesce(Invoice.due_date, Invoice.period_end),
        "total": func.coalesce(Invoice.total, 0, type_=Invoice.__table__.c.total.type),
        "customer_name": func.lower(Customer.name, type_=Text()),
    }
    return [drafts_too[sort.removeprefix("-")].label("sorted_by"), Invoice.__table__.c.id]


def customer_names(session: Session, customer_id: UUID) -> RowMapping:
    """Code and name of an invoice's customer."""
    names = select(Customer.code.label("customer_code"), Customer.name.label("customer_name"))
    return session.execute(names.where(Customer.id == customer_id)).mappings().one()
