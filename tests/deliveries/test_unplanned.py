"""Deliveries that no order asked for, and deliveries to the wrong door."""

from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, at, bill, leaks
from tests.deliveries.test_extras import settle, worth
from tests.races import at_once


@pytest.fixture(autouse=True)
def neighbour(round_: Round, sql: Any) -> Any:
    """A second customer. The database's clock is not the test's: both are registered on the day of the round."""
    made = round_.dairy.customer(delivery_boy_id=round_.boy.user["id"])
    sql("UPDATE customers SET created_at = '2026-11-20 09:00+05:30'")
    return made


def unplanned(round_: Round, by: Client | None = None, *items: tuple[Any, str], **fields: Any) -> Any:
    goods = items or ((round_.milk, "2"),)
    body = {
        "customer_id": round_.customer["id"],
        "delivery_date": "2026-11-20",
        "items": [{"product_id": product["id"], "quantity": quantity} for product, quantity in goods],
        "reason": "asked for it at the gate",
    }
    return (by or round_.dairy.admin).post("/deliveries/unplanned", body | fields)


def moved(round_: Round, order: Any, to: Any, reason: str = "was brought next door") -> Any:
    return round_.dairy.admin.post(f"/deliveries/{order['id']}/moved", {"to_customer_id": to["id"], "reason": reason})


def later(round_: Round, clock: time_machine.Traveller, when: str) -> None:
    clock.move_to(at(when))
    round_.log_in_again()


def test_a_delivery_without_an_order_is_on_the_bill(round_: Round, sql: Any) -> None:
    answer = ok(unplanned(round_, round_.boy, (round_.milk, "2"), (round_.curd, "0.5"), shift="evening"), 201)
    made = round_.read({"id": answer["order_id"]})
    assert (made["source"], made["status"], made["shift"]) == ("door", "DELIVERED", "evening")
    assert (made["delivery_date"], made["notes"]) == ("2026-11-20", "asked for it at the gate")
    assert answer == {
        "order_id": made["id"],
        "delivery_status": made["delivery_status"],
        "invoice": made["invoice"],
    }
    assert made["delivery_status"]["delivery_boy_id"] == round_.boy.user["id"]
    assert worth(round_) == [("0.500", "40.00"), ("2.000", "120.00")]
    assert not any(leaks(sql).values())


def test_the_same_event_is_one_delivery(round_: Round, sql: Any) -> None:
    event = str(uuid4())
    first = ok(unplanned(round_, client_event_id=event), 201)
    again = ok(unplanned(round_, client_event_id=event), 201)
    assert again == first
    for other in ({"shift": "evening"}, {"items": [{"product_id": round_.milk["id"], "quantity": "3"}]}):
        refused(unplanned(round_, client_event_id=event, **other), 409, "already_exists")
    order = round_.order()
    used = str(uuid4())
    ok(round_.dairy.confirm(order, client_event_id=used), 200)
    refused(unplanned(round_, client_event_id=used), 409, "already_exists")
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(1,)]


def test_an_idempotency_key_is_heeded(round_: Round, sql: Any) -> None:
    body = {
        "customer_id": round_.customer["id"],
        "delivery_date": "2026-11-20",
        "items": [{"product_id": round_.milk["id"], "quantity": "1"}],
        "reason": "guests",
    }
    answers = [
        ok(round_.dairy.admin.post("/deliveries/unplanned", body, headers={"Idempotency-Key": "k1"}), 201)
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(1,)]


def test_a_helper_enters_his_own_round_of_today(round_: Round) -> None:
    stranger = round_.dairy.customer()
    refused(unplanned(round_, round_.boy, customer_id=stranger["id"]), 404, "customer_not_found")
    refused(unplanned(round_, round_.boy, delivery_date="2026-11-19"), 403, "forbidden")
    refused(unplanned(round_, round_.boy, (round_.milk, "34")), 422, "extra_above_limit")
    ok(unplanned(round_, None, (round_.milk, "34")), 201)
    settle(round_, door_extras="off", door_extra_limit=None)
    refused(unplanned(round_, round_.boy), 403, "forbidden")
    ok(unplanned(round_), 201)
    for role in ("accountant", "marketing_staff"):
        refused(unplanned(round_, round_.dairy.staff(role)), 403, "forbidden")


