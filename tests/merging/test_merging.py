"""Two customers become one: what moves, what stays as it was, and what it comes to."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.dairy import ok, read, refused
from tests.merging.conftest import Sql, Twice
from tests.statements import BY_INDEX, count_statements


def test_everything_moves_and_nothing_is_lost(twice: Twice, sql: Sql, findings: Callable[[], list[str]]) -> None:
    before = twice.balance(twice.old), twice.balance(twice.new)
    told = twice.preview()
    done = ok(twice.merge(), 200)
    assert told["refusals"] == []
    assert done["moving"] == told["moving"] == {
        "orders": 5, "subscriptions": 1, "drafts": 1, "invoices": 1, "credit_notes": 1, "debit_notes": 0,
        "adjustments": 1, "payments": 1, "opening_balances": 1, "write_offs": 1, "refunds": 0, "payment_links": 0,
        "prices": 1,
        "charge_rules": 0, "container_movements": 0, "change_requests": 0, "messages": 0,
    }  # fmt: skip
    # 50 + 250 − 100 − 10 − 5, and −30
    assert before == (Decimal("185.00"), Decimal("-30.00"))
    assert (done["balance"], done["balance_of_other"], done["balance_together"]) == ("185.00", "-30.00", "155.00")
    assert (twice.balance(twice.old), twice.balance(twice.new)) == (Decimal(0), Decimal("155.00"))
    tables = ("orders", "subscriptions", "invoices", "credit_notes", "adjustments", "payments", "payment_allocations")
    tables += ("opening_balances", "write_offs", "refunds", "customer_prices", "delivery_statuses")
    for table in tables:
        assert sql(f"SELECT count(*) FROM {table} WHERE customer_id = %s", twice.old["id"]) == [(0,)], table
    assert findings() == []


def test_a_debit_note_moves_with_its_invoice(twice: Twice, sql: Sql, findings: Callable[[], list[str]]) -> None:
    """It keeps whose it was, and its place in the chain."""
    (paper,) = twice.living.invoices(customer_id=twice.old["id"], status="issued")
    body = {"invoice_id": paper["id"], "reason": "old price", "lines": [{"line_no": 1, "amount": "7.00"}]}
    note = ok(twice.living.admin.post("/debit-notes", body), 201)
    assert ok(twice.merge())["moving"]["debit_notes"] == 1
    after = ok(twice.living.admin.get(f"/debit-notes/{note['id']}"))
    assert (after["customer_id"], after["document_hash"]) == (twice.new["id"], note["document_hash"])
    assert sql("SELECT issued_to::text FROM debit_notes") == [(twice.old["id"],)]
    assert twice.balance(twice.new) == Decimal("162.00")
    assert findings() == []


def test_what_was_issued_keeps_whose_it_was(twice: Twice, sql: Sql) -> None:
    (paper,) = twice.living.invoices(customer_id=twice.old["id"], status="issued")
    before = twice.living.invoice(paper["id"])
    ok(twice.merge())
    after = twice.living.invoice(paper["id"])
    assert after["snapshot"] == before["snapshot"]
    assert after["snapshot"]["buyer"]["code"] == twice.old["code"]
    assert (after["customer_id"], after["document_hash"]) == (twice.new["id"], before["document_hash"])
    assert sql("SELECT issued_to::text FROM invoices WHERE number IS NOT NULL") == [(twice.old["id"],)]
    assert {each["id"] for each in twice.living.invoices(customer_id=twice.new["id"])} >= {paper["id"]}


def test_the_drafts_of_both_are_one(twice: Twice, sql: Sql) -> None:
    ok(twice.merge())
    (draft,) = twice.living.invoices(customer_id=twice.new["id"], status="draft")
    assert (draft["period_start"], draft["period_end"]) == ("2026-11-01", "2026-11-30")
    # 1 + 2 + 2 litres at 60, and the can
    lines = twice.living.invoice(draft["id"])["lines"]
    assert sorted((each["description"], each["line_total"]) for each in lines) == [
        ("A lost can", "25.00"), (twice.milk["name"], "300.00")
    ]  # fmt: skip
    assert sql("SELECT count(*) FROM invoices WHERE status = 'draft'") == [(1,)]
    twice.living.go_to("2026-12-01")
    assert twice.living.bill("2026-11")["total"] == "325.00"


def test_the_old_code_and_phone_lead_to_the_other(twice: Twice) -> None:
    ok(twice.merge())
    admin = twice.admin
    for query in (
        {"code": twice.old["code"]},
        {"search": twice.old["code"]},
        {"search": "000001"},
        {"search": "asha rao"},
    ):
        assert [each["id"] for each in ok(admin.get("/customers", **query))["items"]] == [twice.new["id"]], query
    assert [each["id"] for each in ok(admin.get("/customers"))["items"]] == [twice.new["id"]]
    both = ok(admin.get("/customers", with_merged="true"))["items"]
    assert {each["id"] for each in both} == {twice.old["id"], twice.new["id"]}
    left = ok(admin.get(f"/customers/{twice.old['id']}"))
    assert (left["merged_into"], left["status"], left["user_id"]) == (twice.new["id"], "stopped", None)
    assert left["merged_at"] is not None


def test_the_login_is_kept_when_the_other_has_none(twice: Twice) -> None:
    assert ok(twice.merge())["login"] == "kept"
    (seen,) = read(twice.old_login, "/subscriptions")
    assert seen["customer_id"] == twice.new["id"]
    assert ok(twice.admin.get(f"/customers/{twice.new['id']}"))["user_id"] == twice.old["user_id"]
    refused(twice.old_login.get(f"/customers/{twice.old['id']}"), 404, "customer_not_found")


def test_of_two_logins_that_of_the_other_stays(twice: Twice) -> None:
    other, login = twice.living.customer_login(phone="+919822000003")
    assert ok(twice.merge(new=other))["login"] == "ended"
    assert ok(login.get(f"/customers/{other['id']}"))["user_id"] == other["user_id"]
    refused(twice.old_login.get("/auth/me"), 403, "user_inactive")
    assert ok(twice.admin.get(f"/users/{twice.old['user_id']}"))["is_active"] is False


def test_the_same_merge_again_changes_nothing(twice: Twice, sql: Sql) -> None:
    ok(twice.merge())
    before = sql("SELECT to_jsonb(c) FROM customers c ORDER BY id"), sql("SELECT count(*) FROM audit_log")
    again = ok(twice.merge(), 200)
    assert (again["replayed"], again["balance_together"]) == (True, "155.00")
    assert (sql("SELECT to_jsonb(c) FROM customers c ORDER BY id"), sql("SELECT count(*) FROM audit_log")) == before


def test_what_comes_goes_on_coming(twice: Twice) -> None:
    ok(twice.merge())
    day = {"delivery_date": "2026-11-21"}
    assert ok(twice.admin.post("/orders/generate", day))["created"] == 1
    (order,) = ok(twice.admin.get("/orders", **day))["items"]
    assert order["customer_id"] == twice.new["id"]
    twice.living.go_to("2026-11-21")
    assert ok(twice.living.confirm(order))["order_status"] == "DELIVERED"


def test_who_was_merged_takes_nothing_new(twice: Twice) -> None:
    ok(twice.merge())
    admin, old = twice.admin, twice.old
    merged = (409, "customer_merged")
    items = [{"product_id": twice.milk["id"], "quantity": "1"}]
    order = {"customer_id": old["id"], "delivery_date": "2026-11-22", "items": items}
    refused(admin.post("/payments", {"customer_id": old["id"], "amount": "1.00", "method": "cash"}), *merged)
    refused(admin.patch(f"/customers/{old['id']}", {"name": "Somebody"}), *merged)
    assert refused(admin.post("/orders", order), *merged)["merged_into"] == twice.new["id"]
    standing = {
        "customer_id": old["id"],
        "product_id": twice.milk["id"],
        "mode": "fixed_daily",
        "default_quantity": "1",
    }
    refused(admin.post("/subscriptions", standing), *merged)
    user = ok(admin.post("/users", {"name": "N", "role": "customer", "phone": "+919822000009"}), 201)
    refused(admin.post(f"/customers/{old['id']}/link-user", {"user_id": user["id"]}), *merged)


def test_who_merged_others_is_merged_in_turn(twice: Twice, findings: Callable[[], list[str]]) -> None:
    third = twice.living.customer(name="Rao", login=False)
    ok(twice.merge())
    ok(twice.merge(old=twice.new, new=third))
    assert ok(twice.admin.get(f"/customers/{twice.old['id']}"))["merged_into"] == third["id"]
    assert [each["id"] for each in ok(twice.admin.get("/customers", code=twice.old["code"]))["items"]] == [third["id"]]
    assert twice.balance(third) == Decimal("155.00")
    assert findings() == []


def test_a_day_that_the_old_one_was_billed_for(twice: Twice, findings: Callable[[], list[str]]) -> None:
    """The other's draft of the billed month ends, and what it holds is late: it is billed with the next one."""
    living = twice.living
    other = living.customer(name="Late", login=False)
    living.delivered(other, (twice.milk, "4"), on="2026-10-30")
    living.go_to("2026-11-20")
    ok(twice.merge(new=other))
    drafts = living.invoices(customer_id=other["id"], status="draft")
    assert [(each["period_start"], each["period_end"]) for each in drafts] == [("2026-11-01", "2026-11-30")]
    lines = living.invoice(drafts[0]["id"])["lines"]
    assert sum(Decimal(each["line_total"]) for each in lines) == Decimal("445.00")
    assert {each["prior_period"] for each in lines} == {True, False}
    assert findings() == []


