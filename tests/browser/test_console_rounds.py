"""Rounds in the console: doors moved by mouse, thumb, keys and typed places; figures that follow; the printed sheet."""

from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.console import DESK, PHONE, Open
from tests.dairy import Client, Dairy, ok

Names = Callable[[], list[str]]
#: Points of an A4 page.
A4 = (595, 842)


@pytest.fixture
def ravi(dairy: Dairy) -> Client:
    return dairy.staff("delivery_boy", "Ravi")


@pytest.fixture
def doors(dairy: Dairy, ravi: Client) -> list[Any]:
    """Twelve customers of Ravi's round, A to L, each with an order of today."""
    milk, made = dairy.product("60.00", name="Cow milk"), []
    for place, name in enumerate("ABCDEFGHIJKL", 1):
        own = {"delivery_boy_id": ravi.user["id"], "stop_sequence": place * 10}
        made.append(dairy.order(dairy.customer(name=name, **own), (milk, "1")))
    return made


@pytest.fixture
def saved(dairy: Dairy, ravi: Client, doors: list[Any]) -> Names:
    """The round as the dairy has it."""
    path = f"/deliveries/sequence/{ravi.user['id']}"
    return lambda: [each["name"] for each in ok(dairy.admin.get(path))["items"]]


def shown(page: Page) -> str:
    return "".join(page.locator(".places li").evaluate_all("rows => rows.map((row) => row.dataset.name)"))


def typed(page: Page) -> list[str]:
    return [each.input_value() for each in page.locator(".places [type=number]").all()]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save the sequence").click()
    expect(page.get_by_role("status").first).to_contain_text("12 customers is saved")


def middle_of(page: Page, name: str) -> tuple[float, float]:
    box = page.locator(f".places li[data-name={name}] .grip").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_door_is_dragged_with_the_mouse(open_console: Open, ravi: Client, saved: Names) -> None:
    page = open_console()
    page.goto(f"/rounds/{ravi.user['id']}/sequence")
    page.mouse.move(*middle_of(page, "A"))
    page.mouse.down()
    goal = middle_of(page, "D")
    page.mouse.move(goal[0], goal[1] + 10, steps=8)
    expect(page.locator(".places li").nth(3)).to_have_attribute("data-name", "A")
    page.mouse.up()
    assert shown(page) == "BCDAEFGHIJKL"
    assert typed(page) == [str(n) for n in range(1, 13)]
    save(page)
    assert saved() == list("BCDAEFGHIJKL")


def test_a_door_is_dragged_with_a_thumb_and_the_list_scrolls_along(
    open_console: Open, ravi: Client, saved: Names
) -> None:
    page = open_console(viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(f"/rounds/{ravi.user['id']}/sequence")
    page.locator(".places").evaluate("each => each.scrollIntoView()")
    thumb = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        thumb.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    x, y = middle_of(page, "A")
    touch("touchStart", (x, y))
    for _ in range(4):
        y += 10
        touch("touchMove", (x, y))
    touch("touchMove", (x, PHONE["height"] - 20))  # at the edge: further doors come into view
    expect(page.locator(".places li").last).to_have_attribute("data-name", "A")
    touch("touchEnd")
    assert shown(page) == "BCDEFGHIJKLA"
    save(page)
    assert saved() == list("BCDEFGHIJKLA")


def test_doors_are_moved_with_keys_and_keep_the_focus(open_console: Open, ravi: Client, saved: Names) -> None:
    page = open_console()
    page.goto(f"/rounds/{ravi.user['id']}/sequence")
    page.get_by_label("Place of A").focus()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_label("Place of A")).to_be_focused()
    expect(page.locator("form [role=status]")).to_have_text("A: place 3 of 12")
    up = page.get_by_role("button", name="L: one place up")
    up.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(up).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    assert shown(page) == "BCADEFGHLIJK"
    page.get_by_label("Place of K").fill("1")
    page.get_by_label("Place of K").press("Tab")
    assert shown(page) == "KBCADEFGHLIJ"
    save(page)
    assert saved() == list("KBCADEFGHLIJ")


