"""Days on which nothing is brought: what closing one does to orders, and that reopening it brings them back."""

from datetime import date
from typing import Any

import pytest
import time_machine

from tests.dairy import ok, read, refused
from tests.deliveries.rounds import at
from tests.races import at_once
from tests.statements import count_statements
from tests.subscriptions.household import TODAY, TOMORROW, Household

SUNDAY = "2026-11-22"
FESTIVAL = {"reason": "Diwali"}


def close(household: Household, day: str = TOMORROW, **fields: Any) -> Any:
    return ok(household.admin.post("/closed-days", {"day": day} | FESTIVAL | fields), 201)


def closes_not(household: Household, status: int, code: str, day: str = TOMORROW, **fields: Any) -> Any:
    return refused(household.admin.post("/closed-days", {"day": day} | FESTIVAL | fields), status, code)


def reopen(household: Household, closed: Any) -> None:
    ok(household.admin.delete(f"/closed-days/{closed['id']}"), 204)


def area(household: Household, name: str, parent: Any = None) -> Any:
    body = {"name": name} | ({"parent_id": parent["id"]} if parent else {})
    return ok(household.admin.post("/areas", body), 201)


def lives_in(household: Household, where: Any) -> None:
    ok(household.admin.patch(f"/customers/{household.customer['id']}", {"area_id": where["id"]}))


def counts(closed: Any) -> tuple[int, int, int, int]:
    names = ("cancelled_orders", "cancelled_one_time_orders", "moved_orders", "left_out")
    one, two, three, four = (closed[name] for name in names)
    return one, two, three, four


# ------------------------------------------------------------------------------------------------ what closes


