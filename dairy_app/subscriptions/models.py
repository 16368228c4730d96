"""Standing orders, and what differs from them on some days."""

import datetime as dt
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import (
    Base,
    Identified,
    Imported,
    Money,
    Quantity,
    Timestamps,
    check,
    no_overlap,
    one_of,
    references,
    unique,
    unique_index,
)

MODES = ("fixed_daily", "weekly_pattern", "alternate_days", "day_by_day", "irregular")
SUBSCRIPTION_STATUSES = ("draft", "active", "paused", "stopped")
SHIFTS = ("morning", "evening")
OVERRIDE_KINDS = ("override", "irregular")
#: How a change reached the dairy.
CHANNELS = ("app", "staff", "phone", "whatsapp", "door", "shared_link", "import")

#: The same in a standing order and in each of its schedules.
_PATTERN_FITS = (
    "(mode = 'weekly_pattern') = (weekly_pattern IS NOT NULL)"
    " AND (weekly_pattern IS NULL OR (weekly_pattern <@ '{0,1,2,3,4,5,6}'::smallint[]"
    " AND cardinality(weekly_pattern) BETWEEN 1 AND 7))"
)
_INTERVAL_FITS = (
    "(mode = 'alternate_days') = (interval_days IS NOT NULL)"
    " AND (interval_days IS NULL) = (anchor_date IS NULL) AND interval_days BETWEEN 1 AND 365"
)
#: Whoever reads only the days sees those on which something comes.
_DAYS_OF_QUANTITIES = ", ".join(f"CASE WHEN weekly_quantities[{n + 1}] > 0 THEN {n} END" for n in range(7))
_QUANTITIES_FIT = (
    "weekly_quantities IS NULL OR (array_ndims(weekly_quantities) = 1 AND array_lower(weekly_quantities, 1) = 1"
    " AND cardinality(weekly_quantities) = 7 AND array_position(weekly_quantities, NULL) IS NULL"
    " AND 0 <= ALL (weekly_quantities) AND 'NaN' <> ALL (weekly_quantities) AND weekly_pattern IS NOT NULL"
    f" AND weekly_pattern = array_remove(ARRAY[{_DAYS_OF_QUANTITIES}], NULL)::smallint[])"
)


