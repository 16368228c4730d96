"""A customer's page in a real browser: its calendar by keyboard and by plain links, and forms that outlive a mishap."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.test_console import Open, open_console, town  # noqa: F401
from tests.dairy import Dairy, ok, read


def overrides(dairy: Dairy, customer: Any) -> dict[str, str]:
    """What was said about single days of the one standing order."""
    (standing,) = read(dairy.admin, "/subscriptions", customer_id=customer["id"])
    found = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["overrides"]
    return {each["date"]: each["quantity"] for each in found}


def test_a_day_is_changed_by_keyboard_alone(dairy: Dairy, open_console: Open, town: Any) -> None:  # noqa: F811
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


def test_a_day_is_a_plain_link_without_a_script(dairy: Dairy, open_console: Open, town: Any) -> None:  # noqa: F811
    page = open_console(java_script_enabled=False)
    page.goto(f"/customers/{town['id']}?month=2027-03")
    page.get_by_role("link", name="Wed, 3 Mar 2027: Cow milk: 2 L (Daily)").click()
    page.get_by_label("Cow milk on this day").fill("5")
    page.get_by_role("button", name="Enter the day").click()
    expect(page.get_by_role("status")).to_contain_text("Wed, 3 Mar 2027: 5")
    page.get_by_role("button", name="As usual again").click()
    expect(page.get_by_role("status")).to_contain_text("as usual again")
    assert overrides(dairy, town) == {}
