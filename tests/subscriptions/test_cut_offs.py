"""The hour of the evening before after which a customer can no longer change a day, and staff give a reason."""

import time_machine

from tests.dairy import ok, refused
from tests.deliveries.rounds import at
from tests.subscriptions.household import TOMORROW, Household


def test_a_customer_is_bound_by_the_cut_off_and_staff_give_a_reason(
    household: Household, clock: time_machine.Traveller
) -> None:
    made = household.subscribe()
    household.generate()
    ok(household.admin.patch("/settings", {"cutoff_morning": "21:00:00"}), 200)
    ok(household.override(made, TOMORROW, "3", by=household.login), 200)
    clock.move_to(at("2026-11-20 21:00"))
    household.dairy.log_in_again()
    refused(household.override(made, TOMORROW, "4", by=household.login), 422, "cutoff_passed")
    refused(household.override(made, TOMORROW, "4", by=household.login, note="please"), 422, "cutoff_passed")
    refused(household.pause(made, TOMORROW, by=household.login), 422, "cutoff_passed")
    refused(household.act(made, "stop", by=household.login, stop_date=TOMORROW), 422, "cutoff_passed")
    order = household.order()
    refused(household.login.post(f"/orders/{order['id']}/cancel", {"reason": "late"}), 422, "cutoff_passed")
    assert household.says() == ("PENDING", "3.000")
    refused(household.override(made, TOMORROW, "4"), 422, "cutoff_passed")
    ok(household.override(made, TOMORROW, "4", note="rang at ten"), 200)
    assert household.says() == ("PENDING", "4.000")
    ok(household.override(made, "2026-11-22", "5", by=household.login), 200)


def test_a_customers_change_after_the_cut_off_begins_the_day_after(
    household: Household, clock: time_machine.Traveller
) -> None:
    made = household.subscribe()
    household.generate(TOMORROW)
    household.generate("2026-11-22")
    ok(household.admin.patch("/settings", {"cutoff_morning": "21:00:00"}), 200)
    clock.move_to(at("2026-11-20 22:00"))
    household.dairy.log_in_again()
    ok(household.change(made, by=household.login, mode="weekly_pattern", weekly_pattern=[0]), 200)
    assert household.says(TOMORROW) == ("PENDING", "2.000")
    assert household.says("2026-11-22")[0] == "CANCELLED"
    ok(household.change(made, by=household.login, mode="fixed_daily", default_quantity="6"), 200)
    assert household.says(TOMORROW) == ("PENDING", "2.000")
    assert household.says("2026-11-22") == ("PENDING", "6.000")
    stopped = ok(household.act(made, "stop", by=household.login), 200)
    assert (stopped["stop_date"], stopped["status"]) == ("2026-11-22", "active")
    assert household.says(TOMORROW) == ("PENDING", "2.000")


def test_a_cut_off_is_of_the_shift_a_day_has_and_of_the_one_it_gets(
    household: Household, clock: time_machine.Traveller
) -> None:
    evening, moved = household.subscribe(shift="evening"), household.subscribe(shift="evening")
    ok(household.override(moved, TOMORROW, "3", shift="morning"), 200)
    household.generate()
    ok(household.admin.patch("/settings", {"cutoff_morning": "21:00:00"}), 200)
    clock.move_to(at("2026-11-20 21:30"))
    household.dairy.log_in_again()
    refused(household.override(evening, TOMORROW, "4", by=household.login, shift="morning"), 422, "cutoff_passed")
    refused(household.override(moved, TOMORROW, "4", by=household.login), 422, "cutoff_passed")
    cleared = household.login.delete(f"/subscriptions/{moved['id']}/overrides/{TOMORROW}")
    assert cleared.status_code == 422
    refused(household.pause(moved, TOMORROW, by=household.login), 422, "cutoff_passed")
    refused(household.act(moved, "stop", by=household.login, stop_date=TOMORROW), 422, "cutoff_passed")
    ok(household.override(evening, TOMORROW, "4", by=household.login), 200)
    ok(household.change(evening, by=household.login, shift="morning"), 200)
    shifts = {order["subscription_id"]: order["shift"] for order in household.orders(delivery_date=TOMORROW)}
    assert shifts == {evening["id"]: "evening", moved["id"]: "morning"}
    household.generate("2026-11-22")
    assert {order["shift"] for order in household.orders(delivery_date="2026-11-22")} == {"morning", "evening"}


