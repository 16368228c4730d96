"""Schedules: what a standing order is from a day to a day, divided, joined, and copied to its own row."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Row, Uuid, and_, delete, func, insert, literal, not_, null, select, text, update
from sqlalchemy.orm import Session

from dairy_app.catalogue.models import Product
from dairy_app.subscriptions.models import Subscription, SubscriptionSchedule
from dairy_app.subscriptions.queries.schedules import TERMS

_COPIED = ", ".join(TERMS)
#: Terms that change together.
_TOGETHER = (
    ("mode", "weekly_pattern", "weekly_quantities", "interval_days", "anchor_date"),
    ("shift",),
    ("product_id", "price_per_unit"),
)
#: Not waited for: whoever holds the row changes it and takes what is valid by then, and ``due`` needs no copy. Who
#: asked for it and why is told of what it is now, unless it ended: then of its end.
_APPLY = text(f"""
WITH begun AS (
    SELECT s.id, c.default_quantity, c.requested_by, c.channel, c.reason, {", ".join(f"c.{name}" for name in TERMS)}
    FROM subscription_schedules c JOIN subscriptions s ON s.id = c.subscription_id
    WHERE c.valid @> CAST(:day AS date) AND (CAST(:one AS uuid) IS NULL OR s.id = :one)
        AND ({", ".join(f"s.{name}" for name in TERMS)}) IS DISTINCT FROM ({", ".join(f"c.{name}" for name in TERMS)})
    FOR NO KEY UPDATE OF s SKIP LOCKED
)
UPDATE subscriptions s SET ({_COPIED}) = ({", ".join(f"b.{name}" for name in TERMS)}),
    default_quantity = coalesce(b.default_quantity, s.default_quantity),
    requested_by = CASE WHEN s.stop_date IS NULL THEN b.requested_by ELSE s.requested_by END,
    channel = CASE WHEN s.stop_date IS NULL THEN b.channel ELSE s.channel END,
    change_reason = CASE WHEN s.stop_date IS NULL THEN b.reason ELSE s.change_reason END, updated_at = now()
FROM begun b WHERE s.id = b.id""")


def apply_schedules(session: Session, day: date, subscription_id: UUID | None = None) -> None:
    """Let the columns of standing orders (None: of all) show what is valid on a day. A repeat changes nothing."""
    session.execute(_APPLY, {"day": day, "one": subscription_id})


def begin_schedules(session: Session, subscription_id: UUID) -> None:
    """What a standing order is becomes its first schedule, without beginning and end, unless it has some."""
    s = Subscription.__table__.c
    names = ["default_quantity", "requested_by", "channel", *TERMS]
    there = select(SubscriptionSchedule.id).where(SubscriptionSchedule.subscription_id == subscription_id)
    ever = func.daterange(null(), null())
    its_own = select(s.id, ever, *(s[name] for name in names)).where(s.id == subscription_id, ~there.exists())
    session.execute(insert(SubscriptionSchedule).from_select(["subscription_id", "valid", *names], its_own))


def end_schedules(session: Session, subscription_id: UUID, day: date) -> None:
    """Take back what begins on a day or later: what holds before it holds for ever."""
    c = SubscriptionSchedule
    mine, begins = c.subscription_id == subscription_id, func.lower(c.valid)
    session.execute(delete(c).where(mine, begins >= day).execution_options(synchronize_session=False))
    _until(session, subscription_id, day, null())


def divide(session: Session, subscription_id: UUID, day: date, row: Mapping[str, Any]) -> UUID:
    """Let the last schedule end before a day and another one begin; its id."""
    _until(session, subscription_id, day, literal(day, Date))
    anew = {"subscription_id": subscription_id, "valid": func.daterange(literal(day, Date), null()), **row}
    made: UUID = session.execute(
        insert(SubscriptionSchedule).values(anew).returning(SubscriptionSchedule.id)
    ).scalar_one()
    return made


def join(session: Session, subscription_id: UUID, change_id: UUID, first: date, after: date | None) -> None:
    """Take back a change that holds from ``first`` to before ``after``: what was before holds on these days too."""
    c = SubscriptionSchedule
    session.execute(delete(c).where(c.id == change_id).execution_options(synchronize_session=False))
    _until(session, subscription_id, first, literal(after, Date))


def name_quantity(session: Session, subscription_id: UUID, day: date, quantity: Any) -> None:
    """Let what begins on a day say the quantity that it had from the one before."""
    c = SubscriptionSchedule
    mine = (c.subscription_id == subscription_id, func.lower(c.valid) == day, c.default_quantity.is_(None))
    session.execute(
        update(c).where(*mine).values(default_quantity=quantity).execution_options(synchronize_session=False)
    )


def forget_single(session: Session, subscription_id: UUID) -> None:
    """A standing order with nothing but its first schedule says all in its own columns again."""
    c = SubscriptionSchedule
    whole = (func.lower_inf(c.valid), func.upper_inf(c.valid))
    gone = delete(c).where(c.subscription_id == subscription_id, *whole)
    session.execute(gone.execution_options(synchronize_session=False))


def change_valid(session: Session, subscription_id: UUID, day: date, known: Row[Any], row: Mapping[str, Any]) -> None:
    """Write terms of what a standing order is on a day; one without schedules says them itself.

    ``known``: its terms before. A later schedule that has them still, and the same unit, only kept them, and gets the
    new ones, until the first that has others: a price is one of its product, a rhythm is one with all its parts.
    """
    c = SubscriptionSchedule
    mine = c.subscription_id == subscription_id
    for group in _TOGETHER:
        written = {name: row[name] for name in group if name in row}
        if not written:
            continue
        same = and_(
            Product.unit == known.unit,
            *(c.__table__.c[name].is_not_distinct_from(known._mapping[name]) for name in group),
        )
        others = select(func.min(func.lower(c.valid))).join(Product, Product.id == c.product_id)
        until = others.where(mine, func.lower(c.valid) > day, not_(same)).scalar_subquery()
        kept = c.valid.overlaps(func.daterange(literal(day, Date), until))
        changed = update(c).where(mine, kept).values({**written, "updated_at": func.now()})
        session.execute(changed.execution_options(synchronize_session=False))


def _until(session: Session, subscription_id: UUID, day: date, end: Any) -> None:
    """Let what holds on the day before end there."""
    c = SubscriptionSchedule
    before = c.valid.contains(literal(day, Date) - 1)
    until = func.daterange(func.lower(c.valid), end)
    cut = update(c).where(c.subscription_id == literal(subscription_id, Uuid), before, c.valid != until)
    session.execute(cut.values(valid=until, updated_at=func.now()).execution_options(synchronize_session=False))
