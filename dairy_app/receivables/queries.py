"""Reading money: payments and what they settle, the ledger and the one balance, what is open, ageing, cash."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, text
from sqlalchemy.orm import Session, aliased

from dairy_app.accounts.models import User
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.receivables.models import CashSettlement, OpeningBalance, Payment, WriteOff
from dairy_app.receivables.policy import COLLECTORS, visible_payments, visible_settlements
from dairy_app.receivables.rules import Claim
from dairy_app.web.access import Actor
from dairy_app.web.pages import Key

_NAMES: tuple[ColumnElement[str], ...] = (Customer.code.label("customer_code"), Customer.name.label("customer_name"))

# ------------------------------------------------------------------------------------------------- payments


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
    if filters["reference"] is not None:
        query = query.where(func.bare_reference(Payment.reference) == func.bare_reference(filters["reference"]))
    if filters["received_from"] is not None:
        query = query.where(Payment.received_on >= filters["received_from"])
    if filters["received_to"] is not None:
        query = query.where(Payment.received_on <= filters["received_to"])
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
SELECT a.debit_kind AS kind, a.debit_id AS document_id, i.number AS document, sum(a.amount) AS amount,
    bool_or(a.is_chosen) AS is_chosen
FROM applications(CAST(:customers AS uuid[]), :as_of) a LEFT JOIN invoices i ON i.id = a.debit_id
WHERE a.credit_kind = 'payment' AND a.credit_id = :payment
GROUP BY 1, 2, 3, i.invoice_date ORDER BY i.invoice_date NULLS FIRST, 3""")


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


def allocated(session: Session, payment_id: UUID) -> Decimal:
    """How much of a payment is chosen for invoices."""
    live = "SELECT coalesce(sum(amount), 0) FROM payment_allocations WHERE payment_id = :id AND released_on IS NULL"
    return Decimal(session.scalars(text(live), {"id": payment_id}).one())


def is_collector(session: Session, user_id: UUID) -> bool:
    """Whether that user's role takes cash. Active or not: yesterday's cash may be of somebody who left today."""
    roles = [role.value for role in COLLECTORS]
    return session.scalar(select(User.id).where(User.id == user_id, User.role.in_(roles))) is not None


# ------------------------------------------------------------------------------------ balances and what is open


def balance(session: Session, customer_id: UUID) -> Decimal:
    """The one balance: the sum of everything in the customer's ledger, in rupees; below 0 it is credit."""
    total = text("SELECT coalesce(sum(debit - credit), 0) FROM customer_ledger WHERE customer_id = :customer")
    return Decimal(session.scalars(total, {"customer": customer_id}).one())


def overdue(session: Session, customer_id: UUID, as_of: date) -> Decimal:
    """How much of what the customer owes was due before a day."""
    total = text("""
        SELECT coalesce(sum(o.open), 0) FROM open_items(CAST(:customers AS uuid[]), :as_of) o
        WHERE o.due_date < :as_of""")
    return Decimal(session.scalars(total, {"customers": [customer_id], "as_of": as_of}).one())


def open_of_invoice(session: Session, customer_id: UUID, invoice_id: UUID, as_of: date) -> RowMapping | None:
    """Number, status, date and what is open of one invoice of the customer."""
    return (
        session.execute(
            text("""
                SELECT i.number, i.status, i.invoice_date, coalesce(o.open, 0) AS open FROM invoices i
                LEFT JOIN open_items(CAST(:customers AS uuid[]), :as_of) o
                    ON o.kind = 'invoice' AND o.document_id = i.id
                WHERE i.id = :invoice AND i.customer_id = :customer"""),
            {"customers": [customer_id], "customer": customer_id, "invoice": invoice_id, "as_of": as_of},
        )
        .mappings()
        .one_or_none()
    )


#: The entries of one customer, each with the balance after it.
_LEDGER = """
SELECT entry_date, place, document_id, kind, document, debit, credit,
    sum(debit - credit) OVER (ORDER BY entry_date, place, document_id) AS balance
FROM customer_ledger WHERE customer_id = :customer"""


