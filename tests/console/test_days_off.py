"""Days off in the console: closing a day, what it does told first, and what everybody sees of it."""

from typing import Any

import pytest
import time_machine

from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok, read
from tests.deliveries.rounds import at

pytestmark = pytest.mark.usefixtures("clock")
TODAY, TOMORROW, SUNDAY = "2026-11-20", "2026-11-21", "2026-11-22"


@pytest.fixture
def rao(dairy: Dairy) -> Any:
    """A customer who takes milk daily and ordered curd for tomorrow; the orders of both days are made."""
    customer, login = dairy.customer_login(name="Asha Rao")
    dairy.subscription(customer, dairy.product("60.00", name="Cow milk"), "2")
    for day in (TODAY, TOMORROW, SUNDAY):
        ok(dairy.admin.post("/orders/generate", {"delivery_date": day}))
    dairy.order(customer, (dairy.product("40.00", name="Curd"), "1"), on=TOMORROW)
    return {**customer, "login": login}


def states(dairy: Dairy, day: str = TOMORROW) -> list[str]:
    return [each["status"] for each in read(dairy.admin, "/orders", delivery_date=day)]


def look(admin: Visitor, page: Page | None = None, **typed: str) -> Page:
    wanted = {"day": TOMORROW, "reason": "Diwali", "do": "look"} | typed
    return admin.submit(page or admin.open("/days-off"), "/days-off", **wanted)


def test_what_closing_a_day_does_is_told_before_it_is_done(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = look(admin, deliver_on=SUNDAY)
    assert page.status == 200
    assert "Planned orders of standing orders that are cancelled: 1." in page.words
    assert "Orders for this day only that are cancelled, and not moved: 1." in page.words
    assert "On Sun, 22 Nov 2026 the quantities come besides its own; planned orders with them: 1." in page.words
    assert states(dairy) == ["PENDING", "PENDING"]
    assert read(dairy.admin, "/closed-days") == []
    page = admin.submit(page, "/days-off", do="close")
    assert page.status == 303, page.words
    page = admin.follow(page)
    assert "Sat, 21 Nov 2026 is closed. Orders that were cancelled: 2." in page.words
    assert "its quantities come on Sun, 22 Nov 2026" in page.words
    assert states(dairy) == ["CANCELLED", "CANCELLED"]
    (closed,) = read(dairy.admin, "/closed-days")
    page = admin.submit(page, f"/days-off/{closed['id']}/reopen")
    assert "Sat, 21 Nov 2026 is open again, and its orders are back." in admin.follow(page).words
    assert states(dairy) == ["PENDING", "PENDING"]


def test_what_comes_to_something_else_by_now_is_told_again(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = look(admin)
    (order,) = read(dairy.admin, "/orders", delivery_date=TOMORROW, order_type="one_time")
    ok(dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "no"}))
    page = admin.submit(page, "/days-off", do="close")
    assert page.status == 200
    assert "for this day only" not in page.words
    assert read(dairy.admin, "/closed-days") == []
    assert admin.submit(page, "/days-off", do="close").status == 303


