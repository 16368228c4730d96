"""The days of a customer in the console: what comes by which rule, what came, and changing a day."""

from typing import Any

import pytest
import time_machine

from tests.console.conftest import SignIn
from tests.console.visitor import Form, Page, Visitor
from tests.dairy import Dairy, ok, read
from tests.deliveries.rounds import at


@pytest.fixture
def rao(dairy: Dairy) -> Any:
    dairy.without_cutoffs()  # also late in the evening tomorrow may change
    return dairy.customer(name="Asha Rao")


def on(customer: Any, day: str) -> str:
    return f"/customers/{customer['id']}?day={day}"


def labels(page: Page) -> dict[str, str]:
    """What each day of the calendar says, by the day that its link opens."""
    links = [each for each in page.every("a") if each.get("class") == "day"]
    return {(each["href"] or "").partition("day=")[2][:10]: each["aria-label"] or "" for each in links}


def actions(page: Page) -> set[str]:
    return {form.action.rpartition("/")[2] for form in page.forms}


def test_each_day_says_in_words_what_comes_and_by_which_rule(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    milk, curd = dairy.product("60.00", name="Cow milk"), dairy.product("40.00", name="Curd")
    standing = dairy.subscription(rao, milk, "2")
    ok(dairy.admin.put(f"/subscriptions/{standing['id']}/overrides/{dairy.day(1)}", {"quantity": "3.5"}))
    ok(dairy.admin.post(f"/subscriptions/{standing['id']}/pauses", {"from": dairy.day(2), "to": dairy.day(2)}))
    dairy.order(rao, (curd, "1"), on=dairy.day(3))
    said = {}
    for offset in range(5):
        day = dairy.day(offset)
        page = admin.open(on(rao, day))
        assert page.form("/pauses").fields["date"] == day
        said[offset] = labels(page)[day].partition(": ")[2]
    assert said[1] == "Cow milk: 3.5 L (Changed)"
    assert said[2] == "Cow milk: nothing (Pause)"
    assert said[3] == "Cow milk: 2 L (Daily); Curd: 1 L (For this day only)"
    assert said[4] == "Cow milk: 2 L (Daily)"
    before = "2026-10-12"
    assert labels(admin.open(on(rao, before)))[before].endswith(": Nothing comes.")


def test_after_the_cut_off_a_customer_sees_that_it_is_too_late_and_staff_give_a_reason(
    clock: time_machine.Traveller, dairy: Dairy
) -> None:
    customer, _ = dairy.customer_login()
    standing = dairy.subscription(customer, dairy.product("60.00"))
    visitor = Visitor.of(dairy.app, customer["phone"])
    page = visitor.open(on(customer, "2026-11-21"))
    assert "Morning: may be changed until Fri, 20 Nov 2026, 21:00." in page.words
    assert {"days", "pauses", "orders"} <= actions(page)
    early = page.form("/days")
    clock.move_to(at("2026-11-20 21:00"))
    dairy.log_in_again()
    page = visitor.open(on(customer, "2026-11-21"))
    assert "the time for changes ended on Fri, 20 Nov 2026, 21:00." in page.words
    assert "days" not in actions(page)
    page = visitor.send(early, {"quantity": "5"})
    assert page.status == 422
    assert "The cut-off for 2026-11-21 has passed." in page.words
    admin = Visitor.of(dairy.app, "admin@dairy.example")
    page = admin.open(on(customer, "2026-11-21"))
    refused = admin.submit(page, "/days", quantity="5")
    assert refused.status == 422
    assert refused.form("/days").fields["quantity"] == "5"
    assert admin.submit(refused, "/days", note="Rang at ten").status == 303
    (override,) = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["overrides"]
    assert (override["quantity"], override["note"]) == ("5.000", "Rang at ten")


def test_as_usual_again_takes_a_days_quantity_back(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    standing, day = dairy.subscription(rao, dairy.product("60.00"), "2"), dairy.day(2)
    page = admin.follow(admin.submit(admin.open(on(rao, day)), "/days", quantity="4"))
    assert "4 L (Changed)" in page.words
    page = admin.follow(admin.submit(page, "/days", usual="yes"))
    assert "is as usual again" in page.words
    assert "2 L (Daily)" in page.words
    assert ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["overrides"] == []


def test_all_standing_orders_pause_together_or_none_does(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    standing = [dairy.subscription(rao, dairy.product("60.00")) for _ in range(3)]
    ok(dairy.admin.post(f"/subscriptions/{standing[2]['id']}/stop", {"stop_date": dairy.day(0), "reason": "Moved"}))

    def pauses() -> list[int]:
        return [len(ok(dairy.admin.get(f"/subscriptions/{each['id']}"))["pauses"]) for each in standing]

    page = admin.open(on(rao, dairy.day(1)))
    form = page.form("/pauses")
    assert form.fields["subscription_id"] == "all"
    for _ in range(2):
        assert admin.send(form, {"to": dairy.day(3)}).status == 303
    assert pauses() == [1, 1, 0]
    ok(dairy.admin.post(f"/subscriptions/{standing[1]['id']}/pauses", {"from": dairy.day(8)}))
    page = admin.submit(admin.open(on(rao, dairy.day(6))), "/pauses", to=dairy.day(9))
    assert page.status == 409
    assert page.form("/pauses").fields["to"] == dairy.day(9)
    assert pauses() == [1, 2, 0]


def test_where_there_is_nothing_to_pause_nothing_is_said_to_pause(
    dairy: Dairy, admin: Visitor, sign_in: SignIn, rao: Any
) -> None:
    dairy.product("60.00")
    typed = {"subscription_id": "all", "from": dairy.day(1), "to": dairy.day(3)}
    for visitor in (admin, sign_in("customer"), sign_in("marketing_staff")):
        first = visitor.open("/")
        token = (visitor.follow(first) if first.location else first).form("/sign-out").fields["csrf_token"]
        page = visitor.send(Form(f"/customers/{rao['id']}/pauses", "post"), {**typed, "csrf_token": token})
        assert page.status == 404
        assert ("No such standing order." in page.words) == ("Asha Rao" in page.words) == (visitor is admin)


def test_something_extra_is_ordered_for_the_day_and_cancelled(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    dairy.product("40.00", name="Curd")
    day = dairy.day(2)
    page = admin.open(on(rao, day))
    refused = admin.submit(page, "/orders", quantity="lots")
    assert refused.status == 422
    assert refused.form("/orders").fields["quantity"] == "lots"
    page = admin.follow(admin.submit(refused, "/orders", quantity="2"))
    assert "Curd: 2 L" in page.words
    (order,) = read(dairy.admin, "/orders", customer_id=rao["id"])
    assert (order["delivery_date"], order["status"]) == (day, "PENDING")
    page = admin.follow(admin.submit(page, f"/orders/{order['id']}/cancel"))
    assert "Cancelled" in page.words
    assert ok(dairy.admin.get(f"/orders/{order['id']}"))["status"] == "CANCELLED"


def test_a_past_day_leads_to_its_delivery_who_when_where_and_on_which_bill(
    clock: time_machine.Traveller, dairy: Dairy
) -> None:
    dairy.seller()
    ravi = dairy.staff("delivery_boy", "Ravi")
    customer, _ = dairy.customer_login(delivery_boy_id=ravi.user["id"])
    milk = dairy.product("60.00", name="Cow milk")
    order = dairy.order(customer, (milk, "2"))
    brought = [{"product_id": milk["id"], "delivered_quantity": "1.5"}]
    where = {"latitude": "18.5074", "longitude": "73.8077"}
    ok(dairy.confirm(order, by=ravi, items=brought, **where))
    clock.move_to(at("2026-11-23 09:00"))
    dairy.log_in_again()
    invoice = ok(dairy.admin.get(f"/orders/{order['id']}"))["invoice"]
    for login in ("admin@dairy.example", dairy.staff("accountant").user["email"]):
        visitor = Visitor.of(dairy.app, login)
        page = visitor.open(on(customer, "2026-11-20"))
        assert "Cow milk: 1.5 L of 2 L" in page.words
        assert "Fri, 20 Nov 2026, 10:00, Ravi, at the door." in page.words
        assert any("18.5074" in link for link in page.links())
        assert f"/invoices/{invoice['id']}" in page.links()
        assert not actions(page) & {"days", "pauses", "orders", "cancel"}
    page = Visitor.of(dairy.app, ravi.user["email"]).open(on(customer, "2026-11-20"))
    assert "Fri, 20 Nov 2026, 10:00, Ravi, at the door." in page.words
    assert not any("/invoices/" in link for link in page.links())
    page = Visitor.of(dairy.app, customer["phone"]).open(on(customer, "2026-11-20"))
    assert "10:00, Ravi, at the door." in page.words
    assert not any("18.5074" in link for link in page.links())
    assert not any(f"/invoices/{invoice['id']}" in link for link in page.links())


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("2026-02-30", 422),
        ("x", 422),
        *((day, 404) for day in ("1999-12-31", "2100-01-01", "9999-12-31", "0001-01-01")),
    ],
)
def test_what_is_no_day_of_a_calendar_is_refused_in_words(admin: Visitor, rao: Any, day: str, status: int) -> None:
    page = admin.open(on(rao, day))
    assert page.status == status
    assert len(page.every("h1")) == 1
