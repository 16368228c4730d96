"""Who sees which standing orders, what a calendar and a day's requirements say, and what nonsense is refused."""

from typing import Any

import pytest

from tests.dairy import Client, Dairy, ok, refused
from tests.deliveries.rounds import bill
from tests.statements import count_statements
from tests.subscriptions.household import TODAY, TOMORROW, Household

NOBODY = "00000000-0000-7000-8000-000000000000"


def ids(client: Client, **query: str) -> set[str]:
    return {each["id"] for each in ok(client.get("/subscriptions", limit=200, **query))["items"]}


def test_each_role_sees_its_own(household: Household) -> None:
    dairy = household.dairy
    marketing = dairy.staff("marketing_staff")
    mine = ok(
        marketing.post("/customers", {"name": "M", "phone": "9000000001", "address_line1": "1", "area": "W"}), 201
    )
    ours = household.subscribe()
    theirs = household.subscribe(customer_id=mine["id"], by=marketing)
    _, stranger = dairy.customer_login()
    assert ids(dairy.admin) == {ours["id"], theirs["id"]}
    assert (ids(household.login), ids(marketing), ids(stranger)) == ({ours["id"]}, {theirs["id"]}, set())
    for other in (stranger, marketing):
        path = f"/subscriptions/{ours['id']}"
        refused(other.get(path), 404, "subscription_not_found")
        refused(other.get(f"{path}/calendar", month="2026-11"), 404, "subscription_not_found")
        refused(household.change(ours, by=other, default_quantity="9"), 404, "subscription_not_found")
        refused(household.override(ours, TOMORROW, "9", by=other), 404, "subscription_not_found")
        refused(other.delete(f"{path}/overrides/{TOMORROW}"), 404, "subscription_not_found")
        refused(household.pause(ours, TOMORROW, by=other), 404, "subscription_not_found")
        refused(household.act(ours, "resume", by=other), 404, "subscription_not_found")
        refused(household.act(ours, "stop", by=other), 404, "subscription_not_found")
    for role in ("accountant", "delivery_boy", "supplier"):
        refused(dairy.staff(role).get("/subscriptions"), 403, "forbidden")
    assert household.read(ours)["default_quantity"] == "2.000"


def test_a_customer_subscribes_for_itself_at_the_dairys_price(household: Household) -> None:
    mine = household.subscribe(by=household.login, customer_id=None, start_date=None)
    assert (mine["customer_id"], mine["start_date"], mine["status"]) == (household.customer["id"], TODAY, "active")
    other = household.dairy.customer()
    body = {"product_id": household.milk["id"], "mode": "fixed_daily", "default_quantity": "1"}
    refused(household.login.post("/subscriptions", body | {"customer_id": other["id"]}), 404, "customer_not_found")
    refused(household.login.post("/subscriptions", body | {"price_per_unit": "1.00"}), 403, "forbidden")
    refused(household.login.post("/subscriptions", body | {"start_date": "2026-11-19"}), 422, "validation_failed")
    refused(household.change(mine, by=household.login, price_per_unit="1.00"), 403, "forbidden")
    refused(household.change(mine, by=household.login, status="active"), 403, "forbidden")
    said = ok(household.override(mine, TOMORROW, "1", by=household.login, channel="phone"))
    assert said["channel"] == "app"


def test_filters_and_pages(household: Household) -> None:
    daily = household.subscribe()
    weekly = household.subscribe(mode="weekly_pattern", weekly_pattern=[1, 3], shift="evening")
    ok(household.act(daily, "stop"), 200)
    admin = household.admin
    assert ids(admin, mode="weekly_pattern") == ids(admin, shift="evening") == {weekly["id"]}
    assert ids(admin, status="stopped") == {daily["id"]}
    assert ids(admin, customer_id=household.customer["id"]) == {daily["id"], weekly["id"]}
    assert ids(admin, product_id=NOBODY) == set()
    first = ok(admin.get("/subscriptions", limit=1))
    second = ok(admin.get("/subscriptions", limit=1, cursor=first["next_cursor"]))
    assert [first["items"][0]["id"], second["items"][0]["id"]] == [daily["id"], weekly["id"]]
    refused(admin.get("/subscriptions", colour="red"), 422, "validation_failed")


