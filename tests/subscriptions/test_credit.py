"""Credit limits: whose orders are held back, what brings them back, and who is near."""

from decimal import Decimal
from typing import Any

import pytest
import time_machine

from dairy_app.subscriptions.service.generation import generate_due
from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import at, statements
from tests.races import at_once
from tests.subscriptions.household import TODAY, TOMORROW, Household

THIRD = "2026-11-22"


def limited(household: Household, limit: str | None = "120.00", mode: str = "hold", **terms: str) -> str:
    """The path of the household, which has a limit now."""
    ok(household.admin.patch("/settings", {"on_credit_limit": mode}))
    path = f"/customers/{household.customer['id']}"
    ok(household.admin.patch(path, {"credit_limit": limit} | terms))
    return path


def stands(household: Household, by: Client | None = None) -> Any:
    return ok((by or household.admin).get(f"/customers/{household.customer['id']}/credit"))


def parts(household: Household) -> tuple[str, ...]:
    found = stands(household)
    assert Decimal(found["exposure"]) == sum(Decimal(found[name]) for name in ("balance", "draft", "ordered"))
    return tuple(found[name] for name in ("balance", "draft", "ordered"))


def pay(household: Household, amount: str) -> Any:
    body = {"customer_id": household.customer["id"], "amount": amount, "method": "cash"}
    return household.admin.post("/payments", body)


def owe(household: Household, amount: str, as_of: str = "2026-11-01") -> None:
    body = {"customer_id": household.customer["id"], "as_of": as_of, "amount": amount}
    ok(household.admin.post("/opening-balances", body), 201)


def day(household: Household, made: Any, date: str) -> tuple[str, str]:
    return household.calendar(made)[date]


def test_an_order_counts_once_from_the_order_to_the_payment(household: Household) -> None:
    household.dairy.seller()
    household.subscribe()
    assert parts(household) == ("0.00", "0.00", "0.00")
    household.generate(TODAY)
    assert parts(household) == ("0.00", "0.00", "120.00")
    order = household.order(TODAY)
    household.dairy.confirm(order, items=[{"product_id": household.milk["id"], "delivered_quantity": "1.5"}])
    assert parts(household) == ("0.00", "90.00", "0.00")
    adjust = {"customer_id": household.customer["id"], "kind": "discount", "description": "x", "amount": "-15.00",
              "reason": "Spilt", "adjusted_on": TODAY}  # fmt: skip
    ok(household.admin.post("/adjustments", adjust), 201)
    assert parts(household) == ("0.00", "75.00", "0.00")
    ok(household.admin.post("/billing/runs", {"period": "2026-11", "through": TODAY, "confirm": True}), 201)
    assert parts(household) == ("75.00", "0.00", "0.00")
    ok(pay(household, "100.00"), 201)
    assert parts(household) == ("-25.00", "0.00", "0.00")


def test_what_is_cancelled_or_was_not_brought_is_not_owed(household: Household) -> None:
    household.subscribe()
    household.generate(TODAY)
    household.generate(TOMORROW)
    ok(household.admin.post(f"/orders/{household.order(TOMORROW)['id']}/cancel", {"reason": "Away"}))
    household.dairy.confirm(household.order(TODAY), status="not_delivered", reason_code="door_locked")
    assert parts(household) == ("0.00", "0.00", "0.00")


def test_tax_that_comes_on_top_counts(household: Household) -> None:
    household.dairy.seller(gstin="27AAPFU0939F1ZV", prices_include_tax=False)
    cheese = household.dairy.product("100.00", tax_class="cheese", hsn_code="0406")
    household.subscribe(product_id=cheese["id"])
    path = limited(household, "209.99")
    assert household.generate(TOMORROW)["held"] == 1
    assert [each["amount"] for each in stands(household)["held"]] == ["210.00"]
    ok(household.admin.patch(path, {"credit_limit": "210.00"}))
    assert household.generate(TOMORROW)["created"] == 1
    assert parts(household) == ("0.00", "0.00", "210.00")
    ok(household.admin.patch(path, {"credit_limit": None}))
    household.dairy.confirm(household.dairy.order(household.customer, (cheese, "1"), on=TODAY))
    assert parts(household) == ("0.00", "105.00", "210.00")


