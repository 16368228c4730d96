"""Cash that the holder of a link takes at a door: booked once, owed by the round's helper, only where it is wanted."""

from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import ok, refused
from tests.races import at_once
from tests.sharing.links import Link, Town


def take(link: Link, customer: Any, amount: str = "500.00", event: str | None = None, **fields: Any) -> Any:
    body = {"customer_id": customer["id"], "amount": amount, "client_event_id": event or str(uuid4())}
    return link.phone.post(f"/shared/{link.token}/payments", body | fields)


@pytest.fixture
def link(town: Town) -> Link:
    ok(town.dairy.admin.patch("/settings", {"cash_over_links": True}))
    town.order()
    return town.link(name="Ravi")


def test_cash_is_a_payment_that_the_helper_owes(town: Town, link: Link, sql: Any) -> None:
    taken = ok(take(link, town.asha), 201)
    assert (taken["amount"], taken["customer_id"], taken["replayed"]) == ("500.00", town.asha["id"], False)
    payment = ok(town.dairy.admin.get(f"/payments/{taken['id']}"))
    assert (payment["receipt_no"], payment["method"], payment["received_on"]) == (
        taken["receipt_no"],
        "cash",
        "2026-11-20",
    )
    assert (payment["collected_by"], payment["recorded_by"]) == (town.boy.user["id"], None)
    assert ok(town.dairy.admin.get(f"/customers/{town.asha['id']}/balance"))["balance"] == "-500.00"
    (due,) = ok(town.dairy.admin.get("/cash-settlements/expected"))["items"]
    assert (due["staff_id"], due["expected"]) == (town.boy.user["id"], "500.00")
    assert sql("SELECT shared_link_id::text FROM payments") == [(link.id,)]
    assert ("payment", "ok") in link.events()
    audited = ok(town.dairy.admin.get("/audit-log", table_name="payments"))["items"]
    assert [each["shared_link_id"] for each in audited] == [link.id]


def test_the_round_says_what_was_taken(town: Town, link: Link) -> None:
    other = town.dairy.customer(delivery_boy_id=town.boy.user["id"])
    town.order(other)
    ok(take(link, town.asha), 201)
    ok(take(link, other, "20.50"), 201)
    ok(take(link, town.asha, "5.00"), 201)
    round_ = ok(link.round(), 200)
    assert round_["cash_taken"] == "525.50"
    assert {stop["customer"]["id"]: stop["cash_taken"] for stop in round_["stops"]} == {
        town.asha["id"]: "505.00",
        other["id"]: "20.50",
    }
    ok(town.dairy.admin.patch("/settings", {"cash_over_links": False}))
    round_ = ok(link.round(), 200)
    assert "cash_taken" not in round_ and all("cash_taken" not in stop for stop in round_["stops"])


def test_the_same_cash_sent_again_is_booked_once(town: Town, link: Link, database_url: str, sql: Any) -> None:
    event = str(uuid4())
    hold = f"SELECT FROM customers WHERE id = '{town.asha['id']}' FOR UPDATE"
    phones = [link, link.another_phone()]
    answers = at_once(
        database_url,
        hold,
        *(lambda phone=phone: take(phone, town.asha, event=event) for phone in phones),  # type: ignore[misc]
        one_by_one=True,
    )
    told = [ok(answer, 201) for answer in answers]
    assert sorted(each["replayed"] for each in told) == [False, True]
    assert told[0]["id"] == told[1]["id"]
    refused(take(link, town.asha, "501.00", event=event), 409, "already_exists")
    assert sql("SELECT count(*) FROM payments") == [(1,)]


@pytest.mark.parametrize("amount", ["0", "-1", "100000.01", "1.001", "NaN", None])
def test_bad_amounts(town: Town, link: Link, amount: Any) -> None:
    refused(take(link, town.asha, amount), 422, "validation_failed")


