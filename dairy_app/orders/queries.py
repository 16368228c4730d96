"""Every read of orders and closed days. What is on higher floors (delivery, document) is read by the table's name."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Numeric,
    Row,
    RowMapping,
    Select,
    Subquery,
    TableValuedAlias,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, distinct_on
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from dairy_app.catalogue.models import Product
from dairy_app.common.errors import Problem
from dairy_app.customers.models import HAS_LIMIT, Area, Customer
from dairy_app.customers.queries import areas_around, areas_within
from dairy_app.database.statements import Statement
from dairy_app.orders.models import NO_AREA, SHIFTS, ClosedDay, Order, OrderItem
from dairy_app.orders.policy import hidden_status_fields, visible_orders
from dairy_app.orders.rules import ordered_value
from dairy_app.web.access import Actor, Role
from dairy_app.web.pages import Page, read_page

_instant = DateTime(timezone=True)
_STATUS_COLUMNS: dict[str, TypeEngine[Any]] = {
    "id": Uuid(),
    "order_id": Uuid(),
    "status": Text(),
    "delivered_at": _instant,
    "delivery_date": Date(),
    "delivery_boy_id": Uuid(),
    "confirmed_by_user_id": Uuid(),
    "confirmed_by_name": Text(),
    "confirmed_at": _instant,
    "confirmation_method": Text(),
    "ip_address": INET(),
    "device_info": Text(),
    "shared_link_id": Uuid(),
    "client_event_id": Uuid(),
    "device_time": _instant,
    "latitude": Numeric(9, 6),
    "longitude": Numeric(9, 6),
    "reason_code": Text(),
    "notes": Text(),
    "corrected_at": _instant,
    "corrected_by_user_id": Uuid(),
    "correction_reason": Text(),
}
_INVOICE_COLUMNS: dict[str, TypeEngine[Any]] = {"id": Uuid(), "number": Text(), "status": Text()}
_statuses = table("delivery_statuses", *(column(name, kind) for name, kind in _STATUS_COLUMNS.items()))
_invoices = table("invoices", *(column(name, kind) for name, kind in _INVOICE_COLUMNS.items()))
_orders, _customers = Order.__table__, Customer.__table__

#: Documents on which an order is billed; ``external`` ones by an earlier system.
_BILLED = ("issued", "external")


#: Orders, each with its customer, delivery status and document in the same row. Made once: a hundred columns take
#: longer to put together than to read.
_ROWS = (
    select(
        *_orders.c,
        *(column_.label(f"status_{column_.name}") for column_ in _statuses.c),
        *(column_.label(f"invoice_{column_.name}") for column_ in _invoices.c if column_.name != "id"),
        _customers.c.code.label("customer_code"),
        _customers.c.name.label("customer_name"),
    )
    .select_from(_orders)
    .join(_customers, _customers.c.id == _orders.c.customer_id)
    .outerjoin(_statuses, _statuses.c.order_id == _orders.c.id)
    .outerjoin(_invoices, _invoices.c.id == _orders.c.invoice_id)
)
_ORDER_NAMES = [column_.name for column_ in _orders.c]


def _order_rows(actor: Actor) -> Select[Any]:
    """The orders an actor sees."""
    return _ROWS.where(visible_orders(actor))


def visible_order_view(session: Session, actor: Actor, order_id: UUID) -> dict[str, Any]:
    """One order as the actor sees it: two statements. Raises order_not_found."""
    row = session.execute(_order_rows(actor).where(_orders.c.id == order_id)).first()
    if row is None:
        raise Problem("order_not_found")
    return _views(session, actor, [row])[0]


def order_page(session: Session, actor: Actor, filters: Mapping[str, Any], *, limit: int, cursor: str | None) -> Page:
    """In the order of ``filters["sort"]``; two statements, whatever the page, and one or two for an area or a boy."""
    filters = {name: value for name, value in filters.items() if value is not None}
    rows = _order_rows(actor)
    for name in ("customer_id", "status", "order_type"):
        if name in filters:
            rows = rows.where(_orders.c[name].in_(filters[name]))
    if "delivery_date" in filters:
        rows = rows.where(_orders.c.delivery_date == filters["delivery_date"])
    if "delivery_date_from" in filters:
        rows = rows.where(_orders.c.delivery_date >= filters["delivery_date_from"])
    if "delivery_date_to" in filters:
        rows = rows.where(_orders.c.delivery_date <= filters["delivery_date_to"])
    if "updated_since" in filters:
        rows = rows.where(_orders.c.updated_at >= filters["updated_since"])
    if "product_id" in filters:
        items = select(OrderItem.order_id).where(OrderItem.product_id.in_(filters["product_id"]))
        rows = rows.where(_orders.c.id.in_(items))
    if "area_id" in filters:
        rows = rows.where(
            _own_or_customers(session, "area_id", list(session.scalars(areas_within(*filters["area_id"]))))
        )
    if "delivery_boy_id" in filters:
        rows = rows.where(_own_or_customers(session, "delivery_boy_id", filters["delivery_boy_id"]))
    if "billed" in filters:
        rows = rows.where(func.coalesce(_invoices.c.status.in_(_BILLED), False) == filters["billed"])
    sort = filters["sort"]
    # Ids ascend with time: by them the orders are read as they were made, from an index.
    keys = [_orders.c.id] if sort.endswith("created_at") else [_orders.c.delivery_date, _orders.c.id]
    page = read_page(session, rows, keys, limit=limit, cursor=cursor, sort=sort)
    return Page(_views(session, actor, page.items), page.next_cursor)


#: Of so many customers the orders are found one by one; those of more are met on the way through the list.
_FEW = 20


def _own_or_customers(session: Session, name: str, wanted: list[UUID]) -> ColumnElement[bool]:
    """Whether an order's column is among ``wanted``, or that of its customer where it has none of its own.

    Asks whose column that is: who left long ago has none, and the whole list would be walked through for them.
    """
    own = _orders.c[name]
    customers = select(Customer.id).where(Customer.__table__.c[name].in_(wanted))
    few = session.scalars(customers.limit(_FEW + 1)).all()
    if not few:
        return own.in_(wanted)
    return or_(own.in_(wanted), and_(own.is_(None), _orders.c.customer_id.in_(few if len(few) <= _FEW else customers)))


def _views(session: Session, actor: Actor, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    items = _items_of(session, [row.id for row in rows])
    hidden = hidden_status_fields(actor.role)
    own, judged = len(_ORDER_NAMES), len(_ORDER_NAMES) + len(_STATUS_COLUMNS)
    views = []
    for row in rows:
        view = dict(zip(_ORDER_NAMES, row[:own], strict=True))
        view["customer_code"], view["customer_name"] = row.customer_code, row.customer_name
        view["items"] = items.get(row.id, [])
        view["total_amount"] = ordered_value((item.quantity, item.unit_price) for item in view["items"])
        status = dict(zip(_STATUS_COLUMNS, row[own:judged], strict=True)) if row.status_id is not None else None
        if status is not None and hidden:
            status = {name: value for name, value in status.items() if name not in hidden}
        view["delivery_status"] = status
        # The bill of who pays for the customer is not that one's to see.
        is_seen = row.invoice_id is not None and (actor.role is not Role.CUSTOMER or row.payer_id == row.customer_id)
        bill = {"id": row.invoice_id, "number": row.invoice_number, "status": row.invoice_status}
        view["invoice"] = bill if is_seen else None
        views.append(view)
    return views


_ITEMS = Statement(
    select(*OrderItem.__table__.c, Product.__table__.c.name.label("product_name"), Product.__table__.c.unit)
    .join(Product, Product.id == OrderItem.product_id)
    .where(OrderItem.order_id == any_(bindparam("orders", type_=ARRAY(Uuid()))))
    .order_by(OrderItem.order_id, OrderItem.line_no)
)


def _items_of(session: Session, order_ids: Iterable[UUID]) -> dict[UUID, list[Any]]:
    """The items of some orders, with the names of their products, by order and line."""
    found: dict[UUID, list[Any]] = {}
    for row in _ITEMS.named_rows(session, {"orders": list(order_ids)}):
        found.setdefault(row.order_id, []).append(row)
    return found


def get_visible_order(session: Session, actor: Actor, order_id: UUID) -> Order:
    """The order, locked after its customer. Raises order_not_found, also for what the actor may not see.

    Two statements on purpose: what decides is read after the customer's lock.
    """
    visible = (Order.id == order_id, visible_orders(actor))
    session.execute(
        select(Customer.id)
        .where(Customer.id.in_(select(Order.customer_id).where(*visible)))
        .with_for_update(key_share=True)
    )
    order = session.scalars(select(Order).where(*visible).with_for_update(key_share=True, of=Order)).first()
    if order is None:
        raise Problem("order_not_found")
    return order


def one_time_orders(session: Session, customer_id: UUID, first: date, last: date) -> list[dict[str, Any]]:
    """A customer's orders of single days in a span, the earliest first, each with its items; two statements."""
    rows = session.execute(
        select(Order.id, Order.delivery_date, Order.shift, Order.status, Order.source)
        .where(Order.customer_id == customer_id, Order.order_type == "one_time")
        .where(Order.delivery_date.between(first, last))
        .order_by(Order.delivery_date, Order.id)
    ).all()
    items = _items_of(session, [row.id for row in rows])
    return [{**row._mapping, "items": items.get(row.id, [])} for row in rows]


