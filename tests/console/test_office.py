"""Products, prices, people, areas, settings and the audit log in the console."""

from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.visitor import Visitor
from tests.dairy import PASSWORD, Dairy, ok, read

CURD = {"name": "Curd 400 g", "sku": "CURD-400", "unit": "packet", "price": "35", "valid_from": "2026-01-01"}


# -------------------------------------------------------------------------------------------------- products


def test_a_product_is_sold_with_its_first_price(dairy: Dairy, admin: Visitor) -> None:
    page = admin.submit(admin.open("/products"), "/products", **CURD, is_packed="yes", hsn_code="0403")
    assert page.status == 303, page.words
    (made,) = read(dairy.admin, "/products")
    expected = {"sku": "CURD-400", "is_packed": True, "current_price": "35.00", "tax_class": "curd_packed"}
    assert expected.items() <= made.items()
    assert "Curd 400 g is on sale." in admin.follow(page).words


@pytest.mark.parametrize("wrong", [{"price": "dear"}, {"valid_from": ""}, {"sku": ""}, {"hsn_code": "12"}])
def test_a_product_is_made_with_its_price_or_not_at_all(dairy: Dairy, admin: Visitor, wrong: dict[str, str]) -> None:
    page = admin.submit(admin.open("/products"), "/products", **CURD | wrong)
    assert page.status == 422
    marked = [each["name"] for each in page.every("input") if each.get("aria-invalid")]
    assert marked == list(wrong)
    assert page.form("/products").fields["name"] == "Curd 400 g"
    assert read(dairy.admin, "/products") == []
    assert admin.submit(page, "/products", **CURD, hsn_code=None).status == 303


def test_a_price_tells_what_it_reprices(dairy: Dairy, admin: Visitor) -> None:
    milk = dairy.product("60.00", name="Cow milk")
    customer = dairy.customer()
    dairy.subscription(customer, milk)
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(1)}))
    dairy.order(customer, (milk, "1"), on=dairy.day(1))
    address = f"/products/{milk['id']}"
    page = admin.submit(admin.open(address), "/prices", price="66.5", valid_from=dairy.day(1))
    assert page.status == 303, page.words
    page = admin.follow(page)
    assert "₹ 66.50 from" in page.words
    assert "Planned orders that took it: 1; orders that kept their price: 1." in page.words
    assert [each["price"] for each in read(dairy.admin, f"{address}/prices")] == ["60.00", "66.50"]
    page = admin.submit(page, "/prices", price="-1", valid_from=dairy.day(2))
    assert page.status == 422
    assert page.form("/prices").fields["price"] == "-1"


def test_a_product_is_taken_off_sale_and_sold_again(dairy: Dairy, admin: Visitor) -> None:
    milk = dairy.product("60.00", name="Cow milk")
    dairy.order(dairy.customer(), (milk, "1"))
    address = f"/products/{milk['id']}"
    page = admin.submit(admin.open(address), "/sale")
    assert "Cow milk is off sale. Open orders with it: 1." in admin.follow(page).words
    assert ok(dairy.admin.get(address))["is_active"] is False
    admin.submit(admin.open(address), "/sale")
    assert ok(dairy.admin.get(address))["is_active"] is True


def test_who_may_only_look_gets_no_forms(dairy: Dairy, sign_in: SignIn) -> None:
    milk = dairy.product("60.00")
    visitor = sign_in("accountant")
    for address in ("/products", f"/products/{milk['id']}", "/areas", "/settings"):
        page = visitor.open(address)
        assert page.status == 200
        assert [form.action for form in page.forms] == ["/sign-out"], address


# ---------------------------------------------------------------------------------------------------- people


