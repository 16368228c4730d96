"""``/i/<token>`` without a browser: statuses, headers, languages, and nothing that may not stand there."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from dairy_app.documents.drawing.words import catalogues
from dairy_app.documents.routes import invoice_page as pages
from dairy_app.web import logs
from tests.dairy import ok, refused
from tests.documents.conftest import RADHA, Bills
from tests.documents.reading import codes_of, text_of

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Seen(HTMLParser):
    """The elements of a page with their attributes, and its words."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(response.get_data(as_text=True))
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data + " "

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


class Site:
    """The page as a browser asks for it."""

    def __init__(self, bills: Bills) -> None:
        self.browser = bills.dairy.app.test_client()

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.browser.get(path, headers=BROWSER | headers)


@pytest.fixture
def site(bills: Bills) -> Site:
    return Site(bills)


def test_a_busy_database_says_when_to_come_back(bills: Bills, site: Site) -> None:
    path = f"/i/{bills.token(bills.bill())}"
    engine = bills.dairy.app.database.engine
    engine.pool._timeout = 0  # type: ignore[attr-defined] # no waiting: the clock stands still
    held = [engine.connect() for _ in range(engine.pool.size())]  # type: ignore[attr-defined]
    try:
        answer = site.get(path)
    finally:
        engine.pool._timeout = 5  # type: ignore[attr-defined]
        for each in held:
            each.close()
    assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (503, "text/html", "5")


def test_the_bill_is_read_without_a_login(bills: Bills, site: Site) -> None:
    invoice = bills.bill()
    answer = site.get(f"/i/{bills.token(invoice)}")
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    seen = Seen(answer)
    for expected in (
        "INVOICE-CUM-BILL OF SUPPLY", "Sunrise Dairy LLP", "GSTIN: 27AAPFU0939F1ZV", "Meera Joshi", invoice["number"],
        "Maharashtra (27)", "3 LTR", "4 PAC", "₹612.00", "Rupees Six Hundred Twelve Only", "Amount due",
        "as of 3 Nov 2026", "Scan to pay ₹612.00", "UPI ID: sunrise@upi", "1 Oct", "1.5 L", "2 packets", "Thank you.",
    ):  # fmt: skip
        assert expected in seen.words, expected
    links = {each["href"] for each in seen.every("a")}
    number = invoice["number"]
    assert (
        "upi://pay?pa=sunrise@upi&pn=Sunrise%20Dairy&am=612.00&cu=INR"
        f"&tn=Bill%20{number.replace('/', '%2F')}&tr={number.replace('/', '')}"
    ) in links


@pytest.mark.parametrize("language", list(catalogues()))
def test_a_composition_dealer_says_so_first(bills: Bills, site: Site, language: str) -> None:
    """CGST Rules r. 5 (1) (f): these very words, at the top of the bill of supply, whatever language it speaks."""
    bills.seller(gst_scheme="composition")
    invoice = bills.bill()
    seen = Seen(site.get(f"/i/{bills.token(invoice)}?lang={language}"))
    legal = "composition taxable person, not eligible to collect tax on supplies"
    title = catalogues()[language]("title_bill_of_supply")
    assert seen.words.index(legal) < seen.words.index("Sunrise Dairy LLP") and title in seen.words
    assert seen.words.index(legal) < seen.words.rindex(title)
    # Two days of 1.5 l of milk at 64 and 2 packets at 105, and no tax in them.
    assert "612.00" in seen.words
    for absent in ("CGST", "420.00 400.00", catalogues()[language]("taxable_value")):
        assert absent not in seen.words


def test_the_page_may_load_its_own_files_and_nothing_else(bills: Bills, site: Site) -> None:
    answer = site.get(f"/i/{bills.token(bills.bill())}")
    headers = answer.headers
    assert headers["Content-Security-Policy"] == pages.PAGE_POLICY
    assert "script" not in pages.PAGE_POLICY
    assert "unsafe" not in pages.PAGE_POLICY
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    seen = Seen(answer)
    assert seen.every("script") == seen.every("style") == seen.every("img") == seen.every("form") == []
    assert [name for name, each in seen.elements if any(key == "style" or key.startswith("on") for key in each)] == []
    for each in seen.every("link"):
        file = site.get(each["href"] or "")
        assert file.status_code == 200
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert site.get("/i/static/old/paper.css").headers["Cache-Control"] == "no-cache"
    assert site.get("/i/static/old/nothing.css").status_code == 404
    css = (Path(pages.__file__).parent.parent / "static" / "paper.css").read_text(encoding="utf-8")
    assert "url(" not in css
    assert "@import" not in css