def items_of_order(session: Session, order_id: UUID) -> Sequence[OrderItem]:
    """The items of one order, by line."""
    wanted = select(OrderItem).where(OrderItem.order_id == order_id).order_by(OrderItem.line_no)
    return session.scalars(wanted).all()


def lock_order(session: Session, actor: Actor, order_id: UUID) -> None:
    """What changing an order locks: its customer, then it. Raises order_not_found."""
    get_visible_order(session, actor, order_id)


def products_by_id(session: Session, product_ids: Sequence[UUID]) -> dict[UUID, Product]:
    """The products that exist among ``product_ids``."""
    rows = session.scalars(select(Product).where(Product.id.in_(product_ids)))
    return {product.id: product for product in rows}


def area_name(session: Session, area_id: UUID | None) -> str | None:
    """The name of an area."""
    return session.scalars(select(Area.name).where(Area.id == area_id)).first() if area_id else None


# --------------------------------------------------------------------------------------------- closed days


#: Each area with itself and all around it; the whole dairy, which has no area, is around all, and around those who live
#: in none. UNION, not UNION ALL: it ends even where SQL made a ring.
_REACHED = f"""
    WITH RECURSIVE around AS (
        SELECT a.id AS area_id, a.id AS outer_id FROM areas a
        UNION SELECT n.area_id, a.parent_id FROM around n JOIN areas a ON a.id = n.outer_id
        WHERE a.parent_id IS NOT NULL)
    SELECT area_id, outer_id FROM around
    UNION ALL SELECT a.id, '{NO_AREA}' FROM areas a
    UNION ALL SELECT '{NO_AREA}', '{NO_AREA}'"""


