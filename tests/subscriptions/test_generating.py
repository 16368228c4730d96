"""A day's orders: what is due, once, at the day's price, counted by product and area."""

from collections.abc import Callable
from datetime import date
from typing import Any

import time_machine

from dairy_app.database.transactions import RUN
from tests.conftest import raw_connection
from tests.dairy import Dairy, ok, refused
from tests.deliveries.rounds import at
from tests.races import at_once
from tests.statements import count_statements
from tests.subscriptions.household import TODAY, TOMORROW, Household

Nightly = Callable[..., tuple[int, str, str]]


def test_a_standing_order_becomes_an_order_with_the_price_of_its_day(household: Household) -> None:
    made = household.subscribe()
    ok(household.admin.post(f"/products/{household.milk['id']}/prices", {"price": "63.00", "valid_from": TOMORROW}))
    done = household.generate()
    assert (done["created"], done["skipped_existing"], done["blocked"]) == (1, 0, 0)
    order = household.order()
    assert (order["order_type"], order["subscription_id"]) == ("subscription", made["id"])
    assert (order["status"], order["source"], order["total_amount"]) == ("PENDING", "generator", "126.00")
    assert order["items"][0]["price_source"] == "product"


def test_a_second_time_makes_nothing_new(household: Household) -> None:
    household.subscribe()
    first, again = household.generate(), household.generate()
    assert (first["created"], first["skipped_existing"]) == (1, 0)
    assert (again["created"], again["skipped_existing"], again["by_product"]) == (0, 1, [])
    assert len(household.orders()) == 1


def test_a_large_day_may_take_as_long_as_a_run(household: Household) -> None:
    """100,000 standing orders took 25 s on a slow machine; a request's statements end after 20."""
    household.subscribe()
    with count_statements(household.dairy.app.database) as sent:
        household.generate()
    (limits,) = [str(parameters) for _, parameters in sent if "statement_timeout" in str(parameters)]
    assert str(round(1000 * RUN.statement)) in limits


def test_agreed_price_beats_quoted_beats_list(household: Household) -> None:
    quoted = household.subscribe(price_per_unit="58.00")
    household.generate(TODAY)
    assert (
        household.order(TODAY)["items"][0] | {"unit_price": "58.00", "price_source": "subscription"}
        == (household.order(TODAY)["items"][0])
    )
    agreed = {"product_id": household.milk["id"], "price": "55.00", "valid_from": TOMORROW}
    ok(household.admin.put(f"/customers/{household.customer['id']}/prices", agreed))
    household.generate(TOMORROW)
    item = household.order(TOMORROW)["items"][0]
    assert (item["unit_price"], item["price_source"]) == ("55.00", "customer")
    assert household.read(quoted)["price_per_unit"] == "58.00"


def test_an_admin_may_quote_nothing_and_it_is_free(household: Household) -> None:
    marketing = household.dairy.staff("marketing_staff")
    mine = ok(
        marketing.post("/customers", {"name": "Mine", "phone": "9000000001", "address_line1": "1", "area": "Warje"}),
        201,
    )
    wanted = {
        "customer_id": mine["id"],
        "product_id": household.milk["id"],
        "mode": "fixed_daily",
        "default_quantity": "1",
        "price_per_unit": "0",
    }
    refused(marketing.post("/subscriptions", wanted), 403, "forbidden")
    ok(household.admin.post("/subscriptions", wanted), 201)
    household.generate(TODAY)
    (order,) = ok(household.admin.get("/orders", customer_id=mine["id"]))["items"]
    assert (order["items"][0]["unit_price"], order["items"][0]["price_source"]) == ("0.00", "free")


def test_counts_by_product_and_area(household: Household) -> None:
    dairy = household.dairy
    curd = dairy.product("40.00", unit="packet", name="Curd")
    household.subscribe()
    household.subscribe(product_id=curd["id"], default_quantity="3")
    for area in ("Warje", "Warje", "Aundh"):
        other = dairy.customer(area=area)
        household.subscribe(customer_id=other["id"], default_quantity="1.5")
    done = household.generate()
    amounts = {(row["product_name"], row["unit"]): (row["orders"], row["quantity"]) for row in done["by_product"]}
    assert amounts == {("Curd", "packet"): (1, "3.000"), (household.milk["name"], "litre"): (4, "6.500")}
    assert {row["area"]: row["orders"] for row in done["by_area"]} == {"Kothrud": 2, "Warje": 2, "Aundh": 1}


def test_what_has_no_price_or_is_not_sold_is_listed_and_the_rest_is_made(household: Household) -> None:
    good = household.subscribe()
    late = household.dairy.product(None)
    ok(household.admin.post(f"/products/{late['id']}/prices", {"price": "10.00", "valid_from": "2026-11-25"}))
    priceless = household.subscribe(product_id=late["id"], start_date="2026-11-25")
    ok(household.admin.patch(f"/subscriptions/{priceless['id']}", {"start_date": TOMORROW}))
    gone = household.dairy.product()
    discontinued = household.subscribe(product_id=gone["id"])
    ok(household.admin.patch(f"/products/{gone['id']}", {"is_active": False}))
    done = household.generate()
    assert (done["created"], done["blocked"]) == (1, 2)
    codes = {row["subscription_id"]: row["code"] for row in done["blocked_first"]}
    assert codes == {priceless["id"]: "no_price", discontinued["id"]: "product_inactive"}
    assert household.order()["subscription_id"] == good["id"]


