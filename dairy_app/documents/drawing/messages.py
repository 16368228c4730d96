"""What a customer is told about a bill, in its language, and where to read more."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dairy_app.common.words import Words
from dairy_app.documents.drawing.document import Account
from dairy_app.documents.drawing.speech import day_of, period_of
from dairy_app.documents.rules import indian


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
    """Words to send; the subject is for e-mail."""

    subject: str
    body: str


def compose(t: Words, bill: Bill) -> Message:
    """Name, period, amount, previous balance, what is to be paid by when, and the link: a line each."""
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
    return Message(t("message_subject", dairy=bill.dairy, number=bill.number, total=total), "\n".join(lines))


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


def remind(t: Words, bill: Overdue) -> Message:
    """A friendly word about a bill of which something is open: what, since when, the link."""
    amount = indian(bill.open)
    lines = [
        t("message_greeting", name=bill.name),
        t("reminder_bill", number=bill.number, day=day_of(t, bill.day), dairy=bill.dairy, amount=amount),
        t("reminder_due", day=day_of(t, bill.due_date)),
        t("message_link", url=bill.url),
        t("reminder_paid"),
    ]
    return Message(t("reminder_subject", dairy=bill.dairy, number=bill.number, amount=amount), "\n".join(lines))
