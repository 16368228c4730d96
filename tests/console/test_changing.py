"""Changing a customer in the console: by which role what, and two people at the same customer."""

from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok


@pytest.fixture
def rao(dairy: Dairy) -> Any:
    return dairy.customer(name="Asha Rao", address_line1="B-12 Canal Road", area="Kothrud")


def change(customer: Any) -> str:
    return f"/customers/{customer['id']}/change"


def fields(page: Page) -> dict[str, str]:
    return page.form("/change").fields


def read(dairy: Dairy, customer: Any) -> Any:
    return ok(dairy.admin.get(f"/customers/{customer['id']}"))


def test_only_what_was_typed_is_changed(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    ravi = dairy.staff("delivery_boy", "Ravi")
    page = admin.open(change(rao))
    assert fields(page)["address_line1"] == "B-12 Canal Road"
    typed = {"delivery_boy_id": ravi.user["id"], "area": "Baner", "stop_sequence": "7", "notes": "Ring\r\ntwice"}
    page = admin.submit(page, "/change", **typed)
    assert page.status == 303, page.words
    after = read(dairy, rao)
    assert (after["delivery_boy_id"], after["area"], after["stop_sequence"]) == (ravi.user["id"], "Baner", 7)
    assert after["notes"] == "Ring\ntwice"
    same = {"area", "area_id", "delivery_boy_id", "stop_sequence", "notes", "updated_at"}
    assert {name: value for name, value in after.items() if name not in same} == {
        name: value for name, value in rao.items() if name not in {*same, "invitation_token"}
    }
    assert "The change was saved." in admin.follow(page).words
    page = admin.submit(admin.open(change(rao)), "/change")
    assert "Nothing was changed." in admin.follow(page).words
    assert read(dairy, rao) == after


def test_a_customer_is_moved_to_another_round_at_once(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    ravi, sunil = (dairy.staff("delivery_boy", name) for name in ("Ravi", "Sunil"))
    ok(dairy.admin.patch(f"/customers/{rao['id']}", {"delivery_boy_id": ravi.user["id"]}))
    order = dairy.order(rao, (dairy.product("60.00"), "1"))
    page = admin.open(f"/customers/{rao['id']}")
    assert "Round of Ravi" in page.words
    assert f"/rounds/{ravi.user['id']}" in page.links()
    assert f"{change(rao)}#round" in page.links()
    page = admin.open(change(rao))
    assert "holds at once, also for deliveries of today that nobody has confirmed" in page.words
    page = admin.follow(admin.submit(page, "/change", delivery_boy_id=sunil.user["id"]))
    assert "Round of Sunil" in page.words
    for helper, stops in ((ravi, 0), (sunil, 1)):
        found = [each["id"] for each in ok(helper.get("/orders"))["items"]]
        assert found == [order["id"]] * stops
    nobody = admin.follow(admin.submit(admin.open(change(rao)), "/change", delivery_boy_id=""))
    assert "Round of" not in nobody.words


def test_a_refused_change_says_where_and_loses_nothing(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = admin.submit(admin.open(change(rao)), "/change", pincode="12", notes="Ring twice", stop_sequence="last")
    assert page.status == 422
    wrong = {each["name"] for each in page.every("input") if each.get("aria-invalid")}
    assert wrong == {"pincode", "stop_sequence"}
    assert (fields(page)["pincode"], fields(page)["stop_sequence"]) == ("12", "last")
    page = admin.submit(page, "/change", pincode="411038", stop_sequence="3", notes="Ring twice")
    assert page.status == 303
    after = read(dairy, rao)
    assert (after["pincode"], after["stop_sequence"], after["notes"]) == ("411038", 3, "Ring twice")


def test_of_two_people_the_second_sees_what_the_first_saved(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    other = Visitor.of(dairy.app, "admin@dairy.example")
    mine, theirs = admin.open(change(rao)), other.open(change(rao))
    assert other.submit(theirs, "/change", address_line1="9 Hill Road", city="Pune").status == 303
    page = admin.submit(mine, "/change", address_line1="5 Lake View", notes="Ring twice")
    assert page.status == 412
    assert "Somebody else has changed this meanwhile. What you typed is still here" in page.words
    assert "Saved now: 9 Hill Road" in page.words
    assert "Saved now: Pune" in page.words
    assert fields(page)["address_line1"] == "5 Lake View"
    assert fields(page)["city"] == "Pune"
    after = read(dairy, rao)
    assert (after["address_line1"], after["notes"]) == ("9 Hill Road", None)
    assert admin.submit(page, "/change", notes="Ring twice").status == 303
    after = read(dairy, rao)
    assert (after["address_line1"], after["city"], after["notes"]) == ("5 Lake View", "Pune", "Ring twice")


def test_the_same_change_by_two_people_is_seen_too(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = admin.open(change(rao))
    ok(dairy.admin.patch(f"/customers/{rao['id']}", {"status": "paused"}))
    page = admin.submit(page, "/change", notes="Ring twice")
    assert page.status == 412
    assert "Saved now: Paused" in page.words


def test_each_role_is_offered_what_it_may_set(dairy: Dairy, admin: Visitor, sign_in: SignIn, rao: Any) -> None:
    marketing = dairy.staff("marketing_staff")
    theirs = dairy.customer(marketing_staff_id=marketing.user["id"])
    page = Visitor.of(dairy.app, marketing.user["email"]).open(change(theirs))
    assert {"name", "phone", "status", "area"} <= fields(page).keys()
    assert not {"code", "billing_cycle", "delivery_boy_id", "marketing_staff_id"} & fields(page).keys()
    for role in ("accountant", "delivery_boy", "supplier"):
        assert sign_in(role).open(change(rao)).status == 403
    assert sign_in("customer").open(change(rao)).status == 404


def test_a_customer_changes_its_address_and_language_and_nothing_else(dairy: Dairy) -> None:
    customer, client = dairy.customer_login()
    visitor = Visitor.of(dairy.app, customer["phone"])
    page = visitor.open(change(customer))
    assert not {"name", "phone", "status", "area", "code"} & fields(page).keys()
    page = visitor.submit(page, "/change", address_line1="3 Lake View", language="hi")
    assert page.status == 303
    assert "3 Lake View" in visitor.follow(page).words
    assert visitor.open("/").location is not None
    assert visitor.follow(visitor.open("/")).every("html")[0]["lang"] == "hi"
    assert ok(client.get(f"/customers/{customer['id']}"))["language"] == "hi"
    form = visitor.open(change(customer)).form("/change")
    shown = form.fields["shown"].replace('{"', '{"status": "active", "', 1)
    assert visitor.send(form, {"shown": shown, "status": "stopped"}).status == 403
    assert read(dairy, customer)["status"] == "active"
    elsewhere = Visitor.of(dairy.app, customer["phone"])
    assert elsewhere.follow(elsewhere.open("/")).every("html")[0]["lang"] == "hi"
    chosen = Visitor(dairy.app)
    chosen.open("/?lang=en")
    chosen.sign_in(customer["phone"])
    assert chosen.follow(chosen.open("/")).every("html")[0]["lang"] == "en"


@pytest.mark.parametrize(
    "shown",
    [None, "", "null", "[]", "1", '{"name": 1}', '{"user_id": ""}', "{", "[" * 20_000, '{"name": "", "name": ""}'],
)
def test_a_form_that_does_not_say_what_it_showed_is_refused(admin: Visitor, rao: Any, shown: str | None) -> None:
    page = admin.submit(admin.open(change(rao)), "/change", shown=shown, name="Other")
    assert page.status == 400


def test_who_pays_is_chosen_by_code_or_phone(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    shop = dairy.customer(name="Shree Sweets", code="SHOP", phone="+919812340000")
    page = admin.submit(admin.open(change(rao)), "/change", billed_to="98123 40000")
    assert page.status == 303, page.words
    assert read(dairy, rao)["billed_to"] == shop["id"]
    page = admin.open(f"/customers/{rao['id']}")
    assert "Billed to Shree Sweets" in page.words
    assert f"/customers/{rao['id']}" in admin.open(f"/customers/{shop['id']}").links()
    assert "Pays for the deliveries of" in admin.open(f"/customers/{shop['id']}").words
    assert fields(admin.open(change(rao)))["billed_to"] == "SHOP"
    page = admin.submit(admin.open(change(rao)), "/change", name="Asha R.")  # as it is: not touched
    assert read(dairy, rao)["billed_to"] == shop["id"]
    page = admin.submit(admin.open(change(rao)), "/change", billed_to="")
    assert page.status == 303
    assert read(dairy, rao)["billed_to"] is None


def test_who_cannot_pay_is_told_beside_the_field(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    shop = dairy.customer(name="Shree Sweets", code="SHOP")
    dairy.customer(name="Branch", code="BRANCH", billed_to=shop["id"])
    page = admin.submit(admin.open(change(rao)), "/change", billed_to="NOBODY")
    assert page.status == 422
    assert fields(page)["billed_to"] == "NOBODY"
    page = admin.submit(admin.open(change(rao)), "/change", billed_to="BRANCH")
    assert page.status == 409
    assert "Branch is billed to Shree Sweets itself: choose that one." in page.words
    assert read(dairy, rao)["billed_to"] is None
