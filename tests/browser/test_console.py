"""The console in a real browser: through axe-core, by keyboard alone, without JavaScript, on a phone and a desk."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_accessible import flaws
from tests.dairy import PASSWORD, Dairy, ok, read

ADMIN = "admin@dairy.example"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
#: Pages without a part of their address that differs.
PAGES = (
    "/",
    "/rounds",
    "/orders",
    "/rounds/who-goes",
    "/requests",
    "/customers",
    "/grid",
    "/month-end",
    "/month-end/verification",
    "/who-owes",
    "/who-owes/payments",
    "/who-owes/opening-balances",
    "/invoices",
    "/payments",
    "/credit-notes",
    "/messages",
    "/cash",
    "/figures",
    "/figures?by=product",
    "/figures?by=area",
    "/figures?by=customer",
    "/figures/customers",
    "/figures/short-deliveries",
    "/products",
    "/areas",
    "/people",
    "/settings",
    "/health",
    "/audit-log",
)
Open = Callable[..., Page]


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


@pytest.mark.parametrize(("scheme", "language", "viewport"), [("light", "en", DESK), ("dark", "hi", PHONE)])
def test_every_page_is_accessible_and_fits(
    dairy: Dairy, open_console: Open, town: Any, scheme: str, language: str, viewport: dict[str, int]
) -> None:
    page, own = open_console(color_scheme=scheme, viewport=viewport), f"/customers/{town['id']}"
    (bill,), (payment,) = read(dairy.admin, "/invoices"), read(dairy.admin, "/payments")
    this_month = f"/month-end?period={dairy.day(0)[:7]}"
    (first, *_) = read(dairy.admin, "/orders")
    round_ = f"/rounds/{town['delivery_boy_id']}"
    about_one = (
        f"/orders/{first['id']}",
        round_,
        f"{round_}/sequence",
        own,
        f"{own}?day={dairy.day(1)}",
        f"{own}?day={dairy.day(0)}",
        f"{own}/change",
        f"{own}/account-link",
        f"{own}/statement",
        f"/invoices/{bill['id']}",
        f"/payments/{payment['id']}",
    )
    for path in (*PAGES, *about_one, this_month):
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        assert flaws(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], path
    page.goto("/customers/none")
    assert flaws(page) == []
    page.context.clear_cookies()
    page.goto("/")
    assert flaws(page) == []


def test_a_payment_is_taken_without_a_mouse(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console(None)
    page.keyboard.type(ADMIN)  # the first field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rounds of today")).to_be_visible()
    page.goto("/customers")
    page.keyboard.press("/")
    page.keyboard.type("rao")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=rao*")
    page.get_by_role("link", name="Asha Rao").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Take a payment").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("120.50")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("₹ 120.50 booked")
    amounts = [each["amount"] for each in read(dairy.admin, "/payments", customer_id=town["id"])]
    assert sorted(amounts) == ["120.50", "50.00"]


def test_the_console_works_without_javascript(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console(java_script_enabled=False)
    page.goto(f"/customers/{town['id']}?day={dairy.day(3)}")
    page.fill("[name=quantity] >> nth=0", "5")
    page.get_by_role("button", name="Enter the day").click()
    expect(page.get_by_role("status")).to_contain_text("5")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_form_that_is_sent_twice_is_done_once(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console()
    page.goto(f"/customers/{town['id']}")
    page.get_by_text("Take a payment").click()
    page.fill("#amount", "75")
    page.evaluate("""() => {
        const form = document.querySelector("form[action$='/payments']");
        form.requestSubmit();
        form.requestSubmit();
    }""")
    expect(page.get_by_role("status")).to_contain_text("₹ 75.00 booked")
    amounts = [each["amount"] for each in read(dairy.admin, "/payments", customer_id=town["id"])]
    assert sorted(amounts) == ["50.00", "75.00"]


def test_a_session_that_ended_meanwhile_leads_back(dairy: Dairy, open_console: Open, town: Any) -> None:
    client = dairy.staff("accountant")
    page = open_console(client.user["email"])
    page.goto(f"/customers/{town['id']}")
    ok(client.post("/auth/password", {"current_password": PASSWORD, "new_password": "another battery horse"}))
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.fill("#login", client.user["email"])
    page.fill("#password", "another battery horse")
    page.click("main button")
    expect(page.get_by_role("heading", name="Asha Rao")).to_be_visible()