def test_a_closed_day_cancels_its_orders_and_reopening_brings_them_back(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    once = household.dairy.order(household.customer, (household.milk, "3"), on=TOMORROW)
    closed = close(household)
    assert (closed["day"], closed["shift"], closed["area_id"], closed["deliver_on"]) == (TOMORROW, None, None, None)
    assert (closed["reason"], closed["closed_by"]) == ("Diwali", household.admin.user["id"])
    assert counts(closed) == (1, 1, 0, 0)
    assert {order["status"] for order in household.orders(delivery_date=TOMORROW)} == {"CANCELLED"}
    assert {order["cancel_reason"] for order in household.orders(delivery_date=TOMORROW)} == {"Closed: Diwali"}
    assert household.calendar(made)[TOMORROW] == ("0.000", "closed_day")
    assert household.calendar(made)[SUNDAY] == ("2.000", "fixed_daily")
    reopen(household, closed)
    orders = {order["order_type"]: order for order in household.orders(delivery_date=TOMORROW)}
    assert orders["one_time"]["id"] == once["id"]
    assert [(each["status"], each["cancelled_at"], each["cancel_reason"]) for each in orders.values()] == [
        ("PENDING", None, None)
    ] * 2
    assert household.calendar(made)[TOMORROW] == ("2.000", "fixed_daily")


def test_a_day_that_is_closed_before_it_is_made_gets_no_orders_until_it_is_reopened(household: Household) -> None:
    household.subscribe()
    closed = close(household)
    assert counts(closed) == (0, 0, 0, 0)
    assert household.generate()["created"] == 0
    report = ok(household.admin.get("/reports/requirements", date=TOMORROW))
    assert report["totals"] == []
    reopen(household, closed)
    assert household.says() == ("PENDING", "2.000")


def test_reopening_brings_back_what_the_closing_cancelled_and_nothing_else(household: Household) -> None:
    dairy = household.dairy
    by_hand, stays = (dairy.order(household.customer, (household.milk, "1"), on=TOMORROW) for _ in range(2))
    ok(household.admin.post(f"/orders/{by_hand['id']}/cancel", {"reason": "no"}), 200)
    paused = household.subscribe()
    away = household.subscribe()
    household.generate()
    ok(household.override(away, TOMORROW, "0"), 200)
    closed = close(household)
    assert counts(closed) == (1, 1, 0, 0)
    ok(household.pause(paused, TOMORROW, TOMORROW), 201)
    reopen(household, closed)
    orders = {order["id"]: order for order in household.orders(delivery_date=TOMORROW)}
    assert orders[stays["id"]]["status"] == "PENDING"
    assert orders[by_hand["id"]]["status"] == "CANCELLED"
    assert {each["status"] for each in orders.values() if each["subscription_id"]} == {"CANCELLED"}
    (pause,) = household.read(paused)["pauses"]
    ok(household.admin.delete(f"/subscriptions/{paused['id']}/pauses/{pause['id']}"), 204)
    back = [
        each["status"] for each in household.orders(delivery_date=TOMORROW) if each["subscription_id"] == paused["id"]
    ]
    assert back == ["PENDING"]


def test_orders_of_a_customer_who_stopped_stay_cancelled(household: Household) -> None:
    household.dairy.order(household.customer, (household.milk, "1"), on=TOMORROW)
    closed = close(household)
    ok(household.admin.patch(f"/customers/{household.customer['id']}", {"status": "stopped"}))
    reopen(household, closed)
    assert household.order()["status"] == "CANCELLED"


def test_only_the_shift_and_the_area_that_are_closed(household: Household) -> None:
    town = area(household, "Town")
    quarter = area(household, "Quarter", town)
    village = area(household, "Village")
    lives_in(household, quarter)
    morning, evening = household.subscribe(), household.subscribe(shift="evening")
    household.generate()
    assert counts(close(household, area_id=village["id"])) == (0, 0, 0, 0)
    closed = close(household, shift="evening", area_id=town["id"])
    assert (closed["area"], counts(closed)) == ("Town", (1, 0, 0, 0))
    assert household.calendar(morning)[TOMORROW] == ("2.000", "fixed_daily")
    assert household.calendar(evening)[TOMORROW] == ("0.000", "closed_day")
    lives_in(household, village)  # where all of the day is closed
    assert {order["status"] for order in household.orders(delivery_date=TOMORROW)} == {"CANCELLED"}
    ok(household.admin.patch(f"/customers/{household.customer['id']}", {"area": "Elsewhere"}))
    assert {order["status"] for order in household.orders(delivery_date=TOMORROW)} == {"PENDING"}


def test_orders_follow_an_area_that_is_put_below_a_closed_one(household: Household) -> None:
    town, quarter = area(household, "Town"), area(household, "Quarter")
    lives_in(household, quarter)
    household.subscribe()
    household.generate()
    close(household, area_id=town["id"])
    assert household.says() == ("PENDING", "2.000")
    ok(household.admin.patch(f"/areas/{quarter['id']}", {"parent_id": town["id"]}), 200)
    assert household.order()["status"] == "CANCELLED"
    ok(household.admin.patch(f"/areas/{quarter['id']}", {"parent_id": None}), 200)
    assert household.says() == ("PENDING", "2.000")


def test_what_two_closings_hold_back_comes_when_both_are_taken_back(household: Household) -> None:
    household.subscribe()
    household.dairy.order(household.customer, (household.milk, "1"), on=TOMORROW)
    household.generate()
    first, second = close(household), close(household, shift="morning", reason="Strike")
    assert (counts(first), counts(second)) == ((1, 1, 0, 0), (0, 0, 0, 0))
    reopen(household, first)
    assert {order["status"] for order in household.orders(delivery_date=TOMORROW)} == {"CANCELLED"}
    reopen(household, second)
    assert {order["status"] for order in household.orders(delivery_date=TOMORROW)} == {"PENDING"}


def test_a_quantity_that_is_said_after_the_closing_stands(household: Household) -> None:
    before, after = household.subscribe(), household.subscribe()
    household.generate()
    ok(household.override(before, TOMORROW, "5"), 200)
    closed = close(household)
    ok(household.override(after, TOMORROW, "4", note="The temple"), 200)
    assert household.calendar(before)[TOMORROW] == ("0.000", "closed_day")
    assert household.calendar(after)[TOMORROW] == ("4.000", "override")
    states = [(each["status"], each["items"][0]["quantity"]) for each in household.orders(delivery_date=TOMORROW)]
    assert sorted(states) == [("CANCELLED", "5.000"), ("PENDING", "4.000")]
    reopen(household, closed)
    assert household.calendar(before)[TOMORROW] == ("5.000", "override")


# --------------------------------------------------------------------------------------------- another day


@pytest.mark.parametrize(("closed_day", "target"), [(SUNDAY, TOMORROW), (TOMORROW, SUNDAY)])
def test_its_quantity_is_added_to_another_day_before_or_after(
    household: Household, closed_day: str, target: str
) -> None:
    daily = household.subscribe()
    weekly = household.subscribe(mode="weekly_pattern", weekly_pattern=[date.fromisoformat(closed_day).weekday()])
    household.generate(TOMORROW)
    household.generate(SUNDAY)
    closed = close(household, closed_day, deliver_on=target)
    assert counts(closed) == (2, 0, 2, 0)
    assert household.calendar(daily)[closed_day] == ("0.000", "closed_day")
    assert household.calendar(daily)[target] == ("4.000", "closed_day_moved")
    assert household.calendar(weekly)[target] == ("2.000", "closed_day_moved")
    waiting = household.orders(delivery_date=target)
    assert sorted((each["status"], each["items"][0]["quantity"]) for each in waiting) == [
        ("PENDING", "2.000"), ("PENDING", "4.000"),
    ]  # fmt: skip
    report = ok(household.admin.get("/reports/requirements", date=target))
    assert report["totals"][0]["quantity"] == "6.000"
    reopen(household, closed)
    assert household.calendar(daily)[target] == ("2.000", "fixed_daily")
    assert household.calendar(weekly)[target][0] == "0.000"
    waiting = household.orders(delivery_date=target)
    assert sorted(each["status"] for each in waiting) == ["CANCELLED", "PENDING"]


def test_two_days_are_moved_onto_one(household: Household) -> None:
    made = household.subscribe()
    close(household, SUNDAY, deliver_on=TOMORROW)
    close(household, "2026-11-23", deliver_on=TOMORROW)
    assert household.calendar(made)[TOMORROW] == ("6.000", "closed_day_moved")
    household.generate()
    assert household.says() == ("PENDING", "6.000")


def test_what_holds_the_other_day_back_holds_the_moved_quantity_back(household: Household) -> None:
    paused, stopping, nothing, said, later = (household.subscribe() for _ in range(5))
    ok(household.pause(paused, TOMORROW, TOMORROW), 201)
    ok(household.act(stopping, "stop", stop_date=TOMORROW), 200)
    ok(household.override(nothing, TOMORROW, "0"), 200)
    ok(household.override(said, TOMORROW, "3"), 200)
    close(household, SUNDAY, deliver_on=TOMORROW)
    ok(household.override(later, TOMORROW, "3"), 200)
    on = [household.calendar(each)[TOMORROW] for each in (paused, stopping, nothing, said, later)]
    assert on == [
        ("0.000", "pause"), ("0.000", "stop_date"), ("0.000", "override"), ("5.000", "closed_day_moved"),
        ("3.000", "override"),
    ]  # fmt: skip


def test_a_pause_on_the_closed_day_moves_nothing(household: Household) -> None:
    made = household.subscribe()
    ok(household.pause(made, SUNDAY, SUNDAY), 201)
    close(household, SUNDAY, deliver_on=TOMORROW)
    assert household.calendar(made)[TOMORROW] == ("2.000", "fixed_daily")
    assert household.calendar(made)[SUNDAY] == ("0.000", "pause")


# ------------------------------------------------------------------------------------------------- refused


def test_orders_that_are_out_or_confirmed_hold_a_day_open_unless_they_are_left_out(household: Household) -> None:
    out, _ = household.subscribe(), household.subscribe()
    household.dairy.order(household.customer, (household.milk, "1"), on=TODAY)
    household.generate(TODAY)
    first, *others = household.orders(delivery_date=TODAY)
    ok(household.dairy.confirm(first), 200)
    problem = closes_not(household, 409, "in_use", TODAY)
    assert problem["detail"].startswith(f"1 orders of {TODAY} are out for delivery or confirmed.")
    assert problem["orders"] == 1
    assert {order["status"] for order in household.orders(delivery_date=TODAY)} == {"DELIVERED", "PENDING"}
    closed = close(household, TODAY, leave_out=True, deliver_on=TOMORROW)
    assert (closed["left_out"], closed["cancelled_orders"] + closed["cancelled_one_time_orders"]) == (1, 2)
    states = {order["id"]: order["status"] for order in household.orders(delivery_date=TODAY)}
    assert states == {first["id"]: "DELIVERED"} | {each["id"]: "CANCELLED" for each in others}
    del out


def test_who_got_his_delivery_before_the_closing_gets_it_no_second_time(household: Household) -> None:
    got, waits = household.subscribe(), household.subscribe()
    household.generate(TODAY)
    orders = {order["subscription_id"]: order for order in household.orders(delivery_date=TODAY)}
    ok(household.dairy.confirm(orders[got["id"]]), 200)
    close(household, TODAY, leave_out=True, deliver_on=TOMORROW)
    assert household.calendar(got)[TODAY] == ("2.000", "override")
    assert household.calendar(got)[TOMORROW] == ("2.000", "fixed_daily")
    assert household.calendar(waits)[TOMORROW] == ("4.000", "closed_day_moved")


def test_orders_of_the_other_day_that_are_out_hold_it_open_too(household: Household) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    closes_not(household, 409, "in_use", TOMORROW, deliver_on=TODAY)
    closed = close(household, TOMORROW, deliver_on=TODAY, leave_out=True)
    assert closed["left_out"] == 1
    assert household.calendar(made)[TODAY] == ("2.000", "override")


def test_what_was_delivered_on_the_other_day_keeps_the_day_closed(household: Household) -> None:
    household.subscribe()
    household.generate(TODAY)
    closed = close(household, TOMORROW, deliver_on=TODAY)
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    problem = refused(household.admin.delete(f"/closed-days/{closed['id']}"), 409, "in_use")
    assert problem["orders"] == 1


def test_days_gone_by_and_days_that_do_not_go_together(household: Household) -> None:
    closes_not(household, 422, "validation_failed", "2026-11-19")
    closes_not(household, 422, "validation_failed", deliver_on="2026-11-19")
    closes_not(household, 422, "validation_failed", deliver_on=TOMORROW)
    closes_not(household, 404, "area_not_found", area_id=household.milk["id"])
    closed = close(household)
    there = {"id": closed["id"], "from": TOMORROW, "to": TOMORROW}
    for fields in ({}, {"shift": None, "area_id": None, "reason": "Again"}):
        problem = closes_not(household, 409, "overlaps", **fields)
        assert (problem["errors"][0]["pointer"], problem["errors"][0]["conflicts_with"]) == ("/day", there)
    problem = closes_not(household, 409, "overlaps", SUNDAY, deliver_on=TOMORROW)
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["conflicts_with"]) == ("/deliver_on", there)
    moving = close(household, SUNDAY, deliver_on=TODAY)
    problem = closes_not(household, 409, "overlaps", TODAY, shift="evening")
    assert problem["errors"][0]["conflicts_with"] == {"id": moving["id"], "from": SUNDAY, "to": SUNDAY}
    assert len(read(household.admin, "/closed-days")) == 2


