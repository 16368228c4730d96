"""Emptying the outbox: lease a message, hand it over, say what became of it. Each is committed before the next begins.

A sender that is killed while it hands a message over leaves it leased: a minute later it is another's. Was it killed
between the other server's answer and the commit, the message is sent a second time, with the same id; nobody but the
other server could know that it had it already.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.database.transactions import Database
from dairy_app.documents.drawing import pdf
from dairy_app.documents.drawing.document import Document
from dairy_app.documents.service.documents import documents_of, words_for
from dairy_app.outbox import bulk
from dairy_app.outbox.models import MessageTemplate
from dairy_app.outbox.queries import is_told, templates_of
from dairy_app.outbox.rules import LEASE, WITH_DOCUMENT, names_in
from dairy_app.sending import queries
from dairy_app.sending.senders.letters import Approved, Attachment, NotNow, Outgoing, Refused, Sender
from dairy_app.web.logs import log

#: So long a channel is left alone whose server takes nothing, in seconds.
PAUSE = 60.0
#: Between two looks at an outbox in which nothing is due.
BETWEEN_LOOKS = 5.0
#: Between two tries to say what became of a message, while the database is away.
BETWEEN_MARKS = 1.0


@dataclass(frozen=True, slots=True)
class Done:
    """How many messages were sent, wait for another try, have failed, were withdrawn because nothing is to be said."""

    sent: int = 0
    waiting: int = 0
    failed: int = 0
    withdrawn: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(
            self.sent + other.sent,
            self.waiting + other.waiting,
            self.failed + other.failed,
            self.withdrawn + other.withdrawn,
        )

    @property
    def tried(self) -> int:
        """How many were taken in hand."""
        return self.sent + self.waiting + self.failed


class Emptying:
    """One process that sends. Any number of them share an outbox."""

    def __init__(self, database: Database, senders: Mapping[str, Sender], stop: threading.Event | None = None) -> None:
        self._database, self._senders = database, senders
        self._stop = stop or threading.Event()
        self._closed_until = dict.fromkeys(senders, 0.0)

    def send_due(self, limit: int | None = None) -> Done:
        """Send what is due, one message after the other, at most ``limit``; ends early when told to stop."""
        done = Done(failed=self._database.run(bulk.give_up))
        left = limit
        while not self._stop.is_set() and left != 0:
            channels = [each for each, until in self._closed_until.items() if until <= time.monotonic()]
            step = self._next(channels) if channels else None
            if step is None:
                break
            done += step
            left = None if left is None else left - step.tried
        for sender in self._senders.values():
            sender.close()
        return done

    def watch(self, tell: Callable[[Done], None]) -> None:
        """Send what is due whenever something is, until told to stop. A database that is away is waited for."""
        while not self._stop.is_set():
            try:
                done = self.send_due()
                if done != Done():
                    tell(done)
            except DBAPIError as error:
                log.error("outbox_database", error=type(error).__name__)
            self._stop.wait(BETWEEN_LOOKS)

    def _next(self, channels: list[str]) -> Done | None:
        """One message; None when none is due."""
        taken = self._database.run(lambda session: _take(session, channels))
        if taken is None or isinstance(taken, Done):
            return taken
        message, letter = taken
        try:
            letter = replace(letter, attachments=self._attachments(message))
        except DBAPIError:
            raise
        except Exception as error:  # a fault of ours: the message waits, the others go on
            log.error("outbox_document", message_id=str(message.id), exc_info=error)
            return self._fail(message, "the document could not be drawn", retry=True)
        try:
            provider_id = self._senders[message.channel].send(letter)
        except Refused as error:
            return self._fail(message, str(error), retry=False)
        except NotNow as error:
            if error.is_down:
                self._closed_until[message.channel] = time.monotonic() + PAUSE
            return self._fail(message, str(error), retry=True)
        if not self._mark(lambda session: _mark_sent(session, message, provider_id)):
            log.warning("outbox_lease_lost", message_id=str(message.id))
            return Done(waiting=1)
        log.info("outbox_sent", message_id=str(message.id), channel=message.channel, attempts=message.attempts)
        return Done(sent=1)

    def _fail(self, message: Row[Any], error: str, *, retry: bool) -> Done:
        status = self._mark(lambda session: bulk.mark_failed(session, message, error, retry=retry))
        log.warning("outbox_not_sent", message_id=str(message.id), channel=message.channel, error=error, status=status)
        return Done(failed=1) if status == "failed" else Done(waiting=1)

    def _mark(self, write: Callable[[Session], Any]) -> Any:
        """Say it, also when the database goes away just now: what was sent and not marked would be sent again."""
        until = time.monotonic() + LEASE.total_seconds()
        while True:
            try:
                return self._database.run(write)
            except DBAPIError:
                if time.monotonic() >= until:
                    raise
                time.sleep(BETWEEN_MARKS)

    def _attachments(self, message: Row[Any]) -> tuple[Attachment, ...]:
        """The PDF of a bill and of the other document of its period, for an e-mail."""
        if message.channel != "email" or message.invoice_id is None or message.kind not in WITH_DOCUMENT:
            return ()
        return self._database.run(lambda session: _drawn(session, message), read_only=True)


def _take(session: Session, channels: list[str]) -> tuple[Row[Any], Outgoing] | Done | None:
    """Lease a message, or withdraw one about which nothing is to be said any more."""
    dairy = business_settings(session)
    message = bulk.lease(session, channels, now().astimezone(ZoneInfo(dairy.time_zone)).time())
    if message is None:
        return None
    why = queries.why_not(session, message.id, message.kind, today(session))
    if why is not None:
        bulk.mark_withdrawn(session, message, why)
        return Done(withdrawn=1)
    approved = None
    if message.channel == "whatsapp":
        approved = _approved(templates_of(session, message.kind).get((message.language, "whatsapp")))
    return message, _letter(message, dairy.business_name or "", approved)


def _approved(template: MessageTemplate | None) -> Approved | None:
    """What WhatsApp knows of the dairy's words; None: nothing."""
    if template is None or template.whatsapp_name is None or template.whatsapp_language is None:
        return None
    return Approved(
        template.whatsapp_name,
        template.whatsapp_language,
        tuple(names_in(template.body)),
        is_numbered=template.whatsapp_numbered,
        has_document=template.whatsapp_document,
    )


def _mark_sent(session: Session, message: Row[Any], provider_id: str | None) -> bool:
    """Say so, unless a receipt was faster and said more."""
    return bulk.mark_sent(session, message, provider_id) or (
        provider_id is not None and is_told(session, message.id, provider_id)
    )


def _letter(message: Row[Any], dairy: str, approved: Approved | None) -> Outgoing:
    return Outgoing(
        id=message.id,
        kind=message.kind,
        channel=message.channel,
        recipient=message.recipient,
        language=message.language,
        subject=message.subject,
        body=message.body,
        secret=message.secret,
        dairy=dairy,
        told=message.told,
        approved=approved,
    )


def _drawn(session: Session, message: Row[Any]) -> tuple[Attachment, ...]:
    found: list[Document] = documents_of(session, [message.invoice_id])
    others: list[UUID] = [each.companion.id for each in found if each.companion is not None]
    t = words_for(session, message.language)
    return tuple(Attachment(each.file_name, pdf.draw(each, t)) for each in found + documents_of(session, others))
