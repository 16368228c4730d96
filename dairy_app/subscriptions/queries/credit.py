"""Credit as it decides which orders are made, and what was held back for want of it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, any_, exists, literal, or_, select, text
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings
from dairy_app.catalogue.models import Product
from dairy_app.customers.models import HAS_LIMIT, Customer
from dairy_app.subscriptions.models import CreditHold, Subscription

#: Orders not made that are listed of a customer.
MOST_HOLDS = 31


def may_hold(session: Session, days: Sequence[date]) -> bool:
    """Whether making the orders of some days has to ask about credit: limits hold, or did when they were last made."""
    limited = exists().where(text(HAS_LIMIT)).select_from(Customer)
    held_before = exists().where(CreditHold.day == any_(literal(list(days), ARRAY(Date))))
    holds = business_settings(session).on_credit_limit == "hold"
    return bool(session.scalar(select(or_(held_before, limited) if holds else held_before)))


def holds_of(session: Session, customer_id: UUID, first: date) -> Sequence[Any]:
    """The orders from a day on that a customer did not get, the latest first."""
    return session.execute(
        select(*CreditHold.__table__.c, Product.name.label("product_name"))
        .join(Subscription, Subscription.id == CreditHold.subscription_id)
        .join(Product, Product.id == Subscription.product_id)
        .where(Subscription.customer_id == customer_id, CreditHold.day >= first)
        .order_by(CreditHold.day.desc(), Product.name, CreditHold.subscription_id)
        .limit(MOST_HOLDS)
    ).all()
