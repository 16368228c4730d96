"""A discount or a charge on the next bill: what it does is told before, nothing is given that was not looked at."""

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


def own(bill: Any) -> str:
    return f"/customers/{bill['customer_id']}/credit"


def balance(living: LivingDairy, bill: Any) -> str:
    found: str = ok(living.admin.get(f"/customers/{bill['customer_id']}/balance"))["balance"]
    return found


def test_a_discount_is_looked_at_then_given_then_taken_off(living: LivingDairy, bill: Any) -> None:
    visitor, before = office(living), balance(living, bill)
    (draft,) = living.invoices(status="draft")
    action = f"/customers/{bill['customer_id']}/credit"
    typed = {"amount": "15.00", "description": "Sour milk", "reason": "Rang on the 2nd"}
    page = visitor.open(own(bill))
    assert own(bill) in visitor.open(f"/customers/{bill['customer_id']}").links()
    page = visitor.submit(page, action, do="look", **typed)
    assert page.status == 200
    assert f"goes from ₹ 60.00 to ₹ 45.00. The balance stays {rupees(before)}. Nothing was given yet." in page.words
    assert read(living.admin, "/adjustments") == []
    for _ in range(2):
        assert visitor.submit(page, action, do="give").status == 303
    (adjustment,) = read(living.admin, "/adjustments")
    assert (adjustment["kind"], adjustment["amount"], adjustment["invoice_id"]) == ("discount", "-15.00", draft["id"])
    assert balance(living, bill) == before
    page = visitor.follow(visitor.submit(page, action, do="give"))
    assert "₹ 15.00 less on the bill of Sun, 1 Nov 2026 – Mon, 30 Nov 2026, which comes to ₹ 45.00 now." in page.words
    page = visitor.follow(visitor.submit(page, "/take-back"))
    assert "It was taken off the next bill." in page.words
    assert read(living.admin, "/adjustments") == []


def test_what_another_gave_meanwhile_is_looked_at_first(living: LivingDairy, bill: Any) -> None:
    browsers, action = [office(living), office(living)], f"/customers/{bill['customer_id']}/credit"
    typed = {"amount": "15.00", "description": "Sour milk", "reason": "Rang on the 2nd"}
    looked = [each.submit(each.open(own(bill)), action, do="look", **typed) for each in browsers]
    assert browsers[0].submit(looked[0], action, do="give").status == 303
    again = browsers[1].submit(looked[1], action, do="give")
    assert again.status == 200
    assert "goes from ₹ 45.00 to ₹ 30.00." in again.words
    assert len(read(living.admin, "/adjustments")) == 1
    assert browsers[1].submit(again, action, do="give").status == 303
    assert len(read(living.admin, "/adjustments")) == 2


