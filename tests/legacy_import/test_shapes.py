"""One document as the row it is staged as."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId

from dairy_app.legacy_import.shaping import shapes

INDIA = ZoneInfo("Asia/Kolkata")
NAN = float("nan")
ITEM = {"product_id": "p1", "product_name": "Milk", "quantity": 2, "unit": "L", "price": 60.0, "total": 120.0}
ORDER = {
    "_id": ObjectId("6a8bbb40cc3972351c2f3e11"),
    "id": "ord_1",
    "user_id": "u1",
    "customer_id": "u1",
    "order_type": "one_time",
    "subscription_id": None,
    "items": [ITEM],
    "delivery_date": "2026-09-30",
    "status": "DELIVERED",
    "delivered_at": "2026-09-30T06:02:01.508550",
    "delivery_confirmed": True,
    "billed": False,
    "created_at": "2026-09-29T09:27:07+00:00",
}


def order(**changes):
    return shapes.order("orders", 1, ORDER | changes, INDIA)


def test_an_order_as_it_usually_is():
    row, items = order()
    assert (row.key, row.status, row.is_one_time, row.is_confirmed, row.is_billed) == (
        "ord_1", "delivered", True, True, False,
    )  # fmt: skip
    assert (row.delivery_date, row.delivered_on) == (date(2026, 9, 30), date(2026, 9, 30))
    assert row.delivered_at == datetime(2026, 9, 30, 0, 32, 1, 508550, UTC)
    assert (row.reason, row.remarks) == (None, [])
    assert [(item.product_key, item.quantity, item.price) for item in items] == [("p1", 2, Decimal("60.0"))]


@pytest.mark.parametrize(
    ("changes", "delivered_on"),
    [
        ({"delivered_at": "2026-10-01T00:10:00"}, date(2026, 10, 1)),
        ({"delivered_at": "2026-09-30T18:40:00.000Z"}, date(2026, 10, 1)),
        ({"delivered_at": datetime(2026, 9, 30, 18, 40, tzinfo=UTC)}, date(2026, 10, 1)),
        ({"delivered_at": None}, date(2026, 9, 30)),
        ({"delivered_at": "this morning"}, date(2026, 9, 30)),
        ({"delivery_date": "soon"}, date(2026, 9, 30)),
    ],
)
def test_the_day_delivered_is_that_of_the_delivery_time_else_the_planned_day(changes, delivered_on):
    row, _ = order(**changes)
    assert row.delivered_on == delivered_on
    assert row.delivered_at.astimezone(INDIA).date() == delivered_on
    assert row.reason is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "banana"}, "status_unknown"),
        ({"status": None}, "status_unknown"),
        ({"items": []}, "no_items"),
        ({"items": None}, "no_items"),
        ({"items": ["milk"]}, "item_unreadable"),
        ({"items": [ITEM | {"quantity": -3}]}, "quantity_not_positive"),
        ({"items": [ITEM | {"quantity": 0}]}, "quantity_not_positive"),
        ({"items": [ITEM, ITEM | {"quantity": "two"}]}, "quantity_unreadable"),
        ({"items": [ITEM | {"quantity": None}]}, "quantity_unreadable"),
        ({"items": [ITEM | {"price": NAN}]}, "price_unreadable"),
        ({"items": [ITEM | {"price": None}]}, "price_unreadable"),
        ({"items": [ITEM | {"price": -1}]}, "price_negative"),
        ({"delivery_date": "soon", "delivered_at": None}, "date_unreadable"),
    ],
)
def test_an_order_that_cannot_be_placed_says_why(changes, reason):
    row, _ = order(**changes)
    assert row.reason == reason
    assert json.loads(row.document)["id"] == "ord_1"


@pytest.mark.parametrize(
    ("changes", "one_time"),
    [
        ({"order_type": None}, True),
        ({"order_type": "ONE-TIME"}, True),
        ({"order_type": "subscription"}, False),
        ({"subscription_id": "sub-001"}, False),
        ({"subscriptionId": "sub-001"}, False),
    ],
)
def test_orders_of_a_subscription_are_left_for_its_import(changes, one_time):
    assert order(**changes)[0].is_one_time is one_time


@pytest.mark.parametrize(("confirmed", "counts"), [(True, True), ("true", False), (1, False), (None, False)])
def test_confirmed_is_exactly_true(confirmed, counts):
    assert order(delivery_confirmed=confirmed)[0].is_confirmed is counts


def test_camel_case_is_read_where_snake_case_is_absent():
    changes = {
        "customer_id": None,
        "customerId": "c1",
        "items": [{"productId": "p2", "quantity": 1, "price": 5}],
    }
    row, items = order(**changes)
    assert (row.customer_ref, items[0].product_key) == ("c1", "p2")
    assert order(customerId="c1")[0].customer_ref == "u1"  # snake case wins


def test_a_document_without_any_key_gets_one_from_its_content():
    nameless = {name: value for name, value in ORDER.items() if name not in ("_id", "id")}
    first, _ = shapes.order("orders", 1, nameless, INDIA)
    again, _ = shapes.order("orders", 9, dict(nameless), INDIA)
    other, _ = shapes.order("orders", 1, nameless | {"notes": "other"}, INDIA)
    assert first.key == again.key and first.id == again.id
    assert first.key != other.key


def test_a_document_is_kept_as_json_that_postgresql_can_store():
    row, _ = order(odd=NAN, nul="a\x00b", at=datetime(2026, 9, 1, tzinfo=UTC), price=float("inf"), name="పాలు")
    assert "NaN" not in row.document.replace('"NaN"', "") and "\\u0000" not in row.document
    document = json.loads(row.document)
    assert document["_id"] == {"$oid": "6a8bbb40cc3972351c2f3e11"}
    assert document["at"] == {"$date": "2026-09-01T00:00:00Z"}
    assert (document["odd"], document["name"]) == ({"$numberDouble": "NaN"}, "పాలు")


def test_a_customer_with_everything():
    document = {
        "id": "cust-001", "user_id": "u1", "name": " Hema ", "phone": "+91 9000029723",
        "email": "Hema@Example.com", "address": "1 MG Road", "area": "Bangalore - MG Road",
        "delivery_boy_id": "db-001", "marketing_boy_id": None,
        "location": {"lat": 17.5, "lng": 78.3168511, "accuracy_meters": 12.0}, "status": "Trial",
        "trial_start_date": "2026-08-29", "notes": "Ring twice", "delivery_instructions": "Blue gate",
        "custom_product_prices": {"p1": 58.0, "p2": NAN, "p3": None, "p4": -2},
    }  # fmt: skip
    row, prices = shapes.customer("customers_v2", 1, document, INDIA)
    assert (row.name, row.phone, row.email, row.status) == (
        "Hema",
        "+919000029723",
        "hema@example.com",
        "trial",
    )
    assert (row.latitude, row.longitude) == (Decimal("17.5"), Decimal("78.316851"))
    assert row.notes == "Ring twice\nBlue gate"
    assert row.remarks == ["phone_normalised"]
    assert [(price.product_key, price.price) for price in prices] == [("p1", Decimal("58.00"))]


@pytest.mark.parametrize(
    ("changes", "status", "remarks"),
    [
        ({}, "active", []),
        ({"is_active": False}, "stopped", []),
        ({"status": "vacation"}, "active", ["status_unknown"]),
        ({"status": "PAUSED", "is_active": True}, "paused", []),
    ],
)
def test_a_customers_status(changes, status, remarks):
    row, _ = shapes.customer("customers", 1, {"id": "c", "name": "A", "phone": "9000029723"} | changes, INDIA)
    assert (row.status, row.remarks) == (status, remarks)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"role": "superadmin"}, "role_unknown"),
        ({"email": "nobody", "phone": "1"}, "no_email_or_phone"),
        ({"email": None, "phone": "9000029723"}, None),
    ],
)
def test_a_user_needs_a_role_and_a_way_to_log_in(changes, reason):
    row = shapes.user("users", 1, {"id": "u", "email": "a@b.in", "role": "Delivery Boy"} | changes, INDIA)
    assert row.reason == reason
    assert row.name or reason


@pytest.mark.parametrize(
    ("prices", "price", "remarks"),
    [
        ({"default_price": 60.0, "price": 55.0}, "60.00", []),
        ({"default_price": None, "price": 55.5}, "55.50", []),
        ({"price": "410"}, "410.00", []),
        ({}, None, ["price_missing"]),
        ({"default_price": NAN, "price": 55.0}, None, ["price_unreadable"]),
    ],
)
def test_a_products_price_is_its_default_price_else_its_price(prices, price, remarks):
    row = shapes.product("products", 1, {"id": "p", "name": "Curd", "unit": "500g"} | prices, INDIA)
    assert row.price == (None if price is None else Decimal(price))
    assert (row.unit, row.packet_size, row.remarks) == ("packet", Decimal("0.5"), remarks)


DELIVERY = {
    "id": "d1",
    "order_id": "ord_1",
    "customer_id": "c1",
    "delivery_date": "2026-09-30",
    "status": "delivered",
}


def test_delivery_times_are_local_but_confirmed_at_and_link_rows_are_utc():
    times = {"confirmed_at": "2026-09-30T01:00:00", "updated_at": "2026-09-30T06:30:00"}
    row, _ = shapes.delivery("delivery_statuses", 1, DELIVERY | times, INDIA)
    assert row.confirmed_at == row.written_at == datetime(2026, 9, 30, 1, tzinfo=UTC)
    row, _ = shapes.delivery("delivery_status", 1, DELIVERY | times, INDIA)
    assert row.written_at == datetime(2026, 9, 30, 6, 30, tzinfo=UTC)


def test_delivered_quantities_are_recorded_by_id_or_by_name():
    entries = {
        "items": [{"product_id": "p1", "delivered_qty": 1.5}],
        "products": [
            {"product_name": "Eggs", "quantity_packets": 2, "delivered_quantity": 0},
            {"product_name": "Ghee"},
        ],
    }
    _, delivered = shapes.delivery("delivery_status", 1, DELIVERY | entries, INDIA)
    assert [(entry.product_key, entry.product_name, entry.quantity) for entry in delivered] == [
        ("p1", None, Decimal("1.5")), (None, "Eggs", 0), (None, "Ghee", None),
    ]  # fmt: skip
    _, none = shapes.delivery("delivery_status", 1, DELIVERY | entries | {"order_id": None}, INDIA)
    assert none == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"status": "banana"}, "status_unknown"), ({"delivery_date": None}, "date_unreadable"), ({}, None)],
)
def test_a_delivery_row_that_cannot_be_placed_says_why(changes, reason):
    assert shapes.delivery("delivery_statuses", 1, DELIVERY | changes, INDIA)[0].reason == reason
