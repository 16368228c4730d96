"""Pauses that are lengthened, shortened and moved, and those of a whole household."""

from datetime import date
from typing import Any

import pytest
import time_machine

from dairy_app.subscriptions.rules.pauses import Span, added, first_changed
from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import at
from tests.statements import count_statements
from tests.subscriptions.household import TODAY, TOMORROW, Household

SUNDAY, MONDAY, TUESDAY, LATER = "2026-11-22", "2026-11-23", "2026-11-24", "2026-12-05"


def change(household: Household, made: Any, pause: Any, by: Client | None = None, **fields: Any) -> Any:
    return (by or household.admin).patch(f"/subscriptions/{made['id']}/pauses/{pause['id']}", fields)


def together(household: Household, first: str, last: str | None, by: Client | None = None, **fields: Any) -> Any:
    body = {"from": first, "to": last} | fields
    return (by or household.admin).post(f"/customers/{household.customer['id']}/pauses", body)


def own(household: Household, paused: Any) -> str:
    return f"/customers/{household.customer['id']}/pauses/{paused['household_pause_id']}"


def paused_days(household: Household, made: Any) -> list[str]:
    return [day for day, (_, rule) in household.calendar(made).items() if rule == "pause"]


def span(pause: Any) -> tuple[str, str | None]:
    return pause["from"], pause["to"]


# ---------------------------------------------------------------------------------------- of one standing order


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        ({"to": TUESDAY}, [SUNDAY, MONDAY, TUESDAY]),
        ({"to": SUNDAY}, [SUNDAY]),
        ({"from": TOMORROW}, [TOMORROW, SUNDAY, MONDAY]),
        ({"from": MONDAY}, [MONDAY]),
        ({"from": TOMORROW, "to": TOMORROW}, [TOMORROW]),
        ({"from": "2026-11-29", "to": None}, ["2026-11-29", "2026-11-30"]),
        ({"reason": "A wedding"}, [SUNDAY, MONDAY]),
        ({}, [SUNDAY, MONDAY]),
    ],
)
def test_a_pause_is_lengthened_shortened_and_moved_and_orders_follow_both_ways(
    household: Household, asked: Any, days: list[str]
) -> None:
    made = household.subscribe()
    around = (TOMORROW, SUNDAY, MONDAY, TUESDAY)
    for day in around:
        household.generate(day)
    pause = ok(household.pause(made, SUNDAY, MONDAY), 201)
    told = ok(change(household, made, pause, **asked), 200)
    assert told["id"] == pause["id"]
    assert span(told) == (asked.get("from", SUNDAY), asked.get("to", MONDAY))
    assert paused_days(household, made) == days
    states = [household.order(day)["status"] for day in around]
    assert states == ["CANCELLED" if day in days else "PENDING" for day in around]


def test_the_reason_and_who_asked_are_kept(household: Household) -> None:
    made = household.subscribe()
    pause = ok(household.pause(made, SUNDAY, MONDAY, reason="Away", channel="phone"), 201)
    assert pause["channel"] == "phone"
    told = ok(change(household, made, pause, household.login, to=TUESDAY), 200)
    assert (told["reason"], told["channel"], told["requested_by"]) == ("Away", "app", household.login.user["id"])
    assert ok(change(household, made, pause, reason="A wedding"), 200)["reason"] == "A wedding"


def test_what_cannot_be_changed_so(household: Household) -> None:
    made, other = household.subscribe(), household.subscribe()
    pause = ok(household.pause(made, SUNDAY, MONDAY), 201)
    ahead = ok(household.pause(made, "2026-11-27", "2026-11-28"), 201)
    refused(change(household, made, pause, to=TOMORROW), 422, "validation_failed")
    refused(change(household, made, pause, **{"from": "2026-11-19"}), 422, "validation_failed")
    refused(change(household, made, pause, to="9999-12-31"), 422, "validation_failed")
    refused(change(household, made, {"id": other["id"]}), 404, "pause_not_found")
    refused(change(household, other, pause, to=TUESDAY), 404, "pause_not_found")
    problem = refused(change(household, made, pause, to=None), 409, "overlaps")
    there = {"id": ahead["id"], "from": "2026-11-27", "to": "2026-11-28"}
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["conflicts_with"]) == ("/from", there)
    assert [span(each) for each in household.read(made)["pauses"]] == [(SUNDAY, MONDAY), ("2026-11-27", "2026-11-28")]


def test_overlaps_name_the_pause_that_is_there(household: Household) -> None:
    made = household.subscribe()
    open_ = ok(household.pause(made, MONDAY), 201)
    problem = refused(household.pause(made, SUNDAY, TUESDAY), 409, "overlaps")
    assert problem["errors"][0]["conflicts_with"] == {"id": open_["id"], "from": MONDAY, "to": None}
    assert problem["detail"] == f"{household.milk['name']} is paused from {MONDAY} on."


