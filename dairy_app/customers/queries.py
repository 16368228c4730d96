"""Customers, areas and agreed prices, read; and the one rule of what something costs whom on which day."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Row,
    RowMapping,
    Select,
    Text,
    Uuid,
    and_,
    case,
    column,
    false,
    func,
    null,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.orm import Session, aliased

from dairy_app.accounts.models import User
from dairy_app.catalogue.models import Product, ProductPrice
from dairy_app.catalogue.queries import in_force, seen_price, valid_from
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Area, Customer, CustomerMove, CustomerPrice
from dairy_app.customers.rules import Moved, like_literal, phone_digits, search_words
from dairy_app.web.access import Actor, Role
from dairy_app.web.pages import Key, Page, read_page

# ----------------------------------------------------------------------------------------- who may see whom


def visible_customers(actor: Actor) -> ColumnElement[bool]:
    """Which rows of ``customers`` the actor may see; every list and every look-up of a customer uses it.

    Admin and accountant all · marketing staff those they look after · a delivery boy those on his own round ·
    a customer itself · everybody else none.
    """
    match actor.role:
        case Role.ADMIN | Role.ACCOUNTANT:
            return true()
        case Role.MARKETING_STAFF:
            return Customer.marketing_staff_id == actor.user_id
        case Role.DELIVERY_BOY:
            return Customer.delivery_boy_id == actor.user_id
        case Role.CUSTOMER:
            return Customer.user_id == actor.user_id
        case _:
            return false()


def merged_into(session: Session, customer_id: UUID) -> UUID | None:
    """The customer that one was merged into, if it was."""
    return session.scalar(select(Customer.merged_into).where(Customer.id == customer_id))


def payers_by_code(session: Session, codes: Iterable[str]) -> dict[str, RowMapping]:
    """Id and ``billed_to`` of customers by their codes; of one that was merged, those of the other."""
    found = text("""
        SELECT c.code, p.id, p.billed_to FROM customers c JOIN customers p ON p.id = coalesce(c.merged_into, c.id)
        WHERE c.code = ANY (:codes)""")
    return {row["code"]: row for row in session.execute(found, {"codes": list(codes)}).mappings()}


def is_payer(session: Session, customer_id: UUID) -> bool:
    """Whether others are billed to the customer."""
    return session.scalar(select(Customer.id).where(Customer.billed_to == customer_id).limit(1)) is not None


def followed(session: Session, customer_id: UUID) -> UUID:
    """The customer that an id stands for by now: a phone that has been out since knows who was merged meanwhile."""
    return merged_into(session, customer_id) or customer_id


def get_visible_customer(session: Session, actor: Actor, customer_id: UUID, *, lock: bool = False) -> Customer:
    """One customer that the actor may see. Raises ``customer_not_found`` for any other, there or not.

    ``lock`` takes the mutex of the customer's money (FOR NO KEY UPDATE); read what decides after it. Raises
    ``customer_merged`` for one that was merged into another, by now at least: nothing of it changes any more.
    """
    wanted = select(Customer).where(Customer.id == customer_id, visible_customers(actor))
    if lock:
        wanted = wanted.with_for_update(key_share=True, of=Customer).execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise Problem("customer_not_found")
    if lock and found.merged_into is not None:
        raise Problem("customer_merged", facts={"merged_into": str(found.merged_into)})
    return found


def _customers(actor: Actor) -> Select[Any]:
    columns = [column for column in Customer.__table__.columns if column.key != "legacy_id"]
    rows = select(*columns, Area.name.label("area")).outerjoin(Area, Area.id == Customer.area_id)
    return rows.where(visible_customers(actor))


def read_customer(session: Session, actor: Actor, customer_id: UUID) -> Row[Any]:
    """One customer as clients see it, with the name of its area. Raises ``customer_not_found``."""
    found = session.execute(_customers(actor).where(Customer.id == customer_id)).one_or_none()
    if found is None:
        raise Problem("customer_not_found")
    return found


def list_customers(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    cursor: str | None,
    status: list[str] | None = None,
    area_id: list[UUID] | None = None,
    delivery_boy_id: list[UUID] | None = None,
    billed_to: UUID | None = None,
    search: str | None = None,
    code: str | None = None,
    with_merged: bool = False,
    updated_since: datetime | None = None,
    sort: str = "code",
) -> Page:
    """The customers the actor may see. One statement, however many.

    ``area_id`` takes the areas below it too; ``search`` finds beginnings of words and the end of a phone number. Who
    was merged into another is not shown unless ``with_merged``; by its code, and what else it was found by, the other
    one is found.
    """
    select = _customers(actor)
    if not with_merged:
        select = select.where(Customer.merged_into.is_(None))
    payer = None if billed_to is None else [billed_to]
    for key, wanted in (("status", status), ("delivery_boy_id", delivery_boy_id), ("billed_to", payer)):
        if wanted is not None:
            select = select.where(Customer.__table__.c[key].in_(wanted))
    if area_id is not None:
        select = select.where(Customer.area_id.in_(areas_within(*area_id)))
    if search is not None:
        select = select.where(_found(_matches(search), with_merged))
    if code is not None:
        select = select.where(_found(Customer.code == code, with_merged))
    if updated_since is not None:
        select = select.where(Customer.updated_at >= updated_since)
    columns = Customer.__table__.c
    name = func.lower(columns.name, type_=Text()).label("sorted_name")
    orders: dict[str, list[Key]] = {
        "code": [columns.code],
        "name": [name, columns.code],
        "created_at": [columns.created_at, columns.code],
    }
    keys = orders[sort.removeprefix("-")]
    return read_page(session, select.add_columns(name), keys, limit=limit, cursor=cursor, sort=sort)


def _found(condition: ColumnElement[bool], with_merged: bool) -> ColumnElement[bool]:
    """Whether a customer meets a condition, or somebody who was merged into it does."""
    if with_merged:
        return condition
    meeting = select(func.coalesce(Customer.merged_into, Customer.id)).where(condition)
    # Apart from the rows around it: "FROM customers" of the list's statement is not this one.
    return Customer.id.in_(meeting.correlate(None))


def _matches(search: str) -> ColumnElement[bool]:
    """Each word begins one of the customer's, as ``ix_customers_search`` holds them; or the end of its phone."""
    columns = Customer.__table__.c
    parts = (columns[each] for each in ("name", "code", "address_line1", "address_line2", "city", "pincode"))
    held = func.search_text(*parts)
    words = search_words(search)
    found = and_(*(held.like(func.lower("% " + like_literal(word) + "%")) for word in words)) if words else false()
    digits = phone_digits(search)
    if digits:
        found = or_(found, func.reverse(Customer.phone).like(digits[::-1] + "%"))
    return found


