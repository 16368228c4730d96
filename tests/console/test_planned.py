"""Planning what a standing order becomes, and confirming what looks like a slip of the finger, in a browser."""

from datetime import date, timedelta

from tests.console.visitor import Visitor
from tests.dairy import Dairy, ok


def test_a_change_is_planned_and_taken_back(dairy: Dairy, admin: Visitor) -> None:
    customer, milk, curd = dairy.customer(), dairy.product("60.00", name="Milk"), dairy.product("90.00", name="Curd")
    standing = dairy.subscription(customer, milk)
    own = f"/customers/{customer['id']}"
    path = f"{own}/standing-orders/{standing['id']}/change"
    assert path in admin.open(own).links()
    page = admin.submit(admin.open(path), "/change", **{"from": ""})
    assert page.status == 422
    typed = {"from": dairy.day(3), "product_id": curd["id"], "mode": "weekly_pattern", "on_mon": "1", "on_sun": "1.5"}
    page = admin.submit(admin.open(path), "/change", **typed, reason="Guests")
    assert page.status == 303
    shown = admin.open(path)
    assert "Curd" in shown.words and "Sun 1.5" in shown.words and "Guests" in shown.words
    assert "changes on" in admin.open(own).words
    (planned,) = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["changes"]
    assert (planned["weekly_quantities"]["sun"], planned["mode"]) == ("1.500", "weekly_pattern")
    again = admin.submit(shown, "/change", **{"from": dairy.day(2), "shift": "evening"})
    assert (again.status, again.form("/change").fields["shift"]) == (409, "evening")
    assert admin.submit(again, "/change", replace_later="1").status == 303
    assert admin.submit(admin.open(path), "/take-back").status == 303
    assert ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["changes"] == []


def test_a_customer_plans_its_own_in_hindi(dairy: Dairy) -> None:
    customer, _ = dairy.customer_login()
    standing = dairy.subscription(customer, dairy.product("60.00"))
    visitor = Visitor.of(dairy.app, customer["phone"])
    path = f"/customers/{customer['id']}/standing-orders/{standing['id']}/change"
    page = visitor.open(f"{path}?lang=hi")
    assert "किसी दिन से बदलाव" in page.words and "price_per_unit" not in page.form("/change").fields
    assert visitor.submit(page, "/change", **{"from": dairy.day(3), "default_quantity": "2"}).status == 303
    assert visitor.open(f"/customers/{dairy.customer()['id']}/standing-orders/{standing['id']}/change").status == 404


def test_weekdays_have_their_own_quantities(dairy: Dairy, admin: Visitor) -> None:
    customer, milk = dairy.customer(), dairy.product("60.00")
    own = f"/customers/{customer['id']}"
    typed = {"product_id": milk["id"], "mode": "weekly_pattern", "on_tue": "2"}
    assert admin.submit(admin.open(own), "/standing-orders", **typed).status == 303
    (made,) = ok(dairy.admin.get("/subscriptions", customer_id=customer["id"]))["items"]
    assert (made["weekly_pattern"], made["weekly_quantities"]["tue"]) == ([1], "2.000")
    assert "Tue 2" in admin.open(own).words


def test_what_is_unusual_is_asked_for(dairy: Dairy, admin: Visitor) -> None:
    customer, milk = dairy.customer(), dairy.product("60.00")
    own = f"/customers/{customer['id']}"
    typed = {"product_id": milk["id"], "mode": "fixed_daily", "default_quantity": "200"}
    assert "Enter it all the same" not in admin.open(own).words
    asked = admin.submit(admin.open(own), "/standing-orders", **typed)
    assert asked.status == 422 and "Enter it all the same" in asked.words
    assert admin.submit(asked, "/standing-orders", confirm="1").status == 303
    twice = admin.submit(admin.open(own), "/standing-orders", **typed | {"default_quantity": "1"})
    assert twice.status == 409 and "Enter it all the same" in twice.words
    assert admin.submit(twice, "/standing-orders", confirm="1").status == 303


def test_a_small_order_is_asked_for(dairy: Dairy, admin: Visitor) -> None:
    (form,) = [each for each in admin.open("/settings").forms if each.fields.get("group") == "orders"]
    assert admin.send(form, {"minimum_order_amount": "100"}).status == 303
    customer, milk = dairy.customer(), dairy.product("60.00")
    page = admin.open(f"/customers/{customer['id']}?day={date.today() + timedelta(days=1)}")
    asked = admin.submit(page, "/orders", product_id=milk["id"], quantity="1")
    assert asked.status == 422 and "100.00 is the least" in asked.words and "Enter it all the same" in asked.words
    assert admin.submit(asked, "/orders", confirm="1").status == 303


def test_the_bounds_are_settings(dairy: Dairy, admin: Visitor) -> None:
    page = admin.open("/settings")
    (form,) = [each for each in page.forms if each.fields.get("group") == "most"]
    assert form.fields["most_litre"] == "50.000"
    assert admin.send(form, {"most_litre": "80", "most_kg": ""}).status == 303
    most = ok(dairy.admin.get("/settings"))["max_order_quantity"]
    assert (most["litre"], most["kg"], most["dozen"]) == ("80.000", None, "20.000")
    refused = admin.send(form, {"most_litre": "-1"})
    assert refused.status == 422