def test_an_invitation_is_shown_once_and_lets_somebody_in(dairy: Dairy, admin: Visitor) -> None:
    form = admin.open("/people").form("/people")
    typed = {"name": "Ravi", "login": "98220 12345", "role": "delivery_boy"}
    page = admin.send(form, typed)
    assert page.status == 200, page.words
    link = page.words.partition("/auth/invitation#")[2].split()[0]
    assert "works once" in page.words
    again = admin.send(form, typed)
    assert link not in again.words
    assert "shown only once" in again.words
    assert len([each for each in read(dairy.admin, "/users") if each["name"] == "Ravi"]) == 1
    dairy.accept(link, "+919822012345")
    assert Visitor(dairy.app).sign_in("9822012345", PASSWORD).status == 303


def test_staff_come_first_and_customers_are_asked_for(dairy: Dairy, admin: Visitor) -> None:
    dairy.staff("delivery_boy", "Ravi")
    dairy.customer_login(name="Zoya Shah")
    words = admin.open("/people").words
    assert "Ravi Helper" in words
    assert "Asha Admin Owner" in words
    assert "Zoya Shah" not in words
    assert "Zoya Shah Customer" in admin.open("/people?role=customer").words
    assert admin.open("/people?role=king").status == 422


def test_a_refused_invitation_says_why(dairy: Dairy, admin: Visitor) -> None:
    for login, status in (("nonsense", 422), ("admin@dairy.example", 409), ("", 422)):
        page = admin.submit(admin.open("/people"), "/people", name="Ravi", login=login, role="admin")
        assert page.status == status, login
        assert page.form("/people").fields["name"] == "Ravi"
    assert len(read(dairy.admin, "/users")) == 1


def test_access_is_ended_at_once_and_given_back(dairy: Dairy, admin: Visitor) -> None:
    client = dairy.staff("accountant", "Anil")
    visitor = Visitor.of(dairy.app, client.user["email"])
    own = f"/people/{client.user['id']}"
    page = admin.submit(admin.open("/people"), own)
    assert "Anil may no longer sign in" in admin.follow(page).words
    refused = visitor.open("/customers")
    assert (refused.status, "This login has been deactivated" in refused.words) == (403, True)
    assert "Sign in" in visitor.open("/").words
    admin.submit(admin.open("/people"), own)
    assert visitor.sign_in(client.user["email"]).status == 303
    page = admin.submit(admin.open("/people"), f"{own}/invitation")
    assert "/auth/invitation#" in page.words


# ------------------------------------------------------------------------------------- areas, settings, audit


def test_areas_are_made_within_others(dairy: Dairy, admin: Visitor) -> None:
    admin.submit(admin.open("/areas"), "/areas", name="Pune")
    (pune,) = read(dairy.admin, "/areas")
    page = admin.submit(admin.open("/areas"), "/areas", name="Baner", parent_id=pune["id"])
    assert "Baner was entered." in admin.follow(page).words
    assert admin.submit(admin.open("/areas"), "/areas", name="Baner").status == 409
    found = {each["name"]: each["parent_id"] for each in read(dairy.admin, "/areas")}
    assert found == {"Pune": None, "Baner": pune["id"]}


def test_one_group_of_settings_is_changed(dairy: Dairy, admin: Visitor) -> None:
    before: Any = ok(dairy.admin.get("/settings"))
    forms = [form for form in admin.open("/settings").forms if form.action == "/settings"]
    seller = next(form for form in forms if form.fields["group"] == "seller")
    page = admin.send(seller, {"business_name": "Sunrise Dairy", "state_code": "27", "phone": ""})
    assert page.status == 303, page.words
    after = ok(dairy.admin.get("/settings"))
    changed = {name for name in after if after[name] != before[name]} - {"updated_at"}
    assert changed == {"business_name", "state_code"}
    page = admin.send(seller, {"business_name": "X", "gstin": "nonsense"})
    assert page.status == 422
    assert [each["name"] for each in page.every("input") if each.get("aria-invalid")] == ["gstin"]
    days = next(form for form in forms if form.fields["group"] == "days")
    assert admin.send(days, {"cutoff_morning": "20:30", "delivery_window_days": "2"}).status == 303
    after = ok(dairy.admin.get("/settings"))
    assert (after["cutoff_morning"], after["delivery_window_days"]) == ("20:30:00", 2)
    assert admin.send(days, {"delivery_window_days": "many"}).status == 422
    assert ok(dairy.admin.get("/settings"))["business_name"] == "Sunrise Dairy"