def test_a_charge_makes_the_next_bill_larger(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    typed = {"kind": "charge", "amount": "100", "description": "A lost can", "reason": "Not returned"}
    page = visitor.submit(visitor.open(own(bill)), own(bill), do="look", **typed)
    assert "goes from ₹ 60.00 to ₹ 160.00" in page.words
    page = visitor.follow(visitor.submit(page, own(bill), do="give"))
    assert "₹ 100.00 more on the bill of Sun, 1 Nov 2026 – Mon, 30 Nov 2026, which comes to ₹ 160.00 now." in page.words
    (adjustment,) = read(living.admin, "/adjustments")
    assert (adjustment["kind"], adjustment["amount"]) == ("charge", "100.00")
    draft = visitor.open(f"/invoices/{adjustment['invoice_id']}")
    assert "A lost can Charge" in draft.words
    assert own(bill) in draft.links()
    page = visitor.follow(visitor.submit(draft, f"/adjustments/{adjustment['id']}"))
    assert "“A lost can” is off the draft." in page.words
    assert read(living.admin, "/adjustments") == []


def test_what_was_not_looked_at_as_it_is_typed_is_not_given(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page = visitor.open(own(bill))
    first = visitor.submit(page, own(bill), do="give", amount="15", description="Sour", reason="Rang")
    assert (first.status, "Nothing was" in first.words) == (200, True)
    second = visitor.submit(first, own(bill), do="give", reason="Another reason")
    assert (second.status, "Nothing was" in second.words) == (200, True)
    assert second.form(own(bill)).fields["reason"] == "Another reason"
    assert read(living.admin, "/adjustments") == []
    assert visitor.submit(second, own(bill), do="give").status == 303
    assert len(read(living.admin, "/adjustments")) == 1


def test_a_refused_discount_loses_nothing(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    for amount in ("-5", "0", "lots", ""):
        page = visitor.open(own(bill))
        refused = visitor.submit(page, own(bill), do="look", amount=amount, description="x", reason="Sour milk")
        assert refused.status == 422, amount
        assert refused.form(own(bill)).fields["reason"] == "Sour milk"
        assert [each["name"] for each in refused.every("input") if each.get("aria-invalid")] == ["amount"]


def test_bills_that_are_out_lead_to_their_credit_notes(living: LivingDairy, bill: Any) -> None:
    note = ok(living.admin.post("/credit-notes", {"invoice_id": bill["id"], "reason": "Sour milk"}), 201)
    links = office(living).open(own(bill)).links()
    assert f"/invoices/{bill['id']}#credit" in links
    assert f"/credit-notes/{note['id']}" in links
    for address in (f"/customers/{bill['customer_id']}", f"/customers/{bill['customer_id']}/statement"):
        assert f"/credit-notes/{note['id']}" in office(living).open(address).links()


def test_only_the_office_gives_credit(living: LivingDairy, bill: Any) -> None:
    form = office(living).open(own(bill)).form(own(bill))
    for role in ("marketing_staff", "delivery_boy"):
        visitor = Visitor.of(living.app, living.staff(role).user["email"])
        assert visitor.open(own(bill)).status == 403
        token = visitor.open("/").form("/sign-out").fields["csrf_token"]
        typed = {"do": "give", "amount": "5", "description": "x", "reason": "Mine", "csrf_token": token}
        assert visitor.send(form, typed).status == 403


def test_whoever_closes_a_month_puts_it_on_the_bill_of_that_month(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    living.delivered(asha, (milk, "1"), on="2026-11-02")
    visitor, (november, october) = office(living), living.invoices(status="draft")
    (link,) = [each for each in visitor.open(f"/invoices/{october['id']}").links() if "/credit?" in each]
    page = visitor.open(link)
    typed = {"amount": "15", "description": "Sour milk", "reason": "Rang on the 2nd"}
    looked = visitor.submit(page, "/credit", do="look", **typed)
    days = "Thu, 1 Oct 2026 – Sat, 31 Oct 2026"
    assert f"The bill of {days}, as it would be now, goes from ₹ 120.00 to ₹ 105.00." in looked.words
    done = visitor.follow(visitor.submit(looked, "/credit", do="give"))
    assert f"₹ 15.00 less on the bill of {days}, which comes to ₹ 105.00 now." in done.words
    assert [living.invoice(each["id"])["total"] for each in (october, november)] == ["105.00", "60.00"]
    (running,) = [each for each in visitor.open(f"/invoices/{november['id']}").links() if each.endswith("/credit")]
    assert visitor.open(running).form("/credit").fields["adjusted_on"] == ""
    refused = visitor.submit(visitor.open(running), "/credit", do="look", adjusted_on="2026-12-05", **typed)
    (wrong,) = [each for each in refused.every("input") if each.get("aria-invalid")]
    assert (refused.status, wrong["name"], wrong["value"]) == (422, "adjusted_on", "2026-12-05")


def test_what_was_owed_before_the_first_bill_is_written_off_once(living: LivingDairy) -> None:
    asha = living.customer()
    opening = {"customer_id": asha["id"], "as_of": "2026-09-30", "amount": "250.50"}
    ok(living.admin.post("/opening-balances", opening), 201)
    visitor, other = office(living), office(living)
    own_page = f"/customers/{asha['id']}/credit"
    page, seen_before = visitor.open(own_page), other.open(own_page)
    refused = visitor.submit(page, "/write-offs", amount="250.51", reason="Moved away")
    (wrong,) = [each for each in refused.every("input") if each.get("aria-invalid")]
    assert (refused.status, wrong["name"], wrong["value"]) == (422, "amount", "250.51")
    assert refused.form(own_page).fields["amount"] == ""
    for _ in range(2):
        done = visitor.submit(page, "/write-offs", amount="250.50", reason="Moved away")
        assert "₹ 250.50 is written off. The balance is ₹ 0.00 now." in visitor.follow(done).words
    assert other.submit(seen_before, "/write-offs", amount="250.50", reason="Moved away").status == 422
    (given_up,) = read(living.admin, "/write-offs")
    assert (given_up["amount"], given_up["invoice_id"]) == ("250.50", None)
    assert not [form for form in visitor.open(own_page).forms if form.action.endswith("/write-offs")]
