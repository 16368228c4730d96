"""Containers, who has them, and what moved, read."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, RowMapping, ScalarSelect, Select, func, literal_column, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import Session

from dairy_app.accounts.models import User
from dairy_app.common.errors import Problem
from dairy_app.containers.models import Container, ContainerBalance, ContainerMovement
from dairy_app.containers.rules import Empties
from dairy_app.web.pages import Page, read_page


def containers(session: Session) -> Sequence[Row[Any]]:
    """Every kind of container by name; there are few."""
    return session.execute(select(*Container.__table__.columns).order_by(Container.name, Container.id)).all()


def get_container(session: Session, container_id: UUID) -> Row[Any]:
    """One kind of container. Raises ``container_not_found``."""
    found = session.execute(select(*Container.__table__.columns).where(Container.id == container_id)).one_or_none()
    if found is None:
        raise Problem("container_not_found")
    return found


def balance_of(session: Session, customer_id: UUID, container_id: UUID) -> int:
    """How many containers of a kind a customer has."""
    wanted = select(ContainerBalance.balance).where(
        ContainerBalance.customer_id == customer_id, ContainerBalance.container_id == container_id
    )
    return session.scalar(wanted) or 0


def balances(session: Session, customer_id: UUID) -> Sequence[RowMapping]:
    """What a customer has of each kind that it ever had, by name."""
    columns: list[Any] = [Container.name.label("container_name"), Container.deposit]
    return (
        session.execute(
            select(ContainerBalance.container_id, *columns, ContainerBalance.balance)
            .join(Container, Container.id == ContainerBalance.container_id)
            .where(ContainerBalance.customer_id == customer_id)
            .order_by(Container.name, Container.id)
        )
        .mappings()
        .all()
    )


def at_door(customer_id: ColumnElement[UUID] | Any) -> ScalarSelect[Any]:
    """What a customer has of each kind, as a list in one column: for a list of customers, without a statement each."""
    told = func.jsonb_build_object(
        "container_id", Container.id, "name", Container.name, "balance", ContainerBalance.balance
    )
    listed = func.jsonb_agg(aggregate_order_by(told, Container.name, Container.id))
    return (
        select(func.coalesce(listed, literal_column("'[]'::jsonb"), type_=JSONB))
        .select_from(ContainerBalance)
        .join(Container, Container.id == ContainerBalance.container_id)
        .where(ContainerBalance.customer_id == customer_id, ContainerBalance.balance > 0)
        .scalar_subquery()
    )


def back_with(order_id: ColumnElement[UUID] | Any) -> ScalarSelect[Any]:
    """What came back when an order was confirmed, as a list in one column."""
    told = func.jsonb_build_object("container_id", Container.id, "name", Container.name, "back", ContainerMovement.back)
    listed = func.jsonb_agg(aggregate_order_by(told, Container.name, Container.id))
    return (
        select(func.coalesce(listed, literal_column("'[]'::jsonb"), type_=JSONB))
        .select_from(ContainerMovement)
        .join(Container, Container.id == ContainerMovement.container_id)
        .where(
            ContainerMovement.order_id == order_id, ContainerMovement.product_id.is_(None), ContainerMovement.back > 0
        )
        .scalar_subquery()
    )


_COLUMNS = ("id", "day", "container_id", "order_id", "product_id", "out", "back", "lost", "by", "reason",
    "adjustment_id", "created_at")  # fmt: skip


def _movements() -> Select[Any]:
    table = ContainerMovement.__table__
    columns: list[Any] = [table.c[name] for name in _COLUMNS]
    return (
        select(*columns, Container.name.label("container_name"), User.name.label("by_name"))
        .join(Container, Container.id == ContainerMovement.container_id)
        .outerjoin(User, User.id == ContainerMovement.by)
    )


def movement_page(session: Session, customer_id: UUID, *, limit: int, cursor: str | None) -> Page:
    """What moved to and from a customer, the latest day first; what corrections left nothing of is left out."""
    table = ContainerMovement.__table__
    moved = or_(table.c.out > 0, table.c.back > 0, table.c.lost > 0)
    rows = _movements().where(table.c.customer_id == customer_id, moved)
    keys = [table.c.day, table.c.id]
    return read_page(session, rows, keys, limit=limit, cursor=cursor, descending=True)


def movement_view(session: Session, movement_id: UUID) -> dict[str, Any]:
    """One movement, with what the customer has of its kind by now."""
    found = session.execute(
        _movements()
        .add_columns(ContainerBalance.balance, ContainerMovement.customer_id)
        .join(
            ContainerBalance,
            (ContainerBalance.customer_id == ContainerMovement.customer_id)
            & (ContainerBalance.container_id == ContainerMovement.container_id),
        )
        .where(ContainerMovement.id == movement_id)
    )
    return dict(found.mappings().one())


def empties_of_order(session: Session, order_id: UUID) -> list[Empties]:
    """What came back when an order was confirmed."""
    rows = session.execute(
        select(ContainerMovement.container_id, ContainerMovement.back).where(
            ContainerMovement.order_id == order_id, ContainerMovement.product_id.is_(None), ContainerMovement.back > 0
        )
    )
    return [Empties(row.container_id, row.back) for row in rows]


def has_too_few(session: Session, customer_id: UUID) -> bool:
    """Whether more of a kind came back from a customer than went out, by what this transaction wrote so far."""
    short = select(ContainerBalance.balance).where(
        ContainerBalance.customer_id == customer_id, ContainerBalance.balance < 0
    )
    return session.scalar(short) is not None


_MOVED = """
SELECT {key} AS key, m.container_id, sum(m.out) AS out, sum(m.back) AS back, sum(m.lost) AS lost
FROM container_movements m WHERE m.day BETWEEN :first AND :last GROUP BY 1, 2"""

#: ``balance`` is as of now, whatever the days: nobody asks what stood at a door a month ago.
_BY_CUSTOMER = text(f"""
SELECT u.id AS customer_id, u.code AS customer_code, u.name AS customer_name, NULL::uuid AS staff_id,
    NULL AS staff_name, c.id AS container_id, c.name AS container_name, c.deposit,
    coalesce(m.out, 0) AS out, coalesce(m.back, 0) AS back, coalesce(m.lost, 0) AS lost, b.balance,
    b.balance * c.deposit AS deposits
