"""Staff approve, which applies the wish by the same services, or reject; a wish is decided once."""

from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import bill, leaks
from tests.races import at_once, while_orders_are_made
from tests.sharing.links import Link, Town


def extra(town: Town, **fields: Any) -> dict[str, Any]:
    items = [{"product_id": town.curd["id"], "quantity": "3"}]
    return {"delivery_date": town.dairy.day(0), "items": items, **fields}


def asked(town: Town, kind: str, link: Link | None = None, **fields: Any) -> Any:
    """A request of Asha, who stands on today's round."""
    town.order()
    return ok((link or town.link()).ask(kind, town.asha, **fields), 201)


def approve(town: Town, request: Any, by: Client | None = None, **fields: Any) -> Any:
    return (by or town.dairy.admin).post(f"/change-requests/{request['id']}/approve", fields)


def reject(town: Town, request: Any, by: Client | None = None, reason: str = "sold out") -> Any:
    return (by or town.dairy.admin).post(f"/change-requests/{request['id']}/reject", {"reason": reason})


def quantities(town: Town, subscription: Any, month: str = "2026-11") -> dict[str, str]:
    """What the calendar says comes on each day."""
    days = ok(town.dairy.admin.get(f"/subscriptions/{subscription['id']}/calendar", month=month))["days"]
    return {each["date"]: each["quantity"] for each in days}


def test_an_approved_extra_item_is_delivered_and_billed(town: Town, clock: time_machine.Traveller, sql: Any) -> None:
    link = town.link()
    request = asked(town, "extra_item", link, note="for the feast", **extra(town))
    decided = ok(approve(town, request, reason="phoned"), 200)
    assert (decided["status"], decided["decision_reason"], decided["decided_by_name"], decided["decided_at"]) == (
        "approved",
        "phoned",
        "Asha Admin",
        "2026-11-20T04:30:00+00:00",
    )
    order = town.read({"id": decided["applied_order_id"]})
    assert (order["customer_id"], order["order_type"], order["source"]) == (town.asha["id"], "one_time", "shared_link")
    assert (order["notes"], order["total_amount"], order["status"]) == ("for the feast", "240.00", "PENDING")
    ok(link.confirm(order))
    clock.move_to("2026-12-01T05:00:00+05:30")
    town.dairy.log_in_again()
    town.dairy.seller()
    bill(town.dairy, "2026-11")
    order = town.read(order)
    assert (order["status"], order["invoice"]["status"]) == ("DELIVERED", "issued")
    assert sql("SELECT sum(quantity), sum(line_total) FROM invoice_lines")[0][0] == 3
    assert not any(leaks(sql).values())


def test_staff_may_change_what_is_done(town: Town) -> None:
    request = asked(town, "extra_item", **extra(town))
    items = [{"product_id": town.milk["id"], "quantity": "1"}]
    decided = ok(approve(town, request, delivery_date="2026-11-22", shift="evening", items=items))
    assert decided["payload"]["delivery_date"] == "2026-11-20"
    assert decided["applied_payload"] == {
        "delivery_date": "2026-11-22",
        "shift": "evening",
        "items": [{"product_id": town.milk["id"], "quantity": "1.000"}],
    }
    order = town.read({"id": decided["applied_order_id"]})
    assert (order["delivery_date"], order["shift"], order["total_amount"]) == ("2026-11-22", "evening", "60.00")


@pytest.mark.parametrize("named", [True, False])
def test_an_approved_pause(town: Town, named: bool) -> None:
    morning, evening = town.subscribe(), town.subscribe(shift="evening")
    which = {"subscription_id": morning["id"]} if named else {}
    request = asked(town, "pause", **which, **{"from": "2026-11-21", "to": "2026-11-22"})
    assert quantities(town, morning)["2026-11-21"] == "1.000"
    ok(approve(town, request))
    for standing, pauses in ((morning, True), (evening, not named)):
        due = quantities(town, standing)
        assert [due[f"2026-11-{day}"] for day in (20, 21, 22, 23)] == (
            ["1.000", "0.000", "0.000", "1.000"] if pauses else ["1.000"] * 4
        )


def test_a_paused_day_gets_no_order(town: Town) -> None:
    standing = town.subscribe()
    ok(approve(town, asked(town, "pause", **{"from": "2026-11-21"})))
    for day in ("2026-11-21", "2026-11-30"):
        ok(town.dairy.admin.post("/orders/generate", {"delivery_date": day}))
    orders = ok(town.dairy.admin.get("/orders", order_type="subscription"))["items"]
    assert {each["delivery_date"] for each in orders} & {"2026-11-21", "2026-11-30"} == set()
    assert quantities(town, standing)["2026-11-30"] == "0.000"


