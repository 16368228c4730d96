"""Reading documents whole, many at a time, in a constant number of statements."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.documents.drawing.document import (
    Account,
    Delivery,
    Document,
    Line,
    Reference,
    Registered,
    parties,
    sections_of,
)
from dairy_app.documents.models import InvoiceLink
from dairy_app.invoices.rules import month_bounds
from dairy_app.web.access import Actor, Role

_HEADS = """
SELECT i.id, i.customer_id, coalesce(i.companion_of, i.id) AS main_id, i.document_type, i.number, i.invoice_date,
    i.due_date, i.period_start, i.period_end, i.status, i.void_reason, i.voided_at, i.snapshot, i.place_of_supply,
    i.taxable_value, i.exempt_value, i.cgst, i.sgst, i.igst, i.round_off, i.total,
    o.id AS other_id, o.number AS other_number, o.document_type AS other_type, o.invoice_date AS other_date,
    o.total AS other_total, i.irn, i.ack_no, i.ack_date, i.signed_qr, c.language, s.invoice_footer, s.time_zone
FROM invoices i
JOIN customers c ON c.id = i.customer_id
CROSS JOIN settings s
LEFT JOIN LATERAL (
    SELECT * FROM invoices WHERE companion_of = i.id UNION ALL SELECT * FROM invoices WHERE id = i.companion_of
) o ON o.number IS NOT NULL
WHERE i.id = ANY(:ids) AND i.status IN ('issued', 'void')"""

_LINES = """
SELECT l.invoice_id, l.description, l.hsn_code, l.unit, l.quantity, l.unit_price, l.discount, l.gst_rate, l.supply_type,
    l.taxable_value, l.cgst, l.sgst, l.igst, l.line_total, l.gross_amount, l.source, l.prior_period, l.first_date,
    l.last_date
FROM invoice_lines l WHERE l.invoice_id = ANY(:ids) ORDER BY l.invoice_id, l.line_no"""

# Orders are on the first of two documents; each shows the days of its own goods, by the name they had at issue.
_DELIVERIES = """
SELECT p.id AS invoice_id, o.delivered_on, l.description, i.delivered_quantity, l.unit, i.unit_price,
    round(i.delivered_quantity * i.unit_price, 2) AS amount,
    CASE WHEN o.customer_id <> o.payer_id THEN coalesce((SELECT s ->> 'name'
        FROM jsonb_array_elements(p.snapshot -> 'sections') s WHERE s ->> 'customer_id' = o.customer_id::text),
        (SELECT b.name FROM customers b WHERE b.id = o.customer_id)) END AS got_by
FROM invoices p
JOIN all_orders o ON o.invoice_id = coalesce(p.companion_of, p.id)
JOIN all_order_items i ON i.order_id = o.id AND i.delivered_quantity > 0
JOIN LATERAL (
    SELECT l.description, l.unit FROM invoice_lines l
    WHERE l.invoice_id = p.id AND l.product_id = i.product_id ORDER BY l.line_no LIMIT 1
) l ON true
WHERE p.id = ANY(:ids)
ORDER BY p.id, nullif(o.customer_id, o.payer_id) NULLS FIRST, o.delivered_on, o.id, i.line_no"""

#: One row a document: what the ledger says of it. The customers are in the statement, so that their rows are found by
#: index. A document issued later is told by when it was issued, not by its date: the balance before it knew no other.
ACCOUNTS = """
WITH items AS MATERIALIZED (
    SELECT customer_id, kind, document_id, open
    FROM open_items(CAST(:customers AS uuid[]), CAST(:as_of AS date))
), balances AS (
    SELECT customer_id, sum(open) AS balance FROM items GROUP BY 1
)
SELECT i.id, coalesce(b.balance, 0) AS balance, coalesce(own.open, 0) AS open, m.previous_balance AS previous,
    m.total + coalesce(o.total, 0) AS documents, later.total AS later