class Subscription(Imported, Base):
    """One product that one customer wants regularly, in one shift.

    Where there are ``subscription_schedules``, product, rhythm, shift and price are a copy of what is valid today, and
    what is due is read there.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("product_id", "products.id", "product_not_found"),
        references("requested_by", "users.id", "user_not_found"),
        unique("id", "customer_id"),
        one_of("mode", MODES),
        one_of("shift", SHIFTS),
        one_of("status", SUBSCRIPTION_STATUSES),
        one_of("channel", CHANNELS),
        check("change_reason_length", "length(change_reason) <= 500"),
        check("default_quantity_not_negative", "default_quantity >= 0"),
        check("price_per_unit_not_negative", "price_per_unit >= 0"),
        check("weekly_pattern_fits_mode", _PATTERN_FITS),
        check("weekly_quantities_fit_pattern", _QUANTITIES_FIT),
        check("interval_fits_mode", _INTERVAL_FITS),
        check("stop_after_start", "stop_date >= start_date"),
        check(
            "values_finite",
            "default_quantity <> 'NaN' AND price_per_unit <> 'NaN' AND isfinite(start_date) AND isfinite(stop_date)"
            " AND isfinite(anchor_date)",
        ),
        Index(None, "customer_id"),
        Index(None, "product_id"),
        Index("ix_subscriptions_status", "status", "id"),
        Index("ix_subscriptions_mode", "mode", "id"),
        Index("ix_subscriptions_shift", "shift", "id"),
    )

    customer_id: Mapped[UUID]
    product_id: Mapped[UUID]
    mode: Mapped[str]
    #: From the start; ``subscription_quantities`` holds what it became later.
    default_quantity: Mapped[Quantity] = mapped_column(server_default=text("0"))
    #: Weekdays, 0 = Monday.
    weekly_pattern: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    interval_days: Mapped[int | None] = mapped_column(SmallInteger)
    anchor_date: Mapped[date | None]
    shift: Mapped[str] = mapped_column(server_default=text("'morning'"))
    #: Quoted to this customer; NULL: the price list decides on the day.
    price_per_unit: Mapped[Money | None]
    start_date: Mapped[date]
    #: The stop day itself is not delivered.
    stop_date: Mapped[date | None]
    status: Mapped[str] = mapped_column(server_default=text("'active'"))
    auto_start: Mapped[bool] = mapped_column(server_default=text("true"))
    last_delivery_date: Mapped[date | None]
    last_delivery_at: Mapped[datetime | None]
    last_delivery_confirmed: Mapped[bool | None]
    #: Who asked for it to be as it is, by which way and why; earlier words are in the audit log.
    requested_by: Mapped[UUID | None] = mapped_column(sort_order=950)
    channel: Mapped[str | None] = mapped_column(sort_order=951)
    change_reason: Mapped[str | None] = mapped_column(sort_order=952)
    #: Of mode weekly_pattern: the quantity of each day, Monday first; NULL: the default one on each of its days.
    weekly_quantities: Mapped[list[Decimal] | None] = mapped_column(ARRAY(Numeric(10, 3)), sort_order=953)


class SubscriptionSchedule(Identified, Base):
    """What a standing order is from a day to a day. One that never changed has none: its own columns say all.

    With its first change it gets two that cover all time, and every further change divides one of them.
    """

    __tablename__ = "subscription_schedules"
    __table_args__ = (
        references("subscription_id", "subscriptions.id", "subscription_not_found"),
        references("product_id", "products.id", "product_not_found"),
        references("requested_by", "users.id", "user_not_found"),
        one_of("mode", MODES),
        one_of("shift", SHIFTS),
        one_of("channel", CHANNELS),
        check("reason_length", "length(reason) <= 500"),
        check("weekly_pattern_fits_mode", _PATTERN_FITS),
        check("weekly_quantities_fit_pattern", _QUANTITIES_FIT),
        check("interval_fits_mode", _INTERVAL_FITS),
        check(
            "values_not_negative",
            "default_quantity >= 0 AND default_quantity <> 'NaN' AND price_per_unit >= 0 AND price_per_unit <> 'NaN'",
        ),
        check(
            "days_finite",
            "NOT isempty(valid) AND (lower_inf(valid) OR isfinite(lower(valid)))"
            " AND (upper_inf(valid) OR isfinite(upper(valid))) AND (anchor_date IS NULL OR isfinite(anchor_date))",
        ),
        check("first_has_quantity", "default_quantity IS NOT NULL OR NOT lower_inf(valid)"),
        no_overlap("ex_subscription_schedules_valid", ("subscription_id", "="), ("valid", "&&")),
        Index(None, "product_id"),
    )

    subscription_id: Mapped[UUID]
    #: The first one has no beginning, the last one no end.
    valid: Mapped[Any] = mapped_column(DATERANGE)
    product_id: Mapped[UUID]
    mode: Mapped[str]
    #: From its first day, until ``subscription_quantities`` say otherwise; NULL: as it was the day before.
    default_quantity: Mapped[Quantity | None]
    weekly_pattern: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    weekly_quantities: Mapped[list[Decimal] | None] = mapped_column(ARRAY(Numeric(10, 3)))
    interval_days: Mapped[int | None] = mapped_column(SmallInteger)
    anchor_date: Mapped[date | None]
    shift: Mapped[str]
    price_per_unit: Mapped[Money | None]
    reason: Mapped[str | None]
    requested_by: Mapped[UUID | None]
    channel: Mapped[str | None]


class SubscriptionOverride(Imported, Base):
    """The quantity of one day, whatever the standing order says; 0 is a quantity. Clearing it deletes the row."""

    __tablename__ = "subscription_overrides"
    __table_args__ = (
        references("subscription_id", "subscriptions.id", "subscription_not_found"),
        references("requested_by", "users.id", "user_not_found"),
        unique("subscription_id", "date"),
        one_of("kind", OVERRIDE_KINDS),
        one_of("shift", SHIFTS),
        one_of("channel", CHANNELS),
        check("quantity_not_negative", "quantity >= 0 AND quantity <> 'NaN'"),
        check("date_finite", "isfinite(date)"),
        check("note_length", "length(note) <= 500"),
    )

    subscription_id: Mapped[UUID]
    date: Mapped[dt.date]
    #: A label: ``irregular`` is a planned day of an irregular customer, ``override`` a change. Both count alike.
    kind: Mapped[str] = mapped_column(server_default=text("'override'"))
    quantity: Mapped[Quantity]
    #: NULL: the standing order's.
    shift: Mapped[str | None]
    note: Mapped[str | None]
    requested_by: Mapped[UUID | None]
    channel: Mapped[str]


class SubscriptionPause(Imported, Base):
    """Days on which nothing comes; an open end lasts until somebody resumes. Two never overlap."""

    __tablename__ = "subscription_pauses"
    __table_args__ = (
        references("subscription_id", "subscriptions.id", "subscription_not_found"),
        references("requested_by", "users.id", "user_not_found"),
        one_of("channel", CHANNELS),
        check(
            "period_has_start",
            "NOT isempty(period) AND NOT lower_inf(period) AND isfinite(lower(period)) AND (upper_inf(period) OR"
            " isfinite(upper(period)))",
        ),
        check("reason_length", "length(reason) <= 500"),
        no_overlap("ex_subscription_pauses_period", ("subscription_id", "="), ("period", "&&")),
        unique_index(
            "uq_subscription_pauses_household",
            "household_pause_id",
            "subscription_id",
            where="household_pause_id IS NOT NULL",
        ),
    )

    subscription_id: Mapped[UUID]
    period: Mapped[Any] = mapped_column(DATERANGE)
    reason: Mapped[str | None]
    requested_by: Mapped[UUID | None]
    channel: Mapped[str]
    #: The same in every standing order that the customer paused in one go, until one of them is changed alone.
    household_pause_id: Mapped[UUID | None] = mapped_column(sort_order=950)


class SubscriptionQuantity(Identified, Base):
    """A new default quantity "till further notice": from a day on, until the next one."""

    __tablename__ = "subscription_quantities"
    __table_args__ = (
        references("subscription_id", "subscriptions.id", "subscription_not_found"),
        references("requested_by", "users.id", "user_not_found"),
        unique("subscription_id", "valid_from"),
        one_of("channel", CHANNELS),
        check("quantity_not_negative", "quantity >= 0 AND quantity <> 'NaN'"),
        check("valid_from_finite", "isfinite(valid_from)"),
        check("reason_length", "length(reason) <= 500"),
    )

    subscription_id: Mapped[UUID]
    valid_from: Mapped[date]
    quantity: Mapped[Quantity]
    reason: Mapped[str | None]
    requested_by: Mapped[UUID | None]
    channel: Mapped[str]


class CreditHold(Timestamps, Base):
    """Why a standing order has no order on a day on which something was due: its customer was at its credit limit."""

    __tablename__ = "credit_holds"
    __table_args__ = (
        references("subscription_id", "subscriptions.id", "subscription_not_found"),
        check("day_finite", "isfinite(day)"),
        check("over_the_limit", "exposure > credit_limit"),
        Index(None, "day"),
    )

    subscription_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    #: Rupees that the order would have come to.
    amount: Mapped[Decimal] = mapped_column(Numeric(24, 2))
    #: What the customer would have owed, ordered and on its draft, with all that was due up to the day.
    exposure: Mapped[Decimal] = mapped_column(Numeric(24, 2))
    #: As it was then; 0 of who pays in advance and has none.
    credit_limit: Mapped[Money]


class GeneratedDay(Timestamps, Base):
    """A day whose orders have been generated: a later change of a standing order makes and unmakes them at once."""

    __tablename__ = "generated_days"
    __table_args__ = (check("date_finite", "isfinite(delivery_date)"),)

    delivery_date: Mapped[date] = mapped_column(primary_key=True)
