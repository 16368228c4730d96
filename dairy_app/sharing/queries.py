"""Links, their uses and change requests, read."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, RowMapping, Select, func, select
from sqlalchemy.orm import Session

from dairy_app.accounts.models import User
from dairy_app.catalogue.models import Product
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Area, Customer
from dairy_app.customers.queries import visible_customers
from dairy_app.deliveries.queries import orders_within
from dairy_app.deliveries.rules import Scope
from dairy_app.orders.models import Order
from dairy_app.sharing.models import ChangeRequest, SharedLink, SharedLinkEvent
from dairy_app.sharing.policy import hidden_request_fields
from dairy_app.subscriptions.models import Subscription
from dairy_app.web.access import Actor
from dairy_app.web.pages import Page, read_page

_links, _events, _requests = SharedLink.__table__, SharedLinkEvent.__table__, ChangeRequest.__table__
#: Secrets, and what only counts.
_HIDDEN = frozenset({"token_hash", "pin_hash", "window_started_at", "window_cost", "updated_at"})


def _shown_links() -> Select[Any]:
    """Links as admins see them, with whose round they are."""
    return (
        select(
            *(column for column in _links.c if column.name not in _HIDDEN),
            _links.c.pin_hash.is_not(None).label("has_pin"),
            User.name.label("delivery_boy_name"),
            Area.name.label("area_name"),
        )
        .outerjoin(User, User.id == _links.c.delivery_boy_id)
        .outerjoin(Area, Area.id == _links.c.area_id)
    )


def link_page(session: Session, *, limit: int, cursor: str | None) -> Page:
    """Links, the newest first; one statement."""
    return read_page(session, _shown_links(), [_links.c.id], limit=limit, cursor=cursor, descending=True)


def shown_link(session: Session, link_id: UUID) -> Row[Any]:
    """One link as admins see it. Raises link_not_found."""
    found = session.execute(_shown_links().where(_links.c.id == link_id)).one_or_none()
    if found is None:
        raise Problem("link_not_found")
    return found


def lock_link(session: Session, link_id: UUID) -> SharedLink:
    """One link, locked. Raises link_not_found."""
    found = session.scalar(select(SharedLink).where(SharedLink.id == link_id).with_for_update(key_share=True))
    if found is None:
        raise Problem("link_not_found")
    return found


def event_page(session: Session, link_id: UUID, *, limit: int, cursor: str | None) -> Page:
    """The uses of one link, the latest first. Raises link_not_found."""
    if session.scalar(select(_links.c.id).where(_links.c.id == link_id)) is None:
        raise Problem("link_not_found")
    uses = select(*_events.c).where(_events.c.link_id == link_id)
    return read_page(session, uses, [_events.c.id], limit=limit, cursor=cursor, descending=True)


def is_customer_in_scope(session: Session, scope: Scope, customer_id: UUID) -> bool:
    """Whether the scope holds an order of this customer, cancelled or not: who is on the round."""
    orders = orders_within(scope).subquery()
    found = select(Order.id).where(Order.customer_id == customer_id, Order.id.in_(select(orders.c.id)))
    return session.scalar(found.limit(1)) is not None


def is_subscription_of(session: Session, subscription_id: UUID, customer_id: UUID) -> bool:
    """Whether a standing order is this customer's."""
    wanted = select(Subscription.id).where(Subscription.id == subscription_id, Subscription.customer_id == customer_id)
    return session.scalar(wanted) is not None


def running_subscriptions(session: Session, customer_id: UUID) -> list[UUID]:
    """The standing orders of a customer that are neither drafts nor stopped."""
    wanted = select(Subscription.id).where(
        Subscription.customer_id == customer_id, Subscription.status.in_(("active", "paused"))
    )
    return list(session.scalars(wanted.order_by(Subscription.id)))


def known_products(session: Session, product_ids: Collection[UUID]) -> int:
    """How many of the products there are."""
    return session.execute(select(func.count()).where(Product.id.in_(product_ids))).scalar_one()


def products_on_sale(session: Session) -> Sequence[RowMapping]:
    """The products that are sold now, by name: product_id, name, unit."""
    wanted = select(Product.id.label("product_id"), Product.name, Product.unit).where(Product.is_active)
    return session.execute(wanted.order_by(Product.name, Product.id)).mappings().all()


def same_request(session: Session, values: Mapping[str, Any]) -> ChangeRequest | None:
    """The request that is in the way of another with these values: sent before, or waiting and alike."""
    if values["client_event_id"] is not None:
        sent = select(ChangeRequest).where(ChangeRequest.client_event_id == values["client_event_id"])
        found = session.scalar(sent)
        if found is not None:
            return found
    alike = select(ChangeRequest).where(
        ChangeRequest.status == "pending",
        ChangeRequest.customer_id == values["customer_id"],
        ChangeRequest.kind == values["kind"],
        ChangeRequest.subscription_id.is_not_distinct_from(values["subscription_id"]),
        ChangeRequest.payload == values["payload"],
    )
    return session.scalar(alike)


def _shown_requests(actor: Actor) -> Select[Any]:
    asker, decider = User.__table__.alias("asker"), User.__table__.alias("decider")
    return (
        select(
            *_requests.c,
            Customer.name.label("customer_name"),
            Customer.code.label("customer_code"),
            func.coalesce(asker.c.name, _links.c.name).label("asked_by_name"),
            decider.c.name.label("decided_by_name"),
        )
        .join(Customer, Customer.id == _requests.c.customer_id)
        .outerjoin(_links, _links.c.id == _requests.c.asked_by_link_id)
        .outerjoin(asker, asker.c.id == _requests.c.asked_by_user_id)
        .outerjoin(decider, decider.c.id == _requests.c.decided_by)
        .where(visible_customers(actor))
    )


def change_request_page(
    session: Session, actor: Actor, filters: Mapping[str, Any], *, limit: int, cursor: str | None
) -> Page:
    """The requests of customers the actor may see, as far as it may, the oldest first; one statement."""
    rows = _shown_requests(actor).where(*(_requests.c[name] == value for name, value in filters.items()))
    page = read_page(session, rows, [_requests.c.id], limit=limit, cursor=cursor)
    hidden = hidden_request_fields(actor.role)
    if not hidden:
        return page
    shown = [{name: each[name] for name in each.keys() - hidden} for each in (row._mapping for row in page.items)]
    return Page(shown, page.next_cursor)


def shown_change_request(session: Session, actor: Actor, request_id: UUID) -> Row[Any]:
    """One request as staff see it. Raises change_request_not_found."""
    found = session.execute(_shown_requests(actor).where(_requests.c.id == request_id)).one_or_none()
    if found is None:
        raise Problem("change_request_not_found")
    return found


def get_visible_change_request(session: Session, actor: Actor, request_id: UUID) -> ChangeRequest:
    """One request, locked, of a customer the actor may see. Raises change_request_not_found."""
    found = session.scalar(
        select(ChangeRequest)
        .join(Customer, Customer.id == ChangeRequest.customer_id)
        .where(ChangeRequest.id == request_id, visible_customers(actor))
        .with_for_update(of=ChangeRequest)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise Problem("change_request_not_found")
    return found


def user_named(session: Session, user_id: UUID) -> User | None:
    """The user for whose round a link is; None when there is none."""
    return session.get(User, user_id)