def closed_rounds(*only: ColumnElement[bool]) -> Subquery:
    """Day, shift and area that are closed, one row each, with the closing that decides: the last one made.

    ``only`` narrows the rows of ``closed_days``, by day. Columns: day, shift, area_id (``NO_AREA`` for customers
    without one), closed_day_id, closed_at, deliver_on.
    """
    reached = text(_REACHED).columns(column("area_id", Uuid()), column("outer_id", Uuid())).subquery("reached")
    shifts = select(func.unnest(literal(list(SHIFTS), ARRAY(Text))).column_valued("shift")).subquery("shifts")
    shift = shifts.c.shift
    return (
        select(
            ClosedDay.day,
            shift,
            reached.c.area_id,
            ClosedDay.id.label("closed_day_id"),
            ClosedDay.created_at.label("closed_at"),
            ClosedDay.deliver_on,
        )
        .join_from(ClosedDay, shifts, func.coalesce(ClosedDay.shift, shift) == shift)
        .join(reached, reached.c.outer_id == func.coalesce(ClosedDay.area_id, literal(NO_AREA, Uuid)))
        .where(*only)
        .ext(distinct_on(ClosedDay.day, shift, reached.c.area_id))
        .order_by(ClosedDay.day, shift, reached.c.area_id, ClosedDay.created_at.desc(), ClosedDay.id.desc())
        .subquery("closed_rounds")
    )