def test_who_has_his_delivery_keeps_it_and_that_is_told(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    (order,) = read(dairy.admin, "/orders", delivery_date=TODAY)
    ok(dairy.confirm(order), 200)
    page = look(admin, day=TODAY)
    assert "Orders that are out for delivery or confirmed, and stay as they are: 1." in page.words
    assert admin.submit(page, "/days-off", do="close").status == 303
    assert states(dairy, TODAY) == ["DELIVERED"]


@pytest.mark.parametrize("wrong", [{"day": "2026-11-19"}, {"day": ""}, {"reason": ""}, {"deliver_on": TOMORROW}])
def test_what_is_wrong_is_told_at_its_field(admin: Visitor, wrong: dict[str, str]) -> None:
    page = look(admin, **wrong)
    assert page.status == 422
    assert [each["name"] for each in page.every("input") if each.get("aria-invalid")] == list(wrong)
    right = dict.fromkeys(wrong, "") | {"day": TOMORROW, "reason": "Strike"}
    assert look(admin, page, **right).status == 200


def test_everybody_reads_that_a_day_is_closed(dairy: Dairy, admin: Visitor, sign_in: SignIn, rao: Any) -> None:
    ok(dairy.admin.post("/closed-days", {"day": TODAY, "shift": "evening", "reason": "No van"}), 201)
    ok(dairy.admin.post("/closed-days", {"day": TOMORROW, "reason": "Diwali", "deliver_on": SUNDAY}), 201)
    for visitor in (admin, sign_in("delivery_boy"), sign_in("accountant")):
        page = visitor.open("/")
        assert "Closed today: No van (The whole dairy, Evening)" in page.words
        assert "Closed tomorrow, Sat, 21 Nov 2026: Diwali (The whole dairy)" in page.words
        assert visitor.open("/days-off").status == 200
    own = Visitor.of(dairy.app, rao["phone"])
    page = own.open(f"/customers/{rao['id']}?day={TOMORROW}")
    assert "Cow milk: nothing" in page.words
    assert "Nothing is delivered: Diwali" in page.words
    assert "its quantities come on Sun, 22 Nov 2026" in page.words
    assert not [form for form in page.forms if form.action.endswith("/days")]  # the dairy decides on exceptions
    page = own.open(f"/customers/{rao['id']}?day={SUNDAY}")
    assert "Cow milk: 4 L (With a closed day's)" in page.words
    assert own.open("/days-off").status == 403
    hindi = admin.open("/days-off?lang=hi")
    assert "छुट्टी के दिन" in hindi.words
    assert "पूरी डेयरी" in hindi.words


def test_a_closed_day_without_orders_is_not_one_whose_orders_were_not_made(
    dairy: Dairy, admin: Visitor, clock: time_machine.Traveller
) -> None:
    customer = dairy.customer()
    dairy.subscription(customer, dairy.product("60.00"))
    assert "no orders were made for them" in admin.open("/").words
    ok(dairy.admin.post("/closed-days", {"day": TODAY, "reason": "Strike"}), 201)
    page = admin.open("/")
    assert "no orders were made for them" not in page.words
    assert "No deliveries today." in page.words
    clock.move_to(at("2026-11-20 23:00"))


def test_staff_may_let_something_come_on_a_closed_day(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    ok(dairy.admin.post("/closed-days", {"day": TOMORROW, "reason": "Diwali"}), 201)
    page = admin.open(f"/customers/{rao['id']}?day={TOMORROW}")
    assert admin.submit(page, "/days", quantity="1", note="The temple").status == 303
    assert sorted(states(dairy)) == ["CANCELLED", "PENDING"]


# ------------------------------------------------------------------------------------------------- holidays


def test_a_household_goes_on_holiday_and_comes_back_earlier(dairy: Dairy, rao: Any) -> None:
    dairy.subscription(rao, dairy.product("40.00", name="Buffalo milk"))
    own, address = Visitor.of(dairy.app, rao["phone"]), f"/customers/{rao['id']}"

    def pauses() -> list[tuple[str, str | None]]:
        return [(each["from"], each["to"]) for each in read(rao["login"], f"{address}/pauses")]

    typed = {"from": "2026-11-25", "to": "2026-12-05", "reason": "In Nashik"}
    page = own.submit(own.open(address), "/holidays", **typed)
    assert page.status == 303, page.words
    page = own.follow(page)
    assert "Everything Wed, 25 Nov 2026 to Sat, 5 Dec 2026, In Nashik" in page.words
    assert pauses() == [("2026-11-25", "2026-12-05")] * 2
    (household,) = {each["household_pause_id"] for each in read(rao["login"], f"{address}/pauses")}
    page = own.submit(page, f"/pauses/{household}", to="2026-11-24")
    assert page.status == 422
    assert page.form(f"/pauses/{household}").fields["to"] == "2026-11-24"
    page = own.submit(page, f"/pauses/{household}", to="2026-11-28")
    assert "The pause was changed." in own.follow(page).words
    assert pauses() == [("2026-11-25", "2026-11-28")] * 2
    page = own.submit(own.open(address), f"/pauses/{household}", end="yes")
    assert "The pause has ended." in own.follow(page).words
    assert pauses() == []


def test_a_pause_of_one_standing_order_is_changed_alone(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    (standing,) = read(dairy.admin, "/subscriptions", customer_id=rao["id"])
    made = ok(dairy.admin.post(f"/subscriptions/{standing['id']}/pauses", {"from": "2026-11-25"}), 201)
    page = admin.open(f"/customers/{rao['id']}")
    assert "Cow milk from Wed, 25 Nov 2026 until somebody resumes it" in page.words
    assert admin.submit(page, f"/pauses/{made['id']}", to="2026-11-26").status == 303
    (pause,) = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["pauses"]
    assert (pause["from"], pause["to"]) == ("2026-11-25", "2026-11-26")
