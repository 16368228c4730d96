"""Reading payments and what they settle."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select, text
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.receivables.models import Payment, PaymentAllocation
from dairy_app.receivables.policy import visible_payments
from dairy_app.receivables.rules import Claim
from dairy_app.web.access import Actor
from dairy_app.web.pages import Key

_NAMES: tuple[ColumnElement[str], ...] = (Customer.code.label("customer_code"), Customer.name.label("customer_name"))


def get_visible_payment(session: Session, actor: Actor, payment_id: UUID, *, lock: bool = False) -> Payment:
    """A payment the actor may see, or 404 ``payment_not_found``; with ``lock`` as it is once nobody else has it."""
    query = select(Payment).where(Payment.id == payment_id, visible_payments(actor))
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    payment = session.scalars(query).one_or_none()
    if payment is None:
        raise Problem("payment_not_found")
    return payment


def receipt_of_reference(session: Session, customer_id: UUID, method: str, reference: str) -> str | None:
    """The receipt that has this reference already: of anybody, but a cheque's number is only one in its own book."""
    query = select(Payment.receipt_no).where(
        func.bare_reference(Payment.reference) == func.bare_reference(reference), Payment.status == "received"
    )
    if method == "cheque":
        query = query.where(Payment.method == "cheque", Payment.customer_id == customer_id)
    else:
        query = query.where(Payment.method != "cash", Payment.method != "cheque")
    return session.scalars(query).first()


def receipts_of(session: Session, wanted: Sequence[dict[str, Any]]) -> Sequence[Row[Any]]:
    """Of payments that are wanted (place, customer_id, amount, method, received_on, reference) place, bare reference
    and the receipt that each has already, as ``receipt_of_reference`` says it: its number, amount and customer.

    Cash, and what has no reference, has the receipt of the same customer, day, amount and method. One statement.
    """
    return session.execute(_RECEIPTS, {"rows": json.dumps(wanted, default=str)}).all()


_RECEIPTS = text("""
WITH given AS MATERIALIZED (
    SELECT r.*, bare_reference(r.reference) AS bare, r.reference IS NOT NULL AND r.method <> 'cash' AS is_referred
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (place integer, customer_id uuid, amount numeric, method text,
        received_on date, reference text))
SELECT DISTINCT ON (g.place) g.place, g.bare AS reference, p.receipt_no, p.amount, p.customer_id,
       c.code AS customer_code
FROM given g LEFT JOIN LATERAL (
    SELECT p.receipt_no, p.amount, p.customer_id FROM payments p
    WHERE g.is_referred AND p.reference IS NOT NULL AND bare_reference(p.reference) = g.bare AND p.status = 'received'
        AND CASE g.method WHEN 'cheque' THEN p.method = 'cheque' AND p.customer_id = g.customer_id
            ELSE p.method NOT IN ('cash', 'cheque') END
    UNION ALL
    SELECT p.receipt_no, p.amount, p.customer_id FROM payments p
    WHERE NOT g.is_referred AND p.customer_id = g.customer_id AND p.received_on = g.received_on
        AND p.amount = g.amount AND p.method = g.method AND p.reference IS NOT DISTINCT FROM g.reference
        AND p.status = 'received'
) p ON true LEFT JOIN customers c ON c.id = p.customer_id
ORDER BY g.place, p.receipt_no""")


def payment_list(actor: Actor, filters: Mapping[str, Any]) -> Select[Any]:
    """The payments an actor may see, with code and name of the customer, filtered."""
    query = (
        select(*Payment.__table__.columns, *_NAMES)
        .join(Customer, Customer.id == Payment.customer_id)
        .where(visible_payments(actor))
    )
    for name in ("customer_id", "method", "status", "collected_by"):
        if filters[name] is not None:
            query = query.where(getattr(Payment, name).in_(filters[name]))
    if filters["receipt_no"] is not None:
        query = query.where(Payment.receipt_no == filters["receipt_no"])
    if filters["reference"] is not None:
        query = query.where(Payment.reference.is_not(None))  # else no index serves
        query = query.where(func.bare_reference(Payment.reference) == func.bare_reference(filters["reference"]))
    if filters["received_from"] is not None:
        query = query.where(Payment.received_on >= filters["received_from"])
    if filters["received_to"] is not None:
        query = query.where(Payment.received_on <= filters["received_to"])
    if filters.get("updated_since") is not None:
        query = query.where(Payment.updated_at >= filters["updated_since"])
    return query


def payment_keys(sort: str) -> list[Key]:
    """What a list of payments in this order is read by."""
    first: dict[str, Key] = {
        "received_on": Payment.received_on,
        "amount": Payment.amount,
        "customer_name": _NAMES[1],
    }
    return [first[sort.removeprefix("-")], Payment.id]