def test_a_stand_in_enters_for_those_he_brings_something(round_: Round) -> None:
    stand_in = round_.dairy.staff("delivery_boy")
    refused(unplanned(round_, stand_in), 404, "customer_not_found")
    round_.order()
    body = {
        "delivery_boy_id": round_.boy.user["id"],
        "delivery_date": "2026-11-20",
        "stand_in_id": stand_in.user["id"],
    }
    ok(round_.dairy.admin.put("/deliveries/stand-ins", body))
    answer = ok(unplanned(round_, stand_in), 201)
    assert answer["delivery_status"]["delivery_boy_id"] == stand_in.user["id"]


def test_days(round_: Round, clock: time_machine.Traveller) -> None:
    refused(unplanned(round_, delivery_date="2026-11-21"), 400, "delivery_date_in_future")
    told = refused(unplanned(round_, delivery_date="2026-11-19"), 422, "validation_failed")
    assert told["errors"] == [
        {"pointer": "/delivery_date", "code": "invalid", "detail": "The customer began on 2026-11-20."}
    ]
    later(round_, clock, "2026-11-25 10:00")
    ok(unplanned(round_, delivery_date="2026-11-22"), 201)
    settle(round_, books_closed_through="2026-11-22")
    refused(unplanned(round_, delivery_date="2026-11-22"), 409, "period_closed")
    ok(unplanned(round_, delivery_date="2026-11-23"), 201)


def test_a_day_that_is_billed_goes_to_the_next_bill(round_: Round, clock: time_machine.Traveller, sql: Any) -> None:
    round_.dairy.seller()
    ok(unplanned(round_), 201)
    bill(round_.dairy, "2026-11", through="2026-11-20")
    later(round_, clock, "2026-11-22 10:00")
    answer = ok(unplanned(round_), 201)
    assert answer["invoice"]["status"] == "draft"
    assert worth(round_) == [("2.000", "120.00")]
    assert not any(leaks(sql).values())


def test_what_is_wrong_is_told_at_its_place(round_: Round) -> None:
    ok(round_.dairy.admin.patch(f"/products/{round_.curd['id']}", {"is_active": False}))
    told = refused(unplanned(round_, None, (round_.milk, "1"), (round_.curd, "1")), 422, "product_inactive")
    assert [error["pointer"] for error in told["errors"]] == ["/items/1"]
    refused(unplanned(round_, None, (round_.milk, "1"), (round_.milk, "1")), 422, "validation_failed")
    refused(unplanned(round_, items=[]), 422, "validation_failed")
    refused(unplanned(round_, None, (round_.dairy.product(unit="piece"), "1.5")), 422, "validation_failed")
    ok(round_.dairy.admin.patch(f"/customers/{round_.customer['id']}", {"status": "stopped"}))
    refused(unplanned(round_), 409, "customer_stopped")


