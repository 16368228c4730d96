"""A bill on a telephone, printed, and through axe-core: the code on the screen is read as a phone would read it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE
from tests.browser.test_accessible import flaws
from tests.dairy import Dairy, ok
from tests.documents.conftest import RADHA, SELLER
from tests.documents.reading import codes_in, codes_of, pages_of, picture_from, text_of

DESK = {"viewport": {"width": 1200, "height": 900}}


@pytest.fixture
def invoice(dairy: Dairy) -> Any:
    """Issued today, of what came today: one of each kind for somebody with a Hindi name."""
    dairy.seller(**SELLER)
    milk = dairy.product("64.00", name="Cow milk 1 l")
    butter = dairy.product("105.00", name="Butter 200 g", unit="packet", hsn_code="0405", is_packed=True)
    customer = dairy.customer(name=RADHA, state_code="27")
    ok(dairy.confirm(dairy.order(customer, (milk, "1.5"), (butter, "2"))))
    day = dairy.day(0)
    ok(dairy.admin.post("/billing/runs", {"period": day[:7], "through": day}))
    return ok(dairy.admin.get("/invoices", customer_id=customer["id"]))["items"][0]


class Visit:
    """A browser at the page of a bill, and what it asked for and complained about."""

    def __init__(self, browser: Browser, address: str, path: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(15_000)
        self.address, self.path = address, path
        self.heard: list[str] = []
        self.asked: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.context.on("console", lambda message: self.heard.append(message.text))
        self.page = self.context.new_page()

    def open(self, query: str = "") -> Page:
        self.page.goto(f"{self.address}{self.path}{query}")
        return self.page

    def leave(self) -> None:
        self.context.close()
        assert [text for text in self.heard if "Content Security Policy" in text] == []
        assert [url for url in self.asked if not url.startswith(f"{self.address}/i/")] == []


@pytest.fixture
def visit(browser: Browser, address: str, dairy: Dairy, invoice: Any) -> Iterator[Callable[..., Visit]]:
    url = ok(dairy.admin.post(f"/invoices/{invoice['id']}/share"))["url"]
    path = url[url.index("/i/") :]
    visits: list[Visit] = []

    def make(**options: Any) -> Visit:
        visits.append(Visit(browser, address, path, **(options or PHONE)))
        return visits[-1]

    yield make
    for each in visits:
        each.leave()


def shot(page: Page, name: str) -> bytes:
    """A picture of the whole page; kept when ``SCREENSHOTS`` names a folder."""
    png = page.screenshot(full_page=True, animations="disabled")
    if os.environ.get("SCREENSHOTS"):
        (Path(os.environ["SCREENSHOTS"]) / f"{name}.png").write_bytes(png)
    return png


def test_the_code_on_the_screen_pays_the_bill(visit: Callable[..., Visit], invoice: Any) -> None:
    page = visit().open()
    expect(page.get_by_role("heading", level=1)).to_have_text("INVOICE-CUM-BILL OF SUPPLY")
    (code,) = codes_in(picture_from(shot(page, "invoice-phone-en")))
    assert code == page.get_by_role("link", name="with a UPI app").get_attribute("href")
    assert f"am={invoice['total']}" in code
    assert f"tr={invoice['number'].replace('/', '')}" in code


def test_the_page_needs_no_script_and_speaks_hindi(visit: Callable[..., Visit]) -> None:
    page = visit(**PHONE, java_script_enabled=False).open()
    page.get_by_role("link", name="हिन्दी").click()
    expect(page.locator("html")).to_have_attribute("lang", "hi")
    expect(page.get_by_text(RADHA)).to_be_visible()
    expect(page.get_by_text("तीन सौ छह रुपये मात्र")).to_be_visible()
    shot(page, "invoice-phone-hi")


def test_the_phone_does_not_scroll_sideways(visit: Callable[..., Visit]) -> None:
    page = visit().open("?lang=hi")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_it_prints_to_one_sheet_of_document(visit: Callable[..., Visit], invoice: Any) -> None:
    page = visit(**DESK).open()
    shot(page, "invoice-desk-en")
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    if os.environ.get("SCREENSHOTS"):
        (Path(os.environ["SCREENSHOTS"]) / "invoice-printed.pdf").write_bytes(printed)
    assert len(pages_of(printed)) == 1
    text = text_of(printed)
    assert invoice["number"] in text
    assert "₹306.00" in text
    assert "Download" not in text
    assert len(codes_of(printed)) == 1


def test_a_void_bill_shows_it_and_no_code(visit: Callable[..., Visit], dairy: Dairy, invoice: Any) -> None:
    ok(dairy.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}))
    page = visit().open()
    expect(page.get_by_role("status")).to_contain_text("is not payable")
    assert codes_in(picture_from(shot(page, "invoice-void"))) == []
    assert flaws(page) == []


@pytest.mark.parametrize("language", ["en", "hi"])
@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_everybody_can_read_it(visit: Callable[..., Visit], screen: dict[str, Any], language: str) -> None:
    assert flaws(visit(**screen).open(f"?lang={language}")) == []


def test_a_wrong_link_is_a_page_too(visit: Callable[..., Visit]) -> None:
    there = visit()
    there.path = "/i/nothing-like-a-token"
    page = there.open()
    expect(page.get_by_role("heading", level=1)).to_have_text(["There is no such page", "ऐसा कोई पेज नहीं है"])
    assert flaws(page) == []
