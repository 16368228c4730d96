"""The pictures of figures in a real browser: drawn of the tables, in the page's colours, and dispensable."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.console import DESK, PHONE, Open
from tests.dairy import Dairy

PAGES = ("/figures", "/figures?by=product", "/figures/customers", "/figures/short-deliveries")
#: How many pixels of a canvas have the colour that the page gives a variable of its style sheet.
PIXELS = """([canvas, name]) => {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    const wanted = [...probe.getImageData(0, 0, 1, 1).data];
    const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let found = 0;
    for (let at = 0; at < all.length; at += 4) if (wanted.every((part, place) => all[at + place] === part)) found += 1;
    return found;
}"""


def require_drawn(page: Page, name: str, more_than: int) -> None:
    """Wait until a picture has so many pixels of a colour: it is drawn anew in a frame of its own."""
    found = 0
    for _ in range(100):
        canvas = page.locator("canvas").first
        expect(canvas).to_be_visible()
        found = page.evaluate(PIXELS, [canvas.element_handle(), name])
        if found > more_than:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{found} pixels of {name} on {page.url}")


def test_every_picture_is_drawn(dairy: Dairy, open_console: Open, town: Any) -> None:
    dairy.confirm(dairy.order(town, (dairy.product("40.00"), "1")), status="not_delivered", reason_code="door_locked")
    page = open_console()
    for path in PAGES:
        page.goto(path)
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        assert page.locator(".chart").count() > 0, path
        # Each is drawn when it is first measured, after the page has loaded: canvases counted once may be none yet.
        expect(page.locator(".chart:not(:has(canvas))")).to_have_count(0)
        for name in ("--red",) if "short" in path else ("--brand",):
            require_drawn(page, name, 20)


def test_a_picture_follows_width_and_scheme(open_console: Open, town: Any) -> None:
    page = open_console(viewport=DESK, color_scheme="light")
    page.goto("/figures")
    require_drawn(page, "--brand", 100)
    page.emulate_media(color_scheme="dark")
    require_drawn(page, "--brand", 100)
    canvas = page.locator("canvas").first
    wide = canvas.evaluate("each => getComputedStyle(each).width")
    page.set_viewport_size(PHONE)
    # Not wait_for_function: asked a second time it is an eval of the page's own, which its policy forbids.
    expect(canvas).not_to_have_css("width", wide)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    require_drawn(page, "--brand", 20)


def test_the_table_under_a_picture_says_what_the_pointer_finds(open_console: Open, town: Any) -> None:
    page = open_console()
    page.goto("/figures?by=product")
    page.locator(".chart .u-over").first.hover()
    expect(page.locator(".chart .u-legend").first).to_contain_text("Cow milk")
    expect(page.locator(".chart .u-legend").first).to_contain_text("₹ 90.00")
    expect(page.locator("#revenue-table tbody")).to_contain_text("₹ 90.00")


def test_the_figures_are_there_without_javascript(open_console: Open, town: Any) -> None:
    page = open_console(java_script_enabled=False)
    page.goto("/figures")
    assert page.locator("canvas").count() == 0
    expect(page.locator("#revenue-table")).to_contain_text("₹ 90.00")
    page.get_by_role("link", name="Sales by area").click()
    expect(page.locator("#revenue-table")).to_contain_text("Kothrud")
    assert not page.locator(".chart").first.is_visible()
