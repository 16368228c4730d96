"""Each thing that happens is told once, by the trigger of the transaction that does it; what is no news is not."""

from collections.abc import Callable
from typing import Any

import pytest

from dairy_app.events.models import KINDS
from tests.billing.conftest import LivingDairy
from tests.dairy import Dairy, ok, refused
from tests.events.conftest import Reader


@pytest.fixture
def living_reader(living: LivingDairy, sql: Callable[..., Any]) -> Reader:
    return Reader(living, sql)


def test_a_month_tells_every_kind_in_its_order(living: LivingDairy, living_reader: Reader) -> None:
    admin, reader = living.admin, living_reader
    milk = living.product("60.00")
    reader.news()
    asha = living.customer(name="Asha")
    assert reader.told() == [("customer.created", asha["id"])]
    standing = living.subscription(asha, milk)
    assert [each for each in reader.told() if each[0] != "order.placed"] == [("subscription.changed", standing["id"])]
    order = living.order(asha, (milk, "2"))
    gone = living.order(asha, (milk, "3"))
    ok(admin.post(f"/orders/{gone['id']}/cancel", {"reason": "Not wanted"}))
    news = reader.news()
    assert [(each["kind"], each["object_id"]) for each in news] == [
        ("order.placed", order["id"]),
        ("order.placed", gone["id"]),
        ("order.cancelled", gone["id"]),
    ]
    assert news[0]["object_type"] == "order"
    assert news[0]["data"] == {
        "customer_id": asha["id"],
        "delivery_date": "2026-10-01",
        "order_type": "one_time",
        "source": "staff",
    }
    ok(living.confirm(order))
    items = [{"product_id": milk["id"], "delivered_quantity": "1.5"}]
    ok(admin.patch(f"/deliveries/{order['id']}", {"items": items, "reason": "Counted again"}))
    confirmed, corrected = reader.news()
    assert (confirmed["kind"], confirmed["object_id"]) == ("delivery.confirmed", order["id"])
    assert confirmed["data"] == {"customer_id": asha["id"], "delivery_date": "2026-10-01", "status": "delivered"}
    assert (corrected["kind"], corrected["data"]["status"]) == ("delivery.corrected", "partially_delivered")
    living.go_to("2026-11-02")
    living.bill("2026-10")
    paper = living.invoices()[0]
    (issued,) = reader.news()
    assert (issued["kind"], issued["object_id"]) == ("invoice.issued", paper["id"])
    assert issued["data"] == {
        "customer_id": asha["id"],
        "number": paper["number"],
        "invoice_date": "2026-10-31",
        "total": paper["total"],
    }
    ok(
        admin.post(
            "/credit-notes", {"invoice_id": paper["id"], "reason": "Sour", "lines": [{"line_no": 1, "amount": "10.00"}]}
        ),
        201,
    )
    more = {"invoice_id": paper["id"], "reason": "Old price", "lines": [{"line_no": 1, "amount": "4.00"}]}
    ok(admin.post("/debit-notes", more), 201)
    paid = ok(admin.post("/payments", {"customer_id": asha["id"], "amount": "100.00", "method": "cash"}), 201)
    ok(admin.post(f"/payments/{paid['id']}/reverse", {"reason": "False note"}))
    again = ok(admin.post("/payments", {"customer_id": asha["id"], "amount": "100.00", "method": "cash"}), 201)
    back = {"customer_id": asha["id"], "amount": "16.00", "method": "cash", "reason": "Too much"}
    refund = ok(admin.post("/refunds", back), 201)
    ok(admin.post(f"/refunds/{refund['id']}/reverse", {"reason": "Not taken"}))
    news = reader.news()
    assert [(each["kind"], each["data"].get("amount")) for each in news] == [
        ("credit_note.issued", "10.00"),
        ("debit_note.issued", "4.00"),
        ("payment.received", "100.00"),
        ("payment.reversed", "100.00"),
        ("payment.received", "100.00"),
        ("refund.paid", "16.00"),
        ("refund.reversed", "16.00"),
    ]
    assert [each["object_id"] for each in news[2:]] == [paid["id"], paid["id"], again["id"], refund["id"], refund["id"]]
    assert news[2]["data"]["number"] == paid["receipt_no"]
    reader.after = 0
    told = {each["kind"] for each in reader.news(limit=1000)}
    assert set(KINDS) - told == {"invoice.voided", "customer.changed"}


def test_a_void_and_what_it_does_to_its_orders(living: LivingDairy, living_reader: Reader) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "2"), on="2026-10-02")
    living.go_to("2026-11-02")
    living.bill("2026-10")
    (paper,) = living.invoices()
    living_reader.news()
    ok(living.admin.post(f"/invoices/{paper['id']}/void", {"reason": "Wrong address"}))
    (voided,) = living_reader.news()
    assert (voided["kind"], voided["object_id"]) == ("invoice.voided", paper["id"])
    assert voided["data"]["number"] == paper["number"]


