"""Constraints and triggers of containers hold against plain SQL."""

from typing import Any

import pytest

from dairy_app.database.constraints import TRIGGER_CODES
from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("containers", "container_movements", "container_balances")


def one(number: int) -> str:
    return f"'00000000-0000-0000-0000-00000000000{number}'"


ASHA, RAVI, NOBODY = one(1), one(2), one(9)
#: Order 1 is Asha's, delivered in two bottles of which one came back. The office gave her three more. Customer 3 is
#: merged into her.
SET_UP = f"""
SET LOCAL session_replication_role = replica;
INSERT INTO users (id, name, phone, role) VALUES ({ASHA}, 'Kavita', '+919800000001', 'admin');
INSERT INTO customers (id, code, name) VALUES ({ASHA}, 'K1', 'Asha'), ({RAVI}, 'K2', 'Ravi');
INSERT INTO customers (id, code, name, status, merged_into, merged_at, merge_reason)
    VALUES ({one(3)}, 'K3', 'Asha', 'stopped', {ASHA}, now(), 'registered twice');
INSERT INTO products (id, sku, name, unit, tax_class) VALUES ({one(1)}, 'M1', 'Milk', 'litre', 'milk_fresh');
INSERT INTO orders (id, customer_id, delivery_date, source) VALUES ({one(1)}, {ASHA}, '2026-02-01', 'staff');
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)
    VALUES ({one(1)}, 1, {one(1)}, 2, 60, 'product');
INSERT INTO containers (id, name, deposit) VALUES ({one(1)}, 'Bottle', 30), ({one(2)}, 'Can', 500);
INSERT INTO container_movements (id, customer_id, container_id, order_id, product_id, per_unit, day, out)
    VALUES ({one(1)}, {ASHA}, {one(1)}, {one(1)}, {one(1)}, 1, '2026-02-01', 2);
INSERT INTO container_movements (id, customer_id, container_id, order_id, day, back)
    VALUES ({one(2)}, {ASHA}, {one(1)}, {one(1)}, '2026-02-01', 1);
INSERT INTO container_movements (id, customer_id, container_id, day, out, by)
    VALUES ({one(3)}, {ASHA}, {one(1)}, '2026-02-02', 3, {ASHA});
INSERT INTO container_balances (customer_id, container_id, balance) VALUES ({ASHA}, {one(1)}, 4);
SET LOCAL session_replication_role = origin;
"""


def insert(table: str, values: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def movement(**changes: str) -> str:
    values = {"customer_id": ASHA, "container_id": one(1), "day": "'2026-02-03'", "back": "1", "by": ASHA}
    return insert("container_movements", values | changes)


def of_order(**changes: str) -> str:
    """What came back with an order, of the can: of the bottle it is told already."""
    return movement(**{"order_id": one(1), "container_id": one(2)} | changes)


def by_replica(statement: str) -> str:
    """Without the trigger that keeps counted rows from hands, which would refuse it first."""
    return f"ALTER TABLE container_movements DISABLE TRIGGER tr_container_movements_stay; {statement}"


COUNTED = {"order_id": one(1), "product_id": one(1), "per_unit": "1", "out": "1", "back": "0"}
BALANCE = {"customer_id": RAVI, "container_id": one(1), "balance": "0"}
BY_HAND = "ALTER TABLE container_balances DISABLE TRIGGER tr_container_balances_are_sums; "

REFUSED = {
    "uq_containers_name": insert("containers", {"name": "'BOTTLE'", "deposit": "1"}),
    "ck_containers_name_length": insert("containers", {"name": "''", "deposit": "1"}),
    "ck_containers_deposit_not_negative": insert("containers", {"name": "'Crate'", "deposit": "-1"}),
    "ck_containers_deposit_limited": insert("containers", {"name": "'Crate'", "deposit": "100000.01"}),
    "fk_container_movements_customer_id": movement(customer_id=NOBODY),
    "fk_container_movements_container_id": movement(container_id=NOBODY, back="0", out="1"),
    "fk_container_movements_order_of_customer": of_order(customer_id=RAVI, back="0"),
    "fk_container_movements_product_id": by_replica(movement(**{**COUNTED, "product_id": NOBODY})),
    "fk_container_movements_adjustment_id": movement(back="0", lost="1", adjustment_id=NOBODY),
    "fk_container_movements_by": movement(by=NOBODY),
    "ck_container_movements_counts_not_negative": of_order(back="-1"),
    "ck_container_movements_counts_limited": movement(back="0", out="1000001"),
    "ck_container_movements_kind_of_row": movement(out="1"),
    "ck_container_movements_only_lost_is_charged": movement(adjustment_id=one(1)),
    "ck_container_movements_day_finite": movement(day="'infinity'"),
    "ck_container_movements_reason_length": movement(reason="repeat('x', 501)"),
    "uq_container_movements_product_of_order": by_replica(movement(**COUNTED)),
    "uq_container_movements_back_of_order": of_order(container_id=one(1)),
    "ck_container_balances_balance_limited": movement(back="0", out="999997"),
    "fk_container_balances_customer_id": BY_HAND + insert("container_balances", BALANCE | {"customer_id": NOBODY}),
    "fk_container_balances_container_id": BY_HAND + insert("container_balances", BALANCE | {"container_id": NOBODY}),
}


@pytest.mark.parametrize(("name", "statement"), REFUSED.items(), ids=REFUSED.keys())
def test_each_constraint_refuses(bare: Any, name: str, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) == name


def test_no_constraint_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) == REFUSED.keys()


TRIGGERS = [
    ("tr_container_balances_not_negative", movement(back="5")),
    ("tr_container_balances_not_negative", movement(container_id=one(2))),
    ("tr_container_balances_not_negative", movement(back="0", lost="5")),
    ("tr_container_balances_not_negative", f"UPDATE container_movements SET back = 6 WHERE id = {one(2)}"),
    ("tr_container_balances_are_sums", "UPDATE container_balances SET balance = 9"),
    ("tr_container_balances_are_sums", "DELETE FROM container_balances"),
    ("tr_container_balances_are_sums", insert("container_balances", BALANCE | {"balance": "1"})),
    ("tr_container_movements_stay", movement(**COUNTED)),
    ("tr_container_movements_stay", f"UPDATE container_movements SET out = 9 WHERE id = {one(1)}"),
    ("tr_container_movements_stay", f"UPDATE container_movements SET out = 9 WHERE id = {one(3)}"),
    ("tr_container_movements_stay", f"UPDATE container_movements SET day = '2026-02-09' WHERE id = {one(2)}"),
    ("tr_container_movements_stay", f"UPDATE container_movements SET customer_id = {RAVI} WHERE id = {one(3)}"),
    ("tr_container_movements_stay", "DELETE FROM container_movements"),
    ("tr_rows_of_living_customers", movement(customer_id=one(3), back="0", out="1")),
]


@pytest.mark.parametrize(("name", "statement"), TRIGGERS)
def test_each_trigger_refuses(bare: Any, name: str, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) == name
    assert name in TRIGGER_CODES


def test_a_correction_in_psql_counts_anew(bare: Any) -> None:
    with bare.cursor() as cursor:
        cursor.execute(SET_UP)
        cursor.execute("UPDATE order_items SET delivered_quantity = 1")
        cursor.execute(f"SELECT out FROM container_movements WHERE id = {one(1)}")
        assert cursor.fetchall() == [(1,)]
        cursor.execute(f"SELECT balance FROM container_balances WHERE customer_id = {ASHA}")
        assert cursor.fetchall() == [(3,)]
    bare.rollback()
