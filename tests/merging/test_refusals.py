"""What cannot be one customer as it is, is told before anything moves; and plain SQL is refused by the database."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.billing.test_credit_notes import GSTIN
from tests.conftest import raw_connection
from tests.constraints import refuses
from tests.dairy import ok, refused
from tests.merging.conftest import Sql, Twice


def reasons(twice: Twice, new: Any = None, old: Any = None) -> list[str]:
    """Why the two are not merged; the preview says the same."""
    told = refused(twice.merge(old, new), 409, "merge_refused")["reasons"]
    assert twice.preview(old, new)["refusals"] == told
    return [each["code"] for each in told]


@pytest.fixture
def untouched(sql: Sql) -> Callable[[], list[Any]]:
    """``untouched()``: what a merge could have changed."""
    tables = ("customers", "orders", "invoices", "payments", "subscriptions", "customer_prices", "users", "adjustments")
    return lambda: [sql(f"SELECT to_jsonb(t) FROM {table} t ORDER BY 1") for table in tables]


def test_one_and_the_same(twice: Twice) -> None:
    problem = refused(twice.merge(new=twice.old), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/into"


def test_customers_that_are_not_there(twice: Twice) -> None:
    nobody = {"id": str(uuid4())}
    refused(twice.merge(new=nobody), 404, "customer_not_found")
    refused(twice.merge(old=nobody), 404, "customer_not_found")
    refused(
        twice.admin.get(f"/customers/{nobody['id']}/merge-preview", into=twice.new["id"]), 404, "customer_not_found"
    )


@pytest.mark.parametrize("fields", [{"reason": "x"}, {"reason": ""}, {"reason": "y" * 501}, {"into": "x"}, {"more": 1}])
def test_bad_input(twice: Twice, fields: dict[str, Any]) -> None:
    refused(twice.merge(**fields), 422, "validation_failed")


def test_both_were_billed_for_the_same_days(twice: Twice, untouched: Callable[[], list[Any]]) -> None:
    living = twice.living
    other = living.customer(name="Other", login=False)
    living.delivered(other, (twice.milk, "4"), on="2026-10-30")
    living.go_to("2026-11-20")
    living.bill("2026-10")
    before = untouched()
    assert reasons(twice, new=other) == ["documents_overlap"]
    (told,) = twice.preview(new=other)["refusals"]
    assert sorted(told["about"].split(" – ")) == sorted(each["number"] for each in living.invoices(status="issued"))
    assert untouched() == before


def test_what_is_not_billed_would_be_taxed_otherwise(twice: Twice) -> None:
    twice.living.seller(gstin=GSTIN)
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"state_code": "29"}))
    assert reasons(twice) == ["taxed_otherwise"]
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"state_code": "27"}))
    ok(twice.merge())


def test_of_a_seller_without_gstin_nothing_is_taxed(twice: Twice) -> None:
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"state_code": "29"}))
    ok(twice.merge())


def test_orders_on_their_way(twice: Twice) -> None:
    helper = twice.living.staff("delivery_boy")
    ok(twice.admin.patch(f"/customers/{twice.old['id']}", {"delivery_boy_id": helper.user["id"]}))
    twice.living.order(twice.old, (twice.milk, "1"), on="2026-11-20")
    day = {"delivery_date": "2026-11-20"}
    assert ok(helper.post("/deliveries/start", day))["started"] == 1
    assert reasons(twice) == ["out_for_delivery"]


def test_opening_balances_of_different_days(twice: Twice) -> None:
    body = {"customer_id": twice.new["id"], "as_of": "2026-10-02", "amount": "1.00"}
    ok(twice.admin.post("/opening-balances", body), 201)
    assert reasons(twice) == ["both_opening_balances"]


def test_the_same_cheque(twice: Twice) -> None:
    for customer in (twice.old, twice.new):
        twice.pay(customer, "5.00", method="cheque", reference="000123")
    assert reasons(twice) == ["same_cheque"]


def test_into_one_that_is_stopped(twice: Twice) -> None:
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"status": "stopped"}))
    assert reasons(twice) == ["into_stopped"]
    ok(twice.merge(old=twice.living.customer(login=False)))


def test_into_one_that_is_paused(twice: Twice, untouched: Callable[[], list[Any]]) -> None:
    """What the old one gets would end without a word."""
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"status": "paused"}))
    before = untouched()
    assert reasons(twice) == ["into_paused"]
    assert untouched() == before
    (standing,) = ok(twice.admin.get("/subscriptions", customer_id=twice.old["id"]))["items"]
    ok(twice.admin.patch(f"/subscriptions/{standing['id']}", {"stop_date": "2026-11-20"}))
    ok(twice.merge())


def test_into_one_whose_trial_begins_later(twice: Twice) -> None:
    path = f"/customers/{twice.new['id']}"
    ok(twice.admin.patch(path, {"status": "trial", "trial_start_date": "2026-11-25"}))
    assert reasons(twice) == ["into_not_begun"]
    assert twice.preview()["refusals"][0]["about"] == "2026-11-25"
    ok(twice.admin.patch(path, {"trial_start_date": "2026-11-20"}))
    ok(twice.merge())


def test_into_one_whose_trial_begins_before_the_standing_order_does(twice: Twice) -> None:
    (standing,) = ok(twice.admin.get("/subscriptions", customer_id=twice.old["id"]))["items"]
    ok(twice.admin.patch(f"/subscriptions/{standing['id']}", {"start_date": "2026-11-27"}))
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"status": "trial", "trial_start_date": "2026-11-25"}))
    ok(twice.merge())


@pytest.mark.parametrize(
    "now", [{"status": "paused"}, {"status": "stopped"}, {"status": "trial", "trial_start_date": "2026-12-01"}]
)
def test_one_that_gets_nothing_would_get_it_with_the_other(twice: Twice, now: dict[str, str]) -> None:
    """Standing orders of a paused customer are still there, and the other one is not paused."""
    ok(twice.admin.patch(f"/customers/{twice.old['id']}", now))
    assert reasons(twice) == ["would_come"]
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"status": "paused"}))
    if now["status"] == "trial":
        assert reasons(twice) == ["into_paused"]
    else:
        ok(twice.merge())


def test_sums_that_no_column_holds(twice: Twice, untouched: Callable[[], list[Any]]) -> None:
    other = twice.living.customer(name="Debtor", login=False)
    body = {"customer_id": other["id"], "as_of": "2026-10-01", "amount": "9999999999.99"}
    ok(twice.admin.post("/opening-balances", body), 201)
    before = untouched()
    assert reasons(twice, new=other) == ["opening_balances_too_large", "balance_too_large"]
    assert untouched() == before
    third = twice.living.customer(name="Debtor's brother", login=False)
    ok(twice.admin.post("/opening-balances", body | {"customer_id": third["id"], "amount": "-9999999999.99"}), 201)
    ok(twice.merge(old=third, new=other))


def test_more_empties_than_are_counted(twice: Twice, sql: Sql) -> None:
    bottle = ok(twice.admin.post("/containers", {"name": "Bottle", "deposit": "30"}), 201)
    for customer in (twice.old, twice.new):
        sql(
            "INSERT INTO container_movements (customer_id, container_id, day, out) VALUES (%s, %s, %s, 500001)",
            customer["id"], bottle["id"], "2026-11-20",
        )  # fmt: skip
    assert reasons(twice) == ["too_many_empties"]
    assert twice.preview()["refusals"][0]["about"] == "Bottle"


def test_a_wish_that_both_wait_for(twice: Twice, sql: Sql) -> None:
    for customer in (twice.old, twice.new):
        sql(
            "INSERT INTO change_requests (kind, customer_id, payload, asked_by_user_id) VALUES ('pause', %s, '{}', %s)",
            customer["id"], twice.old["user_id"],
        )  # fmt: skip
    assert reasons(twice) == ["same_request"]


def test_a_move_that_is_still_to_come(twice: Twice, sql: Sql) -> None:
    move = {"from": "2026-11-25", "address_line1": "7 New Road"}
    made = ok(twice.admin.post(f"/customers/{twice.old['id']}/moves", move), 201)
    assert reasons(twice) == ["move_to_come"]
    sql("UPDATE customer_moves SET applied_at = now()")
    ok(twice.merge())
    assert sql("SELECT count(*) FROM customer_moves") == [(0,)]
    kept = "SELECT count(*) FROM audit_log WHERE table_name = 'customer_moves' AND action = 'DELETE' AND row_id = %s"
    assert sql(kept, made["id"]) == [(1,)]


def test_one_transfer_that_paid_both_back(twice: Twice) -> None:
    for customer in (twice.old, twice.new):
        twice.pay(customer, "500.00")
        body = {"customer_id": customer["id"], "amount": "10.00", "method": "bank_transfer", "reference": "N1234567"}
        ok(twice.admin.post("/refunds", body | {"paid_on": "2026-11-20", "reason": "goodwill"}), 201)
    assert reasons(twice) == ["same_transfer"]


def test_twice_merged(twice: Twice) -> None:
    third = twice.living.customer(login=False)
    ok(twice.merge())
    assert reasons(twice, new=third) == ["already_merged"]
    assert reasons(twice, old=third, new=twice.old) == ["into_merged"]


def test_several_reasons_are_told_at_once(twice: Twice) -> None:
    test_opening_balances_of_different_days(twice)
    ok(twice.admin.patch(f"/customers/{twice.new['id']}", {"status": "stopped"}))
    assert reasons(twice) == ["into_stopped", "both_opening_balances"]


# ------------------------------------------------------------------------------------------------- plain SQL

A, B, C = (f"'00000000-0000-0000-0000-00000000000{n}'" for n in (1, 2, 3))
SET_UP = f"""
INSERT INTO customers (id, code, name) VALUES ({A}, 'K1', 'Asha'), ({B}, 'K2', 'Rao'), ({C}, 'K3', 'Chitra');
INSERT INTO products (id, sku, name, unit, tax_class) VALUES ({A}, 'M1', 'Milk', 'litre', 'milk_fresh');
"""
INTO = "merged_into = {}, merged_at = now(), merge_reason = 'twice', status = 'stopped'"
MERGE = f"UPDATE customers SET {INTO.format(B)} WHERE id = {A};"
MERGED = f"{SET_UP} {MERGE} SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;"
LIVING = "tr_rows_of_living_customers"
AS_OF = "'2026-11-01'"


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (f"INSERT INTO orders (customer_id, delivery_date, source) VALUES ({A}, {AS_OF}, 'staff')", LIVING),
        (
            "INSERT INTO subscriptions (customer_id, product_id, mode, start_date)"
            f" VALUES ({A}, {A}, 'fixed_daily', {AS_OF})",
            LIVING,
        ),
        (f"INSERT INTO invoices (customer_id, period_start, period_end) VALUES ({A}, {AS_OF}, {AS_OF})", LIVING),
        (f"INSERT INTO payments (customer_id, amount, method, received_on) VALUES ({A}, 1, 'cash', {AS_OF})", LIVING),
        (f"INSERT INTO opening_balances (customer_id, as_of, amount) VALUES ({A}, {AS_OF}, 1)", LIVING),
        (
            "INSERT INTO customer_prices (customer_id, product_id, price, valid)"
            f" VALUES ({A}, {A}, 1, '[2026-11-01,)')",
            LIVING,
        ),
        (
            "INSERT INTO outbox_messages (customer_id, channel, recipient, language, body)"
            f" VALUES ({A}, 'sms', '+919800000001', 'en', 'x')",
            LIVING,
        ),
        (
            f"INSERT INTO opening_balances (customer_id, as_of, amount) VALUES ({B}, {AS_OF}, 1);"
            f" UPDATE opening_balances SET customer_id = {A}",
            LIVING,
        ),
        (f"UPDATE customers SET name = 'Somebody' WHERE id = {A}", "tr_customers_merged_stay"),
        (f"UPDATE customers SET merged_into = NULL WHERE id = {A}", "tr_customers_merged_stay"),
        (f"UPDATE customers SET merged_into = {C} WHERE id = {A}", "tr_customers_merged_stay"),
        (f"DELETE FROM customers WHERE id = {A}", "tr_customers_merged_stay"),
        (f"UPDATE customers SET {INTO.format(A)} WHERE id = {C}", "tr_customers_merge_into_living"),
        (f"UPDATE customers SET {INTO.format(C)} WHERE id = {B}", "tr_customers_merge_into_living"),
    ],
)
def test_what_was_merged_takes_and_changes_nothing(bare: Any, statement: str, name: str) -> None:
    assert refuses(bare, MERGED, statement) == name


@pytest.mark.parametrize(
    "row",
    [
        f"INSERT INTO orders (customer_id, delivery_date, source) VALUES ({A}, {AS_OF}, 'staff');",
        f"INSERT INTO payments (customer_id, amount, method, received_on) VALUES ({A}, 1, 'cash', {AS_OF});",
        f"INSERT INTO invoices (customer_id, period_start, period_end) VALUES ({A}, {AS_OF}, {AS_OF});",
    ],
)
def test_who_has_something_is_not_merged_by_hand(bare: Any, row: str) -> None:
    assert refuses(bare, SET_UP + row, MERGE) == "tr_customers_leave_nothing"


def test_two_steps_of_a_merge_into_the_third(bare: Any) -> None:
    both = (
        f"UPDATE customers SET {INTO.format(C)} WHERE id = {B}; UPDATE customers SET merged_into = {C} WHERE id = {A}"
    )
    assert refuses(bare, MERGED, both) is None


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ("invoices SET customer_id = {new} WHERE customer_id = {old} AND status = 'issued'", "tr_invoices_frozen"),
        ("invoices SET customer_id = {new} WHERE customer_id = {old} AND status = 'draft'", "tr_invoices_frozen"),
        ("invoices SET issued_to = {new} WHERE status = 'issued'", "tr_invoices_frozen"),
        ("invoices SET issued_to = {new} WHERE status = 'draft'", "tr_invoices_frozen"),
        ("credit_notes SET customer_id = {new}", "tr_credit_notes_frozen"),
        ("credit_notes SET issued_to = {new}", "tr_credit_notes_frozen"),
        ("orders SET customer_id = {new} WHERE delivered_on < '2026-11-01'", "tr_orders_touch_only_drafts"),
        ("payments SET customer_id = {new} WHERE customer_id = {old}", "tr_money_frozen"),
        ("payment_allocations SET customer_id = {new}", "tr_money_frozen"),
        ("write_offs SET customer_id = {new}", "tr_money_frozen"),
        ("adjustments SET customer_id = {new}", "fk_adjustments_invoice_of_customer"),
    ],
)
def test_frozen_rows_go_nowhere_without_a_merge(twice: Twice, rows: str, name: str) -> None:
    """Also where the keys that hold a customer twice are judged at the commit only."""
    ids = {"old": f"'{twice.old['id']}'", "new": f"'{twice.new['id']}'"}
    url = twice.living.app.database.url.render_as_string(hide_password=False)
    with raw_connection(url) as connection:
        assert refuses(connection, "SET CONSTRAINTS ALL DEFERRED", f"UPDATE {rows.format(**ids)}") == name


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ("invoices SET total = total WHERE number IS NOT NULL", "tr_invoices_frozen"),
        ("invoices SET issued_to = NULL WHERE number IS NOT NULL", "tr_invoices_frozen"),
        ("invoices SET customer_id = {old}, issued_to = NULL WHERE number IS NOT NULL", "tr_invoices_frozen"),
        ("credit_notes SET customer_id = {old}, issued_to = NULL", "tr_credit_notes_frozen"),
        ("write_offs SET customer_id = {old}", "tr_money_frozen"),
    ],
)
def test_what_moved_is_frozen_again(twice: Twice, rows: str, name: str) -> None:
    ok(twice.merge())
    url = twice.living.app.database.url.render_as_string(hide_password=False)
    with raw_connection(url) as connection:
        move = f"UPDATE {rows.format(old=chr(39) + twice.old['id'] + chr(39))}"
        assert refuses(connection, "SET CONSTRAINTS ALL DEFERRED", move) == name
