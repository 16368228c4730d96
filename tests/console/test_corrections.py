"""Credit notes, write-offs, charges and discounts on a bill's page: said beforehand, done once, told at the field."""

from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.console.test_invoices import bill, own
from tests.console.test_month_end import office, rupees
from tests.console.visitor import Page, Visitor
from tests.dairy import ok, read

__all__ = ["bill", "living"]


def line_of(bill: Any, name: str) -> int:
    (line,) = [each for each in bill["lines"] if each["description"].startswith(name)]
    number: int = line["line_no"]
    return number


def notes(living: LivingDairy) -> list[Any]:
    return read(living.admin, "/credit-notes")


def look(visitor: Visitor, page: Page, **typed: Any) -> Page:
    return visitor.submit(page, "/credit-notes", do="look", **typed)


def test_what_it_comes_to_is_said_before_it_is_issued(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page = visitor.open(own(bill))
    assert "Issue a credit note" not in page.words
    typed = {f"quantity_{line_of(bill, 'Cow milk')}": "1", f"amount_{line_of(bill, 'Curd')}": "5.50", "reason": "Sour"}
    looked = look(visitor, page, **typed)
    assert looked.status == 200
    assert f"Of {bill['number']} this would take back: ₹ 65.50" in looked.words
    assert "Curd ₹ 5.50" in looked.words
    assert "Cow milk 1 L ₹ 60.00" in looked.words
    assert "The balance falls from ₹ 246.00 to ₹ 180.50. A credit note cannot be undone." in looked.words
    assert "Issue a credit note of ₹ 65.50" in looked.words
    assert notes(living) == []
    assert looked.form("/credit-notes").fields | typed == looked.form("/credit-notes").fields
    issued = visitor.submit(looked, "/credit-notes", do="give")
    (note,) = notes(living)
    assert (issued.location, note["total"], note["reason"]) == (f"/credit-notes/{note['id']}", "65.50", "Sour")
    page = visitor.follow(issued)
    assert f"Credit note {note['number']} of ₹ 65.50 is issued. The balance is ₹ 180.50 now." in page.words
    assert f"/credit-notes/{note['id']}/pdf" in page.links()
    assert own(bill) in page.links()
    again = visitor.submit(looked, "/credit-notes", do="give")
    assert [each["id"] for each in notes(living)] == [note["id"]]
    assert again.location == issued.location
    assert f"/credit-notes/{note['id']}" in visitor.open(own(bill)).links()
    document = visitor.http.get(f"/credit-notes/{note['id']}/pdf")
    assert document.data == living.admin.get(f"/credit-notes/{note['id']}/pdf").data


def test_what_was_changed_after_the_look_is_looked_at_again(living: LivingDairy, bill: Any) -> None:
    visitor, line = office(living), line_of(bill, "Cow milk")
    looked = look(visitor, visitor.open(own(bill)), **{f"quantity_{line}": "1"}, reason="Sour")
    changed = visitor.submit(looked, "/credit-notes", do="give", **{f"quantity_{line}": "2"})
    assert changed.status == 200
    assert "this would take back: ₹ 120.00" in changed.words
    assert notes(living) == []
    visitor.submit(changed, "/credit-notes", do="give")
    assert [each["total"] for each in notes(living)] == ["120.00"]


def test_what_comes_to_something_else_by_now_is_looked_at_again(living: LivingDairy, bill: Any) -> None:
    line, typed = line_of(bill, "Cow milk"), {"reason": "Sour"}
    browsers = [office(living), office(living)]
    looked = [look(each, each.open(own(bill)), **{f"quantity_{line}": "1"}, **typed) for each in browsers]
    assert browsers[0].submit(looked[0], "/credit-notes", do="give").status == 303
    again = browsers[1].submit(looked[1], "/credit-notes", do="give")
    assert again.status == 200
    assert "The balance falls from ₹ 186.00 to ₹ 126.00." in again.words
    assert [each["total"] for each in notes(living)] == ["60.00"]
    assert browsers[1].submit(again, "/credit-notes", do="give").status == 303
    assert [each["total"] for each in notes(living)] == ["60.00", "60.00"]


def test_all_that_is_left_is_taken_back(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    looked = look(visitor, visitor.open(own(bill)), everything="1", reason="Never came")
    assert f"this would take back: {rupees(bill['total'])}" in looked.words
    visitor.submit(looked, "/credit-notes", do="give")
    assert living.invoice(bill["id"])["balance_due"] == "0.00"
    refused = look(visitor, visitor.open(own(bill)), everything="1", reason="Once more")
    assert refused.status == 422
    assert len(notes(living)) == 1


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ({"quantity": "99"}, ["quantity"]),
        ({"quantity": "much"}, ["quantity"]),
        ({"quantity": "-1"}, ["quantity"]),
        ({"amount": "0"}, ["amount"]),
        ({"quantity": "1", "amount": "5"}, ["quantity"]),
        ({"quantity": "1", "reason": "x"}, ["reason"]),
        ({"quantity": "1", "note_date": "2999-01-01"}, ["note_date"]),
        ({"quantity": "1", "note_date": "2026-10-01"}, ["note_date"]),
    ],
)
def test_a_fault_stands_beside_its_field(
    living: LivingDairy, bill: Any, typed: dict[str, str], names: list[str]
) -> None:
    visitor, line = office(living), line_of(bill, "Curd")
    filled = {f"{name}_{line}" if name in {"quantity", "amount"} else name: value for name, value in typed.items()}
    refused = look(visitor, visitor.open(own(bill)), **{"reason": "Sour", **filled})
    assert refused.status == 422
    wrong = [each["name"] for each in refused.every("input") if each.get("aria-invalid")]
    wanted = [f"{name}_{line}" if name in {"quantity", "amount"} else name for name in names]
    assert wrong == wanted, refused.words
    assert refused.form("/credit-notes").fields | filled == refused.form("/credit-notes").fields
    assert notes(living) == []