def test_a_closed_day_about_which_something_was_said_keeps_its_shift(
    household: Household, clock: time_machine.Traveller
) -> None:
    made = household.subscribe()
    ok(household.override(made, TOMORROW, "3"), 200)
    household.generate()
    ok(household.admin.patch("/settings", {"cutoff_morning": "21:00:00"}), 200)
    clock.move_to(at("2026-11-20 21:30"))
    household.dairy.log_in_again()
    ok(household.change(made, by=household.login, shift="evening"), 200)
    assert (household.order()["shift"], household.says()) == ("morning", ("PENDING", "3.000"))


def test_an_end_that_is_set_anew_after_the_cut_off_needs_a_reason(
    household: Household, clock: time_machine.Traveller
) -> None:
    made = household.subscribe()
    household.generate()
    ok(household.admin.patch("/settings", {"cutoff_morning": "21:00:00"}), 200)
    clock.move_to(at("2026-11-20 21:00"))
    household.dairy.log_in_again()
    refused(household.change(made, stop_date=TOMORROW), 422, "cutoff_passed")
    ok(household.change(made, stop_date=TOMORROW, reason="moves away"), 200)
    assert household.says()[0] == "CANCELLED"


def test_one_day_says_what_comes_and_until_when_it_may_change(
    household: Household, clock: time_machine.Traveller
) -> None:
    made, path = household.subscribe(), f"/customers/{household.customer['id']}/days/{TOMORROW}"
    ok(household.admin.patch("/settings", {"cutoff_morning": "21:00:00", "cutoff_evening": None}), 200)
    found = ok(household.login.get(path))
    (entry,) = found["standing_orders"]
    assert (entry["subscription_id"], entry["quantity"], entry["rule"]) == (made["id"], "2.000", "fixed_daily")
    assert found["shifts"] == [
        {"shift": "morning", "changeable_until": "2026-11-20T21:00:00+05:30", "is_open": True},
        {"shift": "evening", "changeable_until": "2026-11-22T00:00:00+05:30", "is_open": True},
    ]
    clock.move_to(at("2026-11-20 21:00"))
    household.dairy.log_in_again()
    assert [each["is_open"] for each in ok(household.login.get(path))["shifts"]] == [False, True]
    refused(household.override(made, TOMORROW, "4", by=household.login), 422, "cutoff_passed")
    ok(household.override(made, TOMORROW, "4", note="rang at ten"), 200)
    (entry,) = ok(household.admin.get(path))["standing_orders"]
    assert (entry["quantity"], entry["rule"]) == ("4.000", "override")


def test_a_day_is_seen_by_who_sees_the_customer_and_has_to_be_one(household: Household) -> None:
    path = f"/customers/{household.customer['id']}/days"
    _, stranger = household.dairy.customer_login()
    for other in (stranger, household.dairy.staff("marketing_staff")):
        refused(other.get(f"{path}/{TOMORROW}"), 404, "customer_not_found")
    refused(household.dairy.staff("accountant").get(f"{path}/{TOMORROW}"), 403, "forbidden")
    for wrong in ("2026-02-30", "0001-01-01", "9999-12-31", "tomorrow"):
        refused(household.admin.get(f"{path}/{wrong}"), 422, "validation_failed")


def test_the_last_day_there_is_may_be_changed_too(household: Household) -> None:
    made, last = household.subscribe(), "9999-12-31"
    assert ok(household.override(made, last, "1"))["date"] == last
    assert household.admin.delete(f"/subscriptions/{made['id']}/overrides/{last}").status_code == 204
    refused(household.override(made, "0001-01-01", "1"), 422, "validation_failed")
    refused(household.pause(made, TOMORROW, last), 422, "validation_failed")
    assert ok(household.pause(made, last), 201)["to"] is None
