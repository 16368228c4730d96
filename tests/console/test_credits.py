"""Giving credit in the console: what it does is told before, nothing is given that was not looked at."""

from decimal import Decimal
from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.console.test_month_end import office, rupees
from tests.console.visitor import Visitor
from tests.dairy import ok, read

__all__ = ["living"]


@pytest.fixture
def bill(living: LivingDairy) -> Any:
    """A bill of October over 120 rupees of milk and 35.50 of curd, and a draft of 60 in November."""
    milk, curd = living.product("60.00", name="Cow milk"), living.product("35.50", name="Curd")
    asha = living.customer(name="Asha Rao")
    living.delivered(asha, (milk, "2"), (curd, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    living.delivered(asha, (milk, "1"), on="2026-11-02")
    (paper,) = living.invoices(status="issued")
    return living.invoice(paper["id"])


def own(bill: Any, chosen: bool = False) -> str:
    return f"/customers/{bill['customer_id']}/credit{'?bill=' + bill['id'] if chosen else ''}"


def balance(living: LivingDairy, bill: Any) -> str:
    found: str = ok(living.admin.get(f"/customers/{bill['customer_id']}/balance"))["balance"]
    return found


def on_bill(bill: Any) -> str:
    """Where the form for a credit note is sent."""
    return f"/invoices/{bill['id']}/credit"


def test_a_discount_is_looked_at_then_given_then_taken_off(living: LivingDairy, bill: Any) -> None:
    visitor, before = office(living), balance(living, bill)
    (draft,) = living.invoices(status="draft")
    action = f"/customers/{bill['customer_id']}/credit"
    typed = {"amount": "15.00", "description": "Sour milk", "reason": "Rang on the 2nd"}
    page = visitor.open(own(bill))
    assert own(bill) in visitor.open(f"/customers/{bill['customer_id']}").links()
    page = visitor.submit(page, action, do="look", **typed)
    assert page.status == 200
    assert f"falls from ₹ 60.00 to ₹ 45.00. The balance stays {rupees(before)}. Nothing was given yet." in page.words
    assert read(living.admin, "/adjustments") == []
    for _ in range(2):
        assert visitor.submit(page, action, do="give").status == 303
    (adjustment,) = read(living.admin, "/adjustments")
    assert (adjustment["kind"], adjustment["amount"], adjustment["invoice_id"]) == ("discount", "-15.00", draft["id"])
    assert balance(living, bill) == before
    page = visitor.follow(visitor.submit(page, action, do="give"))
    assert "₹ 15.00 less on the next bill, which comes to ₹ 45.00 now." in page.words
    page = visitor.follow(visitor.submit(page, "/take-back"))
    assert "It was taken off the next bill." in page.words
    assert read(living.admin, "/adjustments") == []


def test_a_credit_note_is_looked_at_then_issued_once(living: LivingDairy, bill: Any) -> None:
    visitor, before = office(living), balance(living, bill)
    page = visitor.open(own(bill, chosen=True))
    (curd,) = [each for each in bill["lines"] if each["description"].startswith("Curd")]
    typed = {f"line-{curd['line_no']}": "20.50", "reason": "It was sour"}
    page = visitor.submit(page, on_bill(bill), do="look", **typed)
    assert page.status == 200
    after = str(Decimal(before) - Decimal("20.50"))
    assert "It cannot be undone. Nothing was issued yet." in page.words
    assert read(living.admin, "/credit-notes") == []
    form = page.form(on_bill(bill))
    for _ in range(2):
        page = visitor.send(form, {"do": "give"})
        assert page.status == 303
    (note,) = read(living.admin, "/credit-notes")
    assert abs(Decimal(note["total"]) - Decimal("20.50")) <= Decimal("0.5")  # documents are rounded to the rupee
    assert abs(Decimal(balance(living, bill)) - Decimal(after)) <= Decimal("0.5")
    page = visitor.follow(page)
    assert f"Credit note {note['number']} of {rupees(note['total'])} was issued." in page.words
    assert f"The balance is {rupees(balance(living, bill))} now." in page.words
    for address in (f"/customers/{bill['customer_id']}", f"/customers/{bill['customer_id']}/statement"):
        assert f"/credit-notes/{note['id']}/pdf" in visitor.open(address).links()
    assert f"{own(bill, chosen=True)}#note" in visitor.open(f"/invoices/{bill['id']}").links()
    answer = visitor.http.get(f"/credit-notes/{note['id']}/pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")


def test_what_was_not_looked_at_as_it_is_typed_is_not_given(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page = visitor.open(own(bill, chosen=True))
    for action, typed in (
        (f"/customers/{bill['customer_id']}/credit", {"amount": "15", "description": "Sour", "reason": "Rang"}),
        (on_bill(bill), {"all": "1", "reason": "Rang"}),
    ):
        first = visitor.submit(page, action, do="give", **typed)
        assert (first.status, "Nothing was" in first.words) == (200, True)
        second = visitor.submit(first, action, do="give", reason="Another reason")
        assert (second.status, "Nothing was" in second.words) == (200, True)
        assert second.form(action).fields["reason"] == "Another reason"
    assert read(living.admin, "/adjustments") == read(living.admin, "/credit-notes") == []
    third = visitor.submit(second, action, do="give")
    assert third.status == 303
    assert balance(living, bill) == "0.00"


def test_a_refused_credit_says_where_and_loses_nothing(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page, action = visitor.open(own(bill, chosen=True)), on_bill(bill)
    first, second = (f"line-{each['line_no']}" for each in bill["lines"])
    refused_page = visitor.submit(page, action, do="look", reason="Sour")
    assert refused_page.status == 422
    assert "Say how much of what." in refused_page.words
    refused_page = visitor.submit(page, action, do="look", reason="Sour", **{first: "1", second: "1000"})
    assert refused_page.status == 422
    assert [each["name"] for each in refused_page.every("input") if each.get("aria-invalid")] == [second]
    assert (refused_page.form(action).fields[first], refused_page.form(action).fields["reason"]) == ("1", "Sour")
    discount = f"/customers/{bill['customer_id']}/credit"
    for amount in ("-5", "0", "lots", ""):
        refused_page = visitor.submit(page, discount, do="look", amount=amount, description="x", reason="Sour milk")
        assert refused_page.status == 422, amount
        assert refused_page.form(discount).fields["reason"] == "Sour milk"


def test_only_the_office_gives_credit(living: LivingDairy, bill: Any) -> None:
    form = office(living).open(own(bill, chosen=True)).form(on_bill(bill))
    for role in ("marketing_staff", "delivery_boy"):
        visitor = Visitor.of(living.app, living.staff(role).user["email"])
        assert visitor.open(own(bill)).status == 403
        token = visitor.open("/").form("/sign-out").fields["csrf_token"]
        assert visitor.send(form, {"all": "1", "reason": "Mine", "csrf_token": token}).status == 403
    other = living.customer()
    assert office(living).open(f"/customers/{other['id']}/credit?bill={bill['id']}").status == 404
