"""A phone of 360 × 740 with a real browser, and a real server on the test database.

The browser is the system's Chromium (``CHROMIUM=/path`` names another one); Playwright's own download is not used.
Whatever the test, the phone fails it when the page breaks its Content-Security-Policy, asks for anything that does not
come from the server under test, or throws.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from dairy_app.web.http import DairyFlask
from tests.browser.console import ADMIN, DESK, Open
from tests.browser.rounds import Round, make_round
from tests.dairy import PASSWORD, Dairy, ok

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


def chromium() -> str:
    """The browser to drive. Without one nothing here can say anything, so nothing is skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.exit("No Chromium here. On Debian: apt install chromium; or: CHROMIUM=/path/to/it", returncode=1)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


class Quiet(WSGIRequestHandler):
    """A line for each request is in the application's own log."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@pytest.fixture
def address(app: DairyFlask) -> Iterator[str]:
    """Where the application answers for real."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Phone:
    """One browser profile: its storage, its network, and all that its pages complained about."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context, self.address = context, address
        self.complaints: list[str] = []
        self.asked: list[str] = []
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: self._hear(message.text))
        self.page = context.new_page()

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.complaints.append(text)

    def open(self, token: str, query: str = "") -> Page:
        """Open a link, and wait until its script has taken hold."""
        self.page.goto(f"{self.address}/s/{token}{query}")
        return self.page

    def offline(self, away: bool = True) -> None:
        self.context.set_offline(away)

    def keeps_the_page(self) -> None:
        """Wait until the page could be opened without a network."""
        self.page.evaluate(
            """async () => {
                const isKept = async () => {
                    for (const name of await caches.keys()) {
                        const kept = (await (await caches.open(name)).keys()).map((each) => each.url);
                        const all = ["/kept-page", "/page.js", "/page.css"];
                        if (all.every((end) => kept.some((url) => url.endsWith(end)))) return true;
                    }
                    return false;
                };
                while (!(navigator.serviceWorker.controller && (await isKept())))
                    await new Promise((resolve) => setTimeout(resolve, 50));
            }"""
        )

    def is_clean(self) -> None:
        """What every page must keep to."""
        assert self.complaints == []
        ours = (f"{self.address}/s/", f"{self.address}/api/v1/shared/")
        outside = [url for url in self.asked if not url.startswith(ours)]
        assert outside == []


@pytest.fixture
def new_phone(browser: Browser, address: str) -> Iterator[Callable[..., Phone]]:
    """Makes phones; each must have been clean at the end."""
    phones: list[Phone] = []

    def make(**options: Any) -> Phone:
        context = browser.new_context(**{**PHONE, "locale": "en-IN", "timezone_id": "Asia/Kolkata", **options})
        context.set_default_timeout(15_000)
        phones.append(Phone(context, address))
        return phones[-1]

    yield make
    for phone in phones:
        phone.context.close()
    for phone in phones:
        phone.is_clean()


@pytest.fixture
def phone(new_phone: Callable[..., Phone]) -> Phone:
    return new_phone()


@pytest.fixture
def round_(dairy: Dairy) -> Round:
    return make_round(dairy)


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """``shot(page, name)``: a picture to look at, kept when ``SCREENSHOTS`` names a folder."""
    folder = os.environ.get("SCREENSHOTS")

    def take(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")

    return take


@pytest.fixture
def town(dairy: Dairy) -> Any:
    """A customer with a standing order, a bill's worth of deliveries, a request, and money."""
    dairy.seller()
    ravi = dairy.staff("delivery_boy", "Ravi Ramchandra Venkatanarasimha Deshpande")
    milk = dairy.product("60.00", name="Cow milk")
    customer = dairy.customer(name="Asha Rao", delivery_boy_id=ravi.user["id"], notes="Ring twice")
    dairy.subscription(customer, milk, "2")
    ok(dairy.confirm(dairy.order(customer, (milk, "1.5"))))
    dairy.order(customer, (milk, "1"))
    cash = {"amount": "50", "method": "cash", "collected_by": ravi.user["id"]}
    ok(dairy.admin.post("/payments", {"customer_id": customer["id"], **cash}))
    link = ok(dairy.admin.post("/shared-links", {"kind": "round", "delivery_boy_id": ravi.user["id"], "rolling": True}))
    wish = {"kind": "stop", "customer_id": customer["id"], "stop_date": dairy.day(9), "note": "Moving"}
    ok(dairy.nobody.post(f"/shared/{link['token']}/requests", wish))
    return customer


@pytest.fixture
def open_console(browser: Browser, address: str) -> Iterator[Open]:
    """Opens the console in a browser of its own and signs in; no page may break its policy or ask elsewhere."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(login: str | None = ADMIN, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESK, "locale": "en-IN", "base_url": address, **options})
        context.set_default_timeout(15_000)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", lambda each: "Security Policy" in each.text and complaints.append(each.text))
        context.on("request", lambda each: each.url.startswith(address) or complaints.append(each.url))
        contexts.append(context)
        page = context.new_page()
        page.goto("/")
        if login is not None:
            page.fill("#login", login)
            page.fill("#password", PASSWORD)
            page.click("main button")
            expect(page.locator(".menu")).to_be_visible()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
