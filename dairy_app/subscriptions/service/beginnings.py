"""Many standing orders at once, by the rules of a single one: judged each by each, written together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import require_usual, today
from dairy_app.catalogue.queries import all_products
from dairy_app.common.changes import sent
from dairy_app.common.errors import FieldError, Problem
from dairy_app.customers.queries import new_ids
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.bulk import standing_orders as rows
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.queries.beginnings import unpriced
from dairy_app.subscriptions.rules.rhythm import check_beginning, check_whole, quantities_of, with_days, with_interval
from dairy_app.subscriptions.rules.standing_orders import require_active, without_price
from dairy_app.subscriptions.rules.wishes import NewSubscription
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class Begun:
    """One of many that are wanted: the columns to write, and what is wrong with it."""

    row: dict[str, Any]
    errors: Sequence[FieldError]


def judge_many(session: Session, wanted: Sequence[NewSubscription]) -> list[Begun]:
    """What is wrong with each of them, as ``subscribe`` would say it to an admin; they begin today if none says when.

    The customers need not be registered yet. Two statements, however many.
    """
    first, products = today(session), {each.id: each for each in all_products(session)}
    judged = []
    for each in wanted:
        row = with_interval(with_days({"start_date": first, **sent(each)}))
        confirmed = row.pop("confirm")
        product, errors = products[each.product_id], list[FieldError]()
        try:
            check_beginning(row)
            require_active(product.name, is_active=product.is_active)
            check_whole(product.unit, quantities_of(row))
            if not confirmed:
                require_usual(session, product.unit, quantities_of(row))
        except Problem as problem:
            errors = problem.errors
        judged.append(Begun(row, errors))
    asked = [
        (place, each.row["customer_id"], each.row["product_id"], each.row["start_date"])
        for place, each in enumerate(judged)
        if not each.errors and each.row.get("price_per_unit") is None
    ]
    for place in unpriced(session, asked) if asked else ():
        row = judged[place].row
        judged[place] = Begun(row, without_price(products[row["product_id"]].name, row["start_date"]).errors)
    return judged


def begin_many(session: Session, actor: Actor, judged: Sequence[Begun]) -> list[UUID]:
    """Write standing orders that were judged; their ids in this order. Days whose orders are made get theirs at once.

    The caller holds the lock of the generation, and has locked the customers after it. A constant number of statements.
    """
    if not judged:
        return []
    ids = new_ids(session, len(judged))[::-1]
    said = {"requested_by": actor.user_id, "channel": "import"}
    rows.insert_subscriptions(
        session, [{"id": made, **each.row, **said} for made, each in zip(ids, judged, strict=True)]
    )
    days = queries.days_with_orders(session, today(session))
    if days:
        bulk.generate_for_many(session, days, ids)
    return ids
