"""From an empty database to tomorrow's round in the console alone, and what its steps are made of."""

from typing import Any

import pytest

from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok, read


def steps(page: Page) -> list[bool]:
    """Which of the first steps are ticked."""
    return [each.startswith("✓") for each in page.response.get_data(as_text=True).split("<p><b>")[1:]]


def ticked(admin: Visitor) -> int:
    found = steps(admin.open("/start"))
    assert len(found) == 8
    return sum(found)


def test_a_dairy_is_set_up_without_reading_anything(dairy: Dairy, admin: Visitor) -> None:
    """Each step is done on the page to which the list leads."""
    assert "The dairy has no name yet." in admin.open("/").words
    assert ticked(admin) == 0
    forms = [form for form in admin.open("/settings").forms if form.fields.get("group") == "seller"]
    admin.send(forms[0], {"business_name": "Sunrise Dairy", "address": "1 Milk Lane, Pune", "state_code": "27"})
    product = {"name": "Cow milk", "sku": "COW", "unit": "litre", "price": "60", "valid_from": dairy.day(0)}
    admin.submit(admin.open("/products"), "/products", **product)
    admin.submit(admin.open("/areas"), "/areas", name="Kothrud")
    admin.submit(admin.open("/people"), "/people", name="Ravi", login="98220 12345", role="delivery_boy")
    assert ticked(admin) == 4
    (ravi,) = ok(dairy.admin.get("/users", role="delivery_boy"))["items"]
    typed = {"name": "Asha Rao", "phone": "98123 45671", "address_line1": "14 Canal Road", "area": "Kothrud"}
    page = admin.submit(admin.open("/customers/new"), "/customers/new", **typed, delivery_boy_id=ravi["id"])
    assert "/auth/invitation#" in page.words
    (customer,) = read(dairy.admin, "/customers")
    own = f"/customers/{customer['id']}"
    page = admin.submit(admin.open(own), "/standing-orders", default_quantity="1.5", start_date=dairy.day(1))
    assert "The standing order was entered." in admin.follow(page).words
    assert ticked(admin) == 6
    page = admin.follow(admin.submit(admin.open("/start"), "/start/orders"))
    assert "Orders made: 1." in page.words
    assert "Ravi Morning 0 of 1 done" in page.words
    link = admin.submit(page, "/rounds/links", date=dairy.day(1), hours="48")
    assert "/s/" in link.words
    page = admin.open("/start")
    assert all(steps(page))
    assert "Tomorrow's round is ready." in page.words
    assert "no name yet" not in admin.open("/").words


# ------------------------------------------------------------------------------------------------- customers


def test_a_refused_customer_says_where(dairy: Dairy, admin: Visitor) -> None:
    typed = {"name": "Asha Rao", "phone": "12", "address_line1": "14 Canal Road", "area": "Kothrud"}
    page = admin.submit(admin.open("/customers/new"), "/customers/new", **typed)
    assert page.status == 422
    assert [each["name"] for each in page.every("input") if each.get("aria-invalid")] == ["phone"]
    assert typed.items() <= page.form("/customers/new").fields.items()
    assert read(dairy.admin, "/customers") == []


def test_without_a_login_there_is_no_link(dairy: Dairy, admin: Visitor) -> None:
    typed = {"name": "Asha Rao", "phone": "98123 45671", "address_line1": "14 Canal Road", "area": "Kothrud"}
    page = admin.submit(admin.open("/customers/new"), "/customers/new", **typed, login=None)
    assert page.status == 303
    assert "Asha Rao was registered." in admin.follow(page).words
    assert read(dairy.admin, "/customers")[0]["user_id"] is None


# ------------------------------------------------------------------------------------------- what they want


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    dairy.product("60.00", name="Cow milk")
    return dairy.customer(name="Asha Rao")


def standing(dairy: Dairy, customer: Any) -> list[Any]:
    return read(dairy.admin, "/subscriptions", customer_id=customer["id"])


