"""The documentation of the API in a browser: operations are on its first screen, conventions a click away."""

from playwright.sync_api import Browser, expect


def test_operations_are_on_the_first_screen(browser: Browser, address: str) -> None:
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda each: "Security Policy" in each.text and complaints.append(each.text))
    page.on("request", lambda each: each.url.startswith((address, "data:")) or complaints.append(each.url))
    page.goto(f"{address}/api/docs")
    first = page.locator(".opblock").first
    # Drawing all operations takes seconds of a core, and another test is at work beside this one.
    expect(first).to_contain_text("/auth/login", timeout=30_000)
    expect(first).to_be_in_viewport(ratio=1)
    codes = page.get_by_text("period_closed", exact=True).first
    expect(codes).not_to_be_visible()
    page.get_by_text("Values, lists, changes, errors").click()
    expect(codes).to_be_visible()
    page.close()
    assert complaints == []