def test_days_of_areas_apart_go_together(household: Household) -> None:
    town, village = area(household, "Town"), area(household, "Village")
    quarter = area(household, "Quarter", town)
    close(household, SUNDAY, area_id=town["id"], deliver_on=TOMORROW)
    close(household, TOMORROW, area_id=village["id"])
    closes_not(household, 409, "overlaps", TOMORROW, area_id=quarter["id"])
    close(household, "2026-11-24", area_id=quarter["id"])
    closes_not(household, 409, "overlaps", "2026-11-23", area_id=town["id"], deliver_on="2026-11-24")


def test_a_closing_of_the_past_stays(household: Household, clock: time_machine.Traveller) -> None:
    closed = close(household)
    clock.move_to(at("2026-11-22 10:00"))
    household.dairy.log_in_again()
    refused(household.admin.delete(f"/closed-days/{closed['id']}"), 409, "illegal_transition")
    refused(household.admin.delete(f"/closed-days/{household.milk['id']}"), 404, "closed_day_not_found")


def test_nothing_is_ordered_for_a_closed_day(household: Household) -> None:
    close(household, shift="morning")
    body = {"delivery_date": TOMORROW, "items": [{"product_id": household.milk["id"], "quantity": "1"}]}
    problem = refused(household.login.post("/orders", body), 409, "day_closed")
    assert problem["detail"] == f"Nothing is delivered on {TOMORROW}: Diwali"
    assert problem["errors"][0]["pointer"] == "/delivery_date"
    refused(household.admin.post("/orders", body | {"customer_id": household.customer["id"]}), 409, "day_closed")
    ok(household.login.post("/orders", body | {"shift": "evening"}), 201)


