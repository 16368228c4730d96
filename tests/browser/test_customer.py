"""A customer's page in a real browser: its calendar by keyboard and by plain links, and forms that outlive a mishap."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.console import DESK, PHONE, Open
from tests.browser.test_accessible import flaws
from tests.dairy import PASSWORD, Client, Dairy, ok, read


def overrides(dairy: Dairy, customer: Any) -> dict[str, str]:
    """What was said about single days of the one standing order."""
    (standing,) = read(dairy.admin, "/subscriptions", customer_id=customer["id"])
    found = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["overrides"]
    return {each["date"]: each["quantity"] for each in found}


def test_a_day_is_changed_by_keyboard_alone(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console()
    days = page.locator("a.day")

    def place() -> int:
        found: int = days.evaluate_all("days => days.indexOf(document.activeElement)")
        return found

    page.goto(f"/customers/{town['id']}")
    page.locator("a.day[tabindex='0']").focus()  # one of them is reached by Tab: today
    assert place() == int(dairy.day(0)[8:]) - 1
    page.goto(f"/customers/{town['id']}?month=2027-03")
    page.locator("a.day[tabindex='0']").focus()
    for key, then in (("ArrowDown", 7), ("ArrowRight", 8), ("ArrowLeft", 7), ("ArrowUp", 0), ("ArrowUp", 0),
        ("End", 6), ("Home", 0)):  # fmt: skip
        page.keyboard.press(key)
        assert place() == then, key
    page.keyboard.press("PageDown")
    expect(page.get_by_role("heading", name="Calendar of Apr 2027")).to_be_visible()
    expect(days.first).to_be_focused()
    page.keyboard.press("PageUp")
    expect(page.get_by_role("heading", name="Calendar of Mar 2027")).to_be_visible()
    expect(days.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tue, 2 Mar 2027")).to_be_visible()
    expect(page.locator("td[aria-selected=true]")).to_contain_text("2")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("4.5")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Tue, 2 Mar 2027: 4.5")
    assert overrides(dairy, town) == {"2027-03-02": "4.500"}


def test_a_day_is_a_plain_link_without_a_script(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console(java_script_enabled=False)
    page.goto(f"/customers/{town['id']}?month=2027-03")
    page.get_by_role("link", name="Wed, 3 Mar 2027: Cow milk: 2 L (Daily)").click()
    page.get_by_label("Cow milk on this day").fill("5")
    page.get_by_role("button", name="Enter the day").click()
    expect(page.get_by_role("status")).to_contain_text("Wed, 3 Mar 2027: 5")
    page.get_by_role("button", name="As usual again").click()
    expect(page.get_by_role("status")).to_contain_text("as usual again")
    assert overrides(dairy, town) == {}


@pytest.mark.parametrize(("scheme", "language", "viewport"), [("light", "hi", DESK), ("dark", "en", PHONE)])
def test_a_customers_pages_are_accessible_and_fit(
    dairy: Dairy,
    open_console: Open,
    scheme: str,
    language: str,
    viewport: dict[str, int],
) -> None:
    customer, _ = dairy.customer_login(name="Asha Rao")
    milk = dairy.product("60.00", name="Cow milk")
    dairy.subscription(customer, milk, "2")
    dairy.order(customer, (milk, "1"), on=dairy.day(2))
    page, own = open_console(customer["phone"], color_scheme=scheme, viewport=viewport), f"/customers/{customer['id']}"
    paths = [own, f"{own}?day={dairy.day(2)}", f"{own}?day={dairy.day(-2)}", f"{own}/change", f"{own}/statement"]
    for path in paths:
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        assert flaws(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], path


# ---------------------------------------------------------------------------------------- mishaps with a form


def begin_payment(page: Page, customer: Any, amount: str) -> None:
    page.goto(f"/customers/{customer['id']}")
    page.get_by_text("Take a payment").click()
    page.fill("#amount", amount)
    page.fill("#reference", "by Ravi")


def paid(dairy: Dairy, customer: Any) -> list[str]:
    """What was paid besides the 50 rupees of the set-up."""
    amounts = [each["amount"] for each in read(dairy.admin, "/payments", customer_id=customer["id"])]
    amounts.remove("50.00")
    return amounts


def test_without_a_connection_nothing_is_sent_and_nothing_lost(
    dairy: Dairy,
    open_console: Open,
    town: Any,
) -> None:
    page = open_console()
    begin_payment(page, town, "80")
    page.context.set_offline(True)
    for _ in range(2):
        page.get_by_role("button", name="Book the payment").click()
        expect(page.get_by_role("alert")).to_contain_text("There is no connection.")
    assert paid(dairy, town) == []
    page.context.set_offline(False)
    expect(page.locator("#amount")).to_have_value("80")
    page.get_by_role("button", name="Book the payment").click()
    expect(page.get_by_role("status")).to_contain_text("₹ 80.00 booked")
    assert paid(dairy, town) == ["80.00"]


def test_an_answer_that_is_lost_leads_to_one_payment(
    dairy: Dairy,
    open_console: Open,
    town: Any,
) -> None:
    page = open_console()
    begin_payment(page, town, "80")

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort("connectionreset")

    page.route("**/payments", lose)
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Book the payment").click()
    assert paid(dairy, town) == ["80.00"]
    page.unroute("**/payments")
    page.go_back()
    expect(page.locator("#amount")).to_have_value("80")
    expect(page.locator("#reference")).to_have_value("by Ravi")
    page.locator("#amount").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("₹ 80.00 booked")
    assert paid(dairy, town) == ["80.00"]
    page.goto(f"/customers/{town['id']}")
    expect(page.locator("#amount")).to_have_value("")


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(
    dairy: Dairy,
    open_console: Open,
    town: Any,
) -> None:
    accountant: Client = dairy.staff("accountant")
    page = open_console(accountant.user["email"])
    begin_payment(page, town, "75")
    changed = {"current_password": PASSWORD, "new_password": "another battery horse"}
    ok(accountant.post("/auth/password", changed))
    page.get_by_role("button", name="Book the payment").click()
    expect(page.get_by_role("status")).to_contain_text("Your session is over, and nothing was saved.")
    page.fill("#login", accountant.user["email"])
    page.fill("#password", "another battery horse")
    page.click("main button")
    expect(page.get_by_role("heading", name="Asha Rao")).to_be_visible()
    expect(page.locator("#amount")).to_have_value("75")
    expect(page.locator("#reference")).to_have_value("by Ravi")
    assert paid(dairy, town) == []
    page.get_by_role("button", name="Book the payment").click()
    expect(page.get_by_role("status")).to_contain_text("₹ 75.00 booked")
    assert paid(dairy, town) == ["75.00"]


def test_of_two_forms_alike_each_keeps_its_own(dairy: Dairy, open_console: Open, town: Any) -> None:
    dairy.subscription(town, dairy.product("40.00", name="Curd"), "3")
    page = open_console()
    page.goto(f"/customers/{town['id']}?day=2027-03-02")
    page.get_by_label("Cow milk on this day").fill("4")
    page.route("**/days", lambda route: route.abort("connectionreset"))
    with page.expect_event("requestfailed"):
        page.get_by_label("Cow milk on this day").press("Enter")
    page.unroute("**/days")
    page.go_back()
    expect(page.get_by_label("Cow milk on this day")).to_have_value("4")
    expect(page.get_by_label("Curd on this day")).to_have_value("3")
    page.get_by_label("Curd on this day").fill("1.5")
    page.get_by_label("Curd on this day").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1.5")
    said = {
        each["product_name"]: [
            day["quantity"] for day in ok(dairy.admin.get(f"/subscriptions/{each['id']}"))["overrides"]
        ]
        for each in read(dairy.admin, "/subscriptions", customer_id=town["id"])
    }
    assert said == {"Cow milk": [], "Curd": ["1.500"]}


def test_who_signs_out_leaves_nothing_typed_behind(open_console: Open, town: Any) -> None:
    page = open_console()
    begin_payment(page, town, "80")
    page.route("**/payments", lambda route: route.abort("connectionreset"))
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Book the payment").click()
    page.unroute("**/payments")
    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('form '))") == []