def test_how_gst_is_paid_is_chosen(dairy: Dairy, admin: Visitor) -> None:
    """Whoever leaves the choice alone has what the GSTIN says."""

    def send(**fields: str) -> Any:
        forms = [form for form in admin.open("/settings").forms if form.fields.get("group") == "seller"]
        page = admin.send(forms[0], fields)
        return page.status, ok(dairy.admin.get("/settings"))["gst_scheme"]

    assert send(business_name="Gokul", state_code="27", gstin="27AAPFU0939F1ZV") == (303, "regular")
    assert send(gst_scheme="composition") == (303, "composition")
    assert send(phone="1") == (303, "composition")
    assert send(gst_scheme="none") == (422, "composition")
    assert "Composition: bills of supply without tax, CMP-08 and GSTR-4" in admin.open("/settings").words
    assert "कंपोज़ीशन: बिना कर के आपूर्ति बिल, CMP-08 और GSTR-4" in admin.open("/settings?lang=hi").words
    assert "CMP-08: turnover under composition" in admin.open("/month-end?lang=en").words
    assert send(gstin="") == (303, "none")
    assert "CMP-08" not in admin.open("/month-end").words


def test_the_audit_log_names_who_and_what(dairy: Dairy, admin: Visitor) -> None:
    milk = dairy.product("60.00", name="Cow milk")
    admin.submit(admin.open(f"/products/{milk['id']}"), "/sale")
    page = admin.open(f"/audit-log?table=products&row={milk['id']}")
    assert "Asha Admin" in page.words
    assert "is_active: True → False" in page.words
    assert "name: Cow milk" in page.words
    assert "No entries." in admin.open("/audit-log?table=nonsense").words


def test_a_switch_is_turned_on_and_off(dairy: Dairy, admin: Visitor) -> None:
    for typed, is_on in (("yes", True), ("no", False)):
        forms = [form for form in admin.open("/settings").forms if form.fields.get("group") == "door"]
        assert forms[0].fields["show_due_at_door"] == ("no" if is_on else "yes")
        admin.send(forms[0], {"show_due_at_door": typed})
        settings = ok(dairy.admin.get("/settings"))
        assert settings["show_due_at_door"] is is_on
        assert (settings["door_extras"], settings["door_extra_limit"]) == ("staff", "2000.00")
    admin.send(forms[0], {"show_due_at_door": "no", "door_extras": "staff_and_links", "door_extra_limit": ""})
    settings = ok(dairy.admin.get("/settings"))
    assert (settings["door_extras"], settings["door_extra_limit"]) == ("staff_and_links", None)
    accountant = Visitor.of(dairy.app, dairy.staff("accountant").user["email"])
    assert "Show what is owed at the door No" in accountant.open("/settings").words


def test_a_product_without_a_code_gets_one_later(dairy: Dairy, admin: Visitor) -> None:
    milk = dairy.product("60.00", name="Cow milk", sku="COW", hsn_code=None)
    address = f"/products/{milk['id']}"
    page = admin.open(address)
    assert "Not classified" in page.words
    assert admin.submit(page, address, name="Cow milk", sku="COW", hsn_code="04").status == 422
    page = admin.submit(page, address, name="Cow milk, fresh", sku="COW", hsn_code="0401")
    assert page.status == 303, page.words
    assert "Fresh or pasteurised milk" in admin.follow(page).words
    after = ok(dairy.admin.get(address))
    assert (after["name"], after["hsn_code"], after["tax_class"]) == ("Cow milk, fresh", "0401", "milk_fresh")
    ok(dairy.admin.patch(address, {"tax_class": "milk_powder"}))
    admin.submit(admin.open(address), address, name="Cow milk")
    assert ok(dairy.admin.get(address))["tax_class"] == "milk_powder", "only another code or packing chooses anew"