def customer_exists(session: Session, customer_id: UUID) -> bool:
    """Whether there is a customer of this id, whoever may see it."""
    return session.get(Customer, customer_id) is not None


# --------------------------------------------------------------------------------------------------- areas


#: The ids of the areas ``:areas`` and of all below them. UNION, not UNION ALL: it ends even where SQL made a ring.
AREAS_WITHIN = """
    WITH RECURSIVE below AS (
        SELECT a.id FROM areas a WHERE a.id = ANY (CAST(:areas AS uuid[]))
        UNION SELECT a.id FROM areas a JOIN below b ON a.parent_id = b.id)
    SELECT id FROM below"""


def areas_within(*area_ids: UUID) -> Select[Any]:
    """The ids of areas and of all areas below them."""
    within = text(AREAS_WITHIN).bindparams(areas=list(area_ids)).columns(column("id", Uuid()))
    return select(within.subquery().c.id)


def areas_around(*only: ColumnElement[bool]) -> Select[Any]:
    """The ids of areas, which ``only`` narrows, and of all areas that they lie in."""
    around = select(Area.id, Area.parent_id).where(*only).cte("around", recursive=True)
    outer = aliased(Area)
    around = around.union(select(outer.id, outer.parent_id).join(around, outer.id == around.c.parent_id))
    return select(around.c.id)


def area_ids_within(session: Session, area_id: UUID) -> set[UUID]:
    """An area and all areas below it."""
    return set(session.scalars(areas_within(area_id)))


def list_areas(session: Session, *, limit: int, cursor: str | None) -> Page:
    """Areas by name."""
    return read_page(session, select(Area), [Area.__table__.c.name], limit=limit, cursor=cursor, scalars=True)


def get_area(session: Session, area_id: UUID) -> Area:
    """One area. Raises ``area_not_found``."""
    found = session.get(Area, area_id)
    if found is None:
        raise Problem("area_not_found")
    return found


