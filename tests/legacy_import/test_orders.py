"""Orders and deliveries: whose, how much, on which paper, and what cannot be placed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from bson import ObjectId
from click.testing import CliRunner

from dairy_app.billing.commands import bill
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import EGGS, MILK, WrittenDump, item, uuid_of

pytestmark = pytest.mark.slow

PARTIAL = {"status": "PARTIALLY_DELIVERED"}


@pytest.fixture
def dump() -> WrittenDump:
    """A dairy with one customer, ``c1``, whose login is ``u1``."""
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    return dump


@pytest.fixture
def order(take: Import, sql: Any) -> Any:
    """Import a dump with one order; returns (status, kind of paper, rupees) or the reason of its quarantine."""

    def order(dump: WrittenDump, key: str = "ord_1") -> Any:
        take(dump)
        found = sql(
            """
            SELECT o.status, p.status, sum(round(i.delivered_quantity * i.unit_price, 2))::text
            FROM orders o JOIN order_items i ON i.order_id = o.id LEFT JOIN invoices p ON p.id = o.invoice_id
            WHERE o.legacy_id = %s GROUP BY 1, 2""",
            key,
        )
        waiting = sql("SELECT reason FROM import_quarantine WHERE collection = 'orders' AND legacy_id = %s", key)
        assert len(found) + len(waiting) == 1
        return found[0] if found else waiting[0][0]

    return order


def customer_of(sql: Any, key: str = "ord_1") -> str | None:
    found = sql("SELECT c.legacy_id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.legacy_id = %s", key)
    return found[0][0] if found else None


# ---- whose


@pytest.mark.parametrize(
    "reference",
    ["the customer", "its login", "the login's object id", "the older customer", "by the login's phone"],
)
def test_every_way_an_order_names_its_customer(dump: WrittenDump, take: Import, sql: Any, reference: str) -> None:
    user = dump.collections["users"][0]
    dump.add("customers", {"id": "old", "name": "Old", "phone": "9000099999"})
    dump.customer("by phone", phone="+91-9000077777")
    dump.user("u3", phone="9000077777.0")
    refs = {
        "the customer": ("c1", "c1"),
        "its login": ("u1", "c1"),
        "the login's object id": (str(user["_id"]), "c1"),
        "the older customer": ("old", "old"),
        "by the login's phone": ("u3", "by phone"),
    }
    dump.order("ord_1", refs[reference][0])
    take(dump)
    assert customer_of(sql) == refs[reference][1]


def test_the_login_names_the_customer_when_the_customer_names_no_login(
    dump: WrittenDump, take: Import, sql: Any
) -> None:
    dump.customer("c2")
    dump.user("u2", customer_v2_id="c2")
    dump.order("ord_1", "u2")
    take(dump)
    assert customer_of(sql) == "c2"


def test_user_id_stands_in_for_a_missing_customer_id(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.order("ord_1", "u1", customer_id=None)
    dump.order("ord_2", "u1", customer_id="deleted")
    take(dump)
    assert (customer_of(sql), customer_of(sql, "ord_2")) == ("c1", "c1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"customer_id": "gone", "user_id": "gone"}, "customer_unresolved"),
        ({"customer_id": None, "user_id": None}, "customer_unresolved"),
        ({"customer_id": "twice", "user_id": "twice"}, "customer_unresolved"),
        ({"customer_id": "c2", "user_id": "u1"}, "customer_contradictory"),
    ],
)
def test_an_order_of_nobody_certain_is_quarantined(
    dump: WrittenDump, order: Any, changes: dict[str, Any], reason: str
) -> None:
    dump.customer("c2")
    for key in ("c3", "c4"):  # two customers name one login, and nothing else tells them apart
        dump.customer(key, user_id="twice", phone="9000055555")
    dump.user("twice", phone="9000055555")
    dump.order("ord_1", "c1", **changes)
    assert order(dump) == reason


def test_a_customer_guessed_by_phone_contradicts_nobody(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.customer("c2", phone="9000055555")
    dump.user("placer", phone="9000055555")
    dump.order("ord_1", "c1", user_id="placer")
    take(dump)
    assert customer_of(sql) == "c1"


# ---- how much, and on which paper


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, ("DELIVERED", "draft", "111.00")),
        ({"billed": None}, ("DELIVERED", "draft", "111.00")),
        ({"billed": "true"}, ("DELIVERED", "external", "111.00")),
        ({"billed": True, "delivery_confirmed": False}, ("DELIVERED", "external", "111.00")),
        ({"delivery_confirmed": False}, ("OUT_FOR_DELIVERY", None, None)),
        ({"delivery_confirmed": "true"}, ("OUT_FOR_DELIVERY", None, None)),
        ({"status": "pending", "delivery_confirmed": False, "billed": True}, ("PENDING", None, None)),
        ({"status": "Out For Delivery"}, ("OUT_FOR_DELIVERY", None, None)),
        ({"status": "canceled"}, ("CANCELLED", None, None)),
        ({"status": "not_delivered"}, ("NOT_DELIVERED", None, "0.00")),
    ],
)
def test_status_and_paper(dump: WrittenDump, order: Any, changes: dict[str, Any], outcome: Any) -> None:
    dump.order("ord_1", "u1", **changes)
    assert order(dump) == outcome


@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        ({"Eggs": 1, "Toned Milk": 0}, ("PARTIALLY_DELIVERED", "draft", "70.00")),
        ({"eggs ": 1.5, "Toned Milk": 1}, ("PARTIALLY_DELIVERED", "draft", "160.50")),
        ({"Eggs": 3, "Toned Milk": 2}, ("DELIVERED", "draft", "321.00")),
        ({"Eggs": 0, "Toned Milk": 0}, ("NOT_DELIVERED", None, "0.00")),
        ({"Eggs": 1}, "delivered_quantities_unknown"),
        ({"Eggs": 1, "Toned Milk": None}, "delivered_quantities_unknown"),
        ({}, "delivered_quantities_unknown"),
        ({"Eggs": 4, "Toned Milk": 0}, "delivered_more_than_ordered"),
        ({"Eggs": -1, "Toned Milk": 0}, "delivered_quantity_negative"),
    ],
)
def test_of_a_partial_delivery_what_came_is_billed(
    dump: WrittenDump, order: Any, entries: dict[str, Any], outcome: Any
) -> None:
    dump.order("ord_1", "u1", item(EGGS, 3), item(MILK, 2), **PARTIAL)
    products = [{"product_name": name, "delivered_quantity": quantity} for name, quantity in entries.items()]
    dump.delivery("ord_1", "c1", by_link=True, status="partially_delivered", products=products)
    assert order(dump) == outcome


def test_quantities_beside_the_delivery_boys_row_count_by_product_id(dump: WrittenDump, order: Any) -> None:
    dump.order("ord_1", "u1", item(EGGS, 3), **PARTIAL)
    dump.delivery("ord_1", "c1", by_link=True, products=[{"product_name": "Eggs", "delivered_quantity": 1}])
    dump.delivery("ord_1", "c1", items=[{"product_id": "prd_eggs", "delivered_qty": 2}])
    assert order(dump) == ("PARTIALLY_DELIVERED", "draft", "140.00")


def test_a_row_of_a_deleted_customer_proves_no_quantity(dump: WrittenDump, order: Any, sql: Any) -> None:
    dump.order("ord_1", "u1", item(EGGS, 3), **PARTIAL)
    dump.delivery("ord_1", "gone", by_link=True, products=[{"product_name": "Eggs", "delivered_quantity": 1}])
    assert order(dump) == "delivered_quantities_unknown"
    assert sql("SELECT reason FROM import_quarantine WHERE collection = 'delivery_status'") == [
        ("customer_unresolved",)
    ]


@pytest.mark.parametrize(
    ("items", "outcome"),
    [
        ([item(MILK, 1), item(MILK, 2)], ("DELIVERED", "draft", "166.50")),
        ([item(MILK, 1), item(MILK, 2, price=50.0)], "product_at_two_prices"),
        ([item(MILK, 3, price=33.333)], "amount_not_in_paise"),
        ([item(MILK, 3, price=0.1 + 0.2)], ("DELIVERED", "draft", "0.90")),
        ([item(MILK, 1, price=0)], ("DELIVERED", "draft", "0.00")),
        ([item(MILK, 9e6, price=9e6)], "amount_implausible"),
        ([item(MILK, "2", price="55.50")], ("DELIVERED", "draft", "111.00")),
        ([item(MILK, float("nan"))], "quantity_unreadable"),
        ([item(MILK, 1, price=float("nan"))], "price_unreadable"),
        ([item(MILK, 0)], "quantity_not_positive"),
        ([item(MILK, 1, price=-5)], "price_negative"),
    ],
)
def test_items(dump: WrittenDump, order: Any, items: list[Any], outcome: Any) -> None:
    dump.order("ord_1", "u1", *items)
    assert order(dump) == outcome


def test_what_was_sold_at_price_zero_is_free_and_holds_no_invoice_back(
    dump: WrittenDump, take: Import, sql: Any
) -> None:
    dump.order("ord_1", "u1", item(MILK, 1, price=0), item(EGGS, 1))
    report = take(dump)
    assert sql("SELECT unit_price::text, price_source FROM order_items ORDER BY 1") == [
        ("0.00", "free"),
        ("70.00", "import"),
    ]
    assert ("orders", "price_zero", 1, ["ord_1"]) in report.remarks


def test_a_deleted_product_comes_back_for_what_was_delivered_only(dump: WrittenDump, order: Any, sql: Any) -> None:
    lost = {"id": "prd_gone", "name": "Lassi", "unit": "L", "price": 32.5}
    dump.order("ord_1", "u1", item(lost, 2))
    dump.order("ord_2", "u1", item({**lost, "id": "prd_never"}, 2), status="pending", delivery_confirmed=False)
    dump.order("ord_3", "u1", item({"id": None, "name": "Lassi", "unit": "L", "price": 1.0}, 2))
    assert order(dump) == ("DELIVERED", "draft", "65.00")
    assert sql("SELECT legacy_id, name, unit, is_active FROM products WHERE name = 'Lassi'") == [
        ("prd_gone", "Lassi", "litre", False)
    ]
    assert sql("SELECT legacy_id, reason FROM import_quarantine ORDER BY 1") == [
        ("ord_2", "product_missing"),
        ("ord_3", "product_missing"),
    ]


def test_the_month_is_that_of_the_day_delivered(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.order("ord_1", "u1", on="2026-09-30", delivered_at="2026-10-01T00:10:00")
    dump.order("ord_2", "u1", on="2026-09-30", delivered_at="2026-09-30T18:31:00Z", billed=True)
    take(dump)
    assert sql("""
        SELECT o.legacy_id, o.delivery_date::text, o.delivered_on::text, p.status, p.period_start::text
        FROM orders o JOIN invoices p ON p.id = o.invoice_id ORDER BY 1
    """) == [
        ("ord_1", "2026-09-30", "2026-10-01", "draft", "2026-10-01"),
        ("ord_2", "2026-09-30", "2026-10-01", "external", "2026-10-01"),
    ]


def test_what_arrives_after_its_month_was_issued_joins_the_next_draft(
    dump: WrittenDump, take: Import, sql: Any, database_url: str
) -> None:
    dump.order("ord_1", "u1", on="2026-09-10")
    take(dump)
    sql("UPDATE settings SET business_name = 'Sunrise Dairy', state_code = '29', address = 'Pune'")
    with time_machine.travel(datetime(2026, 10, 2, 4, tzinfo=UTC)):
        done = CliRunner().invoke(bill, ["--period", "2026-09"], env={"DATABASE_URL": database_url})
    assert done.exit_code == 0, done.output
    dump.order("ord_2", "u1", on="2026-09-20")
    report = take(dump)
    assert sql("""
        SELECT o.legacy_id, p.status, p.period_start::text FROM orders o JOIN invoices p ON p.id = o.invoice_id
        ORDER BY 1
    """) == [("ord_1", "issued", "2026-09-01"), ("ord_2", "draft", "2026-10-01")]
    assert report.months() == [("draft", "2026-09", 1, Decimal("111.00"), Decimal("111.00"))]


def test_an_order_of_a_standing_order_stays_with_it(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.customer("c2")
    dump.subscription("sub-001", "c1")
    dump.subscription("sub-002", "c2")
    kinds = [
        ("ord_1", "sub-001", "2026-09-10"),
        ("ord_2", "sub-001", "2026-09-10"),  # the day has its order
        ("ord_3", "gone", "2026-09-10"),
        ("ord_4", "sub-002", "2026-09-10"),  # another customer's
        ("ord_5", None, "2026-09-10"),
    ]
    for key, subscription, day in kinds:
        dump.order(key, "u1", on=day, order_type="subscription", subscription_id=subscription)
    dump.order("ord_6", "u1", order_type=None)
    dump.delivery("ord_1", "c1")
    dump.delivery(None, "c1")
    report = take(dump)
    assert sql("""
        SELECT o.legacy_id, o.order_type, s.legacy_id FROM orders o
        LEFT JOIN subscriptions s ON s.id = o.subscription_id ORDER BY 1
    """) == [("ord_1", "subscription", "sub-001"), ("ord_6", "one_time", None)]
    assert sql("SELECT legacy_id, reason FROM import_quarantine ORDER BY 1") == [
        ("ord_2", "day_taken"),
        ("ord_3", "subscription_missing"),
        ("ord_4", "customer_contradictory"),
        ("ord_5", "subscription_missing"),
    ]
    assert report.fates["delivery_statuses", "written"] == report.fates["delivery_statuses", "no_home"] == 1
    assert report.findings() == []


# ---- deliveries


def delivery_rows(sql: Any) -> list[tuple[str, str, str | None]]:
    found: list[tuple[str, str, str | None]] = sql("""
        SELECT o.legacy_id, s.status, s.legacy_id FROM delivery_statuses s JOIN orders o ON o.id = s.order_id
        ORDER BY 1""")
    return found


def test_of_two_rows_of_one_order_the_later_one_counts(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user("boy", role="delivery_boy", name="Ganesh")
    dump.order("ord_1", "u1")
    dump.delivery("ord_1", "c1", id="d1", created_at="2026-09-10T09:00:00", updated_at="2026-09-10T09:30:00")
    later = {"id": "d2", "delivery_boy_id": "boy", "confirmed_by_user_id": "boy", "confirmed_by_name": "Unknown"}
    dump.delivery("ord_1", "c1", created_at="2026-09-10T09:40:00", confirmed_at="2026-09-10T04:10:00", **later)
    dump.delivery("ord_1", "c1", by_link=True, updated_at="2026-09-10T04:05:00")  # UTC: 09:35 in India
    report = take(dump)
    assert delivery_rows(sql) == [("ord_1", "delivered", "d2")]
    assert sql("SELECT confirmed_by_name, confirmed_at AT TIME ZONE 'UTC', confirmation_method FROM delivery_statuses"
               )[0][0::2] == ("Ganesh", "import")  # fmt: skip
    assert report.fates["delivery_statuses", "merged"] == report.fates["delivery_status", "merged"] == 1


def test_a_delivered_order_without_a_row_gets_one(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.order("ord_1", "u1")
    dump.order("ord_2", "u1", status="pending", delivery_confirmed=False)
    take(dump)
    assert delivery_rows(sql) == [("ord_1", "delivered", None)]


def test_a_failed_visit_beside_a_pending_order_counts(dump: WrittenDump, order: Any, sql: Any) -> None:
    dump.order("ord_1", "u1", status="pending", delivery_confirmed=False, delivered_at=None)
    dump.delivery("ord_1", "c1", id="d1", status="not_delivered")
    assert order(dump) == ("NOT_DELIVERED", None, "0.00")
    assert delivery_rows(sql) == [("ord_1", "not_delivered", "d1")]


@pytest.mark.parametrize("status", ["pending", "cancelled", "out_for_delivery"])
def test_a_delivery_row_without_confirmation_of_its_order_is_left_for_review(
    dump: WrittenDump, take: Import, sql: Any, status: str
) -> None:
    dump.order("ord_1", "u1", status=status, delivery_confirmed=False)
    dump.delivery("ord_1", "c1", id="d1")
    for report in (take(dump), take(dump)):
        assert report.fates["delivery_statuses", "review"] == 1
        assert ("delivery_statuses", "left_for_review", 1, ["d1"]) in report.remarks
    assert sql("SELECT status FROM orders") == [(status.upper(),)]
    assert delivery_rows(sql) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "banana"}, "status_unknown"),
        ({"customer_id": "gone"}, "customer_unresolved"),
        ({"customer_id": "c2"}, "customer_contradictory"),
        ({"order_id": "ord_gone"}, "order_missing"),
        ({"order_id": "ord_bad"}, "order_quarantined"),
        ({"delivery_date": None, "delivered_at": None}, "date_unreadable"),
    ],
)
def test_a_delivery_row_that_cannot_be_placed_is_quarantined(
    dump: WrittenDump, take: Import, sql: Any, changes: dict[str, Any], reason: str
) -> None:
    dump.customer("c2")
    dump.order("ord_1", "u1")
    dump.order("ord_bad", "gone")
    dump.delivery(**({"order": "ord_1", "customer": "c1", "id": "d1"} | changes))
    take(dump)
    assert sql("SELECT legacy_id, reason FROM import_quarantine WHERE collection = 'delivery_statuses'") == [
        ("d1", reason)
    ]
    assert delivery_rows(sql) == [("ord_1", "delivered", None)]


# ---- again


def test_after_a_repair_the_next_dump_resolves_the_quarantine(dump: WrittenDump, take: Import, sql: Any) -> None:
    waiting = "SELECT reason, resolved_at IS NOT NULL FROM import_quarantine"
    placed = "SELECT o.status, p.status FROM orders o JOIN invoices p ON p.id = o.invoice_id"
    dump.order("ord_1", "gone")
    take(dump)
    assert (sql(waiting), sql(placed)) == ([("customer_unresolved", False)], [])
    dump.customer("gone")
    take(dump)
    assert (sql(waiting), sql(placed)) == ([("customer_unresolved", True)], [("DELIVERED", "draft")])


def test_what_was_changed_here_is_not_overwritten(dump: WrittenDump, take: Import, sql: Any) -> None:
    written = dump.order("ord_1", "u1", status="pending", delivery_confirmed=False)
    take(dump)
    sql("UPDATE orders SET status = 'CANCELLED', cancelled_at = now()")
    sql("UPDATE customers SET name = 'Asha'")
    written.update(status="DELIVERED", delivery_confirmed=True)
    report = take(dump)
    assert sql("SELECT status FROM orders") == [("CANCELLED",)]
    assert sql("SELECT name FROM customers") == [("Asha",)]
    assert report.fates["orders", "present"] == 1


def test_keys_of_any_kind_are_kept(dump: WrittenDump, take: Import, sql: Any) -> None:
    plain = uuid_of("an order")
    dump.order(plain, "u1")
    nameless = dump.order("", "u1", _id=ObjectId("6a97ebebcc3972351c2f4063"))
    take(dump)
    assert sql("SELECT legacy_id, id = %s FROM orders ORDER BY legacy_id = %s", plain, plain) == [
        (str(nameless["_id"]), False),
        (plain, True),
    ]


def test_money_in_the_report_is_that_of_the_tables(dump: WrittenDump, take: Import) -> None:
    dump.order("ord_1", "u1", item(MILK, 3), item(EGGS, 1))
    dump.order("ord_2", "u1", billed=True)
    dump.order("ord_3", "gone", item(EGGS, 2))
    report = take(dump)
    assert report.months() == [
        ("draft", "2026-09", 1, Decimal("236.50"), Decimal("236.50")),
        ("external", "2026-09", 1, Decimal("111.00"), Decimal("111.00")),
    ]
    assert report.left_out == [("customer_unresolved", 1, Decimal("140.00"))]


def test_packets_delivered_of_an_order_in_litres_are_a_share_of_it(dump: WrittenDump, take: Import, sql: Any) -> None:
    """Three of eight packets are three eighths of four litres, not three litres; and the report says so."""
    dump.customer("c1")
    for n, (packets, delivered) in enumerate(((8, 3), (4, 3), (2, 1)), 1):
        dump.order(f"ord_{n}", "c1", item(MILK, 4), status="PARTIALLY_DELIVERED", on=f"2026-09-0{n}")
        products = [{"product_name": MILK["name"], "quantity_packets": packets, "delivered_quantity": delivered}]
        dump.delivery(f"ord_{n}", "c1", by_link=True, status="partially_delivered", products=products)
    dump.order("ord_4", "c1", item(MILK, 4), status="PARTIALLY_DELIVERED", on="2026-09-04")
    counted = [{"product_name": MILK["name"], "unit": "500ml", "delivered_quantity": 3}]
    dump.delivery("ord_4", "c1", by_link=True, status="partially_delivered", products=counted)
    dump.order("ord_5", "c1", item(MILK, 4), on="2026-09-05")
    dump.delivery("ord_5", "c1", by_link=True, products=[{"product_name": MILK["name"], "delivered_quantity": 8}])
    report = take(dump)
    assert ("orders", "delivery_row_differs", 1, ["ord_5"]) in report.remarks
    quantities = """SELECT o.legacy_id, delivered_quantity::text FROM order_items i JOIN orders o ON o.id = i.order_id
        ORDER BY 1"""
    assert sql(quantities) == [("ord_1", "1.500"), ("ord_2", "3.000"), ("ord_3", "2.000"), ("ord_5", "4.000")]
    assert ("orders", "packets_converted", 2, ["ord_1", "ord_3"]) in report.remarks
    assert sql("SELECT legacy_id, reason FROM import_quarantine WHERE collection = 'orders'") == [
        ("ord_4", "delivered_in_another_unit")
    ]


def test_an_order_in_another_unit_than_its_product_is_named(dump: WrittenDump, take: Import, sql: Any) -> None:
    """Eight packets of a product in litres were billed as eight times its price there, and are here."""
    dump.customer("c1")
    dump.order("ord_1", "c1", item(MILK, 8, unit="packet"), on="2026-09-01")
    dump.order("ord_2", "c1", item(MILK, 4), on="2026-09-02")
    dump.order("ord_3", "c1", item(MILK, 4, unit=None), on="2026-09-03")
    report = take(dump)
    assert ("orders", "ordered_in_another_unit", 1, ["ord_1"]) in report.remarks
    amounts = """SELECT round(quantity * unit_price, 2)::text FROM order_items i JOIN orders o ON o.id = i.order_id
        ORDER BY o.legacy_id"""
    assert [row[0] for row in sql(amounts)] == ["444.00", "222.00", "222.00"]
