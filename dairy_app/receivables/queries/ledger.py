"""What a customer owes: the ledger, the balance, the statement."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session


def balance(session: Session, customer_id: UUID) -> Decimal:
    """The one balance: the sum of everything in the customer's ledger, in rupees; below 0 it is credit."""
    total = text("SELECT coalesce(sum(debit - credit), 0) FROM customer_ledger WHERE customer_id = :customer")
    return Decimal(session.scalars(total, {"customer": customer_id}).one())


def balances(session: Session, customer_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """``balance`` of many customers, in one statement; who never had an entry is not among them."""
    totals = text("""
        SELECT customer_id, sum(debit - credit) AS balance FROM customer_ledger
        WHERE customer_id = ANY (:customers) GROUP BY customer_id""")
    return {row.customer_id: row.balance for row in session.execute(totals, {"customers": list(customer_ids)})}


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


#: What the customer owes: the sum of the ledger.
BALANCE = """coalesce((SELECT sum(b.debit - b.credit) FROM customer_ledger b
        WHERE b.customer_id = {customer}), 0)::numeric(24,2)"""

# Invoices count for the month of their period, whatever their date; everything else for the month of its own date.
_MONTH = """
SELECT l.customer_id, coalesce(sum(l.debit - l.credit) FILTER (WHERE l.entry_date < :first_day), 0) AS before,
    coalesce(sum(l.credit - l.debit) FILTER (WHERE l.entry_date >= :first_day
        AND l.kind IN ('payment', 'reversal')), 0) AS paid,
    coalesce(sum(l.debit - l.credit) FILTER (WHERE l.entry_date >= :first_day
        AND l.kind NOT IN ('payment', 'reversal')), 0) AS other_entries
FROM customer_ledger l
WHERE l.customer_id = ANY(CAST(:customers AS uuid[])) AND l.entry_date <= :last_day
    AND l.kind NOT IN ('invoice', 'void')
GROUP BY 1"""

_OVERDUE = """
SELECT DISTINCT o.customer_id FROM open_items(CAST(:customers AS uuid[]), :as_of) o
WHERE o.open > 0 AND o.due_date < :as_of"""


def month_of_ledger(session: Session, customer_ids: Sequence[UUID], first: date, last: date) -> dict[UUID, RowMapping]:
    """By customer, without invoices: what was owed ``before`` the month, ``paid`` and ``other_entries`` in it."""
    given = {"customers": list(customer_ids), "first_day": first, "last_day": last}
    return {row["customer_id"]: row for row in session.execute(text(_MONTH), given).mappings()}


def customers_overdue(session: Session, customer_ids: Sequence[UUID], as_of: date) -> set[UUID]:
    """Those of the customers of whom something is open after its due date."""
    return set(session.scalars(text(_OVERDUE), {"customers": list(customer_ids), "as_of": as_of}))
