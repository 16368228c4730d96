"""Opening balances: entered one by one, told as they are, and taken back."""

from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.console.conftest import SignIn
from tests.console.test_month_end import office
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok, read

__all__ = ["living"]
PAGE = "/who-owes/opening-balances"


def enter(visitor: Visitor, customer: Any, **typed: Any) -> Page:
    given = {"customer_code": customer["code"], "amount": "777.77", "as_of": "2026-09-30"}
    return visitor.submit(visitor.open(PAGE), PAGE, **given | typed)


@pytest.mark.parametrize(
    ("kind", "amount", "balance"), [("owed", "777.77", "₹ 777.77"), ("advance", "150.25", "−₹ 150.25")]
)
def test_one_is_entered_and_taken_back(living: LivingDairy, kind: str, amount: str, balance: str) -> None:
    visitor, asha = office(living), living.customer(name="Asha Rao")
    assert PAGE in visitor.open("/who-owes").links()
    page = visitor.follow(enter(visitor, asha, kind=kind, amount=amount))
    assert f"{asha['code']}: {balance} is entered." in page.words
    assert f"Asha Rao {asha['code']} Wed, 30 Sep 2026 ₹ {amount}" in page.words
    assert balance in visitor.open(f"/customers/{asha['id']}").words
    again = enter(visitor, asha)
    assert again.status == 409
    assert again.form(PAGE).fields["amount"] == "777.77"
    page = visitor.follow(visitor.submit(visitor.open(PAGE), "/take-back"))
    assert "The opening balance of Asha Rao was taken back." in page.words
    assert read(living.admin, "/opening-balances") == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [({"amount": "much"}, "amount"), ({"amount": "-5"}, "amount"), ({"as_of": "2999-01-01"}, "as_of")],
)
def test_a_fault_stands_beside_its_field(living: LivingDairy, typed: dict[str, str], name: str) -> None:
    refused = enter(office(living), living.customer(), kind="advance", **typed)
    (wrong,) = [each for each in refused.every("input") if each.get("aria-invalid")]
    assert (refused.status, wrong["name"], wrong["value"]) == (422, name, typed[name])
    assert refused.form(PAGE).fields["kind"] == "advance"
    assert read(living.admin, "/opening-balances") == []


def test_what_is_in_closed_books_stays(living: LivingDairy) -> None:
    visitor = office(living)
    assert enter(visitor, living.customer()).status == 303
    page = visitor.open(PAGE)
    ok(living.admin.patch("/settings", {"books_closed_through": "2026-09-30"}))
    assert visitor.submit(page, "/take-back").status == 409
    page = visitor.open(PAGE)
    assert "The books of that day are closed" in page.words
    assert not [form for form in page.forms if form.action.endswith("/take-back")]


def test_who_sees_it(dairy: Dairy, sign_in: SignIn) -> None:
    for role, status in (("accountant", 200), ("marketing_staff", 403), ("delivery_boy", 403), ("customer", 403)):
        assert sign_in(role).open(PAGE).status == status