def ledger_page(
    session: Session,
    customer_id: UUID,
    *,
    first: date | None,
    last: date | None,
    after: Sequence[Any] | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Entries of one customer from ``first`` to ``last``, oldest first, with the balance after each.

    ``after``: date, place and document id of the entry before.
    """
    day, place, document = after or (None, None, None)
    return (
        session.execute(
            text(f"""
                SELECT * FROM ({_LEDGER}) e
                WHERE entry_date >= coalesce(:first, CAST('-infinity' AS date))
                    AND entry_date <= coalesce(:last, CAST('infinity' AS date))
                    AND (CAST(:day AS date) IS NULL OR (entry_date, place, document_id) > (:day, :place, :document))
                ORDER BY entry_date, place, document_id LIMIT :limit"""),
            {
                "customer": customer_id,
                "first": first,
                "last": last,
                "day": day,
                "place": place,
                "document": document,
                "limit": limit,
            },
        )
        .mappings()
        .all()
    )


def statement(session: Session, customer_id: UUID, first: date, last: date) -> Sequence[RowMapping]:
    """The entries of a span, each with the balance after it; before them one row of kind NULL, the opening."""
    return (
        session.execute(
            text(f"""
                WITH entries AS MATERIALIZED ({_LEDGER} AND entry_date <= :last)
                SELECT NULL AS entry_date, 0 AS place, NULL AS document_id, NULL AS kind, NULL AS document,
                    0 AS debit, 0 AS credit, coalesce(sum(debit - credit), 0) AS balance
                FROM entries WHERE entry_date < :first
                UNION ALL
                SELECT * FROM entries WHERE entry_date >= :first
                ORDER BY entry_date NULLS FIRST, place, document_id"""),
            {"customer": customer_id, "first": first, "last": last},
        )
        .mappings()
        .all()
    )


_BUCKETS = {
    "not_due": "o.due_date >= :as_of",
    "days_1_30": "o.due_date < :as_of AND o.due_date >= CAST(:as_of AS date) - 30",
    "days_31_60": "o.due_date < CAST(:as_of AS date) - 30 AND o.due_date >= CAST(:as_of AS date) - 60",
    "days_61_90": "o.due_date < CAST(:as_of AS date) - 60 AND o.due_date >= CAST(:as_of AS date) - 90",
    "days_over_90": "o.due_date < CAST(:as_of AS date) - 90",
}
AGEING_COLUMNS = (*_BUCKETS, "unapplied_credit", "net")
_SUMS = ", ".join(f"coalesce(sum(o.open) FILTER (WHERE {when}), 0) AS {name}" for name, when in _BUCKETS.items())
_TOTALS = ", ".join(f"coalesce(sum({name}), 0) AS total_{name}" for name in AGEING_COLUMNS)

_WITHIN = """(CAST(:area AS uuid) IS NULL OR c.area_id IN (
        WITH RECURSIVE below AS (
            SELECT CAST(:area AS uuid) AS id UNION SELECT a.id FROM areas a JOIN below b ON a.parent_id = b.id)
        SELECT id FROM below))"""
_LISTED = f"""
WITH owing AS MATERIALIZED (
    SELECT o.customer_id, {_SUMS}, coalesce(-sum(o.open) FILTER (WHERE o.kind = 'credit'), 0) AS unapplied_credit,
        sum(o.open) AS net
    FROM open_items(CAST(:customers AS uuid[]), :as_of) o WHERE o.open <> 0 GROUP BY 1
), listed AS MATERIALIZED (
    SELECT c.code AS customer_code, c.name, c.status, c.phone, w.* FROM owing w JOIN customers c ON c.id = w.customer_id
    WHERE {_WITHIN}
)"""

# Whoever has something open or a credit, whatever the status: who stopped with a balance still owes it.
_FIRST_PAGE = text(f"""{_LISTED}, page AS (
    SELECT * FROM listed ORDER BY customer_code LIMIT :limit
)
SELECT p.*, t.* FROM (SELECT count(*) AS total_customers, {_TOTALS} FROM listed) t
LEFT JOIN page p ON true ORDER BY p.customer_code""")
# Nobody has both something open and a credit: who is listed has a balance, and that is found customer by customer.
_NEXT_CUSTOMERS = text(f"""
SELECT c.id FROM customers c CROSS JOIN LATERAL (
    SELECT sum(l.debit - l.credit) AS balance FROM customer_ledger l
    WHERE l.customer_id = c.id AND l.entry_date <= :as_of) l
WHERE c.code > :after AND l.balance <> 0 AND {_WITHIN} ORDER BY c.code LIMIT :limit""")
_NEXT_PAGE = text(f"{_LISTED} SELECT * FROM listed ORDER BY customer_code")


def ageing_page(
    session: Session, as_of: date, *, area_id: UUID | None, after: str | None, limit: int
) -> tuple[dict[str, Any] | None, Sequence[RowMapping]]:
    """Who owes what for how long, by customer code; with the first page (``after`` None) the totals of all.

    One statement over everybody for the first page; the next ones read no more than they show.
    """
    given: dict[str, Any] = {"as_of": as_of, "area": area_id, "limit": limit, "customers": None}
    if after is None:
        rows = session.execute(_FIRST_PAGE, given).mappings().all()
        totals = {name: rows[0][f"total_{name}"] for name in ("customers", *AGEING_COLUMNS)}
        return totals, [row for row in rows if row["customer_code"] is not None]
    given["customers"] = list(session.scalars(_NEXT_CUSTOMERS, given | {"after": after}))
    return None, session.execute(_NEXT_PAGE, given).mappings().all()


# -------------------------------------------------------------------------------- write-offs, opening balances


def write_off_list(filters: Mapping[str, Any]) -> Select[Any]:
    """Write-offs with code and name of the customer, filtered."""
    query = select(*WriteOff.__table__.columns, *_NAMES).join(Customer, Customer.id == WriteOff.customer_id)
    if filters["customer_id"] is not None:
        query = query.where(WriteOff.customer_id == filters["customer_id"])
    if filters["date_from"] is not None:
        query = query.where(WriteOff.written_off_on >= filters["date_from"])
    if filters["date_to"] is not None:
        query = query.where(WriteOff.written_off_on <= filters["date_to"])
    return query


def opening_balance_list(customer_id: UUID | None) -> Select[Any]:
    """Opening balances with code and name of the customer."""
    query = select(*OpeningBalance.__table__.columns, *_NAMES).join(Customer, Customer.id == OpeningBalance.customer_id)
    return query if customer_id is None else query.where(OpeningBalance.customer_id == customer_id)


def customers_by_code(session: Session, codes: Sequence[str]) -> dict[str, UUID]:
    """The ids of customers by their codes; unknown codes are left out."""
    rows = session.execute(text("SELECT code, id FROM customers WHERE code = ANY (:codes)"), {"codes": list(codes)})
    return {row.code: row.id for row in rows}


def with_opening_balance(session: Session, customer_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the customers that have an opening balance."""
    wanted = text("SELECT customer_id FROM opening_balances WHERE customer_id = ANY (:ids)")
    return set(session.scalars(wanted, {"ids": list(customer_ids)}))


# ----------------------------------------------------------------------------------------------------- cash


def cash_to_hand_over(session: Session, through: date, staff_id: UUID | None) -> Sequence[RowMapping]:
    """Who took how much cash up to a day and has not handed it over; of one person also payment by payment."""
    return (
        session.execute(
            text("""
                SELECT p.collected_by AS staff_id, u.name AS staff_name, sum(p.amount) AS expected,
                    count(*) AS count, min(p.received_on) AS oldest_on,
                    CASE WHEN CAST(:staff AS uuid) IS NULL THEN '[]' ELSE jsonb_agg(jsonb_build_object(
                        'id', p.id, 'receipt_no', p.receipt_no, 'customer_id', p.customer_id,
                        'customer_code', c.code, 'customer_name', c.name, 'received_on', p.received_on,
                        'amount', p.amount::text) ORDER BY p.received_on, p.id) END AS payments
                FROM payments p JOIN users u ON u.id = p.collected_by JOIN customers c ON c.id = p.customer_id
                WHERE p.method = 'cash' AND p.collected_by IS NOT NULL AND p.cash_settlement_id IS NULL
                    AND p.status = 'received' AND p.received_on <= :through
                    AND (CAST(:staff AS uuid) IS NULL OR p.collected_by = :staff)
                GROUP BY 1, 2 ORDER BY 2, 1"""),
            {"through": through, "staff": staff_id},
        )
        .mappings()
        .all()
    )


def settlement_list(actor: Actor, filters: Mapping[str, Any]) -> Select[Any]:
    """The settlements an actor may see, with the names of who handed over and who took it."""
    staff, office = aliased(User), aliased(User)
    query = (
        select(*CashSettlement.__table__.columns, staff.name.label("staff_name"), office.name.label("settled_by_name"))
        .join(staff, staff.id == CashSettlement.staff_id)
        .join(office, office.id == CashSettlement.settled_by)
        .where(visible_settlements(actor))
    )
    if filters["staff_id"] is not None:
        query = query.where(CashSettlement.staff_id == filters["staff_id"])
    if filters["date_from"] is not None:
        query = query.where(CashSettlement.settled_for >= filters["date_from"])
    if filters["date_to"] is not None:
        query = query.where(CashSettlement.settled_for <= filters["date_to"])
    return query
