"""What was told wrongly is put right until it is billed, with a reason; and the phone does not undo it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, at, bill, counts, leaks, statements
from tests.deliveries.test_confirmations import everything
from tests.deliveries.test_sets import make_standing

NOTHING: dict[str, Any] = {"status": "not_delivered"}


def ask(client: Client, order: Any, **fields: Any) -> Any:
    return client.patch(f"/deliveries/{order['id']}", {"reason": "miscounted", **fields})


def correct(client: Client, order: Any, **fields: Any) -> Any:
    return ok(ask(client, order, **fields), 200)


def confirmed(round_: Round, **fields: Any) -> Any:
    order = round_.order()
    ok(round_.dairy.confirm(order, by=round_.boy, **fields), 200)
    return order


def invoiced(round_: Round, order: Any) -> str | None:
    paper = round_.read(order)["invoice"]
    return paper["status"] if paper else None


def test_the_whole_answer(round_: Round, clock: time_machine.Traveller, sql: Any) -> None:
    order = confirmed(round_, notes="at the gate", client_event_id=str(uuid4()))
    before = round_.read(order)["delivery_status"]
    clock.shift(timedelta(minutes=10))
    answer = correct(round_.dairy.admin, order, items=round_.items("1.5", "0"), reason="half a litre was spilt")
    assert answer == {
        "order_id": order["id"],
        "order_status": "PARTIALLY_DELIVERED",
        "replayed": False,
        "delivery_status": before
        | {
            "status": "partially_delivered",
            "corrected_at": "2026-11-20T04:40:00+00:00",
            "corrected_by_user_id": round_.dairy.admin.user["id"],
            "correction_reason": "half a litre was spilt",
        },
    }
    read = round_.read(order)
    assert read["delivery_status"] == answer["delivery_status"]
    assert [item["delivered_quantity"] for item in read["items"]] == ["1.500", "0.000"]
    assert not any(leaks(sql).values())


FULL, PART = {"items": ("2", "1.5")}, {"items": ("1", "0")}


@pytest.mark.parametrize(
    ("first", "then", "status", "paper"),
    [
        ({}, PART, "PARTIALLY_DELIVERED", "draft"),
        ({}, NOTHING, "NOT_DELIVERED", None),
        ({}, {"items": ("0", "0")}, "NOT_DELIVERED", None),
        (PART, FULL, "DELIVERED", "draft"),
        (PART, {"items": ("1", "1")}, "PARTIALLY_DELIVERED", "draft"),
        (PART, NOTHING, "NOT_DELIVERED", None),
        (NOTHING, FULL, "DELIVERED", "draft"),
        (NOTHING, PART, "PARTIALLY_DELIVERED", "draft"),
    ],
)
def test_what_becomes_of_the_order(
    round_: Round, sql: Any, first: dict[str, Any], then: dict[str, Any], status: str, paper: str | None
) -> None:
    first, then = (
        {**each, "items": round_.items(*each["items"])} if "items" in each else each for each in (first, then)
    )
    order = confirmed(round_, **first)
    answer = correct(round_.dairy.admin, order, **then)
    assert (answer["order_status"], answer["delivery_status"]["status"]) == (status, status.lower())
    read = round_.read(order)
    assert (read["status"], invoiced(round_, order)) == (status, paper)
    day = "2026-11-20" if paper else None
    at_ = "2026-11-20T04:30:00+00:00" if paper else None
    assert (read["delivered_on"], read["delivered_at"], read["delivery_confirmed"]) == (day, at_, paper is not None)
    assert answer["delivery_status"]["delivered_at"] == at_
    assert not any(leaks(sql).values())


def test_the_same_again_changes_nothing(round_: Round, clock: time_machine.Traveller, sql: Any) -> None:
    order = confirmed(round_)
    first = correct(round_.dairy.admin, order, items=round_.items("1", "1"))
    before = everything(sql)
    clock.shift(timedelta(minutes=10))
    assert correct(round_.dairy.admin, order, items=round_.items("1", "1"), reason="again") == first | {
        "replayed": True
    }
    assert everything(sql) == before
    assert correct(round_.dairy.admin, order, **NOTHING)["replayed"] is False
    assert correct(round_.dairy.admin, order, **NOTHING)["replayed"] is True


@pytest.mark.parametrize("state", ["PENDING", "OUT_FOR_DELIVERY", "CANCELLED"])
def test_only_what_is_confirmed_is_corrected(round_: Round, sql: Any, state: str) -> None:
    order = round_.order()
    if state == "OUT_FOR_DELIVERY":
        ok(round_.boy.post("/deliveries/start"))
    elif state == "CANCELLED":
        ok(round_.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "away"}))
    before = everything(sql)
    for fields in (NOTHING, {"items": round_.items("1", "1")}):
        assert state in refused(ask(round_.dairy.admin, order, **fields), 409, "illegal_transition")["detail"]
    assert everything(sql) == before


def test_what_is_billed_stays_until_the_paper_is_void(round_: Round, sql: Any) -> None:
    round_.dairy.seller()
    order = confirmed(round_)
    bill(round_.dairy, "2026-11", through="2026-11-20")
    before = everything(sql)
    for fields in (NOTHING, {"items": round_.items("1", "1")}, {"items": round_.items("2", "1.5")}):
        refused(ask(round_.dairy.admin, order, **fields), 409, "invoice_issued")
    assert everything(sql) == before
    paper = round_.read(order)["invoice"]["id"]
    ok(round_.dairy.admin.post(f"/invoices/{paper}/void", {"reason": "wrong"}))
    assert correct(round_.dairy.admin, order, **NOTHING)["order_status"] == "NOT_DELIVERED"
    assert not any(leaks(sql).values())


def test_brought_after_all_and_billed_later(round_: Round, sql: Any) -> None:
    """The month of a missed delivery is billed; that it was brought after all joins the next draft."""
    round_.dairy.seller()
    confirmed(round_)
    missed = confirmed(round_, **NOTHING)
    bill(round_.dairy, "2026-11", through="2026-11-20")
    correct(round_.dairy.admin, missed, items=round_.items("2", "1.5"))
    assert (invoiced(round_, missed), round_.read(missed)["delivered_on"]) == ("draft", "2026-11-20")
    assert not any(leaks(sql).values())


def test_quantities_are_those_of_the_order(round_: Round, sql: Any) -> None:
    order, stranger = confirmed(round_), round_.dairy.product()
    before = everything(sql)
    foreign = [*round_.items("1", "1"), {"product_id": stranger["id"], "delivered_quantity": "0"}]
    for items, code in (
        (round_.items("2.001", "1"), "quantity_exceeds_ordered"),
        (foreign, "product_not_in_order"),
        (round_.items("1", "1")[:1], "validation_failed"),
        (round_.items("1", "1") * 2, "validation_failed"),
        (round_.items("1.0001", "1"), "validation_failed"),
        (round_.items("-1", "1"), "validation_failed"),
        ([], "validation_failed"),
        (None, "validation_failed"),
    ):
        refused(ask(round_.dairy.admin, order, items=items), 422, code)
    for body in ({"reason": None, **NOTHING}, {"reason": " ", **NOTHING}, {"status": "delivered"}, {}):
        refused(ask(round_.dairy.admin, order, **body), 422, "validation_failed")
    both = {"items": round_.items("0", "0"), **NOTHING}
    refused(ask(round_.dairy.admin, order, **both), 422, "validation_failed")
    without = round_.dairy.admin.patch(f"/deliveries/{order['id']}", NOTHING)
    refused(without, 422, "validation_failed")
    assert everything(sql) == before
    correct(round_.dairy.admin, order, items=round_.items("1", "1"))


def test_a_boy_corrects_his_own_on_the_day_itself(round_: Round, clock: time_machine.Traveller) -> None:
    order, yesterday = confirmed(round_), confirmed(round_, delivery_date="2026-11-19")
    other = round_.dairy.staff("delivery_boy")
    refused(ask(other, order, **NOTHING), 404, "order_not_found")
    refused(ask(round_.dairy.staff("accountant"), order, **NOTHING), 403, "forbidden")
    refused(ask(round_.boy, {"id": str(uuid4())}, **NOTHING), 404, "order_not_found")
    assert "2026-11-19" in refused(ask(round_.boy, yesterday, **NOTHING), 403, "forbidden")["detail"]
    answer = correct(round_.boy, order, items=round_.items("1", "1"))
    assert answer["delivery_status"]["corrected_by_user_id"] == round_.boy.user["id"]
    clock.move_to(at("2026-11-21 00:05"))
    round_.log_in_again()
    refused(ask(round_.boy, order, **NOTHING), 403, "forbidden")
    correct(round_.dairy.admin, order, **NOTHING)
    correct(round_.dairy.admin, yesterday, **NOTHING)


@pytest.mark.parametrize("event", [None, "4ac9de5f-4a84-4b5c-9d9c-6f0a8e2b7c11"])
@pytest.mark.parametrize("then", [NOTHING, {"items": ("1", "1")}])
def test_a_phone_that_sends_again_does_not_undo_it(round_: Round, sql: Any, then: Any, event: str | None) -> None:
    named = {"client_event_id": event} if event else {}
    order = confirmed(round_, **named)
    then = {"items": round_.items(*then["items"])} if "items" in then else then
    correct(round_.dairy.admin, order, **then)
    before = counts(sql), everything(sql)
    again = round_.dairy.confirm(order, by=round_.boy, **named)
    if event:
        assert ok(again, 200)["replayed"] is True
    else:
        refused(again, 409, "confirmed_differently")
    assert (counts(sql), everything(sql)) == before


def test_it_costs_the_same_for_any_order(round_: Round) -> None:
    small = round_.dairy.order(round_.customer, (round_.milk, "1"))
    large = round_.dairy.order(round_.customer, *((round_.dairy.product(), "1") for _ in range(6)))
    sent = {}
    for name, order in (("small", small), ("large", large)):
        ok(round_.dairy.confirm(order), 200)
        with statements(round_.dairy.app) as seen:
            correct(round_.dairy.admin, order, **NOTHING)
        sent[name] = len(seen)
    assert sent == {"small": 2, "large": 2}


# --------------------------------------------------------------------------- what the standing order remembers

TRACKED = "SELECT last_delivery_date::text, last_delivery_at, last_delivery_confirmed FROM subscriptions"


def test_the_standing_order_goes_back_to_the_delivery_before(round_: Round, sql: Any) -> None:
    first, second = round_.order(), round_.order()
    make_standing(sql, round_, (first, "2026-11-19"), (second, "2026-11-20"))
    ok(round_.dairy.confirm(first, delivery_date="2026-11-19", delivered_at="2026-11-19T06:00:00+05:30"), 200)
    ok(round_.dairy.confirm(second), 200)
    admin = round_.dairy.admin
    correct(admin, second, items=round_.items("1", "1"))
    assert sql(TRACKED) == [("2026-11-20", at("2026-11-20 10:00"), True)]
    correct(admin, second, **NOTHING)
    assert sql(TRACKED) == [("2026-11-19", at("2026-11-19 06:00"), True)]
    correct(admin, first, **NOTHING)
    assert sql(TRACKED) == [(None, None, None)]
    correct(admin, second, items=round_.items("2", "1.5"))
    assert sql(TRACKED) == [("2026-11-20", at("2026-11-20 10:00"), True)]
    correct(admin, first, items=round_.items("2", "1.5"))
    assert sql(TRACKED) == [("2026-11-20", at("2026-11-20 10:00"), True)]


def test_undoing_an_older_delivery_changes_nothing_there(round_: Round, sql: Any) -> None:
    older, newer = round_.order(), round_.order()
    make_standing(sql, round_, (older, "2026-11-19"), (newer, "2026-11-20"))
    ok(round_.dairy.confirm(older, delivery_date="2026-11-19"), 200)
    ok(round_.dairy.confirm(newer), 200)
    correct(round_.dairy.admin, older, **NOTHING)
    assert sql(TRACKED) == [("2026-11-20", at("2026-11-20 10:00"), True)]


def test_a_later_delivery_that_has_no_order_here_is_not_forgotten(round_: Round, sql: Any) -> None:
    """What an import noted of a standing order goes back only when its own day is undone."""
    order = round_.order()
    make_standing(sql, round_, (order, "2026-11-19"))
    ok(round_.dairy.confirm(order, delivery_date="2026-11-19"), 200)
    sql("UPDATE subscriptions SET last_delivery_date = '2026-11-20'")
    correct(round_.dairy.admin, order, **NOTHING)
    assert sql("SELECT last_delivery_date::text FROM subscriptions") == [("2026-11-20",)]