def area_named(session: Session, name: str) -> UUID | None:
    """The area of that name: exactly so, else except for capitals."""
    return session.scalar(
        select(Area.id)
        .where(func.lower(Area.name) == func.lower(name))
        .order_by((Area.name == name).desc(), Area.id)
        .limit(1)
    )


# --------------------------------------------------------------------------------------------------- moves

#: The view of moves that were not applied yet; of a customer one row for a day (``in_move``).
pending_moves = table(
    "pending_moves",
    column("customer_id", Uuid()),
    column("first_day", Date()),
    column("next_day", Date()),
    *(column(name, Text()) for name in ("address_line1", "address_line2", "map_link", "city", "pincode")),
    column("area_id", Uuid()),
    column("delivery_boy_id", Uuid()),
    column("stop_sequence", Integer()),
)


def in_move(customer_id: Any, day: Any) -> ColumnElement[bool]:
    """Which row of ``pending_moves`` says how a customer is on a day."""
    moves = pending_moves.c
    return and_(
        moves.customer_id == customer_id,
        moves.first_day <= day,
        or_(moves.next_day.is_(None), moves.next_day > day),
    )


def move_on(session: Session, customer_id: UUID, day: date) -> Moved | None:
    """How a customer differs on a day from its own columns, by moves that were not applied yet."""
    wanted = select(*(pending_moves.c[each.name] for each in fields(Moved))).where(in_move(customer_id, day))
    found = session.execute(wanted).first()
    return None if found is None else Moved(*found)


def list_moves(session: Session, customer_id: UUID, *, limit: int, cursor: str | None) -> Page:
    """The moves of a customer, past and to come, by day."""
    moves = CustomerMove.__table__.c
    found = (
        select(*moves, Area.name.label("area"), User.name.label("delivery_boy_name"))
        .outerjoin(Area, Area.id == moves.area_id)
        .outerjoin(User, User.id == moves.delivery_boy_id)
        .where(moves.customer_id == customer_id)
    )
    return read_page(session, found, [moves.moves_on], limit=limit, cursor=cursor)


def get_move(session: Session, customer_id: UUID, move_id: UUID) -> CustomerMove:
    """A move of a customer. Raises ``move_not_found``, also for another customer's."""
    wanted = select(CustomerMove).where(CustomerMove.id == move_id, CustomerMove.customer_id == customer_id)
    found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise Problem("move_not_found")
    return found


def customers_moving(session: Session, day: date) -> list[UUID]:
    """The customers with a move that is due on a day and not applied."""
    due = (CustomerMove.applied_at.is_(None), CustomerMove.moves_on <= day)
    return list(session.scalars(select(CustomerMove.customer_id).where(*due).distinct()))


# --------------------------------------------------------------------------------------------------- logins


def active_user(session: Session, user_id: UUID, role: Role) -> bool:
    """Whether that user may work in that role now."""
    wanted = select(User.id).where(User.id == user_id, User.role == role.value, User.is_active)
    return session.scalar(wanted) is not None


# --------------------------------------------------------------------------------------- what a file needs to know


def areas_named(session: Session, names: Iterable[str]) -> Sequence[str]:
    """Those of the areas that are there, whatever their capitals, as they are named."""
    lowered = [name.lower() for name in names]
    return session.scalars(select(Area.name).where(func.lower(Area.name).in_(lowered))).all()


def held_logins(session: Session, logins: Iterable[str]) -> set[str]:
    """Those of the e-mails and phones that some user holds."""
    wanted = list(logins)
    users = session.execute(select(User.email, User.phone).where(or_(User.email.in_(wanted), User.phone.in_(wanted))))
    return {login for user in users for login in user if login is not None} & set(wanted)


def customers_at(session: Session, phones: Iterable[str]) -> Sequence[Row[str, str, str | None]]:
    """Code, name and phone of the customers with one of these phones.

    Phones are compared backwards: so the index for their last digits finds them.
    """
    backwards = [phone[::-1] for phone in phones]
    return session.execute(
        select(Customer.code, Customer.name, Customer.phone).where(func.reverse(Customer.phone).in_(backwards))
    ).all()


def staff_called(session: Session, role: Role, named: Iterable[str]) -> dict[str, list[UUID]]:
    """The active users of that role whose e-mail, phone or name (in any case) each of ``named`` is."""
    wanted = {each.lower() for each in named}
    found = select(User.id, User.email, User.phone, func.lower(User.name).label("name")).where(
        User.role == role.value,
        User.is_active,
        or_(User.email.in_(wanted), User.phone.in_(wanted), func.lower(User.name).in_(wanted)),
    )
    called: dict[str, list[UUID]] = {}
    for row in session.execute(found):
        for each in {row.email, row.phone, row.name} & wanted:
            called.setdefault(each, []).append(row.id)
    return called


