"""Links that want a PIN, are over, or never were; and that nothing tapped is lost on the way."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Phone
from tests.browser.rounds import Round
from tests.browser.test_offline import deliver
from tests.browser.test_round import send_now
from tests.dairy import ok


def expire(sql: Any) -> None:
    """Every link ended an hour ago."""
    sql("UPDATE shared_links SET created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'")


def test_wrong_pin_then_right(phone: Phone, round_: Round, shot: Any) -> None:
    page = phone.open(round_.link(pin="4711"))
    expect(page.get_by_role("heading", name="Enter the PIN")).to_be_visible()
    shot(page, "pin")
    page.get_by_label("PIN").fill("1111")
    page.get_by_role("button", name="Open").tap()
    expect(page.get_by_role("alert")).to_have_text("The PIN is wrong. Please try again.")
    expect(page.get_by_label("PIN")).to_have_accessible_description("The PIN is wrong. Please try again.")
    shot(page, "pin-wrong")
    page.get_by_label("PIN").fill("4711")
    page.get_by_role("button", name="Open").tap()
    expect(page.locator("#counted")).to_have_text("0 of 4 done")
    deliver(page, "Asha Patil")
    send_now(page)
    assert round_.states()[0] == "DELIVERED"
    page.reload()
    expect(page.locator("#counted")).to_have_text("1 of 4 done")


def test_locked_after_five(phone: Phone, round_: Round, shot: Any) -> None:
    page = phone.open(round_.link(pin="4711"))
    for _ in range(5):
        page.get_by_label("PIN").fill("1111")
        page.get_by_role("button", name="Open").tap()
        expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("PIN").fill("4711")
    page.get_by_role("button", name="Open").tap()
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    expect(page.get_by_text("Try again in 15 min.")).to_be_visible()
    shot(page, "locked")


def test_expired(phone: Phone, round_: Round, sql: Any, shot: Any) -> None:
    token = round_.link()
    expire(sql)
    page = phone.open(token)
    expect(page.get_by_role("heading", name="This link has expired")).to_be_visible()
    expect(page.get_by_text("इस लिंक का समय पूरा हो गया")).to_be_visible()
    expect(page.get_by_role("link", name="Call the dairy")).to_have_attribute("href", "tel:+912025436543")
    shot(page, "expired")


def test_revoked_and_unknown(phone: Phone, round_: Round, shot: Any) -> None:
    token = round_.link()
    ok(round_.dairy.admin.delete(f"/shared-links/{round_.links[token]['id']}"), 204)
    page = phone.open(token)
    expect(page.get_by_role("heading", name="This link was switched off")).to_be_visible()
    shot(page, "revoked")
    page = phone.open("nothing-like-a-token")
    expect(page.get_by_role("heading", name="This link does not exist")).to_be_visible()


def test_the_link_ends_while_something_is_unsent(phone: Phone, round_: Round, sql: Any, shot: Any) -> None:
    page = phone.open(round_.link())
    phone.offline()
    deliver(page, "Asha Patil")
    expire(sql)
    phone.offline(False)
    expect(page.locator("#trouble")).to_contain_text("This link no longer works.", timeout=15_000)
    expect(page.locator("#unsent summary")).to_have_text("Not yet sent: 1")
    page.reload()
    expect(page.get_by_role("heading", name="This link has expired")).to_be_visible()
    expect(page.get_by_text(re.compile("Show this list to the dairy"))).to_be_visible()
    expect(page.locator("#unsent li")).to_contain_text("Asha Patil · Delivered")
    shot(page, "expired-unsent")


def test_the_pin_is_wanted_again_while_something_is_unsent(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link(pin="4711"))
    page.get_by_label("PIN").fill("4711")
    page.get_by_role("button", name="Open").tap()
    deliver(page, "Asha Patil")
    phone.context.clear_cookies()
    page.get_by_role("button", name="Send now").tap()
    expect(page.locator("#trouble")).to_contain_text("The PIN is needed again.")
    page.get_by_role("link", name="Enter PIN").tap()
    expect(page.locator("#unsent li")).to_contain_text("Asha Patil · Delivered")
    assert round_.states()[0] == "PENDING"
    page.get_by_label("PIN").fill("4711")
    page.get_by_role("button", name="Open").tap()
    expect(page.locator("#net")).to_have_text("All sent", timeout=15_000)
    assert round_.states()[0] == "DELIVERED"


def test_a_pin_without_javascript(new_phone: Callable[..., Phone], round_: Round) -> None:
    page = new_phone(java_script_enabled=False).open(round_.link(pin="4711"))
    page.get_by_label("PIN").fill("4711")
    page.get_by_role("button", name="Open").tap()
    expect(page.get_by_role("heading", name="Asha Patil")).to_be_visible()
