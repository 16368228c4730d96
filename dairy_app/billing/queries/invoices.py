"""Invoices with what is settled of them, drafts as they would be issued now."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, TextClause, text
from sqlalchemy.orm import Session

from dairy_app.billing.queries.charges import has_rules
from dairy_app.billing.queries.drafts import drafts_with_totals
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Invoice
from dairy_app.invoices.queries.content import LINE_COLUMNS, listed
from dairy_app.invoices.queries.invoices import visible_invoices
from dairy_app.invoices.rules import month_bounds
from dairy_app.receivables.queries.ledger import BALANCE
from dairy_app.receivables.queries.settled import invoices_settled_as
from dairy_app.receivables.rules import PAYMENT_STATES
from dairy_app.web.access import Actor


def settled_by(session: Session, invoice: Invoice, as_of: date) -> Any:
    """What is on a document and its companion: ``paid`` (rupees; payments, credit) and ``corrected`` (whether)."""
    return session.execute(
        text("""
            SELECT coalesce(sum(a.amount) FILTER (WHERE a.credit_kind IN ('payment', 'opening')), 0)::numeric(12,2)
                    AS paid,
                coalesce(bool_or(a.credit_kind IN ('credit_note', 'write_off') AND a.is_chosen), false) AS corrected
            FROM applications(ARRAY[CAST(:customer AS uuid)], :as_of) a
            JOIN invoices i ON i.id = a.debit_id AND (i.id = :id OR i.companion_of = :id)
            WHERE a.debit_kind = 'invoice'"""),
        {"customer": invoice.customer_id, "id": invoice.id, "as_of": as_of},
    ).one()


def computed_lines(session: Session, invoice_id: UUID, today: date) -> Sequence[RowMapping]:
    """The lines a draft would get if it were issued now, each with the document's totals beside it."""
    lines = _computed_lines(charged=has_rules(session))
    return session.execute(lines, {"id": invoice_id, "today": today}).mappings().all()


@cache
def _computed_lines(*, charged: bool) -> TextClause:
    return text(f"""
        {drafts_with_totals("d.id = :id", charged=charged, in_order=True)}
        SELECT {listed((name for name in LINE_COLUMNS if name != "line_no"), "l")},
            row_number() OVER (ORDER BY l.apart, l.line_no) AS line_no,
            t.invoice_date, t.place_of_supply, t.skip_code, t.taxable_value AS paper_taxable_value,
            t.exempt_value, t.cgst AS paper_cgst, t.sgst AS paper_sgst, t.igst AS paper_igst, t.round_off, t.total,
            {BALANCE.format(customer="t.customer_id")} AS previous_balance
        FROM lines l JOIN totals t USING (invoice_id) ORDER BY l.apart, l.line_no""")


def who_got(session: Session, customer_ids: Sequence[UUID]) -> dict[UUID, RowMapping]:
    """Code, name and address of customers, as a section of a document has them."""
    rows = session.execute(
        text("""
            SELECT b.id AS customer_id, b.code, b.name,
                concat_ws(', ', b.address_line1, b.address_line2, b.city) AS address
            FROM customers b WHERE b.id = ANY(:ids)"""),
        {"ids": list(customer_ids)},
    )
    return {row["customer_id"]: row for row in rows.mappings()}


def daily_deliveries(session: Session, invoice_id: UUID) -> Sequence[RowMapping]:
    """Day by day what is on an invoice; of a void one nothing, its orders are on the next document."""
    return (
        session.execute(
            text("""
            SELECT o.delivered_on, o.id AS order_id, o.order_type, i.product_id, g.name AS product_name, g.unit,
                i.delivered_quantity, i.unit_price, round(i.delivered_quantity * i.unit_price, 2) AS amount,
                nullif(o.customer_id, o.payer_id) AS delivered_to
            FROM all_orders o JOIN all_order_items i ON i.order_id = o.id JOIN products g ON g.id = i.product_id
            WHERE o.invoice_id = :id AND i.delivered_quantity > 0
            ORDER BY o.delivered_on, o.id, i.line_no"""),
            {"id": invoice_id},
        )
        .mappings()
        .all()
    )


def invoice_list(
    actor: Actor,
    *,
    as_of: date,
    period: str | None,
    status: list[str] | None,
    customer_id: list[UUID] | None,
    number: str | None,
    payment_status: list[str] | None,
    overdue: bool | None,
    date_from: date | None,
    date_to: date | None,
    updated_since: datetime | None = None,
) -> Select[Any]:
    """The invoices an actor may see, with code and name of the customer, filtered; how they stand as of a day."""
    names = (Customer.code.label("customer_code"), Customer.name.label("customer_name"))
    query = (
        visible_invoices(actor)
        .join(Customer, Customer.id == Invoice.customer_id)
        .with_only_columns(*Invoice.__table__.columns, *names)
    )
    if period is not None:
        # A period lies within one month; by its first day it is found.
        bounds = month_bounds(period)
        query = query.where(Invoice.period_start.between(*bounds), Invoice.period_end.between(*bounds))
    if status is not None:
        query = query.where(Invoice.status.in_(status))
    if customer_id is not None:
        query = query.where(Invoice.customer_id.in_(customer_id))
    if payment_status is not None or overdue is not None:
        wanted = PAYMENT_STATES if payment_status is None else payment_status
        wanted = [state for state in wanted if overdue is None or (state == "overdue") == overdue]
        whose = customer_id if actor.customer_id is None else [actor.customer_id]
        query = query.where(Invoice.id.in_(invoices_settled_as(wanted, whose, as_of)))
    if number is not None:
        query = query.where(Invoice.number == number)
    if date_from is not None:
        query = query.where(Invoice.invoice_date >= date_from)
    if date_to is not None:
        query = query.where(Invoice.invoice_date <= date_to)
    if updated_since is not None:
        query = query.where(Invoice.updated_at >= updated_since)
    return query
