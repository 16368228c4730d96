"""Typing a quantity into a cell of the month's grid: a day to come is an override, a day delivered a correction."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.queries import get_visible_customer
from dairy_app.deliveries import queries
from dairy_app.deliveries.rules import Delivered
from dairy_app.deliveries.service import confirmations as service
from dairy_app.subscriptions.rules.wishes import DayQuantity
from dairy_app.subscriptions.service.standing_orders import set_override
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class DayEntry:
    """A quantity typed into a cell of the month's grid, and why."""

    customer_id: UUID
    product_id: UUID
    date: dt.date
    quantity: Decimal
    reason: str
    shift: str | None = None
    confirm: bool = False


def set_day(session: Session, actor: Actor, wanted: DayEntry) -> dict[str, Any]:
    """Set what one customer gets or got of one product on one day, in the product's unit.

    A day on which it was delivered is corrected, while its invoice is a draft; any other day from today on gets an
    override of the standing order. ``shift`` chooses where a day has several. Raises customer_not_found,
    illegal_transition (a day gone by without a confirmed delivery), subscription_not_found (nothing comes regularly:
    place an order), validation_failed (shift needed), and what a correction and an override raise.
    """
    customer_id, product_id, day = wanted.customer_id, wanted.product_id, wanted.date
    get_visible_customer(session, actor, customer_id)
    which = (customer_id, product_id, day, wanted.shift)
    delivered = queries.delivered_of_day(session, *which)
    is_over = day < today(session)
    standing = [] if is_over else queries.standing_of_day(session, *which)
    if delivered:
        one = _only([*delivered, *(each for each in standing if each["waits"])], "delivery")
        return _correct(session, actor, one["id"], product_id, wanted)
    if is_over:
        raise Problem("illegal_transition", f"Nothing was confirmed for {day}; confirm the delivery first.")
    if not standing:
        raise Problem("subscription_not_found", f"The customer has no standing order of the product on {day}.")
    one = _only(standing, "standing order")
    set_override(
        session, actor, one["id"], day, DayQuantity(wanted.quantity, note=wanted.reason, confirm=wanted.confirm)
    )
    return {"applied": "override", "subscription_id": one["id"], "order_id": None}


def _only(found: Sequence[RowMapping], what: str) -> RowMapping:
    if len(found) > 1:
        shifts = {row["shift"] for row in found}
        how = "Say which shift." if len(shifts) == len(found) else "Change the order itself."
        raise invalid("/shift", f"There is more than one {what} of the product on that day. {how}", "ambiguous")
    return found[0]


def _correct(session: Session, actor: Actor, order_id: UUID, product_id: UUID, wanted: DayEntry) -> dict[str, Any]:
    items = [
        Delivered(item.product_id, wanted.quantity if item.product_id == product_id else item.delivered_quantity)
        for item in queries.delivered_items(session, order_id)
    ]
    service.correct(session, actor, order_id, service.Correction(wanted.reason, items))
    return {"applied": "correction", "order_id": order_id, "subscription_id": None}
