"""A bill with the deliveries of others: whose lines are whose, on paper, on the page and on a credit note."""

from typing import Any

import pytest

from tests.dairy import ok
from tests.documents.conftest import Bills
from tests.documents.reading import text_of
from tests.documents.test_page import Seen, Site


@pytest.fixture
def bill(bills: Bills) -> Any:
    """October of a shop and two branches: 96.00 of its own, 192.00 and 210.00 of theirs."""
    milk, butter = bills.goods()
    bills.person = bills.dairy.customer(name="Shree Sweets", city="Pune", state_code="27")
    branches = [
        bills.dairy.customer(name=f"Shree Sweets, {area}", area=area, billed_to=bills.person["id"])
        for area in ("Baner", "Aundh")
    ]
    bills.dairy.delivered(bills.person, (milk, "1.5"), on="2026-10-02")
    bills.dairy.delivered(branches[1], (butter, "2"), on="2026-10-03")
    bills.dairy.delivered(branches[0], (milk, "3"), on="2026-10-03")
    bills.branches = branches
    return bills.issue()


def test_on_paper_each_has_a_section(bills: Bills, bill: Any) -> None:
    text = text_of(bills.pdf(bill))
    baner, aundh = bills.branches
    for expected in (
        f"Delivered to Shree Sweets, Baner ({baner['code']}), {baner['address_line1']}",
        "Total of Shree Sweets, Baner 192.00",
        f"Delivered to Shree Sweets, Aundh ({aundh['code']})",
        "Total of Shree Sweets, Aundh 210.00",
        "Deliveries, day by day",
        "Deliveries to Shree Sweets, Baner, day by day",
        "Deliveries to Shree Sweets, Aundh, day by day",
        "₹498.00",
    ):
        assert expected in text, expected
    hindi = text_of(bills.pdf(bill, lang="hi"))
    assert f"({baner['code']})" in hindi
    assert "192.00" in hindi
    assert bills.pdf(bill) == bills.pdf(bill)


def test_a_bill_of_many_branches_goes_on_over_pages(bills: Bills) -> None:
    milk, butter = bills.goods()
    bills.person = bills.dairy.customer(name="Shree Sweets")
    for n in range(18):
        each = bills.dairy.customer(name=f"Branch {n}", billed_to=bills.person["id"])
        bills.dairy.delivered(each, (milk, "1"), (butter, "1"), on="2026-10-02")
    text = text_of(bills.pdf(bills.issue()))
    assert all(f"Total of Branch {n} 169.00" in text for n in range(18))


def test_on_the_page_each_has_a_section(bills: Bills, bill: Any) -> None:
    _, below, token = bills.share(bill)["url"].partition("/i/")
    seen = Seen(Site(bills).get(below + token))
    baner, aundh = bills.branches
    place = 0
    for expected in (
        f"Delivered to Shree Sweets, Baner ({baner['code']}), {baner['address_line1']}",
        "Total of Shree Sweets, Baner 192.00",
        f"Delivered to Shree Sweets, Aundh ({aundh['code']})",
        "Total of Shree Sweets, Aundh 210.00",
        "Deliveries to Shree Sweets, Baner, day by day",
    ):
        place = seen.words.index(expected, place)


def test_a_credit_note_says_who_got_it(bills: Bills, bill: Any) -> None:
    (line,) = [each for each in bill["lines"] if each["delivered_to"] == bills.branches[0]["id"]]
    taken = [{"line_no": line["line_no"], "quantity": "1"}]
    body = {"invoice_id": bill["id"], "reason": "was sour", "lines": taken}
    note = ok(bills.admin.post("/credit-notes", body), 201)
    answer = bills.admin.get(f"/credit-notes/{note['id']}/pdf")
    assert "delivered to Shree Sweets, Baner" in text_of(answer.data)
    assert ok(bills.admin.get(f"/customers/{bills.person['id']}/balance"))["balance"] == "434.00"


def test_a_registered_buyer_gets_two_documents_with_sections(bills: Bills) -> None:
    """What bears no tax goes to the companion, of whoever got it."""
    milk, butter = bills.goods()
    bills.person = bills.dairy.customer(name="Shree Sweets", gstin="27AAPFU0939F1ZV", gst_treatment="registered")
    branch = bills.dairy.customer(name="Branch", billed_to=bills.person["id"])
    bills.dairy.delivered(branch, (milk, "1"), (butter, "1"), on="2026-10-02")
    bills.dairy.delivered(bills.person, (milk, "1"), on="2026-10-02")
    bills.issue()
    papers = [bills.dairy.invoice(each["id"]) for each in bills.dairy.invoices(customer_id=bills.person["id"])]
    sections = sorted((each["total"], [(x["name"], x["total"]) for x in each["sections"]]) for each in papers)
    assert sections == [("105.00", [("Branch", "105.00")]), ("128.00", [("Branch", "64.00")])]