def area_of_customer() -> ColumnElement[UUID]:
    """A customer's area as ``closed_rounds`` has it."""
    return func.coalesce(Customer.area_id, literal(NO_AREA, Uuid))


def closing_of(session: Session, customer_id: UUID, day: date, shift: str) -> ClosedDay | None:
    """What closes a shift of a day where a customer lives."""
    rounds = closed_rounds(ClosedDay.day == day)
    wanted = (
        select(ClosedDay)
        .join(rounds, rounds.c.closed_day_id == ClosedDay.id)
        .join(Customer, area_of_customer() == rounds.c.area_id)
        .where(Customer.id == customer_id, rounds.c.shift == shift)
    )
    return session.scalars(wanted).one_or_none()


def closed_day_page(
    session: Session,
    *only: ColumnElement[bool],
    first: date | None,
    last: date | None,
    limit: int,
    cursor: str | None,
) -> Page:
    """Closed days, each with the name of its area, the earliest first; ``only`` narrows the rows."""
    spans = [*([ClosedDay.day >= first] if first else []), *([ClosedDay.day <= last] if last else [])]
    rows = _closed_days().where(*only, *spans)
    return read_page(session, rows, [ClosedDay.__table__.c.day, ClosedDay.__table__.c.id], limit=limit, cursor=cursor)


def _closed_days() -> Select[Any]:
    return select(*ClosedDay.__table__.c, Area.name.label("area")).outerjoin(Area, Area.id == ClosedDay.area_id)


def closed_day_view(session: Session, closed_day_id: UUID) -> Row[Any]:
    """One closed day with the name of its area. Raises ``closed_day_not_found``."""
    found = session.execute(_closed_days().where(ClosedDay.id == closed_day_id)).one_or_none()
    if found is None:
        raise Problem("closed_day_not_found")
    return found


def get_closed_day(session: Session, closed_day_id: UUID) -> ClosedDay:
    """One closing. Raises ``closed_day_not_found``."""
    found = session.scalars(select(ClosedDay).where(ClosedDay.id == closed_day_id)).one_or_none()
    if found is None:
        raise Problem("closed_day_not_found")
    return found


def closings_beside(session: Session, wanted: ClosedDay) -> Sequence[ClosedDay]:
    """The closings that one that is wanted may meet: of its day or of the day it moves to, or that move to its day,
    where shift and area have customers in common."""
    days = [day for day in (wanted.day, wanted.deliver_on) if day is not None]
    met = or_(ClosedDay.day.in_(days), ClosedDay.deliver_on == wanted.day)
    shift = or_(ClosedDay.shift.is_(None), ClosedDay.shift == wanted.shift) if wanted.shift else true()
    rows = select(ClosedDay).where(met, shift)
    if wanted.area_id is not None:
        nested = or_(
            ClosedDay.area_id.in_(areas_within(wanted.area_id)),
            ClosedDay.area_id.in_(areas_around(Area.id == wanted.area_id)),
        )
        rows = rows.where(or_(ClosedDay.area_id.is_(None), nested))
    return session.scalars(rows.order_by(ClosedDay.created_at, ClosedDay.id)).all()


def on_closed_round(closed: ClosedDay) -> list[ColumnElement[bool]]:
    """The conditions on ``orders`` that a closing covers: day, shift, and where the customer is."""
    conditions = [Order.delivery_date == closed.day, in_area(Order.customer_id, closed.area_id)]
    return [*conditions, Order.shift == closed.shift] if closed.shift else conditions