def test_a_list_takes_as_many_statements_for_ten_as_for_one(household: Household) -> None:
    def cost() -> int:
        with count_statements(household.dairy.app.database) as sent:
            ids(household.admin)
        return len(sent)

    household.subscribe()
    one = cost()
    for _ in range(9):
        household.subscribe()
    assert len(ids(household.admin)) == 10
    assert cost() == one


def test_the_calendar_shows_what_became_of_each_day(household: Household) -> None:
    made = household.subscribe()
    for day in (TODAY, TOMORROW):
        household.generate(day)
    order = household.order(TODAY)
    ok(household.dairy.confirm(order, items=[{"product_id": household.milk["id"], "delivered_quantity": "1.5"}]), 200)
    answer = ok(household.login.get(f"/subscriptions/{made['id']}/calendar", month="2026-11"))
    assert answer["month"] == "2026-11" and len(answer["days"]) == 30
    days = {day["date"]: day for day in answer["days"]}
    assert days[TODAY] == {
        "date": TODAY,
        "quantity": "2.000",
        "shift": "morning",
        "rule": "fixed_daily",
        "order_id": order["id"],
        "order_status": "PARTIALLY_DELIVERED",
        "delivery_status": "partially_delivered",
        "delivered_quantity": "1.500",
        "product_id": household.milk["id"],
        "product_name": household.milk["name"],
        "unit": "litre",
    }
    assert (days[TOMORROW]["order_status"], days[TOMORROW]["delivery_status"]) == ("PENDING", None)
    assert (days["2026-11-22"]["order_id"], days["2026-11-22"]["quantity"]) == (None, "2.000")
    refused(household.admin.get(f"/subscriptions/{made['id']}/calendar", month="2026-13"), 422, "validation_failed")


def test_the_month_of_a_calendar_is_its_period_and_may_still_be_said_the_old_way(household: Household) -> None:
    path = f"/subscriptions/{household.subscribe()['id']}/calendar"
    said = ok(household.login.get(path, period="2026-11"))
    assert (said["period"], said["month"], len(said["days"])) == ("2026-11", "2026-11", 30)
    assert ok(household.login.get(path, month="2026-11")) == said
    for wrong in ({}, {"period": "2026-11", "month": "2026-11"}, {"period": "2026-13"}):
        refused(household.login.get(path, **wrong), 422, "validation_failed")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"default_quantity": "-1"}, 422, "validation_failed"),
        ({"default_quantity": "0"}, 422, "validation_failed"),
        ({"default_quantity": "1.2345"}, 422, "validation_failed"),
        ({"default_quantity": None}, 422, "validation_failed"),
        ({"mode": "hourly"}, 422, "validation_failed"),
        ({"mode": "weekly_pattern"}, 422, "validation_failed"),
        ({"mode": "weekly_pattern", "weekly_pattern": []}, 422, "validation_failed"),
        ({"mode": "weekly_pattern", "weekly_pattern": [0, 0]}, 422, "validation_failed"),
        ({"weekly_pattern": [0]}, 422, "validation_failed"),
        ({"interval_days": 2}, 422, "validation_failed"),
        ({"mode": "alternate_days", "interval_days": 0}, 422, "validation_failed"),
        ({"stop_date": "2026-10-31"}, 422, "validation_failed"),
        ({"product_id": NOBODY}, 404, "product_not_found"),
        ({"customer_id": NOBODY}, 404, "customer_not_found"),
        ({"shift": "both"}, 422, "validation_failed"),
        ({"price_per_unit": "-1.00"}, 422, "validation_failed"),
        ({"status": "stopped"}, 422, "validation_failed"),
        ({"colour": "red"}, 422, "validation_failed"),
    ],
)
def test_what_is_no_standing_order(household: Household, fields: dict[str, Any], status: int, code: str) -> None:
    body = {
        "customer_id": household.customer["id"],
        "product_id": household.milk["id"],
        "mode": "fixed_daily",
        "default_quantity": "2",
        "start_date": "2026-11-01",
    }
    wanted = {name: value for name, value in (body | fields).items() if value is not None}
    refused(household.admin.post("/subscriptions", wanted), status, code)
    assert ids(household.admin) == set()


