"""Photos of deliveries, read."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.deliveries.queries import orders_within
from dairy_app.deliveries.rules import Scope
from dairy_app.orders.models import Order
from dairy_app.photos.models import DeliveryPhoto
from dairy_app.photos.policy import hidden_photo_fields, visible_photos
from dairy_app.web.access import Actor
from dairy_app.web.pages import Page, read_page

_photos = DeliveryPhoto.__table__
#: What is told of a photo; its file's name is nobody's business.
_TOLD = ("id", "order_id", "customer_id", "size", "width", "height", "uploaded_at", "taken_by", "taken_by_name",
    "shared_link_id")  # fmt: skip


def order_within(session: Session, scope: Scope, order_id: UUID, *, lock: bool = False) -> Row[Any]:
    """Customer, status and day of an order in a scope. Raises ``order_not_found``.

    ``lock``: until the transaction ends it stays so; the customer's row is locked by then.
    """
    columns: list[Any] = [Order.id, Order.customer_id, Order.status, Order.delivery_date]
    wanted = select(*columns).where(Order.id == order_id, Order.id.in_(orders_within(scope)))
    found = session.execute(wanted.with_for_update(key_share=True, of=Order) if lock else wanted).one_or_none()
    if found is None:
        raise Problem("order_not_found")
    return found


def photo_of(session: Session, order_id: UUID) -> Row[Any] | None:
    """The photo of an order, with the name of its file."""
    return session.execute(select(*_photos.c).where(_photos.c.order_id == order_id)).one_or_none()


def visible_photo(session: Session, actor: Actor, order_id: UUID, today: date) -> Row[Any]:
    """The photo of an order whose photo the actor may see. Raises ``photo_not_found``."""
    columns: list[Any] = [*_photos.c, Order.delivery_date]
    wanted = select(*columns).join(Order, Order.id == _photos.c.order_id)
    found = session.execute(wanted.where(_photos.c.order_id == order_id, visible_photos(actor, today))).one_or_none()
    if found is None:
        raise Problem("photo_not_found")
    return found


def _views() -> Select[Any]:
    told = [_photos.c[name] for name in _TOLD]
    hashed = func.encode(_photos.c.sha256, "hex", type_=Text).label("sha256")
    return select(*told, hashed, Order.delivery_date).join(Order, Order.id == _photos.c.order_id)


def photo_view(session: Session, order_id: UUID) -> dict[str, Any]:
    """The photo of an order as it is told."""
    return dict(session.execute(_views().where(_photos.c.order_id == order_id)).mappings().one())


def photo_page(
    session: Session, actor: Actor, filters: Mapping[str, Any], today: date, *, limit: int, cursor: str | None
) -> Page:
    """The photos that an actor may see, the newest first; one statement."""
    rows = _views().where(visible_photos(actor, today))
    for name in ("order_id", "customer_id"):
        if name in filters:
            rows = rows.where(_photos.c[name] == filters[name])
    if "delivery_date" in filters:
        rows = rows.where(Order.delivery_date == filters["delivery_date"])
    page = read_page(session, rows, [_photos.c.id], limit=limit, cursor=cursor, descending=True)
    hidden = hidden_photo_fields(actor.role)
    if not hidden:
        return page
    shown = [{name: value for name, value in row._mapping.items() if name not in hidden} for row in page.items]
    return Page(shown, page.next_cursor)


def known_names(session: Session, names: Collection[str]) -> set[str]:
    """Those of the names that a photo has."""
    wanted = select(_photos.c.file_name).where(_photos.c.file_name == any_(literal(list(names), ARRAY(Text))))
    return set(session.scalars(wanted))


def files_in_rows(session: Session) -> Sequence[Row[Any]]:
    """The name and the bytes of every file that there should be, and of which order."""
    columns: list[Any] = [_photos.c.file_name, _photos.c.size, _photos.c.order_id]
    return session.execute(select(*columns)).all()
