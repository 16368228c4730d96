"""Delivery statuses: what happened at the door."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Imported, Timestamps, check, one_of, references, unique

DELIVERY_STATUSES = ("delivered", "partially_delivered", "not_delivered")
CONFIRMATION_METHODS = ("delivery_boy", "shared_link", "admin", "import")


class DeliveryStatusColumns:
    """What is known of one order's delivery, at work or archived."""

    order_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    delivery_date: Mapped[date]
    status: Mapped[str]
    delivered_at: Mapped[datetime | None]
    #: Whose round it was; the confirmer may be somebody else.
    delivery_boy_id: Mapped[UUID | None]
    confirmed_by_user_id: Mapped[UUID | None]
    confirmed_by_name: Mapped[str | None]
    confirmed_at: Mapped[datetime]
    confirmation_method: Mapped[str]
    #: NULL for links of the earlier system, too.
    shared_link_id: Mapped[UUID | None]
    ip_address: Mapped[str | None] = mapped_column(INET)
    device_info: Mapped[str | None]
    #: The offline app's own key of this confirmation.
    client_event_id: Mapped[UUID | None]
    #: What the phone's clock said; kept beside the server's ``confirmed_at``, never reckoned with.
    device_time: Mapped[datetime | None]
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    reason_code: Mapped[str | None]
    notes: Mapped[str | None]
    #: The latest correction; columns of their own, so that the notes stay what was said at the door.
    corrected_at: Mapped[datetime | None]
    corrected_by_user_id: Mapped[UUID | None]
    correction_reason: Mapped[str | None]


class DeliveryStatus(DeliveryStatusColumns, Imported, Base):
    """The latest word on one order's delivery; earlier words are in the audit log."""

    __tablename__ = "delivery_statuses"
    __table_args__ = (
        references(
            ("order_id", "customer_id"),
            ("orders.id", "orders.customer_id"),
            "order_not_found",
            name="fk_delivery_statuses_order_of_customer",
            deferrable=True,
        ),
        references("customer_id", "customers.id", "customer_not_found"),
        references("delivery_boy_id", "users.id", "user_not_found"),
        references("confirmed_by_user_id", "users.id", "user_not_found"),
        references("shared_link_id", "shared_links.id", "link_not_found"),
        unique("order_id"),
        unique("client_event_id"),
        one_of("status", DELIVERY_STATUSES),
        one_of("confirmation_method", CONFIRMATION_METHODS),
        check("link_confirms_by_link", "shared_link_id IS NULL OR confirmation_method = 'shared_link'"),
        references("corrected_by_user_id", "users.id", "user_not_found"),
        check(
            "corrected_with_reason",
            "(corrected_at IS NULL) = (correction_reason IS NULL) AND (corrected_at IS NULL) ="
            " (corrected_by_user_id IS NULL)",
        ),
        check("delivered_has_time", "(status = 'not_delivered') = (delivered_at IS NULL)"),
        check("latitude_range", "latitude BETWEEN -90 AND 90"),
        check("longitude_range", "longitude BETWEEN -180 AND 180"),
        check("notes_length", "length(notes) <= 2000"),
        check("reason_lengths", "length(reason_code) <= 60 AND length(correction_reason) <= 500"),
        check("device_time_finite", "isfinite(device_time)"),
        Index("ix_delivery_statuses_date_id", "delivery_date", "id"),
        Index(None, "customer_id"),
        Index("ix_delivery_statuses_boy", "delivery_boy_id", "delivery_date"),
        Index("ix_delivery_statuses_exceptions", "delivery_date", "id", postgresql_where=text("status <> 'delivered'")),
        Index(
            "ix_delivery_statuses_method",
            "confirmation_method",
            "delivery_date",
            "id",
            postgresql_where=text("confirmation_method <> 'delivery_boy'"),
        ),
    )


class ArchivedDeliveryStatus(DeliveryStatusColumns, Timestamps, Base):
    """The last word on an archived order's delivery, as it was."""

    __tablename__ = "archived_delivery_statuses"
    __table_args__ = (
        references("order_id", "archived_orders.id", "order_not_found"),
        references("customer_id", "customers.id", "customer_not_found"),
        references("delivery_boy_id", "users.id", "user_not_found"),
        references("confirmed_by_user_id", "users.id", "user_not_found"),
        references("corrected_by_user_id", "users.id", "user_not_found"),
        references("shared_link_id", "shared_links.id", "link_not_found"),
        Index(None, "customer_id"),
    )

    id: Mapped[UUID] = mapped_column(sort_order=-100)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    legacy_id: Mapped[str | None] = mapped_column(sort_order=899)


class UnlinkedDeliveryStatus(Base):
    """A delivery row older than revision 0003 that fits no order, or several; kept for review, never guessed."""

    __tablename__ = "unlinked_delivery_statuses"

    id: Mapped[UUID] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[UUID]
    delivery_date: Mapped[date]
    reason: Mapped[str]
    #: The row as it was.
    document: Mapped[Any] = mapped_column(JSONB)
