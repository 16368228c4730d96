"""Standing orders of every generation, and what is said about single days within and beside them."""

from typing import Any

import pytest

from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import EGGS, MILK, WrittenDump, uuid_of


@pytest.fixture
def dump() -> WrittenDump:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    dump.customer("c2", user="u2")
    dump.order("ord_0", "u2", on="2026-09-03")
    return dump


SHOWN = """
SELECT s.legacy_id, c.legacy_id, p.legacy_id, s.mode, s.default_quantity::text, s.weekly_pattern, s.shift,
    s.price_per_unit::text, s.start_date::text, s.stop_date::text, s.status
FROM subscriptions s JOIN customers c ON c.id = s.customer_id JOIN products p ON p.id = s.product_id ORDER BY 1
"""


def entries(sql: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = sql("""
        SELECT s.legacy_id, o.date::text, o.quantity::float, o.kind, o.shift
        FROM subscription_overrides o JOIN subscriptions s ON s.id = o.subscription_id ORDER BY 1, 2""")
    return found


def pauses(sql: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = sql("""
        SELECT s.legacy_id, p.period::text
        FROM subscription_pauses p JOIN subscriptions s ON s.id = p.subscription_id ORDER BY 1, 2""")
    return found


def quarantined(sql: Any) -> dict[str, str]:
    return dict(sql("SELECT legacy_id, reason FROM import_quarantine"))


def test_a_native_standing_order(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.subscription(uuid_of("sub"), "c1")
    dump.subscription(
        "sub-2", "u1", EGGS, mode="weekly_pattern", weekly_pattern=[0, 2.0, "Friday"], price_per_unit=None
    )
    take(dump)
    rows = sql(SHOWN)
    rest = ("2026-08-25", None, "active")
    assert sorted(rows) == sorted([
        (uuid_of("sub"), "c1", "prd_milk", "fixed_daily", "2.000", None, "morning", "58.00", *rest),
        ("sub-2", "c1", "prd_eggs", "weekly_pattern", "2.000", [0, 2, 4], "morning", None, *rest),
    ])  # fmt: skip
    assert sql(f"SELECT legacy_id FROM subscriptions WHERE id = '{uuid_of('sub')}'") == [(uuid_of("sub"),)]


def test_without_a_first_day_it_covers_the_months_of_the_dump(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.subscription("new", "c1", created_at="2026-09-20T09:00:00")
    dump.subscription("old", "c1", created_at=...)
    dump.subscription("ended", "c1", created_at=..., stop_date="2026-08-20")
    dump.subscription("told", "c1", start_date="2026-09-20")
    take(dump)
    assert sql("SELECT legacy_id, start_date::text FROM subscriptions ORDER BY 1") == [
        ("ended", "2026-08-20"), ("new", "2026-09-01"), ("old", "2026-09-01"), ("told", "2026-09-20")]  # fmt: skip


def test_the_older_generations(dump: WrittenDump, take: Import, sql: Any) -> None:
    own = {"product_id": "prd_milk", "user_id": "u1", "quantity": 1, "start_date": "2026-09-07", "is_active": True}
    for key, changes in {
        "c-daily": {"pattern": "daily", "end_date": "2026-10-25"},
        "c-alternate": {
            "pattern": "alternate_days",
            "pauses": [{"start_date": "2026-09-22", "end_date": "2026-09-25"}],
        },
        "c-weekly": {"pattern": "weekly", "overrides": [{"date": "2026-09-20", "quantity": 0}]},
        "c-custom": {"pattern": "custom_days", "custom_days": [0, 3, 5], "is_active": False},
        "d": {"pause_dates": ["2026-09-10", "2026-09-11", "2026-09-14"], "default_quantity": "1.5", "status": "active"},
        "e-daily": {"frequency": "daily", "delivery_days": ["monday", "tue", "Wed", "thu", "fri", "sat", "sun"]},
        "e-some": {"frequency": "daily", "delivery_days": ["monday", "thursday"], "status": "paused"},
    }.items():
        dump.add("subscriptions", {"id": key} | own | changes)
    dump.add("subscriptions", {"id": "d-nameless", "customer_id": "c1", "default_quantity": 1.0, "pause_dates": []})
    report = take(dump)
    assert sql("SELECT legacy_id, mode, weekly_pattern, interval_days, anchor_date::text, stop_date::text, status"
               " FROM subscriptions ORDER BY 1") == [
        ("c-alternate", "alternate_days", None, 2, "2026-09-07", None, "active"),
        ("c-custom", "weekly_pattern", [0, 3, 5], None, None, None, "stopped"),
        ("c-daily", "fixed_daily", None, None, None, "2026-10-26", "active"),
        ("c-weekly", "weekly_pattern", [0], None, None, None, "active"),
        ("d", "fixed_daily", None, None, None, None, "active"),
        ("e-daily", "fixed_daily", None, None, None, None, "active"),
        ("e-some", "weekly_pattern", [0, 3], None, None, None, "paused"),
    ]  # fmt: skip
    assert entries(sql) == [("c-weekly", "2026-09-20", 0.0, "override", None)]
    assert pauses(sql) == [
        ("c-alternate", "[2026-09-22,2026-09-26)"), ("d", "[2026-09-10,2026-09-12)"), ("d", "[2026-09-14,2026-09-15)")
    ]  # fmt: skip
    assert quarantined(sql) == {"d-nameless": "no_product"}
    assert report.findings() == []


def test_a_single_delivery_is_an_order(dump: WrittenDump, take: Import, sql: Any) -> None:
    camel = {"customerId": "c1", "productId": "prd_milk", "mode": "one_time", "quantity": 3.0, "status": "active",
             "startDate": "2026-09-13", "endDate": "2026-09-13", "isActive": True}  # fmt: skip
    dump.add("subscriptions_v2", {"id": "sub_one", **camel})
    dump.add("subscriptions_v2", {"id": "sub_told", **camel, "dayOverrides": [{"date": "2026-09-13", "quantity": 2}]})
    dump.add("subscriptions_v2", {"id": "sub_days", **camel, "endDate": "2026-09-15"})
    dump.add("subscriptions_v2", {"id": "sub_off", **camel, "status": "stopped"})
    dump.add("subscriptions_v2", {"id": "sub_when", **camel, "startDate": None, "endDate": None})
    report = take(dump)
    assert sql("""SELECT o.legacy_id, o.status, o.delivery_date::text, i.quantity::float, i.unit_price::float
        FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.legacy_id LIKE 'sub%' ORDER BY 1""") == [
        ("sub_one", "PENDING", "2026-09-13", 3.0, 55.5), ("sub_told", "PENDING", "2026-09-13", 2.0, 55.5)]  # fmt: skip
    assert sql("SELECT legacy_id, mode, start_date::text, stop_date::text, status FROM subscriptions ORDER BY 1") == [
        ("sub_days", "fixed_daily", "2026-09-13", "2026-09-16", "active"),
        ("sub_off", "fixed_daily", "2026-09-13", "2026-09-14", "stopped"),
        ("sub_when", "irregular", "2026-09-01", None, "active"),
    ]
    assert (report.fates["subscriptions_v2", "written"], report.findings()) == (5, [])


def test_both_shifts_are_two_standing_orders_with_one_quantity(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.subscription("sub", "c1", shift="Both", mode="weekly_pattern", weekly_pattern=["1"])
    report = take(dump)
    assert sql("SELECT legacy_id, shift, mode, default_quantity::int, status FROM subscriptions ORDER BY 1") == [
        ("sub", "morning", "weekly_pattern", 2, "active"), ("sub:evening", "evening", "weekly_pattern", 0, "draft")
    ]  # fmt: skip
    assert (report.fates["subscriptions_v2", "written"], report.findings()) == (1, [])


def test_pauses_in_every_spelling(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.subscription("sub", "c1", pause_intervals=[
        {"start": "2026-09-12", "end": "2026-09-15"}, {"start_date": "2026-09-14", "end_date": "2026-09-20"},
        {"startDate": "2026-09-25T00:00:00.000Z", "endDate": "2026-09-25"},
        {"start": "2026-10-05", "end": "2026-10-01"},
        {"start": "2026-10-20", "end": None}, {"start": "2026-10-25", "end": "2026-10-26"},
    ])  # fmt: skip
    dump.subscription("dated", "c1", status="PAUSED", pause_start="2026-09-22", pause_end="2026-09-29")
    dump.subscription("undated", "c1", status="paused")
    dump.subscription("wrong", "c1", pause_intervals=[{"start": "soon"}])
    report = take(dump)
    assert pauses(sql) == [
        ("dated", "[2026-09-22,2026-09-30)"),
        ("sub", "[2026-09-12,2026-09-21)"), ("sub", "[2026-09-25,2026-09-26)"), ("sub", "[2026-10-20,)"),
    ]  # fmt: skip
    assert sql("SELECT legacy_id, status FROM subscriptions ORDER BY 1") == [
        ("dated", "active"), ("sub", "active"), ("undated", "paused")]  # fmt: skip
    assert quarantined(sql) == {"wrong": "pause_unreadable"}
    assert ("subscriptions_v2", "pause_reversed", 1, ["sub"]) in report.remarks


def test_words_about_a_day_the_first_of_the_engine_counts(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.subscription("sub", "c1",
        day_overrides=[{"date": "2026-09-10", "quantity": 5, "shift": "evening"}, {"date": "2026-09-10", "quantity": 6},
                       {"date": "2026-09-11", "quantity": "0.5"}, {"date": "2026-09-13", "quantity": None}],
        irregular_list=[{"date": "2026-09-11", "quantity": 0}],
        shift_overrides=[{"date": "2026-09-12", "shift": "evening"}, {"date": "2026-09-10", "shift": "morning"}],
    )  # fmt: skip
    take(dump)
    assert entries(sql) == [
        ("sub", "2026-09-10", 5.0, "override", None),
        ("sub", "2026-09-11", 0.0, "irregular", None),
        ("sub", "2026-09-12", 2.0, "override", "evening"),
    ]


def beside(dump: WrittenDump, collection: str, key: str, subscription: str | None, day: str, **changes: Any) -> None:
    known = {"id": key, "subscription_id": subscription, "customer_id": "c1", "product_id": "prd_milk", "date": day}
    dump.add(collection, known | {"created_at": "2026-09-08T10:00:00"} | changes)


def test_what_stands_beside_is_merged_by_time(dump: WrittenDump, take: Import, sql: Any) -> None:
    embedded = [{"date": "2026-09-10", "quantity": 5}, {"date": "2026-09-11", "quantity": 5}]
    dump.subscription("sub", "c1", day_overrides=embedded, updated_at="2026-09-08T12:00:00")  # 06:30 UTC
    beside(dump, "day_overrides", "later", "sub", "2026-09-10", quantity=1)
    beside(dump, "day_overrides", "earlier", "sub", "2026-09-11", quantity=1, created_at="2026-09-08T06:00:00")
    beside(dump, "day_overrides", "again", "sub", "2026-09-10", quantity=9, created_at="2026-09-08T09:59:00")
    beside(dump, "shift_overrides", "shift", "sub", "2026-09-12", shift="evening")
    beside(dump, "delivery_pauses", "pause", "sub", "2026-09-14")
    beside(dump, "delivery_pauses", "twice", "sub", "2026-09-14")
    beside(dump, "delivery_stops", "stop", "sub", "")
    adjusted = {"new_quantity": 7, "adjusted_at": "2026-09-08T18:00:00"}
    beside(dump, "delivery_adjustments", "day", "sub", "2026-09-15", adjustment_type="this_day_only", **adjusted)
    beside(dump, "delivery_adjustments", "on", "sub", "2026-09-16", adjustment_type="till_further_notice", **adjusted)
    report = take(dump)
    assert entries(sql) == [
        ("sub", "2026-09-10", 1.0, "override", None), ("sub", "2026-09-11", 5.0, "override", None),
        ("sub", "2026-09-12", 2.0, "override", "evening"), ("sub", "2026-09-15", 7.0, "override", None),
    ]  # fmt: skip
    assert pauses(sql) == [("sub", "[2026-09-14,2026-09-15)")]
    fates = {key: count for key, count in report.fates.items() if key[0].startswith(("day", "shift", "delivery_"))}
    assert fates == {
        ("day_overrides", "written"): 1, ("day_overrides", "merged"): 2, ("shift_overrides", "written"): 1,
        ("delivery_pauses", "written"): 1, ("delivery_pauses", "merged"): 1, ("delivery_stops", "merged"): 1,
        ("delivery_adjustments", "written"): 1, ("delivery_adjustments", "merged"): 1,
    }  # fmt: skip
    assert ("day_overrides", "override_superseded", 2, ["earlier", "again"]) in report.remarks
    again = take(dump)
    assert (again.written, again.findings()) == (0, [])


def test_a_product_added_for_one_day(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.subscription("sub", "c1")
    extra = {"quantity": 3}
    beside(dump, "irregular_deliveries", "known", None, "2026-09-20", **extra)
    beside(dump, "irregular_deliveries", "new", None, "2026-09-20", product_id="prd_eggs", **extra)
    beside(dump, "irregular_deliveries", "unknown", None, "2026-09-20", product_id="gone", **extra)
    beside(dump, "irregular_deliveries", "nobody's", None, "2026-09-20", customer_id="gone", **extra)
    beside(dump, "day_overrides", "dangling", "gone", "2026-09-20", **extra)
    beside(dump, "day_overrides", "whose", "sub", "2026-09-20", customer_id="c2", **extra)
    beside(dump, "day_overrides", "when", "sub", "20th", **extra)
    beside(dump, "day_overrides", "how much", "sub", "2026-09-20", quantity=float("nan"))
    report = take(dump)
    assert entries(sql) == [("sub", "2026-09-20", 3.0, "irregular", None)]
    assert sql("""SELECT o.legacy_id, i.quantity::int, i.unit_price::int FROM orders o JOIN order_items i
        ON i.order_id = o.id WHERE o.status = 'PENDING'""") == [("irregular_deliveries:new", 3, 70)]
    assert quarantined(sql) == {
        "unknown": "product_missing", "nobody's": "customer_unresolved", "dangling": "subscription_missing",
        "whose": "customer_contradictory", "when": "date_unreadable", "how much": "quantity_unreadable",
    }  # fmt: skip
    assert report.findings() == []
    again = take(dump)
    assert (again.written, again.findings()) == (0, [])


SURPRISES: list[tuple[dict[str, Any], str]] = [
    ({"customer_id": "gone"}, "customer_unresolved"),
    ({"customer_id": None}, "customer_unresolved"),
    ({"product_id": "gone"}, "product_missing"),
    ({"product_id": ...}, "no_product"),
    ({"status": "banana"}, "status_unknown"),
    ({"mode": "when it rains"}, "mode_unknown"),
    ({"mode": "weekly_pattern", "weekly_pattern": [0, 9]}, "pattern_unreadable"),
    ({"mode": "weekly_pattern", "weekly_pattern": "daily"}, "pattern_unreadable"),
    ({"mode": "alternate_days"}, "start_missing"),
    ({"default_qty": float("nan")}, "quantity_unreadable"),
    ({"default_qty": "two"}, "quantity_unreadable"),
    ({"default_qty": -1}, "quantity_negative"),
    ({"price_per_unit": float("nan")}, "price_unreadable"),
    ({"price_per_unit": -5}, "price_negative"),
    ({"stop_date": "soon"}, "date_unreadable"),
    ({"start_date": "2026-09-10", "stop_date": "2026-09-09"}, "dates_contradictory"),
    ({"start_date": "2026-09-10", "end_date": "2026-09-09"}, "dates_contradictory"),
    ({"day_overrides": [{"date": "2026-09-10", "quantity": "NaN"}]}, "override_unreadable"),
    ({"day_overrides": [{"date": None, "quantity": 1}]}, "override_unreadable"),
    ({"day_overrides": ["2026-09-10"]}, "override_unreadable"),
    ({"day_overrides": "none"}, "override_unreadable"),
    ({"shift_overrides": [{"date": "2026-09-10", "shift": "noon"}]}, "override_unreadable"),
    ({"pause_intervals": {"start": "2026-09-10"}}, "pause_unreadable"),
]


def test_a_standing_order_that_surprises_waits_in_quarantine(dump: WrittenDump, take: Import, sql: Any) -> None:
    for number, (changes, _) in enumerate(SURPRISES):
        dump.subscription(f"sub-{number}", "c1", **changes)
    dump.subscription("good", "c1")
    beside(dump, "day_overrides", "of one", "sub-0", "2026-09-20", quantity=1)
    report = take(dump)
    expected = {f"sub-{number}": reason for number, (_, reason) in enumerate(SURPRISES)}
    assert quarantined(sql) == expected | {"of one": "subscription_quarantined"}
    assert sql("SELECT legacy_id FROM subscriptions") == [("good",)]
    assert report.findings() == []


def test_the_newer_of_two_generations_counts(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.add("subscriptions", {"id": "sub", "customer_id": "c1", "product_id": "prd_eggs", "frequency": "daily"})
    dump.subscription("sub", "c1", MILK)
    report = take(dump)
    assert [row[2] for row in sql(SHOWN)] == ["prd_milk"]
    assert report.fates["subscriptions", "merged"] == 1


def test_a_document_without_a_mode_delivers_nothing_until_somebody_says(
    dump: WrittenDump, take: Import, sql: Any
) -> None:
    dump.subscription("sub-001", "c1", mode=..., default_qty=..., quantity=1.0, customerId="c1", auto_start=...)
    report = take(dump)
    assert sql("SELECT mode, default_quantity::int, status FROM subscriptions") == [("fixed_daily", 1, "draft")]
    assert ("subscriptions_v2", "mode_missing", 1, ["sub-001"]) in report.remarks


def test_what_is_read_in_another_way_than_the_earlier_system_did_is_named(dump: WrittenDump, take: Import) -> None:
    dump.customer("c1")
    dump.subscription("numbers", "c1", mode="weekly_pattern", weekly_pattern=[0, 2])
    dump.subscription("names", "c1", mode="weekly_pattern", weekly_pattern=["monday", "wed"])
    dump.subscription("digits", "c1", mode="weekly_pattern", weekly_pattern=["0", "2"])
    dump.subscription("every_other", "c1", mode="alternate_days", start_date="2026-09-01")
    dump.subscription("custom", "c1", mode="custom_days", custom_days=[1])
    dump.subscription("daily", "c1", mode="daily")
    dump.subscription("some_days", "c1", delivery_days=["monday"])
    report = take(dump)
    named = {remark: sorted(keys) for name, remark, _, keys in report.remarks if name == "subscriptions_v2"}
    assert named["weekdays_by_name"] == ["digits", "names", "some_days"]
    assert named["delivers_from_now_on"] == ["custom", "daily", "every_other"]
    assert named["daily_on_weekdays"] == ["some_days"]