def new_ids(session: Session, count: int) -> list[UUID]:
    """Keys for rows that are to be written, the last one to be taken first."""
    made = select(func.uuid7(type_=Uuid())).select_from(func.generate_series(1, count).table_valued("n"))
    return sorted(session.scalars(made), reverse=True)


# --------------------------------------------------------------------------------------------------- prices


def with_price(
    source: FromClause,
    customer_id: Any,
    product_id: Any,
    on_date: date | ColumnElement[date],
    quoted: ColumnElement[Decimal] | None = None,
) -> tuple[FromClause, ColumnElement[Decimal], ColumnElement[str]]:
    """The price rule, for any set of rows: what a customer pays for a product on a day.

    Price agreed with the customer, else the price ``quoted`` in the subscription, else the list price, each
    as of the (planned) delivery date. Returns ``source`` joined with the prices in force, the price in rupees
    per unit (NULL: none) and where it comes from (``customer``, ``subscription``, ``product``; NULL: none).
    A row of ``source`` stays one row: of a product at most one price is in force on a day.
    """
    agreed, listed = aliased(CustomerPrice), aliased(ProductPrice)
    joined = source.outerjoin(
        agreed,
        and_(
            agreed.customer_id == customer_id,
            agreed.product_id == product_id,
            in_force(agreed.valid, on_date),
        ),
    ).outerjoin(listed, and_(listed.product_id == product_id, in_force(listed.valid, on_date)))
    quote = null() if quoted is None else quoted
    price = func.coalesce(agreed.price, quote, listed.price)
    price_source = case(
        (agreed.price.is_not(None), "customer"),
        (quote.is_not(None), "subscription"),
        (listed.price.is_not(None), "product"),
    )
    return joined, price.label("price"), price_source.label("price_source")


def prices_for(
    session: Session, customer_id: UUID, product_ids: Iterable[UUID], on_date: date
) -> dict[UUID, tuple[Decimal, str]]:
    """What one customer pays for these products on one day: product id → (rupees per unit, price source).

    A product without a price on that day is left out. One statement, however many products.
    """
    source, price, price_source = with_price(Product.__table__, customer_id, Product.id, on_date)
    rows = session.execute(
        select(Product.id, price, price_source)
        .select_from(source)
        .where(Product.id.in_(list(product_ids)), price.is_not(None))
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def price_list_of(session: Session, customer_id: UUID, on_date: date) -> Sequence[RowMapping]:
    """What is sold on a day and what one customer pays for it, by name: product_id, name, unit, price, is_agreed."""
    source, price, price_source = with_price(Product.__table__, customer_id, Product.id, on_date)
    rows = (
        select(Product.id.label("product_id"), Product.name, Product.unit, price)
        .add_columns((price_source == "customer").label("is_agreed"))
        .select_from(source)
        .where(Product.is_active, price.is_not(None))
    )
    return session.execute(rows.order_by(Product.name, Product.id)).mappings().all()


def customer_price_from(session: Session, customer_id: UUID, product_id: UUID, start: date) -> CustomerPrice | None:
    """The agreed price that begins on ``start``."""
    wanted = select(CustomerPrice).where(
        CustomerPrice.customer_id == customer_id,
        CustomerPrice.product_id == product_id,
        valid_from(CustomerPrice.valid) == start,
    )
    return session.scalars(wanted).one_or_none()


def list_customer_prices(
    session: Session, customer_id: UUID, *, limit: int, cursor: str | None, product_id: UUID | None = None
) -> Page:
    """The prices agreed with a customer, past and to come, by product and first day."""
    start = valid_from(CustomerPrice.valid).label("valid_from")
    agreed = (
        select(*seen_price(CustomerPrice), Product.name.label("product_name"))
        .join(Product, Product.id == CustomerPrice.product_id)
        .where(CustomerPrice.customer_id == customer_id)
    )
    if product_id is not None:
        agreed = agreed.where(CustomerPrice.product_id == product_id)
    keys = [CustomerPrice.__table__.c.product_id, start]
    return read_page(session, agreed, keys, limit=limit, cursor=cursor)
