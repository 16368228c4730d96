"""Charges and discounts by rule in the console: what one does is told before it is entered; its end; who reads it."""

from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok, read

pytestmark = pytest.mark.usefixtures("clock")
DELIVERY = {"kind": "delivery_charge", "basis": "per_delivery_day", "amount": "5", "description": "Delivery"}
SINCE = "2026-11-01"


@pytest.fixture
def rao(dairy: Dairy) -> Any:
    """A customer who got two litres today, ₹ 120; another got one, ₹ 60."""
    dairy.seller()
    customer, other = dairy.customer(name="Asha Rao"), dairy.customer(name="Balu Patil", area="Baner")
    milk = dairy.product("60.00", name="Cow milk")
    for each, quantity in ((customer, "2"), (other, "1")):
        ok(dairy.confirm(dairy.order(each, (milk, quantity))))
    return customer | {"milk": milk, "other": other}


def look(admin: Visitor, page: Page | None = None, **typed: str) -> Page:
    wanted = DELIVERY | {"valid_from": SINCE, "do": "look"} | typed
    return admin.submit(page or admin.open("/charges"), "/charges", **wanted)


def rules(dairy: Dairy, **wanted: Any) -> list[Any]:
    return list(read(dairy.admin, "/charge-rules", **wanted))


