"""Containers that come back, and their way to customers and home again."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from sqlalchemy import Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, Money, Timestamps, check, references, unique_index

#: Rupees of one container. The deposits of as many as are told at one time are an amount that a document can show.
HIGHEST_DEPOSIT = 100000
#: Of one kind, that a customer has or that move at one time: more is a slip, and the sums of it have no room.
MOST_OF_A_KIND = 1000000

PerUnit = Annotated[Decimal, mapped_column(Numeric(10, 3))]


class Container(Identified, Base):
    """A kind of container that goes out with goods and comes back: a glass bottle, a can, a crate."""

    __tablename__ = "containers"
    __table_args__ = (
        unique_index("uq_containers_name", text("lower(name)")),
        check("name_length", "length(name) BETWEEN 1 AND 100"),
        check("deposit_not_negative", "deposit >= 0 AND deposit <> 'NaN'"),
        check("deposit_limited", f"deposit <= {HIGHEST_DEPOSIT}"),
    )

    name: Mapped[str]
    #: Rupees that one is charged with when it is lost; 0: nothing.
    deposit: Mapped[Money]


class ContainerMovement(Identified, Base):
    """Containers of one kind that went to a customer, came back, or are lost.

    Of an order: one row for each of its products in such containers, and one for what came back at its door. Without
    an order: what the office entered.
    """

    __tablename__ = "container_movements"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("container_id", "containers.id", "container_not_found"),
        references(
            ("order_id", "customer_id"),
            ("orders.id", "orders.customer_id"),
            "order_not_found",
            name="fk_container_movements_order_of_customer",
            deferrable=True,
        ),
        references("product_id", "products.id", "product_not_found"),
        references("adjustment_id", "adjustments.id", "adjustment_not_found", ondelete="SET NULL"),
        references("by", "users.id", "user_not_found"),
        check("counts_not_negative", "out >= 0 AND back >= 0 AND lost >= 0"),
        check(
            "counts_limited",
            f"out <= {MOST_OF_A_KIND} AND back <= {MOST_OF_A_KIND} AND lost <= {MOST_OF_A_KIND}",
            "too_many_empties",
        ),
        check(
            "kind_of_row",
            "CASE WHEN product_id IS NOT NULL THEN order_id IS NOT NULL AND per_unit > 0 AND back = 0 AND lost = 0"
            " WHEN order_id IS NOT NULL THEN per_unit IS NULL AND out = 0 AND lost = 0"
            " ELSE per_unit IS NULL AND num_nonnulls(nullif(out, 0), nullif(back, 0), nullif(lost, 0)) = 1 END",
        ),
        check("only_lost_is_charged", "adjustment_id IS NULL OR lost > 0"),
        check("day_finite", "isfinite(day)"),
        check("reason_length", "length(reason) <= 500"),
        unique_index("uq_container_movements_product_of_order", "order_id", "product_id",
            where="product_id IS NOT NULL"),
        unique_index("uq_container_movements_back_of_order", "order_id", "container_id",
            where="order_id IS NOT NULL AND product_id IS NULL"),
        Index("ix_container_movements_customer_day", "customer_id", "day"),
        Index("ix_container_movements_day", "day"),
        Index("ix_container_movements_adjustment", "adjustment_id",
            postgresql_where=text("adjustment_id IS NOT NULL")),
    )  # fmt: skip

    customer_id: Mapped[UUID]
    container_id: Mapped[UUID]
    order_id: Mapped[UUID | None]
    #: Of which goods of the order they were.
    product_id: Mapped[UUID | None]
    #: Containers to one unit of the product when it was delivered: a correction counts with it, whatever holds by then.
    per_unit: Mapped[PerUnit | None]
    day: Mapped[date]
    out: Mapped[int] = mapped_column(server_default=text("0"))
    back: Mapped[int] = mapped_column(server_default=text("0"))
    lost: Mapped[int] = mapped_column(server_default=text("0"))
    #: Whose round it was; without an order, who entered it.
    by: Mapped[UUID | None]
    reason: Mapped[str | None]
    #: What a lost container was charged with.
    adjustment_id: Mapped[UUID | None]


class ContainerBalance(Timestamps, Base):
    """How many containers of a kind a customer has: the sum of its movements, written by their trigger."""

    __tablename__ = "container_balances"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("container_id", "containers.id", "container_not_found"),
        check("balance_limited", f"balance <= {MOST_OF_A_KIND}", "too_many_empties"),
        Index(None, "container_id"),
    )

    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    container_id: Mapped[UUID] = mapped_column(primary_key=True)
    #: Never below 0 at the end of a transaction.
    balance: Mapped[int]
