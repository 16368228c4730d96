"""The dairy's own words for its messages."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.errors import invalid
from dairy_app.outbox.models import MessageTemplate
from dairy_app.outbox.queries import get_template
from dairy_app.outbox.rules import UnknownName, check_names, filled

#: What the names stand for in a preview.
EXAMPLES = {
    "name": "Meera Joshi",
    "dairy": "Sunrise Dairy",
    "number": "INV/2627/0000042",
    "period": "1 Oct 2026 to 31 Oct 2026",
    "total": "₹1,240.00",
    "previous_balance": "₹0.00",
    "amount_due": "₹1,240.00",
    "due_date": "10 Nov 2026",
    "invoice_date": "31 Oct 2026",
    "open": "₹240.00",
    "link": "https://milk.dairy.example/i/AZnzpFtsfY6fASNFZ4mrzbQ2Lw8nUu1xq0vT5cKdYbA",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTemplate:
    """Words for a kind of message in a language; ``channel`` None: for every channel without words of its own."""

    kind: str
    language: str
    body: str
    channel: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChange:
    """Other words; what is UNSET stays as it is."""

    subject: str | Unset | None = UNSET
    body: str | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as somebody would get it, made up, and how long its text is."""

    subject: str | None
    body: str
    characters: int


def create_template(session: Session, wanted: NewTemplate) -> MessageTemplate:
    """New words; 422 names what is in braces and unknown, ``already_exists`` beside words for the same."""
    _check(wanted.kind, wanted.subject, wanted.body)
    template = MessageTemplate(
        kind=wanted.kind,
        channel=wanted.channel,
        language=wanted.language,
        subject=wanted.subject,
        body=wanted.body,
    )
    session.add(template)
    session.flush()
    session.refresh(template)
    return template


def change_template(session: Session, template_id: UUID, change: TemplateChange) -> MessageTemplate:
    """Other words, for messages queued from now on."""
    template = get_template(session, template_id)
    for name, value in sent(change).items():
        setattr(template, name, value)
    _check(template.kind, template.subject, template.body)
    session.flush()
    session.refresh(template)
    return template


def delete_template(session: Session, template_id: UUID) -> None:
    """The usual words again, for messages queued from now on."""
    session.delete(get_template(session, template_id))
    session.flush()


def preview(wanted: NewTemplate) -> Preview:
    """What a message would look like, with made-up names and amounts. Nothing is stored."""
    _check(wanted.kind, wanted.subject, wanted.body)
    body = filled(wanted.body, EXAMPLES)
    return Preview(filled(wanted.subject, EXAMPLES) if wanted.subject else None, body, len(body))


def _check(kind: str, subject: str | None, body: str) -> None:
    for pointer, text in (("/subject", subject or ""), ("/body", body)):
        try:
            check_names(kind, text)
        except UnknownName as error:
            raise invalid(pointer, str(error), "unknown_name") from None