def test_no_standing_order_for_what_is_not_sold_or_has_no_price_or_for_who_left(household: Household) -> None:
    dairy, body = household.dairy, {"mode": "fixed_daily", "default_quantity": "1", "start_date": TOMORROW}
    priceless, gone = dairy.product(None), dairy.product()
    ok(dairy.admin.patch(f"/products/{gone['id']}", {"is_active": False}))
    body["customer_id"] = household.customer["id"]
    refused(dairy.admin.post("/subscriptions", body | {"product_id": priceless["id"]}), 422, "no_price")
    refused(dairy.admin.post("/subscriptions", body | {"product_id": gone["id"]}), 422, "product_inactive")
    ok(dairy.admin.patch(f"/customers/{household.customer['id']}", {"status": "stopped"}), 200)
    refused(dairy.admin.post("/subscriptions", body | {"product_id": household.milk["id"]}), 409, "customer_stopped")


def test_the_same_request_twice_makes_one(household: Household) -> None:
    body = {"customer_id": household.customer["id"], "product_id": household.milk["id"], "mode": "day_by_day"}
    key = {"Idempotency-Key": "one"}
    first = ok(household.admin.post("/subscriptions", body, headers=key), 201)
    again = ok(household.admin.post("/subscriptions", body, headers=key), 201)
    assert first["id"] == again["id"]
    assert len(ids(household.admin)) == 1


def test_a_change_of_what_somebody_else_changed_is_refused(household: Household) -> None:
    made = household.subscribe()
    tag = household.admin.get(f"/subscriptions/{made['id']}").headers["ETag"]
    ok(household.override(made, TOMORROW, "1"))
    path = f"/subscriptions/{made['id']}"
    stale = household.admin.patch(path, {"shift": "evening"}, headers={"If-Match": tag})
    refused(stale, 412, "precondition_failed")


# ------------------------------------------------------------------------------------------------ requirements


def needs(dairy: Dairy, day: str = TOMORROW) -> Any:
    return ok(dairy.admin.get("/reports/requirements", date=day))


def test_requirements_equal_what_generating_makes(household: Household) -> None:
    dairy = household.dairy
    butter = dairy.product("29.00", name="Toned", unit="litre", packet_size="0.5")
    household.subscribe()
    household.subscribe(shift="evening", default_quantity="1")
    household.subscribe(product_id=butter["id"], default_quantity="1.5")
    other = dairy.customer(area="Warje")
    skipped = household.subscribe(customer_id=other["id"], default_quantity="4")
    ok(household.override(skipped, TOMORROW, "3"))
    paused = household.subscribe(customer_id=other["id"], default_quantity="7")
    ok(household.pause(paused, TOMORROW, TOMORROW))
    dairy.order(household.customer, (household.milk, "0.5"), on=TOMORROW)
    cancelled = dairy.order(household.customer, (household.milk, "9"), on=TOMORROW)
    ok(dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "no"}))
    before = needs(dairy)
    amounts = {(row["name"], row["area"], row["shift"]): (row["quantity"], row["orders"]) for row in before["items"]}
    milk = household.milk["name"]
    assert amounts == {
        (milk, "Kothrud", "morning"): ("2.500", 2),
        (milk, "Kothrud", "evening"): ("1.000", 1),
        (milk, "Warje", "morning"): ("3.000", 1),
        ("Toned", "Kothrud", "morning"): ("1.500", 1),
    }
    totals = {row["name"]: (row["orders"], row["quantity"], row["packets"]) for row in before["totals"]}
    assert totals == {milk: (4, "6.500", None), "Toned": (1, "1.500", 3)}
    assert household.generate()["created"] == 4
    assert needs(dairy) == before