def in_area(
    customer_id: ColumnElement[UUID] | InstrumentedAttribute[UUID], area_id: UUID | None
) -> ColumnElement[bool]:
    """Whether a customer lives in an area or below it; in None everybody does."""
    if area_id is None:
        return true()
    return customer_id.in_(select(Customer.id).where(Customer.area_id.in_(areas_within(area_id))))


def settled_orders(session: Session, closed: ClosedDay) -> int:
    """How many orders that a closing covers are out for delivery or confirmed."""
    settled = Order.status.not_in(("PENDING", "CANCELLED"))
    return session.execute(select(func.count(Order.id)).where(*on_closed_round(closed), settled)).scalar_one()


def cancelled_by(session: Session, closed_day_id: UUID) -> dict[str, int]:
    """How many orders a closing cancelled, by type."""
    rows = select(Order.order_type, func.count().label("orders")).where(Order.closed_day_id == closed_day_id)
    rows = rows.group_by(Order.order_type)
    return {row.order_type: row.orders for row in session.execute(rows)}


def payers_of(session: Session, customer_ids: Sequence[UUID]) -> set[UUID]:
    """These customers and who pays for their deliveries, or did while its draft is open; ``sql/payers_of.sql``."""
    found = select(func.payers_of(literal(list(customer_ids), ARRAY(Uuid())), type_=Uuid()))
    return set(session.scalars(found))


# --------------------------------------------------------------------------------------------- credit


def exposures(customer_ids: ColumnElement[Any], day: date) -> TableValuedAlias:
    """What customers owe, have on their drafts and have ordered, and their limits; ``sql/credit_exposures.sql``.

    Rupees. ``customer_ids``: an array, NULL for all who have a limit; ``day``: whose rates of tax count.
    """
    names = ("credit_limit", "balance", "draft", "ordered", "exposure")
    columns: list[Any] = [column("customer_id", Uuid()), *(column(name, Numeric(24, 2)) for name in names)]
    return func.credit_exposures(customer_ids, literal(day, Date)).table_valued(*columns)


def exposure_of(session: Session, customer_id: UUID, day: date) -> Row[Any]:
    """``exposures`` of one customer."""
    found = exposures(literal([customer_id], ARRAY(Uuid())), day)
    return session.execute(select(*found.c)).one()


def has_credit_limit(session: Session, customer_id: UUID) -> bool:
    """Whether a customer may owe so much and no more."""
    return session.scalar(select(Customer.id).where(Customer.id == customer_id, text(HAS_LIMIT))) is not None


#: At so much of its limit a customer is near it.
NEAR = Decimal("0.8")


def near_limit(
    session: Session, day: date, *, area_id: UUID | None, after: str | None, limit: int
) -> Sequence[RowMapping]:
    """Who is at or near its credit limit, by customer code; ``share`` of it in per cent (None: of nothing).

    Who stopped gets nothing that could be held back. The first page asks of all with a limit, the next ones of less.
    """
    within = [] if area_id is None else [Customer.area_id.in_(areas_within(area_id))]
    later = [] if after is None else [Customer.code > after]
    asked = select(Customer.id).where(text(HAS_LIMIT), Customer.status != "stopped", *within, *later)
    found = exposures(func.array(asked.scalar_subquery(), type_=ARRAY(Uuid())), day)
    share = func.round(found.c.exposure * 100 / func.nullif(found.c.credit_limit, 0), 2)
    rows = (
        select(
            *found.c, share.label("share"), Customer.code.label("customer_code"), Customer.name.label("customer_name"),
            Customer.phone, Customer.status, Customer.payment_terms, Area.name.label("area"),
        )
        .select_from(found)
        .join(Customer, Customer.id == found.c.customer_id)
        .outerjoin(Area, Area.id == Customer.area_id)
        .where(found.c.exposure >= NEAR * found.c.credit_limit)
        .order_by(Customer.code)
        .limit(limit)
    )  # fmt: skip
    return session.execute(rows).mappings().all()
