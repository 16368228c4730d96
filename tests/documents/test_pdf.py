"""The PDF of an invoice: what the law and the customer want on it, read back from the file and from its picture."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from dairy_app.documents.drawing import pdf
from dairy_app.documents.drawing.document import Reference, Registered
from dairy_app.documents.drawing.typeface import BOLD, REGULAR, typeface
from dairy_app.documents.drawing.words import catalogues
from dairy_app.documents.service import documents as service
from tests.dairy import ok, refused
from tests.documents.conftest import RADHA, Bills
from tests.documents.reading import codes_of, glyphs_of, metadata_of, pages_of, text_of


def test_an_invoice_cum_bill_of_supply_carries_the_particulars_of_both_rules(bills: Bills) -> None:
    invoice = bills.bill()
    text = text_of(bills.pdf(invoice))
    for expected in (
        "INVOICE-CUM-BILL OF SUPPLY", "Sunrise Dairy LLP", "GSTIN: 27AAPFU0939F1ZV", "FSSAI: 11526999000123",
        invoice["number"], "31 Oct 2026", "1 Oct 2026 to 31 Oct 2026", "10 Nov 2026", "Maharashtra (27)",
        "Tax payable on reverse charge", "Meera Joshi", "0401", "3 LTR", "64.00", "0405", "4 PAC", "105.00",
        "400.00", "5", "10.00", "420.00", "192.00", "exempt", "₹612.00", "Rupees Six Hundred Twelve Only",
        "Cow milk 1 l", "1 Oct 1.5 L 2 packets 306.00", "Thank you. Bank: State Bank 1234567890", "Page 1 of 1",
        "Previous balance 0.00", "Amount due ₹612.00", "as of 3 Nov 2026",
    ):  # fmt: skip
        assert expected in text, expected


@pytest.mark.parametrize(
    ("kinds", "title", "absent"), [("milk", "BILL OF SUPPLY", "CGST"), ("butter", "TAX INVOICE", "exempt")]
)
def test_a_paper_of_one_kind_of_goods(bills: Bills, kinds: str, title: str, absent: str) -> None:
    text = text_of(bills.pdf(bills.bill(kinds=kinds)))
    assert title in text
    assert "CUM" not in text
    assert absent not in text


def test_a_seller_without_gstin_writes_a_plain_invoice(bills: Bills) -> None:
    bills.seller(gstin=None)
    text = text_of(bills.pdf(bills.bill()))
    assert "INVOICE" in text
    for absent in ("TAX", "SUPPLY", "CGST", "GSTIN", "Place of supply"):
        assert absent not in text, absent


def test_another_state_means_integrated_tax(bills: Bills) -> None:
    text = text_of(bills.pdf(bills.bill(kinds="butter", state_code="29")))
    assert "IGST" in text
    assert "Karnataka (29)" in text
    assert "CGST" not in text


def test_the_paper_is_that_of_its_issue(bills: Bills) -> None:
    invoice = bills.bill()
    ok(bills.admin.patch(f"/customers/{bills.person['id']}", {"name": "Somebody Else", "address_line1": "Elsewhere"}))
    bills.seller(business_name="New Name", upi_id="new@upi")
    text = text_of(bills.pdf(invoice))
    assert "Meera Joshi" in text
    for absent in ("Somebody Else", "Elsewhere", "New Name", "new@upi"):
        assert absent not in text, absent


def test_equal_content_is_equal_bytes_and_is_not_sent_twice(bills: Bills) -> None:
    invoice = bills.bill()
    first = bills.admin.get(f"/invoices/{invoice['id']}/pdf")
    assert first.content_type == "application/pdf"
    assert first.headers["Content-Disposition"] == f'inline; filename="{invoice["number"].replace("/", "-")}.pdf"'
    for other in ("क्षत्रिय", "first of its kind"):  # shaping something else between must change nothing
        typeface(REGULAR).shape(other)
    assert bills.pdf(invoice) == first.data
    again = bills.admin.call("GET", f"/invoices/{invoice['id']}/pdf", {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    bills.pay("12.00")
    assert bills.pdf(invoice) != first.data


# ------------------------------------------------------------------------------------------------ what is due


def test_the_code_pays_what_is_open_to_the_paisa(bills: Bills) -> None:
    invoice = bills.bill()
    number = invoice["number"]
    expected = (
        "upi://pay?pa=sunrise@upi&pn=Sunrise%20Dairy&am={}&cu=INR"
        f"&tn=Bill%20{number.replace('/', '%2F')}&tr={number.replace('/', '')}"
    )
    assert codes_of(bills.pdf(invoice)) == [expected.format("612.00")]
    bills.pay("100.50")
    file = bills.pdf(invoice)
    assert codes_of(file) == [expected.format("511.50")]
    text = text_of(file)
    for said in ("Payments and credits since −100.50", "Amount due ₹511.50", "Scan to pay ₹511.50"):
        assert said in text, said


def test_what_is_paid_has_no_code(bills: Bills) -> None:
    invoice = bills.bill()
    bills.pay("700.00")
    file = bills.pdf(invoice)
    assert codes_of(file) == []
    assert "Paid in full" in text_of(file)
    assert "Paid in advance ₹88.00" in text_of(file)


def test_without_a_upi_id_there_is_no_code(bills: Bills) -> None:
    bills.seller(upi_id=None)
    file = bills.pdf(bills.bill())
    assert codes_of(file) == []
    assert "Amount due ₹612.00" in text_of(file)


def test_a_void_paper_says_so_and_has_no_code(bills: Bills) -> None:
    invoice = bills.bill()
    assert len(codes_of(bills.pdf(invoice))) == 1
    ok(bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}))
    file = bills.pdf(invoice)
    assert codes_of(file) == []
    text = text_of(file)
    assert "VOID" in text
    assert "made void on 3 Nov 2026 and is not payable. Reason: Wrong price" in text
    assert "Amount due" not in text


def test_the_account_adds_up_over_several_bills(bills: Bills) -> None:
    invoice = bills.bill()
    milk, _ = bills.goods()
    bills.dairy.delivered(bills.person, (milk, "1"), on="2026-11-05")
    bills.dairy.go_to("2026-12-02")
    bills.pay("600.00")
    bills.dairy.bill("2026-11", confirm=True)
    first = text_of(bills.pdf(invoice))
    for said in ("This document 612.00", "Payments and credits since −600.00", "Later documents 64.00", "due ₹76.00"):
        assert said in first, said
    later = bills.dairy.invoices(customer_id=bills.person["id"], period="2026-11")[0]
    second = text_of(bills.pdf(later))
    for said in (
        "Previous balance 12.00",
        "This document 64.00",
        "Amount due ₹76.00",
        "Scan to pay ₹76.00",
        "Only this bill: ₹64.00",
    ):
        assert said in second, said
    assert "since" not in second


def test_two_papers_of_one_period_name_each_other(bills: Bills) -> None:
    invoice = bills.bill(gstin="27AAPFU0939F1ZV", gst_treatment="registered")
    documents = bills.dairy.invoices(customer_id=bills.person["id"])
    assert len(documents) == 2
    texts = {document["number"]: text_of(bills.pdf(document)) for document in documents}
    for number, text in texts.items():
        (other,) = set(texts) - {number}
        assert f"Issued together with {other}" in text
        assert f"This document and {other} 612.00" in text
        assert "Amount due ₹612.00" in text
        assert ("Butter 200 g" in text) != ("Cow milk 1 l" in text)
        assert "Deliveries, day by day" in text
    amounts = sorted(
        code.split("&am=")[1].split("&")[0] for document in documents for code in codes_of(bills.pdf(document))
    )
    assert amounts == ["192.00", "420.00", "612.00", "612.00"]
    assert invoice["number"] in texts


def test_a_credit_note_names_what_it_takes_back_from(bills: Bills) -> None:
    invoice = bills.bill()
    line = next(each for each in invoice["lines"] if each["description"] == "Butter 200 g")
    asked = {
        "invoice_id": invoice["id"],
        "lines": [{"line_no": line["line_no"], "quantity": "1.000"}],
        "reason": "One packet was torn",
    }
    note = ok(bills.admin.post("/credit-notes", asked), 201)
    answer = bills.admin.get(f"/credit-notes/{note['id']}/pdf")
    assert answer.status_code == 200
    text = text_of(answer.data)
    for expected in ("CREDIT NOTE", note["number"], f"{invoice['number']} of 31 Oct 2026", "One packet was torn",
                     "Butter 200 g", "1 PAC", "100.00", "2.50", "105.00", "Credit ₹105.00", "GSTIN: 27AAPFU0939F1ZV",
                     "Rupees One Hundred Five Only"):  # fmt: skip
        assert expected in text, expected
    assert codes_of(answer.data) == []
    assert "Payments and credits since −105.00" in text_of(bills.pdf(invoice))


# -------------------------------------------------------------------------------------------- letters, pages


def test_hindi_stands_on_paper_as_it_is_read(bills: Bills) -> None:
    invoice = bills.bill(name=RADHA, language="hi")
    file = bills.pdf(invoice)
    text = text_of(file)
    for expected in (RADHA, "बीजक-सह-आपूर्ति बिल", "छह सौ बारह रुपये मात्र", "रोज़ की डिलीवरी", "देय राशि", "1.5 लीटर"):
        assert expected in text, expected
    assert 0 not in glyphs_of(file)
    assert len(glyphs_of(file)) > 60
    assert RADHA in text_of(bills.pdf(invoice, lang="en"))
    assert metadata_of(file)["Subject"] == RADHA


@pytest.mark.parametrize("weight", [REGULAR, BOLD])
@pytest.mark.parametrize("language", sorted(catalogues()))
def test_every_word_of_ours_is_in_the_typeface(weight: int, language: str) -> None:
    def is_missing(words: str) -> bool:
        return any(glyph == 0 for glyph, _ in typeface(weight).shape(words).widths)

    assert [key for key, words in catalogues()[language].texts.items() if is_missing(words)] == []
    assert is_missing("漢")


def test_conjuncts_are_one_glyph() -> None:
    """क्ष is one letter in print although it is three in memory; drawn letter by letter it would be ka, virama, ssa."""
    assert len(typeface(REGULAR).shape("क्ष").widths) == 1
    assert len(typeface(REGULAR).shape("क").widths) == 1


@pytest.mark.parametrize(
    "parts", [("Flat 4, ", "शिवाजी नगर, ", "Pune 411005"), ("C/o ", "क्षत्रिय"), ("विश्राम 12 ", "Road")]
)
def test_each_script_is_shaped_by_its_own_rules(parts: tuple[str, ...]) -> None:
    """Shaped by the rules of Latin, the i of शिवाजी would follow its consonant: शविाजी."""
    apart = [typeface(REGULAR).shape(part) for part in parts]
    together = typeface(REGULAR).shape("".join(parts))
    assert together.widths == tuple(glyph for part in apart for glyph in part.widths)
    assert together.letters == tuple(letter for part in apart for letter in part.letters)


HOSTILE = "<b>&amp; \\) Tj ET %s {0} {{x}} \u202e\u200b)(' ગુજરાતી 😀 " + "x" * 90


def test_a_hostile_name_is_a_name(bills: Bills) -> None:
    file = bills.pdf(bills.bill(name=HOSTILE, address_line1="A" * 200, address_line2="ज़" * 100))
    text = text_of(file)
    assert "<b>&amp; \\) Tj ET %s {0} {{x}}" in text
    assert "\u202e" not in text
    assert "Amount due ₹612.00" in text
    assert len(codes_of(file)) == 1


def test_a_month_of_two_goods_is_one_page(bills: Bills) -> None:
    (page,) = pages_of(bills.pdf(bills.bill(days=31)))
    assert page.count("306.00") == 31
    assert "Page 1 of 1" in page
    for day in range(1, 32):
        assert f"{day} Oct 1.5 L 2 packets 306.00" in " ".join(page.split()), day


@pytest.mark.parametrize(("goods", "days", "pages_with_lines", "pages_in_all"), [(5, 24, 1, 2), (84, 11, 4, 11)])
def test_a_long_bill_goes_on_with_its_headings(
    bills: Bills, goods: int, days: int, pages_with_lines: int, pages_in_all: int
) -> None:
    """A shop's and a hotel's: the document of a small bill with more of everything."""
    invoice = bills.bill()
    with bills.dairy.app.database.transaction(read_only=True) as session:
        (small,) = service.documents_of(session, [UUID(invoice["id"])])
    lines = [replace(small.lines[0], description=f"Product number {n}.") for n in range(goods)]
    deliveries = [
        replace(small.deliveries[0], day=date(2026, 10, day), goods=line.description)
        for day in range(1, days + 1)
        for line in lines
    ]
    file = pdf.draw(replace(small, lines=lines, deliveries=deliveries), catalogues()["en"])
    pages = pages_of(file)
    assert len(pages) == pages_in_all
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert (number > 1) == ("continued" in page)
        assert invoice["number"] in page
    with_lines = [page for page in pages if "PAC" in page]
    assert [page for page in pages if "HSN" in page] == with_lines == pages[:pages_with_lines]
    said = " ".join(pages)
    assert [n for n in range(goods) if said.count(f"Product number {n}.") != 1 + days] == []
    assert len(codes_of(file)) == 1


# ------------------------------------------------------------------------------------------------------ who


def test_a_draft_has_no_paper(bills: Bills) -> None:
    milk, _ = bills.goods()
    customer, client = bills.dairy.customer_login()
    bills.dairy.delivered(customer, (milk, "1"), on="2026-10-05")
    (draft,) = bills.dairy.invoices(customer_id=customer["id"])
    refused(bills.admin.get(f"/invoices/{draft['id']}/pdf"), 409, "invoice_not_issued")
    refused(client.get(f"/invoices/{draft['id']}/pdf"), 404, "invoice_not_found")
    refused(bills.admin.post(f"/invoices/{draft['id']}/share"), 409, "invoice_not_issued")


def test_a_customer_reads_its_own_papers_only(bills: Bills) -> None:
    _, butter = bills.goods()
    customer, client = bills.dairy.customer_login()
    _, other = bills.dairy.customer_login()
    bills.dairy.delivered(customer, (butter, "1"), on="2026-10-05")
    bills.person = customer
    invoice = bills.issue()
    asked = {"invoice_id": invoice["id"], "reason": "All of it", "lines": [{"line_no": 1, "quantity": "1"}]}
    note = ok(bills.admin.post("/credit-notes", asked), 201)
    for path, code in ((f"/invoices/{invoice['id']}/pdf", "invoice_not_found"),
                       (f"/credit-notes/{note['id']}/pdf", "credit_note_not_found")):  # fmt: skip
        assert client.get(path).data.startswith(b"%PDF-1.5")
        assert bills.dairy.staff("accountant").get(path).status_code == 200
        refused(other.get(path), 404, code)
        refused(bills.dairy.staff("marketing_staff").get(path), 403, "forbidden")
        refused(bills.dairy.nobody.get(path), 401, "not_authenticated")


def test_a_language_that_the_dairy_does_not_speak_is_english(bills: Bills) -> None:
    invoice = bills.bill()
    assert "बिल" in text_of(bills.pdf(invoice, language="hi"))
    assert bills.pdf(invoice, language="hi") == bills.pdf(invoice, lang="hi")  # the old name
    assert "INVOICE-CUM" in text_of(bills.pdf(invoice, lang="fr"))
    bills.seller(second_language=None)
    assert "बिल" not in text_of(bills.pdf(invoice, lang="hi"))


# ---------------------------------------------------------------------------------------------- whatever it says

TEXTS = {
    "empty": "",
    "blanks": " \t\u00a0 ",
    "invisible": "\u202e\u200b\ufeff",
    "emoji": "🥛👨‍👩‍👧 milk",
    "right to left": "דוד חלב لبن",
    "no blank": "क्ष" * 70 + "M" * 200,
    "other digits": "९८१२३ ٩٨١٢٣ 98123",
    "one broad letter": "\ufdfd",
    "controls": "a\x07b\u2028c",
}


@pytest.mark.slow
@pytest.mark.parametrize("words", TEXTS.values(), ids=TEXTS)
def test_any_text_is_drawn_wherever_it_stands(bills: Bills, words: str) -> None:
    """Every text of a document, whoever wrote it, in both languages and on every kind of document."""
    invoice = bills.bill()
    with bills.dairy.app.database.transaction(read_only=True) as session:
        (whole,) = service.documents_of(session, [UUID(invoice["id"])])
    party = {"name": words, "legal_name": words, "address": words, "phone": words, "code": words}
    goods = replace(whole.lines[0], description=words, hsn_code=words, unit=words)
    lines = [
        *(
            replace(goods, source=source, prior_period=late)
            for source in ("subscription", "one_time")
            for late in (0, 1)
        ),
        replace(goods, source="adjustment", quantity=Decimal(1), hsn_code=None),
        replace(goods, quantity=None, supply_type=words, gst_rate=Decimal(0)),
    ]
    document = replace(
        whole,
        seller=replace(whole.seller, **party, upi_id=words[:100]),
        buyer=replace(whole.buyer, **party),
        lines=lines,
        deliveries=[replace(whole.deliveries[0], goods=words, unit=words)],
        void=(date(2026, 11, 1), words),
        reason=words,
        original=Reference(whole.id, words, "invoice", date(2026, 10, 1), Decimal(1)),
        companion=Reference(whole.id, words, "bill_of_supply", date(2026, 10, 1), Decimal(1)),
        registered=Registered(words, words, date(2026, 11, 1), "signed"),
        footer=words,
        number=words[:16],
    )
    for kind in ("tax_invoice", "bill_of_supply", "invoice_cum_bill_of_supply", "invoice", "credit_note"):
        for language in catalogues():
            text = text_of(pdf.draw(replace(document, document_type=kind), catalogues()[language]))
            assert "612.00" in text, (kind, language)


def test_a_line_that_is_a_charge_or_a_discount_is_on_paper(bills: Bills) -> None:
    bills.bill()
    for amount, words in (("30.00", "Delivery charge"), ("-5.00", "Festival discount")):
        asked = {
            "customer_id": bills.person["id"],
            "kind": "discount" if amount.startswith("-") else "charge",
            "amount": amount,
            "description": words,
            "tax_class": "milk_fresh",
            "reason": "Agreed",
            "adjusted_on": "2026-11-01",
        }
        ok(bills.admin.post("/adjustments", asked), 201)
    bills.dairy.go_to("2026-12-02")
    bills.dairy.bill("2026-11", confirm=True)
    invoice = bills.dairy.invoices(customer_id=bills.person["id"], period="2026-11")[0]
    text = text_of(bills.pdf(invoice))
    for said in ("Delivery charge", "30.00", "Festival discount", "−5.00", "₹25.00"):
        assert said in text, said
    assert bills.admin.call("GET", f"/i/{bills.token(invoice)}/pdf").data == bills.pdf(invoice)


def test_what_a_rule_charges_is_on_paper(bills: Bills) -> None:
    """How often and the price, without a unit, with the code of the goods whose tax it bears."""
    way = {"kind": "delivery_charge", "basis": "per_delivery_day", "amount": "5.00", "description": "Delivery"}
    off = {"kind": "discount", "basis": "percent", "amount": "10.00", "description": "Old customer"}
    for rule in (way, off):
        ok(bills.admin.post("/charge-rules", rule | {"valid_from": "2026-10-01"}), 201)
    text = text_of(bills.pdf(bills.bill(kinds="milk")))
    assert "Delivery 0401 2 × 5.00 10.00" in text
    assert "Old customer 0401 −19.20 −19.20" in text  # of 3 l at 64.00
    assert "Total ₹183.00" in text


def test_a_credit_note_by_amount_is_on_paper(bills: Bills) -> None:
    invoice = bills.bill()
    asked = {"invoice_id": invoice["id"], "reason": "Sour", "lines": [{"line_no": 1, "amount": "10.00"}]}
    note = ok(bills.admin.post("/credit-notes", asked), 201)
    answer = bills.admin.get(f"/credit-notes/{note['id']}/pdf")
    assert answer.status_code == 200
    text = text_of(answer.data)
    assert "Sour" in text
    assert "Credit ₹10.00" in text
