"""The page of an invitation in a real browser: a password is chosen, and the way leads to the console."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE
from tests.dairy import PASSWORD, Dairy, ok


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[[str], Page]]:
    """Opens pages on a phone in a language."""
    contexts = []

    def make(language: str) -> Page:
        contexts.append(browser.new_context(**PHONE, locale=language, base_url=address))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()


def link_of(dairy: Dairy, user: Any) -> str:
    token = ok(dairy.admin.post(f"/users/{user['id']}/invitation"), 201)["invitation_token"]
    return f"/api/v1/auth/invitation#{token}"


def test_an_invitation_leads_to_the_console(dairy: Dairy, visit: Callable[[str], Page]) -> None:
    user = ok(dairy.admin.post("/users", {"name": "New", "role": "accountant", "email": "new@dairy.example"}), 201)
    page, link = visit("en-IN"), link_of(dairy, user)
    page.goto(link)
    page.get_by_label("At least 8 characters").fill("password")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("This password is among the first")
    page.get_by_label("At least 8 characters").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved. Sign in from now on with: new@dairy.example")
    page.get_by_role("link", name="To the sign-in page").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto(link)
    page.reload()
    page.get_by_label("At least 8 characters").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("The invitation was used")
    expect(page.get_by_role("link", name="To the sign-in page")).to_be_visible()


def test_an_invitation_speaks_the_language_of_the_phone(dairy: Dairy, visit: Callable[[str], Page]) -> None:
    user = ok(dairy.admin.post("/users", {"name": "Ravi", "role": "delivery_boy", "phone": "9822012345"}), 201)
    page = visit("hi-IN")
    page.goto(link_of(dairy, user))
    page.get_by_label("कम से कम 8 अक्षर").fill("password")
    page.get_by_role("button", name="सहेजें").click()
    expect(page.get_by_role("status")).to_contain_text("कोई दूसरा चुनें")
    page.get_by_label("कम से कम 8 अक्षर").fill(PASSWORD)
    page.get_by_role("button", name="सहेजें").click()
    expect(page.get_by_role("status")).to_contain_text("+919822012345")
    page.get_by_role("link", name="लॉगिन पेज पर जाएँ").click()
    expect(page.get_by_role("button", name="लॉगिन करें")).to_be_visible()