def test_a_customer_lets_nothing_come_on_a_closed_day_staff_may(household: Household) -> None:
    made = household.subscribe()
    close(household)
    problem = refused(household.override(made, TOMORROW, "3", household.login), 409, "day_closed")
    assert problem["errors"][0]["pointer"] == "/date"
    ok(household.override(made, TOMORROW, "0", household.login), 200)
    ok(household.override(made, TOMORROW, "3"), 200)


# --------------------------------------------------------------------------------------- who sees and closes


def test_only_an_admin_closes_and_customers_see_what_concerns_them(household: Household) -> None:
    town, village = area(household, "Town"), area(household, "Village")
    quarter = area(household, "Quarter", town)
    lives_in(household, quarter)
    mine = [close(household)["id"], close(household, area_id=town["id"])["id"]]
    other = close(household, SUNDAY, area_id=village["id"])["id"]
    assert [each["id"] for each in read(household.login, "/closed-days")] == mine
    assert [each["id"] for each in read(household.admin, "/closed-days")] == [*mine, other]
    assert [each["id"] for each in read(household.admin, "/closed-days", **{"from": SUNDAY})] == [other]
    assert [each["id"] for each in read(household.admin, "/closed-days", to=TOMORROW)] == mine
    helper = household.dairy.staff("delivery_boy")
    assert len(read(helper, "/closed-days")) == 3
    for who in (helper, household.login):
        refused(who.post("/closed-days", {"day": SUNDAY} | FESTIVAL), 403, "forbidden")
        refused(who.delete(f"/closed-days/{other}"), 403, "forbidden")