def test_a_day_that_is_delivered_is_not_paused_by_a_change(household: Household) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    pause = ok(household.pause(made, TOMORROW, MONDAY), 201)
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    refused(change(household, made, pause, **{"from": TODAY}), 409, "illegal_transition")
    assert paused_days(household, made) == [TOMORROW, SUNDAY, MONDAY]


def test_a_pause_that_runs_is_changed_at_its_end_only(household: Household, clock: time_machine.Traveller) -> None:
    made = household.subscribe()
    pause = ok(household.pause(made, TOMORROW, TUESDAY), 201)
    clock.move_to(at("2026-11-23 10:00"))
    household.dairy.log_in_again()
    refused(change(household, made, pause, **{"from": SUNDAY}), 422, "validation_failed")
    refused(change(household, made, pause, to=TOMORROW), 422, "validation_failed")
    assert span(ok(change(household, made, pause, to=SUNDAY), 200)) == (TOMORROW, SUNDAY)
    assert span(ok(change(household, made, pause, to=LATER), 200)) == (TOMORROW, LATER)


def test_the_cut_off_holds_for_the_days_that_change_only(household: Household) -> None:
    ok(household.admin.patch("/settings", {"cutoff_morning": "09:00:00"}))  # it is ten: tomorrow is fixed
    made = household.subscribe()
    pause = ok(household.pause(made, TOMORROW, MONDAY, reason="By phone"), 201)
    ok(change(household, made, pause, household.login, to=TUESDAY), 200)
    ok(change(household, made, pause, household.login, to=SUNDAY), 200)
    refused(change(household, made, pause, household.login, to=TOMORROW, **{"from": SUNDAY}), 422, "validation_failed")
    refused(change(household, made, pause, household.login, **{"from": SUNDAY}), 422, "cutoff_passed")
    refused(change(household, made, pause, **{"from": SUNDAY}), 422, "cutoff_passed")
    ok(change(household, made, pause, reason="By phone", **{"from": SUNDAY}), 200)


def test_another_customer_finds_no_pause(household: Household) -> None:
    made = household.subscribe()
    pause = ok(household.pause(made, SUNDAY, MONDAY), 201)
    paused = ok(together(household, "2026-11-27", LATER), 201)
    _, stranger = household.dairy.customer_login()
    refused(change(household, made, pause, stranger, to=TUESDAY), 404, "subscription_not_found")
    refused(together(household, LATER, LATER, stranger), 404, "customer_not_found")
    refused(stranger.patch(own(household, paused), {"to": TUESDAY}), 404, "customer_not_found")
    refused(stranger.delete(own(household, paused)), 404, "customer_not_found")


# ----------------------------------------------------------------------------------------------- of a household


def test_a_household_pauses_everything_in_one_go(household: Household) -> None:
    milk, evening = household.subscribe(), household.subscribe(shift="evening")
    later, stopped = household.subscribe(start_date="2026-11-24"), household.subscribe()
    ok(household.act(stopped, "stop", stop_date=SUNDAY), 200)
    household.generate(SUNDAY)
    paused = ok(together(household, SUNDAY, LATER, household.login, reason="Diwali at home"), 201)
    assert (span(paused), paused["reason"], paused["channel"]) == ((SUNDAY, LATER), "Diwali at home", "app")
    of = {each["subscription_id"]: each for each in paused["pauses"]}
    assert of.keys() == {milk["id"], evening["id"], later["id"]}
    assert {each["household_pause_id"] for each in of.values()} == {paused["household_pause_id"]}
    (alone,) = household.read(evening)["pauses"]
    assert (alone["id"], alone["household_pause_id"]) == (of[evening["id"]]["id"], paused["household_pause_id"])
    assert {order["status"] for order in household.orders(delivery_date=SUNDAY)} == {"CANCELLED"}
    month = ok(household.login.get(f"/customers/{household.customer['id']}/calendar", period="2026-11"))["days"]
    on = {each["subscription_id"]: each["rule"] for each in month if each["date"] == "2026-11-25"}
    assert on == {milk["id"]: "pause", evening["id"]: "pause", later["id"]: "pause", stopped["id"]: "stop_date"}
    ok(household.login.delete(own(household, paused)), 204)
    assert {order["status"] for order in household.orders(delivery_date=SUNDAY)} == {"PENDING"}
    refused(household.login.delete(own(household, paused)), 404, "pause_not_found")


def test_one_that_begins_after_it_was_entered_is_not_paused(household: Household) -> None:
    household.subscribe()
    ok(together(household, SUNDAY, None), 201)
    assert paused_days(household, household.subscribe()) == []


