"""Lists: sorted as asked, filters with several values, bills by how they stand; page after page without a gap."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.dairy import Dairy, ok, read, refused
from tests.statements import BY_INDEX, count_statements


def test_customers_by_name_in_any_case(dairy: Dairy) -> None:
    for name in ("bela", "Asha", "Divya", "chitra", "Asha"):
        dairy.customer(name=name)
    names = [each["name"] for each in read(dairy.admin, "/customers", sort="name")]
    assert names == ["Asha", "Asha", "bela", "chitra", "Divya"]
    assert [each["name"] for each in read(dairy.admin, "/customers", sort="-name")] == names[::-1]
    codes = [each["code"] for each in read(dairy.admin, "/customers", sort="-code")]
    assert codes == sorted(codes, reverse=True) and len(set(codes)) == 5
    assert [each["code"] for each in read(dairy.admin, "/customers", sort="-created_at")] == codes


def test_a_cursor_goes_on_in_its_own_order(dairy: Dairy) -> None:
    for _ in range(3):
        dairy.customer()
    cursor = ok(dairy.admin.get("/customers", limit=1, sort="name"))["next_cursor"]
    for sort in ("-name", "code"):
        problem = refused(dairy.admin.get("/customers", limit=1, sort=sort, cursor=cursor), 422, "validation_failed")
        assert problem["errors"][0]["pointer"] == "/query/cursor"


def test_a_cursor_holds_the_longest_name_of_any_script(dairy: Dairy) -> None:
    names = [f"{letter}{'र' * 199}" for letter in "अबस"] + [f"😀{chr(0x1F601) * 199}"]
    for name in names * 2:
        dairy.customer(name=name)
    assert {each["name"] for each in read(dairy.admin, "/customers", sort="name")} == set(names)


@pytest.mark.parametrize("path", ["/customers", "/orders", "/invoices", "/payments"])
def test_an_order_that_is_not_known_is_refused(dairy: Dairy, path: str) -> None:
    problem = refused(dairy.admin.get(path, sort="password"), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/query/sort"
    assert read(dairy.admin, path) == []


def test_customers_of_several_areas_rounds_and_states(dairy: Dairy) -> None:
    areas = [ok(dairy.admin.post("/areas", {"name": name}), 201)["id"] for name in ("North", "South", "East")]
    boys = [dairy.staff("delivery_boy").user["id"] for _ in range(3)]
    made = [
        dairy.customer(area=area, delivery_boy_id=boy)["id"]
        for area, boy in zip(("North", "South", "East"), boys, strict=True)
    ]
    ok(dairy.admin.patch(f"/customers/{made[1]}", {"status": "paused"}))
    found = [each["id"] for each in read(dairy.admin, "/customers", area_id=areas[:2])]
    assert found == made[:2]
    assert [each["id"] for each in read(dairy.admin, "/customers", delivery_boy_id=boys[1:])] == made[1:]
    assert [each["id"] for each in read(dairy.admin, "/customers", status=["active", "paused"])] == made
    assert [each["id"] for each in read(dairy.admin, "/customers", status=["paused"])] == made[1:2]
    refused(dairy.admin.get("/customers", status=["active", "gone"]), 422, "validation_failed")


def test_orders_in_either_direction_and_of_several(dairy: Dairy) -> None:
    product = dairy.product("60.00")
    made, days = [dairy.customer() for _ in range(3)], [dairy.day(n) for n in (3, 1, 2)]
    for customer, day in zip(made, days, strict=True):
        dairy.order(customer, (product, "1"), on=day)
    people = [customer["id"] for customer in made]
    assert [each["delivery_date"] for each in read(dairy.admin, "/orders", sort="delivery_date")] == sorted(days)
    assert [each["delivery_date"] for each in read(dairy.admin, "/orders")] == sorted(days, reverse=True)
    assert [each["customer_id"] for each in read(dairy.admin, "/orders", sort="created_at")] == people
    assert [each["customer_id"] for each in read(dairy.admin, "/orders", sort="-created_at")] == people[::-1]
    found = read(dairy.admin, "/orders", customer_id=people[:2], status=["PENDING", "CANCELLED"])
    assert {each["customer_id"] for each in found} == set(people[:2])
    assert read(dairy.admin, "/orders", status=["CANCELLED", "DELIVERED"]) == []


LISTS = (
    "/users /products /customers /orders /subscriptions /delivery-statuses /shared-links /change-requests /invoices"
    " /adjustments /credit-notes /payments /write-offs /opening-balances /cash-settlements /billing/runs /outbox"
    " /audit-log"
)


@pytest.mark.parametrize("path", LISTS.split())
def test_a_page_comes_from_an_index(dairy: Dairy, path: str) -> None:
    """Where none serves its order, all rows are read and sorted for fifty of them: nobody sees it in a small dairy."""
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get(path))
    plan = sent.plan(dairy.app.database, "LIMIT", off=BY_INDEX)
    assert "Sort" not in plan, plan


@pytest.mark.parametrize("path", ["/billing/monthly-view", "/billing/preview"])
def test_who_is_on_a_page_is_found_one_by_one(dairy: Dairy, path: str) -> None:
    """Of two questions joined by OR, PostgreSQL reads the answers for everybody first: minutes, with years of them."""
    milk = dairy.product("60.00")
    for _ in range(3):
        ok(dairy.confirm(dairy.order(dairy.customer(), (milk, "1"), on=dairy.day(0))), 200)
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get(path, period=dairy.day(0)[:7]))
    for statement, parameters in [each for each in sent if "LIMIT" in each[0]]:
        with dairy.app.database.transaction(read_only=True) as session:
            plan = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
        assert not [line for line in plan if line.count("hashed SubPlan") > 1], "\n".join(plan)


#: Filters that find little, and the index that finds it: what is walked through in the order of the list else grows
#: with every day.
FOUND_BY = (
    ("/orders", {"status": "PENDING"}, "ix_orders_open"),
    ("/orders", {"status": "CANCELLED"}, "ix_orders_exceptions"),
    ("/orders", {"status": "NOT_DELIVERED", "sort": "delivery_date"}, "ix_orders_exceptions"),
    ("/users", {"role": "admin"}, "ix_users_role"),
    ("/outbox", {"status": "failed"}, "ix_outbox_messages_unsent"),
    ("/outbox", {"channel": "email"}, "ix_outbox_messages_channel"),
    ("/subscriptions", {"status": "paused"}, "ix_subscriptions_status"),
    ("/subscriptions", {"mode": "irregular"}, "ix_subscriptions_mode"),
    ("/subscriptions", {"shift": "evening"}, "ix_subscriptions_shift"),
    ("/invoices", {"status": "void"}, "ix_invoices_status"),
    ("/invoices", {"status": "draft", "sort": "period_start"}, "ix_invoices_status"),
    ("/invoices", {"sort": "invoice_date"}, "ix_invoices_by_date"),
    ("/invoices", {"sort": "-due_date"}, "ix_invoices_by_due_date"),
    ("/invoices", {"sort": "-total"}, "ix_invoices_by_total"),
    ("/customers", {"sort": "name"}, "ix_customers_name"),
    ("/customers", {"sort": "-created_at"}, "ix_customers_created"),
    ("/payments", {"sort": "-amount"}, "ix_payments_amount"),
    ("/payments", {"method": "card"}, "ix_payments_method"),
    ("/payments", {"collected_by": str(uuid4())}, "ix_payments_collector"),
    ("/payments", {"status": "reversed"}, "ix_payments_reversed"),
    ("/delivery-statuses", {"status": "not_delivered"}, "ix_delivery_statuses_exceptions"),
    ("/delivery-statuses", {"confirmation_method": "admin"}, "ix_delivery_statuses_method"),
    ("/users", {"is_active": "false"}, "ix_users_inactive"),
)


@pytest.mark.parametrize(("path", "query", "index"), FOUND_BY)
def test_what_is_rare_is_found_by_an_index(dairy: Dairy, path: str, query: dict[str, str], index: str) -> None:
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get(path, **query))
    plan = sent.plan(dairy.app.database, "LIMIT", off=BY_INDEX, among=[index])
    assert index in plan and "Sort" not in plan, plan


@pytest.mark.parametrize(
    ("path", "index"), [("/invoices", "ix_customers_name"), ("/payments", "ix_customers_name_as_written")]
)
def test_what_is_sorted_by_the_customers_name_is_read_customer_by_customer(dairy: Dairy, path: str, index: str) -> None:
    """Not all documents put in order for fifty of them."""
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get(path, sort="customer_name"))
    plan = sent.plan(
        dairy.app.database, "LIMIT", off=("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"), among=[index]
    )
    assert f"using {index} on" in plan and "Incremental Sort" in plan, plan


@pytest.mark.parametrize("sort", ["period_start", "-period_start"])
def test_invoices_of_a_month_are_found_by_its_days(dairy: Dairy, sort: str) -> None:
    """Else all later months were walked through, or all earlier ones."""
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get("/invoices", period="2026-05", sort=sort))
    plan = sent.plan(dairy.app.database, "LIMIT", off=BY_INDEX, among=["ix_invoices_period"])
    assert "Index Cond: ((period_start >= '2026-05-01'::date) AND (period_start <= '2026-05-31'::date))" in plan, plan


def test_what_was_made_or_changed_since(dairy: Dairy, sql: Callable[..., Any]) -> None:
    milk, asha, bela = dairy.product("60.00"), dairy.customer(), dairy.customer()
    tomorrow = dairy.day(1)
    orders = [dairy.order(who, (milk, "1"), on=tomorrow) for who in (asha, bela)]
    standing = [dairy.subscription(who, milk) for who in (asha, bela)]
    for who in (asha, bela):
        ok(dairy.admin.post("/payments", {"customer_id": who["id"], "amount": "5.00", "method": "cash"}), 201)

    def changed(path: str) -> list[str]:
        return [each["id"] for each in read(dairy.admin, path, updated_since=since)]

    since = sql("SELECT now()")[0][0].isoformat()
    paths = ("/products", "/customers", "/orders", "/subscriptions", "/invoices", "/payments")
    assert {path: changed(path) for path in paths} == {path: [] for path in paths}
    ok(dairy.admin.patch(f"/products/{milk['id']}", {"name": "Farm milk"}))
    ok(dairy.admin.patch(f"/customers/{bela['id']}", {"notes": "x"}))
    items = [{"product_id": milk["id"], "quantity": "2"}]
    ok(dairy.admin.patch(f"/orders/{orders[1]['id']}", {"items": items}))
    ok(dairy.admin.patch(f"/subscriptions/{standing[0]['id']}", {"shift": "evening", "confirm": True}))
    paid = read(dairy.admin, "/payments", customer_id=asha["id"])[0]
    ok(dairy.admin.post(f"/payments/{paid['id']}/reverse", {"reason": "False note"}))
    assert {path: changed(path) for path in paths} == {
        "/products": [milk["id"]],
        "/customers": [bela["id"]],
        "/orders": [orders[1]["id"]],
        "/subscriptions": [standing[0]["id"]],
        "/invoices": [],
        "/payments": [paid["id"]],
    }
    made = dairy.order(asha, (milk, "1"))
    ok(dairy.confirm(made))
    assert made["id"] in changed("/orders")
    assert len(changed("/invoices")) == 1
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(2)}))
    days = {
        each["delivery_date"]: each["id"]
        for each in read(dairy.admin, "/orders", order_type="subscription", customer_id=bela["id"])
    }
    since = sql("SELECT now()")[0][0].isoformat()
    ok(dairy.admin.put(f"/subscriptions/{standing[1]['id']}/overrides/{dairy.day(2)}", {"quantity": "3"}))
    assert changed("/orders") == [days[dairy.day(2)]], "a quantity that follows"
    since = sql("SELECT now()")[0][0].isoformat()
    ok(dairy.admin.post(f"/products/{milk['id']}/prices", {"price": "61.00", "valid_from": dairy.day(2)}), 201)
    assert days[dairy.day(2)] in changed("/orders"), "a price that reaches what waits"
    refused(dairy.admin.get("/orders", updated_since="yesterday"), 422, "validation_failed")
    refused(dairy.admin.get("/orders", updated_since="2026-11-20T06:30:00"), 422, "validation_failed")


@pytest.mark.parametrize("table", ["orders", "invoices", "payments"])
def test_what_changed_is_found_by_an_index(dairy: Dairy, sql: Callable[..., Any], table: str) -> None:
    plan = sql(f"SET enable_seqscan = off; EXPLAIN SELECT id FROM {table} WHERE updated_at >= now()")
    assert any(f"ix_{table}_updated" in line for (line,) in plan)
