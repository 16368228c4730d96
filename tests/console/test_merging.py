"""The same customer twice: found by the phone number or a search, looked at, and made one."""

from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.visitor import Visitor
from tests.dairy import Dairy, ok


@pytest.fixture
def two(dairy: Dairy) -> tuple[Any, Any]:
    """Asha Rao, with a payment, and A. Rao of the same telephone."""
    dairy.seller()
    old = dairy.customer(name="Asha Rao", phone="+919822000001")
    new = dairy.customer(name="A. Rao", phone="+919822000001", login=False)
    ok(dairy.admin.post("/payments", {"customer_id": old["id"], "amount": "30.00", "method": "cash"}), 201)
    return old, new


def test_found_by_the_telephone_looked_at_and_made_one(dairy: Dairy, admin: Visitor, two: tuple[Any, Any]) -> None:
    old, new = two
    own = f"/customers/{old['id']}"
    assert f"{own}/merge" in admin.open(own).links()
    page = admin.open(f"{own}/merge")
    (chosen,) = [each for each in page.links() if f"into={new['id']}" in each]
    page = admin.open(chosen.partition("#")[0])
    assert "Everything moves to A. Rao" in page.words
    assert page.words.count("30.00") == 2  # of the old one, and of both
    page = admin.follow(admin.submit(page, f"{own}/merge", reason="registered twice"))
    assert f"{old['code']} is one with this customer now" in page.words
    assert ok(dairy.admin.get(own))["merged_into"] == new["id"]
    left = admin.open(own)
    assert "this customer is one with A. Rao" in left.words
    assert f"/customers/{new['id']}" in left.links()


def test_the_list_shows_it_only_when_asked(dairy: Dairy, admin: Visitor, two: tuple[Any, Any]) -> None:
    old, new = two
    ok(dairy.admin.post(f"/customers/{old['id']}/merge", {"into": new["id"], "reason": "twice"}))
    assert f"/customers/{old['id']}" not in admin.open("/customers").links()
    page = admin.open("/customers?merged=1")
    assert f"/customers/{old['id']}" in page.links()
    assert "one with another" in page.words
    assert f"/customers/{new['id']}" in admin.open(f"/customers?q={old['code']}").links()


def test_why_not_is_said_and_there_is_no_button(dairy: Dairy, admin: Visitor, two: tuple[Any, Any]) -> None:
    old, new = two
    for customer, day in ((old, -9), (new, -8)):
        body = {"customer_id": customer["id"], "as_of": dairy.day(day), "amount": "1.00"}
        ok(dairy.admin.post("/opening-balances", body), 201)
    address = f"/customers/{old['id']}/merge?into={new['id']}"
    page = admin.open(address)
    assert "Both have opening balances of different days" in page.words
    assert "registered twice" not in page.words
    assert "शुरुआती बकाया" in admin.open(f"{address}&lang=hi").words


def test_a_reason_is_needed_and_what_was_chosen_stays(admin: Visitor, two: tuple[Any, Any]) -> None:
    old, new = two
    own = f"/customers/{old['id']}/merge"
    page = admin.submit(admin.open(f"{own}?into={new['id']}"), own, reason="x")
    assert page.status == 422
    assert "Everything moves to A. Rao" in page.words


def test_what_comes_twice_is_told(dairy: Dairy, admin: Visitor, two: tuple[Any, Any]) -> None:
    milk = dairy.product("60.00", name="Cow milk")
    for each in two:
        dairy.subscription(each, milk, "1")
    page = admin.open(f"/customers/{two[0]['id']}/merge?into={two[1]['id']}")
    assert "Both get Cow milk in the same shift (Morning)" in page.words


@pytest.mark.parametrize("role", ["accountant", "marketing_staff", "delivery_boy", "customer"])
def test_only_admins(sign_in: SignIn, two: tuple[Any, Any], role: str) -> None:
    assert sign_in(role).open(f"/customers/{two[0]['id']}/merge").status == 403


def test_nobody_and_nonsense(admin: Visitor, two: tuple[Any, Any]) -> None:
    own = f"/customers/{two[0]['id']}/merge"
    nobody = "00000000-0000-7000-8000-000000000000"
    assert admin.open(f"{own}?into={nobody}").status == 404
    assert admin.open(f"{own}?into=x").status in {404, 422}
    assert admin.open(f"{own}?q=%25%25").status == 200
    assert admin.open(f"/customers/{nobody}/merge").status == 404