def test_what_a_customer_is_called_is_text(bills: Bills, site: Site) -> None:
    name = "<script>alert(1)</script>\"'&{{ 7*7 }}"
    answer = site.get(f"/i/{bills.token(bills.bill(name=name))}")
    assert Seen(answer).every("script") == []
    assert name in Seen(answer).words


def test_the_language_is_the_one_asked_for_else_the_customers_else_the_browsers(bills: Bills, site: Site) -> None:
    plain = bills.token(bills.bill())

    def language(path: str, **headers: str) -> str | None:
        return Seen(site.get(path, **headers)).every("html")[0]["lang"]

    assert language(f"/i/{plain}") == "en"
    assert language(f"/i/{plain}", **{"Accept-Language": "hi-IN,hi;q=0.9"}) == "hi"
    assert language(f"/i/{plain}?lang=en", **{"Accept-Language": "hi"}) == "en"
    hindi = bills.token(bills.bill(name=RADHA, language="hi"))
    assert language(f"/i/{hindi}", **{"Accept-Language": "en"}) == "hi"
    seen = Seen(site.get(f"/i/{hindi}"))
    for expected in (RADHA, "छह सौ बारह रुपये मात्र", "रोज़ की डिलीवरी", "देय राशि"):
        assert expected in seen.words, expected
    assert {"href": f"/i/{hindi}?lang=en", "lang": "en", "hreflang": "en"} in seen.every("a")
    assert language(f"/i/{hindi}?lang=xx") == "hi"


def test_the_page_leads_to_the_same_bill_as_pdf(bills: Bills, site: Site) -> None:
    invoice = bills.bill()
    token = bills.token(invoice)
    answer = site.get(f"/i/{token}/pdf?lang=hi")
    assert answer.content_type == "application/pdf"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.data == bills.pdf(invoice, lang="hi")
    assert {"class": "download", "href": f"/i/{token}/pdf?lang=en"} in Seen(site.get(f"/i/{token}")).every("a")
    again = site.get(f"/i/{token}/pdf?lang=hi", **{"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_link_that_was_not_made_here_is_not_found(bills: Bills, site: Site) -> None:
    token = bills.token(bills.bill())
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), token[1:], "A" * 43, "x", "%F0%9F%90%84", "." * 500):
        for path in (f"/i/{wrong}", f"/i/{wrong}/pdf"):
            answer = site.get(path)
            assert answer.status_code == 404, path
            assert "There is no such page" in answer.get_data(as_text=True)
            assert answer.headers["Content-Security-Policy"] == pages.PAGE_POLICY
        refused(bills.dairy.nobody.get(f"/i/{wrong}"), 404, "link_not_found")
    hindi = site.get("/i/x", **{"Accept-Language": "hi"})
    assert "ऐसा कोई पेज नहीं है" in hindi.get_data(as_text=True)
    assert site.get(f"/i/{token}").status_code == 200


def test_a_raised_version_ends_every_link(bills: Bills, site: Site) -> None:
    invoice = bills.bill()
    token = bills.token(invoice)
    assert site.get(f"/i/{token}").status_code == 200
    bills.seller(invoice_link_version=2)
    assert site.get(f"/i/{token}").status_code == 404
    assert site.get(f"/i/{bills.token(invoice)}").status_code == 200


def test_the_links_of_one_bill_are_revoked(bills: Bills, site: Site, sql: Any) -> None:
    invoice = bills.bill(email="meera@home.example")
    path, token = f"/invoices/{invoice['id']}/share", bills.token(invoice)
    bills.share(invoice, channel="email", queue=True)
    ok(bills.dairy.staff("accountant").post(f"{path}/revoke"), 204)
    for address in (f"/i/{token}", f"/i/{token}/pdf"):
        answer = site.get(address)
        assert answer.status_code == 410
        for said in ("The link is no longer in use", "यह लिंक अब काम नहीं करता"):
            assert said in answer.get_data(as_text=True)
        refused(bills.dairy.nobody.get(address), 410, "link_revoked")
    assert sql("SELECT status, last_error FROM outbox_messages") == [("withdrawn", "the link was revoked")]
    again = bills.token(invoice)
    assert again != token
    assert site.get(f"/i/{again}").status_code == 200
    ok(bills.admin.post(f"{path}/revoke"), 204)
    refused(bills.dairy.nobody.get(f"/i/{again}"), 410, "link_revoked")
    refused(bills.dairy.nobody.get(f"/i/{token}"), 410, "link_revoked")
    refused(bills.dairy.staff("marketing_staff").post(f"{path}/revoke"), 403, "forbidden")
    refused(bills.admin.post(f"/invoices/{UUID(int=1)}/share/revoke"), 404, "invoice_not_found")


