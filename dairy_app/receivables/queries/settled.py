"""What has been paid of invoices as of a day: read from ``open_items`` and ``applications``, which receivables own.

amount_paid + credit_applied + balance_due = total of an issued document. Payments are ``amount_paid``; a credit note, a
write-off and an opening credit are ``credit_applied``.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, Uuid, column, select, text
from sqlalchemy.orm import Session

from dairy_app.receivables.rules import payment_status

_SETTLED = text("""
SELECT o.document_id AS invoice_id, o.amount AS total, o.due_date, o.open AS balance_due,
    coalesce(a.amount_paid, 0) AS amount_paid, coalesce(a.credit_applied, 0) AS credit_applied
FROM open_items(CAST(:customers AS uuid[]), :as_of) o
LEFT JOIN (SELECT debit_id, sum(amount) FILTER (WHERE credit_kind = 'payment') AS amount_paid,
        sum(amount) FILTER (WHERE credit_kind <> 'payment') AS credit_applied
    FROM applications(CAST(:customers AS uuid[]), :as_of) GROUP BY 1) a ON a.debit_id = o.document_id
WHERE o.kind = 'invoice' AND o.document_id = ANY (:invoices)""")

_STANDING = text("""
SELECT o.document_id FROM open_items(CAST(:whose AS uuid[]), CAST(:stood_on AS date)) o
WHERE o.kind = 'invoice' AND CASE WHEN o.open = 0 THEN 'paid' WHEN o.due_date < CAST(:stood_on AS date) THEN 'overdue'
    WHEN o.open < o.amount THEN 'partial' ELSE 'unpaid' END = ANY (CAST(:states AS text[]))""")

_PAYMENTS = text("""
SELECT p.id AS payment_id, p.receipt_no, p.received_on, p.method, sum(a.amount) AS amount,
    bool_or(a.is_chosen) AS is_chosen
FROM applications(CAST(:customers AS uuid[]), :as_of) a JOIN payments p ON p.id = a.credit_id
WHERE a.credit_kind = 'payment' AND a.debit_id = :invoice GROUP BY p.id ORDER BY p.received_on, p.id""")

_VOID = {"amount_paid": Decimal(0), "credit_applied": Decimal(0), "balance_due": Decimal(0)}


def with_settlement(session: Session, invoices: Sequence[Mapping[str, Any]], as_of: date) -> list[dict[str, Any]]:
    """Each document with amount_paid, credit_applied, balance_due and payment_status. One statement, however many.

    Nothing of a void document is owed, and it has no status; of a draft there is neither.
    """
    issued = [invoice for invoice in invoices if invoice["status"] == "issued"]
    given = {"customers": list({invoice["customer_id"] for invoice in issued}), "as_of": as_of}
    rows = session.execute(_SETTLED, given | {"invoices": [invoice["id"] for invoice in issued]}).mappings()
    found = {row["invoice_id"]: _with_status(row, as_of) for row in rows}
    return [
        dict(invoice) | found.get(invoice["id"], _VOID if invoice["status"] == "void" else {}) for invoice in invoices
    ]


def invoices_settled_as(states: Sequence[str], customers: Sequence[UUID] | None, as_of: date) -> Select[Any]:
    """The ids of issued documents that are in one of ``states`` on a day, as ``payment_status`` says; one scan."""
    given = {"states": list(states), "whose": None if customers is None else list(customers), "stood_on": as_of}
    return select(_STANDING.bindparams(**given).columns(column("document_id", Uuid())).subquery().c.document_id)


def _with_status(row: RowMapping, as_of: date) -> dict[str, Any]:
    status = payment_status(row["total"], row["balance_due"], row["due_date"], as_of)
    return {name: row[name] for name in _VOID} | {"payment_status": status}


def payments_of(session: Session, customer_id: UUID, invoice_id: UUID, as_of: date) -> Sequence[RowMapping]:
    """The payments that settle an invoice, oldest first, each with as much of it as goes there."""
    given = {"customers": [customer_id], "invoice": invoice_id, "as_of": as_of}
    return session.execute(_PAYMENTS, given).mappings().all()