def test_sent_twice_it_is_closed_once(household: Household) -> None:
    household.subscribe()
    household.generate()
    body, key = {"day": TOMORROW} | FESTIVAL, {"Idempotency-Key": "once"}
    first, second = (ok(household.admin.post("/closed-days", body, headers=key), 201) for _ in range(2))
    assert first == second


# ---------------------------------------------------------------------------------------------------- races


def test_an_order_and_a_closing_at_once_leave_no_order_on_a_closed_day(household: Household, database_url: str) -> None:
    body = {
        "customer_id": household.customer["id"],
        "delivery_date": TOMORROW,
        "items": [{"product_id": household.milk["id"], "quantity": "1"}],
    }
    hold = "SELECT pg_advisory_xact_lock(x'636C6F736564'::bigint)"
    calls = [
        lambda: household.admin.post("/orders", body).status_code,
        lambda: household.admin.post("/closed-days", {"day": TOMORROW} | FESTIVAL).status_code,
    ]
    for order in (calls, calls[::-1]):
        answers = at_once(database_url, hold, *order, one_by_one=True)
        assert 201 in answers
        assert all(each["status"] == "CANCELLED" for each in household.orders(delivery_date=TOMORROW))
        for closed in read(household.admin, "/closed-days"):
            reopen(household, closed)
        for each in household.orders(delivery_date=TOMORROW, status="PENDING"):
            ok(household.admin.post(f"/orders/{each['id']}/cancel", {"reason": "next"}), 200)


