"""A morning's confirmations sent as one: each stands by itself, and sending it all again changes nothing."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, at, bill, counts, leaks, statements

PATH = "/deliveries/confirmations/batch"


def send(client: Client, confirmations: list[Any]) -> Any:
    return ok(client.post(PATH, {"confirmations": confirmations}), 200)


def of(order: Any, **fields: Any) -> dict[str, Any]:
    return {"order_id": order["id"], "status": "delivered", **fields}


def told(answer: Any) -> list[tuple[str, str | None]]:
    return [(result["outcome"], result["code"]) for result in answer["results"]]


CONFIRMED, REPLAYED = ("confirmed", None), ("replayed", None)


def test_each_is_judged_on_its_own(round_: Round, sql: Any) -> None:
    good, partly, cancelled, before = (round_.order() for _ in range(4))
    ok(round_.dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "moved away"}))
    ok(round_.dairy.confirm(before))
    foreign = round_.dairy.order(round_.dairy.customer(), (round_.milk, "1"))
    sent = [of(good), of(cancelled), of(partly, items=round_.items("1", "0")), of(before), of(foreign)]
    answer = send(round_.boy, sent)
    assert answer == {
        "confirmed": 2,
        "replayed": 1,
        "rejected": 2,
        "results": [
            {
                "index": place,
                "order_id": body["order_id"],
                "outcome": outcome,
                "code": code,
                "detail": answer["results"][place]["detail"],
                "errors": [],
                "order_status": status,
                "extra_order_id": None,
            }
            for place, (body, outcome, code, status) in enumerate(
                zip(
                    sent,
                    ("confirmed", "rejected", "confirmed", "replayed", "rejected"),
                    (None, "order_cancelled", None, None, "order_not_found"),
                    ("DELIVERED", "CANCELLED", "PARTIALLY_DELIVERED", "DELIVERED", None),
                    strict=True,
                )
            )
        ],
    }
    assert round_.read(foreign)["status"] == "PENDING"
    assert not any(leaks(sql).values())


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"items": "0.1234"}, "/items/0/delivered_quantity"),
        ({"items": "-1"}, "/items/0/delivered_quantity"),
        ({"items": "99999999"}, "/items/0/delivered_quantity"),
        ({"items": "NaN"}, "/items/0/delivered_quantity"),
        ({"quantity": "1"}, "/quantity"),
        ({"order_id": None}, "/order_id"),
        ({"order_id": "7"}, "/order_id"),
        ({"status": 1}, "/status"),
        ({"delivered_at": "2026-11-20T06:00:00"}, "/delivered_at"),
        ({"latitude": "90.1"}, "/latitude"),
        ({"reason_code": "x" * 61}, "/reason_code"),
        ({"client_event_id": {"$ne": None}}, "/client_event_id"),
    ],
)
def test_what_breaks_the_schema_stops_no_other(round_: Round, sql: Any, change: dict[str, Any], pointer: str) -> None:
    first, broken, last = round_.order(), round_.order(), round_.order()
    if "items" in change:
        change = {"items": round_.items(change["items"], "1")}
    answer = send(round_.boy, [of(first), of(broken) | change, of(last)])
    assert told(answer) == [CONFIRMED, ("rejected", "validation_failed"), CONFIRMED]
    wrong = answer["results"][1]
    assert [each["pointer"] for each in wrong["errors"]] == [pointer]
    assert wrong["detail"] == f"{pointer}: {wrong['errors'][0]['detail']}"
    assert wrong["order_id"] == (None if "order_id" in change else broken["id"])
    assert round_.read(broken)["status"] == "PENDING"
    assert sql("SELECT count(*) FROM delivery_statuses") == [(2,)]


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"status": "delivered"}, [{"order_id": 1}]])
def test_what_is_no_confirmation_stops_no_other(round_: Round, odd: Any) -> None:
    order = round_.order()
    answer = send(round_.boy, [odd, of(order)])
    assert told(answer) == [("rejected", "validation_failed"), CONFIRMED]
    assert answer["results"][0]["order_id"] is None
    assert answer["results"][0]["detail"]


@pytest.mark.parametrize("text", ['"a\\u0000b"', "1e400", "9" * 30, '"\\ud800"'])
def test_what_no_database_can_hold_stops_no_other(round_: Round, text: str) -> None:
    broken, order = round_.order(), round_.order()
    body = json.dumps({"confirmations": [of(broken, notes="☃"), of(order)]}).replace('"\\u2603"', text)
    answer = ok(round_.boy.call("POST", PATH, data=body, content_type="application/json"), 200)
    assert told(answer) == [("rejected", "validation_failed"), CONFIRMED]
    assert answer["results"][0]["order_id"] == broken["id"]


def test_a_thousand_and_not_one_more(round_: Round, sql: Any) -> None:
    order = round_.order()
    before = counts(sql)
    for wrong in ([of(order)] * 1001, [], None, of(order), [of(order), "x"] * 501):
        refused(round_.boy.post(PATH, {"confirmations": wrong}), 422, "validation_failed")
    refused(round_.boy.post(PATH, {"confirmations": [of(order)], "more": 1}), 422, "validation_failed")
    refused(round_.boy.post(PATH, [of(order)]), 422, "validation_failed")
    assert counts(sql) == before
    answer = send(round_.boy, [of(order)] + [of({"id": str(uuid4())}) for _ in range(999)])
    assert (answer["confirmed"], answer["replayed"], answer["rejected"]) == (1, 0, 999)


def test_the_same_order_twice_is_a_repeat(round_: Round, sql: Any) -> None:
    order, event = round_.order(), str(uuid4())
    same = of(order, client_event_id=event)
    answer = send(round_.boy, [same, same, of(order, items=round_.items("1", "1"))])
    assert told(answer) == [CONFIRMED, REPLAYED, ("rejected", "confirmed_differently")]
    assert sql("SELECT count(*) FROM delivery_statuses") == [(1,)]


def test_a_whole_batch_sent_again_hours_later_changes_nothing(
    round_: Round, clock: time_machine.Traveller, sql: Any
) -> None:
    """The answer got lost, the phone was off, and midnight has passed: the day is still that of delivered_at."""
    orders = [round_.order(shift="evening") for _ in range(3)]
    clock.move_to(at("2026-11-21 00:20"))
    round_.log_in_again()
    times = ["2026-11-20T23:40:00+05:30", "2026-11-20T23:55:00+05:30", "2026-11-21T00:05:00+05:30"]
    batch = [
        of(order, delivered_at=time, client_event_id=str(uuid4())) for order, time in zip(orders, times, strict=True)
    ]
    batch[1] |= {"status": "not_delivered", "reason_code": "customer_absent"}
    assert told(send(round_.boy, batch)) == [CONFIRMED] * 3
    before = sql("SELECT to_jsonb(s) FROM delivery_statuses s ORDER BY 1")
    assert sql("SELECT delivery_date::text FROM delivery_statuses ORDER BY 1") == [
        ("2026-11-20",),
        ("2026-11-20",),
        ("2026-11-21",),
    ]
    clock.shift(timedelta(hours=9))
    round_.log_in_again()
    assert send(round_.boy, batch)["replayed"] == 3
    assert sql("SELECT to_jsonb(s) FROM delivery_statuses s ORDER BY 1") == before


def test_a_batch_sent_again_after_the_bill_changes_nothing(round_: Round, sql: Any) -> None:
    round_.dairy.seller()
    batch = [of(round_.order()), of(round_.order())]
    assert told(send(round_.boy, batch)) == [CONFIRMED] * 2
    bill(round_.dairy, "2026-11", through="2026-11-20")
    before = counts(sql)
    assert told(send(round_.boy, batch)) == [REPLAYED] * 2
    assert counts(sql) == before


def test_it_costs_the_same_at_any_size(round_: Round) -> None:
    orders = [round_.order() for _ in range(9)]
    sent = {}
    for size, chosen in ((3, orders[:3]), (6, orders[3:])):
        with statements(round_.dairy.app) as seen:
            assert send(round_.boy, [*map(of, chosen), None])["confirmed"] == size
        sent[size] = len(seen)
    assert sent == {3: 2, 6: 2}
