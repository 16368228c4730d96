"""What many new standing orders are judged by, in one statement each."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Integer, RowMapping, Text, Uuid, any_, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from dairy_app.customers.queries import with_price
from dairy_app.subscriptions.models import Subscription


def unpriced(session: Session, wanted: Sequence[tuple[int, UUID, UUID, date]]) -> set[int]:
    """Of (place, customer, product, day) the places at which nobody knows what the product costs the customer."""
    rows = [dict(zip(("place", "customer_id", "product_id", "day"), map(str, each), strict=True)) for each in wanted]
    given = (
        func.jsonb_to_recordset(cast(literal(json.dumps(rows), Text), JSONB))
        .table_valued(
            column("place", Integer), column("customer_id", Uuid()), column("product_id", Uuid()), column("day", Date)
        )
        .render_derived("r", with_types=True)
    )
    source, price, _ = with_price(given, given.c.customer_id, given.c.product_id, given.c.day)
    return set(session.scalars(select(given.c.place).select_from(source).where(price.is_(None))))


def standing_orders_of(session: Session, customer_ids: Iterable[UUID]) -> Sequence[RowMapping]:
    """The standing orders of customers that are not stopped: whose, what, in which shift, on which days."""
    s: Any = Subscription.__table__.c
    columns = (s.id, s.customer_id, s.product_id, s.shift, s.weekly_pattern, s.start_date, s.stop_date)
    ours = s.customer_id == any_(literal(list(customer_ids), ARRAY(Uuid())))
    return session.execute(select(*columns).where(ours, s.status != "stopped").order_by(s.id)).mappings().all()
