"""A new price reaches the orders that standing orders made already; what was promised once stays."""

from functools import partial
from typing import Any

import psycopg2
import pytest

from tests.dairy import ok, refused
from tests.races import at_once
from tests.statements import count_statements
from tests.subscriptions.household import TODAY, TOMORROW, Household


def set_price(household: Household, price: str, valid_from: str) -> Any:
    body = {"price": price, "valid_from": valid_from}
    return household.admin.post(f"/products/{household.milk['id']}/prices", body)


def agree(household: Household, price: str | None, valid_from: str) -> Any:
    body = {"product_id": household.milk["id"], "price": price, "valid_from": valid_from}
    return ok(household.admin.put(f"/customers/{household.customer['id']}/prices", body))


def prices(household: Household) -> dict[str, tuple[str, str]]:
    """Day → price and where it comes from, of the orders of standing orders."""
    found = household.orders(order_type="subscription")
    return {each["delivery_date"]: (each["items"][0]["unit_price"], each["items"][0]["price_source"]) for each in found}


def test_a_new_list_price_is_that_of_tomorrow(household: Household) -> None:
    household.subscribe()
    household.generate(TODAY)
    household.generate()
    promised = household.dairy.order(household.customer, (household.milk, "1"), on=TOMORROW)
    made = ok(set_price(household, "66.00", TOMORROW), 201)
    assert (made["price"], made["repriced_orders"], made["kept_orders"]) == ("66.00", 1, 1)
    assert prices(household) == {TODAY: ("60.00", "product"), TOMORROW: ("66.00", "product")}
    assert ok(household.admin.get(f"/orders/{promised['id']}"))["items"][0]["unit_price"] == "60.00"
    ok(household.dairy.confirm(household.orders(delivery_date=TODAY)[0]))
    made = ok(set_price(household, "70.00", TODAY), 201)
    assert (made["repriced_orders"], made["kept_orders"]) == (0, 1), "delivered; tomorrow has a later price"
    assert prices(household)[TODAY] == ("60.00", "product")


def test_an_agreed_price_begins_and_ends(household: Household) -> None:
    household.subscribe()
    household.generate()
    assert [agree(household, "55.00", TOMORROW)[key] for key in ("repriced_orders", "kept_orders")] == [1, 0]
    assert prices(household)[TOMORROW] == ("55.00", "customer")
    ok(set_price(household, "66.00", TOMORROW), 201)
    assert prices(household)[TOMORROW] == ("55.00", "customer"), "the agreed one counts"
    assert agree(household, None, TOMORROW)["repriced_orders"] == 1
    assert prices(household)[TOMORROW] == ("66.00", "product")
    assert agree(household, "0.00", TOMORROW)["repriced_orders"] == 1
    assert prices(household)[TOMORROW] == ("0.00", "free")


