"""Which messages are sent by themselves, and by which rules customers are reminded of what they owe."""

from datetime import time

from sqlalchemy import SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, Money, Timestamps, check, one_of, unique_index
from dairy_app.outbox.models import CHANNELS
from dairy_app.outbox.rules import BY_THEMSELVES


class MessageKind(Timestamps, Base):
    """Whether messages of a kind are sent by themselves, and at which hours not. One row a kind, for ever."""

    __tablename__ = "message_kinds"
    __table_args__ = (
        one_of("kind", BY_THEMSELVES),
        check("quiet_is_a_span", "num_nonnulls(quiet_from, quiet_to) IN (0, 2) AND quiet_from <> quiet_to"),
        check("below_of_low_balance", "(below IS NOT NULL) = (kind = 'low_balance')"),
        check("below_not_negative", "below >= 0 AND below <> 'NaN'"),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    is_on: Mapped[bool] = mapped_column(server_default=text("false"))
    #: From this hour of the dairy's day nobody is told …
    quiet_from: Mapped[time | None] = mapped_column(server_default=text("'21:00'"))
    #: … until this one, perhaps of the next day.
    quiet_to: Mapped[time | None] = mapped_column(server_default=text("'07:00'"))
    #: Told when less than so many rupees are left until the customer's limit.
    below: Mapped[Money | None]


class ReminderRule(Identified, Base):
    """Of each invoice with something open, who pays it is reminded so many days after it was due, and again."""

    __tablename__ = "reminder_rules"
    __table_args__ = (
        check("days_after_due_range", "days_after_due BETWEEN 0 AND 365"),
        check("every_days_range", "every_days BETWEEN 1 AND 365"),
        check("max_times_range", "max_times BETWEEN 1 AND 12"),
        one_of("channel", CHANNELS),
        check("quiet_is_a_span", "num_nonnulls(quiet_from, quiet_to) IN (0, 2) AND quiet_from <> quiet_to"),
        unique_index("uq_reminder_rules_same", "days_after_due", text("coalesce(channel, '')")),
    )

    #: The first reminder is due so many days after the due date; 0: on it.
    days_after_due: Mapped[int] = mapped_column(SmallInteger)
    #: And the next ones every so many days.
    every_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("7"))
    #: How many reminders of one invoice there are at most.
    max_times: Mapped[int] = mapped_column(SmallInteger)
    #: By which way; NULL: the customer's own, else WhatsApp.
    channel: Mapped[str | None]
    #: From this hour of the dairy's day nobody is reminded …
    quiet_from: Mapped[time | None]
    #: … until this one, perhaps of the next day.
    quiet_to: Mapped[time | None]