def test_a_link_expires_when_the_dairy_says_so(bills: Bills, site: Site) -> None:
    invoice = bills.bill()
    for_ever = bills.token(invoice)
    bills.seller(invoice_link_days=30)
    token = bills.token(invoice)  # on 3 November
    assert len(token) > len(for_ever)
    bills.dairy.go_to("2026-12-03")
    assert site.get(f"/i/{token}").status_code == 200
    bills.dairy.go_to("2026-12-04")
    refused(bills.dairy.nobody.get(f"/i/{token}"), 410, "link_expired")
    answer = site.get(f"/i/{token}")
    assert answer.status_code == 410
    for said in ("The link has expired", "लिंक की अवधि समाप्त हो गई है"):
        assert said in answer.get_data(as_text=True)
    for good in (for_ever, bills.token(invoice)):
        assert site.get(f"/i/{good}").status_code == 200


def test_the_other_document_of_a_link_lives_no_longer(bills: Bills, site: Site) -> None:
    bills.bill(gstin="27AAPFU0939F1ZV", gst_treatment="registered")
    bills.seller(invoice_link_days=1)
    [first, _] = bills.dairy.invoices(customer_id=bills.person["id"])
    token = bills.token(first)
    bills.dairy.go_to("2026-11-04")
    page = site.get(f"/i/{token}").get_data(as_text=True)
    other = next(each for each in re.findall(r"/i/([A-Za-z0-9_-]{46})", page) if each != token)
    assert site.get(f"/i/{other}").status_code == 200
    bills.dairy.go_to("2026-11-05")
    assert (site.get(f"/i/{token}").status_code, site.get(f"/i/{other}").status_code) == (410, 410)


def test_somebody_elses_parameters_are_dropped(bills: Bills, site: Site) -> None:
    token = bills.token(bills.bill())
    answer = site.get(f"/i/{token}?fbclid=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/i/{token}")
    refused(bills.dairy.nobody.get(f"/i/{token}", fbclid="1"), 422, "validation_failed")


def test_a_void_bill_says_so_and_asks_for_nothing(bills: Bills, site: Site) -> None:
    invoice = bills.bill()
    token = bills.token(invoice)
    assert len(Seen(site.get(f"/i/{token}")).every("svg")) == 1
    ok(bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}))
    seen = Seen(site.get(f"/i/{token}"))
    assert "made void on 3 Nov 2026 and is not payable. Reason: Wrong price" in seen.words
    assert seen.every("svg") == []
    assert "upi:" not in site.get(f"/i/{token}").get_data(as_text=True)
    pdf = site.get(f"/i/{token}/pdf").data
    assert "VOID" in text_of(pdf)
    assert codes_of(pdf) == []


def test_a_paid_bill_asks_for_nothing(bills: Bills, site: Site) -> None:
    token = bills.token(bills.bill())
    bills.pay("612.00")
    seen = Seen(site.get(f"/i/{token}"))
    assert "Paid in full" in seen.words
    assert seen.every("svg") == []


def test_the_code_asks_for_all_that_is_due_and_this_bill_alone_is_a_choice(bills: Bills, site: Site) -> None:
    bills.bill()
    milk, _ = bills.goods()
    bills.dairy.delivered(bills.person, (milk, "1"), on="2026-11-05")
    bills.dairy.go_to("2026-12-02")
    bills.dairy.bill("2026-11", confirm=True)
    later = bills.dairy.invoices(customer_id=bills.person["id"], period="2026-11")[0]
    seen = Seen(site.get(f"/i/{bills.token(later)}"))
    for said in ("Amount due ₹676.00", "Scan to pay ₹676.00", "Only this bill: ₹64.00", "Previous balance 612.00"):
        assert said in seen.words, said
    amounts = [
        re.findall(r"am=([0-9.]+)", each["href"] or "") for each in seen.every("a") if "upi:" in str(each["href"])
    ]
    assert amounts == [["676.00"], ["676.00"], ["64.00"]]
    # The amount and its button come first, for a small screen.
    assert seen.words.index("Amount due ₹676.00") < seen.words.index("GSTIN")
    assert sorted(re.findall(r"am=([0-9.]+)", " ".join(codes_of(bills.pdf(later))))) == ["64.00", "676.00"]
    bills.pay("612.00")
    bills.pay("64.00")
    assert "Paid in full" in Seen(site.get(f"/i/{bills.token(later)}")).words


