"""A document that surprises never stops the import: every field of every collection meets what a client could send."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Binary, DatetimeMS, Decimal128, Int64, MinKey, ObjectId

from dairy_app.legacy_import.shaping.staged import as_json, spelt
from dairy_app.legacy_import.writing.staging import SOURCES
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import MILK, WrittenDump, item

pytestmark = pytest.mark.slow

NONSENSE: tuple[Any, ...] = (
    None, True, -1, 10**15, float("nan"), float("inf"), "", "banana", "NaN", "1e400", "9" * 40, "2026-02-30",
    "9999-12-31T23:59:59-12:00", [], {}, [None], ["x"], {"a": 1}, ObjectId(), Decimal128("NaN"), Decimal128("1.25"),
    Int64(2**62), datetime(1969, 1, 1, tzinfo=UTC), DatetimeMS(2**60), Binary(bytes(16), 4),
    MinKey(), b"\x00\x01", "a\x00b", "x" * 6000,
    [{"date": "2026-09-10", "quantity": 2}], {"start": "2026-09-10"},
)  # fmt: skip


def good(dump: WrittenDump) -> None:
    """One document of each collection that is read."""
    day = {"subscription_id": "sub", "customer_id": "c1", "product_id": "prd_milk", "date": "2026-09-20", "quantity": 1}
    dump.customer("c1", user="u1", previous_balance=5, custom_product_prices={"prd_milk": 50},
                  location={"lat": 12.5, "lng": 77.5}, delivery_boy_id="db", map_link="https://maps.app.goo.gl/x",
                  notes="Ring", trial_start_date="2026-09-01")  # fmt: skip
    dump.add("customers", {"id": "old", "name": "Old", "phone": "9000000001", "address": "1 Road", "area": "Miyapur"})
    dump.add("delivery_boys_v2", {"id": "db", "name": "Raj", "phone": "9000000002", "email": "raj@dairy.example"})
    dump.add("delivery_boys", {"id": "older", "name": "Route One", "area_assigned": "Miyapur"})
    dump.add("areas_v2", {"id": "a", "main_area": "Hyderabad", "sub_area": "Miyapur", "delivery_boy_ids": ["db"]})
    dump.add("addresses", {"id": "ad", "user_id": "u1", "address_line1": "1 Road", "city": "Pune", "pincode": "411038",
                           "latitude": 1.5, "longitude": 2.5, "landmark": "well"})  # fmt: skip
    dump.subscription("sub", "c1", day_overrides=[{"date": "2026-09-10", "quantity": 1}],
                      pause_intervals=[{"start": "2026-09-12", "end": None}], weekly_pattern=[1])  # fmt: skip
    dump.add("subscriptions", {"id": "gen", "user_id": "u1", "product_id": "prd_eggs", "pattern": "custom_days",
                               "custom_days": [1], "quantity": 1, "start_date": "2026-09-07", "end_date": None,
                               "overrides": [], "pauses": [], "is_active": True})  # fmt: skip
    for name in ("day_overrides", "irregular_deliveries", "delivery_pauses", "shift_overrides", "delivery_stops"):
        dump.add(name, {"id": name, "shift": "evening", "created_at": "2026-09-08T10:00:00"} | day)
    dump.add("delivery_adjustments", {"id": "adj", "adjustment_type": "this_day_only", "new_quantity": 2} | day)
    dump.order("ord", "u1", item(MILK, 2), notes="Gate")
    dump.delivery("ord", "c1")
    dump.delivery("ord", "c1", by_link=True, products=[{"product_name": "Toned Milk", "delivered_quantity": 1}])
    dump.add("payment_transactions", {"id": "pay", "customer_id": "c1", "amount": 5, "payment_date": "2026-09-03",
                                      "payment_method": "UPI", "month": "2026-09", "notes": "x"})  # fmt: skip
    dump.add("billing_records", {"id": "b", "order_id": "ord", "payment_id": "p", "amount": 111.0, "month": "2026-09",
                                 "status": "paid", "created_at": "2026-10-20T17:30:00+00:00"})  # fmt: skip
    dump.add("wallets", {"customer_id": "c1", "balance": 1})
    dump.add("shared_delivery_links", {"link_id": "tok", "delivery_boy_id": "db", "area": "Miyapur", "shift": "morning",
                                       "created_at": "2026-09-01T00:00:00", "expires_at": "2026-09-30T00:00:00",
                                       "access_count": 3, "date": "2026-09-01", "auto_renew_daily": False})  # fmt: skip
    asked = {"customer_id": "c1", "requested_at": "2026-09-07T05:13:07", "status": "pending", "link_id": "tok"}
    dump.add("product_requests", asked | {"product_id": "prd_milk", "quantity": 1, "delivery_date": "2026-09-13"})
    dump.add("pause_requests", asked | {"reason": "Away"})
    dump.add("stop_requests", asked | {"reason": "Moving"})
    dump.add("pending_approvals", {"id": "ap", "change_type": "quantity_change", "status": "rejected", "change_data": {
        "customer_id": "c1", "product_id": "prd_milk", "date": "2026-10-08", "quantity": 2},
        "reviewed_by": {"id": "u1"}, "submitted_by": {"id": "u1"}, "submitted_at": "2026-09-07T05:13:07"})  # fmt: skip
    dump.add("system_settings", {"id": "s", "upi_id": "a@b", "business_name": "Dairy", "business_phone": "9000000000"})


def test_no_field_of_any_collection_stops_the_import(take: Import, sql: Any) -> None:
    dump = WrittenDump()
    good(dump)
    documents = {name: list(found) for name, found in dump.collections.items()}
    for name, found in documents.items():
        for document in found:
            for field in document:
                for number, value in enumerate(NONSENSE):
                    key = f"{name} {document.get('id')} {field} {number}"
                    changed = deepcopy(document) | {"_id": ObjectId(), "id": key}
                    if name == "shared_delivery_links":
                        changed["link_id"] = key
                    dump.collections[name].append(changed | {field: value})
    report = take(dump)
    assert {source.collection for source in SOURCES} == {name for name, count in report.read.items() if count}
    assert report.findings() == []
    assert report.fates["orders", "quarantined"] > 50 < report.fates["subscriptions_v2", "quarantined"]
    again = take(dump)
    assert (again.written, again.findings()) == (0, [])


def test_camel_case_is_read_as_snake_case_and_kept_as_it_was() -> None:
    document = {"customerId": "c2", "customer_id": "c1", "deliveryBoyId": "db", "product_id": None, "productId": "p"}
    both = spelt(document)
    assert (both["customer_id"], both["delivery_boy_id"], both["product_id"]) == ("c1", "db", "p")
    assert as_json(both) == as_json(document)
    plain = {"_id": 1, "customer_id": "c1"}
    assert spelt(plain) is plain


def test_a_whole_dump_in_camel_case(take: Import, sql: Any) -> None:
    dump = WrittenDump()
    good(dump)
    for name, found in dump.collections.items():
        dump.collections[name] = [
            {"".join(part.title() if n and part else part for n, part in enumerate(field.split("_"))) if field != "_id"
             else field: value for field, value in document.items()} for document in found
        ]  # fmt: skip
    report = take(dump)
    assert (report.findings(), report.reasons) == ([], [])
    assert sql("SELECT count(*) FROM subscriptions") == [(2,)]
    assert sql("SELECT sum(delivered_quantity)::int, sum(amount)::int FROM order_items, payments") == [(2, 5)]


def test_two_spellings_of_one_field_that_differ_are_told(take: Import, sql: Any) -> None:
    dump = WrittenDump()
    dump.customer("c1", userId=None, createdAt="2026-09-01")
    dump.customer("c2", trialStartDate="2026-09-01", trial_start_date="2026-09-02")
    dump.subscription("same", "c1", customerId="c1", quantity=2)
    dump.subscription("customers", "c1", customerId="c2")
    dump.subscription("quantities", "c1", quantity=3, default_quantity=0)
    report = take(dump)
    assert [(name, keys) for name, remark, _, keys in report.remarks if remark == "spellings_contradict"] == [
        ("customers_v2", ["c2"]), ("subscriptions_v2", ["customers", "quantities"])]  # fmt: skip
    assert sql("SELECT DISTINCT c.legacy_id FROM subscriptions s JOIN customers c ON c.id = customer_id") == [("c1",)]
