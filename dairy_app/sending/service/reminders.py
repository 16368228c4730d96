"""Reminding customers of what they owe: by which rules, of what today, and once each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.clock import now
from dairy_app.documents.drawing.messages import Overdue, remind
from dairy_app.documents.drawing.words import choose
from dairy_app.documents.service.invoice_links import Links
from dairy_app.outbox.bulk import Letter, queue
from dairy_app.outbox.queries import templates_of
from dairy_app.sending import queries
from dairy_app.sending.models import ReminderRule
from dairy_app.sending.rules import after_quiet

#: Of those that are due so many are shown.
SHOWN = 200
DUE, WITHOUT_ADDRESS, OFF = "due", "without_address", "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """What shall be different in a rule; what is UNSET stays as it is."""

    days_after_due: int | Unset = UNSET
    every_days: int | Unset = UNSET
    max_times: int | Unset = UNSET
    channel: str | Unset | None = UNSET
    quiet_from: time | Unset | None = UNSET
    quiet_to: time | Unset | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """A rule. By default nobody is reminded from nine in the evening to nine in the morning."""

    days_after_due: int
    max_times: int
    every_days: int = 7
    channel: str | None = None
    quiet_from: time | None = time(21)
    quiet_to: time | None = time(9)


@dataclass(frozen=True, slots=True)
class ByChannel:
    """How many go by one way."""

    channel: str
    messages: int


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder that is due; ``state``: due, without_address, or off when the customer wants none."""

    invoice_id: UUID
    invoice_number: str
    customer_id: UUID
    customer_code: str
    customer_name: str
    reminder_rule_id: UUID
    turn: int
    channel: str
    recipient: str | None
    due_date: date
    days_late: int
    open: Decimal
    state: str


@dataclass(frozen=True, slots=True)
class Reminders:
    """What would be queued now: how many, by which way; and of whom not."""

    as_of: date
    due: int
    without_address: int
    off: int
    open: Decimal
    by_channel: Sequence[ByChannel]
    items: Sequence[Reminder] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reminded:
    """What became of the reminders that were due."""

    queued: int
    without_address: int
    off: int


def create_rule(session: Session, wanted: NewRule) -> ReminderRule:
    """A new rule; ``already_exists`` beside one of the same day and way."""
    rule = ReminderRule(
        days_after_due=wanted.days_after_due,
        every_days=wanted.every_days,
        max_times=wanted.max_times,
        channel=wanted.channel,
        quiet_from=wanted.quiet_from,
        quiet_to=wanted.quiet_to,
    )
    session.add(rule)
    session.flush()
    session.refresh(rule)
    return rule


def change_rule(session: Session, rule_id: UUID, change: RuleChange) -> ReminderRule:
    """Change a rule. What it queued already stays as it was queued, and is not queued again."""
    rule = queries.get_rule(session, rule_id)
    for name, value in sent(change).items():
        setattr(rule, name, value)
    session.flush()
    session.refresh(rule)
    return rule


def delete_rule(session: Session, rule_id: UUID) -> None:
    """End a rule. What waits already is sent all the same, unless it is withdrawn."""
    session.delete(queries.get_rule(session, rule_id))
    session.flush()


def due_reminders(session: Session) -> Reminders:
    """Who would be reminded of what now. Nothing is queued."""
    day = today(session)
    rows = queries.reminders(session, day)
    states = Counter(_state(row) for row in rows)
    ways = Counter(row.channel for row in rows if _state(row) == DUE)
    return Reminders(
        as_of=day,
        due=states[DUE],
        without_address=states[WITHOUT_ADDRESS],
        off=states[OFF],
        open=sum({row.invoice_id: row.open for row in rows if _state(row) == DUE}.values(), Decimal("0.00")),
        by_channel=[ByChannel(channel, ways[channel]) for channel in sorted(ways)],
        items=[_shown(row) for row in rows[:SHOWN]],
    )


def queue_reminders(session: Session, links: Links) -> Reminded:
    """Queue every reminder that is due, once for each invoice, rule and time; a few statements for all."""
    rows, dairy = queries.reminders(session, today(session)), business_settings(session)
    clock = now().astimezone(ZoneInfo(dairy.time_zone))
    letters, templates = [], templates_of(session, "reminder")
    for row in rows:
        if _state(row) == DUE:
            t = choose(dairy.second_language, row.language, dairy.language)
            message = remind(t, _overdue(row, links), row.channel, templates)
            letters.append(
                Letter(
                    kind="reminder",
                    channel=row.channel,
                    recipient=row.recipient,
                    language=t.code,
                    subject=message.subject[:200] if row.channel == "email" else None,
                    body=message.body,
                    customer_id=row.customer_id,
                    invoice_id=row.invoice_id,
                    not_before=after_quiet(clock, row.quiet_from, row.quiet_to),
                    quiet_from=row.quiet_from,
                    quiet_to=row.quiet_to,
                    told=message.told,
                    dedupe_key=row.dedupe_key,
                )
            )
    states = Counter(_state(row) for row in rows)
    return Reminded(len(queue(session, letters, again=True)), states[WITHOUT_ADDRESS], states[OFF])


def _state(row: Row[Any]) -> str:
    if row.is_off:
        return OFF
    return DUE if row.recipient else WITHOUT_ADDRESS


def _overdue(row: Row[Any], links: Links) -> Overdue:
    return Overdue(
        number=row.invoice_number,
        dairy=row.snapshot["seller"]["business_name"],
        name=row.snapshot["buyer"]["name"],
        day=row.invoice_date,
        due_date=row.due_date,
        open=row.open,
        url=links.url(row.invoice_id, row.revocations),
    )


def _shown(row: Row[Any]) -> Reminder:
    return Reminder(
        invoice_id=row.invoice_id,
        invoice_number=row.invoice_number,
        customer_id=row.customer_id,
        customer_code=row.customer_code,
        customer_name=row.customer_name,
        reminder_rule_id=row.rule_id,
        turn=row.turn,
        channel=row.channel,
        recipient=row.recipient,
        due_date=row.due_date,
        days_late=row.days_late,
        open=row.open,
        state=_state(row),
    )