def test_generation_holds_back_what_would_be_over_the_limit(household: Household) -> None:
    made, path = household.subscribe(), limited(household, "239.99")
    other = household.dairy.subscription(household.dairy.customer(), household.milk, "2", start_date="2026-11-01")
    assert (done := household.generate(TODAY))["created"] == 2 and done["held"] == 0
    done = household.generate(TOMORROW)
    assert (done["created"], done["held"], done["skipped_existing"], done["blocked"]) == (1, 1, 0, 0)
    assert household.orders(delivery_date=TOMORROW) == []
    assert day(household, made, TODAY) == ("2.000", "fixed_daily")
    assert day(household, made, TOMORROW) == ("0.000", "credit_hold")
    assert day(household, made, THIRD) == ("2.000", "fixed_daily"), "not made yet, so nobody knows"
    assert day(household, other, TOMORROW) == ("2.000", "fixed_daily")
    (held,) = stands(household, household.login)["held"]
    assert held == {
        "subscription_id": made["id"], "date": TOMORROW, "product_name": household.milk["name"], "amount": "120.00",
        "exposure": "240.00", "credit_limit": "239.99",
    }  # fmt: skip
    one = ok(household.admin.get(f"{path}/calendar", period="2026-11"))["days"]
    assert [each["rule"] for each in one if each["date"] == TOMORROW] == ["credit_hold"]
    need = ok(household.admin.get("/reports/requirements", date=TOMORROW))["totals"]
    assert [each["quantity"] for each in need] == ["2.000"]
    again = household.generate(TOMORROW)
    assert (again["created"], again["held"], again["skipped_existing"]) == (0, 1, 1)


def test_the_limit_itself_may_be_reached(household: Household) -> None:
    household.subscribe()
    limited(household, "240.00")
    household.generate(TODAY)
    assert household.generate(TOMORROW)["held"] == 0


def test_a_payment_in_time_brings_it_back(household: Household) -> None:
    made = household.subscribe()
    limited(household)
    owe(household, "10.00")
    assert household.generate()["held"] == 1
    ok(pay(household, "9.99"), 201)
    assert household.generate()["held"] == 1
    ok(pay(household, "0.01"), 201)
    assert household.generate()["created"] == 1
    assert household.says() == ("PENDING", "2.000")
    assert day(household, made, TOMORROW) == ("2.000", "fixed_daily")
    assert stands(household)["held"] == []


def test_a_change_of_the_standing_order_asks_again(household: Household) -> None:
    made = household.subscribe()
    limited(household)
    owe(household, "60.00")
    assert household.generate()["held"] == 1
    ok(household.override(made, TOMORROW, "1"))
    assert household.says() == ("PENDING", "1.000") and stands(household)["held"] == []
    curd = household.dairy.product("90.00")
    household.subscribe(product_id=curd["id"], by=household.login, start_date=None)
    assert [each["product_name"] for each in stands(household)["held"]] == [curd["name"]]
    assert household.says() == ("PENDING", "1.000"), "what is made stays"


def test_a_pause_speaks_before_credit_and_nothing_is_held_then(household: Household) -> None:
    made = household.subscribe()
    limited(household, "0.00")
    assert household.generate()["held"] == 1
    paused = ok(household.pause(made, TOMORROW, TOMORROW), 201)
    assert day(household, made, TOMORROW) == ("0.000", "pause") and stands(household)["held"] == []
    ok(household.admin.delete(f"/subscriptions/{made['id']}/pauses/{paused['id']}"), 204)
    assert day(household, made, TOMORROW) == ("0.000", "credit_hold")