def payment_view(session: Session, payment: Payment, as_of: date) -> dict[str, Any]:
    """A payment with what was chosen for it and everything it settles as of a day. Three statements."""
    fields = {column.key: getattr(payment, column.key) for column in Payment.__table__.columns}
    names = session.execute(select(*_NAMES).where(Customer.id == payment.customer_id)).mappings().one()
    chosen = session.execute(_ALLOCATIONS, {"payment": payment.id}).mappings().all()
    given = {"customers": [payment.customer_id], "payment": payment.id, "as_of": as_of}
    applied = session.execute(_APPLIED, given).mappings().all()
    used = sum((each["amount"] for each in applied), Decimal(0))
    left = payment.amount - used if payment.status == "received" else Decimal(0)
    return {**fields, **names, "allocations": chosen, "applications": applied, "unapplied": left}


_ALLOCATIONS = text("""
SELECT a.id, a.invoice_id, i.number AS invoice_number, a.amount, a.allocated_on, a.released_on
FROM payment_allocations a JOIN invoices i ON i.id = a.invoice_id
WHERE a.payment_id = :payment ORDER BY a.allocated_on, a.id""")
_APPLIED = text("""
SELECT a.debit_kind AS kind, a.debit_id AS document_id, coalesce(i.number, n.number, r.voucher_no) AS document,
    sum(a.amount) AS amount, bool_or(a.is_chosen) AS is_chosen
FROM applications(CAST(:customers AS uuid[]), :as_of) a
LEFT JOIN invoices i ON i.id = a.debit_id LEFT JOIN debit_notes n ON n.id = a.debit_id
LEFT JOIN refunds r ON r.id = a.debit_id
WHERE a.credit_kind = 'payment' AND a.credit_id = :payment
GROUP BY 1, 2, 3, i.invoice_date, n.note_date, r.paid_on
ORDER BY coalesce(i.invoice_date, n.note_date, r.paid_on) NULLS FIRST, 3""")


def claims(
    session: Session, customer_id: UUID, payment_id: UUID, invoice_ids: Sequence[UUID], as_of: date
) -> dict[UUID, Claim]:
    """What each invoice of the customer still takes of one payment: what is open, and what the payment settles
    there by being the oldest money."""
    rows = session.execute(
        text("""
            SELECT i.id, i.number, i.status, coalesce(o.open, 0) + coalesce(a.amount, 0) AS takes
            FROM invoices i
            LEFT JOIN open_items(CAST(:customers AS uuid[]), :as_of) o ON o.kind = 'invoice' AND o.document_id = i.id
            LEFT JOIN (SELECT debit_id, sum(amount) AS amount FROM applications(CAST(:customers AS uuid[]), :as_of)
                WHERE credit_kind = 'payment' AND credit_id = :payment AND debit_kind = 'invoice' AND NOT is_chosen
                GROUP BY 1) a ON a.debit_id = i.id
            WHERE i.id = ANY (:invoices) AND i.customer_id = :customer"""),
        {
            "customers": [customer_id],
            "customer": customer_id,
            "payment": payment_id,
            "invoices": list(invoice_ids),
            "as_of": as_of,
        },
    )
    return {row.id: Claim(row.number, row.status, row.takes) for row in rows}


def paid_back(session: Session, customer_id: UUID, payment_id: UUID, as_of: date) -> Decimal:
    """How much of a payment was given back to the customer as a refund."""
    wanted = text("""
        SELECT coalesce(sum(amount), 0) FROM applications(CAST(:customers AS uuid[]), :as_of)
        WHERE credit_kind = 'payment' AND credit_id = :payment AND debit_kind = 'refund'""")
    given = {"customers": [customer_id], "payment": payment_id, "as_of": as_of}
    return Decimal(session.scalars(wanted, given).one())


def payment_of_event(session: Session, client_event_id: UUID) -> Payment | None:
    """The payment that was noted under a phone's key."""
    return session.scalars(select(Payment).where(Payment.client_event_id == client_event_id)).one_or_none()


def allocated(session: Session, payment_id: UUID) -> Decimal:
    """How much of a payment is chosen for invoices."""
    live = "SELECT coalesce(sum(amount), 0) FROM payment_allocations WHERE payment_id = :id AND released_on IS NULL"
    return Decimal(session.scalars(text(live), {"id": payment_id}).one())


def get_allocation(session: Session, payment_id: UUID, allocation_id: UUID) -> PaymentAllocation:
    """An allocation of a payment. Raises ``payment_not_found`` when it is another payment's, too."""
    wanted = select(PaymentAllocation).where(
        PaymentAllocation.id == allocation_id, PaymentAllocation.payment_id == payment_id
    )
    allocation = session.scalars(wanted).one_or_none()
    if allocation is None:
        raise Problem("payment_not_found", "The payment has no such allocation.")
    return allocation