def test_a_changed_customer_names_its_columns_and_never_what_is_in_them(dairy: Dairy, reader: Reader) -> None:
    asha = dairy.customer(name="Asha")
    reader.news()
    ok(dairy.admin.patch(f"/customers/{asha['id']}", {"name": "Asha Patil", "notes": "The dog bites"}))
    (changed,) = reader.news()
    assert (changed["kind"], changed["object_id"]) == ("customer.changed", asha["id"])
    assert changed["data"] == {"code": asha["code"], "status": "active", "changed": ["name", "notes"]}
    ok(dairy.admin.patch(f"/customers/{asha['id']}", {"name": "Asha Patil"}))
    assert reader.news() == []


def test_what_hangs_on_a_standing_order_is_told_of_it(dairy: Dairy, reader: Reader) -> None:
    milk, asha = dairy.product(), dairy.customer()
    standing = dairy.subscription(asha, milk)
    reader.news()

    def about() -> list[tuple[str, str]]:
        news = [each for each in reader.news() if each["kind"] == "subscription.changed"]
        assert all(each["object_id"] == standing["id"] for each in news)
        return [(each["data"]["about"], each["data"]["status"]) for each in news]

    path = f"/subscriptions/{standing['id']}"
    ok(dairy.admin.put(f"{path}/overrides/{dairy.day(3)}", {"quantity": "2"}))
    assert about() == [("subscription_overrides", "active")]
    ok(dairy.admin.delete(f"{path}/overrides/{dairy.day(3)}"))
    assert about() == [("subscription_overrides", "active")]
    pause = ok(dairy.admin.post(f"{path}/pauses", {"from": dairy.day(5), "to": dairy.day(6)}), 201)
    assert about() == [("subscription_pauses", "active")]
    ok(dairy.admin.patch(f"{path}/pauses/{pause['id']}", {"to": dairy.day(7)}))
    assert ("subscription_pauses", "active") in about()
    ok(dairy.admin.patch(path, {"default_quantity": "3", "effective_from": dairy.day(2)}))
    assert "subscription_quantities" in {table for table, _ in about()}
    ok(
        dairy.admin.post(
            f"{path}/changes", {"from": dairy.day(9), "mode": "alternate_days", "anchor_date": dairy.day(9)}
        ),
        201,
    )
    assert "subscription_schedules" in {table for table, _ in about()}
    ok(dairy.admin.post(f"{path}/stop", {"stop_date": dairy.day(0), "reason": "Moved away"}))
    assert ("subscriptions", "stopped") in about()


def test_a_confirmed_delivery_says_nothing_of_its_standing_order(
    dairy: Dairy, reader: Reader, sql: Callable[..., Any]
) -> None:
    milk, asha = dairy.product(), dairy.customer()
    dairy.subscription(asha, milk)
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(0)}))
    reader.news()
    ((order_id,),) = sql(
        "SELECT id::text FROM orders WHERE order_type = 'subscription' AND delivery_date = %s", dairy.day(0)
    )
    ok(dairy.confirm({"id": order_id}))
    assert reader.told() == [("delivery.confirmed", order_id)]


def test_what_is_rolled_back_never_happened(dairy: Dairy, reader: Reader) -> None:
    milk, asha = dairy.product(price=None), dairy.customer()
    reader.news()
    body = {
        "customer_id": asha["id"],
        "delivery_date": dairy.day(0),
        "items": [{"product_id": milk["id"], "quantity": "1"}],
    }
    refused(dairy.admin.post("/orders", body), 422, "no_price")
    assert reader.news() == []


def test_plain_sql_is_told_too(dairy: Dairy, reader: Reader, sql: Callable[..., Any]) -> None:
    asha = dairy.customer()
    reader.news()
    sql("UPDATE customers SET notes = 'by hand' WHERE id = %s", asha["id"])
    assert reader.told() == [("customer.changed", asha["id"])]


def test_nothing_is_written_where_nobody_is_to_read(dairy: Dairy, reader: Reader, sql: Callable[..., Any]) -> None:
    ok(dairy.admin.patch("/settings", {"event_days": 0}))
    asha, milk = dairy.customer(), dairy.product()
    ok(dairy.confirm(dairy.order(asha, (milk, "1"))))
    dairy.subscription(asha, milk)
    ok(dairy.admin.post("/payments", {"customer_id": asha["id"], "amount": "1.00", "method": "cash"}), 201)
    assert sql("SELECT count(*) FROM events") == [(0,)]
    assert reader.page() == {"items": [], "next_after": 0, "more": False}