def test_a_day_is_held_as_a_whole_and_later_days_after_it(household: Household, clock: Any) -> None:
    """Of two days made at once the first fits, the second with both its products does not."""
    curd = household.dairy.product("90.00")
    household.subscribe()
    household.subscribe(product_id=curd["id"], default_quantity="1", start_date=TOMORROW)
    limited(household, "300.00")
    ok(household.admin.patch("/settings", {"generation_days_ahead": 2}))
    done = household.dairy.app.database.run(generate_due)
    assert (done.created, done.held) == (1, 4)
    assert {each["date"] for each in stands(household)["held"]} == {TOMORROW, THIRD}


@pytest.mark.parametrize(("limit", "is_held"), [(None, True), ("0.00", True), ("120.00", False)])
def test_who_pays_in_advance_owes_nothing_unless_it_is_said(
    household: Household, limit: str | None, is_held: bool
) -> None:
    household.subscribe()
    limited(household, limit, payment_terms="prepaid")
    assert household.generate()["held"] == is_held
    ok(pay(household, "120.00"), 201)
    assert household.generate()["held"] == 0
    assert len(household.orders()) == 1
    assert stands(household)["credit_limit"] == (limit or "0.00")


def test_with_warn_orders_are_made(household: Household) -> None:
    household.subscribe()
    limited(household, "0.00", "warn")
    assert (done := household.generate())["created"] == 1 and done["held"] == 0
    (near,) = ok(household.admin.get("/reports/credit"))["items"]
    assert (near["exposure"], near["share"]) == ("120.00", None)


@pytest.mark.parametrize("change", ["no limit", "warn"])
def test_without_limit_what_was_held_back_is_made(household: Household, change: str) -> None:
    made, path = household.subscribe(), limited(household, "0.00")
    assert household.generate()["held"] == 1
    if change == "warn":
        ok(household.admin.patch("/settings", {"on_credit_limit": "warn"}))
    else:
        ok(household.admin.patch(path, {"credit_limit": None}))
    assert household.generate()["created"] == 1
    assert day(household, made, TOMORROW) == ("2.000", "fixed_daily") and stands(household)["held"] == []


def test_a_day_gone_by_stays_as_it_was(household: Household, clock: time_machine.Traveller) -> None:
    made = household.subscribe()
    limited(household, "0.00")
    household.generate(TODAY)
    clock.move_to(at("2026-11-21 09:00"))
    household.dairy.log_in_again()
    household.admin = household.dairy.admin
    ok(pay(household, "500.00"), 201)
    assert household.generate(TODAY)["held"] == 1
    assert day(household, made, TODAY) == ("0.000", "credit_hold")
    assert [each["date"] for each in stands(household)["held"]] == [TODAY]
    assert household.generate(TOMORROW)["created"] == 1


def test_a_payment_while_the_day_is_made(household: Household, database_url: str) -> None:
    """Whichever comes first: the order is made with the money, or is held and made the next time."""
    household.subscribe()
    limited(household, "0.00")
    lock = f"SELECT FROM customers WHERE id = '{household.customer['id']}' FOR UPDATE"
    paid, done = at_once(
        database_url, lock, lambda: pay(household, "120.00").status_code, household.generate, one_by_one=True
    )
    assert (paid, done["created"], done["held"]) == (201, 1, 0)


def test_two_makings_at_once(household: Household, database_url: str) -> None:
    household.subscribe()
    household.subscribe(product_id=household.dairy.product("120.00")["id"], default_quantity="1")
    limited(household, "300.00")
    lock = f"SELECT FROM customers WHERE id = '{household.customer['id']}' FOR UPDATE"
    done = at_once(database_url, lock, lambda: household.generate(TODAY), lambda: household.generate(TOMORROW))
    assert sorted((each["created"], each["held"]) for each in done) == [(0, 2), (2, 0)]


def test_two_one_time_orders_at_once(household: Household, database_url: str) -> None:
    limited(household, "130.00")
    lock = f"SELECT FROM customers WHERE id = '{household.customer['id']}' FOR UPDATE"
    item = {"product_id": household.milk["id"], "quantity": "2"}
    body = {"delivery_date": TOMORROW, "items": [item]}
    answers = at_once(database_url, lock, *[lambda: household.login.post("/orders", body).status_code] * 2)
    assert sorted(answers) == [201, 409]