def test_billed_by_the_week_of_the_other(twice: Twice) -> None:
    other = twice.living.customer(name="Weekly", login=False, billing_cycle="weekly")
    ok(twice.merge(new=other))
    drafts = twice.living.invoices(customer_id=other["id"], status="draft", sort="period_start")
    assert [each["period_start"] for each in drafts] == ["2026-11-01"]
    assert drafts[0]["period_end"] == "2026-11-07"


def test_agreed_prices_of_the_other_stand(twice: Twice, sql: Sql) -> None:
    price = {"product_id": twice.curd["id"], "price": "38.00", "valid_from": "2026-11-10"}
    ok(twice.admin.put(f"/customers/{twice.new['id']}/prices", price))
    done = ok(twice.merge())
    assert done["prices_that_yield"] == [
        {"product_name": twice.curd["name"], "price": "35.00", "price_of_other": "38.00"}
    ]
    rows = "SELECT price::text, valid::text FROM customer_prices WHERE customer_id = %s ORDER BY lower(valid)"
    assert sql(rows, twice.new["id"]) == [
        ("35.00", "[2026-10-01,2026-11-10)"), ("38.00", "[2026-11-10,)")
    ]  # fmt: skip


def test_charge_rules_move_and_the_others_stand(twice: Twice, sql: Sql, findings: Callable[[], list[str]]) -> None:
    """One moves, one as far as the other has none; what began no earlier explains its bills, and nothing else."""
    admin, old, new = twice.admin, twice.old["id"], twice.new["id"]
    daily = {"kind": "delivery_charge", "basis": "per_delivery_day", "amount": "5.00", "description": "Daily"}
    monthly = {"kind": "delivery_charge", "basis": "per_month", "amount": "40.00", "description": "Monthly"}
    off = {"kind": "discount", "basis": "percent", "amount": "10.00", "description": "Off"}
    less = {"kind": "discount", "basis": "per_month", "amount": "1.00", "description": "Less"}

    def rule(of: str, known: Any, since: str) -> Any:
        return ok(admin.post("/charge-rules", known | {"customer_id": of, "valid_from": since}), 201)["id"]

    replaced, shortened = rule(old, daily, "2026-11-01"), rule(old, off, "2026-11-01")
    begun_later, moves = rule(old, monthly, "2026-12-01"), rule(old, less, "2026-12-01")
    ok(admin.post("/billing/runs", {"period": "2026-11", "through": "2026-11-19", "customer_ids": [old]}), 201)
    for known, since in ((daily, "2026-10-01"), (off, "2026-12-01"), (monthly, "2026-11-20")):
        rule(new, known, since)
    assert twice.preview()["moving"]["charge_rules"] == 4
    ok(twice.merge())
    rows = {
        str(key): (str(whose), days, is_replaced)
        for key, whose, days, is_replaced in sql(
            "SELECT id, customer_id, valid::text, replaced_at IS NOT NULL FROM charge_rules"
        )
    }
    assert rows[replaced] == (new, "[2026-11-01,)", True)
    assert rows[shortened] == (new, "[2026-11-01,2026-12-01)", False)
    assert rows[begun_later] == (new, "[2026-12-01,)", True)
    assert rows[moves] == (new, "[2026-12-01,)", False)
    assert findings() == []
    found = ok(admin.get("/monitoring/consistency"))["reports"]
    assert [each["name"] for each in found if each["count"] and each["severity"] == "critical"] == []


