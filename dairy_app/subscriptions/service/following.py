"""What every change of a standing order ends with: a row beside it, and the orders that follow."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.clock import now
from dairy_app.customers.models import Customer
from dairy_app.orders import bulk as closings
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.bulk import standing_orders as rows
from dairy_app.subscriptions.models import SubscriptionOverride, SubscriptionQuantity
from dairy_app.subscriptions.policy import channel_of
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.web.access import Actor

#: What stands beside a standing order.
Beside = type[SubscriptionOverride] | type[SubscriptionQuantity]


def follow(session: Session, subscription_ids: Sequence[UUID], reason: str) -> None:
    """The orders from today on say what the standing orders say: the ones there change, missing ones are made."""
    first = today(session)
    bulk.follow(session, subscription_ids, first, at=now(), reason=reason)
    days = queries.days_with_orders(session, first)
    if days and subscription_ids:
        bulk.generate(session, days, bulk.among(subscription_ids))


def follow_customers(session: Session, customer_ids: Sequence[UUID], reason: str) -> None:
    """Let the orders of customers follow their new status or area: of standing orders, and those of single days."""
    follow(session, queries.subscriptions_of(session, *customer_ids), reason)
    closings.follow_closings(session, Customer.id.in_(customer_ids), today(session), now())
    session.expire_all()


def insert_beside(
    session: Session, table: Beside, actor: Actor, subscription_id: UUID, channel: str | None, row: Mapping[str, object]
) -> UUID:
    """A row beside a standing order, with who asked for it and by which way; its id."""
    said = {"subscription_id": subscription_id, "requested_by": actor.user_id, "channel": channel_of(actor, channel)}
    return rows.insert_beside(session, table, {**said, **row})
