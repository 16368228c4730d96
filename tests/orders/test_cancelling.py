"""Cancelling: by whom, until when, from which states."""

from typing import Any
from uuid import uuid4

import pytest
import time_machine

from dairy_app.orders.models import ORDER_STATUSES
from dairy_app.orders.rules import TRANSITIONS
from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, at


def cancel(order: Any, by: Client, reason: str = "moved away") -> Any:
    return by.post(f"/orders/{order['id']}/cancel", {"reason": reason})


def test_a_cancelled_order(round_: Round) -> None:
    order = round_.order()
    answer = ok(cancel(order, round_.dairy.admin), 200)
    assert (answer["status"], answer["cancel_reason"]) == ("CANCELLED", "moved away")
    assert answer["cancelled_at"] == "2026-11-20T04:30:00+00:00"
    assert answer == round_.read(order)
    refused(cancel(order, round_.dairy.admin, "again"), 409, "illegal_transition")
    assert round_.read(order)["cancel_reason"] == "moved away"


def test_a_reason_is_needed(round_: Round) -> None:
    order = round_.order()
    for body in ({}, {"reason": ""}, {"reason": None}, {"reason": "x" * 501}, {"reason": "x", "why": "y"}):
        refused(round_.dairy.admin.post(f"/orders/{order['id']}/cancel", body), 422, "validation_failed")
    assert round_.read(order)["status"] == "PENDING"


def put_in(round_: Round, sql: Any, status: str) -> Any:
    """An order in a state, on the way an order gets there."""
    order = round_.order()
    if status == "OUT_FOR_DELIVERY":
        sql("UPDATE orders SET status = 'OUT_FOR_DELIVERY' WHERE id = %s", order["id"])
    elif status == "DELIVERED":
        ok(round_.dairy.confirm(order), 200)
    elif status == "PARTIALLY_DELIVERED":
        ok(round_.dairy.confirm(order, items=round_.items("1", "1")), 200)
    elif status == "NOT_DELIVERED":
        ok(round_.dairy.confirm(order, status="not_delivered"), 200)
    elif status == "CANCELLED":
        ok(cancel(order, round_.dairy.admin), 200)
    assert round_.read(order)["status"] == status
    return order


@pytest.mark.parametrize("status", ORDER_STATUSES)
def test_from_each_state(round_: Round, sql: Any, status: str) -> None:
    """Cancelling and confirming follow the one table of transitions."""
    order = put_in(round_, sql, status)
    if status in ("PENDING", "OUT_FOR_DELIVERY", "NOT_DELIVERED"):
        ok(cancel(order, round_.dairy.admin), 200)
    else:
        problem = refused(cancel(order, round_.dairy.admin), 409, "illegal_transition")
        assert status in problem["detail"]
        assert round_.read(order)["status"] == status
    assert ("CANCELLED" in TRANSITIONS[status]) == (status in ("PENDING", "OUT_FOR_DELIVERY", "NOT_DELIVERED"))


@pytest.mark.parametrize("status", ORDER_STATUSES)
@pytest.mark.parametrize("wanted", ["DELIVERED", "PARTIALLY_DELIVERED", "NOT_DELIVERED"])
def test_confirming_from_each_state(round_: Round, sql: Any, status: str, wanted: str) -> None:
    order = put_in(round_, sql, status)
    fields = {
        "DELIVERED": {},
        "PARTIALLY_DELIVERED": {"items": round_.items("1", "0.5")},
        "NOT_DELIVERED": {"status": "not_delivered"},
    }[wanted]
    answer = round_.dairy.confirm(order, **fields)
    if wanted in TRANSITIONS[status]:
        assert ok(answer, 200)["order_status"] == wanted
    elif status == "CANCELLED":
        refused(answer, 400, "order_cancelled")
    elif status == wanted and status != "PARTIALLY_DELIVERED":
        assert ok(answer, 200)["replayed"] is True
    else:
        refused(answer, 409, "confirmed_differently")
    assert round_.read(order)["status"] == (wanted if wanted in TRANSITIONS[status] else status)


def test_who_may_cancel(round_: Round) -> None:
    staff = round_.dairy.staff("marketing_staff")
    customer, login = round_.dairy.customer_login(
        marketing_staff_id=staff.user["id"], delivery_boy_id=round_.boy.user["id"]
    )
    orders = [round_.dairy.order(customer, (round_.milk, "1")) for _ in range(3)]
    stranger, done = round_.order(), round_.order()
    ok(round_.dairy.confirm(done), 200)
    for by in (staff, login):
        refused(cancel(stranger, by), 404, "order_not_found")
        # Not even its state is told.
        refused(cancel(done, by), 404, "order_not_found")
        refused(cancel({"id": str(uuid4())}, by), 404, "order_not_found")
        ok(cancel(orders.pop(), by), 200)
    refused(cancel(orders[0], round_.boy), 403, "forbidden")
    refused(cancel(orders[0], round_.dairy.staff("accountant")), 403, "forbidden")
    ok(cancel(orders[0], round_.dairy.admin), 200)


def test_a_customer_cancels_until_the_cutoff(round_: Round, clock: time_machine.Traveller) -> None:
    customer, _ = round_.dairy.customer_login()
    ok(round_.dairy.admin.patch("/settings", {"cutoff_morning": "18:00"}))
    orders = [round_.dairy.order(customer, (round_.milk, "1"), on="2026-11-21") for _ in range(3)]
    evening = round_.dairy.order(customer, (round_.milk, "1"), on="2026-11-21", shift="evening")
    clock.move_to(at("2026-11-20 17:59"))
    login = round_.dairy.login(customer["phone"])
    round_.log_in_again()
    ok(cancel(orders[0], login), 200)
    clock.move_to(at("2026-11-20 18:00"))
    refused(cancel(orders[1], login), 422, "cutoff_passed")
    ok(cancel(evening, login), 200)
    ok(cancel(orders[1], round_.dairy.admin), 200)


def test_without_a_cutoff_a_customer_cancels_until_the_day_is_over(
    round_: Round, clock: time_machine.Traveller
) -> None:
    """What may already stand at the door is not the customer's to cancel."""
    customer, _ = round_.dairy.customer_login()
    orders = [round_.dairy.order(customer, (round_.milk, "1")) for _ in range(2)]
    clock.move_to(at("2026-11-20 23:59"))
    login = round_.dairy.login(customer["phone"])
    ok(cancel(orders[0], login), 200)
    clock.move_to(at("2026-11-21 00:00"))
    refused(cancel(orders[1], login), 422, "cutoff_passed")
