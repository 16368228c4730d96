"""Changes of standing orders, and the orders that follow them in the same breath."""

from typing import Any

import pytest
import time_machine

from tests.dairy import Client, Dairy, ok, refused
from tests.deliveries.rounds import at
from tests.subscriptions.household import TODAY, TOMORROW, Household

# ---------------------------------------------------------------------------------------------------- one day


def test_an_override_changes_the_order_that_is_there(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    said = ok(household.override(made, TOMORROW, "5", note="guests", channel="phone"), 200)
    assert (said["quantity"], said["kind"], said["note"], said["channel"]) == ("5.000", "override", "guests", "phone")
    assert said["requested_by"] == household.admin.user["id"]
    assert household.says() == ("PENDING", "5.000")
    assert household.calendar(made)[TOMORROW] == ("5.000", "override")
    ok(household.override(made, TOMORROW, "1"), 200)
    assert household.says() == ("PENDING", "1.000")


def test_zero_delivers_nothing_and_clearing_it_brings_the_order_back(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    ok(household.override(made, TOMORROW, "0", note="away"), 200)
    order = household.order()
    assert (order["status"], order["cancel_reason"]) == ("CANCELLED", "away")
    assert household.calendar(made)[TOMORROW] == ("0.000", "override")
    ok(household.admin.delete(f"/subscriptions/{made['id']}/overrides/{TOMORROW}"), 204)
    order = household.order()
    assert (order["status"], order["cancelled_at"], order["cancel_reason"]) == ("PENDING", None, None)
    assert household.says() == ("PENDING", "2.000")
    ok(household.admin.delete(f"/subscriptions/{made['id']}/overrides/{TOMORROW}"), 204)  # again: no change


def test_an_entry_makes_an_order_where_there_was_none(household: Household) -> None:
    made = household.subscribe(mode="irregular", default_quantity=None)
    assert household.generate()["created"] == 0
    ok(household.override(made, TOMORROW, "3", kind="irregular", shift="evening"), 200)
    order = household.order()
    assert (order["status"], order["shift"], order["items"][0]["quantity"]) == ("PENDING", "evening", "3.000")
    assert household.calendar(made)[TOMORROW] == ("3.000", "irregular")


def test_before_the_day_is_generated_nothing_is_made(household: Household) -> None:
    made = household.subscribe()
    ok(household.override(made, TOMORROW, "3"), 200)
    assert household.orders() == []
    household.generate()
    assert household.says() == ("PENDING", "3.000")


@pytest.mark.parametrize("how", ["confirmed", "out", "refused"])
def test_a_day_that_is_delivered_or_on_its_way_stays(household: Household, how: str) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    if how == "out":
        ok(household.admin.post("/deliveries/start", {"delivery_date": TODAY}), 200)
    else:
        status = "delivered" if how == "confirmed" else "not_delivered"
        ok(household.dairy.confirm(household.order(TODAY), status=status), 200)
    before = household.says(TODAY)
    refused(household.override(made, TODAY, "7"), 409, "illegal_transition")
    refused(household.pause(made, TODAY), 409, "illegal_transition")
    refused(household.act(made, "stop", stop_date=TODAY), 409, "illegal_transition")
    refused(household.change(made, default_quantity="7", effective_from=TODAY), 409, "illegal_transition")
    assert household.says(TODAY) == before
    assert household.calendar(made)[TODAY] == ("2.000", "fixed_daily")


@pytest.mark.parametrize("day", ["2026-11-19", "2025-11-21"])
def test_a_day_gone_by_cannot_change(household: Household, day: str) -> None:
    made = household.subscribe()
    refused(household.override(made, day, "1"), 422, "validation_failed")
    refused(household.pause(made, day), 422, "validation_failed")
    refused(household.change(made, default_quantity="1", effective_from=day), 422, "validation_failed")


@pytest.mark.parametrize("quantity", ["-1", "1.2345", "x", None, "NaN", "1e3", "99999999"])
def test_quantities_that_are_none(household: Household, quantity: Any) -> None:
    made = household.subscribe()
    refused(household.override(made, TOMORROW, quantity), 422, "validation_failed")
    assert household.read(made)["overrides"] == []


@pytest.mark.parametrize("day", ["banana", "2026-13-01", "2026-11-31", "20261121", "2026-11-21T00:00"])
def test_days_that_are_none(household: Household, day: str) -> None:
    made = household.subscribe()
    refused(household.override(made, day, "1"), 422, "validation_failed")
    refused(household.admin.delete(f"/subscriptions/{made['id']}/overrides/{day}"), 422, "validation_failed")


# --------------------------------------------------------------------------------------------------- pausing


def test_a_pause_till_a_date_cancels_and_lifting_it_brings_back(household: Household) -> None:
    made = household.subscribe()
    for day in (TODAY, TOMORROW, "2026-11-22", "2026-11-23"):
        household.generate(day)
    pause = ok(household.pause(made, TOMORROW, "2026-11-22", reason="wedding"), 201)
    assert household.read(made)["pauses"] == [pause]
    assert (pause["from"], pause["to"], pause["reason"]) == (TOMORROW, "2026-11-22", "wedding")
    said = {order["delivery_date"]: order["status"] for order in household.orders()}
    assert said == {TODAY: "PENDING", TOMORROW: "CANCELLED", "2026-11-22": "CANCELLED", "2026-11-23": "PENDING"}
    assert household.calendar(made)["2026-11-22"] == ("0.000", "pause")
    ok(household.admin.delete(f"/subscriptions/{made['id']}/pauses/{pause['id']}"), 204)
    assert {order["status"] for order in household.orders()} == {"PENDING"}


def test_a_pause_of_this_day_only(household: Household) -> None:
    made = household.subscribe()
    ok(household.pause(made, TOMORROW, TOMORROW), 201)
    days = household.calendar(made)
    assert (days[TODAY][1], days[TOMORROW][1], days["2026-11-22"][1]) == ("fixed_daily", "pause", "fixed_daily")


def test_an_indefinite_pause_ends_with_resume_and_the_past_of_it_stays(
    household: Household, clock: time_machine.Traveller
) -> None:
    made = household.subscribe()
    ok(household.pause(made, TOMORROW), 201)
    assert household.calendar(made, "2027-03")["2027-03-31"] == ("0.000", "pause")
    clock.move_to(at("2026-11-25 09:00"))
    household.dairy.log_in_again()
    household.generate("2026-11-25")
    household.generate("2026-11-26")
    resumed = ok(household.act(made, "resume", **{"from": "2026-11-26"}), 200)
    assert resumed["pauses"][0]["to"] == "2026-11-25"
    days = household.calendar(made)
    assert [days[f"2026-11-{day}"][1] for day in (20, 21, 25, 26)] == ["fixed_daily", "pause", "pause", "fixed_daily"]
    assert household.orders(delivery_date="2026-11-25") == []
    assert household.says("2026-11-26") == ("PENDING", "2.000")
    refused(household.act(made, "resume", **{"from": "2026-11-26"}), 409, "illegal_transition")


def test_pauses_that_overlap_or_end_before_they_start(household: Household) -> None:
    made = household.subscribe()
    ok(household.pause(made, "2026-12-01", "2026-12-10"), 201)
    refused(household.pause(made, "2026-12-10", "2026-12-12"), 409, "overlaps")
    refused(household.pause(made, "2026-11-25"), 409, "overlaps")
    refused(household.pause(made, "2026-12-20", "2026-12-19"), 422, "validation_failed")
    ok(household.pause(made, "2026-12-11", "2026-12-11"), 201)
    assert len(household.read(made)["pauses"]) == 2


def test_lifting_a_pause_that_has_begun_keeps_its_past(household: Household, clock: time_machine.Traveller) -> None:
    made = household.subscribe()
    pause = ok(household.pause(made, TODAY, "2026-11-30"), 201)
    clock.move_to(at("2026-11-23 10:00"))
    household.dairy.log_in_again()
    path = f"/subscriptions/{made['id']}/pauses/{pause['id']}"
    ok(household.admin.delete(path), 204)
    days = household.calendar(made)
    assert (days["2026-11-22"][1], days["2026-11-23"][1]) == ("pause", "fixed_daily")
    refused(household.admin.delete(path), 409, "illegal_transition")
    nobody = "00000000-0000-7000-8000-000000000000"
    refused(household.admin.delete(f"/subscriptions/{made['id']}/pauses/{nobody}"), 404, "pause_not_found")


# ------------------------------------------------------------------------------------------ till further notice


def test_a_new_quantity_holds_from_its_day_and_not_before(household: Household, clock: time_machine.Traveller) -> None:
    made = household.subscribe()
    for day in (TODAY, TOMORROW, "2026-11-22"):
        household.generate(day)
    changed = ok(household.change(made, default_quantity="3", effective_from="2026-11-22", reason="baby"), 200)
    assert changed["default_quantity"] == "2.000"
    assert [(row["valid_from"], row["quantity"]) for row in changed["quantity_changes"]] == [("2026-11-22", "3.000")]
    assert [household.says(day)[1] for day in (TODAY, TOMORROW, "2026-11-22")] == ["2.000", "2.000", "3.000"]
    clock.move_to(at("2026-11-22 10:00"))
    household.dairy.log_in_again()
    assert household.read(made)["default_quantity"] == "3.000"
    assert household.calendar(made)["2026-11-21"] == ("2.000", "fixed_daily")
    ok(household.change(made, default_quantity="1"), 200)
    assert household.read(made)["default_quantity"] == "1.000"
    assert household.says("2026-11-22") == ("PENDING", "1.000")


def test_without_a_day_a_new_quantity_begins_after_what_is_delivered(household: Household) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    household.generate(TOMORROW)
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    ok(household.change(made, default_quantity="4"), 200)
    assert household.says(TODAY) == ("DELIVERED", "2.000")
    assert household.says(TOMORROW) == ("PENDING", "4.000")


def test_a_mode_brings_its_own_fields(household: Household) -> None:
    made = household.subscribe()
    weekly = ok(household.change(made, mode="weekly_pattern", weekly_pattern=[6, 0]), 200)
    assert weekly["weekly_pattern"] == [0, 6]
    days = household.calendar(made)
    assert [days[f"2026-11-{day}"] for day in (21, 22, 23)] == [
        ("0.000", "weekly_pattern"),
        ("2.000", "weekly_pattern"),
        ("2.000", "weekly_pattern"),
    ]
    other = ok(household.change(made, mode="alternate_days", anchor_date="2026-11-22", interval_days=3), 200)
    assert (other["weekly_pattern"], other["interval_days"]) == (None, 3)
    assert household.calendar(made)["2026-11-25"] == ("2.000", "alternate_days")
    refused(household.change(made, weekly_pattern=[1]), 422, "validation_failed")
    refused(household.change(made, mode="weekly_pattern"), 422, "validation_failed")
    refused(household.change(made, mode="weekly_pattern", weekly_pattern=[1, 1]), 422, "validation_failed")
    refused(household.change(made, mode="weekly_pattern", weekly_pattern=[7]), 422, "validation_failed")


def test_a_quoted_price_reaches_open_orders_and_no_delivered_one(household: Household) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    household.generate(TOMORROW)
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    ok(household.change(made, price_per_unit="57.50"), 200)
    assert household.order(TODAY)["items"][0]["unit_price"] == "60.00"
    item = household.order(TOMORROW)["items"][0]
    assert (item["unit_price"], item["price_source"]) == ("57.50", "subscription")
    ok(household.change(made, price_per_unit=None), 200)
    assert household.order(TOMORROW)["items"][0]["unit_price"] == "60.00"


def test_a_shift_changes_with_its_orders(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    ok(household.change(made, shift="evening"), 200)
    assert household.order()["shift"] == "evening"


# --------------------------------------------------------------------------------------------------- stopping


def test_a_stop_cancels_what_is_open_and_keeps_what_is_delivered(household: Household) -> None:
    made = household.subscribe()
    for day in (TODAY, TOMORROW, "2026-11-22"):
        household.generate(day)
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    stopped = ok(household.act(made, "stop", reason="moved away"), 200)
    assert (stopped["status"], stopped["stop_date"]) == ("stopped", TOMORROW)
    said = {order["delivery_date"]: order["status"] for order in household.orders()}
    assert said == {TODAY: "DELIVERED", TOMORROW: "CANCELLED", "2026-11-22": "CANCELLED"}
    assert household.order()["cancel_reason"] == "moved away"
    ok(household.act(made, "stop"), 200)  # again: no change
    assert household.read(made)["stop_date"] == TOMORROW


def test_a_stop_ahead_delivers_until_then(household: Household) -> None:
    made = household.subscribe()
    stopped = ok(household.act(made, "stop", stop_date="2026-11-23"), 200)
    assert (stopped["status"], stopped["stop_date"]) == ("active", "2026-11-23")
    days = household.calendar(made)
    assert (days["2026-11-22"], days["2026-11-23"]) == (("2.000", "fixed_daily"), ("0.000", "stop_date"))
    refused(household.act(made, "stop", stop_date="2026-10-31"), 422, "validation_failed")


def test_a_start_or_end_that_is_set_anew_takes_no_delivered_day_away(household: Household) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    household.generate(TOMORROW)
    ok(household.dairy.confirm(household.order(TODAY)))
    refused(household.change(made, stop_date="2026-11-15"), 422, "validation_failed")
    refused(household.change(made, stop_date=TODAY), 409, "illegal_transition")
    refused(household.change(made, start_date=TOMORROW), 409, "illegal_transition")
    assert household.calendar(made)[TODAY] == ("2.000", "fixed_daily")
    ok(household.change(made, stop_date=TOMORROW), 200)
    assert household.says()[0] == "CANCELLED"
    ok(household.change(made, stop_date=None, start_date="2026-11-05"), 200)
    assert household.says() == ("PENDING", "2.000")


def test_a_stopped_one_can_be_taken_up_again(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    ok(household.act(made, "stop"), 200)
    assert household.says()[0] == "CANCELLED"
    ok(household.change(made, status="active", stop_date=None), 200)
    assert household.says() == ("PENDING", "2.000")


def test_who_asked_by_which_way_and_why_is_kept(household: Household) -> None:
    """For the standing order itself, too: when it begins, changes and ends."""

    def said(by: Client) -> tuple[str, str | None]:
        seen = household.read(made)
        assert seen["requested_by"] == by.user["id"]
        return seen["channel"], seen["change_reason"]

    made = household.subscribe(channel="phone")
    assert said(household.admin) == ("phone", None)
    ok(household.change(made, by=household.login, shift="evening", reason="night duty"), 200)
    assert said(household.login) == ("app", "night duty")
    ok(household.act(made, "stop", reason="moved away", channel="whatsapp"), 200)
    assert said(household.admin) == ("whatsapp", "moved away")
    log = ok(household.admin.get("/audit-log", table_name="subscriptions", row_id=made["id"]))["items"]
    assert [entry["after"].get("channel") for entry in log] == ["whatsapp", "app", "phone"]


# ---------------------------------------------------------------------------------- cancelling, and the customer


def test_cancelling_an_order_of_a_standing_order_can_be_taken_back(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    order = household.order()
    cancelled = ok(household.login.post(f"/orders/{order['id']}/cancel", {"reason": "not at home"}), 200)
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("CANCELLED", "not at home")
    assert household.calendar(made)[TOMORROW] == ("0.000", "override")
    household.generate()
    assert household.says()[0] == "CANCELLED"
    ok(household.override(made, TOMORROW, "2", by=household.login), 200)
    assert household.says() == ("PENDING", "2.000")


def test_a_delivery_that_failed_and_was_cancelled_stays_cancelled(household: Household) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    order = household.order(TODAY)
    ok(household.dairy.confirm(order, status="not_delivered"), 200)
    ok(household.admin.post(f"/orders/{order['id']}/cancel", {"reason": "nobody there"}), 200)
    ok(household.change(made, default_quantity="9"), 200)
    household.generate(TODAY)
    assert household.says(TODAY) == ("CANCELLED", "2.000")


def test_a_customer_that_pauses_gets_nothing_until_it_is_active_again(household: Household) -> None:
    household.subscribe()
    household.generate()
    path = f"/customers/{household.customer['id']}"
    ok(household.admin.patch(path, {"status": "paused"}), 200)
    assert household.says()[0] == "CANCELLED"
    ok(household.admin.patch(path, {"status": "active"}), 200)
    assert household.says() == ("PENDING", "2.000")


def test_a_draft_waits_until_it_is_released(household: Household) -> None:
    made = household.subscribe(status="draft")
    household.generate()
    assert household.orders() == []
    assert household.calendar(made)[TOMORROW] == ("0.000", "draft")
    ok(household.change(made, status="active"), 200)
    assert household.says() == ("PENDING", "2.000")


def test_auto_start_off_waits_too(household: Household) -> None:
    made = household.subscribe(auto_start=False)
    assert household.generate()["created"] == 0
    assert household.calendar(made)[TOMORROW] == ("0.000", "not_started")
    ok(household.change(made, auto_start=True), 200)
    assert household.says() == ("PENDING", "2.000")


def test_a_new_one_reaches_days_that_are_made_already(household: Household) -> None:
    household.generate(TODAY)
    household.generate(TOMORROW)
    household.subscribe(start_date=TOMORROW)
    assert [order["delivery_date"] for order in household.orders()] == [TOMORROW]


def test_a_rhythm_begins_with_a_quantity(household: Household) -> None:
    made = household.subscribe(mode="day_by_day", default_quantity=None)
    refused(household.change(made, mode="fixed_daily"), 422, "validation_failed")
    refused(household.change(made, mode="fixed_daily", default_quantity="0"), 422, "validation_failed")
    ok(household.change(made, mode="fixed_daily", default_quantity="1"), 200)
    assert household.calendar(made)[TODAY] == ("1.000", "fixed_daily")
    ok(household.change(made, mode="irregular"), 200)
    ok(household.change(made, mode="fixed_daily"), 200)


def test_one_that_came_paused_is_resumed_on_a_day_ahead_and_not_before(household: Household, sql: Any) -> None:
    made = household.subscribe()
    ok(household.pause(made, "2026-11-22", "2026-11-23"), 201)
    sql("UPDATE subscriptions SET status = 'paused' WHERE id = %s", made["id"])
    household.generate()
    ok(household.act(made, "resume", **{"from": "2026-11-26"}), 200)
    assert household.orders() == []
    days = household.calendar(made)
    assert {days[f"2026-11-{day}"] for day in range(20, 26)} == {("0.000", "pause")}
    assert days["2026-11-26"] == ("2.000", "fixed_daily")
    assert len(household.read(made)["pauses"]) == 3
    ok(household.act(made, "resume", **{"from": TOMORROW}), 200)
    assert household.says() == ("PENDING", "2.000")


# ---------------------------------------------------------------------------------------------------- cut-off


def test_staff_quote_no_price_below_the_floor_that_the_owner_sets(dairy: Dairy) -> None:
    seller = dairy.staff("marketing_staff")
    milk = dairy.product("60.00")
    assert milk["minimum_price"] is None
    customer = dairy.customer(marketing_staff_id=seller.user["id"])
    path = f"/products/{milk['id']}"
    assert ok(dairy.admin.patch(path, {"minimum_price": "55.00"}))["minimum_price"] == "55.00"
    wanted = {"customer_id": customer["id"], "product_id": milk["id"], "mode": "fixed_daily", "default_quantity": "1"}
    low = seller.post("/subscriptions", wanted | {"price_per_unit": "54.99"})
    problem = refused(low, 403, "forbidden")
    assert problem["detail"] == "Only an admin may quote less than 55.00 for this product."
    assert [each["pointer"] for each in problem["errors"]] == ["/price_per_unit"]
    made = ok(seller.post("/subscriptions", wanted | {"price_per_unit": "55.00"}), 201)
    refused(seller.patch(f"/subscriptions/{made['id']}", {"price_per_unit": "54.00"}), 403, "forbidden")
    ok(dairy.admin.patch(f"/subscriptions/{made['id']}", {"price_per_unit": "54.00"}))
    ok(seller.patch(f"/subscriptions/{made['id']}", {"price_per_unit": None}))
    assert ok(seller.get(path))["minimum_price"] == "55.00"
    for reader in (dairy.customer_login()[1], dairy.staff("delivery_boy")):
        assert ok(reader.get(path))["minimum_price"] is None
        assert {each["minimum_price"] for each in ok(reader.get("/products"))["items"]} == {None}
    refused(dairy.admin.patch(path, {"minimum_price": "-1"}), 422, "validation_failed")