def test_an_approved_stop(town: Town) -> None:
    both = [town.subscribe(), town.subscribe(shift="evening")]
    ok(approve(town, asked(town, "stop", stop_date="2026-11-23"), stop_date="2026-11-22"))
    for standing in both:
        due = quantities(town, standing)
        assert (due["2026-11-21"], due["2026-11-22"], due["2026-11-30"]) == ("1.000", "0.000", "0.000")


@pytest.mark.parametrize("quantity", ["0.000", "2.500"])
def test_an_approved_quantity_of_one_day(town: Town, quantity: str) -> None:
    standing = town.subscribe()
    day = {"date": "2026-11-22", "quantity": quantity}
    ok(approve(town, asked(town, "quantity", subscription_id=standing["id"], **day)))
    due = quantities(town, standing)
    assert (due["2026-11-21"], due["2026-11-22"], due["2026-11-23"]) == ("1.000", quantity, "1.000")


def test_where_it_came_from_is_kept(town: Town, sql: Any) -> None:
    standing = town.subscribe()
    ok(approve(town, asked(town, "pause", note="to the village", **{"from": "2026-11-21"})))
    assert sql("SELECT channel, reason, subscription_id::text, requested_by::text FROM subscription_pauses") == [
        ("shared_link", "to the village", standing["id"], town.dairy.admin.user["id"])
    ]


def test_rejecting_does_nothing_else(town: Town, sql: Any) -> None:
    request = asked(town, "extra_item", **extra(town))
    before = sql("SELECT count(*) FROM orders")
    decided = ok(reject(town, request), 200)
    assert (decided["status"], decided["decision_reason"], decided["applied_order_id"]) == (
        "rejected",
        "sold out",
        None,
    )
    assert sql("SELECT count(*) FROM orders") == before
    refused(town.dairy.admin.post(f"/change-requests/{request['id']}/reject", {}), 422, "validation_failed")


def test_what_is_decided_stays_decided(town: Town, sql: Any) -> None:
    for first in (approve, reject):
        request = asked(town, "extra_item", **extra(town))
        ok(first(town, request))
        before = sql("SELECT md5(string_agg(r::text, '')) FROM change_requests r")
        for second in (approve, reject):
            refused(second(town, request), 409, "illegal_transition")
        assert sql("SELECT md5(string_agg(r::text, '')) FROM change_requests r") == before
    assert sql("SELECT count(*) FROM orders WHERE source = 'shared_link'") == [(1,)]


@pytest.mark.parametrize("second", [approve, reject])
def test_of_two_who_decide_at_once_one_wins(town: Town, database_url: str, sql: Any, second: Any) -> None:
    request = asked(town, "extra_item", **extra(town))
    other = town.dairy.login("admin@dairy.example")
    hold = f"SELECT FROM change_requests WHERE id = '{request['id']}' FOR UPDATE"
    answers = at_once(database_url, hold, lambda: approve(town, request), lambda: second(town, request, by=other))
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    refused(lost, 409, "illegal_transition")
    assert ok(won, 200)["status"] in {"approved", "rejected"}
    made = 1 if won.get_json()["status"] == "approved" else 0
    assert sql("SELECT count(*) FROM orders WHERE source = 'shared_link'") == [(made,)]


REFUSED_BY_THE_SERVICE: dict[str, tuple[int, str]] = {
    "no price": (422, "no_price"),
    "no longer sold": (422, "product_inactive"),
    "customer stopped": (409, "customer_stopped"),
    "day gone by": (422, "validation_failed"),
}


@pytest.mark.parametrize("case", REFUSED_BY_THE_SERVICE)
def test_what_the_service_refuses_waits_on(town: Town, clock: time_machine.Traveller, case: str, sql: Any) -> None:
    product = town.dairy.product(None if case == "no price" else "50.00")
    items = [{"product_id": product["id"], "quantity": "1"}]
    request = asked(town, "extra_item", **extra(town, items=items))
    match case:
        case "no longer sold":
            ok(town.dairy.admin.patch(f"/products/{product['id']}", {"is_active": False}))
        case "customer stopped":
            ok(town.dairy.admin.patch(f"/customers/{town.asha['id']}", {"status": "stopped"}))
        case "day gone by":
            clock.move_to("2026-11-21T05:00:00+05:30")
            town.dairy.log_in_again()
    refused(approve(town, request), *REFUSED_BY_THE_SERVICE[case])
    [waiting] = ok(town.dairy.admin.get("/change-requests"))["items"]
    assert (waiting["status"], waiting["decided_by"], waiting["applied_payload"]) == ("pending", None, None)
    assert sql("SELECT count(*) FROM orders WHERE source = 'shared_link'") == [(0,)]
    if case == "day gone by":
        ok(approve(town, request, delivery_date="2026-11-21"))
    else:
        ok(reject(town, request))


