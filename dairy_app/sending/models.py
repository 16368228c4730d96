"""By which rules customers are reminded of what they owe."""

from datetime import time

from sqlalchemy import SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, check, one_of, unique_index
from dairy_app.outbox.models import CHANNELS


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
