"""What a customer is told about a bill, in its language, and where to read more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dairy_app.common.words import Words
from dairy_app.documents.drawing.document import Account
from dairy_app.documents.drawing.speech import day_of, period_of
from dairy_app.documents.rules import indian
from dairy_app.outbox.models import MessageTemplate
from dairy_app.outbox.rules import filled

#: So long may a message be, in characters.
MOST = 4000


@dataclass(frozen=True, slots=True)
class Bill:
    """What a message speaks of. ``total`` in rupees, of both documents where the law wanted two."""

    number: str
    dairy: str
    name: str
    period: tuple[date, date]
    due_date: date
    total: Decimal
    account: Account
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """Words to send; the subject is for e-mail. ``told``: what the names of the kind stand for in it."""

    subject: str
    body: str
    told: Mapping[str, str]


#: The dairy's own words, by language and channel; see ``outbox``.
Templates = Mapping[tuple[str, str | None], MessageTemplate]


def compose(t: Words, bill: Bill, channel: str, templates: Templates) -> Message:
    """Name, period, amount, previous balance, what is to be paid by when, and the link: a line each.

    Or the dairy's own words, where it has some for the language and the channel.
    """
    account, total = bill.account, indian(bill.total)
    values = {
        "name": bill.name,
        "dairy": bill.dairy,
        "number": bill.number,
        "period": period_of(t, *bill.period),
        "total": f"₹{total}",
        "previous_balance": f"₹{indian(account.previous)}",
        "amount_due": f"₹{indian(max(account.balance, Decimal(0)))}",
        "due_date": day_of(t, bill.due_date),
        "link": bill.url,
    }
    return _worded(t, channel, templates, values, _usual(t, bill))


def _worded(t: Words, channel: str, templates: Templates, values: Mapping[str, str], usual: tuple[str, str]) -> Message:
    template = templates.get((t.code, channel)) or templates.get((t.code, None))
    subject, body = usual
    if template is not None:
        subject = subject if template.subject is None else " ".join(filled(template.subject, values).split())
        body = filled(template.body, values)[:MOST]
    return Message(subject, body, values)


def _usual(t: Words, bill: Bill) -> tuple[str, str]:
    total, account = indian(bill.total), bill.account
    period = period_of(t, *bill.period)
    lines = [
        t("message_greeting", name=bill.name),
        t("message_bill", number=bill.number, dairy=bill.dairy, period=period, total=total),
    ]
    if account.previous:
        key = "message_previous" if account.previous > 0 else "message_previous_advance"
        lines.append(t(key, amount=indian(abs(account.previous))))
    if account.balance > 0:
        lines.append(t("message_due", amount=indian(account.balance), day=day_of(t, bill.due_date)))
    elif account.balance < 0:
        lines.append(t("message_advance", amount=indian(-account.balance)))
    else:
        lines.append(t("message_nothing_due"))
    lines.append(t("message_link", url=bill.url))
    return t("message_subject", dairy=bill.dairy, number=bill.number, total=total), "\n".join(lines)


def usual_bill(t: Words) -> tuple[str, str]:
    """Subject and body of a bill as own words would write the usual ones, without what stands there only at times."""
    lines = [
        t("message_greeting", name="{name}"),
        _named(t, "message_bill", number="{number}", dairy="{dairy}", period="{period}", total="{total}"),
        _named(t, "message_due", amount="{amount_due}", day="{due_date}"),
        t("message_link", url="{link}"),
    ]
    return _named(t, "message_subject", dairy="{dairy}", number="{number}", total="{total}"), "\n".join(lines)


def usual_reminder(t: Words) -> tuple[str, str]:
    """The same of a reminder."""
    lines = [
        t("message_greeting", name="{name}"),
        _named(t, "reminder_bill", number="{number}", day="{invoice_date}", dairy="{dairy}", amount="{open}"),
        t("reminder_due", day="{due_date}"),
        t("message_link", url="{link}"),
        t("reminder_paid"),
    ]
    return _named(t, "reminder_subject", dairy="{dairy}", number="{number}", amount="{open}"), "\n".join(lines)


def _named(t: Words, key: str, **names: str) -> str:
    """A text with names in braces for its values; those of amounts bring their sign of the rupee along."""
    return t(key, **names).replace("₹{", "{")


@dataclass(frozen=True, slots=True)
class Overdue:
    """What a reminder speaks of. ``open`` in rupees, of both documents where the law wanted two."""

    number: str
    dairy: str
    name: str
    day: date
    due_date: date
    open: Decimal
    url: str


def remind(t: Words, bill: Overdue, channel: str, templates: Templates) -> Message:
    """A friendly word about a bill of which something is open: what, since when, the link; or the dairy's own words."""
    amount = indian(bill.open)
    lines = [
        t("message_greeting", name=bill.name),
        t("reminder_bill", number=bill.number, day=day_of(t, bill.day), dairy=bill.dairy, amount=amount),
        t("reminder_due", day=day_of(t, bill.due_date)),
        t("message_link", url=bill.url),
        t("reminder_paid"),
    ]
    usual = (t("reminder_subject", dairy=bill.dairy, number=bill.number, amount=amount), "\n".join(lines))
    values = {
        "name": bill.name,
        "dairy": bill.dairy,
        "number": bill.number,
        "invoice_date": day_of(t, bill.day),
        "due_date": day_of(t, bill.due_date),
        "open": f"₹{amount}",
        "link": bill.url,
    }
    return _worded(t, channel, templates, values, usual)