FROM invoices i
JOIN invoices m ON m.id = coalesce(i.companion_of, i.id)
LEFT JOIN invoices o ON o.companion_of = m.id
LEFT JOIN balances b ON b.customer_id = i.customer_id
LEFT JOIN items own ON own.kind = 'invoice' AND own.document_id = i.id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.total), 0) AS total FROM (
        SELECT n.total FROM invoices n
        WHERE n.customer_id = i.customer_id AND n.status = 'issued' AND n.invoice_date <= :as_of
            AND n.id <> m.id AND n.companion_of IS DISTINCT FROM m.id
            AND (n.issued_at, n.invoice_date, n.sequence_no) > (m.issued_at, m.invoice_date, m.sequence_no)
        UNION ALL
        SELECT n.total FROM debit_notes n
        WHERE n.customer_id = i.customer_id AND n.note_date <= :as_of AND n.issued_at > m.issued_at
    ) l
) later
WHERE i.id = ANY(:ids) AND i.status = 'issued'"""


def read_documents(session: Session, ids: Sequence[UUID], as_of: date) -> list[Document]:
    """The documents of issued and void invoices, in the order of ``ids``; others are left out. Four statements."""
    given = {"ids": list(ids)}
    heads = {row.id: row for row in session.execute(text(_HEADS), given)}
    accounts = read_accounts(session, list(heads), [row.customer_id for row in heads.values()], as_of)
    lines: dict[UUID, list[Line]] = {}
    for invoice_id, *values in session.execute(text(_LINES), given):
        lines.setdefault(invoice_id, []).append(Line(*values))
    deliveries: dict[UUID, list[Delivery]] = {}
    for invoice_id, *values in session.execute(text(_DELIVERIES), given):
        deliveries.setdefault(invoice_id, []).append(Delivery(*values))
    return [
        replace(
            _document(heads[each]), lines=lines[each], deliveries=deliveries.get(each, ()), account=accounts.get(each)
        )
        for each in ids
        if each in heads
    ]


def read_accounts(session: Session, ids: Sequence[UUID], customers: Sequence[UUID], as_of: date) -> dict[UUID, Account]:
    """The account of each issued one of these invoices of these customers, as of a day. One statement."""
    rows = session.execute(
        text(ACCOUNTS), {"ids": list(ids), "customers": sorted(set(customers)), "as_of": as_of}
    ).all()
    return {
        row.id: Account(
            as_of=as_of,
            previous=row.previous,
            documents=row.documents,
            received=row.previous + row.documents + row.later - row.balance,
            later=row.later,
            balance=row.balance,
            open=row.open,
        )
        for row in rows
    }


_AMOUNTS = ("place_of_supply", "taxable_value", "exempt_value", "cgst", "sgst", "igst", "round_off", "total")


def _amounts(row: Any) -> dict[str, Any]:
    """What invoices and notes all state: place of supply, values, taxes, round-off, total."""
    return {name: getattr(row, name) for name in _AMOUNTS}


def _registered(row: Row[Any]) -> Registered | None:
    """What the government's portal answered for an invoice or a note; None: nothing."""
    if row.irn is None:
        return None
    return Registered(row.irn, row.ack_no, row.ack_date.astimezone(ZoneInfo(row.time_zone)).date(), row.signed_qr)


def _document(row: Row[Any]) -> Document:
    seller, buyer = parties(row.snapshot)
    other = None
    if row.other_id is not None:
        other = Reference(row.other_id, row.other_number, row.other_type, row.other_date, row.other_total)
    void = None
    if row.status == "void":
        void = (row.voided_at.astimezone(ZoneInfo(row.time_zone)).date(), row.void_reason)
    return Document(
        id=row.id,
        document_type=row.document_type,
        number=row.number,
        day=row.invoice_date,
        seller=seller,
        buyer=buyer,
        **_amounts(row),
        lines=(),
        due_date=row.due_date,
        period=(row.period_start, row.period_end),
        void=void,
        companion=other,
        registered=_registered(row),
        sections=sections_of(row.snapshot),
        footer=row.invoice_footer,
        language=row.language,
    )


_NOTE = """
SELECT n.id, n.number, n.note_date, n.reason, n.snapshot, n.place_of_supply, n.taxable_value, n.exempt_value, n.cgst,
    n.sgst, n.igst, {round_off} AS round_off, {due_date} AS due_date, n.total, n.invoice_id,
    i.number AS invoice_number, i.document_type, i.invoice_date, i.total AS invoice_total,
    n.irn, n.ack_no, n.ack_date, n.signed_qr, c.language, s.invoice_footer, s.time_zone
FROM {kind}s n
JOIN invoices i ON i.id = n.invoice_id
JOIN customers c ON c.id = n.customer_id
CROSS JOIN settings s
WHERE n.id = :id"""

_NOTE_LINES = """
SELECT l.description, l.hsn_code, l.unit, k.quantity, l.unit_price, 0.00 AS discount, l.gst_rate, l.supply_type,
    k.taxable_value, k.cgst, k.sgst, k.igst, k.line_total,
    coalesce(round(k.quantity * l.unit_price, 2), k.line_total) AS gross_amount, l.source, l.prior_period,
    l.first_date, l.last_date, CASE WHEN l.delivered_to IS NOT NULL THEN (SELECT s ->> 'name'
        FROM jsonb_array_elements(i.snapshot -> 'sections') s WHERE s ->> 'customer_id' = l.delivered_to::text) END
FROM {kind}_lines k
JOIN invoices i ON i.id = k.invoice_id
JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
WHERE k.{kind}_id = :id ORDER BY k.line_no"""


#: What one kind of note has, and the other not.
_APART = {
    "credit_note": {"round_off": "n.round_off", "due_date": "NULL::date"},
    "debit_note": {"round_off": "0.00", "due_date": "n.due_date"},
}