def test_a_wrong_door_is_put_right(round_: Round, neighbour: Any, sql: Any, clock: time_machine.Traveller) -> None:
    body = {"product_id": round_.milk["id"], "price": "50.00", "valid_from": "2026-11-20"}
    ok(round_.dairy.admin.put(f"/customers/{neighbour['id']}/prices", body))
    order = round_.order()
    ok(round_.dairy.confirm(order, by=round_.boy, items=round_.items("1.5", "0")), 200)
    later(round_, clock, "2026-11-23 10:00")
    ok(round_.dairy.admin.patch(f"/products/{round_.milk['id']}", {"is_active": False}))
    answer = ok(moved(round_, order, neighbour), 201)
    assert answer["moved_from"] == order["id"]
    before, after = round_.read(order), round_.read({"id": answer["order_id"]})
    assert (before["status"], before["invoice"]) == ("NOT_DELIVERED", None)
    assert before["delivery_status"]["correction_reason"] == "was brought next door"
    assert (after["customer_id"], after["source"], after["status"]) == (neighbour["id"], "door", "DELIVERED")
    assert (after["delivered_on"], after["delivered_at"]) == ("2026-11-20", "2026-11-20T04:30:00+00:00")
    assert after["delivery_status"]["delivery_boy_id"] == round_.boy.user["id"]
    assert [(item["quantity"], item["unit_price"]) for item in after["items"]] == [("1.500", "50.00")]
    assert after["invoice"]["status"] == "draft"
    assert worth(round_) == []
    refused(moved(round_, order, neighbour), 409, "illegal_transition")
    assert not any(leaks(sql).values())


def test_a_wrong_door_that_cannot_be_put_right(round_: Round, neighbour: Any, sql: Any) -> None:
    round_.dairy.seller()
    order = round_.order()
    refused(moved(round_, order, neighbour), 409, "illegal_transition")
    refused(moved(round_, {"id": str(uuid4())}, neighbour), 404, "order_not_found")
    ok(round_.dairy.confirm(order), 200)
    refused(moved(round_, order, round_.customer), 422, "validation_failed")
    refused(moved(round_, order, {"id": str(uuid4())}), 404, "customer_not_found")
    ok(round_.dairy.admin.patch(f"/customers/{neighbour['id']}", {"status": "stopped"}))
    refused(moved(round_, order, neighbour), 409, "customer_stopped")
    ok(round_.dairy.admin.patch(f"/customers/{neighbour['id']}", {"status": "active"}))
    bill(round_.dairy, "2026-11", through="2026-11-20")
    refused(moved(round_, order, neighbour), 409, "invoice_issued")
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(0,)]
    assert round_.read(order)["status"] == "DELIVERED"


def test_two_move_one_delivery_at_once(round_: Round, neighbour: Any, sql: Any, database_url: str) -> None:
    """Crosswise with another move, too: customers are locked in one order, so nobody waits in a circle."""
    order, back = round_.order(), round_.dairy.order(neighbour, (round_.milk, "1"))
    for each in (order, back):
        ok(round_.dairy.confirm(each), 200)
    answers = at_once(
        database_url,
        "SELECT FROM customers FOR UPDATE",
        lambda: moved(round_, order, neighbour),
        lambda: moved(round_, order, neighbour),
        lambda: moved(round_, back, round_.customer),
    )
    assert sorted(answer.status_code for answer in answers[:2]) == [201, 409]
    assert answers[2].status_code == 201
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(2,)]
    assert not any(leaks(sql).values())


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_an_order_made_at_the_door_is_never_waited_for(round_: Round, method: str) -> None:
    made = ok(unplanned(round_), 201)["order_id"]
    if method == "POST":
        refused(round_.dairy.admin.post(f"/orders/{made}/cancel", {"reason": "x"}), 409, "illegal_transition")
        return
    body = {"status": "not_delivered", "reason": "was somebody else"}
    ok(round_.dairy.admin.patch(f"/deliveries/{made}", body))
    assert worth(round_) == []


def test_more_than_one_order_usually_holds_is_confirmed_by_an_admin(round_: Round) -> None:
    ok(round_.dairy.admin.patch("/settings", {"door_extra_limit": None}))
    much = (round_.milk, "51")
    told = refused(unplanned(round_, None, (round_.curd, "1"), much), 422, "quantity_unusual")
    assert told["errors"][0]["pointer"] == "/items/1/quantity"
    refused(unplanned(round_, round_.boy, much, confirm=True), 422, "quantity_unusual")
    made = ok(unplanned(round_, None, much, confirm=True), 201)
    assert round_.read({"id": made["order_id"]})["items"][0]["delivered_quantity"] == "51.000"