def test_an_untaxed_line_has_no_rows_of_dashes(bills: Bills, site: Site) -> None:
    page = site.get(f"/i/{bills.token(bills.bill())}").get_data(as_text=True)
    assert "–</td>" not in page
    assert len(re.findall(r'<td class="right cgst"[^>]*></td>', page)) == 1


def test_a_wrong_link_speaks_both_languages_and_says_whom_to_call(bills: Bills, site: Site) -> None:
    for headers in ({}, {"Accept-Language": "hi"}):
        seen = Seen(site.get("/i/not-a-link", **headers))
        for said in ("There is no such page", "ऐसा कोई पेज नहीं है", "+91 98123 45678"):
            assert said in seen.words, said
    assert {"href": "tel:+91 98123 45678"} in seen.every("a")


def test_two_documents_lead_to_each_other(bills: Bills, site: Site) -> None:
    bills.bill(gstin="27AAPFU0939F1ZV", gst_treatment="registered")
    documents = bills.dairy.invoices(customer_id=bills.person["id"])
    token = bills.token(documents[0])
    first = site.get(f"/i/{token}")
    (other,) = {each["href"] for each in Seen(first).every("a") if re.match(r"/i/[^/]{43}\?", each["href"] or "")} - {
        f"/i/{token}?lang=hi"
    }
    second = site.get(other or "")
    assert second.status_code == 200
    titles = {Seen(page).words.split(" INV/")[0] for page in (first, second)}
    assert titles == {"TAX INVOICE", "BILL OF SUPPLY"}


def test_no_token_stands_in_the_log(bills: Bills, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    token = bills.token(bills.bill())
    logs.configure_logging("info", "json")
    for path in (f"/i/{token}", f"/i/{token}/pdf", f"/i/{token}?fbclid=1"):
        site.get(path)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["route"] for line in lines] == ["/i/<token>", "/i/<token>/pdf", "/i/<token>"]
    assert token not in json.dumps(lines)


def test_all_words_that_are_named_exist_and_all_that_exist_are_named() -> None:
    folder = Path(pages.__file__).parent.parent
    files = [*folder.rglob("*.py"), *folder.rglob("templates/**/*.html"), folder.parent / "common" / "words.py"]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    texts = set(catalogues()["en"].texts)
    quoted = set(re.findall(r"""["'](\w+)["']""", source))
    called = set(re.findall(r"""\bt\(\s*["'](\w+)["']""", source))
    assert called <= texts
    begun = ("title_", "supply_", "unit_", "page_not_found_", "page_fault_", "page_expired_", "page_revoked_")
    assert {key for key in texts - quoted if not key.startswith(begun)} == set()


def test_a_bill_with_an_open_payment_link_shows_it_and_no_other(bills: Bills, sql: Callable[..., Any]) -> None:
    invoice, site = bills.bill(kinds="milk"), Site(bills)
    path = bills.token(invoice)

    def links() -> list[str | None]:
        return [each["href"] for each in Seen(site.get(f"/i/{path}")).every("a") if "rzp.io" in (each["href"] or "")]

    assert links() == []
    sql(
        """INSERT INTO payment_links (customer_id, invoice_id, amount, gateway, gateway_id, url, description, status,
            expires_at, created_by)
        SELECT customer_id, id, total, 'razorpay', 'plink_1', 'https://rzp.io/1', 'Bill', 'created', '2100-01-01',
            (SELECT id FROM users LIMIT 1) FROM invoices WHERE id = %s""",
        invoice["id"],
    )
    assert links() == ["https://rzp.io/1"]
    assert "Pay ₹192.00 online" in Seen(site.get(f"/i/{path}")).words
    paid = {"customer_id": invoice["customer_id"], "amount": "1.00", "method": "cash"}
    ok(bills.admin.post("/payments", paid), 201)
    assert links() == [], "it asks for more than is open"