def test_opening_balances_of_one_day_are_summed(twice: Twice, sql: Sql) -> None:
    body = {"customer_id": twice.new["id"], "as_of": "2026-10-01", "amount": "-20.00"}
    ok(twice.admin.post("/opening-balances", body), 201)
    assert ok(twice.merge())["balance_together"] == "135.00"
    assert sql("SELECT amount::text FROM opening_balances") == [("30.00",)]
    assert twice.balance(twice.new) == Decimal("135.00")


def test_the_history_of_both_is_on_the_page_of_one(twice: Twice) -> None:
    ok(twice.merge())
    entries = read(twice.admin, "/audit-log", customer_id=twice.new["id"])
    of_old = [each for each in entries if each["row_id"] == twice.old["id"]]
    assert {each["action"] for each in of_old} == {"INSERT", "UPDATE"}
    assert any((each["after"] or {}).get("merge_reason") == "registered twice" for each in of_old)
    assert {"payments", "credit_notes", "subscriptions"} <= {each["table_name"] for each in entries}


def test_what_both_get_is_told(twice: Twice) -> None:
    twice.living.subscription(twice.new, twice.milk, "1")
    assert twice.preview()["duplicates"] == [{"product_name": twice.milk["name"], "shift": "morning"}]


def test_what_both_will_get_is_told(twice: Twice) -> None:
    """Milk for both by what is planned, although one has curd today; and not what ends before the other begins."""
    living, admin = twice.living, twice.admin
    other = living.subscription(twice.new, twice.curd, "1")
    assert twice.preview()["duplicates"] == []
    change = {"from": "2026-12-01", "product_id": twice.milk["id"], "default_quantity": "1"}
    planned = ok(admin.post(f"/subscriptions/{other['id']}/changes", change), 201)
    both = [{"product_name": twice.milk["name"], "shift": "morning"}]
    assert twice.preview()["duplicates"] == both
    (own,) = ok(admin.get("/subscriptions", customer_id=twice.old["id"]))["items"]
    ok(admin.patch(f"/subscriptions/{own['id']}", {"stop_date": "2026-12-01"}))
    assert twice.preview()["duplicates"] == []
    ok(admin.patch(f"/subscriptions/{own['id']}", {"stop_date": "2026-12-02"}))
    assert twice.preview()["duplicates"] == both
    evening = {"from": "2026-12-01", "product_id": twice.milk["id"], "default_quantity": "1", "shift": "evening"}
    ok(admin.delete(f"/subscriptions/{other['id']}/changes/{planned['id']}"), 204)
    ok(admin.post(f"/subscriptions/{other['id']}/changes", evening), 201)
    assert ok(twice.merge())["duplicates"] == []