def test_a_one_time_order_over_the_limit_is_an_admins_to_confirm(household: Household) -> None:
    limited(household, "100.00")
    item = {"product_id": household.milk["id"], "quantity": "2"}
    body = {"customer_id": household.customer["id"], "delivery_date": TOMORROW, "items": [item]}
    told = refused(household.login.post("/orders", body), 409, "credit_hold")
    assert (told["exposure"], told["credit_limit"]) == ("120.00", "100.00")
    refused(household.login.post("/orders", body | {"confirm": True}), 409, "credit_hold")
    refused(household.admin.post("/orders", body), 409, "credit_hold")
    assert household.orders() == []
    small = ok(household.login.post("/orders", body | {"items": [item | {"quantity": "1"}]}), 201)
    path = f"/orders/{small['id']}"
    refused(household.login.patch(path, {"items": [item]}), 409, "credit_hold")
    ok(household.login.patch(path, {"items": [item | {"quantity": "1.5"}]}))
    ok(household.admin.patch(path, {"items": [item], "confirm": True}))
    ok(household.login.patch(path, {"notes": "Gate 2"}))
    ok(household.login.patch(path, {"items": [item | {"quantity": "1.9"}]}))
    ok(household.admin.post("/orders", body | {"confirm": True}), 201)


def test_with_warn_one_time_orders_are_taken(household: Household) -> None:
    limited(household, "0.00", "warn")
    body = {"delivery_date": TOMORROW, "items": [{"product_id": household.milk["id"], "quantity": "2"}]}
    ok(household.login.post("/orders", body), 201)


def test_the_report_lists_who_is_near(household: Household) -> None:
    dairy, people = household.dairy, {}
    ok(household.admin.patch("/settings", {"on_credit_limit": "hold"}))
    for name, terms in {
        "far": {"credit_limit": "100.01"}, "near": {"credit_limit": "100.00"}, "over": {"credit_limit": "40.00"},
        "ahead": {"payment_terms": "prepaid"}, "free": {}, "gone": {"credit_limit": "1.00"},
    }.items():  # fmt: skip
        people[name] = dairy.customer(
            name=name, code=name.upper(), **terms, area="Baner" if name == "over" else "Aundh"
        )
        body = {"customer_id": people[name]["id"], "as_of": "2026-11-01", "amount": "80.00"}
        ok(household.admin.post("/opening-balances", body), 201)
    ok(household.admin.patch(f"/customers/{people['gone']['id']}", {"status": "stopped"}))
    accountant = dairy.staff("accountant")
    found = ok(accountant.get("/reports/credit"))
    told = [(each["customer_code"], each["credit_limit"], each["exposure"], each["share"]) for each in found["items"]]
    assert told == [
        ("AHEAD", "0.00", "80.00", None), ("NEAR", "100.00", "80.00", "80.00"), ("OVER", "40.00", "80.00", "200.00"),
    ]  # fmt: skip
    first = ok(accountant.get("/reports/credit", limit=2))
    rest = ok(accountant.get("/reports/credit", limit=2, cursor=first["next_cursor"]))
    assert first["items"] + rest["items"] == found["items"] and rest["next_cursor"] is None
    of_area = ok(accountant.get("/reports/credit", area_id=people["over"]["area_id"]))["items"]
    assert [each["customer_code"] for each in of_area] == ["OVER"]
    answer = accountant.get("/exports/credit.csv", **{"from": TODAY, "to": TODAY})
    assert answer.status_code == 200
    rows = answer.get_data(as_text=True).lstrip("\ufeff").splitlines()
    assert [row.split(",")[0] for row in rows] == ["customer_code", "AHEAD", "NEAR", "OVER"]
    refused(dairy.staff("marketing_staff").get("/reports/credit"), 403, "forbidden")
    refused(household.login.get("/reports/credit"), 403, "forbidden")