def test_what_has_its_order_is_not_blocked(household: Household, sql: Any) -> None:
    household.subscribe()
    assert household.generate()["created"] == 1
    sql("UPDATE products SET is_active = false")
    done = household.generate()
    assert (done["created"], done["skipped_existing"], done["blocked"]) == (0, 1, 0)


def test_only_an_admin_makes_orders_and_only_of_days_near(household: Household) -> None:
    refused(household.login.post("/orders/generate", {"delivery_date": TOMORROW}), 403, "forbidden")
    for day in ("2026-10-19", "2027-02-19"):
        refused(household.admin.post("/orders/generate", {"delivery_date": day}), 422, "validation_failed")
    for day in ("2026-10-20", "2027-02-18"):
        ok(household.admin.post("/orders/generate", {"delivery_date": day}), 200)


def test_a_hundred_customers_take_as_many_statements_as_one(household: Household) -> None:
    def cost(day: str) -> int:
        with count_statements(household.dairy.app.database) as sent:
            household.generate(day)
        return len(sent)

    household.subscribe()
    one = cost("2026-11-21")
    for _ in range(10):
        household.subscribe(customer_id=household.dairy.customer()["id"])
    assert cost("2026-11-22") == one
    assert len(ok(household.admin.get("/orders", delivery_date="2026-11-22", limit=200))["items"]) == 11


def test_two_at_once_make_each_order_once(household: Household, database_url: str) -> None:
    household.subscribe()
    lock = "SELECT pg_advisory_xact_lock(122537101324915)"
    answers = at_once(database_url, lock, *([household.generate] * 2))
    assert sorted(answer["created"] for answer in answers) == [0, 1]
    assert len(household.orders()) == 1


def test_a_change_at_the_same_moment_is_in_the_orders(household: Household, database_url: str) -> None:
    made = household.subscribe()
    lock = "SELECT pg_advisory_xact_lock(122537101324915)"
    at_once(
        database_url, lock, household.generate, lambda: ok(household.override(made, TOMORROW, "5"))
    )  # either way round the order says 5
    assert household.says() == ("PENDING", "5.000")


# ------------------------------------------------------------------------------------------------ the command


def test_the_nightly_command_makes_today_and_tomorrow(household: Household, nightly: Nightly) -> None:
    household.subscribe()
    code, said, _ = nightly()
    assert code == 0
    assert "2026-11-20" in said and "2026-11-21" in said and "2 orders" in said
    assert sorted(order["delivery_date"] for order in household.orders()) == [TODAY, TOMORROW]


def test_missed_nights_are_caught_up(household: Household, clock: time_machine.Traveller, nightly: Nightly) -> None:
    household.subscribe()
    nightly()
    clock.move_to(at("2026-11-25 02:00"))
    household.dairy.log_in_again()
    code, said, _ = nightly("--json")
    assert code == 0
    assert '"created": 5' in said
    days = sorted(order["delivery_date"] for order in household.orders())
    assert days == [f"2026-11-{day}" for day in range(20, 27)]


def test_after_more_than_a_month_the_last_31_days_are_caught_up(
    household: Household, clock: time_machine.Traveller, nightly: Nightly
) -> None:
    household.subscribe()
    nightly()
    clock.move_to(at("2026-12-30 02:00"))
    household.dairy.log_in_again()
    nightly("--date", "2026-12-28")
    assert '"created": 32' in nightly("--json")[1]
    days = {order["delivery_date"] for order in household.orders()}
    assert days == {TODAY, TOMORROW, "2026-11-29", "2026-11-30", *(f"2026-12-{day:02}" for day in range(1, 32))}


def test_the_horizon_is_a_setting(household: Household, nightly: Nightly) -> None:
    household.subscribe()
    ok(household.admin.patch("/settings", {"generation_days_ahead": 3}))
    nightly()
    assert max(order["delivery_date"] for order in household.orders()) == "2026-11-23"
    refused(household.admin.patch("/settings", {"generation_days_ahead": 32}), 422, "validation_failed")


def test_one_day_by_date_and_a_wrong_date_is_wrong_use(household: Household, nightly: Nightly) -> None:
    household.subscribe()
    assert nightly("--date", "2026-11-23")[0] == 0
    assert [order["delivery_date"] for order in household.orders()] == ["2026-11-23"]
    assert nightly("--date", "banana")[0] == 2


def test_a_standing_order_past_its_stop_date_is_closed_at_night(
    household: Household, clock: time_machine.Traveller, nightly: Nightly
) -> None:
    made = household.subscribe(stop_date="2026-11-23")
    nightly()
    assert household.read(made)["status"] == "active"
    clock.move_to(at("2026-11-23 02:00"))
    nightly()
    household.dairy.log_in_again()
    assert household.read(made)["status"] == "stopped"
    assert max(order["delivery_date"] for order in household.orders()) == "2026-11-22"


def test_the_database_itself_holds_one_order_a_day(household: Household, dairy: Dairy, database_url: str) -> None:
    made = household.subscribe()
    household.generate()
    with raw_connection(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(delivery_date) FROM orders WHERE subscription_id = %s", (made["id"],))
        assert cursor.fetchone() == (1, date(2026, 11, 21))
