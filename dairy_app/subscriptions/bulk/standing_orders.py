"""Rows of standing orders and of what stands beside them."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, Text, Uuid, cast, column, delete, func, insert, literal, select, true, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from dairy_app.database.values import uuid_array
from dairy_app.subscriptions.models import Subscription, SubscriptionOverride, SubscriptionPause, SubscriptionQuantity


def insert_subscription(session: Session, row: Mapping[str, Any]) -> UUID:
    """A new standing order; its id."""
    made: UUID = session.execute(insert(Subscription).values(row).returning(Subscription.id)).scalar_one()
    return made


#: What a row may say of a new standing order.
_OWN = [each for each in Subscription.__table__.c if each.name not in {"created_at", "updated_at"}]


def insert_subscriptions(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """New standing orders: columns by name, ``id`` among them; what is left out has its usual value. One statement."""
    given = (
        func.jsonb_to_recordset(cast(literal(json.dumps(rows, default=str), Text), JSONB))
        .table_valued(*(column(each.name, each.type) for each in _OWN))
        .render_derived("r", with_types=True)
    )
    values = [
        func.coalesce(given.c[each.name], each.server_default.arg) if each.server_default else given.c[each.name]
        for each in _OWN
    ]
    new = select(*values).order_by(given.c.id)
    session.execute(insert(Subscription).from_select([each.name for each in _OWN], new, include_defaults=False))


def update_subscription(session: Session, subscription_id: UUID, row: Mapping[str, Any]) -> None:
    """Write columns of one standing order. What the session holds of it is out of date afterwards."""
    session.execute(
        update(Subscription)
        .where(Subscription.id == subscription_id)
        .values({**row, "updated_at": func.now()})
        .execution_options(synchronize_session=False)
    )


def insert_beside(session: Session, table: Any, row: Mapping[str, Any]) -> UUID:
    """A row of ``table``: an override or a quantity of a standing order; its id.

    Said when this is run, not when the transaction began: what waited for a closing comes after it.
    """
    said = {"created_at": func.clock_timestamp(), "updated_at": func.clock_timestamp()}
    made: UUID = session.execute(insert(table).values({**said, **row}).returning(table.id)).scalar_one()
    return made


def delete_override(session: Session, subscription_id: UUID, day: date) -> None:
    """Forget what was entered for a day."""
    session.execute(
        delete(SubscriptionOverride)
        .where(SubscriptionOverride.subscription_id == subscription_id, SubscriptionOverride.date == day)
        .execution_options(synchronize_session=False)
    )


def delete_quantities_from(session: Session, subscription_id: UUID, day: date, last: date | None = None) -> None:
    """Forget the default quantities that begin on a day or later, up to ``last``."""
    session.execute(
        delete(SubscriptionQuantity)
        .where(SubscriptionQuantity.subscription_id == subscription_id, SubscriptionQuantity.valid_from >= day)
        .where(SubscriptionQuantity.valid_from <= last if last else true())
        .execution_options(synchronize_session=False)
    )


def end_pauses(session: Session, ends: Mapping[UUID, date], **anew: Any) -> int:
    """End each pause before its day; delete those that have not begun by then. How many there were to end.

    ``anew``: columns of those that are ended.
    """
    keys, lasts = cast(literal(uuid_array(ends), Text), ARRAY(Uuid())), literal(list(ends.values()), ARRAY(Date))
    until = func.unnest(keys, lasts).table_valued(column("id", Uuid()), column("day", Date())).render_derived("until")
    mine, begun = SubscriptionPause.id == until.c.id, func.lower(SubscriptionPause.period)
    running = func.coalesce(func.upper(SubscriptionPause.period) > until.c.day, True)
    row = {"period": days(begun, until.c.day), "updated_at": func.now(), **anew}
    gone = session.connection().execute(delete(SubscriptionPause).where(mine, begun >= until.c.day))
    cut = session.connection().execute(update(SubscriptionPause).where(mine, running).values(row))
    return gone.rowcount + cut.rowcount


def insert_pauses(session: Session, subscription_ids: Sequence[UUID], row: Mapping[str, Any]) -> list[UUID]:
    """The same pause in each of these standing orders; their ids."""
    made = insert(SubscriptionPause).values([{"subscription_id": each, **row} for each in subscription_ids])
    return list(session.scalars(made.returning(SubscriptionPause.id)))


def change_pauses(session: Session, pause_ids: Sequence[UUID], row: Mapping[str, Any]) -> None:
    """Write columns of pauses."""
    session.execute(
        update(SubscriptionPause)
        .where(SubscriptionPause.id.in_(pause_ids))
        .values({**row, "updated_at": func.now()})
        .execution_options(synchronize_session=False)
    )


def days(first: Any, end: Any) -> Any:
    """The days from ``first`` up to, but not including, ``end``; None has no end."""
    return func.daterange(first, end)


def pause_until(session: Session, subscription_id: UUID, first: date, after: date, said: Mapping[str, Any]) -> None:
    """Pause the days from ``first`` to before ``after`` that no pause covers yet; ``said``: requested_by, channel."""
    there = select(func.range_agg(SubscriptionPause.period)).where(SubscriptionPause.subscription_id == subscription_id)
    wanted = func.datemultirange(func.daterange(first, max(first, after)))
    held = func.coalesce(there.scalar_subquery(), func.datemultirange())
    gaps = func.unnest(wanted.op("-")(held)).column_valued("gap")
    columns = [literal(subscription_id, Uuid), gaps, *(literal(value) for value in said.values())]
    session.execute(insert(SubscriptionPause).from_select(["subscription_id", "period", *said], select(*columns)))


def close_ended(session: Session, day: date) -> None:
    """Mark as stopped what has reached its stop date."""
    ended = (Subscription.status.in_(("active", "paused")), Subscription.stop_date <= day)
    session.execute(
        update(Subscription).where(*ended).values(status="stopped").execution_options(synchronize_session=False)
    )
