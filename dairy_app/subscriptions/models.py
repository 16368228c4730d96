"""Standing orders."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.common.models import Base, Imported, Money, Quantity, check, one_of, references, unique

MODES = ("fixed_daily", "weekly_pattern", "alternate_days", "day_by_day", "irregular")
SUBSCRIPTION_STATUSES = ("draft", "active", "paused", "stopped")
SHIFTS = ("morning", "evening")


class Subscription(Imported, Base):
    """One product that one customer wants regularly, in one shift."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("product_id", "products.id", "product_not_found"),
        unique("id", "customer_id"),
        one_of("mode", MODES),
        one_of("shift", SHIFTS),
        one_of("status", SUBSCRIPTION_STATUSES),
        check("default_quantity_not_negative", "default_quantity >= 0"),
        check("price_per_unit_not_negative", "price_per_unit >= 0"),
        check(
            "weekly_pattern_fits_mode",
            "(mode = 'weekly_pattern') = (weekly_pattern IS NOT NULL)"
            " AND (weekly_pattern IS NULL OR (weekly_pattern <@ '{0,1,2,3,4,5,6}'::smallint[]"
            " AND cardinality(weekly_pattern) BETWEEN 1 AND 7))",
        ),
        check(
            "interval_fits_mode",
            "(mode = 'alternate_days') = (interval_days IS NOT NULL)"
            " AND (interval_days IS NULL) = (anchor_date IS NULL) AND interval_days BETWEEN 1 AND 365",
        ),
        check("stop_after_start", "stop_date >= start_date"),
        Index(None, "customer_id"),
        Index(None, "product_id"),
    )

    customer_id: Mapped[UUID]
    product_id: Mapped[UUID]
    mode: Mapped[str]
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