def read_note(session: Session, actor: Actor, note_id: UUID, kind: str = "credit_note") -> Document:
    """The document of a note that the actor may see, else 404 ``credit_note_not_found`` or ``debit_note_not_found``.

    ``kind``: credit_note or debit_note. Two statements.
    """
    note = _NOTE.format(kind=kind, **_APART[kind])
    whole = actor.role in (Role.ADMIN, Role.ACCOUNTANT)
    own = "" if whole else " AND n.customer_id = :customer_id"
    row = session.execute(text(note + own), {"id": note_id, "customer_id": actor.customer_id}).one_or_none()
    if row is None:
        raise Problem("credit_note_not_found" if kind == "credit_note" else "debit_note_not_found")
    seller, buyer = parties(row.snapshot)
    lines = [Line(*values) for values in session.execute(text(_NOTE_LINES.format(kind=kind)), {"id": note_id})]
    return Document(
        id=row.id,
        document_type=kind,
        number=row.number,
        day=row.note_date,
        seller=seller,
        buyer=buyer,
        **_amounts(row),
        lines=lines,
        original=Reference(row.invoice_id, row.invoice_number, row.document_type, row.invoice_date, row.invoice_total),
        reason=row.reason,
        due_date=row.due_date,
        registered=_registered(row),
        footer=row.invoice_footer,
        language=row.language,
    )


_PERIOD = "i.status IN ('issued', 'void') AND i.period_end BETWEEN :first AND :last"


def count_of_period(session: Session, period: str) -> int:
    """How many documents a month has."""
    return int(session.scalars(text(f"SELECT count(*) FROM invoices i WHERE {_PERIOD}"), _bounds(period)).one())


def documents_of_period(session: Session, period: str, after: UUID | None, limit: int) -> list[UUID]:
    """Ids of issued and void documents whose period ends in a month, by id; the next ones after ``after``."""
    found = session.scalars(
        text(f"""
            SELECT i.id FROM invoices i
            WHERE {_PERIOD} AND (CAST(:after AS uuid) IS NULL OR i.id > :after) ORDER BY i.id LIMIT :limit"""),
        {**_bounds(period), "after": after, "limit": limit},
    )
    return list(found)


def _bounds(period: str) -> dict[str, date]:
    first, last = month_bounds(period)
    return {"first": first, "last": last}


_ADDRESSED = """
SELECT i.id, i.customer_id, i.number, i.invoice_date, i.due_date, i.period_start, i.period_end, i.snapshot,
    i.total + coalesce(o.total, 0) AS total, c.language, c.phone, c.email,
    'bill' = ANY (c.messages_off) AS is_off,
    coalesce((SELECT k.revocations FROM invoice_links k WHERE k.invoice_id = i.id), 0) AS revocations,
    o.id AS companion_id
FROM invoices i
JOIN customers c ON c.id = i.customer_id
LEFT JOIN invoices o ON o.companion_of = i.id
WHERE i.status = 'issued' AND i.companion_of IS NULL AND {which}
ORDER BY c.code, i.period_start"""


def addressed(
    session: Session, *, invoice_id: UUID | None = None, run_id: UUID | None = None, lock: bool = False
) -> Sequence[Row[Any]]:
    """Issued documents of one id or one run, with where their customer is reached now. Of two documents the first.

    With ``lock`` none of them is made void until the transaction ends.
    """
    which = "i.id = :id" if run_id is None else "i.billing_run_id = :id"
    statement = _ADDRESSED.format(which=which) + (" FOR SHARE OF i" if lock else "")
    return session.execute(text(statement), {"id": run_id or invoice_id}).all()


def main_document(session: Session, invoice_id: UUID) -> UUID:
    """The first of two documents; of a single one itself."""
    found: UUID = session.scalars(
        text("SELECT coalesce(companion_of, id) FROM invoices WHERE id = :id"), {"id": invoice_id}
    ).one()
    return found


def revocations(session: Session, invoice_id: UUID) -> int:
    """How often the links of an invoice were revoked."""
    found = session.scalar(select(InvoiceLink.revocations).where(InvoiceLink.invoice_id == invoice_id))
    return found or 0


_ONLINE = text("""
SELECT url, amount FROM payment_links
WHERE invoice_id = :invoice AND status = 'created' AND expires_at > :moment AND amount <= :open
ORDER BY id DESC LIMIT 1""")


def online_link(session: Session, document: Document, moment: datetime) -> Row[Any] | None:
    """The page of a gateway on which an invoice can be paid now, with its rupees: no more than is open of it."""
    if document.account is None or document.void is not None:
        return None
    given = {"invoice": document.id, "moment": moment, "open": document.account.open}
    return session.execute(_ONLINE, given).one_or_none()