def test_what_is_not_the_links_is_refused_and_recorded(town: Town, link: Link, sql: Any) -> None:
    stranger = town.dairy.customer()
    refused(take(link, stranger), 404, "customer_not_found")
    ok(town.dairy.admin.patch("/settings", {"cash_over_links": False}))
    refused(take(link, town.asha), 403, "forbidden")
    ok(town.dairy.admin.patch("/settings", {"cash_over_links": True}))
    ok(
        town.dairy.admin.post("/payments", {"customer_id": town.asha["id"], "amount": "9999999000", "method": "cash"}),
        201,
    )
    refused(take(link, town.asha, "1000"), 422, "validation_failed")
    ok(town.dairy.admin.patch(f"/users/{town.boy.user['id']}", {"is_active": False}))
    refused(take(link, town.asha), 403, "forbidden")
    ok(town.dairy.admin.patch(f"/users/{town.boy.user['id']}", {"is_active": True}))
    ok(town.dairy.admin.patch("/settings", {"books_closed_through": "2026-11-20"}))
    refused(take(link, town.asha), 409, "period_closed")
    assert [each[1] for each in link.events() if each[0] == "payment"] == [
        "customer_not_found", "forbidden", "validation_failed", "forbidden", "period_closed",
    ]  # fmt: skip
    link.revoke()
    refused(take(link, town.asha), 410, "link_revoked")
    assert sql("SELECT count(*) FROM payments WHERE shared_link_id IS NOT NULL") == [(0,)]


def test_what_is_noted_is_a_repeat_whatever_changed_since(town: Town, link: Link, sql: Any) -> None:
    admin, event, of_merged = town.dairy.admin, str(uuid4()), str(uuid4())
    other = town.dairy.customer(delivery_boy_id=town.boy.user["id"])
    town.order(other)
    ok(take(link, town.asha, event=event), 201)
    ok(take(link, other, event=of_merged), 201)
    ok(admin.patch(f"/customers/{town.asha['id']}", {"delivery_boy_id": None}))
    assert ok(take(link, town.asha, event=event), 201)["replayed"] is True
    ok(admin.post(f"/customers/{other['id']}/merge", {"into": town.asha["id"], "reason": "one"}))
    again = ok(take(link, other, event=of_merged), 201)
    assert (again["replayed"], again["customer_id"]) == (True, town.asha["id"])
    ok(admin.patch("/settings", {"cash_over_links": False}))
    assert ok(take(link, town.asha, event=event), 201)["replayed"] is True
    refused(take(link, other, event=event, amount="499"), 409, "already_exists")
    assert sql("SELECT count(*) FROM payments") == [(2,)]


@pytest.mark.parametrize(
    ("taken_at", "day"),
    [
        ("2026-11-20T23:50:00+05:30", "2026-11-20"),  # sent after midnight
        ("2026-11-20T19:00:00+00:00", "2026-11-21"),
        ("2026-11-18T08:00:00+05:30", "2026-11-21"),  # a clock that is wrong
        ("2026-11-25T08:00:00+05:30", "2026-11-21"),
    ],
)
def test_cash_is_of_the_day_on_which_it_was_taken(
    town: Town, link: Link, clock: time_machine.Traveller, sql: Any, taken_at: str, day: str
) -> None:
    clock.move_to("2026-11-21T00:20:00+05:30")
    ok(take(link, town.asha, taken_at=taken_at), 201)
    assert sql("SELECT received_on::text FROM payments") == [(day,)]


def test_cash_of_closed_books_is_of_today(town: Town, link: Link, clock: time_machine.Traveller, sql: Any) -> None:
    ok(town.dairy.admin.patch("/settings", {"books_closed_through": "2026-11-20"}))
    clock.move_to("2026-11-21T00:20:00+05:30")
    ok(take(link, town.asha, taken_at="2026-11-20T23:50:00+05:30"), 201)
    assert sql("SELECT received_on::text FROM payments") == [("2026-11-21",)]
    refused(take(link, town.asha, taken_at="9999-12-31T23:59:59Z"), 422, "validation_failed")


def test_a_link_to_an_area_takes_no_cash(town: Town, link: Link) -> None:
    area = town.link(area_id=town.asha["area_id"])
    refused(take(area, town.asha), 403, "forbidden")
    assert "cash_taken" not in ok(area.round(), 200)