def test_a_quoted_price_counts_for_what_is_made_already(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    path = f"/subscriptions/{made['id']}"
    assert ok(household.admin.patch(path, {"price_per_unit": "58.00"}))["repriced_orders"] == 1
    assert prices(household)[TOMORROW] == ("58.00", "subscription")
    assert ok(household.admin.patch(path, {"price_per_unit": None}))["repriced_orders"] == 1
    assert prices(household)[TOMORROW] == ("60.00", "product")
    assert ok(household.admin.patch(path, {"default_quantity": "3"}))["repriced_orders"] == 0
    assert household.says() == ("PENDING", "3.000")


def test_what_is_out_keeps_its_price_and_is_counted(household: Household) -> None:
    household.subscribe()
    household.generate(TODAY)
    ok(household.admin.post("/deliveries/start", {"delivery_date": TODAY}))
    made = ok(set_price(household, "66.00", TODAY), 201)
    assert (made["repriced_orders"], made["kept_orders"]) == (0, 1)


def test_a_price_that_was_stated_stays_and_is_counted(household: Household) -> None:
    stated = household.dairy.order(household.customer, on=TOMORROW, items=[
        {"product_id": household.milk["id"], "quantity": "1", "unit_price": "50.00",
         "price_reason": "as agreed"}])  # fmt: skip
    made = ok(set_price(household, "66.00", TOMORROW), 201)
    assert (made["repriced_orders"], made["kept_orders"]) == (0, 1)
    assert ok(household.admin.get(f"/orders/{stated['id']}"))["items"][0]["unit_price"] == "50.00"


def test_a_price_for_a_thousand_takes_as_many_statements_as_for_one(household: Household) -> None:
    sent = []
    household.subscribe()
    for households, price, day in ((1, "61.00", "2026-11-21"), (6, "62.00", "2026-11-22")):
        for _ in range(households - 1):
            household.subscribe(customer_id=household.dairy.customer()["id"])
        household.generate(day)
        with count_statements(household.dairy.app.database) as statements:
            assert ok(set_price(household, price, day), 201)["repriced_orders"] == households
        sent.append(len(statements))
    assert sent[0] == sent[1]


@pytest.mark.parametrize("first", ["price", "day"])
def test_a_price_and_the_day_that_is_made_meanwhile(household: Household, database_url: str, first: str) -> None:
    """Whichever comes first, the orders of the day have the new price."""
    household.subscribe()
    hold = f"SELECT FROM products WHERE id = '{household.milk['id']}' FOR UPDATE"
    acts = [partial(set_price, household, "66.00", TOMORROW), partial(household.generate, TOMORROW)]
    at_once(database_url, hold, *(acts if first == "price" else acts[::-1]))
    assert prices(household)[TOMORROW] == ("66.00", "product")


def test_a_product_off_sale_is_promised_no_more(household: Household) -> None:
    made = household.subscribe()
    household.generate()
    ok(household.pause(made, "2026-11-29", "2026-11-29"))
    changed = ok(household.admin.patch(f"/products/{household.milk['id']}", {"is_active": False}))
    assert changed["open_orders"] == 1
    calendar = household.calendar(made)
    assert calendar[TOMORROW] == ("2.000", "fixed_daily"), "its order is made"
    assert calendar["2026-11-29"] == ("0.000", "pause"), "nothing was due anyway"
    assert {calendar[f"2026-11-{day}"] for day in (*range(22, 29), 30)} == {("0.000", "product_inactive")}
    refused(household.admin.post("/orders", {"customer_id": household.customer["id"], "delivery_date": TOMORROW,
        "items": [{"product_id": household.milk["id"], "quantity": "1"}]}), 422, "product_inactive")  # fmt: skip
    changed = ok(household.admin.patch(f"/products/{household.milk['id']}", {"is_active": True}))
    assert changed["open_orders"] is None
    assert household.calendar(made)["2026-11-30"] == ("2.000", "fixed_daily")


# ------------------------------------------------------------------------------------------------- sold whole


def test_nobody_orders_half_a_packet(household: Household, sql: Any) -> None:
    dairy, admin = household.dairy, household.admin
    packet = dairy.product("30.00", name="Pouch", unit="packet")
    items = [{"product_id": packet["id"], "quantity": "1.5"}]
    order = {"customer_id": household.customer["id"], "delivery_date": TODAY, "items": items}
    problem = refused(admin.post("/orders", order), 422, "validation_failed")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/items/0/quantity", "not_whole")]
    standing = {"customer_id": household.customer["id"], "product_id": packet["id"], "mode": "fixed_daily"}
    refused(admin.post("/subscriptions", standing | {"default_quantity": "0.5"}), 422, "validation_failed")
    made = ok(admin.post("/subscriptions", standing | {"default_quantity": "2"}), 201)
    refused(admin.patch(f"/subscriptions/{made['id']}", {"default_quantity": "2.5"}), 422, "validation_failed")
    refused(household.override(made, TOMORROW, "0.5"), 422, "validation_failed")
    whole = dairy.order(household.customer, (packet, "3"), on=TODAY)
    half = [{"product_id": packet["id"], "delivered_quantity": "1.5"}]
    assert "delivered whole" in refused(dairy.confirm(whole, items=half), 422, "validation_failed")["detail"]
    batch = {"confirmations": [{"order_id": whole["id"], "status": "delivered", "items": half}]}
    assert ok(admin.post("/deliveries/confirmations/batch", batch))["rejected"] == 1
    ok(dairy.confirm(whole, items=[half[0] | {"delivered_quantity": "2"}]))
    refused(
        admin.patch(f"/deliveries/{whole['id']}", {"items": half, "reason": "One was open"}), 422, "validation_failed"
    )
    for statement in (
        "UPDATE order_items SET quantity = 3.5 WHERE order_id = %s",
        "UPDATE order_items SET delivered_quantity = 0.5 WHERE order_id = %s",
    ):
        with pytest.raises(Exception, match="sold whole"):
            sql(statement, whole["id"])
    for statement in (
        "UPDATE subscriptions SET default_quantity = 0.5 WHERE id = %s",
        "INSERT INTO subscription_overrides (subscription_id, date, quantity, channel)"
        " VALUES (%s, '2026-12-01', 0.5, 'admin')",
    ):
        with pytest.raises(Exception, match="sold whole"):
            sql(statement, made["id"])


def test_an_imported_half_packet_does_not_hold_up_the_day(household: Household, sql: Any) -> None:
    packet = household.dairy.product("30.00", name="Pouch", unit="packet")
    sql(
        """INSERT INTO subscriptions (customer_id, product_id, mode, default_quantity, start_date, status, legacy_id)
        VALUES (%s, %s, 'fixed_daily', 0.5, '2026-11-01', 'active', 'old')""",
        household.customer["id"],
        packet["id"],
    )
    assert household.generate()["created"] == 1
    order = household.order()
    ok(household.dairy.confirm(order, delivery_date=TODAY))
    assert household.order()["items"][0]["delivered_quantity"] == "0.500"


@pytest.mark.parametrize("how", ["pause", "override"])
def test_what_comes_back_costs_what_its_day_costs_now(household: Household, how: str) -> None:
    """An order that a change cancelled is not repriced meanwhile; it must not come back at the old price."""
    made = household.subscribe()
    household.generate()
    ok(household.pause(made, TOMORROW, TOMORROW) if how == "pause" else household.override(made, TOMORROW, "0"))
    ok(set_price(household, "66.00", TOMORROW), 201)
    if how == "pause":
        ok(household.admin.delete(f"/subscriptions/{made['id']}/pauses/{household.read(made)['pauses'][0]['id']}"))
    else:
        ok(household.override(made, TOMORROW, "2"))
    assert household.says() == ("PENDING", "2.000")
    assert prices(household) == {TOMORROW: ("66.00", "product")}


def test_a_part_that_was_ordered_when_it_was_allowed_is_delivered_and_corrected(household: Household, sql: Any) -> None:
    """Orders from before the rule are there when a dairy is brought up to date; new parts are still refused."""
    curd = household.dairy.product("40.00", unit="packet")
    order = household.dairy.order(household.customer, (curd, "3"), on=TODAY)
    sql("SET session_replication_role = replica")
    sql("UPDATE order_items SET quantity = 1.5")
    sql("SET session_replication_role = origin")
    ok(household.dairy.confirm(order))
    body = {"items": [{"product_id": curd["id"], "delivered_quantity": "1"}], "reason": "one was torn"}
    ok(household.admin.patch(f"/deliveries/{order['id']}", body))
    for change in ("quantity = 2.5", "quantity = 2, delivered_quantity = 0.5"):
        with pytest.raises(psycopg2.IntegrityError) as refusal:
            sql(f"UPDATE order_items SET {change}")
        assert refusal.value.diag.constraint_name == "tr_order_items_are_whole"
