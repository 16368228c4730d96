"""Set-based writes of customers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Row, Text, cast, column, delete, func, insert, literal, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.models import Area, Customer, CustomerMove, CustomerPrice, UnlinkedCustomer
from dairy_app.database.transactions import NotYourTurn
from dairy_app.database.values import uuid_array


def lock_imports(session: Session) -> None:
    """Let one file, or one customer, be registered at a time, until its transaction ends: the next sees it."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('import-customers'))"))


def open_areas(session: Session, names: Sequence[str]) -> None:
    """Make the areas that are not there, whatever their capitals. Two at once get the same ones."""
    session.execute(
        text("""
            INSERT INTO areas (name)
            SELECT DISTINCT ON (lower(name)) name FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS n (name, place)
            ORDER BY lower(name), place
            ON CONFLICT (lower(name)) DO NOTHING"""),
        {"names": list(names)},
    )


#: What a row may say of a customer: every column that there is but the area, which it names.
_OWN = [column for column in Customer.__table__.c if column.name not in {"area_id", "created_at", "updated_at"}]


def insert_customers(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write customers: columns by name, ``area`` by the area's name; what is left out has its usual value."""
    given = (
        func.jsonb_to_recordset(cast(literal(json.dumps(rows, default=str), Text), JSONB))
        .table_valued(*(column(each.name, each.type) for each in _OWN), column("line", Integer), column("area", Text))
        .render_derived("r", with_types=True)
    )
    values = [
        func.coalesce(given.c[each.name], each.server_default.arg) if each.server_default else given.c[each.name]
        for each in _OWN
    ]
    found = given.outerjoin(Area, func.lower(Area.name) == func.lower(given.c.area))
    session.execute(
        insert(Customer).from_select(
            [*(each.name for each in _OWN), "area_id"],
            select(*values, Area.id).select_from(found).order_by(given.c.line),
            include_defaults=False,
        )
    )


def set_payers(session: Session, payers: Mapping[UUID, UUID]) -> None:
    """Let customers be billed to others, who are locked."""
    session.execute(
        text("""
            UPDATE customers c SET billed_to = p.payer_id, updated_at = now()
            FROM unnest(CAST(:customers AS uuid[]), CAST(:payers AS uuid[])) AS p (customer_id, payer_id)
            WHERE c.id = p.customer_id"""),
        {"customers": uuid_array(payers), "payers": uuid_array(payers.values())},
    )


def pass_codes(session: Session, last: int) -> None:
    """Let the codes that the dairy gives out go on behind C000000 + ``last``, if they have not come so far.

    The caller holds ``lock_imports``. A sequence is not taken back with its transaction: then numbers are left out.
    """
    session.execute(
        text("""
            SELECT setval('customer_codes', :last) FROM customer_codes
            WHERE CASE WHEN is_called THEN last_value ELSE 0 END < :last"""),
        {"last": last},
    )


def lock_customers(session: Session, customer_ids: Iterable[UUID | str]) -> None:
    """Take the mutex of these customers' money, ids ascending; whatever decides is read after this.

    One that was merged while this waited has nothing any more, and whose rows were to change is asked anew: the whole
    work is done again. ``customer_merged`` when it is still meant then.
    """
    merged = session.scalar(
        text("""
            SELECT bool_or(merged_into IS NOT NULL)
            FROM (SELECT merged_into FROM customers WHERE id = ANY (CAST(:ids AS uuid[]))
                ORDER BY id FOR NO KEY UPDATE) locked"""),
        {"ids": uuid_array(customer_ids)},
    )
    if merged:
        raise NotYourTurn(Problem("customer_merged"))


def lock_to_merge(session: Session, *customer_ids: UUID) -> None:
    """Lock customers so that nobody even refers to them, ids ascending; waits for all who do, and are not done."""
    session.execute(
        text("SELECT FROM customers WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE"),
        {"ids": uuid_array(customer_ids)},
    )


def insert_customer(session: Session, row: dict[str, Any]) -> UUID:
    """A new customer; its id."""
    made: UUID = session.execute(insert(Customer).values(**row).returning(Customer.id)).scalar_one()
    return made


def forget_unlinked(session: Session, customer_id: UUID) -> None:
    """The customer has a login now: it no longer waits for one."""
    session.execute(delete(UnlinkedCustomer).where(UnlinkedCustomer.customer_id == customer_id))


def delete_price(session: Session, price_id: UUID) -> None:
    """Delete one agreed price."""
    session.execute(delete(CustomerPrice).where(CustomerPrice.id == price_id))


def insert_area(session: Session, name: str) -> UUID | None:
    """A new area; its id, None when one of that name exists, in whatever capitals."""
    new = postgresql.insert(Area).values(name=name)
    return session.scalar(new.on_conflict_do_nothing(index_elements=[func.lower(Area.name)]).returning(Area.id))


_APPLY = text("""
WITH taken AS (
    UPDATE customers c SET address_line1 = coalesce(m.address_line1, c.address_line1),
        address_line2 = CASE WHEN m.address_line1 IS NULL THEN c.address_line2 ELSE m.address_line2 END,
        map_link = CASE WHEN m.address_line1 IS NULL THEN c.map_link ELSE m.map_link END,
        latitude = CASE WHEN m.address_line1 IS NULL THEN c.latitude END,
        longitude = CASE WHEN m.address_line1 IS NULL THEN c.longitude END,
        city = coalesce(m.city, c.city), pincode = coalesce(m.pincode, c.pincode),
        area_id = coalesce(m.area_id, c.area_id), delivery_boy_id = coalesce(m.delivery_boy_id, c.delivery_boy_id),
        stop_sequence = coalesce(m.stop_sequence, c.stop_sequence), updated_at = now()
    FROM pending_moves m
    WHERE m.customer_id = c.id AND c.id = ANY (CAST(:customers AS uuid[]))
        AND m.first_day <= :day AND (m.next_day IS NULL OR m.next_day > :day)
)
UPDATE customer_moves SET applied_at = :at, updated_at = now()
WHERE customer_id = ANY (CAST(:customers AS uuid[])) AND applied_at IS NULL AND moves_on <= :day
RETURNING moves_on, delivery_boy_id""")


def apply_moves(session: Session, customer_ids: Sequence[UUID], day: date, at: datetime) -> Sequence[Row[Any]]:
    """Give locked customers what their moves up to a day say, the later one last; (moves_on, delivery_boy_id) of each.

    Several that were missed change a customer once.
    """
    given = {"customers": uuid_array(customer_ids), "day": day, "at": at}
    return session.execute(_APPLY, given).all()


def insert_move(session: Session, row: dict[str, Any]) -> UUID:
    """A new move; its id."""
    made: UUID = session.execute(insert(CustomerMove).values(**row).returning(CustomerMove.id)).scalar_one()
    return made


def delete_move(session: Session, move_id: UUID) -> None:
    """Delete one move."""
    session.execute(delete(CustomerMove).where(CustomerMove.id == move_id))


def lock_areas(session: Session) -> None:
    """Hold all areas: two moves at once could each be right alone and a ring together."""
    session.execute(select(Area.id).order_by(Area.id).with_for_update(key_share=True))
