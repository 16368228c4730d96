"""One confirmation over HTTP: what it writes, what it refuses, and that the same again changes nothing."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import ok, refused
from tests.deliveries.rounds import Round, at, bill, leaks
from tests.deliveries.test_sets import make_standing


def test_in_full(round_: Round, sql: Any) -> None:
    order = round_.order()
    answer = ok(round_.dairy.confirm(order, by=round_.boy, notes="left at the gate", reason_code="gate"), 200)
    status = answer["delivery_status"]
    assert answer == {
        "order_id": order["id"],
        "order_status": "DELIVERED",
        "replayed": False,
        "extra_order_id": None,
        "delivery_status": {
            "id": status["id"],
            "order_id": order["id"],
            "status": "delivered",
            "delivered_at": "2026-11-20T04:30:00+00:00",
            "delivery_date": "2026-11-20",
            "delivery_boy_id": round_.boy.user["id"],
            "confirmed_by_user_id": round_.boy.user["id"],
            "confirmed_by_name": "Bala Boy",
            "confirmed_at": "2026-11-20T04:30:00+00:00",
            "confirmation_method": "delivery_boy",
            "ip_address": "127.0.0.1",
            "device_info": status["device_info"],
            "shared_link_id": None,
            "client_event_id": None,
            "device_time": None,
            "latitude": None,
            "longitude": None,
            "reason_code": "gate",
            "notes": "left at the gate",
            "corrected_at": None,
            "corrected_by_user_id": None,
            "correction_reason": None,
        },
    }
    read = round_.read(order)
    assert (read["status"], read["delivered_on"], read["delivery_confirmed"]) == (
        "DELIVERED",
        "2026-11-20",
        True,
    )
    assert read["delivered_at"] == "2026-11-20T04:30:00+00:00"
    assert [(item["delivered_quantity"], item["item_status"]) for item in read["items"]] == [
        ("2.000", "full"),
        ("1.500", "full"),
    ]
    assert read["delivery_status"] == status
    assert read["invoice"] == {"id": read["invoice"]["id"], "number": None, "status": "draft"}
    assert sql("SELECT customer_id::text, period_start::text, period_end::text, id::text FROM invoices") == [
        (round_.customer["id"], "2026-11-01", "2026-11-30", read["invoice"]["id"])
    ]


def test_in_part(round_: Round, sql: Any) -> None:
    order = round_.order()
    answer = ok(round_.dairy.confirm(order, items=round_.items("0.5", "0")), 200)
    assert (answer["order_status"], answer["delivery_status"]["status"]) == (
        "PARTIALLY_DELIVERED",
        "partially_delivered",
    )
    read = round_.read(order)
    assert [(item["delivered_quantity"], item["item_status"]) for item in read["items"]] == [
        ("0.500", "partial"),
        ("0.000", "shortage"),
    ]
    assert read["invoice"]["status"] == "draft"
    assert not any(leaks(sql).values())


@pytest.mark.parametrize("said", ["not_delivered", "all zero"])
def test_nothing_delivered(round_: Round, sql: Any, said: str) -> None:
    order = round_.order()
    fields = {"status": said} if said == "not_delivered" else {"items": round_.items("0", "0")}
    answer = ok(round_.dairy.confirm(order, reason_code="door_closed", **fields), 200)
    assert (answer["order_status"], answer["delivery_status"]["status"]) == ("NOT_DELIVERED", "not_delivered")
    assert answer["delivery_status"]["delivered_at"] is None
    read = round_.read(order)
    assert (read["invoice"], read["delivered_on"], read["delivered_at"]) == (None, None, None)
    assert read["delivery_confirmed"] is False
    assert sql("SELECT count(*) FROM invoices") == [(0,)]


@pytest.mark.parametrize("again", ["in full", "in part"])
def test_second_attempt(round_: Round, clock: time_machine.Traveller, sql: Any, again: str) -> None:
    order = round_.order()
    first = ok(round_.dairy.confirm(order, status="not_delivered", reason_code="door_closed", notes="dog"), 200)
    clock.shift(timedelta(minutes=10))
    fields = {} if again == "in full" else {"items": round_.items("2", "1")}
    second = ok(round_.dairy.confirm(order, by=round_.boy, **fields), 200)
    assert second["order_status"] == ("DELIVERED" if again == "in full" else "PARTIALLY_DELIVERED")
    assert second["replayed"] is False
    status = second["delivery_status"]
    assert status["id"] == first["delivery_status"]["id"]
    assert status["confirmed_at"] == "2026-11-20T04:40:00+00:00"
    assert (status["confirmation_method"], status["reason_code"], status["notes"]) == (
        "delivery_boy",
        None,
        None,
    )
    assert round_.read(order)["invoice"] is not None
    assert sql("SELECT count(*) FROM delivery_statuses") == [(1,)]


FULL: dict[str, Any] = {}
FULL_BY_ITEMS = {"items": ("2", "1.5")}
PART = {"items": ("2", "1")}
NOTHING = {"status": "not_delivered"}
ZEROS = {"items": ("0", "0")}


def said(round_: Round, what: dict[str, Any]) -> dict[str, Any]:
    return {**what, "items": round_.items(*what["items"])} if "items" in what else dict(what)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FULL, FULL),
        (FULL, FULL_BY_ITEMS),
        (FULL_BY_ITEMS, FULL),
        (PART, PART),
        (NOTHING, NOTHING),
        (NOTHING, ZEROS),
        (ZEROS, NOTHING),
    ],
)
def test_the_same_again_changes_nothing(
    round_: Round, clock: time_machine.Traveller, sql: Any, first: dict[str, Any], second: dict[str, Any]
) -> None:
    order = round_.order()
    one = ok(round_.dairy.confirm(order, by=round_.boy, notes="first", **said(round_, first)), 200)
    before = everything(sql)
    clock.shift(timedelta(minutes=10))
    # Notes and times are not compared, not even a date that would be refused as a first one.
    two = ok(round_.dairy.confirm(order, notes="second", delivery_date="2026-11-25", **said(round_, second)), 200)
    assert two == {**one, "replayed": True}
    assert everything(sql) == before


@pytest.mark.parametrize(
    ("first", "second"),
    [(FULL, PART), (PART, FULL), (FULL, NOTHING), (PART, ZEROS), (PART, {"items": ("1", "1.5")})],
)
def test_a_different_repeat_is_refused(round_: Round, sql: Any, first: dict[str, Any], second: dict[str, Any]) -> None:
    order = round_.order()
    ok(round_.dairy.confirm(order, **said(round_, first)), 200)
    before = everything(sql)
    refused(round_.dairy.confirm(order, **said(round_, second)), 409, "confirmed_differently")
    assert everything(sql) == before


def everything(sql: Any) -> list[Any]:
    tables = ("orders", "order_items", "delivery_statuses", "invoices")
    return [sql(f"SELECT to_jsonb(t) FROM {table} t ORDER BY 1") for table in tables]


def test_a_cancelled_order_cannot_be_confirmed(round_: Round, sql: Any) -> None:
    order, control = round_.order(), round_.order()
    ok(round_.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "moved away"}))
    before = everything(sql)
    refused(round_.dairy.confirm(order), 400, "order_cancelled")
    refused(round_.dairy.confirm(order, status="not_delivered"), 400, "order_cancelled")
    assert everything(sql) == before
    ok(round_.dairy.confirm(control), 200)


# ---------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize("offset", [-1, 0])
def test_a_day_beside_the_planned_one_will_do(round_: Round, offset: int) -> None:
    order = round_.order()
    day = round_.dairy.day(offset)
    assert ok(round_.dairy.confirm(order, delivery_date=day), 200)["delivery_status"]["delivery_date"] == day
    assert round_.read(order)["delivered_on"] == day


def test_the_day_after_the_planned_one_will_do(round_: Round, clock: time_machine.Traveller) -> None:
    order = round_.order()
    clock.move_to(at("2026-11-21 06:00"))
    round_.log_in_again()
    assert ok(round_.dairy.confirm(order), 200)["delivery_status"]["delivery_date"] == "2026-11-21"


def test_the_future_is_refused(round_: Round, sql: Any) -> None:
    order = round_.order()
    before = everything(sql)
    problem = refused(round_.dairy.confirm(order, delivery_date="2026-11-21"), 400, "delivery_date_in_future")
    assert "2026-11-21" in problem["detail"]
    later = refused(
        round_.dairy.confirm(order, delivered_at="2026-11-20T10:10:01+05:30"), 400, "delivery_date_in_future"
    )
    assert later["code"] == "delivery_date_in_future"
    assert everything(sql) == before
    # A phone's clock may be ten minutes fast.
    ok(round_.dairy.confirm(order, delivered_at="2026-11-20T10:10:00+05:30"), 200)


@pytest.mark.parametrize("delivered", ["2026-11-18", "2026-11-22", "0001-01-01"])
def test_outside_the_window_is_refused_and_the_window_named(
    round_: Round, clock: time_machine.Traveller, delivered: str
) -> None:
    order = round_.order()
    clock.move_to(at("2026-11-25 10:00"))
    round_.log_in_again()
    problem = refused(round_.dairy.confirm(order, delivery_date=delivered), 400, "delivery_date_outside_window")
    assert "from 2026-11-19 to 2026-11-21" in problem["detail"]
    assert round_.read(order)["status"] == "PENDING"
    ok(round_.dairy.confirm(order, delivery_date="2026-11-21"), 200)


def test_the_window_is_a_setting(round_: Round, clock: time_machine.Traveller) -> None:
    order = round_.order()
    clock.move_to(at("2026-11-22 10:00"))
    round_.log_in_again()
    refused(round_.dairy.confirm(order), 400, "delivery_date_outside_window")
    ok(round_.dairy.admin.patch("/settings", {"delivery_window_days": 2}))
    ok(round_.dairy.confirm(order), 200)


def test_a_confirmation_sent_later_counts_for_the_day_it_happened(round_: Round, clock: time_machine.Traveller) -> None:
    """Ten past midnight at the dairy is still the day before in London; sent a day later all the same."""
    order = round_.order(shift="evening")
    clock.move_to(at("2026-11-22 06:00"))
    round_.log_in_again()
    answer = ok(round_.dairy.confirm(order, delivered_at="2026-11-21T00:10:00+05:30"), 200)
    assert answer["delivery_status"]["delivery_date"] == "2026-11-21"
    assert answer["delivery_status"]["delivered_at"] == "2026-11-20T18:40:00+00:00"
    assert answer["delivery_status"]["confirmed_at"] == "2026-11-22T00:30:00+00:00"


def test_today_is_the_dairys(round_: Round, clock: time_machine.Traveller) -> None:
    """At 01:30 in Kolkata it is still yesterday in London."""
    order = round_.order(on="2026-11-21")
    refused(round_.dairy.confirm(order, delivery_date="2026-11-21"), 400, "delivery_date_in_future")
    clock.move_to(at("2026-11-21 01:30"))
    round_.log_in_again()
    assert ok(round_.dairy.confirm(order), 200)["delivery_status"]["delivery_date"] == "2026-11-21"


# ----------------------------------------------------------------------------------------- whose, and what


def test_orders_that_are_not_ones_own_are_unknown(round_: Round) -> None:
    order = round_.order()
    other = round_.dairy.staff("delivery_boy")
    refused(round_.dairy.confirm(order, by=other), 404, "order_not_found")
    refused(round_.dairy.confirm({"id": str(uuid4())}, by=round_.boy), 404, "order_not_found")
    refused(round_.dairy.confirm({"id": str(uuid4())}), 404, "order_not_found")
    ok(round_.dairy.confirm(order, by=round_.boy), 200)


def test_an_order_given_to_another_boy_is_his(round_: Round, sql: Any) -> None:
    order = round_.order()
    helper = round_.dairy.staff("delivery_boy")
    sql("UPDATE orders SET delivery_boy_id = %s WHERE id = %s", helper.user["id"], order["id"])
    refused(round_.dairy.confirm(order, by=round_.boy), 404, "order_not_found")
    answer = ok(round_.dairy.confirm(order, by=helper), 200)
    assert answer["delivery_status"]["delivery_boy_id"] == helper.user["id"]


@pytest.mark.parametrize("role", ["accountant", "marketing_staff", "supplier"])
def test_other_staff_do_not_confirm(round_: Round, role: str) -> None:
    order = round_.order()
    refused(round_.dairy.confirm(order, by=round_.dairy.staff(role)), 403, "forbidden")
    assert round_.read(order)["status"] == "PENDING"


def test_customers_do_not_confirm(round_: Round) -> None:
    customer, login = round_.dairy.customer_login()
    order = round_.dairy.order(customer, (round_.milk, "1"))
    refused(round_.dairy.confirm(order, by=login), 403, "forbidden")
    refused(round_.dairy.confirm(order, by=round_.dairy.nobody), 401, "not_authenticated")
    ok(round_.dairy.confirm(order), 200)


def test_the_customer_is_checked_when_named(round_: Round) -> None:
    order, other = round_.order(), round_.dairy.customer()
    refused(round_.dairy.confirm(order, customer_id=other["id"]), 409, "customer_mismatch")
    refused(round_.dairy.confirm(order, customer_id=str(uuid4())), 409, "customer_mismatch")
    ok(round_.dairy.confirm(order, customer_id=round_.customer["id"]), 200)


def test_quantities_are_those_of_the_order(round_: Round, sql: Any) -> None:
    order, stranger = round_.order(), round_.dairy.product()
    before = everything(sql)
    more = round_.items("2.001", "1.5")
    refused(round_.dairy.confirm(order, items=more), 422, "quantity_exceeds_ordered")
    foreign = [*round_.items("2", "1.5"), {"product_id": stranger["id"], "delivered_quantity": "0"}]
    refused(round_.dairy.confirm(order, items=foreign), 422, "product_not_in_order")
    missing = round_.items("2", "1.5")[:1]
    problem = refused(round_.dairy.confirm(order, items=missing), 422, "validation_failed")
    assert "every product" in problem["detail"]
    refused(round_.dairy.confirm(order, items=[]), 422, "validation_failed")
    twice = [*round_.items("2", "1.5"), *round_.items("2", "1.5")]
    refused(round_.dairy.confirm(order, items=twice), 422, "validation_failed")
    refused(
        round_.dairy.confirm(order, status="not_delivered", items=round_.items("1", "0")),
        422,
        "validation_failed",
    )
    assert everything(sql) == before
    ok(round_.dairy.confirm(order, items=round_.items("2", "1.5")), 200)


def test_what_is_judged_first(round_: Round) -> None:
    """Product and quantity come before the missing ones and the dates, a cancelled order before all of them."""
    order, stranger = round_.order(), round_.dairy.product()
    foreign = [{"product_id": stranger["id"], "delivered_quantity": "9"}]
    far = {"delivery_date": "2026-11-30"}
    refused(round_.dairy.confirm(order, items=foreign, **far), 422, "product_not_in_order")
    refused(round_.dairy.confirm(order, items=round_.items("9", "0")[:1], **far), 422, "quantity_exceeds_ordered")
    refused(round_.dairy.confirm(order, items=round_.items("1", "0")[:1], **far), 422, "validation_failed")
    refused(round_.dairy.confirm(order, **far), 400, "delivery_date_in_future")
    ok(round_.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "moved away"}))
    refused(round_.dairy.confirm(order, items=foreign, **far), 400, "order_cancelled")


# ------------------------------------------------------------------------------------------ what is recorded


def test_who_when_how_and_from_where(round_: Round, sql: Any) -> None:
    order, event = round_.order(), str(uuid4())
    response = round_.dairy.admin.post(
        "/deliveries/confirmations",
        {"order_id": order["id"], "status": "delivered", "client_event_id": event},
        headers={"User-Agent": "phone " * 100},
        environ_overrides={"REMOTE_ADDR": "2001:db8::7"},
    )
    status = ok(response, 200)["delivery_status"]
    assert (status["confirmation_method"], status["confirmed_by_name"]) == ("admin", "Asha Admin")
    assert status["confirmed_by_user_id"] == round_.dairy.admin.user["id"]
    # The round it belongs to stays the boy's, whoever confirms.
    assert status["delivery_boy_id"] == round_.boy.user["id"]
    assert status["ip_address"] == "2001:db8::7"
    assert status["device_info"] == ("phone " * 100)[:300]
    assert status["client_event_id"] == event
    assert sql("SELECT host(ip_address), length(device_info) FROM delivery_statuses") == [("2001:db8::7", 300)]


def test_the_standing_order_is_told(round_: Round, sql: Any) -> None:
    failed, brought = round_.order(), round_.order()
    make_standing(sql, round_, (failed, "2026-11-20"), (brought, "2026-11-19"))
    tracked = "SELECT last_delivery_date::text, last_delivery_at, last_delivery_confirmed FROM subscriptions"
    ok(round_.dairy.confirm(failed, status="not_delivered"), 200)
    assert sql(tracked) == [(None, None, None)]
    ok(
        round_.dairy.confirm(brought, delivery_date="2026-11-19", delivered_at="2026-11-19T06:00:00+05:30"),
        200,
    )
    assert sql(tracked) == [("2026-11-19", at("2026-11-19 06:00"), True)]
    ok(round_.dairy.confirm(failed), 200)
    assert sql(tracked) == [("2026-11-20", at("2026-11-20 10:00"), True)]


def test_the_standing_order_does_not_go_back(round_: Round, sql: Any) -> None:
    newer, older = round_.order(), round_.order()
    make_standing(sql, round_, (newer, "2026-11-20"), (older, "2026-11-19"))
    ok(round_.dairy.confirm(newer), 200)
    ok(round_.dairy.confirm(older, delivery_date="2026-11-19"), 200)
    assert sql("SELECT last_delivery_date::text FROM subscriptions") == [("2026-11-20",)]


def test_a_late_confirmation_joins_the_next_draft(round_: Round, sql: Any) -> None:
    round_.dairy.seller()
    prompt, late = round_.order(), round_.order()
    ok(round_.dairy.confirm(prompt), 200)
    bill(round_.dairy, "2026-11", through="2026-11-20")
    ok(round_.dairy.confirm(late), 200)
    first, second = round_.read(prompt)["invoice"], round_.read(late)["invoice"]
    assert (first["status"], second["status"]) == ("issued", "draft")
    assert sql("SELECT period_start::text, period_end::text, status FROM invoices ORDER BY 1") == [
        ("2026-11-01", "2026-11-20", "issued"),
        ("2026-11-21", "2026-11-30", "draft"),
    ]
    assert round_.read(late)["delivered_on"] == "2026-11-20"
    # What stands on the issued paper is confirmed for good; the same again is still a repeat.
    assert ok(round_.dairy.confirm(prompt), 200)["replayed"] is True
    refused(round_.dairy.confirm(prompt, items=round_.items("1", "1")), 409, "confirmed_differently")