def test_all_or_none(household: Household) -> None:
    free, held = household.subscribe(), household.subscribe()
    there = ok(household.pause(held, MONDAY, TUESDAY), 201)
    problem = refused(together(household, SUNDAY, LATER), 409, "overlaps")
    assert problem["errors"][0]["conflicts_with"] == {"id": there["id"], "from": MONDAY, "to": TUESDAY}
    assert (paused_days(household, free), paused_days(household, held)) == ([], [MONDAY, TUESDAY])
    refused(together(household, TUESDAY, MONDAY), 422, "validation_failed")
    refused(together(household, "2026-11-19", None), 422, "validation_failed")
    body, key = {"from": SUNDAY, "to": SUNDAY}, {"Idempotency-Key": "holiday"}
    path = f"/customers/{household.customer['id']}/pauses"
    first, second = (ok(household.admin.post(path, body, headers=key), 201) for _ in range(2))
    assert first == second


def test_without_a_standing_order_there_is_nothing_to_pause(household: Household) -> None:
    refused(together(household, SUNDAY, LATER), 404, "subscription_not_found")


def test_one_shift_after_its_cut_off_holds_all_back(household: Household) -> None:
    ok(household.admin.patch("/settings", {"cutoff_morning": "09:00:00"}))
    household.subscribe(shift="evening")
    ok(together(household, TOMORROW, TOMORROW, household.login), 201)
    household.subscribe()
    refused(together(household, TOMORROW, SUNDAY, household.login), 422, "cutoff_passed")


def test_a_household_pause_is_changed_in_all_that_share_it(household: Household) -> None:
    milk, curd = household.subscribe(), household.subscribe()
    paused = ok(together(household, SUNDAY, TUESDAY), 201)
    told = ok(household.login.patch(own(household, paused), {"to": MONDAY, "reason": "Back earlier"}), 200)
    assert (span(told), told["reason"], len(told["pauses"])) == ((SUNDAY, MONDAY), "Back earlier", 2)
    assert paused_days(household, milk) == paused_days(household, curd) == [SUNDAY, MONDAY]
    there = ok(household.pause(curd, TUESDAY, TUESDAY), 201)
    problem = refused(household.admin.patch(own(household, paused), {"to": LATER}), 409, "overlaps")
    assert problem["errors"][0]["conflicts_with"]["id"] == there["id"]
    assert paused_days(household, milk) == [SUNDAY, MONDAY]


def test_a_pause_that_is_changed_alone_leaves_its_household(household: Household) -> None:
    shared, changed, resumed, lifted = (household.subscribe() for _ in range(4))
    paused = ok(together(household, SUNDAY, TUESDAY), 201)
    of = {each["subscription_id"]: each for each in paused["pauses"]}
    ok(change(household, changed, of[changed["id"]], to=MONDAY), 200)
    ok(household.act(resumed, "resume", **{"from": TUESDAY}), 200)
    ok(household.admin.delete(f"/subscriptions/{lifted['id']}/pauses/{of[lifted['id']]['id']}"), 204)
    told = ok(household.admin.patch(own(household, paused), {"to": LATER}), 200)
    assert [each["subscription_id"] for each in told["pauses"]] == [shared["id"]]
    assert paused_days(household, changed) == paused_days(household, resumed) == [SUNDAY, MONDAY]
    assert paused_days(household, lifted) == []


def test_a_household_pause_that_runs_ends_from_the_first_open_day(
    household: Household, clock: time_machine.Traveller
) -> None:
    milk = household.subscribe()
    paused = ok(together(household, TOMORROW, None), 201)
    clock.move_to(at("2026-11-23 10:00"))
    household.dairy.log_in_again()
    ok(household.login.delete(own(household, paused)), 204)
    assert paused_days(household, milk) == [TOMORROW, SUNDAY]
    refused(household.login.delete(own(household, paused)), 409, "illegal_transition")


def test_a_large_household_takes_as_many_statements_as_a_small_one(household: Household) -> None:
    sent = []
    for first in (SUNDAY, TUESDAY):
        for _ in range(3):
            household.subscribe()
        household.generate(first)
        with count_statements(household.dairy.app.database) as counted:
            paused = ok(together(household, first, first), 201)
            ok(household.admin.patch(own(household, paused), {"reason": "Away"}), 200)
            ok(household.admin.delete(own(household, paused)), 204)
        sent.append(len(counted))
    assert sent[0] == sent[1]


# ----------------------------------------------------------------------------------------------------- the rule


def test_which_days_a_change_takes_and_gives_back() -> None:
    def days(first: int, last: int | None) -> Span:
        return Span(date(2026, 11, first), last and date(2026, 11, last))

    assert first_changed(days(10, 12), days(10, 12)) is None
    assert first_changed(days(10, None), days(10, None)) is None
    assert first_changed(days(10, 12), days(10, 15)) == date(2026, 11, 13)
    assert first_changed(days(10, None), days(10, 15)) == date(2026, 11, 16)
    assert first_changed(days(10, 12), days(20, 22)) == date(2026, 11, 10)
    assert added(days(10, 12), days(8, 14)) == [days(8, 9), days(13, 14)]
    assert added(days(10, 12), days(20, None)) == [days(20, None)]
    assert added(days(10, 12), days(5, 7)) == [days(5, 7)]
    assert added(days(10, None), days(11, 12)) == []