def test_a_pause_that_overlaps_waits_on_and_pauses_nothing(town: Town) -> None:
    free, taken = town.subscribe(shift="evening"), town.subscribe()
    pause = {"from": "2026-11-25", "to": "2026-11-26"}
    ok(town.dairy.admin.post(f"/subscriptions/{taken['id']}/pauses", pause), 201)
    request = asked(town, "pause", **{"from": "2026-11-22", "to": "2026-11-25"})
    refused(approve(town, request), 409, "overlaps")
    assert quantities(town, free)["2026-11-22"] == "1.000"
    ok(approve(town, request, to="2026-11-24"))
    assert quantities(town, free)["2026-11-22"] == "0.000"


def test_nothing_to_pause(town: Town) -> None:
    request = asked(town, "pause", **{"from": "2026-11-22"})
    refused(approve(town, request), 409, "illegal_transition")
    town.subscribe()
    ok(approve(town, request))


def test_changes_must_fit_the_kind(town: Town) -> None:
    town.subscribe()
    request = asked(town, "pause", **{"from": "2026-11-22"})
    problem = refused(approve(town, request, stop_date="2026-11-23", quantity="1"), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == ["/quantity", "/stop_date"]
    refused(approve(town, request, to="2026-11-21"), 422, "validation_failed")
    ok(approve(town, request, to="2026-11-22"))


def test_marketing_staff_decide_for_their_own_customers(town: Town) -> None:
    hers, others = town.dairy.staff("marketing_staff"), town.dairy.staff("marketing_staff")
    ok(town.dairy.admin.patch(f"/customers/{town.asha['id']}", {"marketing_staff_id": hers.user["id"]}))
    request = asked(town, "extra_item", **extra(town))
    assert ok(others.get("/change-requests"))["items"] == []
    for act in (approve, reject):
        refused(act(town, request, by=others), 404, "change_request_not_found")
    assert [each["id"] for each in ok(hers.get("/change-requests"))["items"]] == [request["id"]]
    assert ok(approve(town, request, by=hers))["status"] == "approved"


def test_nobody_else_decides(town: Town) -> None:
    request = asked(town, "extra_item", **extra(town))
    for role in ("accountant", "delivery_boy"):
        client = town.dairy.staff(role)
        refused(client.get("/change-requests"), 403, "forbidden")
        for act in (approve, reject):
            refused(act(town, request, by=client), 403, "forbidden")
    for act in (approve, reject):
        refused(act(town, {"id": str(uuid4())}), 404, "change_request_not_found")


def test_who_decides_waits_for_the_making_of_orders_with_nothing_locked(town: Town, database_url: str) -> None:
    town.subscribe()
    request = asked(town, "pause", **{"from": "2026-11-22", "to": "2026-11-25"})
    answer = while_orders_are_made(
        database_url, lambda: approve(town, request), "SELECT FROM change_requests FOR UPDATE NOWAIT",
        "SELECT FROM customers FOR NO KEY UPDATE NOWAIT",
    )  # fmt: skip
    ok(answer, 200)


def test_a_customer_sees_what_became_of_its_requests(town: Town) -> None:
    ravi, login = town.dairy.customer_login(name="Ravi", delivery_boy_id=town.boy.user["id"])
    town.order(ravi)
    link = town.link()
    ok(link.ask("pause", ravi, **{"from": "2026-11-22", "note": "thinks of leaving"}), 201)
    town.order()
    ok(link.ask("pause", town.asha, **{"from": "2026-11-22"}), 201)
    (seen,) = ok(login.get("/change-requests"))["items"]
    assert (seen["customer_id"], seen["kind"], seen["status"]) == (ravi["id"], "pause", "pending")
    assert not seen.keys() & {"note", "asked_by_link_id", "asked_by_user_id", "asked_by_name", "decided_by"}
    assert len(ok(town.dairy.admin.get("/change-requests"))["items"]) == 2
    refused(login.post(f"/change-requests/{seen['id']}/reject", {"reason": "no"}), 403, "forbidden")
