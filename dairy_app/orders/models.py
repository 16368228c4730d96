"""Orders and their items."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Computed, Index, SmallInteger, literal_column, text
from sqlalchemy.dialects.postgresql import JSONB
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

ORDER_TYPES = ("one_time", "subscription")
SHIFTS = ("morning", "evening")
ORDER_STATUSES = (
    "PENDING",
    "OUT_FOR_DELIVERY",
    "DELIVERED",
    "PARTIALLY_DELIVERED",
    "NOT_DELIVERED",
    "CANCELLED",
)
ORDER_SOURCES = ("customer", "staff", "generator", "shared_link", "door", "import")
PRICE_SOURCES = ("customer", "subscription", "product", "override", "free", "import")

#: Stands for "no area" where areas are compared: every customer then has one, and rows find each other by equality.
NO_AREA = UUID(int=0)

IS_DELIVERED = "status IN ('DELIVERED', 'PARTIALLY_DELIVERED')"


class OrderColumns:
    """What is known of an order, at work or archived."""

    customer_id: Mapped[UUID]
    order_type: Mapped[str] = mapped_column(server_default=text("'one_time'"))
    subscription_id: Mapped[UUID | None]
    #: The planned day; it decides the price.
    delivery_date: Mapped[date]
    shift: Mapped[str] = mapped_column(server_default=text("'morning'"))
    status: Mapped[str] = mapped_column(server_default=text("'PENDING'"))
    #: NULL: the customer's own delivery boy and area. Fixed when the round starts: who moves then, moves from the next
    #: order on.
    delivery_boy_id: Mapped[UUID | None]
    area_id: Mapped[UUID | None] = mapped_column(sort_order=951)
    placed_by: Mapped[UUID | None]
    source: Mapped[str]
    #: The address as it stood when the order was placed.
    address: Mapped[Any | None] = mapped_column(JSONB)
    notes: Mapped[str | None]
    #: The day it was really delivered; it decides the billing period.
    delivered_on: Mapped[date | None]
    delivered_at: Mapped[datetime | None]
    delivery_confirmed: Mapped[bool] = mapped_column(server_default=text("false"))
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    #: A change of the standing order cancelled it; lifting the change brings it back.
    cancelled_by_subscription: Mapped[bool] = mapped_column(server_default=text("false"), sort_order=950)
    invoice_id: Mapped[UUID | None]
    #: What else was handed over when this order of the same customer was confirmed is an order of its own.
    placed_at_door_of: Mapped[UUID | None] = mapped_column(sort_order=952)
    #: The closing that cancelled it; reopening the day brings it back.
    closed_day_id: Mapped[UUID | None] = mapped_column(sort_order=953)
    #: Whose invoice it is on: the customer's own, or whom the customer was billed to. Set by the database.
    payer_id: Mapped[UUID | None] = mapped_column(sort_order=954)


class Order(OrderColumns, Imported, Base):
    """What one customer gets on one date, once."""

    __tablename__ = "orders"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references(
            ("subscription_id", "customer_id"),
            ("subscriptions.id", "subscriptions.customer_id"),
            "subscription_not_found",
            name="fk_orders_subscription_of_customer",
            deferrable=True,
        ),
        references(
            ("invoice_id", "payer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_orders_invoice_of_payer",
            deferrable=True,
        ),
        references(
            ("placed_at_door_of", "customer_id"),
            ("orders.id", "orders.customer_id"),
            "order_not_found",
            name="fk_orders_placed_at_door_of_customer",
            deferrable=True,
        ),
        references("delivery_boy_id", "users.id", "user_not_found"),
        references("area_id", "areas.id", "area_not_found"),
        references("placed_by", "users.id", "user_not_found"),
        references("closed_day_id", "closed_days.id", "closed_day_not_found", ondelete="SET NULL"),
        unique("id", "customer_id"),
        unique("subscription_id", "delivery_date"),
        one_of("order_type", ORDER_TYPES),
        one_of("status", ORDER_STATUSES, "status_known"),
        one_of("shift", SHIFTS),
        one_of("source", ORDER_SOURCES),
        check("type_agrees_with_subscription", "(order_type = 'subscription') = (subscription_id IS NOT NULL)"),
        check("delivered_iff_on_invoice", f"({IS_DELIVERED}) = (invoice_id IS NOT NULL)", "illegal_transition"),
        check("payer_iff_on_invoice", "(payer_id IS NULL) = (invoice_id IS NULL)", "illegal_transition"),
        check(
            "delivered_iff_dated",
            f"({IS_DELIVERED}) = (delivered_on IS NOT NULL)"
            f" AND ({IS_DELIVERED}) = (delivered_at IS NOT NULL) AND ({IS_DELIVERED}) = delivery_confirmed",
            "illegal_transition",
        ),
        check(
            "cancelled_iff_dated",
            "(status = 'CANCELLED') = (cancelled_at IS NOT NULL) AND (status = 'CANCELLED' OR cancel_reason IS NULL)",
            "illegal_transition",
        ),
        check(
            "cancelled_by_subscription_fits",
            "NOT cancelled_by_subscription OR (status = 'CANCELLED' AND subscription_id IS NOT NULL)",
            "illegal_transition",
        ),
        check(
            "door_order_came",
            "source <> 'door' OR (order_type = 'one_time' AND status NOT IN ('PENDING', 'OUT_FOR_DELIVERY'))",
            "illegal_transition",
        ),
        check("placed_at_door_is_door_order", "placed_at_door_of IS NULL OR source = 'door'"),
        check("closed_day_fits", "closed_day_id IS NULL OR status = 'CANCELLED'", "illegal_transition"),
        check("dates_finite", "isfinite(delivery_date) AND isfinite(delivered_on) AND isfinite(delivered_at)"),
        check("text_lengths", "length(cancel_reason) <= 500 AND length(notes) <= 4000"),
        Index("ix_orders_customer_date", "customer_id", "delivery_date"),
        Index(
            "ix_orders_open",
            "delivery_date",
            "id",
            postgresql_where=text("status IN ('PENDING', 'OUT_FOR_DELIVERY')"),
        ),
        Index(
            "ix_orders_exceptions",
            "delivery_date",
            "id",
            postgresql_where=text("status IN ('CANCELLED', 'NOT_DELIVERED', 'PARTIALLY_DELIVERED')"),
        ),
        Index("ix_orders_invoice_area", "invoice_id", "area_id", postgresql_where=text("invoice_id IS NOT NULL")),
        unique_index("uq_orders_placed_at_door_of", "placed_at_door_of", where="placed_at_door_of IS NOT NULL"),
        Index(
            "ix_orders_billed_elsewhere",
            "customer_id",
            "invoice_id",
            postgresql_where=text("payer_id <> customer_id"),
        ),
        Index("ix_orders_date_id", "delivery_date", "id"),
        Index("ix_orders_updated", "updated_at"),
        Index("ix_orders_closed_day", "closed_day_id", postgresql_where=text("closed_day_id IS NOT NULL")),
        Index(
            "ix_orders_boy_date",
            "delivery_boy_id",
            "delivery_date",
            postgresql_where=text("delivery_boy_id IS NOT NULL"),
        ),
    )


class OrderItemColumns:
    """What is known of one product of an order, at work or archived."""

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    product_id: Mapped[UUID]
    quantity: Mapped[Quantity]
    #: Rupees per unit, fixed when the order is made.
    unit_price: Mapped[Money]
    price_source: Mapped[str]
    #: NULL until confirmed.
    delivered_quantity: Mapped[Quantity | None]
    item_status: Mapped[str | None] = mapped_column(
        Computed(
            "CASE WHEN delivered_quantity = quantity THEN 'full'"
            " WHEN delivered_quantity = 0 THEN 'shortage'"
            " WHEN delivered_quantity IS NOT NULL THEN 'partial' END",
            persisted=True,
        )
    )


class OrderItem(OrderItemColumns, Base):
    """One product of an order: how much was wanted, at which price, and how much came."""

    __tablename__ = "order_items"
    __table_args__ = (
        references("order_id", "orders.id", "order_not_found", ondelete="CASCADE"),
        references("product_id", "products.id", "product_not_found"),
        unique("order_id", "product_id"),
        check("quantity_positive", "quantity > 0 AND quantity <> 'NaN'"),
        check("unit_price_not_negative", "unit_price >= 0 AND unit_price <> 'NaN'"),
        check(
            "delivered_within_ordered",
            "delivered_quantity BETWEEN 0 AND quantity",
            "quantity_exceeds_ordered",
        ),
        one_of("price_source", PRICE_SOURCES),
        Index(None, "product_id"),
    )


class ClosedDay(Identified, Base):
    """A day on which nothing is brought: a holiday, a strike. It is never changed, only taken back."""

    __tablename__ = "closed_days"
    __table_args__ = (
        references("area_id", "areas.id", "area_not_found"),
        references("closed_by", "users.id", "user_not_found"),
        one_of("shift", SHIFTS),
        check("days_finite", "isfinite(day) AND isfinite(deliver_on)"),
        check("deliver_on_another_day", "deliver_on <> day"),
        check("reason_length", "length(reason) BETWEEN 1 AND 500"),
        no_overlap(
            "ex_closed_days_once",
            ("day", "="),
            (literal_column("COALESCE(shift, ''::text)"), "="),
            (literal_column(f"COALESCE(area_id, '{NO_AREA}'::uuid)"), "="),
        ),
        Index(None, "area_id"),
        Index(None, "deliver_on"),
    )

    day: Mapped[date]
    #: NULL: both.
    shift: Mapped[str | None]
    #: With all areas below it; NULL: the whole dairy.
    area_id: Mapped[UUID | None]
    reason: Mapped[str]
    #: The day that gets the quantities of this one besides its own; NULL: nothing comes instead.
    deliver_on: Mapped[date | None]
    closed_by: Mapped[UUID | None]


class ArchivedOrder(OrderColumns, Timestamps, Base):
    """An order of a month that is archived, as it was. Nobody changes it; it follows its customer into a merge."""

    __tablename__ = "archived_orders"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references(
            ("subscription_id", "customer_id"),
            ("subscriptions.id", "subscriptions.customer_id"),
            "subscription_not_found",
            name="fk_archived_orders_subscription_of_customer",
            deferrable=True,
        ),
        references(
            ("invoice_id", "payer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_archived_orders_invoice_of_payer",
            deferrable=True,
        ),
        references("placed_at_door_of", "archived_orders.id", "order_not_found"),
        references("delivery_boy_id", "users.id", "user_not_found"),
        references("area_id", "areas.id", "area_not_found"),
        references("placed_by", "users.id", "user_not_found"),
        references("closed_day_id", "closed_days.id", "archived"),
        check("settled", "status NOT IN ('PENDING', 'OUT_FOR_DELIVERY')", "illegal_transition"),
        check("delivered_iff_on_invoice", f"({IS_DELIVERED}) = (invoice_id IS NOT NULL)", "illegal_transition"),
        check("payer_iff_on_invoice", "(payer_id IS NULL) = (invoice_id IS NULL)", "illegal_transition"),
        Index("ix_archived_orders_customer_date", "customer_id", "delivery_date"),
        Index("ix_archived_orders_date_id", "delivery_date", "id"),
        Index(
            "ix_archived_orders_invoice_area", "invoice_id", "area_id", postgresql_where=text("invoice_id IS NOT NULL")
        ),
        Index("ix_archived_orders_closed_day", "closed_day_id", postgresql_where=text("closed_day_id IS NOT NULL")),
        unique_index(
            "uq_archived_orders_placed_at_door_of", "placed_at_door_of", where="placed_at_door_of IS NOT NULL"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-100)
    legacy_id: Mapped[str | None] = mapped_column(sort_order=899)


class ArchivedOrderItem(OrderItemColumns, Base):
    """One product of an archived order, as it was."""

    __tablename__ = "archived_order_items"
    __table_args__ = (
        references("order_id", "archived_orders.id", "order_not_found"),
        references("product_id", "products.id", "product_not_found"),
    )
