"""A round that is done but for some doors: everything else is confirmed in full, at once."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, at, bill, counts, leaks, statements

PATH = "/deliveries/complete"
TODAY = "2026-11-20"


def complete(client: Client, *excepted: Any, **fields: Any) -> tuple[int, int]:
    body = {"delivery_date": TODAY, "except": [order["id"] for order in excepted]} | fields
    answer = ok(client.post(PATH, body), 200)
    assert (answer["rejected"], answer["results"]) == (0, [])
    return answer["confirmed"], answer["skipped"]


def test_everything_open_but_the_exceptions(round_: Round, sql: Any) -> None:
    out, waiting, skipped, done, missed, cancelled = (round_.order() for _ in range(6))
    ok(round_.boy.post("/deliveries/start"))
    waiting = round_.order()
    ok(round_.dairy.confirm(done, items=round_.items("1", "1")), 200)
    ok(round_.dairy.confirm(missed, status="not_delivered"), 200)
    ok(round_.dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "away"}))
    assert complete(round_.boy, skipped, done, completed_at="2026-11-20T09:30:00+05:30") == (3, 1)
    assert [round_.read(order)["status"] for order in (out, waiting, skipped, done, missed, cancelled)] == [
        "DELIVERED",
        "DELIVERED",
        "OUT_FOR_DELIVERY",
        "PARTIALLY_DELIVERED",
        "NOT_DELIVERED",
        "CANCELLED",
    ]
    status = round_.read(out)["delivery_status"]
    assert (status["delivered_at"], status["confirmed_at"]) == (
        "2026-11-20T04:00:00+00:00",
        "2026-11-20T04:30:00+00:00",
    )
    assert (status["confirmation_method"], status["delivery_date"]) == ("delivery_boy", TODAY)
    assert not any(leaks(sql).values())


def test_a_repeat_changes_nothing(round_: Round, clock: time_machine.Traveller, sql: Any) -> None:
    first, excepted = round_.order(), round_.order()
    assert complete(round_.boy, excepted) == (1, 1)
    before = sql("SELECT to_jsonb(s) FROM delivery_statuses s")
    clock.shift(timedelta(minutes=5))
    assert complete(round_.boy, excepted) == (0, 1)
    assert sql("SELECT to_jsonb(s) FROM delivery_statuses s") == before
    ok(round_.dairy.confirm(excepted), 200)
    assert complete(round_.boy, excepted, first) == (0, 0)


def test_a_boy_completes_his_own_round_only(round_: Round) -> None:
    other = round_.dairy.staff("delivery_boy")
    own, foreign = round_.order(), round_.dairy.order(round_.dairy.customer(), (round_.milk, "1"))
    refused(round_.boy.post(PATH, {"delivery_date": TODAY, "delivery_boy_id": other.user["id"]}), 403, "forbidden")
    refused(round_.dairy.staff("accountant").post(PATH, {"delivery_date": TODAY}), 403, "forbidden")
    assert complete(other) == (0, 0)
    assert complete(round_.boy) == (1, 0)
    assert (round_.read(own)["status"], round_.read(foreign)["status"]) == ("DELIVERED", "PENDING")
    assert complete(round_.dairy.admin) == (1, 0)


def test_of_one_boy_one_shift_or_one_area(round_: Round) -> None:
    dairy, admin = round_.dairy, round_.dairy.admin
    area = ok(admin.post("/areas", {"name": "West"}), 201)
    ok(admin.post("/areas", {"name": "River", "parent_id": area["id"]}), 201)
    by_boy, evening = round_.order(), round_.order(shift="evening")
    west = dairy.order(dairy.customer(area="River"), (round_.milk, "1"))
    rest = dairy.order(dairy.customer(), (round_.milk, "1"))
    assert complete(admin, shift="morning", delivery_boy_id=round_.boy.user["id"]) == (1, 0)
    assert complete(admin, area_id=area["id"]) == (1, 0)
    assert complete(admin, area_id=str(uuid4())) == (0, 0)
    assert [round_.read(order)["status"] for order in (by_boy, evening, west, rest)] == [
        "DELIVERED",
        "PENDING",
        "DELIVERED",
        "PENDING",
    ]


def test_the_future_is_refused(round_: Round, sql: Any) -> None:
    order, tomorrow = round_.order(), round_.order(on="2026-11-21")
    before = counts(sql)
    refused(round_.dairy.admin.post(PATH, {"delivery_date": "2026-11-21"}), 400, "delivery_date_in_future")
    late = {"delivery_date": TODAY, "completed_at": "2026-11-20T10:11:00+05:30"}
    refused(round_.dairy.admin.post(PATH, late), 400, "delivery_date_in_future")
    assert counts(sql) == before
    assert complete(round_.dairy.admin, completed_at="2026-11-20T10:09:00+05:30") == (1, 0)
    assert [round_.read(each)["status"] for each in (order, tomorrow)] == ["DELIVERED", "PENDING"]


def test_a_round_completed_days_later_is_of_its_day(round_: Round, clock: time_machine.Traveller) -> None:
    order = round_.order()
    clock.move_to(at("2026-11-25 09:00"))
    round_.log_in_again()
    assert complete(round_.boy) == (1, 0)
    assert round_.read(order)["delivered_on"] == TODAY


@pytest.mark.parametrize("stranger", ["unknown", "tomorrow", "of another boy"])
def test_an_exception_that_is_not_of_the_round_stops_everything(round_: Round, sql: Any, stranger: str) -> None:
    order = round_.order()
    strangers = {
        "unknown": str(uuid4()),
        "tomorrow": round_.order(on="2026-11-21")["id"],
        "of another boy": round_.dairy.order(round_.dairy.customer(), (round_.milk, "1"))["id"],
    }
    before = counts(sql)
    answer = round_.boy.post(PATH, {"delivery_date": TODAY, "except": [order["id"], strangers[stranger]]})
    problem = refused(answer, 404, "order_not_found")
    assert [error["pointer"] for error in problem["errors"]] == ["/except/1"]
    assert counts(sql) == before
    assert round_.read(order)["status"] == "PENDING"
    assert complete(round_.boy, order, order) == (0, 1)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"delivery_date": "today"},
        {"delivery_date": TODAY, "except": "x"},
        {"delivery_date": TODAY, "except": [1]},
        {"delivery_date": TODAY, "except": [None]},
        {"delivery_date": TODAY, "excepted": []},
        {"delivery_date": TODAY, "completed_at": "2026-11-20T09:00:00"},
        {"delivery_date": TODAY, "shift": "noon"},
        {"delivery_date": TODAY, "except": ["00000000-0000-7000-8000-000000000000"] * 1001},
    ],
)
def test_bad_bodies(round_: Round, body: Any) -> None:
    order = round_.order()
    refused(round_.boy.post(PATH, body), 422, "validation_failed")
    assert round_.read(order)["status"] == "PENDING"


def test_an_order_that_cannot_be_confirmed_is_named(round_: Round, sql: Any) -> None:
    good, empty = round_.order(), round_.order()
    sql("DELETE FROM order_items WHERE order_id = %s", empty["id"])
    answer = ok(round_.boy.post(PATH, {"delivery_date": TODAY}), 200)
    assert answer == {
        "confirmed": 1,
        "skipped": 0,
        "rejected": 1,
        "results": [
            {
                "order_id": empty["id"],
                "outcome": "rejected",
                "code": "illegal_transition",
                "detail": "The order has no items.",
            }
        ],
    }
    assert round_.read(good)["status"] == "DELIVERED"


def test_what_was_billed_stays(round_: Round, sql: Any) -> None:
    round_.dairy.seller()
    first, second = round_.order(), round_.order()
    assert complete(round_.boy, second) == (1, 1)
    bill(round_.dairy, "2026-11", through=TODAY)
    assert complete(round_.boy) == (1, 0)
    assert [round_.read(order)["invoice"]["status"] for order in (first, second)] == ["issued", "draft"]
    assert not any(leaks(sql).values())


def test_it_costs_the_same_at_any_size(round_: Round) -> None:
    sent = {}
    for size in (3, 6):
        orders = [round_.order() for _ in range(size)]
        with statements(round_.dairy.app) as seen:
            assert complete(round_.boy, *orders[: size // 3]) == (size - size // 3, size // 3)
        sent[size] = len(seen)
        complete(round_.boy)
    assert sent == {3: 5, 6: 5}
