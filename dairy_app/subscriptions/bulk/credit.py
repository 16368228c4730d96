"""Orders that are not made because their customer is at its credit limit: which, and what is kept of it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Date,
    Numeric,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    case,
    column,
    delete,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from dairy_app.business.models import BusinessSettings
from dairy_app.catalogue.models import Product
from dairy_app.customers.models import HAS_LIMIT, Customer
from dairy_app.orders.queries import exposures
from dairy_app.subscriptions.models import CreditHold, Subscription


def lock_limited(session: Session) -> None:
    """Take the mutex of all customers whose orders may be held back, ids ascending; one statement.

    After the lock of the generation, as everyone: a payment is in before credit is asked about, or waits.
    """
    holds = select(BusinessSettings.id).where(BusinessSettings.on_credit_limit == "hold").exists()
    limited = select(Customer.id).where(text(HAS_LIMIT), holds).order_by(Customer.id).with_for_update(key_share=True)
    session.execute(select(func.count()).select_from(limited.subquery("locked")))


def judged(offered: Select[Any], today: date) -> CTE:
    """Orders that could be made, each with what ``exposure`` its customer would come to, and whether it ``is_held``.

    Of who pays a day is held as a whole: when what it owes, has ordered, and is due up to and with that day, also for
    those that are billed to it, is over its limit. What was held back on a day that has gone by stays so: nobody brings
    it any more.
    """
    wanted = offered.cte("could_be")
    payer = func.coalesce(Customer.billed_to, Customer.id)
    payers = select(payer).where(Customer.id.in_(select(wanted.c.customer_id)))
    limited = select(Customer.id).where(text(HAS_LIMIT), Customer.id.in_(payers.correlate(None)))
    found = exposures(func.array(limited.scalar_subquery(), type_=ARRAY(Uuid())), today)
    factors = func.tax_factors(today).table_valued(column("tax_class", Text()), column("factor", Numeric()))
    gross = func.round(wanted.c.quantity * wanted.c.price, 2)
    amount = case((found.c.credit_limit.is_not(None), func.round(gross * factors.c.factor, 2)))
    valued = (
        select(
            *wanted.c,
            payer.label("payer_id"),
            found.c.credit_limit,
            found.c.exposure.label("before"),
            amount.label("amount"),
        )
        .join(Product, Product.id == wanted.c.product_id)
        .join(factors, factors.c.tax_class == Product.tax_class)
        .join(Customer, Customer.id == wanted.c.customer_id)
        .outerjoin(found, found.c.customer_id == payer)
        .cte("valued")
    )
    so_far = func.sum(valued.c.amount).over(partition_by=valued.c.payer_id, order_by=valued.c.day)
    summed = select(*valued.c, (valued.c.before + so_far).label("exposure")).cte("summed")
    known = and_(CreditHold.subscription_id == summed.c.subscription_id, CreditHold.day == summed.c.day)
    holds = select(BusinessSettings.on_credit_limit == "hold").scalar_subquery()
    is_over = and_(holds, func.coalesce(summed.c.exposure > summed.c.credit_limit, false()))
    is_past = and_(CreditHold.day.is_not(None), summed.c.day < today)
    return (
        select(*summed.c, or_(is_past, is_over).label("is_held"))
        .select_from(summed.outerjoin(CreditHold, known))
        .cte("judged")
    )


def remembering(judged: CTE, days: Sequence[date], today: date, *only: ColumnElement[bool]) -> list[CTE]:
    """The writes of what is held back now, and that nothing else of these days is; days gone by keep what they have."""
    rows = select(
        judged.c.subscription_id, judged.c.day, judged.c.amount, judged.c.exposure, judged.c.credit_limit
    ).where(judged.c.is_held, judged.c.day >= today)
    names = ["subscription_id", "day", "amount", "exposure", "credit_limit"]
    made = postgresql.insert(CreditHold).from_select(names, rows, include_defaults=False)
    anew = {name: made.excluded[name] for name in names[2:]} | {"updated_at": func.now()}
    held = made.on_conflict_do_update(index_elements=names[:2], set_=anew).cte("holding")
    still = (
        select(judged.c.day)
        .where(judged.c.is_held, judged.c.subscription_id == CreditHold.subscription_id)
        .where(judged.c.day == CreditHold.day)
        .correlate(CreditHold)
        .exists()
    )
    released = (
        delete(CreditHold)
        .where(CreditHold.day == any_(literal(list(days), ARRAY(Date))), CreditHold.day >= today, not_(still))
        .where(CreditHold.subscription_id.in_(select(Subscription.id).where(*only)))
        .cte("released")
    )
    return [held, released]
