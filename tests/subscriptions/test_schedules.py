"""What a standing order becomes from a day on, and quantities of weekdays."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from tests.conftest import raw_connection
from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import at
from tests.subscriptions.household import TODAY, TOMORROW, Household

LATER = "2026-11-25"
WEEK = {"mon": "1", "tue": "0", "wed": "2", "thu": "0", "fri": "1.5", "sat": "0", "sun": "3"}


def change(household: Household, made: Any, first: str, by: Client | None = None, **fields: Any) -> Any:
    return (by or household.admin).post(f"/subscriptions/{made['id']}/changes", {"from": first} | fields)


def take_back(household: Household, made: Any, planned: Any, by: Client | None = None) -> Any:
    return (by or household.admin).delete(f"/subscriptions/{made['id']}/changes/{planned['id']}")


def items(household: Household, day: str) -> tuple[str, str, str]:
    (item,) = household.order(day)["items"]
    return item["product_id"], item["quantity"], item["unit_price"]


def test_another_product_rhythm_and_shift_from_a_day_on(household: Household) -> None:
    made = household.subscribe()
    curd = household.dairy.product("90.00")
    planned = ok(
        change(
            household, made, LATER, product_id=curd["id"], mode="weekly_pattern", weekly_pattern=[2], shift="evening"
        ),
        201,
    )
    assert (planned["from"], planned["to"], planned["product_name"]) == (LATER, None, curd["name"])
    assert (planned["default_quantity"], planned["price_per_unit"], planned["channel"]) == ("2.000", None, "staff")
    read = household.read(made)
    assert (read["product_id"], read["mode"], read["shift"]) == (household.milk["id"], "fixed_daily", "morning")
    assert [each["id"] for each in read["changes"]] == [planned["id"]]
    days = {
        each["date"]: each
        for each in ok(household.admin.get(f"/subscriptions/{made['id']}/calendar", period="2026-11"))["days"]
    }
    before, on, after = days["2026-11-24"], days[LATER], days["2026-11-26"]
    assert (before["quantity"], before["shift"], before["product_id"]) == ("2.000", "morning", household.milk["id"])
    assert (on["quantity"], on["rule"], on["shift"], on["product_name"]) == (
        "2.000", "weekly_pattern", "evening", curd["name"],
    )  # fmt: skip
    assert after["quantity"] == "0.000"


def test_orders_that_wait_follow_and_come_back(household: Household, database_url: str) -> None:
    made = household.subscribe()
    curd = household.dairy.product("90.00")
    for day in (TOMORROW, "2026-11-22"):
        household.generate(day)
    planned = ok(
        change(household, made, "2026-11-22", product_id=curd["id"], default_quantity="1", shift="evening"), 201
    )
    assert items(household, TOMORROW) == (household.milk["id"], "2.000", "60.00")
    assert items(household, "2026-11-22") == (curd["id"], "1.000", "90.00")
    assert household.order("2026-11-22")["shift"] == "evening"
    needed = ok(household.admin.get("/reports/requirements", date="2026-11-23"))["totals"]
    assert [(each["product_id"], each["quantity"]) for each in needed] == [(curd["id"], "1.000")]
    ok(take_back(household, made, planned), 204)
    assert items(household, "2026-11-22") == (household.milk["id"], "2.000", "60.00")
    assert household.order("2026-11-22")["shift"] == "morning"
    assert household.read(made)["changes"] == []
    with raw_connection(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM subscription_schedules")
        assert cursor.fetchall() == [(0,)]  # what never changes says all itself


def test_a_quoted_price_holds_from_its_day(household: Household) -> None:
    made = household.subscribe(price_per_unit="58.00")
    for day in (TOMORROW, "2026-11-22"):
        household.generate(day)
    ok(change(household, made, "2026-11-22", price_per_unit="55.00"), 201)
    assert (items(household, TOMORROW)[2], items(household, "2026-11-22")[2]) == ("58.00", "55.00")
    ok(household.change(made, price_per_unit="59.00"))
    assert (items(household, TOMORROW)[2], items(household, "2026-11-22")[2]) == ("59.00", "55.00")
    ok(change(household, made, "2026-11-22", price_per_unit=None, replace_later=True), 201)
    assert items(household, "2026-11-22")[2] == "60.00"
    curd = household.dairy.product("90.00")
    ok(change(household, made, "2026-11-22", product_id=curd["id"], replace_later=True), 201)
    assert items(household, "2026-11-22") == (curd["id"], "2.000", "90.00")


def test_a_later_change_is_named_or_gives_way(household: Household) -> None:
    made = household.subscribe()
    later = ok(change(household, made, LATER, default_quantity="3"), 201)
    told = refused(change(household, made, "2026-11-23", mode="alternate_days"), 409, "overlaps")["errors"][0]
    assert told["pointer"] == "/from"
    assert told["conflicts_with"] == {"id": later["id"], "from": LATER, "to": None}
    refused(change(household, made, LATER, shift="evening"), 409, "overlaps")
    ok(change(household, made, "2026-11-28", shift="evening"), 201)
    ok(change(household, made, "2026-11-23", mode="alternate_days", replace_later=True), 201)
    (only,) = household.read(made)["changes"]
    assert (only["from"], only["interval_days"], only["anchor_date"]) == ("2026-11-23", 2, "2026-11-23")
    calendar = household.calendar(made)
    assert [calendar[f"2026-11-{day}"][0] for day in (22, 23, 24, 25)] == ["2.000", "2.000", "0.000", "2.000"]


def test_changes_follow_each_other(household: Household) -> None:
    made = household.subscribe()
    first = ok(change(household, made, "2026-11-23", default_quantity="3"), 201)
    second = ok(change(household, made, LATER, shift="evening"), 201)
    assert second["default_quantity"] == "3.000"
    assert [(each["from"], each["to"]) for each in household.read(made)["changes"]] == [
        ("2026-11-23", "2026-11-24"), (LATER, None),
    ]  # fmt: skip
    ok(take_back(household, made, first), 204)
    calendar = household.calendar(made)
    assert (calendar["2026-11-23"][0], calendar[LATER][0]) == ("2.000", "2.000")
    refused(take_back(household, made, first), 404, "change_not_found")


def test_what_changes_today_shows_at_once_and_tomorrow_when_orders_are_made(
    household: Household, clock: time_machine.Traveller, nightly: Callable[..., tuple[int, str, str]], database_url: str
) -> None:
    made = household.subscribe()
    ok(change(household, made, TODAY, shift="evening"), 201)
    assert household.read(made)["shift"] == "evening"
    ok(change(household, made, TOMORROW, mode="weekly_pattern", weekly_quantities=WEEK), 201)
    assert household.read(made)["mode"] == "fixed_daily"
    clock.move_to(at("2026-11-21 00:30"))
    household.dairy.log_in_again()
    read = household.read(made)
    assert (read["mode"], read["changes"]) == ("weekly_pattern", [])
    with raw_connection(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT mode FROM subscriptions")
        assert cursor.fetchall() == [("fixed_daily",)]
        nightly()
        connection.rollback()
        cursor.execute("SELECT mode, weekly_pattern FROM subscriptions")
        assert cursor.fetchall() == [("weekly_pattern", [0, 2, 4, 6])]
    listed = ok(household.admin.get("/subscriptions", mode="weekly_pattern"))["items"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert household.calendar(made)["2026-11-20"] == ("2.000", "fixed_daily")
    assert household.calendar(made)["2026-11-22"] == ("3.000", "weekly_pattern")


def test_the_present_may_change_before_what_is_planned(household: Household) -> None:
    made = household.subscribe()
    ok(change(household, made, LATER, mode="weekly_pattern", weekly_pattern=[2]), 201)
    ok(household.change(made, shift="evening", default_quantity="1"))
    read = household.read(made)
    assert (read["shift"], read["changes"][0]["shift"]) == ("evening", "evening")
    calendar = household.calendar(made)
    assert (calendar["2026-11-24"], calendar[LATER]) == (("1.000", "fixed_daily"), ("1.000", "weekly_pattern"))


def test_a_quantity_till_further_notice_ends_where_a_change_names_one(household: Household) -> None:
    made = household.subscribe()
    ok(household.change(made, default_quantity="4", effective_from="2026-11-26"))
    ok(change(household, made, LATER, default_quantity="3"), 201)
    assert household.read(made)["quantity_changes"] == []
    assert household.calendar(made)["2026-11-26"][0] == "3.000"
    ok(household.change(made, default_quantity="1", effective_from="2026-11-22"))
    calendar = household.calendar(made)
    assert [calendar[day][0] for day in ("2026-11-21", "2026-11-22", LATER)] == ["2.000", "1.000", "3.000"]
    ok(household.change(made, default_quantity="5", effective_from=LATER))
    assert household.calendar(made)[LATER][0] == "5.000"


def test_weekdays_have_their_own_quantities(household: Household) -> None:
    made = household.subscribe(mode="weekly_pattern", weekly_quantities=WEEK, default_quantity=None)
    assert made["weekly_quantities"] == {
        "mon": "1.000", "tue": "0.000", "wed": "2.000", "thu": "0.000", "fri": "1.500", "sat": "0.000", "sun": "3.000",
    }  # fmt: skip
    assert made["weekly_pattern"] == [0, 2, 4, 6]
    calendar = household.calendar(made)
    assert [calendar[f"2026-11-{day}"][0] for day in range(16, 23)] == [
        "1.000", "0.000", "2.000", "0.000", "1.500", "0.000", "3.000",
    ]  # fmt: skip
    refused(household.change(made, default_quantity="3"), 422, "validation_failed")
    refused(change(household, made, LATER, default_quantity="3"), 422, "validation_failed")
    changed = ok(household.change(made, weekly_quantities={"sat": "2"}))
    assert (changed["weekly_pattern"], changed["weekly_quantities"]["sun"]) == ([5], "0.000")
    plain = ok(household.change(made, weekly_pattern=[1, 5], default_quantity="2"))
    assert plain["weekly_quantities"] is None
    assert household.calendar(made)["2026-11-24"][0] == "2.000"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"mode": "weekly_pattern", "weekly_quantities": {}}, "/weekly_quantities"),
        ({"mode": "weekly_pattern", "weekly_quantities": {"mon": "0"}}, "/weekly_quantities"),
        ({"mode": "weekly_pattern", "weekly_quantities": {"mon": "-1"}}, "/weekly_quantities/mon"),
        ({"mode": "weekly_pattern", "weekly_quantities": {"monday": "1"}}, "/weekly_quantities/monday"),
        ({"mode": "weekly_pattern", "weekly_quantities": [1]}, "/weekly_quantities"),
        ({"mode": "weekly_pattern", "weekly_quantities": {"mon": "1"}, "weekly_pattern": [0]}, "/weekly_quantities"),
        ({"weekly_quantities": {"mon": "1"}}, "/weekly_quantities"),
        ({"mode": "weekly_pattern", "weekly_quantities": None}, "/weekly_pattern"),
    ],
)
def test_quantities_of_weekdays_that_make_no_sense(household: Household, fields: Any, pointer: str) -> None:
    body = {"customer_id": household.customer["id"], "product_id": household.milk["id"], "mode": "fixed_daily"}
    told = refused(household.admin.post("/subscriptions", body | fields), 422, "validation_failed")
    assert told["errors"][0]["pointer"].startswith(pointer)


def test_a_product_of_another_unit_needs_a_quantity_of_its_own(household: Household) -> None:
    made = household.subscribe(default_quantity="1.5")
    eggs = household.dairy.product("7.00", unit="piece")
    told = refused(change(household, made, LATER, product_id=eggs["id"]), 422, "validation_failed")
    assert told["errors"][0]["pointer"] == "/default_quantity"
    half = change(household, made, LATER, product_id=eggs["id"], default_quantity="6.5")
    assert refused(half, 422, "validation_failed")["errors"][0]["code"] == "not_whole"
    half = change(household, made, LATER, product_id=eggs["id"], weekly_quantities={"mon": "6.5"})
    assert refused(half, 422, "validation_failed")["errors"][0]["pointer"] == "/weekly_quantities/mon"
    ok(household.override(made, "2026-11-28", "2"))
    told = refused(
        change(household, made, LATER, product_id=eggs["id"], default_quantity="6"), 422, "validation_failed"
    )
    assert "2026-11-28" in told["detail"]
    ok(household.admin.delete(f"/subscriptions/{made['id']}/overrides/2026-11-28"), 204)
    planned = ok(change(household, made, LATER, product_id=eggs["id"], weekly_quantities={"mon": "6"}), 201)
    refused(household.override(made, "2026-11-28", "2.5"), 422, "validation_failed")
    ok(household.override(made, "2026-11-24", "2.5"))
    ok(household.override(made, "2026-11-28", "2"))
    refused(take_back(household, made, planned), 422, "validation_failed")
    ok(household.override(made, "2026-11-28", "0"))
    ok(take_back(household, made, planned), 204)
    assert household.calendar(made)["2026-11-30"][0] == "1.500"


def test_what_is_refused(household: Household) -> None:
    made = household.subscribe(start_date="2026-11-10", stop_date="2026-12-24")
    gone, unpriced = household.dairy.product("50.00"), household.dairy.product(None)
    ok(household.admin.patch(f"/products/{gone['id']}", {"is_active": False}))
    refused(change(household, made, LATER, product_id=gone["id"]), 422, "product_inactive")
    refused(change(household, made, LATER, product_id=unpriced["id"]), 422, "no_price")
    refused(change(household, made, LATER, product_id=household.customer["id"]), 404, "product_not_found")
    refused(change(household, made, "2026-11-19", shift="evening"), 422, "validation_failed")
    refused(change(household, made, "2026-11-09", shift="evening"), 422, "validation_failed")
    refused(change(household, made, "2026-12-24", shift="evening"), 409, "illegal_transition")
    refused(change(household, made, LATER), 422, "validation_failed")
    refused(change(household, made, LATER, mode="weekly_pattern"), 422, "validation_failed")
    refused(change(household, made, LATER, interval_days=3), 422, "validation_failed")
    eggs = household.dairy.product("7.00", unit="piece")
    nothing = change(household, made, LATER, product_id=eggs["id"], default_quantity="0")
    refused(nothing, 422, "validation_failed")
    refused(change(household, {"id": household.customer["id"]}, LATER, shift="evening"), 404, "subscription_not_found")
    ok(household.act(made, "stop"))
    refused(change(household, made, LATER, shift="evening"), 409, "illegal_transition")
    assert household.read(made)["changes"] == []


def test_days_on_their_way_or_delivered_stay(household: Household) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    order = household.order(TODAY)
    delivered = {"order_id": order["id"], "status": "delivered"}
    ok(household.admin.post("/deliveries/confirmations", delivered), 200)
    refused(change(household, made, TODAY, default_quantity="3"), 409, "illegal_transition")
    ok(change(household, made, TOMORROW, default_quantity="3"), 201)


def test_a_change_that_holds_is_not_taken_back(household: Household, clock: time_machine.Traveller) -> None:
    made = household.subscribe()
    planned = ok(change(household, made, TOMORROW, default_quantity="3"), 201)
    clock.move_to(at("2026-11-21 08:00"))
    household.dairy.log_in_again()
    refused(take_back(household, made, planned), 409, "illegal_transition")


def test_a_customer_changes_its_own_before_the_cut_off(household: Household) -> None:
    made = household.subscribe()
    ok(household.admin.patch("/settings", {"cutoff_morning": "09:00", "cutoff_evening": "21:00"}))
    _, stranger = household.dairy.customer_login()
    refused(change(household, made, LATER, stranger, shift="evening"), 404, "subscription_not_found")
    refused(change(household, made, TOMORROW, household.login, shift="evening"), 422, "cutoff_passed")
    refused(change(household, made, LATER, household.login, price_per_unit="1.00"), 403, "forbidden")
    planned = ok(change(household, made, "2026-11-22", household.login, weekly_quantities=WEEK, reason="Guests"), 201)
    assert (planned["channel"], planned["mode"], planned["reason"]) == ("app", "weekly_pattern", "Guests")
    refused(take_back(household, made, planned, stranger), 404, "subscription_not_found")
    ok(take_back(household, made, planned, household.login), 204)
    refused(change(household, made, TOMORROW, default_quantity="3"), 422, "cutoff_passed")
    ok(change(household, made, TOMORROW, default_quantity="3", reason="By phone"), 201)


def test_an_evening_that_becomes_a_morning_has_the_mornings_cut_off(household: Household) -> None:
    made = household.subscribe(shift="evening")
    ok(change(household, made, TOMORROW, shift="morning"), 201)
    ok(household.admin.patch("/settings", {"cutoff_morning": "09:00", "cutoff_evening": None}))
    refused(household.override(made, TOMORROW, "5", household.login), 422, "cutoff_passed")
    ok(household.act(made, "stop", household.login))
    assert household.read(made)["stop_date"] == "2026-11-22"


def test_a_closed_day_gives_nothing_to_a_day_with_another_product(household: Household) -> None:
    made = household.subscribe()
    curd = household.dairy.product("90.00")
    ok(change(household, made, "2026-11-24", product_id=curd["id"], default_quantity="1"), 201)
    ok(household.admin.post("/closed-days", {"day": LATER, "deliver_on": "2026-11-23", "reason": "Feast"}), 201)
    assert household.calendar(made)["2026-11-23"] == ("2.000", "fixed_daily")
    ok(household.admin.post("/closed-days", {"day": "2026-11-27", "deliver_on": "2026-11-26", "reason": "Feast"}), 201)
    assert household.calendar(made)["2026-11-26"] == ("2.000", "closed_day_moved")


def test_a_pause_holds_back_and_gives_back_what_the_day_has_by_then(household: Household) -> None:
    made = household.subscribe()
    curd = household.dairy.product("90.00")
    household.generate(TOMORROW)
    paused = ok(household.pause(made, TOMORROW, TOMORROW), 201)
    ok(change(household, made, TOMORROW, product_id=curd["id"]), 201)
    assert household.says() == ("CANCELLED", "2.000")
    ok(household.admin.delete(f"/subscriptions/{made['id']}/pauses/{paused['id']}"), 204)
    assert household.says() == ("PENDING", "2.000")
    assert items(household, TOMORROW) == (curd["id"], "2.000", "90.00")


def test_a_repeat_of_the_request_changes_nothing(household: Household) -> None:
    made = household.subscribe()
    path, body = f"/subscriptions/{made['id']}/changes", {"from": LATER, "shift": "evening"}
    first = household.admin.post(path, body, headers={"Idempotency-Key": "the-same-again"})
    assert ok(household.admin.post(path, body, headers={"Idempotency-Key": "the-same-again"}), 201) == ok(first, 201)
    assert len(household.read(made)["changes"]) == 1


def test_the_month_s_grid_knows_the_product_of_the_day(household: Household) -> None:
    made = household.subscribe()
    curd = household.dairy.product("90.00")
    ok(change(household, made, LATER, product_id=curd["id"]), 201)
    cell = {"customer_id": household.customer["id"], "date": LATER, "quantity": "5", "reason": "Feast"}
    entry = cell | {"product_id": curd["id"]}
    assert ok(household.admin.put("/billing/monthly-view/days", entry))["applied"] == "override"
    refused(
        household.admin.put("/billing/monthly-view/days", cell | {"product_id": household.milk["id"]}),
        404,
        "subscription_not_found",
    )


def test_more_than_usual_is_confirmed_by_an_admin(household: Household) -> None:
    curd, staff = household.dairy.product("90.00"), household.dairy.staff("marketing_staff")
    ok(household.admin.patch(f"/customers/{household.customer['id']}", {"marketing_staff_id": staff.user["id"]}))
    body = {"customer_id": household.customer["id"], "product_id": household.milk["id"], "mode": "fixed_daily"}
    much, more = body | {"default_quantity": "50.001"}, body | {"default_quantity": "50"}
    told = refused(household.admin.post("/subscriptions", much), 422, "quantity_unusual")
    assert told["errors"][0]["pointer"] == "/default_quantity"
    refused(household.login.post("/subscriptions", much | {"confirm": True}), 422, "quantity_unusual")
    refused(staff.post("/subscriptions", much | {"confirm": True}), 422, "quantity_unusual")
    made = ok(household.admin.post("/subscriptions", more), 201)
    week = {"mode": "weekly_pattern", "weekly_quantities": {"sun": "51"}}
    told = refused(change(household, made, LATER, **week), 422, "quantity_unusual")
    assert told["errors"][0]["pointer"] == "/weekly_quantities/sun"
    refused(household.change(made, default_quantity="51"), 422, "quantity_unusual")
    refused(household.change(made, **week), 422, "quantity_unusual")
    refused(household.override(made, TOMORROW, "51"), 422, "quantity_unusual")
    cell = {"customer_id": household.customer["id"], "product_id": household.milk["id"], "date": TOMORROW}
    cell |= {"quantity": "51", "reason": "Wedding"}
    refused(household.admin.put("/billing/monthly-view/days", cell), 422, "quantity_unusual")
    item = {"product_id": curd["id"], "quantity": "51"}
    order = {"customer_id": household.customer["id"], "delivery_date": TOMORROW, "items": [item]}
    told = refused(household.admin.post("/orders", order), 422, "quantity_unusual")
    assert told["errors"][0]["pointer"] == "/items/0/quantity"
    ok(household.admin.put("/billing/monthly-view/days", cell | {"confirm": True}))
    ok(household.override(made, TOMORROW, "60", confirm=True))
    ok(change(household, made, LATER, **week, confirm=True), 201)
    ok(household.change(made, default_quantity="55", confirm=True))
    placed = ok(household.admin.post("/orders", order | {"confirm": True}), 201)
    same = {"items": [item], "notes": "Gate 2"}
    ok(household.login.patch(f"/orders/{placed['id']}", same))
    larger = {"items": [item | {"quantity": "52"}]}
    refused(household.login.patch(f"/orders/{placed['id']}", larger | {"confirm": True}), 422, "quantity_unusual")
    ok(household.admin.patch(f"/orders/{placed['id']}", larger | {"confirm": True}))


def test_the_bound_is_the_dairys(household: Household) -> None:
    ok(household.admin.patch("/settings", {"max_order_quantity": {"litre": "3"}}))
    settings = ok(household.admin.patch("/settings", {"max_order_quantity": {"dozen": None}}))["max_order_quantity"]
    assert settings == {"litre": "3.000", "kg": "20.000", "packet": "100.000", "piece": "100.000", "dozen": None}
    made = household.subscribe()
    refused(household.override(made, TOMORROW, "3.5"), 422, "quantity_unusual")
    ok(household.admin.patch("/settings", {"max_order_quantity": {"litre": None}}))
    ok(household.override(made, TOMORROW, "3500"))
    refused(household.admin.patch("/settings", {"max_order_quantity": {"litre": "0"}}), 422, "validation_failed")
    refused(household.admin.patch("/settings", {"max_order_quantity": {"gallon": "1"}}), 422, "validation_failed")


def test_one_more_of_the_same_is_confirmed(household: Household) -> None:
    made = household.subscribe()
    body = {
        "customer_id": household.customer["id"], "product_id": household.milk["id"], "mode": "fixed_daily",
        "default_quantity": "1", "start_date": TODAY,
    }  # fmt: skip
    told = refused(household.login.post("/subscriptions", body), 409, "already_exists")
    assert told["errors"][0]["pointer"] == "/product_id"
    evening = ok(household.login.post("/subscriptions", body | {"shift": "evening"}), 201)
    refused(change(household, evening, LATER, shift="morning"), 409, "already_exists")
    refused(household.admin.patch(f"/subscriptions/{evening['id']}", {"shift": "morning"}), 409, "already_exists")
    ok(change(household, evening, LATER, shift="morning", confirm=True), 201)
    ok(household.login.post("/subscriptions", body | {"confirm": True}), 201)
    curd = household.dairy.product("90.00")
    bodies = body | {"product_id": curd["id"]}
    other = ok(household.admin.post("/subscriptions", bodies), 201)
    ok(household.act(other, "stop"))
    ok(household.admin.post("/subscriptions", bodies), 201)
    again = {"status": "active", "stop_date": None}
    refused(household.admin.patch(f"/subscriptions/{other['id']}", again), 409, "already_exists")
    ok(household.admin.patch(f"/subscriptions/{other['id']}", again | {"confirm": True}))
    assert household.read(made)["status"] == "active"


def test_what_began_tonight_may_change_before_orders_are_made(
    household: Household, clock: time_machine.Traveller
) -> None:
    made = household.subscribe()
    ok(change(household, made, TOMORROW, mode="weekly_pattern", weekly_pattern=[5]), 201)
    clock.move_to(at("2026-11-21 00:10"))
    household.dairy.log_in_again()
    assert ok(household.change(made, weekly_pattern=[5, 6]))["weekly_pattern"] == [5, 6]
    assert household.calendar(made)["2026-11-22"] == ("2.000", "weekly_pattern")


def test_a_price_that_staff_planned_is_not_the_households_to_undo(household: Household) -> None:
    made = household.subscribe(price_per_unit="58.00")
    planned = ok(change(household, made, LATER, price_per_unit="65.00"), 201)
    refused(take_back(household, made, planned, household.login), 403, "forbidden")
    away = change(household, made, "2026-11-23", household.login, shift="evening", replace_later=True)
    refused(away, 403, "forbidden")
    ok(change(household, made, "2026-11-28", household.login, shift="evening"), 201)
    assert [each["price_per_unit"] for each in household.read(made)["changes"]] == ["65.00", "65.00"]
    ok(change(household, made, "2026-11-23", shift="evening", replace_later=True), 201)


def test_what_gives_way_takes_quantities_in_its_unit_along(household: Household) -> None:
    made = household.subscribe()
    eggs = household.dairy.product("7.00", unit="piece")
    ok(change(household, made, LATER, product_id=eggs["id"], default_quantity="6"), 201)
    ok(household.change(made, default_quantity="12", effective_from="2026-11-27"))
    ok(household.override(made, "2026-11-28", "30"))
    again = {"shift": "evening", "replace_later": True}
    told = refused(change(household, made, "2026-11-23", **again), 422, "validation_failed")
    assert (told["errors"][0]["pointer"], told["errors"][0]["code"]) == ("/replace_later", "other_unit")
    ok(household.admin.delete(f"/subscriptions/{made['id']}/overrides/2026-11-28"), 204)
    ok(change(household, made, "2026-11-23", **again), 201)
    assert {household.calendar(made)[f"2026-11-{day}"][0] for day in range(21, 31)} == {"2.000"}


def test_what_is_taken_back_leaves_the_next_its_quantity(household: Household) -> None:
    made = household.subscribe()
    eggs, curd = household.dairy.product("7.00", unit="piece"), household.dairy.product("90.00", unit="kg")
    first = ok(change(household, made, "2026-11-23", product_id=eggs["id"], default_quantity="6"), 201)
    ok(change(household, made, LATER, shift="evening"), 201)
    ok(change(household, made, "2026-11-28", product_id=curd["id"], default_quantity="1"), 201)
    ok(household.change(made, default_quantity="3", effective_from="2026-11-29"))
    ok(take_back(household, made, first), 204)
    calendar = household.calendar(made)
    days = ("2026-11-24", LATER, "2026-11-28", "2026-11-29")
    assert [calendar[day][0] for day in days] == ["2.000", "6.000", "1.000", "3.000"]


def test_quantities_of_weekdays_are_said_anew_in_another_unit(household: Household) -> None:
    made = household.subscribe(mode="weekly_pattern", weekly_quantities={"mon": "2"}, default_quantity=None)
    eggs = household.dairy.product("7.00", unit="piece")
    told = refused(change(household, made, LATER, product_id=eggs["id"]), 422, "validation_failed")
    assert told["errors"][0]["pointer"] == "/weekly_quantities"
    ok(change(household, made, LATER, product_id=eggs["id"], weekly_quantities={"mon": "6"}), 201)


def test_what_is_usual_is_judged_by_the_product_of_the_day(household: Household) -> None:
    eggs = household.dairy.product("7.00", unit="piece")
    made, other = household.subscribe(), household.subscribe(product_id=eggs["id"], default_quantity="6")
    ok(change(household, made, LATER, product_id=eggs["id"], default_quantity="6", confirm=True), 201)
    ok(change(household, other, LATER, product_id=household.milk["id"], default_quantity="2", confirm=True), 201)
    ok(household.change(made, default_quantity="60", effective_from=LATER))
    refused(household.change(other, default_quantity="60", effective_from=LATER), 422, "quantity_unusual")
    refused(household.change(made, default_quantity="60", effective_from="2026-11-24"), 422, "quantity_unusual")


def test_a_planned_change_keeps_up_with_what_it_only_kept(household: Household) -> None:
    made = household.subscribe(price_per_unit="58.00")
    ok(change(household, made, "2026-11-22", mode="alternate_days"), 201)
    ok(change(household, made, "2026-11-24", price_per_unit="55.00"), 201)
    ok(change(household, made, "2026-11-26", price_per_unit="58.00"), 201)
    for day in ("2026-11-22", "2026-11-24", "2026-11-26"):
        household.generate(day)
    ok(household.change(made, price_per_unit="59.00", shift="evening"))
    told = [(each["mode"], each["shift"], each["price_per_unit"]) for each in household.read(made)["changes"]]
    assert told == [("alternate_days", "evening", price) for price in ("59.00", "55.00", "58.00")]
    assert [items(household, f"2026-11-{day}")[2] for day in (22, 24, 26)] == ["59.00", "55.00", "58.00"]
    assert {household.order(f"2026-11-{day}")["shift"] for day in (22, 24, 26)} == {"evening"}
    ok(household.change(made, mode="weekly_pattern", weekly_pattern=[6]))
    assert {each["mode"] for each in household.read(made)["changes"]} == {"alternate_days"}


def test_a_rhythm_in_litres_is_not_that_of_eggs(household: Household) -> None:
    made = household.subscribe()
    eggs = household.dairy.product("7.00", unit="piece")
    ok(change(household, made, LATER, product_id=eggs["id"], default_quantity="6"), 201)
    ok(household.change(made, mode="weekly_pattern", weekly_quantities=WEEK))
    assert household.calendar(made)["2026-11-27"] == ("6.000", "fixed_daily")


def test_one_more_of_the_same_on_any_day_to_come_is_confirmed(household: Household) -> None:
    curd = household.dairy.product("90.00")
    made = household.subscribe()
    ok(change(household, made, LATER, product_id=curd["id"]), 201)
    ok(change(household, made, "2026-11-28", product_id=household.milk["id"]), 201)
    body = {"customer_id": household.customer["id"], "mode": "fixed_daily", "default_quantity": "1"}
    for product, first, stop in (
        (household.milk, "2026-11-26", None), (curd, TODAY, None), (household.milk, TODAY, "2026-12-01"),
    ):  # fmt: skip
        wanted = body | {"product_id": product["id"], "start_date": first} | ({"stop_date": stop} if stop else {})
        refused(household.admin.post("/subscriptions", wanted), 409, "already_exists")
    after = body | {"product_id": curd["id"], "start_date": "2026-11-28"}
    ok(household.admin.post("/subscriptions", after), 201)
