"""Documents, links and messages of invoices that are issued."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.billing.queries.runs import get_run
from dairy_app.business.models import BusinessSettings
from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import Problem, invalid
from dairy_app.common.words import Words
from dairy_app.documents import bulk, queries
from dairy_app.documents.drawing.document import Account, Document
from dairy_app.documents.drawing.messages import Bill, Message, Templates, compose
from dairy_app.documents.drawing.words import choose
from dairy_app.documents.rules import whatsapp_link
from dairy_app.documents.service.invoice_links import Links, named_in
from dairy_app.invoices.queries.invoices import get_visible_invoice
from dairy_app.outbox.bulk import Letter, queue
from dairy_app.outbox.queries import templates_of, waiting_message
from dairy_app.settings import Settings
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class Shared:
    """How a bill is handed to its customer. ``outbox_id``: the message that waits, when one was queued."""

    url: str
    language: str
    subject: str
    message: str
    whatsapp_url: str | None
    outbox_id: UUID | None


@dataclass(frozen=True, slots=True)
class PayLinks:
    """What is due of a customer in all and of one bill, and the UPI links that pay it."""

    as_of: date
    balance: Decimal
    balance_link: str | None
    balance_due: Decimal
    own_link: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to, with the token of the other document of its period, good for as long."""

    document: Document
    companion_token: str | None


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of the documents of a run: queued now or before, nowhere to send to, paid, or not wanted."""

    queued: int
    already: int
    without_address: int
    paid: int
    off: int


def links_of(session: Session, process: Settings) -> Links:
    """The dairy's links as they are valid now."""
    dairy = business_settings(session)
    expires_on = today(session) + timedelta(days=dairy.invoice_link_days) if dairy.invoice_link_days else None
    return Links(process.require_secret_key(), dairy.invoice_link_version, process.links_begin_with, expires_on)


def invoice_document(session: Session, actor: Actor, invoice_id: UUID) -> Document:
    """The document of an invoice that the actor may see; 409 ``invoice_not_issued`` for a draft."""
    invoice = get_visible_invoice(session, actor, invoice_id)
    documents = queries.read_documents(session, [invoice.id], today(session))
    if not documents:
        raise Problem("invoice_not_issued", f"The invoice is {invoice.status}: it has no PDF.")
    return documents[0]


def pay_links(session: Session, actor: Actor, invoice_id: UUID) -> PayLinks:
    """What a bill asks for today; ``invoice_not_issued`` for a draft and for a void one."""
    document = invoice_document(session, actor, invoice_id)
    account = document.account
    if account is None:
        raise Problem("invoice_not_issued", "The invoice is void: nothing is paid of it.")
    return PayLinks(account.as_of, account.balance, document.pay_link, account.open, document.own_link)


def open_link(session: Session, links: Links, token: str) -> Opened:
    """The document behind a link; ``link_not_found`` for a token not made here, ``link_revoked``, ``link_expired``."""
    invoice_id = named_in(token)
    revocations = queries.revocations(session, invoice_id) if invoice_id else 0
    found = links.read(token, revocations)
    documents = queries.read_documents(session, [invoice_id], today(session)) if found and invoice_id else []
    if found is None or not documents:
        raise Problem("link_not_found")
    if found.revocations < revocations:
        raise Problem("link_revoked")
    if found.expires_on and found.expires_on < today(session):
        raise Problem("link_expired")
    document, companion = documents[0], documents[0].companion
    beside = replace(links, expires_on=found.expires_on).token(companion.id, revocations) if companion else None
    return Opened(document, beside)


def revoke_links(session: Session, actor: Actor, invoice_id: UUID) -> None:
    """End the links given out to a bill, and to the other document of its period; shared again it gets a new one.

    ``invoice_not_issued`` for a draft.
    """
    invoice = get_visible_invoice(session, actor, invoice_id)
    if invoice.status not in ("issued", "void"):
        raise Problem("invoice_not_issued", f"The invoice is {invoice.status}: it cannot be shared by link.")
    bulk.revoke(session, queries.main_document(session, invoice.id), actor.user_id)


def words_for(session: Session, *wishes: str | None) -> Words:
    """The first wish that the dairy's documents speak, else the dairy's own language, else English."""
    settings = business_settings(session)
    return choose(settings.second_language, *wishes, settings.language)


@dataclass(frozen=True, slots=True)
class Telling:
    """How a customer is told of a bill; with ``queue`` the message goes into the outbox."""

    channel: str = "whatsapp"
    language: str | None = None
    queue: bool = False


