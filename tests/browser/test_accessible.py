"""Every page and question, in both schemes and languages, through axe-core: names, roles, contrast, order."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Phone
from tests.browser.rounds import Round
from tests.browser.test_links import expire
from tests.browser.test_offline import deliver
from tests.browser.test_round import door
from tests.dairy import ok

OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def flaws(page: Page) -> list[str]:
    """What axe finds, a line each."""
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "hi"])
def test_the_round(new_phone: Callable[..., Phone], round_: Round, scheme: str, language: str) -> None:
    phone = new_phone(color_scheme=scheme)
    ok(round_.dairy.confirm(round_.orders["राधा देशपांडे"], status="not_delivered", reason_code="refused"))
    page = phone.open(round_.link(), f"?lang={language}")
    assert flaws(page) == []
    for dialog, act in {"partial": "partial", "reason": "not_delivered", "request": "request"}.items():
        page.locator(f".stop.next [data-act={act}]").tap()
        assert flaws(page) == [], dialog
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    for view in ("all", "loading", "search"):
        page.locator(f"[data-view={view}]").tap()
        assert flaws(page) == [], view


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_unsent_and_refused(new_phone: Callable[..., Phone], round_: Round, scheme: str) -> None:
    phone = new_phone(color_scheme=scheme)
    page = phone.open(round_.link())
    order = round_.orders["Asha Patil"]
    ok(round_.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "Moved away"}))
    deliver(page, "Asha Patil")
    page.get_by_role("button", name="Send now").tap()
    expect(page.locator("#rejected")).to_be_visible()
    phone.offline()
    deliver(page, "Hotel Annapurna")
    page.locator("#unsent summary").tap()
    expect(door(page, "Hotel Annapurna")).to_contain_text("Not yet sent")
    assert flaws(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pin_and_refusals(new_phone: Callable[..., Phone], round_: Round, sql: Any, scheme: str) -> None:
    phone = new_phone(color_scheme=scheme)
    page = phone.open(round_.link(pin="4711"))
    assert flaws(page) == []
    page.get_by_label("PIN").fill("1111")
    page.get_by_role("button", name="Open").tap()
    expect(page.get_by_role("alert")).to_be_visible()
    assert flaws(page) == []
    token = round_.link()
    expire(sql)
    assert flaws(phone.open(token)) == []
    assert flaws(phone.open("nothing-like-a-token")) == []
