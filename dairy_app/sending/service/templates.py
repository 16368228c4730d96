"""The dairy's own words for its messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.errors import invalid
from dairy_app.documents.drawing.messages import usual_bill, usual_reminder
from dairy_app.documents.drawing.words import languages
from dairy_app.outbox.models import MessageTemplate
from dairy_app.outbox.queries import get_template, latest_told
from dairy_app.outbox.rules import NAMES, WITH_DOCUMENT, UnknownName, at_whatsapp, check_names, filled
from dairy_app.sending import queries

#: What the names stand for in a preview, and what they do where the document is a receipt.
RECEIPT = {"number": "R0000042"}
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
    "amount": "₹1,000.00",
    "day": "9 Nov 2026",
    "balance": "₹240.00",
    "left": "₹160.00",
    "products": "Cow milk, Curd",
    "changes": "23 Nov 2026: Cow milk 2 L",
    "reason": "Diwali",
    "instead": "Nothing comes instead.",
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
    whatsapp_name: str | None = None
    whatsapp_language: str | None = None
    whatsapp_numbered: bool = False
    whatsapp_document: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChange:
    """Other words; what is UNSET stays as it is."""

    subject: str | Unset | None = UNSET
    body: str | Unset = UNSET
    whatsapp_name: str | Unset | None = UNSET
    whatsapp_language: str | Unset | None = UNSET
    whatsapp_numbered: bool | Unset = UNSET
    whatsapp_document: bool | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as somebody would get it, made up, and how long its text is."""

    subject: str | None
    body: str
    characters: int
    whatsapp_body: str | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Usual:
    """The words of a kind where the dairy has none of its own, and the names that it has."""

    kind: str
    language: str
    subject: str
    body: str
    names: Sequence[str]


def usual_words(session: Session) -> list[Usual]:
    """The usual words of every kind, in the languages that the dairy speaks."""
    found: list[Usual] = []
    for t in languages(business_settings(session).second_language).values():
        for kind, names in NAMES.items():
            words = {"bill": usual_bill, "reminder": usual_reminder}.get(kind)
            subject, body = words(t) if words is not None else queries.usual_words(session, kind, t.code)
            found.append(Usual(kind, t.code, subject, body, names))
    return found


def create_template(session: Session, wanted: NewTemplate) -> MessageTemplate:
    """New words; 422 names what is in braces and unknown, ``already_exists`` beside words for the same."""
    _check(wanted)
    template = MessageTemplate(
        kind=wanted.kind,
        channel=wanted.channel,
        language=wanted.language,
        subject=wanted.subject,
        body=wanted.body,
        whatsapp_name=wanted.whatsapp_name,
        whatsapp_language=wanted.whatsapp_language,
        whatsapp_numbered=wanted.whatsapp_numbered,
        whatsapp_document=wanted.whatsapp_document,
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
    _check(template)
    session.flush()
    session.refresh(template)
    return template


def delete_template(session: Session, template_id: UUID) -> None:
    """The usual words again, for messages queued from now on."""
    session.delete(get_template(session, template_id))
    session.flush()


def preview(session: Session, wanted: NewTemplate) -> Preview:
    """What a message would look like, told as the latest one of the kind in that language, else made up.

    Nothing is stored.
    """
    _check(wanted)
    latest = latest_told(session, wanted.kind, wanted.language)
    example = EXAMPLES | (RECEIPT if wanted.kind == "payment_received" else {})
    values = example if latest is None else example | latest.told
    body = filled(wanted.body, values)
    return Preview(
        filled(wanted.subject, values) if wanted.subject else None,
        body,
        len(body),
        at_whatsapp(wanted.body, is_numbered=wanted.whatsapp_numbered) if wanted.whatsapp_name else None,
        None if latest is None else latest.id,
    )


def _check(words: NewTemplate | MessageTemplate) -> None:
    """Refuse unknown names, and what WhatsApp is to know of words that do not go there."""
    for pointer, text in (("/subject", words.subject or ""), ("/body", words.body)):
        try:
            check_names(words.kind, text)
        except UnknownName as error:
            raise invalid(pointer, str(error), "unknown_name") from None
    if words.whatsapp_name is not None and words.channel != "whatsapp":
        raise invalid("/whatsapp_name", "Only words for the channel whatsapp have one.")
    if (words.whatsapp_name is None) != (words.whatsapp_language is None):
        raise invalid("/whatsapp_language", "A template at WhatsApp has a name and a language, or there is none.")
    if words.whatsapp_name is None and (words.whatsapp_numbered or words.whatsapp_document):
        raise invalid("/whatsapp_name", "Name the template at WhatsApp, or leave out how it is filled.")
    if words.whatsapp_document and words.kind not in WITH_DOCUMENT:
        raise invalid("/whatsapp_document", "A bill goes only with a bill or a reminder of one.")
