"""Messages as the office reads them, why one is not sent any more, and of what customers are to be reminded."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, case, null, select, text
from sqlalchemy.orm import Session

from dairy_app.accounts.models import User
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Invoice
from dairy_app.outbox.models import OutboxMessage
from dairy_app.sending.models import MessageKind, ReminderRule

_SHOWN = [column for column in OutboxMessage.__table__.columns if column.name not in ("body", "told", "dedupe_key")]


def _messages() -> Select[Any]:
    """Messages, each with code and name of its customer, the name of its login, and the number of its bill.

    The text of a secret one is not read.
    """
    return (
        select(
            *_SHOWN,
            case((OutboxMessage.secret, null()), else_=OutboxMessage.body).label("shown_body"),
            OutboxMessage.last_error.label("error"),
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            User.name.label("user_name"),
            Invoice.number.label("invoice_number"),
        )
        .outerjoin(Customer, Customer.id == OutboxMessage.customer_id)
        .outerjoin(User, User.id == OutboxMessage.user_id)
        .outerjoin(Invoice, Invoice.id == OutboxMessage.invoice_id)
    )


def outbox(
    *,
    status: str | None,
    channel: str | None,
    kind: str | None,
    invoice_id: UUID | None,
    customer_id: UUID | None,
    user_id: UUID | None,
    billing_run_id: UUID | None,
) -> Select[Any]:
    """Messages, filtered."""
    query = _messages()
    wanted = {"status": status, "channel": channel, "kind": kind, "invoice_id": invoice_id}
    wanted |= {"customer_id": customer_id, "user_id": user_id}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(OutboxMessage.__table__.c[name] == value)
    if billing_run_id is not None:
        of_run = select(Invoice.id).where(Invoice.billing_run_id == billing_run_id)
        query = query.where(OutboxMessage.invoice_id.in_(of_run))
    return query


def message(session: Session, message_id: UUID) -> Any:
    """One message; 404 ``message_not_found``."""
    found = session.execute(_messages().where(OutboxMessage.id == message_id)).one_or_none()
    if found is None:
        raise Problem("message_not_found")
    return found


#: Why nothing is to be said about a bill any more; a link that was made before it was revoked leads nowhere.
_WHY_NOT = """
SELECT CASE WHEN i.status <> 'issued' THEN 'the invoice is ' || i.status
    WHEN k.revoked_at > m.created_at THEN 'the link was revoked' END
FROM outbox_messages m
LEFT JOIN invoices i ON i.id = m.invoice_id
LEFT JOIN invoice_links k ON k.invoice_id = m.invoice_id
WHERE m.id = :id"""


#: What is open of an invoice, of the second document of its period, and of their debit notes.
_OPEN = """
SELECT coalesce(sum(o.open), 0) FROM outbox_messages m
JOIN open_items(ARRAY[m.customer_id], CAST(:as_of AS date)) o ON o.kind IN ('invoice', 'debit_note')
LEFT JOIN debit_notes n ON n.id = o.document_id
JOIN invoices i ON i.id = coalesce(n.invoice_id, o.document_id)
    AND (i.id = m.invoice_id OR i.companion_of = m.invoice_id)