def test_what_a_rule_does_is_told_before_it_is_entered(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = look(admin)
    assert page.status == 200
    assert "Delivery charge: ₹ 5.00 for each day with a delivery, all customers, since Sun, 1 Nov 2026" in page.words
    assert "Drafts of Nov 2026, as they stand now: ₹ 180.00 become ₹ 190.00 (bills: 2)." in page.words
    assert rules(dairy) == []
    page = admin.submit(page, "/charges", do="enter")
    assert page.status == 303, page.words
    page = admin.follow(page)
    assert "Delivery: bills have it from Sun, 1 Nov 2026 on." in page.words
    (made,) = rules(dairy)
    assert (made["amount"], made["valid_from"], made["area_id"]) == ("5.00", SINCE, None)
    (draft,) = read(dairy.admin, "/invoices", customer_id=rao["id"])
    words = admin.open(f"/invoices/{draft['id']}").words
    assert "1 × ₹ 5.00" in words and "piece" not in words


def test_what_was_typed_otherwise_since_is_looked_at_again(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = admin.submit(look(admin), "/charges", do="enter", amount="50")
    assert page.status == 200
    assert "₹ 180.00 become ₹ 280.00" in page.words
    assert rules(dairy) == []
    dairy.confirm(dairy.order(rao, (rao["milk"], "1")))  # a delivery meanwhile is no reason to look again
    assert admin.submit(page, "/charges", do="enter").status == 303
    assert len(rules(dairy)) == 1


def test_of_one_customer_only_its_drafts_are_told(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = admin.open(f"/charges?customer={rao['code']}")
    page = look(admin, page, kind="discount", basis="percent", amount="10", description="Old customer")
    assert "Discount: 10 % of the goods" in page.words
    assert "₹ 120.00 become ₹ 108.00 (bills: 1)." in page.words
    assert admin.submit(page, "/charges", do="enter").status == 303
    page = admin.open(f"/customers/{rao['id']}")
    assert "Old customer Discount: 10 % of the goods, since Sun, 1 Nov 2026" in page.words
    assert f"/charges?customer={rao['code']}#new" in page.links()
    assert "Old customer" not in admin.open(f"/customers/{rao['other']['id']}").words


def test_what_changes_no_draft_and_what_takes_too_much_is_told(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    assert "it holds from Tue, 1 Dec 2026 on" in look(admin, valid_from="2026-12-01").words
    page = look(admin, product_id=dairy.product("30.00", name="Curd")["id"])
    assert "of Curd only" in page.words
    assert "Drafts of Nov 2026, as they stand now: ₹ 180.00 stay ₹ 180.00." in page.words
    off = {"customer_id": rao["other"]["id"], "kind": "discount", "description": "A gift", "amount": "-60.00"}
    ok(dairy.admin.post("/adjustments", off | {"reason": "moved in"}), 201)
    page = look(admin, kind="discount", amount="60")
    assert "could then not be issued" in page.words and "lacks: 1." in page.words
    page = look(admin, amount="0", area_id=rao["other"]["area_id"])
    assert "Nothing (Delivery charge, for each day with a delivery)" in page.words
    page = look(admin, valid_from="2026-10-15")
    assert "Drafts of Oct 2026, as they stand now: ₹ 0.00 stay ₹ 0.00." in page.words


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("amount", "-1"),
        ("amount", "five"),
        ("description", ""),
        ("valid_from", ""),
        ("valid_to", "2026-10-31"),
        ("customer", "nobody"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(dairy: Dairy, admin: Visitor, field: str, typed: str) -> None:
    page = look(admin, **{field: typed})
    assert page.status == 422
    assert [each["name"] for each in page.every("input") if each.get("aria-invalid")] == [field]
    assert page.form("/charges").fields["kind"] == "delivery_charge"
    assert rules(dairy) == []


def test_a_customer_and_an_area_are_one_too_many(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    page = look(admin, customer=rao["phone"], area_id=rao["other"]["area_id"])
    assert page.status == 422
    assert [each["name"] for each in page.every("select") if each.get("aria-invalid")] == ["area_id"]


def test_a_rule_ends_goes_on_and_is_taken_back(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    made = ok(dairy.admin.post("/charge-rules", DELIVERY | {"valid_from": SINCE}), 201)
    end = f"/charges/{made['id']}/end"
    page = admin.submit(admin.open("/charges"), end, valid_to="2026-10-01")
    assert page.status == 422
    assert page.form(end).fields["valid_to"] == "2026-10-01"
    page = admin.submit(page, end, valid_to="2026-11-19")
    page = admin.follow(page)
    assert "Delivery: the last day is Thu, 19 Nov 2026." in page.words
    assert "No rule holds." in page.words
    assert rules(dairy, ended="false") == []
    for listed in (page, admin.open("/charges?ended=true")):
        assert "since Sun, 1 Nov 2026 until Thu, 19 Nov 2026" in listed.words
    page = admin.follow(admin.submit(page, end, valid_to=""))
    assert "Delivery holds till further notice." in page.words
    assert rules(dairy, ended="true") == []
    page = admin.follow(admin.submit(page, f"/charges/{made['id']}/take-back"))
    assert "Delivery was taken back." in page.words
    assert rules(dairy) == []


def test_a_rule_of_issued_bills_is_only_ended(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    made = ok(dairy.admin.post("/charge-rules", DELIVERY | {"valid_from": SINCE}), 201)
    path = f"/charges/{made['id']}/take-back"
    page = admin.open("/charges")
    ok(dairy.admin.post("/billing/runs", {"period": "2026-11", "through": "2026-11-20"}), 201)
    assert admin.submit(page, path).status == 409
    assert path not in {form.action for form in admin.open("/charges").forms}


def test_an_accountant_reads_and_a_helper_does_not(dairy: Dairy, admin: Visitor, sign_in: SignIn, rao: Any) -> None:
    ok(dairy.admin.post("/charge-rules", DELIVERY | {"valid_from": SINCE}), 201)
    page = sign_in("accountant").open("/charges")
    assert "₹ 5.00 for each day with a delivery" in page.words
    assert {form.action for form in page.forms} == {"/sign-out"}
    links = sign_in("accountant").open(f"/customers/{rao['id']}").links()
    assert not [each for each in links if each.startswith("/charges?")]
    assert sign_in("delivery_boy").open("/charges").status == 403
    assert "डिलीवरी वाले हर दिन ₹ 5.00, सब ग्राहक" in admin.open("/charges?lang=hi").words


def test_the_rules_are_a_file_too(dairy: Dairy, admin: Visitor) -> None:
    assert "/downloads/charge-rules.csv" in admin.open("/charges").links()
    assert admin.http.get("/downloads/charge-rules.csv").data == dairy.admin.get("/exports/charge-rules.csv").data
