"""Changing a one-time order: what may change, until when, at which price."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, at
from tests.orders.test_cancelling import put_in
from tests.races import at_once


def change(order: Any, by: Client, **fields: Any) -> Any:
    return by.patch(f"/orders/{order['id']}", fields)


def goods(order: Any) -> list[tuple[str, str, str]]:
    return [(item["product_name"], item["quantity"], item["unit_price"]) for item in order["items"]]


def test_other_goods_on_the_same_day_keep_what_was_promised(round_: Round) -> None:
    order, admin = round_.order(notes="Gate 3"), round_.dairy.admin
    for product, price in ((round_.milk, "70.00"), (round_.curd, "90.00")):
        ok(admin.post(f"/products/{product['id']}/prices", {"price": price, "valid_from": "2026-11-20"}), 201)
    ghee = round_.dairy.product("650.00", name="Ghee")
    ok(admin.patch(f"/products/{round_.milk['id']}", {"is_active": False}))
    wanted = [{"product_id": ghee["id"], "quantity": "0.5"}, {"product_id": round_.milk["id"], "quantity": "3"}]
    answer = ok(change(order, admin, items=wanted), 200)
    assert goods(answer) == [("Ghee", "0.500", "650.00"), (round_.milk["name"], "3.000", "60.00")]
    assert (answer["notes"], answer["total_amount"]) == ("Gate 3", "505.00")
    assert answer == round_.read(order)
    refused(change(order, admin, delivery_date="2026-11-22"), 422, "product_inactive")


def test_another_day_has_its_own_prices(round_: Round) -> None:
    order = round_.order()
    body = {"price": "70.00", "valid_from": "2026-11-25"}
    ok(round_.dairy.admin.post(f"/products/{round_.milk['id']}/prices", body), 201)
    answer = ok(change(order, round_.dairy.admin, delivery_date="2026-11-26", shift="evening"), 200)
    assert (answer["delivery_date"], answer["shift"]) == ("2026-11-26", "evening")
    assert [(quantity, price) for _, quantity, price in goods(answer)] == [("2.000", "70.00"), ("1.500", "80.00")]
    back = ok(change(order, round_.dairy.admin, delivery_date="2026-11-20"), 200)
    assert [Decimal(price) for _, _, price in goods(back)] == [Decimal(60), Decimal(80)]


def test_a_stated_price_and_its_reason_stay(round_: Round) -> None:
    stated = {"product_id": round_.milk["id"], "quantity": "2", "unit_price": "50.00", "price_reason": "Diwali"}
    order = round_.order()
    answer = ok(change(order, round_.dairy.admin, items=[stated], notes="ring"), 200)
    reason = f"Price of {round_.milk['name']} (50.00): Diwali"
    assert answer["notes"] == f"ring\n{reason}"
    again = [{"product_id": round_.milk["id"], "quantity": "4"}]
    answer = ok(change(order, round_.dairy.admin, items=again, notes=None), 200)
    assert (goods(answer)[0][1:], answer["notes"]) == (("4.000", "50.00"), reason)
    assert answer["items"][0]["price_source"] == "override"


def test_nothing_sent_changes_nothing(round_: Round) -> None:
    order = round_.order(notes="Gate 3")
    before = round_.read(order)
    after = ok(change(order, round_.dairy.admin), 200)
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


@pytest.mark.parametrize(
    "fields",
    [
        {"items": []},
        {"items": None},
        {"items": [{"product_id": "{milk}", "quantity": "0"}]},
        {"items": [{"product_id": "{milk}", "quantity": "1"}] * 2},
        {"delivery_date": "2026-11-19"},
        {"delivery_date": "2027-11-19"},
        {"shift": "noon"},
        {"customer_id": str(uuid4())},
        {"status": "DELIVERED"},
    ],
)
def test_bad_changes(round_: Round, fields: Any) -> None:
    order = round_.order()
    for item in fields.get("items") or []:
        item["product_id"] = round_.milk["id"]
    refused(change(order, round_.dairy.admin, **fields), 422, "validation_failed")
    assert goods(round_.read(order)) == goods(order)


@pytest.mark.parametrize(
    "status", ["OUT_FOR_DELIVERY", "DELIVERED", "PARTIALLY_DELIVERED", "NOT_DELIVERED", "CANCELLED"]
)
def test_only_what_waits_changes(round_: Round, sql: Any, status: str) -> None:
    order = put_in(round_, sql, status)
    refused(change(order, round_.dairy.admin, notes="x"), 409, "illegal_transition")


def test_an_order_of_a_standing_one_does_not(round_: Round) -> None:
    round_.dairy.subscription(round_.customer, round_.milk)
    ok(round_.dairy.admin.post("/orders/generate", {"delivery_date": "2026-11-20"}))
    (order,) = ok(round_.dairy.admin.get("/orders", order_type="subscription"))["items"]
    refused(change(order, round_.dairy.admin, notes="x"), 409, "illegal_transition")


def test_who_and_until_when(round_: Round, clock: time_machine.Traveller) -> None:
    ok(round_.dairy.admin.patch("/settings", {"cutoff_morning": "18:00", "cutoff_evening": "18:00"}))
    customer, login = round_.dairy.customer_login()
    _, stranger = round_.dairy.customer_login()
    order = round_.dairy.order(customer, (round_.milk, "1"), on="2026-11-22")
    refused(change(order, stranger, notes="x"), 404, "order_not_found")
    for role in ("accountant", "delivery_boy"):
        refused(change(order, round_.dairy.staff(role), notes="x"), 403, "forbidden")
    refused(change(order, round_.dairy.staff("marketing_staff"), notes="x"), 404, "order_not_found")
    ok(change(order, login, shift="evening"), 200)
    item = {"product_id": round_.milk["id"], "quantity": "1", "unit_price": "1.00", "price_reason": "cheap"}
    refused(change(order, login, items=[item]), 403, "forbidden")
    clock.move_to(at("2026-11-21 10:00"))
    login = round_.dairy.login(customer["phone"])
    ok(change(order, login, delivery_date="2026-11-23"), 200)
    clock.move_to(at("2026-11-21 18:00"))
    login = round_.dairy.login(customer["phone"])
    refused(change(order, login, delivery_date="2026-11-22"), 422, "cutoff_passed")
    clock.move_to(at("2026-11-22 18:00"))
    login = round_.dairy.login(customer["phone"])
    refused(change(order, login, delivery_date="2026-11-25"), 422, "cutoff_passed")
    round_.log_in_again()
    ok(change(order, round_.dairy.admin, delivery_date="2026-11-25"), 200)
    ok(round_.dairy.admin.patch(f"/customers/{customer['id']}", {"status": "stopped"}))
    refused(change(order, round_.dairy.admin, notes="x"), 409, "customer_stopped")


def test_two_change_it_at_once(round_: Round, database_url: str) -> None:
    order = round_.order()
    read = round_.dairy.admin.get(f"/orders/{order['id']}")
    seen = {"If-Match": read.headers["ETag"]}
    answers = at_once(
        database_url,
        f"SELECT FROM customers WHERE id = '{round_.customer['id']}' FOR UPDATE",
        *(
            lambda notes=notes: round_.dairy.admin.patch(  # type: ignore[misc]
                f"/orders/{order['id']}", {"notes": notes}, headers=seen
            )
            for notes in ("one", "two")
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


def test_not_to_a_day_that_is_closed(round_: Round) -> None:
    order = round_.order()
    ok(round_.dairy.admin.post("/closed-days", {"day": "2026-11-22", "reason": "Diwali"}), 201)
    refused(change(order, round_.dairy.admin, delivery_date="2026-11-22"), 409, "day_closed")
    ok(change(order, round_.dairy.admin, delivery_date="2026-11-23"), 200)


def test_on_another_day_it_is_brought_where_the_customer_lives_then(round_: Round) -> None:
    order, helper = round_.order(), round_.dairy.staff("delivery_boy")
    body = {"from": "2026-11-25", "address_line1": "7 New Road", "delivery_boy_id": helper.user["id"]}
    ok(round_.dairy.admin.post(f"/customers/{round_.customer['id']}/moves", body), 201)
    there = ok(change(order, round_.dairy.admin, delivery_date="2026-11-26"), 200)
    assert there["address"]["address_line1"] == "7 New Road"
    assert [each["id"] for each in ok(helper.get("/orders"))["items"]] == [order["id"]]
    back = ok(change(order, round_.dairy.admin, delivery_date="2026-11-21"), 200)
    assert back["address"]["address_line1"] == round_.customer["address_line1"]
    assert ok(helper.get("/orders"))["items"] == []


def test_what_was_given_for_nothing_a_customer_gets_no_more_of(round_: Round) -> None:
    customer, login = round_.dairy.customer_login()
    free = {"product_id": round_.milk["id"], "quantity": "2", "unit_price": "0", "price_reason": "sour last week"}
    body = {"customer_id": customer["id"], "delivery_date": "2026-11-22", "items": [free]}
    order = ok(round_.dairy.admin.post("/orders", body), 201)
    less = ok(change(order, login, items=[{"product_id": round_.milk["id"], "quantity": "1"}]), 200)
    assert (goods(less)[0][1:], less["notes"]) == (("1.000", "0.00"), order["notes"])
    more = ok(change(order, login, items=[{"product_id": round_.milk["id"], "quantity": "9"}]), 200)
    assert (goods(more)[0][1:], more["notes"]) == (("9.000", "60.00"), None)
    ok(change(order, round_.dairy.admin, items=[free]), 200)
    staff = ok(change(order, round_.dairy.admin, items=[{"product_id": round_.milk["id"], "quantity": "9"}]), 200)
    assert goods(staff)[0][1:] == ("9.000", "0.00")


def test_the_reason_of_a_price_goes_with_it(round_: Round) -> None:
    stated = {"product_id": round_.milk["id"], "quantity": "2", "unit_price": "50.00", "price_reason": "Diwali"}
    order = round_.order(notes="ring")
    before = ok(change(order, round_.dairy.admin, items=[stated]), 200)
    assert before["notes"] == f"ring\nPrice of {round_.milk['name']} (50.00): Diwali"
    after = ok(change(order, round_.dairy.admin, delivery_date="2026-11-24"), 200)
    assert (goods(after)[0][2], after["notes"]) == ("60.00", "ring")