def test_what_waited_for_a_closing_was_said_after_it(household: Household, database_url: str) -> None:
    made = household.subscribe()
    closing, entry = at_once(
        database_url,
        "SELECT pg_advisory_xact_lock(x'6F7264657273'::bigint)",
        lambda: household.admin.post("/closed-days", {"day": TOMORROW} | FESTIVAL).status_code,
        lambda: household.override(made, TOMORROW, "4").status_code,
        one_by_one=True,
    )
    assert (closing, entry) == (201, 200)
    assert household.calendar(made)[TOMORROW] == ("4.000", "override")


def test_a_change_that_is_under_way_comes_before_the_closing(household: Household, database_url: str) -> None:
    """It has locked its customer, whose order the closing cancels, and waits for what the closing waits for, too."""
    made = household.subscribe()
    household.generate()
    entry, closing = at_once(
        database_url,
        "SELECT pg_advisory_xact_lock(x'6F7264657273'::bigint)",
        lambda: household.override(made, TOMORROW, "4"),
        lambda: household.admin.post("/closed-days", {"day": TOMORROW} | FESTIVAL),
        one_by_one=True,
    )
    assert ok(entry, 200)["quantity"] == "4.000"
    assert counts(ok(closing, 201)) == (1, 0, 0, 0)
    assert household.says() == ("CANCELLED", "4.000")


def test_a_new_standing_order_and_a_closing_at_once(household: Household, database_url: str) -> None:
    household.subscribe()
    household.generate()
    closing, made = at_once(
        database_url,
        "SELECT pg_advisory_xact_lock(x'6F7264657273'::bigint)",
        lambda: household.admin.post("/closed-days", {"day": TOMORROW} | FESTIVAL).status_code,
        lambda: household.subscribe()["id"],
        one_by_one=True,
    )
    assert closing == 201
    assert [each for each in household.orders(delivery_date=TOMORROW) if each["subscription_id"] == made] == []


def test_a_day_of_many_orders_takes_as_many_statements_as_one_of_few(household: Household) -> None:
    sent = []
    for day in ("2026-11-23", "2026-11-25"):
        for _ in range(3):
            household.subscribe()
        for each in (day, SUNDAY):
            household.generate(each)
        with count_statements(household.dairy.app.database) as counted:
            closed = close(household, day, deliver_on=SUNDAY)
        sent.append(len(counted))
        reopen(household, closed)
    assert sent[0] == sent[1]


# --------------------------------------------------------------------------------------- orders of a single day