def test_what_is_due_and_cannot_be_ordered_is_named(household: Household) -> None:
    """By product: off sale, or without a price on the day; what has its order already does not wait."""
    dairy, butter = household.dairy, household.dairy.product("29.00", name="Butter", unit="packet")
    household.subscribe()
    household.subscribe(product_id=butter["id"], default_quantity="1")
    household.subscribe(product_id=butter["id"], default_quantity="2", customer_id=dairy.customer()["id"])
    with count_statements(dairy.app.database) as sent:
        assert needs(dairy)["blocked"] == []
    with count_statements(dairy.app.database) as again:
        ok(dairy.admin.patch(f"/products/{butter['id']}", {"is_active": False}))
        again.clear()
        told = needs(dairy)
    assert told["blocked"] == [
        {"product_id": butter["id"], "product_name": "Butter", "code": "product_inactive", "customers": 2}
    ]
    assert [each["quantity"] for each in told["totals"]] == ["2.000"]
    assert len(again) == len(sent) + 1  # a large dairy pays for the question what is blocked only where something is
    assert household.generate()["blocked"] == 2
    assert [each["name"] for each in needs(dairy)["totals"]] == [household.milk["name"]]


def test_requirements_are_for_admins(household: Household) -> None:
    refused(household.login.get("/reports/requirements", date=TODAY), 403, "forbidden")
    refused(household.admin.get("/reports/requirements"), 422, "validation_failed")
    assert needs(household.dairy) == {"date": TOMORROW, "items": [], "totals": [], "blocked": []}


# ------------------------------------------------------------------------------------------ STEP 22, tracking


def test_confirming_is_noted_on_the_standing_order_and_never_goes_back(household: Household) -> None:
    made = household.subscribe()
    for day in ("2026-11-19", TODAY):
        household.generate(day)
    assert made["last_delivery_date"] is None
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    seen = household.read(made)
    assert (seen["last_delivery_date"], seen["last_delivery_confirmed"]) == (TODAY, True)
    ok(household.dairy.confirm(household.order("2026-11-19"), delivery_date="2026-11-19"), 200)
    after = household.read(made)
    assert [after[name] for name in ("last_delivery_date", "last_delivery_at")] == [TODAY, seen["last_delivery_at"]]


def test_a_generated_order_is_billed_like_any_other(household: Household) -> None:
    household.dairy.seller()
    household.subscribe()
    household.generate(TODAY)
    ok(household.dairy.confirm(household.order(TODAY)), 200)
    run = bill(household.dairy, "2026-11", through=TODAY)
    assert (run["invoices_issued"], run["orders_billed"], run["one_time_orders_billed"]) == (1, 1, 0)
    assert run["total"] == "120.00"


def test_one_calendar_has_the_orders_of_single_days_too(household: Household) -> None:
    dairy = household.dairy
    curd = dairy.product("40.00", name="Curd")
    order = dairy.order(household.customer, (curd, "2"), on="2026-11-25")
    dairy.order(household.customer, (curd, "1"), on="2026-12-01")
    dairy.order(dairy.customer(), (curd, "1"), on="2026-11-25")
    path = f"/customers/{household.customer['id']}/calendar"
    (seen,) = ok(household.login.get(path, period="2026-11"))["one_time_orders"]
    assert (seen["id"], seen["delivery_date"], seen["source"]) == (order["id"], "2026-11-25", "staff")
    assert [(item["product_name"], item["quantity"]) for item in seen["items"]] == [("Curd", "2.000")]
