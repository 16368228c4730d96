"""Delivery statuses, read."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dairy_app.common.pages import Page, read_page
from dairy_app.deliveries.models import DeliveryStatus


def delivery_status_page(session: Session, filters: Mapping[str, Any], *, limit: int, cursor: str | None) -> Page:
    """The newest days first; one statement."""
    table = DeliveryStatus.__table__
    rows = select(*table.c)
    for name in ("delivery_date", "status", "delivery_boy_id", "confirmation_method"):
        if name in filters:
            rows = rows.where(table.c[name] == filters[name])
    if "delivery_date_from" in filters:
        rows = rows.where(table.c.delivery_date >= filters["delivery_date_from"])
    if "delivery_date_to" in filters:
        rows = rows.where(table.c.delivery_date <= filters["delivery_date_to"])
    keys = [table.c.delivery_date, table.c.id]
    return read_page(session, rows, keys, limit=limit, cursor=cursor, descending=True)