def test_orders_of_one_day_go_where_their_customer_lives(household: Household) -> None:
    town, quarter, village = area(household, "Town"), area(household, "Quarter"), area(household, "Village")
    lives_in(household, village)
    once = household.dairy.order(household.customer, (household.milk, "3"), on=TOMORROW)
    by_hand = household.dairy.order(household.customer, (household.milk, "1"), on=TOMORROW)
    ok(household.admin.post(f"/orders/{by_hand['id']}/cancel", {"reason": "no"}), 200)
    closed, other = close(household, area_id=town["id"]), close(household, area_id=quarter["id"], reason="Strike")

    def told(order: Any = once) -> tuple[str, str | None]:
        found = ok(household.admin.get(f"/orders/{order['id']}"))
        return found["status"], found["cancel_reason"]

    assert told() == ("PENDING", None)
    lives_in(household, town)
    assert told() == ("CANCELLED", "Closed: Diwali")
    lives_in(household, quarter)
    assert told() == ("CANCELLED", "Closed: Strike")
    reopen(household, closed)
    assert told() == ("CANCELLED", "Closed: Strike")
    lives_in(household, village)
    assert told() == ("PENDING", None)
    ok(household.admin.patch(f"/areas/{village['id']}", {"parent_id": quarter["id"]}), 200)
    assert told() == ("CANCELLED", "Closed: Strike")
    ok(household.admin.patch(f"/areas/{village['id']}", {"parent_id": None}), 200)
    assert (told(), told(by_hand)) == (("PENDING", None), ("CANCELLED", "no"))
    lives_in(household, quarter)
    reopen(household, other)
    assert told() == ("PENDING", None)


def test_an_order_and_a_customer_put_into_a_closed_area_at_once(household: Household, database_url: str) -> None:
    town, village = area(household, "Town"), area(household, "Village")
    close(household, area_id=town["id"])
    body = {"customer_id": household.customer["id"], "delivery_date": TOMORROW}
    body |= {"items": [{"product_id": household.milk["id"], "quantity": "1"}]}
    hold = "SELECT pg_advisory_xact_lock(x'636C6F736564'::bigint)"
    calls = [
        lambda: household.admin.post("/orders", body).status_code,
        lambda: household.admin.patch(f"/customers/{household.customer['id']}", {"area_id": town["id"]}).status_code,
    ]
    for order in (calls, calls[::-1]):
        lives_in(household, village)
        answers = at_once(database_url, hold, *order, one_by_one=True)
        assert sorted(answers) in ([200, 201], [200, 409])
        assert {each["status"] for each in household.orders(delivery_date=TOMORROW)} <= {"CANCELLED"}


def test_a_household_cancels_what_a_closing_cancelled(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    once = household.dairy.order(household.customer, (household.milk, "3"), on=TOMORROW)
    closed = close(household)
    regular = next(each for each in household.orders(delivery_date=TOMORROW) if each["subscription_id"])
    for order in (once, regular):
        ok(household.login.post(f"/orders/{order['id']}/cancel", {"reason": "We are away"}), 200)
    assert ok(household.admin.get(f"/orders/{once['id']}"))["cancel_reason"] == "We are away"
    refused(household.login.post(f"/orders/{once['id']}/cancel", {"reason": "again"}), 409, "illegal_transition")
    reopen(household, closed)
    assert {order["status"] for order in household.orders(delivery_date=TOMORROW)} == {"CANCELLED"}
    assert household.calendar(made)[TOMORROW][0] == "0.000"


def test_a_closing_of_an_area_counts_and_asks_for_its_own_orders(household: Household, sql: Any) -> None:
    town, village = area(household, "Town"), area(household, "Village")
    lives_in(household, town)
    household.subscribe()
    neighbour = household.dairy.customer(area="Village")
    household.dairy.subscription(neighbour, household.milk)
    ok(household.admin.post("/orders/generate", {"delivery_date": SUNDAY}))
    there = close(household, area_id=village["id"], deliver_on=SUNDAY)
    here = close(household, area_id=town["id"], deliver_on=SUNDAY)
    assert (there["moved_orders"], here["moved_orders"]) == (1, 1)
    (order,) = ok(household.admin.get("/orders", customer_id=neighbour["id"], delivery_date=SUNDAY))["items"]
    sql("UPDATE orders SET status = 'OUT_FOR_DELIVERY' WHERE id = %s", order["id"])
    reopen(household, here)
    refused(household.admin.delete(f"/closed-days/{there['id']}"), 409, "in_use")
