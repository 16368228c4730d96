"""What a one-time order comes to at least: for whom, after which changes, and who may pass it."""

from typing import Any

import pytest

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, counts
from tests.orders.test_placing import place


@pytest.fixture
def login(round_: Round) -> Client:
    """The household itself; an order of its comes to 100 rupees at least."""
    ok(round_.dairy.admin.patch("/settings", {"minimum_order_amount": "100.00"}))
    made, login = round_.dairy.customer_login()
    round_.customer = made
    return login


def milk(round_: Round, litres: str, **more: Any) -> list[dict[str, Any]]:
    return [{"product_id": round_.milk["id"], "quantity": litres, **more}]


def test_a_household_orders_no_less_than_the_smallest_order(round_: Round, login: Client, sql: Any) -> None:
    before = counts(sql)
    told = refused(place(round_, login, items=milk(round_, "1.666")), 422, "below_minimum")
    assert (told["minimum_order_amount"], told["total_amount"]) == ("100.00", "99.96")
    assert [error["pointer"] for error in told["errors"]] == ["/items"]
    refused(place(round_, login, items=milk(round_, "1"), confirm=True), 422, "below_minimum")
    assert counts(sql) == before
    made = ok(place(round_, login, items=milk(round_, "1.667")), 201)
    assert made["total_amount"] == "100.02"
    curd = {"product_id": round_.curd["id"], "quantity": "0.5"}
    ok(place(round_, login, items=[*milk(round_, "1"), curd]), 201)


def test_an_admin_confirms_a_small_order_and_nobody_else(round_: Round, login: Client) -> None:
    staff = round_.dairy.staff("marketing_staff")
    ok(round_.dairy.admin.patch(f"/customers/{round_.customer['id']}", {"marketing_staff_id": staff.user["id"]}))
    small = milk(round_, "1")
    refused(place(round_, items=small), 422, "below_minimum")
    refused(place(round_, staff, items=small, confirm=True), 422, "below_minimum")
    assert ok(place(round_, items=small, confirm=True), 201)["total_amount"] == "60.00"
    free = milk(round_, "5", unit_price="0", price_reason="Spilt yesterday")
    refused(place(round_, items=free), 422, "below_minimum")
    ok(place(round_, items=free, confirm=True), 201)


def test_what_has_no_price_is_refused_for_that(round_: Round, login: Client) -> None:
    whey = round_.dairy.product(None, name="Whey")
    refused(place(round_, login, items=[{"product_id": whey["id"], "quantity": "1"}]), 422, "no_price")


def test_a_change_makes_no_order_smaller_than_that(round_: Round, login: Client) -> None:
    made = ok(place(round_, login, items=milk(round_, "3")), 201)
    path = f"/orders/{made['id']}"
    told = refused(login.patch(path, {"items": milk(round_, "1")}), 422, "below_minimum")
    assert told["total_amount"] == "60.00"
    assert ok(login.get(path))["total_amount"] == "180.00"
    assert ok(login.patch(path, {"items": milk(round_, "2")}))["total_amount"] == "120.00"
    refused(round_.dairy.admin.patch(path, {"items": milk(round_, "1")}), 422, "below_minimum")
    ok(round_.dairy.admin.patch(path, {"items": milk(round_, "1"), "confirm": True}))
    assert ok(login.patch(path, {"notes": "Gate 2"}))["total_amount"] == "60.00"
    assert ok(login.patch(path, {"items": milk(round_, "1")}))["total_amount"] == "60.00"
    assert ok(login.patch(path, {"items": milk(round_, "1.5")}))["total_amount"] == "90.00"
    refused(login.patch(path, {"items": milk(round_, "1.4")}), 422, "below_minimum")


def test_the_door_and_standing_orders_know_no_smallest_order(round_: Round, login: Client) -> None:
    order = ok(place(round_, items=milk(round_, "2")), 201)
    extra = [{"product_id": round_.curd["id"], "quantity": "0.25"}]
    body = {"order_id": order["id"], "delivery_date": "2026-11-20", "status": "delivered", "extra_items": extra}
    assert ok(round_.dairy.admin.post("/deliveries/confirmations", body))["extra_order_id"]
    unplanned = {"customer_id": round_.customer["id"], "delivery_date": "2026-11-20", "items": extra, "reason": "Asked"}
    ok(round_.dairy.admin.post("/deliveries/unplanned", unplanned), 201)
    daily = {"product_id": round_.milk["id"], "mode": "fixed_daily", "default_quantity": "0.5"}
    ok(login.post("/subscriptions", daily), 201)


def test_customers_are_told_what_the_smallest_order_is(round_: Round, login: Client) -> None:
    assert ok(login.get("/me/rules"))["minimum_order_amount"] == "100.00"
    ok(round_.dairy.admin.patch("/settings", {"minimum_order_amount": None}))
    assert ok(login.get("/me/rules"))["minimum_order_amount"] is None
    ok(place(round_, login, items=milk(round_, "0.1")), 201)
