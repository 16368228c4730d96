"""Constraints and triggers of photos hold against plain SQL."""

from typing import Any

import pytest

from dairy_app.database.constraints import TRIGGER_CODES
from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]


def one(number: int) -> str:
    return f"'00000000-0000-0000-0000-00000000000{number}'"


ASHA, RAVI, NOBODY = one(1), one(2), one(9)
DONE, WAITING, OUT, CANCELLED = one(1), one(2), one(3), one(4)
#: Of an order of Asha's that was not delivered there is a photo.
SET_UP = f"""
SET LOCAL session_replication_role = replica;
INSERT INTO users (id, name, phone, role) VALUES ({ASHA}, 'Kavita', '+919800000001', 'admin');
INSERT INTO customers (id, code, name) VALUES ({ASHA}, 'K1', 'Asha'), ({RAVI}, 'K2', 'Ravi');
INSERT INTO orders (id, customer_id, delivery_date, source, status) VALUES
    ({DONE}, {ASHA}, '2026-02-01', 'staff', 'NOT_DELIVERED'), ({WAITING}, {ASHA}, '2026-02-01', 'staff', 'PENDING'),
    ({OUT}, {ASHA}, '2026-02-01', 'staff', 'OUT_FOR_DELIVERY');
INSERT INTO orders (id, customer_id, delivery_date, source, status, cancelled_at)
    VALUES ({CANCELLED}, {ASHA}, '2026-02-01', 'staff', 'CANCELLED', now());
INSERT INTO delivery_photos (id, order_id, customer_id, file_name, size, width, height, sha256, sent_sha256,
    uploaded_at, taken_by, taken_by_name)
VALUES ({one(1)}, {DONE}, {ASHA}, repeat('a', 32) || '.jpg', 1000, 1600, 1200, sha256('a'), sha256('b'),
    '2026-02-01', {ASHA}, 'Kavita');
SET LOCAL session_replication_role = origin;
"""


def photo(**changes: str) -> str:
    values = {
        "order_id": OUT,
        "customer_id": ASHA,
        "file_name": "repeat('b', 32) || '.jpg'",
        "size": "1000",
        "width": "1600",
        "height": "1200",
        "sha256": "sha256('a')",
        "sent_sha256": "sha256('b')",
        "uploaded_at": "'2026-02-01'",
        "taken_by": ASHA,
        "taken_by_name": "'Kavita'",
    } | changes
    return f"INSERT INTO delivery_photos ({', '.join(values)}) VALUES ({', '.join(values.values())})"


REFUSED = {
    "fk_delivery_photos_order_of_customer": photo(customer_id=RAVI),
    "fk_delivery_photos_taken_by": photo(taken_by=NOBODY),
    "fk_delivery_photos_shared_link_id": photo(taken_by="NULL", shared_link_id=NOBODY),
    "uq_delivery_photos_order_id": photo(order_id=DONE),
    "uq_delivery_photos_file_name": photo(file_name="repeat('a', 32) || '.jpg'"),
    "ck_delivery_photos_file_name_format": photo(file_name="'../../etc/passwd'"),
    "ck_delivery_photos_size_range": photo(size="2097153"),
    "ck_delivery_photos_sides_range": photo(height="1601"),
    "ck_delivery_photos_hashes_are_sha256": photo(sha256="'a'"),
    "ck_delivery_photos_uploaded_at_finite": photo(uploaded_at="'infinity'"),
    "ck_delivery_photos_taken_by_one": photo(taken_by="NULL"),
    "ck_delivery_photos_taken_by_name_length": photo(taken_by_name="''"),
}
BY_TRIGGER = [
    ("tr_delivery_photos_of_orders_out", photo(order_id=WAITING)),
    ("tr_delivery_photos_of_orders_out", photo(order_id=CANCELLED)),
    ("tr_delivery_photos_of_orders_out", f"UPDATE delivery_photos SET order_id = {WAITING}"),
]


@pytest.mark.parametrize("name", REFUSED)
def test_each_constraint_refuses(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


@pytest.mark.parametrize(("name", "statement"), BY_TRIGGER)
def test_each_trigger_refuses(bare: Any, name: str, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) == name
    assert TRIGGER_CODES[name] == "illegal_transition"


def test_no_constraint_is_forgotten(bare: Any) -> None:
    assert names_of(bare, ["delivery_photos"]) == REFUSED.keys()


def test_what_is_right_is_taken(bare: Any) -> None:
    assert refuses(bare, SET_UP, photo()) is None


def test_settings_bound_the_days(bare: Any) -> None:
    for days in ("0", "3651"):
        assert refuses(bare, "SELECT", f"UPDATE settings SET photo_days = {days}") == "ck_settings_photo_days_range"
    assert refuses(bare, "SELECT", "UPDATE settings SET photo_days = NULL") is None