def test_what_changes_to_something_else_before_is_no_duplicate(twice: Twice) -> None:
    other = twice.living.subscription(twice.new, twice.milk, "1", start_date="2026-12-01")
    assert len(twice.preview()["duplicates"]) == 1
    (own,) = ok(twice.admin.get("/subscriptions", customer_id=twice.old["id"]))["items"]
    change = {"from": "2026-11-28", "product_id": twice.curd["id"], "default_quantity": "1"}
    ok(twice.admin.post(f"/subscriptions/{own['id']}/changes", change), 201)
    assert twice.preview()["duplicates"] == []
    ok(twice.admin.patch(f"/subscriptions/{other['id']}", {"start_date": "2026-11-27"}))
    assert len(twice.preview()["duplicates"]) == 1


def test_other_weekdays_are_no_duplicate(twice: Twice) -> None:
    (own,) = ok(twice.admin.get("/subscriptions", customer_id=twice.old["id"]))["items"]
    days = {"mode": "weekly_pattern", "weekly_pattern": [0, 2]}
    ok(twice.admin.patch(f"/subscriptions/{own['id']}", days))
    twice.living.subscription(twice.new, twice.milk, "1", mode="weekly_pattern", weekly_pattern=[1, 3])
    assert twice.preview()["duplicates"] == []
    twice.living.subscription(twice.new, twice.milk, "1", mode="weekly_pattern", weekly_pattern=[3, 2], confirm=True)
    assert len(twice.preview()["duplicates"]) == 1