def test_ticked_doors_are_given_away_and_a_tick_moves_nobody(
    dairy: Dairy, open_console: Open, ravi: Client, saved: Names
) -> None:
    dairy.staff("delivery_boy", "Mohan")
    page, asked = open_console(), []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(f"/rounds/{ravi.user['id']}/sequence")
    page.get_by_label("Tick C").check()
    page.get_by_label("Tick A").check()
    assert shown(page) == "ABCDEFGHIJKL"
    page.get_by_role("button", name="Give the ticked ones").click()
    expect(page.get_by_role("heading", name="Sequence of Mohan’s round")).to_be_visible()
    assert shown(page) == "AC"
    assert asked == []
    assert saved() == list("BDEFGHIJKL")


def test_a_place_is_typed_without_javascript(open_console: Open, ravi: Client, saved: Names) -> None:
    page = open_console(java_script_enabled=False)
    page.goto(f"/rounds/{ravi.user['id']}/sequence")
    expect(page.locator(".moves").first).to_be_hidden()
    page.get_by_label("Place of L").fill("2")
    page.get_by_label("Place of L").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("12 customers is saved")
    assert saved() == list("ALBCDEFGHIJK")


def test_leaving_without_saving_asks_first(open_console: Open, ravi: Client, saved: Names) -> None:
    page, asked = open_console(), []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(f"/rounds/{ravi.user['id']}/sequence")
    page.get_by_role("button", name="A: one place down").click()
    page.goto("/rounds")
    assert asked == ["beforeunload"]
    assert saved() == list("ABCDEFGHIJKL")


# -------------------------------------------------------------------------------------------------- live


@pytest.mark.parametrize("path", ["/rounds", "/rounds/{id}"])
def test_figures_follow_while_somebody_looks(
    dairy: Dairy, open_console: Open, ravi: Client, doors: list[Any], path: str
) -> None:
    page = open_console()
    page.clock.install()
    page.goto(path.format(id=ravi.user["id"]))
    asked: list[str] = []
    page.on("request", lambda request: "/static/" in request.url or asked.append(request.url))
    ok(dairy.confirm(doors[0]))
    first = page.locator("#figures a, #doors a").first
    first.focus()
    page.clock.run_for(14_000)
    assert asked == []
    page.clock.run_for(1_000)
    expect(page.locator("#figures, #doors")).to_contain_text("1 of 12 done")
    expect(first).to_be_focused()
    assert len(asked) == 1
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.clock.run_for(60_000)
    assert len(asked) == 1
    ok(dairy.confirm(doors[1]))
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#figures, #doors")).to_contain_text("2 of 12 done")


def test_figures_that_cannot_follow_say_so(dairy: Dairy, open_console: Open, ravi: Client, doors: list[Any]) -> None:
    page = open_console()
    page.clock.install()
    page.goto("/rounds")
    stale = page.get_by_text("Out of date")
    expect(stale).to_be_hidden()
    page.context.set_offline(True)
    page.clock.run_for(15_000)
    expect(stale).to_be_visible()
    expect(page.locator("#figures, #doors")).to_contain_text("0 of 12 done")
    page.context.set_offline(False)
    ok(dairy.confirm(doors[0]))
    page.clock.run_for(15_000)
    expect(stale).to_be_hidden()
    expect(page.locator("#figures, #doors")).to_contain_text("1 of 12 done")
    page.context.clear_cookies()  # the session has ended
    page.clock.run_for(15_000)
    expect(stale).to_be_visible()


# -------------------------------------------------------------------------------------------------- paper


def test_the_round_is_printed_on_a4(open_console: Open, ravi: Client, doors: list[Any]) -> None:
    page = open_console(viewport=DESK)
    page.goto(f"/rounds/{ravi.user['id']}")
    page.emulate_media(media="print")
    assert page.locator("#goods .box").first.is_visible()
    for seen in (page.get_by_role("heading", name="To load"), page.get_by_text("Cow milk").first):
        expect(seen).to_be_visible()
    for hidden in (".menu", ".onscreen"):
        for each in page.locator(hidden).all():
            expect(each).to_be_hidden()
    paper = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert [tuple(round(side) for side in sheet.get_size()) for sheet in paper] == [A4]
    words = paper[0].get_textpage().get_text_range()
    assert "12 L" in words
    assert words.index("To load") < words.index("Doors")