def test_a_fault_of_the_second_line_stands_beside_the_second_line(living: LivingDairy, bill: Any) -> None:
    visitor, (first, second) = office(living), sorted(each["line_no"] for each in bill["lines"])
    typed = {f"quantity_{first}": "1", f"quantity_{second}": "much"}
    refused = look(visitor, visitor.open(own(bill)), **typed, reason="Sour")
    assert [each["name"] for each in refused.every("input") if each.get("aria-invalid")] == [f"quantity_{second}"]


def test_nothing_to_take_back_is_refused(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    refused = look(visitor, visitor.open(own(bill)), reason="Nothing typed")
    assert refused.status == 422
    assert notes(living) == []


def test_a_customer_reads_its_own_note_and_changes_nothing(living: LivingDairy) -> None:
    customer, _ = living.customer_login()
    living.delivered(customer, (living.product("60.00"), "2"), on="2026-11-03")
    living.go_to("2026-12-01")
    living.bill("2026-11")
    (paper,) = living.invoices(customer_id=customer["id"])
    note = ok(living.admin.post("/credit-notes", {"invoice_id": paper["id"], "reason": "Sour milk"}), 201)
    own_visitor = Visitor.of(living.app, customer["phone"])
    page = own_visitor.open(own(paper))
    assert f"/credit-notes/{note['id']}" in page.links()
    assert [each.action for each in page.forms if "sign-out" not in each.action] == []
    assert own_visitor.open(f"/credit-notes/{note['id']}").status == 200
    other, _ = living.customer_login()
    stranger = Visitor.of(living.app, other["phone"])
    assert stranger.open(f"/credit-notes/{note['id']}").status == 404
    assert stranger.open(f"/credit-notes/{note['id']}/pdf").status == 404


def test_what_will_not_be_paid_is_written_off_once(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page = visitor.open(own(bill))
    assert page.form("/write-offs").fields["amount"] == bill["total"]
    refused = visitor.submit(page, "/write-offs", amount="9999999", reason="Moved away")
    assert refused.status == 422
    assert refused.form("/write-offs").fields["amount"] == "9999999"
    for _ in range(2):
        done = visitor.submit(page, "/write-offs", amount="10", reason="Moved away")
        assert "₹ 10.00 is written off." in visitor.follow(done).words
    (given_up,) = read(living.admin, "/write-offs")
    assert (given_up["amount"], given_up["invoice_id"]) == ("10.00", bill["id"])


def test_only_a_note_of_the_sum_that_was_seen_is_issued(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    looked = look(visitor, visitor.open(own(bill)), everything="1", reason="Never came")
    other = {"lines": [{"line_no": line_of(bill, "Curd"), "amount": "5.50"}], "reason": "Sour"}
    ok(living.admin.post("/credit-notes", {"invoice_id": bill["id"], **other}), 201)
    changed = visitor.submit(looked, "/credit-notes", do="give")
    assert changed.status == 200
    assert "this would take back: ₹ 240.50" in changed.words
    assert [each["total"] for each in notes(living)] == ["5.50"]
    visitor.submit(changed, "/credit-notes", do="give")
    assert {each["total"] for each in notes(living)} == {"5.50", "240.50"}


@pytest.mark.parametrize(("lang", "said"), [("en", "Nothing is taken back yet:"), ("hi", "अभी कुछ वापस नहीं लिया गया:")])
def test_a_note_of_nothing_says_what_is_missing(living: LivingDairy, bill: Any, lang: str, said: str) -> None:
    visitor = office(living)
    refused = look(visitor, visitor.open(f"{own(bill)}?lang={lang}"), reason="Sour")
    assert refused.status == 422
    assert said in refused.words


def test_what_was_written_off_stands_on_the_bill(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    for amount in ("5", "7.50"):
        visitor.submit(visitor.open(own(bill)), "/write-offs", amount=amount, reason="Moved away")
    page = visitor.open(own(bill))
    assert "Credited or written off ₹ 12.50" in page.words
    assert "Sun, 1 Nov 2026, Moved away ₹ 7.50" in page.words
    assert "Sun, 1 Nov 2026, Moved away ₹ 5.00" in page.words
    other = living.customer()
    body = {"customer_id": other["id"], "amount": "1.00", "reason": "Old debt"}
    ok(living.admin.post("/opening-balances", {"customer_id": other["id"], "as_of": "2026-09-30", "amount": "9"}), 201)
    ok(living.admin.post("/write-offs", body), 201)
    found = read(living.admin, "/write-offs", invoice_id=bill["id"])
    assert [each["amount"] for each in found] == ["7.50", "5.00"]
    assert "Old debt" not in page.words
    visitor.submit(page, "/write-offs", reason="Moved away")
    page = visitor.open(own(bill))
    assert f"Bill {bill['number']} Settled" in page.words
    assert "Paid" not in page.words


def test_a_debit_note_is_said_before_it_is_issued(living: LivingDairy, bill: Any) -> None:
    """What it comes to is shown first, and the customer's page then leads to it."""
    visitor = office(living)
    typed = {f"amount_{line_of(bill, 'Cow milk')}": "12.50", "reason": "Old price"}
    looked = visitor.submit(visitor.open(own(bill)), "/debit-notes", do="look", **typed)
    assert (looked.status, read(living.admin, "/debit-notes")) == (200, [])
    assert "The customer would then owe ₹ 258.50 instead of ₹ 246.00." in looked.words
    issued = visitor.submit(looked, "/debit-notes", do="give")
    (note,) = read(living.admin, "/debit-notes")
    assert (issued.location, note["total"]) == (f"/debit-notes/{note['id']}", "12.50")
    page = visitor.follow(issued)
    assert f"Debit note {note['number']} of ₹ 12.50 is issued. The customer owes ₹ 258.50 now." in page.words
    assert f"/debit-notes/{note['id']}/pdf" in page.links()
    assert f"/debit-notes/{note['id']}" in visitor.open(own(bill)).links()
    customer = visitor.open(f"/customers/{bill['customer_id']}")
    assert f"/debit-notes/{note['id']}" in customer.links()
    document = visitor.http.get(f"/debit-notes/{note['id']}/pdf")
    assert document.data == living.admin.get(f"/debit-notes/{note['id']}/pdf").data
    nothing = visitor.submit(visitor.open(own(bill)), "/debit-notes", do="look", reason="Old price")
    assert "Name a quantity or an amount of at least one line." in nothing.words