def test_only_admins_merge(twice: Twice) -> None:
    for role in ("accountant", "marketing_staff", "delivery_boy"):
        refused(twice.merge(by=twice.living.staff(role)), 403, "forbidden")
    refused(twice.merge(by=twice.old_login), 403, "forbidden")


def test_a_long_life_costs_as_many_statements_as_a_short_one(twice: Twice, sql: Sql) -> None:
    counted = []
    for days in (1, 30):
        one = twice.living.customer(login=False)
        for day in range(1, 1 + days):
            twice.living.order(one, (twice.milk, "1"), on=f"2026-12-{day:02d}")
        with count_statements(twice.living.app.database) as statements:
            ok(twice.merge(old=one))
        counted.append(len(statements))
    assert counted[0] == counted[1]


def test_the_search_of_customers_goes_by_index(twice: Twice) -> None:
    database = twice.living.app.database
    with count_statements(database) as statements:
        ok(twice.admin.get("/customers", search="rao kothrud"))
    plan = statements.plan(database, "search_text", off=BY_INDEX[:1])
    assert "ix_customers_search" in plan, plan


def test_what_was_handed_over_at_a_door_moves_with_its_order(twice: Twice, sql: Sql) -> None:
    order = twice.living.order(twice.old, (twice.milk, "1"), on="2026-11-20")
    told = [{"product_id": twice.curd["id"], "quantity": "1"}]
    extra = ok(twice.living.confirm(order, extra_items=told))["extra_order_id"]
    body = {"delivery_date": "2026-11-20", "reason": "guests", "items": told}
    ok(twice.admin.post("/deliveries/unplanned", body | {"customer_id": twice.old["id"]}), 201)
    ok(twice.merge())
    assert sql("SELECT customer_id::text FROM orders WHERE placed_at_door_of = %s", order["id"]) == [(twice.new["id"],)]
    assert ok(twice.admin.get(f"/orders/{extra}"))["customer_id"] == twice.new["id"]
    refused(twice.admin.post("/deliveries/unplanned", body | {"customer_id": twice.old["id"]}), 409, "customer_merged")
    refused(
        twice.admin.post(f"/deliveries/{extra}/moved", {"to_customer_id": twice.old["id"], "reason": "x y"}),
        409,
        "customer_merged",
    )