def test_a_standing_order_on_weekdays_is_entered_and_stopped(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    own = f"/customers/{asha['id']}"
    typed = {"default_quantity": "2", "mode": "weekly_pattern", "weekday": ["0", "4"], "start_date": dairy.day(1)}
    page = admin.submit(admin.open(own), "/standing-orders", **typed)
    assert page.status == 303, page.words
    (made,) = standing(dairy, asha)
    assert (made["weekly_pattern"], made["default_quantity"]) == ([0, 4], "2.000")
    page = admin.submit(admin.open(own), "/stop", stop_date=dairy.day(20))
    assert page.status == 303, page.words
    assert standing(dairy, asha)[0]["stop_date"] == dairy.day(20)


def test_a_refused_standing_order_keeps_what_was_typed(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    page = admin.submit(admin.open(f"/customers/{asha['id']}"), "/standing-orders", default_quantity="lots")
    assert page.status == 422
    assert page.form("/standing-orders").fields["default_quantity"] == "lots"
    assert [each["name"] for each in page.every("input") if each.get("aria-invalid")] == ["default_quantity"]
    assert standing(dairy, asha) == []


def test_a_refused_form_of_a_standing_order_keeps_what_was_typed_in_it_alone(
    dairy: Dairy, admin: Visitor, asha: Any
) -> None:
    own = f"/customers/{asha['id']}"
    made = [dairy.subscription(asha, dairy.product("40.00"), "2") for _ in range(2)]
    typed = {"default_quantity": "2", "mode": "weekly_pattern", "weekday": ["0", "4"], "start_date": "2020-01-01x"}
    page = admin.submit(admin.open(own), "/standing-orders", **typed)
    assert page.status == 422
    ticked = [each["value"] for each in page.every("input") if each.get("name") == "weekday" and "checked" in each]
    assert ticked == ["0", "4"]
    page = admin.submit(admin.open(own), f"{made[1]['id']}/stop", stop_date="2020-01-01", reason="Moved")
    assert page.status == 422
    first, second = (page.form(f"{each['id']}/stop").fields for each in made)
    assert (first["stop_date"], second["stop_date"], second["reason"]) == ("", "2020-01-01", "Moved")
    assert len([each for each in page.every("input") if each.get("aria-invalid")]) == 1
    page = admin.submit(admin.open(own), f"{made[0]['id']}/quantity", default_quantity="lots")
    assert page.status == 422
    assert page.form(f"{made[0]['id']}/quantity").fields["default_quantity"] == "lots"
    assert page.form(f"{made[1]['id']}/quantity").fields["default_quantity"] == "2"


def test_a_standing_order_gets_another_quantity_from_a_day_on(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    made, own = dairy.subscription(asha, dairy.product("40.00"), "2"), f"/customers/{asha['id']}"
    page = admin.submit(admin.open(own), "/quantity", default_quantity="3", effective_from=dairy.day(5))
    assert "The quantity was entered." in admin.follow(page).words
    (change,) = ok(dairy.admin.get(f"/subscriptions/{made['id']}"))["quantity_changes"]
    assert (change["valid_from"], change["quantity"]) == (dairy.day(5), "3.000")
    page = admin.submit(admin.open(own), "/stop", stop_date=dairy.day(0), reason="Moved today")
    assert page.status == 303, page.words
    assert standing(dairy, asha)[0]["status"] == "stopped"


def test_an_order_of_one_day_is_entered_once_and_cancelled(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    own = f"/customers/{asha['id']}?day={dairy.day(2)}"
    form = admin.open(own).form("/orders")
    for _ in range(2):
        assert admin.send(form, {"quantity": "3"}).status == 303
    (order,) = read(dairy.admin, "/orders")
    assert (order["delivery_date"], order["items"][0]["quantity"]) == (dairy.day(2), "3.000")
    page = admin.follow(admin.submit(admin.open(own), "/cancel"))
    assert "The order was cancelled." in page.words
    assert read(dairy.admin, "/orders")[0]["status"] == "CANCELLED"
    page = admin.send(admin.open(own).form("/orders"), {"quantity": "none"})
    assert page.status == 422
    assert [each["id"] for each in page.every("input") if each.get("aria-invalid")] == ["day-order-quantity"]


def test_making_orders_again_says_that_none_was_missing(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    dairy.subscription(asha, dairy.product("60.00"), "1")
    for said in ("Orders made: 1.", "Nothing was missing"):
        assert said in admin.follow(admin.submit(admin.open("/start"), "/start/orders")).words


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"fssai_no": "123"}, "Must be 14 digits."),
        ({"state_code": "Maharashtra"}, "Must be 2 digits."),
        ({"state_code": ""}, ""),
    ],
)
def test_a_setting_that_is_refused_says_its_form(admin: Visitor, typed: dict[str, str], said: str) -> None:
    assert said in admin.submit(admin.open("/settings"), "/settings", **typed).words


def test_a_standing_order_without_its_weekdays_says_so(admin: Visitor, asha: Any) -> None:
    page = admin.open(f"/customers/{asha['id']}")
    page = admin.submit(page, "/standing-orders", default_quantity="1", mode="weekly_pattern")
    assert "Choose one to seven weekdays." in page.words
    assert "This is needed." in admin.submit(admin.open("/customers/new"), "/customers/new").words


def test_a_customer_of_a_file_is_invited_on_its_page(dairy: Dairy, admin: Visitor) -> None:
    text = "name,phone,address_line1,area\nAsha Rao,9812345671,14 Canal Road,Kothrud\n"
    ok(dairy.admin.post("/imports/customers", {"csv": text}), 201)
    (asha,) = read(dairy.admin, "/customers")
    page = admin.submit(admin.open(f"/customers/{asha['id']}"), "/invitation")
    assert "Invitation for Asha Rao" in page.words
    assert "/api/v1/auth/invitation#" in page.words


def test_a_link_names_its_helper_once_and_stays_on_its_day(dairy: Dairy, admin: Visitor) -> None:
    dairy.staff("delivery_boy", "Ravi")
    page = admin.submit(admin.open("/rounds"), "/rounds/links", date=dairy.day(1))
    assert "Link for Ravi" in page.words
    (shown,) = [form for form in page.forms if form.action == "/rounds"]
    assert shown.fields["date"] == dairy.day(1)
    people = admin.open("/people")
    assert [form.fields["role"] for form in people.forms if form.method == "post" and form.action == "/people"] == [
        "delivery_boy"
    ]


def test_today_says_that_its_orders_were_not_made_and_makes_them(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    assert "No deliveries today." in admin.open("/").words
    milk = dairy.product("60.00")
    dairy.subscription(asha, milk, "1", start_date=dairy.day(0))
    page = admin.open("/")
    assert "no orders were made for them" in page.words
    page = admin.follow(admin.submit(page, "/start/orders"))
    assert "Orders made: 1." in page.words
    assert [each["delivery_date"] for each in read(dairy.admin, "/orders")] == [dairy.day(0)]
    assert "no orders were made for them" not in admin.open("/").words
