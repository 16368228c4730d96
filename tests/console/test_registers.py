"""Bills, credit notes and payments of everybody: found by number, customer, month and state, as the API lists them."""

from typing import Any
from urllib.parse import quote

import pytest

from dairy_app.console.routes import customers, registers
from tests.billing.conftest import LivingDairy, living
from tests.console.conftest import SignIn
from tests.console.test_month_end import office, rupees
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok, read
from tests.statements import count_statements

__all__ = ["living"]


def shown(page: Page, path: str = "/invoices/") -> list[str]:
    """The documents a list leads to, in its order."""
    return list(dict.fromkeys(link.removeprefix(path) for link in page.links() if link.startswith(path)))


def search(page: Page) -> dict[str, str]:
    """What is in the fields of the search."""
    (form,) = [each for each in page.forms if each.method == "get"]
    return form.fields


@pytest.fixture
def october(living: LivingDairy) -> tuple[Any, Any]:
    """Two bills of October, of Asha (paid) and of Ravi, and a draft of November."""
    milk = living.product("60.00", name="Cow milk")
    asha, ravi = living.customer(name="Asha Rao"), living.customer(name="Ravi Joshi")
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    living.delivered(ravi, (milk, "3"), on="2026-10-06")
    living.go_to("2026-11-02")
    living.bill("2026-10")
    ok(living.confirm(living.order(ravi, (milk, "1"), on="2026-11-02")))
    ok(living.admin.post("/payments", {"customer_id": asha["id"], "amount": "120", "method": "upi",
                                       "reference": "UTR 778812"}), 201)  # fmt: skip
    return asha, ravi


def bill_of(living: LivingDairy, customer: Any, status: str = "issued") -> Any:
    (found,) = read(living.admin, "/invoices", customer_id=customer["id"], status=status)
    return found


def test_bills_are_those_of_the_api(living: LivingDairy, october: Any) -> None:
    page, papers = office(living).open("/invoices?status=any"), read(living.admin, "/invoices")
    assert shown(page) == [each["id"] for each in papers]
    assert len(papers) == 3
    for each in papers:
        assert f"{each['customer_name']} {each['customer_code']}" in page.words
        if each["total"]:
            assert rupees(each["total"]) in page.words
            assert rupees(each["balance_due"]) in page.words
    assert "Draft" in page.words
    issued = office(living).open("/invoices")
    assert shown(issued) == [each["id"] for each in papers if each["status"] == "issued"]
    assert search(issued)["status"] == "issued"


@pytest.mark.parametrize(
    ("query", "whose"),
    [
        ("payment_status=paid", ["asha"]),
        ("payment_status=unpaid", ["ravi"]),
        ("status=issued&sort=total", ["asha", "ravi"]),
        ("status=issued&sort=-total", ["ravi", "asha"]),
        ("status=issued&sort=customer_name", ["asha", "ravi"]),
        ("period=2026-10&q=joshi", ["ravi"]),
        ("q=asha", ["asha"]),
        ("status=draft", ["draft"]),
        ("status=void", []),
        ("q=nobody+at+all", []),
        ("period=2025-01", []),
    ],
)
def test_bills_are_filtered_and_sorted(living: LivingDairy, october: Any, query: str, whose: list[str]) -> None:
    ids = dict(zip(("asha", "ravi"), (bill_of(living, each)["id"] for each in october), strict=True))
    ids["draft"] = bill_of(living, october[1], "draft")["id"]
    page = office(living).open(f"/invoices?{query}")
    assert shown(page) == [ids[each] for each in whose]
    assert ("Nothing was found." in page.words) == (whose == [])


def test_a_number_is_found_however_it_is_typed(living: LivingDairy, october: Any) -> None:
    asha = bill_of(living, october[0])
    visitor = office(living)
    for typed in (asha["number"], asha["number"].lower(), f" {asha['number']} "):
        page = visitor.open(f"/invoices?q={quote(typed)}")
        assert shown(page) == [asha["id"]]
        assert search(page)["q"] == typed
    (payment,) = read(living.admin, "/payments")
    for typed in (payment["receipt_no"], "778812", "Asha", october[0]["code"]):
        assert shown(visitor.open(f"/payments?q={quote(typed)}"), "/payments/") == [payment["id"]], typed
    assert shown(visitor.open("/payments?q=Ravi"), "/payments/") == []


def test_payments_are_filtered(living: LivingDairy, october: Any) -> None:
    visitor, (payment,) = office(living), read(living.admin, "/payments")
    page = visitor.open("/payments")
    assert f"{payment['receipt_no']} Asha Rao" in page.words
    assert rupees("120") in page.words
    for query, is_found in (
        ("by=upi", True), ("by=cash", False), ("period=2026-11", True), ("period=2026-10", False),
        ("status=received", True), ("status=reversed", False),
    ):  # fmt: skip
        assert bool(shown(visitor.open(f"/payments?{query}"), "/payments/")) == is_found, query
    ok(living.admin.post(f"/payments/{payment['id']}/reverse", {"reason": "It bounced"}))
    page = visitor.open("/payments?status=reversed")
    assert shown(page, "/payments/") == [payment["id"]]
    assert "Taken back" in page.words