def test_empties_move_with_their_customer(twice: Twice, sql: Sql, findings: Callable[[], list[str]]) -> None:
    admin = twice.admin
    bottle = ok(admin.post("/containers", {"name": "Bottle", "deposit": "30"}), 201)
    ok(admin.patch(f"/products/{twice.milk['id']}", {"container_id": bottle["id"]}))
    for customer, litres in ((twice.old, "3"), (twice.new, "2")):
        twice.living.delivered(customer, (twice.milk, litres), on="2026-11-20")
    entry = {"container_id": bottle["id"], "count": 2, "reason": "broken", "tax_class": "milk_fresh"}
    ok(admin.post(f"/customers/{twice.old['id']}/containers/lost", entry), 201)
    ok(admin.post(f"/customers/{twice.old['id']}/containers/back", {"container_id": bottle["id"], "count": 1}), 201)
    assert twice.preview()["moving"]["container_movements"] == 3
    ok(twice.merge(), 200)
    assert sql("SELECT customer_id::text, balance FROM container_balances") == [(twice.new["id"], 2)]
    assert sql("SELECT count(*) FROM container_movements WHERE customer_id = %s", twice.old["id"]) == [(0,)]
    assert findings() == []


def test_orders_keep_to_what_is_closed_where_the_household_lives(twice: Twice) -> None:
    admin = twice.admin
    ok(admin.post("/orders/generate", {"delivery_date": "2026-11-25"}))
    ok(admin.patch(f"/customers/{twice.new['id']}", {"area": "Baner"}))
    where = ok(admin.get(f"/customers/{twice.new['id']}"))["area_id"]
    ok(admin.post("/closed-days", {"day": "2026-11-25", "area_id": where, "reason": "Strike"}), 201)
    ok(twice.merge())
    told = ok(admin.get("/orders", customer_id=twice.new["id"], delivery_date="2026-11-25"))["items"]
    assert sorted((each["order_type"], each["status"]) for each in told) == [
        ("one_time", "CANCELLED"), ("subscription", "CANCELLED")
    ]  # fmt: skip


def test_charge_rules_move_and_of_two_alike_the_others_stands(twice: Twice, findings: Callable[[], list[str]]) -> None:
    daily = {
        "kind": "delivery_charge",
        "basis": "per_delivery_day",
        "description": "Delivery",
        "valid_from": "2026-11-01",
    }
    off = {"kind": "discount", "basis": "percent", "amount": "10.00", "description": "Neighbours"}

    def rule(fields: Any, of: Any = None) -> Any:
        return ok(twice.admin.post("/charge-rules", fields | ({"customer_id": of["id"]} if of else {})), 201)

    rule(daily | {"amount": "9.00"})
    rule(daily | {"amount": "5.00"}, twice.old)
    rule(daily | {"amount": "3.00"}, twice.new)
    rule(off | {"valid_from": "2026-11-04"}, twice.old)
    done = ok(twice.merge())
    assert done["moving"]["charge_rules"] == 2
    told = [(each["amount"], each["replaced_at"] is None) for each in read(twice.admin, "/charge-rules")]
    assert sorted(told) == [("10.00", True), ("3.00", True), ("5.00", False), ("9.00", True)]
    (draft,) = twice.living.invoices(customer_id=twice.new["id"], status="draft")
    lines = twice.living.invoice(draft["id"])["lines"]
    # 3, 4 and 5 November; a tenth of the four litres of the 4th and 5th
    assert [(each["description"], each["line_total"]) for each in lines if each["source"] == "charge"] == [
        ("Delivery", "9.00"), ("Neighbours", "-24.00"),
    ]  # fmt: skip
    assert findings() == []