FROM container_balances b
JOIN containers c ON c.id = b.container_id
JOIN customers u ON u.id = b.customer_id
LEFT JOIN ({_MOVED.format(key="m.customer_id")}) m ON m.key = b.customer_id AND m.container_id = b.container_id
WHERE b.balance > 0 OR m.key IS NOT NULL
ORDER BY b.balance DESC, u.name, u.id, c.name""")

_BY_HELPER = text(f"""
SELECT NULL::uuid AS customer_id, NULL AS customer_code, NULL AS customer_name, u.id AS staff_id,
    u.name AS staff_name, c.id AS container_id, c.name AS container_name, c.deposit,
    sum(k.out)::bigint AS out, sum(k.back)::bigint AS back, sum(k.lost)::bigint AS lost,
    sum(k.balance)::bigint AS balance, sum(k.balance) * c.deposit AS deposits
FROM (
    SELECT m.key, m.container_id, m.out, m.back, m.lost, 0 AS balance FROM ({_MOVED.format(key="m.by")}) m
    UNION ALL
    SELECT x.delivery_boy_id, b.container_id, 0, 0, 0, sum(b.balance)
    FROM container_balances b JOIN customers x ON x.id = b.customer_id
    WHERE b.balance > 0 GROUP BY 1, 2
) k
JOIN containers c ON c.id = k.container_id
LEFT JOIN users u ON u.id = k.key
GROUP BY u.id, u.name, c.id, c.name, c.deposit
ORDER BY u.name NULLS LAST, u.id, c.name""")


def container_report(session: Session, by: str, first: date, last: date) -> Sequence[RowMapping]:
    """What moved on some days and what is out now, one row a customer or helper and kind; one statement.

    Of a helper: what went out and came back on his rounds (or was entered by somebody of the office), and what the
    customers have whom he has now. Rounds and customers of nobody have no ``staff_id``.
    """
    statement = _BY_CUSTOMER if by == "customer" else _BY_HELPER
    return session.execute(statement, {"first": first, "last": last}).mappings().all()