def test_terms_and_limits_are_set_by_admins(household: Household) -> None:
    path = f"/customers/{household.customer['id']}"
    staff = household.dairy.staff("marketing_staff")
    ok(household.admin.patch(path, {"marketing_staff_id": staff.user["id"]}))
    for by in (staff, household.login):
        for fields in ({"credit_limit": "9.00"}, {"payment_terms": "prepaid"}):
            refused(by.patch(path, fields), 403, "forbidden")
    for wrong in ({"credit_limit": "-1"}, {"payment_terms": "later"}, {"payment_terms": None}):
        refused(household.admin.patch(path, wrong), 422, "validation_failed")
    refused(staff.get(f"{path}/credit"), 403, "forbidden")
    other = household.dairy.customer()
    refused(household.login.get(f"/customers/{other['id']}/credit"), 404, "customer_not_found")


def test_a_dairy_without_limits_makes_its_orders_as_before(household: Household) -> None:
    """Nobody is locked or asked about, and the statements are those of a dairy that only warns, and one."""
    household.subscribe()
    ok(household.admin.patch("/settings", {"on_credit_limit": "hold"}))
    with statements(household.dairy.app) as sent:
        household.generate()
    assert not [each for each in sent if "credit_exposures" in each]


# --------------------------------------------------------------------------- whose deliveries another pays for


def test_the_limit_is_of_who_pays_and_of_all_that_is_ordered_for_it(household: Household) -> None:
    """Two branches and the shop, each 60.00 a day: with the third one it would be over 120.00."""
    shop_path = limited(household, "180.00")
    shop = household.customer
    branches = [household.dairy.customer(billed_to=shop["id"]) for _ in range(2)]
    for each in (shop, *branches):
        household.dairy.subscription(each, household.milk, "1")
    household.generate(TODAY)
    assert parts(household) == ("0.00", "0.00", "180.00")
    for each in branches:
        own = ok(household.admin.get(f"/customers/{each['id']}/credit"))
        assert (own["ordered"], own["exposure"], own["credit_limit"], own["held"]) == ("0.00", "0.00", None, [])
    assert household.generate(TOMORROW)["held"] == 3  # the day is held as a whole
    held = ok(household.admin.get(f"/customers/{branches[0]['id']}/credit"))["held"]
    assert [(each["exposure"], each["credit_limit"]) for each in held] == [("360.00", "180.00")]
    ok(household.admin.patch(shop_path, {"credit_limit": "360.00"}))
    assert household.generate(TOMORROW)["held"] == 0


def test_a_branch_is_not_told_what_who_pays_owes(household: Household) -> None:
    limited(household, "100.00")
    owe(household, "90.00")
    branch, login = household.dairy.customer_login(billed_to=household.customer["id"])
    household.dairy.subscription(branch, household.milk, "1")
    assert household.generate(TODAY)["held"] == 1
    told = ok(login.get(f"/customers/{branch['id']}/credit"))
    assert [(each["amount"], each["exposure"], each["credit_limit"]) for each in told["held"]] == [
        ("60.00", None, None)
    ]
    body = {
        "customer_id": branch["id"],
        "delivery_date": TOMORROW,
        "items": [{"product_id": household.milk["id"], "quantity": "1"}],
    }
    problem = refused(login.post("/orders", body), 409, "credit_hold")
    del problem["instance"]  # drawn by chance: it may hold any two digits
    assert "90" not in str(problem)
    assert "100" not in str(problem)
    ok(household.admin.post("/orders", body | {"confirm": True}), 201)


def test_two_branches_that_order_at_once(household: Household, database_url: str) -> None:
    """Each alone would fit: the lock is the row of who pays."""
    limited(household, "100.00")
    branches = [household.dairy.customer(billed_to=household.customer["id"]) for _ in range(2)]

    def order(branch: Any) -> int:
        items = [{"product_id": household.milk["id"], "quantity": "1"}]
        body = {"customer_id": branch["id"], "delivery_date": TOMORROW, "items": items}
        return household.admin.post("/orders", body).status_code

    hold = f"SELECT FROM customers WHERE id = '{household.customer['id']}' FOR UPDATE"
    done = at_once(database_url, hold, lambda: order(branches[0]), lambda: order(branches[1]))
    assert sorted(done) == [201, 409]
