"""Constraints of the archive hold against plain SQL, also for the owner who moves rows."""

from typing import Any

import pytest

from dairy_app.database.models import Base
from tests.archiving.conftest import TABLES
from tests.constraints import names_of, refuses

ARCHIVE = [f"archived_{name}" for name in TABLES] + ["archived_days", "archived_link_events"]


def one(number: int) -> str:
    return f"'00000000-0000-0000-0000-00000000000{number}'"


ASHA, RAVI, NOBODY = one(1), one(2), one(9)
MILK, DONE, NEW = one(1), one(1), one(3)
#: An archived order of Asha's that was not delivered, with an item; a link, with an event. Triggers off, as in a move.
SET_UP = f"""
SET LOCAL session_replication_role = replica;
INSERT INTO users (id, name, phone, role) VALUES ({ASHA}, 'Kavita', '+919800000001', 'admin');
INSERT INTO customers (id, code, name) VALUES ({ASHA}, 'K1', 'Asha'), ({RAVI}, 'K2', 'Ravi');
INSERT INTO products (id, sku, name, unit, tax_class) VALUES ({MILK}, 'M', 'Milk', 'litre', 'milk_fresh');
INSERT INTO subscriptions (id, customer_id, product_id, mode, default_quantity, start_date)
    VALUES ({ASHA}, {ASHA}, {MILK}, 'fixed_daily', 1, '2026-01-01');
INSERT INTO invoices (id, customer_id, period_start, period_end) VALUES ({ASHA}, {ASHA}, '2026-02-01', '2026-02-28');
INSERT INTO closed_days (id, day, reason, closed_by) VALUES ({ASHA}, '2026-02-01', 'Holi', {ASHA});
INSERT INTO shared_links (id, token_hash, name, delivery_boy_id, link_date, expires_at, created_by)
    VALUES ({ASHA}, sha256('x'), 'Round', {ASHA}, '2026-02-01', now() + interval '1 day', {ASHA});
INSERT INTO shared_link_events (link_id, action, result) VALUES ({ASHA}, 'round', 'ok');
INSERT INTO archived_orders (id, customer_id, delivery_date, source, status, closed_day_id, cancelled_at)
    VALUES ({DONE}, {ASHA}, '2026-02-01', 'staff', 'CANCELLED', {ASHA}, now());
INSERT INTO archived_orders (id, customer_id, delivery_date, source, status, placed_at_door_of)
    VALUES ({one(2)}, {ASHA}, '2026-02-01', 'door', 'NOT_DELIVERED', {DONE});
SET LOCAL session_replication_role = origin;
ALTER TABLE archived_orders DISABLE TRIGGER USER;
ALTER TABLE archived_order_items DISABLE TRIGGER USER;
ALTER TABLE archived_delivery_statuses DISABLE TRIGGER USER;
ALTER TABLE archived_days DISABLE TRIGGER USER;
ALTER TABLE archived_link_events DISABLE TRIGGER USER;
"""


def insert(table: str, values: dict[str, str], **changes: str) -> str:
    values = values | changes
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def order(**changes: str) -> str:
    values = {"id": NEW, "customer_id": ASHA, "delivery_date": "'2026-02-01'", "source": "'staff'"}
    return insert("archived_orders", values | {"status": "'NOT_DELIVERED'"}, **changes)


def item(**changes: str) -> str:
    values = {"order_id": DONE, "line_no": "1", "product_id": MILK, "quantity": "1", "unit_price": "1"}
    return insert("archived_order_items", values | {"price_source": "'product'"}, **changes)


def status(**changes: str) -> str:
    values = {"id": NEW, "order_id": DONE, "customer_id": ASHA, "delivery_date": "'2026-02-01'"}
    values |= {"status": "'not_delivered'", "confirmed_at": "now()", "confirmation_method": "'admin'"}
    return insert("archived_delivery_statuses", values, **changes)


REFUSED = {
    "fk_archived_orders_customer_id": order(customer_id=NOBODY),
    "fk_archived_orders_subscription_of_customer": order(
        customer_id=RAVI, subscription_id=ASHA, order_type="'subscription'"
    ),
    "fk_archived_orders_invoice_of_payer": order(status="'DELIVERED'", invoice_id=ASHA, payer_id=RAVI),
    "fk_archived_orders_placed_at_door_of": order(placed_at_door_of=NOBODY),
    "fk_archived_orders_delivery_boy_id": order(delivery_boy_id=NOBODY),
    "fk_archived_orders_area_id": order(area_id=NOBODY),
    "fk_archived_orders_placed_by": order(placed_by=NOBODY),
    "fk_archived_orders_closed_day_id": f"DELETE FROM closed_days WHERE id = {ASHA}",
    "ck_archived_orders_settled": order(status="'OUT_FOR_DELIVERY'"),
    "ck_archived_orders_delivered_iff_on_invoice": order(status="'DELIVERED'"),
    "ck_archived_orders_payer_iff_on_invoice": order(status="'DELIVERED'", invoice_id=ASHA),
    "uq_archived_orders_placed_at_door_of": order(placed_at_door_of=DONE),
    "fk_archived_order_items_order_id": item(order_id=NOBODY),
    "fk_archived_order_items_product_id": item(product_id=NOBODY),
    "fk_archived_delivery_statuses_order_id": status(order_id=NOBODY),
    "fk_archived_delivery_statuses_customer_id": status(customer_id=NOBODY),
    "fk_archived_delivery_statuses_delivery_boy_id": status(delivery_boy_id=NOBODY),
    "fk_archived_delivery_statuses_confirmed_by_user_id": status(confirmed_by_user_id=NOBODY),
    "fk_archived_delivery_statuses_corrected_by_user_id": status(corrected_by_user_id=NOBODY),
    "fk_archived_delivery_statuses_shared_link_id": status(shared_link_id=NOBODY),
    "ck_archived_days_counts_not_negative": "INSERT INTO archived_days (day, orders, items, statuses, amount, digest)"
    " VALUES ('2026-02-01', -1, 0, 0, 0, repeat('0', 256)::bit(256))",
    "fk_archived_link_events_event_id": f"INSERT INTO archived_link_events VALUES (-1, {DONE})",
    "fk_archived_link_events_order_id": "INSERT INTO archived_link_events"
    f" SELECT id, {NOBODY}::uuid FROM shared_link_events",
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_constraint_refuses(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


def test_no_constraint_was_forgotten(bare: Any) -> None:
    assert names_of(bare, ARCHIVE) == REFUSED.keys()


@pytest.mark.parametrize("table", TABLES)
def test_the_archive_has_every_column(table: str) -> None:
    """What is added to a table is added to its archive, in the same form: else a move would lose it."""
    ours, archived = Base.metadata.tables[table], Base.metadata.tables[f"archived_{table}"]
    assert [(each.name, str(each.type), each.nullable) for each in archived.columns] == [
        (each.name, str(each.type), each.nullable) for each in ours.columns
    ]