WHERE m.id = :id"""


def why_not(session: Session, message_id: UUID, kind: str, as_of: date) -> str | None:
    """Why a message is not to be sent any more; None: it is. Of what is settled nobody is reminded."""
    found: str | None = session.scalar(text(_WHY_NOT), {"id": message_id})
    if found is None and kind == "reminder":
        is_open = session.scalars(text(_OPEN), {"id": message_id, "as_of": as_of}).one() > 0
        return None if is_open else "the invoice is settled"
    return found


#: Every reminder that a rule asks for by a day and that was not queued yet, one row each. Of several times that were
#: missed it is the latest. Two documents of one period are one bill, and so are their debit notes that are due: it is
#: late since the oldest of what is open was due.
_REMINDERS = """
WITH open AS MATERIALIZED (
    SELECT document_id, open, due_date FROM open_items(NULL, CAST(:as_of AS date))
    WHERE kind IN ('invoice', 'debit_note') AND open > 0
), bills AS (
    SELECT m.id, sum(x.open) AS open, min(x.due_date) AS due_since
    FROM open x
    LEFT JOIN debit_notes n ON n.id = x.document_id
    JOIN invoices i ON i.id = coalesce(n.invoice_id, x.document_id)
    JOIN invoices m ON m.id = coalesce(i.companion_of, i.id)
    WHERE m.status = 'issued' AND x.due_date <= CAST(:as_of AS date)
    GROUP BY 1
), timed AS (
    SELECT b.open, b.due_since, m.*, r.id AS rule_id, r.channel AS way, r.quiet_from, r.quiet_to,
        least(r.max_times, 1 + (CAST(:as_of AS date) - b.due_since - r.days_after_due) / r.every_days) AS turn
    FROM bills b JOIN invoices m ON m.id = b.id
    JOIN reminder_rules r ON b.due_since + r.days_after_due <= CAST(:as_of AS date)
)
SELECT t.id AS invoice_id, t.number AS invoice_number, t.invoice_date, t.due_since AS due_date, t.open,
    t.snapshot, t.rule_id, t.turn, t.quiet_from, t.quiet_to, c.id AS customer_id, c.code AS customer_code,
    c.name AS customer_name, c.language, w.channel,
    CASE w.channel WHEN 'email' THEN c.email ELSE c.phone END AS recipient,
    'reminder' = ANY (c.messages_off) AS is_off, w.dedupe_key, coalesce(k.revocations, 0) AS revocations,
    CAST(:as_of AS date) - t.due_since AS days_late
FROM timed t
JOIN customers c ON c.id = t.customer_id
LEFT JOIN invoice_links k ON k.invoice_id = t.id
CROSS JOIN LATERAL (SELECT coalesce(t.way, c.channel, 'whatsapp') AS channel,
    concat_ws(':', 'reminder', t.id, t.rule_id, t.turn) AS dedupe_key) w
WHERE NOT EXISTS (SELECT FROM outbox_messages o WHERE o.dedupe_key = w.dedupe_key)
    AND NOT EXISTS (SELECT FROM outbox_messages o WHERE o.invoice_id = t.id AND o.kind = 'reminder'
        AND o.channel = w.channel AND o.status = 'queued')
ORDER BY c.code, t.due_since, t.number, t.turn"""


def reminders(session: Session, as_of: date) -> Sequence[Row[Any]]:
    """Every reminder that is due and not queued yet. One statement, whatever the number of customers."""
    return session.execute(text(_REMINDERS), {"as_of": as_of}).all()


def kinds() -> Select[Any]:
    """The kinds that are sent by themselves."""
    return select(*MessageKind.__table__.columns)


def get_kind(session: Session, kind: str) -> MessageKind:
    """A kind, locked; 404 ``message_kind_not_found``."""
    query = select(MessageKind).where(MessageKind.kind == kind).with_for_update()
    row: MessageKind | None = session.scalars(query).one_or_none()
    if row is None:
        raise Problem("message_kind_not_found")
    return row


def usual_words(session: Session, kind: str, language: str) -> tuple[str, str]:
    """Subject and body of a kind that is sent by itself, in a language that messages speak."""
    statement = text("SELECT subject, body FROM usual_words() WHERE kind = :kind AND language = :language")
    subject, body = session.execute(statement, {"kind": kind, "language": language}).one()
    return subject, body


def rules() -> Select[Any]:
    """All rules."""
    return select(*ReminderRule.__table__.columns)


def get_rule(session: Session, rule_id: UUID) -> ReminderRule:
    """A rule, locked; 404 ``reminder_rule_not_found``."""
    query = select(ReminderRule).where(ReminderRule.id == rule_id).with_for_update()
    rule: ReminderRule | None = session.scalars(query).one_or_none()
    if rule is None:
        raise Problem("reminder_rule_not_found")
    return rule