def test_credit_notes_are_those_of_the_api(living: LivingDairy, october: Any) -> None:
    asha, ravi = (bill_of(living, each) for each in october)
    for paper in (asha, ravi):
        ok(living.admin.post("/credit-notes", {"invoice_id": paper["id"], "reason": "Sour milk"}), 201)
    visitor, notes = office(living), read(living.admin, "/credit-notes")
    page = visitor.open("/credit-notes")
    assert shown(page, "/credit-notes/") == [each["id"] for each in notes]
    assert set(shown(page)) == {asha["id"], ravi["id"]}
    assert "Sour milk" in page.words
    for query, count in ((f"q={notes[0]['number']}", 1), ("q=Ravi", 1), ("period=2026-11", 2), ("period=2026-10", 0)):
        assert len(shown(visitor.open(f"/credit-notes?{query}"), "/credit-notes/")) == count, query


def test_debit_notes_are_those_of_the_api(living: LivingDairy, october: Any) -> None:
    for paper in (bill_of(living, each) for each in october):
        body = {"invoice_id": paper["id"], "reason": "Old price", "lines": [{"line_no": 1, "amount": "6.00"}]}
        ok(living.admin.post("/debit-notes", body), 201)
    visitor, notes = office(living), read(living.admin, "/debit-notes")
    page = visitor.open("/debit-notes")
    assert shown(page, "/debit-notes/") == [each["id"] for each in notes]
    assert "Old price" in page.words
    for query, count in ((f"q={notes[0]['number']}", 1), ("q=Ravi", 1), ("period=2026-11", 2), ("period=2026-10", 0)):
        assert len(shown(visitor.open(f"/debit-notes?{query}"), "/debit-notes/")) == count, query


def test_pages_follow_each_other(living: LivingDairy, october: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "ROWS", 2)
    visitor, papers = office(living), read(living.admin, "/invoices")
    first = visitor.open("/invoices?status=any&sort=customer_name")
    (following,) = [each["href"] for each in first.every("a") if each.get("rel") == "next"]
    second = visitor.open(following or "")
    assert sorted(shown(first) + shown(second)) == sorted(each["id"] for each in papers)
    assert "Back to the first page" in second.words
    assert "/invoices?status=any&sort=customer_name" in second.links()


def test_a_search_that_finds_too_many_says_so(dairy: Dairy, admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "FOUND", 2)
    for n in range(3):
        dairy.customer(name=f"Patil {n}")
    for address in ("/invoices", "/payments", "/credit-notes", "/orders"):
        assert "Type more of the name" in admin.open(f"{address}?q=Patil").words, address
        assert "Type more of the name" not in admin.open(f"{address}?q=Patil+1").words, address


@pytest.mark.parametrize("address", ["/invoices", "/payments", "/credit-notes"])
def test_what_cannot_be_asked_is_refused_and_words_stay_words(admin: Visitor, address: str) -> None:
    hostile = "<b>1' OR 'x</b>\u200d%_"
    assert admin.open(f"{address}?period=October").status == 422
    assert admin.open(f"{address}?sort=nonsense").status == 422
    assert admin.open(f"{address}?cursor=nonsense").status == 422
    page = admin.open(f"{address}?q={quote(hostile)}")
    assert page.status == 200
    assert "Nothing was found." in page.words
    assert search(page)["q"] == hostile


@pytest.mark.parametrize("role", ["delivery_boy", "marketing_staff", "customer"])
def test_they_are_for_the_office(sign_in: SignIn, role: str) -> None:
    visitor = sign_in(role)
    for address in ("/invoices", "/payments", "/credit-notes", "/messages", "/cash"):
        assert visitor.open(address).status == 403
        assert address not in visitor.open("/").links()


@pytest.mark.parametrize("address", ["/invoices", "/payments", "/messages", "/cash"])
def test_twice_as_many_cost_the_same(living: LivingDairy, october: Any, address: str) -> None:
    visitor, costs = office(living), []
    for _ in range(2):
        visitor.open(address)
        with count_statements(living.app.database) as sent:
            assert visitor.open(f"{address}?q=a" if address != "/cash" else address).status == 200
        costs.append(len(sent))
        for each in october:
            payment = {"customer_id": each["id"], "amount": "10", "method": "cash"}
            ok(living.admin.post("/payments", payment | {"collected_by": living.admin.user["id"]}), 201)
            milk = living.product("10.00")
            ok(living.confirm(living.order(each, (milk, "1"), on="2026-11-02")))
            paper = bill_of(living, each)
            for channel in ("whatsapp", "sms"):
                ok(living.admin.post(f"/invoices/{paper['id']}/share", {"queue": True, "channel": channel}))
    assert costs[0] == costs[1] <= 9, costs


def test_every_state_of_a_bill_has_a_word(admin: Visitor) -> None:
    assert "Of the earlier system" in admin.open("/invoices").words
