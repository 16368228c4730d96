"""Telling endpoints of events: nothing is sent before it is committed, and what was sent is written at once.

A sender takes messages into its hands for a minute, commits that, sends, and writes what came of it. One that ends in
between leaves its messages to the next: a message may then come twice, with the same ``webhook-id``.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Event

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings
from dairy_app.common.clock import now
from dairy_app.database.transactions import Database
from dairy_app.events import bulk
from dairy_app.events.rules import REST, Message, Outcome, body_of, headers_of, next_try
from dairy_app.events.service.posting import post
from dairy_app.web.logs import log

#: Messages that a sender has in its hands, all of them sent at one time: so each is told well within its lease.
IN_HANDS = 10
#: Seconds between two looks of a sender that stays.
BETWEEN_LOOKS = 2.0


@dataclass(slots=True)
class Told:
    """How many messages were taken, and how many were not."""

    delivered: int = 0
    refused: int = 0


def tell(database: Database, local: bool, most: int | None = None, stop: Event | None = None) -> Told:
    """Send what is due, or as many as ``most`` of it. Several processes at once share the work.

    ``local``: addresses within this machine and its network are told, too. Ends early when told to ``stop``.
    """
    told = Told()
    while queue(database):
        pass
    with ThreadPoolExecutor(IN_HANDS) as pool:
        while stop is None or not stop.is_set():
            room = IN_HANDS if most is None else min(IN_HANDS, most - told.delivered - told.refused)
            messages = database.run(partial(_take, most=room)) if room else []
            if not messages:
                break
            for message, outcome in zip(messages, pool.map(partial(_send, local=local), messages), strict=True):
                database.run(partial(_write, message=message, outcome=outcome))
                told.delivered += outcome.error is None
                told.refused += outcome.error is not None
    return told


def watch(database: Database, local: bool, stop: Event) -> Told:
    """Send what comes until told to ``stop``. A database that is away is waited for."""
    told = Told()
    while not stop.is_set():
        try:
            sent = tell(database, local, stop=stop)
            told.delivered += sent.delivered
            told.refused += sent.refused
        except DBAPIError as error:
            log.error("webhooks_database", error=type(error).__name__)
        stop.wait(BETWEEN_LOOKS)
    return told


def queue(database: Database) -> bool:
    """Number new events and queue them for who wants them; False: there was nothing to do."""

    def work(session: Session) -> bool:
        numbered = bulk.number_events(session)
        queued, told = bulk.queue_deliveries(session, now())
        return numbered + queued + told > 0

    return database.run(work)


def purge_events(database: Database) -> int:
    """Delete the events that are older than the settings keep them; how many. Some thousands a transaction."""
    while database.run(bulk.number_events):  # what has no number could not be missed by who comes back
        pass

    def some(session: Session) -> int:
        kept = timedelta(days=business_settings(session).event_days)
        return bulk.purge_events(session, now() - kept)

    gone = 0
    while deleted := database.run(some):
        gone += deleted
    return gone


def _take(session: Session, most: int) -> Sequence[Message]:
    return bulk.lease(session, now(), most)


def _send(message: Message, local: bool) -> Outcome:
    body = body_of(message)
    return post(message.url, body, headers_of(message, body, now()), local)


def _write(session: Session, message: Message, outcome: Outcome) -> None:
    moment = now()
    if outcome.error is not None:
        bulk.let_rest(session, message.endpoint_id, moment + REST, outcome.gone)
    bulk.mark(session, message, outcome, moment, next_try(message.attempts + 1, moment))