@dataclass(frozen=True, slots=True)
class RunTelling:
    """How the customers of a run are told; with ``only_open`` not of invoices on which nothing is left to pay."""

    channel: str = "whatsapp"
    language: str | None = None
    only_open: bool = False


def share(session: Session, actor: Actor, links: Links, invoice_id: UUID, how: Telling) -> Shared:
    """Link, words and chat address for a bill; with ``queue`` the message waits in the outbox from now on.

    Of two documents of one period the first is shared, for both. ``invoice_not_issued`` for any but an issued one.
    """
    invoice = get_visible_invoice(session, actor, invoice_id)
    rows = queries.addressed(session, invoice_id=queries.main_document(session, invoice_id), lock=how.queue)
    if invoice.status != "issued" or not rows:
        session.refresh(invoice)
        raise Problem("invoice_not_issued", f"The invoice is {invoice.status}: only an issued one is sent.")
    row = rows[0]
    account = queries.read_accounts(session, [row.id], [row.customer_id], today(session))[row.id]
    settings = business_settings(session)
    t, message = _composed(settings, row, account, links, how, templates_of(session, "bill"))
    waits = _wait(session, row, how.channel, t, message) if how.queue else None
    url, chat = links.url(row.id, row.revocations), whatsapp_link(row.phone, message.body)
    return Shared(url, t.code, message.subject, message.body, chat, waits)


def _wait(session: Session, row: Row[Any], channel: str, t: Words, message: Message) -> UUID:
    """The message that waits in the outbox: the new one, or the one that waits already."""
    letter = _letter(row, channel, t, message)
    if letter is None:
        raise invalid("/channel", f"The customer has no address for {channel}.")
    made = queue(session, [letter], again=True)
    return made[0] if made else waiting_message(session, row.id, channel, letter.kind)


def queue_run(session: Session, links: Links, run_id: UUID, how: RunTelling) -> Queued:
    """Queue the messages of all documents of a run; again, it queues none twice. Seven statements, whatever the run."""
    get_run(session, run_id)
    rows = queries.addressed(session, run_id=run_id, lock=True)
    accounts = queries.read_accounts(
        session,
        [each for row in rows for each in (row.id, row.companion_id) if each is not None],
        [row.customer_id for row in rows],
        today(session),
    )
    settings = business_settings(session)
    welcome = [row for row in rows if not row.is_off]
    wanted = [row for row in welcome if not how.only_open or _is_open(row, accounts)]
    letters, templates = [], templates_of(session, "bill")
    for row in wanted:
        letter = _letter(row, how.channel, *_composed(settings, row, accounts[row.id], links, how, templates))
        if letter is not None:
            letters.append(letter)
    queued = len(queue(session, letters))
    return Queued(
        queued, len(letters) - queued, len(wanted) - len(letters), len(welcome) - len(wanted), len(rows) - len(welcome)
    )


def _is_open(row: Row[Any], accounts: dict[UUID, Account]) -> bool:
    """Whether something is left to pay on a document or on its second one."""
    own = (accounts.get(each) for each in (row.id, row.companion_id))
    return any(account is not None and account.open > 0 for account in own)


def _composed(
    settings: BusinessSettings,
    row: Row[Any],
    account: Account,
    links: Links,
    how: Telling | RunTelling,
    templates: Templates,
) -> tuple[Words, Message]:
    t = choose(settings.second_language, how.language, row.language, settings.language)
    bill = Bill(
        number=row.number,
        dairy=row.snapshot["seller"]["business_name"],
        name=row.snapshot["buyer"]["name"],
        period=(row.period_start, row.period_end),
        due_date=row.due_date,
        total=row.total,
        account=account,
        url=links.url(row.id, row.revocations),
    )
    return t, compose(t, bill, how.channel, templates)


def _letter(row: Row[Any], channel: str, t: Words, message: Message) -> Letter | None:
    """What is to be queued; None when the customer has no address for the channel."""
    address = row.email if channel == "email" else row.phone
    if not address:
        return None
    subject = message.subject[:200] if channel == "email" else None
    return Letter(
        kind="bill",
        channel=channel,
        recipient=address,
        language=t.code,
        subject=subject,
        body=message.body,
        customer_id=row.customer_id,
        invoice_id=row.id,
        told=message.told,
    )


def documents_of(session: Session, ids: Sequence[UUID]) -> list[Document]:
    """Documents for printing, as of today."""
    return queries.read_documents(session, ids, today(session))
