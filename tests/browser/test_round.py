"""A helper's morning on the phone: every door confirmed, in every way, with thumbs and with keys."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Phone
from tests.browser.rounds import HOSTILE, Round
from tests.dairy import ok

Shot = Callable[[Page, str], None]


def door(page: Page, name: str) -> Any:
    """The card of one customer."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


def send_now(page: Page) -> None:
    """Send without waiting for the time to undo."""
    page.get_by_role("button", name="Send now").tap()
    expect(page.locator("#net")).to_have_text("All sent")


def test_a_full_round(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    expect(page.locator("#counted")).to_have_text("0 of 4 done")
    shot(page, "list")
    for place, name in enumerate(round_.orders, 1):
        expect(page.locator(".stop.next h2")).to_have_text(name)
        door(page, name).get_by_role("button", name="Delivered").first.tap()
        expect(page.locator("#counted")).to_have_text(f"{place} of 4 done")
    expect(page.locator("#said")).to_have_text("Delivered: Hotel Annapurna. All done. Well done!")
    send_now(page)
    shot(page, "done")
    assert round_.states() == ["DELIVERED"] * 4
    seen = round_.status("Asha Patil")["delivery_status"]
    assert seen["confirmation_method"] == "shared_link"


def test_without_a_tap_it_is_sent_after_the_time_to_undo(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Delivered").first.tap()
    expect(page.locator("#net")).to_have_text("Not yet sent: 1")
    expect(page.locator("#net")).to_have_text("All sent", timeout=15_000)
    assert round_.states()[0] == "DELIVERED"
    door(page, "Asha Patil").get_by_text("Sent").wait_for()


def test_partly_by_stepper(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Partly").tap()
    sheet = page.get_by_role("dialog", name="How much did you deliver?")
    milk = sheet.get_by_label("Delivered quantity of Cow milk")
    expect(milk).to_have_value("2")
    expect(sheet.get_by_role("button", name="More Cow milk")).to_be_disabled()
    sheet.get_by_role("button", name="Less Cow milk").tap()
    expect(milk).to_have_value("1.5")  # loose milk goes in half litres
    sheet.get_by_role("button", name="Less Curd").tap()
    expect(sheet.get_by_label("Delivered quantity of Curd")).to_have_value("2")  # packets one by one
    shot(page, "stepper")
    sheet.get_by_role("button", name="Save").tap()
    expect(door(page, "Asha Patil").get_by_text("1.5 of 2 L")).to_be_visible()
    send_now(page)
    order = round_.status("Asha Patil")
    assert order["status"] == "PARTIALLY_DELIVERED"
    assert [item["delivered_quantity"] for item in order["items"]] == ["1.500", "2.000"]


def test_packed_goods_step_by_packets(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    door(page, HOSTILE).get_by_role("button", name="Partly").tap()
    amount = page.get_by_label("Delivered quantity of Buffalo milk pouch")
    for expected in ("1", "0.5", "0"):
        page.get_by_role("button", name="Less Buffalo milk pouch").tap()
        expect(amount).to_have_value(expected)
    page.get_by_role("button", name="Save").tap()
    expect(page.locator("#partial .wrong")).to_contain_text("Not delivered")
    amount.fill("7")
    page.get_by_role("button", name="Save").tap()
    expect(page.locator("#partial .wrong")).to_have_text("Enter a quantity from 0 to 1.5 L.")
    page.locator("#partial").get_by_role("button", name="Cancel").tap()
    expect(page.locator("#counted")).to_have_text("0 of 4 done")


def test_partly_with_everything_is_delivered(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Partly").tap()
    page.get_by_role("button", name="Save").tap()
    send_now(page)
    assert round_.states()[0] == "DELIVERED"


def test_what_was_handed_over_besides(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Partly").tap()
    expect(page.get_by_role("group", name="Something else handed over?")).to_have_count(0)
    ok(round_.dairy.admin.patch("/settings", {"door_extras": "staff_and_links"}))
    page.reload()
    expect(page.locator("html.ready")).to_be_attached()
    loaded = page.locator("#loading td").all_text_contents()
    door(page, "Asha Patil").get_by_role("button", name="Other amount").tap()
    sheet = page.get_by_role("dialog", name="How much did you deliver?")
    sheet.locator("[name=extra]").select_option(label="Curd, 500 g pack")
    sheet.locator("[name=extra_quantity]").fill("0")
    sheet.get_by_role("button", name="Save").tap()
    expect(sheet.locator(".wrong")).to_have_text("Enter a quantity above 0.")
    sheet.locator("[name=extra_quantity]").fill("3")
    shot(page, "extra")
    sheet.get_by_role("button", name="Save").tap()
    send_now(page)
    orders = ok(round_.dairy.admin.get("/orders", customer_id=round_.status("Asha Patil")["customer_id"]))["items"]
    assert sorted((each["source"], each["status"]) for each in orders) == [
        ("door", "DELIVERED"),
        ("staff", "DELIVERED"),
    ]
    page.reload()
    page.get_by_role("button", name="All 5").tap()
    expect(door(page, "Asha Patil").get_by_text("Handed over besides")).to_be_visible()
    assert page.locator("#loading td").all_text_contents() == loaded


def test_cash_is_noted_at_the_door_and_summed_at_the_end(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    expect(page.get_by_role("button", name="Cash taken from Asha Patil")).to_have_count(0)
    ok(round_.dairy.admin.patch("/settings", {"cash_over_links": True, "show_due_at_door": True}))
    who = round_.status("Asha Patil")["customer_id"]
    body = {"customer_id": who, "amount": "450.00", "as_of": "2026-01-01"}
    ok(round_.dairy.admin.post("/opening-balances", body), 201)
    page.reload()
    page.get_by_role("button", name="Cash taken from Asha Patil").tap()
    sheet = page.get_by_role("dialog", name="How much cash did you take?")
    expect(sheet.get_by_label("Rupees")).to_have_value("450")
    sheet.get_by_label("Rupees").fill("0")
    sheet.get_by_role("button", name="Note the cash").tap()
    expect(sheet.locator(".wrong")).to_contain_text("Enter an amount")
    sheet.get_by_label("Rupees").fill("440.50")
    shot(page, "cash")
    sheet.get_by_role("button", name="Note the cash").tap()
    page.get_by_role("button", name="To load").tap()
    expect(page.locator("#cash-total")).to_have_text("Cash of this day to hand over: ₹ 440.50")
    send_now(page)
    (payment,) = ok(round_.dairy.admin.get("/payments", customer_id=who))["items"]
    assert (payment["amount"], payment["collected_by"]) == ("440.50", round_.boy_id)
    page.reload()
    expect(page.locator("#cash-total")).to_have_text("Cash of this day to hand over: ₹ 440.50")
    expect(door(page, "Asha Patil").get_by_text("Cash: ₹ 440.50")).to_be_visible()


def test_not_delivered_with_a_reason(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Not delivered").tap()
    sheet = page.get_by_role("dialog", name="Why not delivered?")
    sheet.get_by_role("button", name="Save").tap()
    expect(sheet.get_by_role("alert")).to_have_text("Choose a reason.")
    sheet.get_by_label("Door or gate locked").check()
    sheet.get_by_label("Note (optional)").fill("Rang three times")
    shot(page, "reason")
    sheet.get_by_role("button", name="Save").tap()
    send_now(page)
    order = round_.status("Asha Patil")
    assert order["status"] == "NOT_DELIVERED"
    assert order["delivery_status"]["notes"] == "Rang three times"
    page.reload()
    page.get_by_role("button", name="All 4").tap()
    expect(door(page, "Asha Patil")).to_contain_text("Not delivered · Door or gate locked")


def test_undo(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Delivered").first.tap()
    page.locator("#toast").get_by_role("button", name="Undo").tap()
    expect(page.locator("#counted")).to_have_text("0 of 4 done")
    expect(page.locator(".stop.next h2")).to_have_text("Asha Patil")
    expect(page.locator("#net")).to_have_text("All sent")
    page.reload()
    expect(page.locator("#counted")).to_have_text("0 of 4 done")
    assert round_.states() == ["PENDING"] * 4


def test_another_word_replaces_the_unsent_one(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Delivered").first.tap()
    door(page, "Asha Patil").get_by_role("button", name="Undo").tap()
    door(page, "Asha Patil").get_by_role("button", name="Not delivered").tap()
    page.get_by_label("Nobody home").check()
    page.get_by_role("button", name="Save").tap()
    expect(page.locator("#net")).to_have_text("Not yet sent: 1")
    send_now(page)
    assert round_.states()[0] == "NOT_DELIVERED"


def test_while_the_list_moves_no_thumb_reaches_another_door(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    hit = """() => {
        const box = document.querySelector(".stop.next [data-act=delivered]").getBoundingClientRect();
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.closest("[data-act]") ?? null;
    }"""
    tapped = f"""async () => {{
        document.documentElement.style.scrollBehavior = "auto";
        document.querySelector(".stop.next [data-act=delivered]").click();
        await new Promise((resolve) => setTimeout(resolve, 200));  // a thumb's second tap
        return ({hit})() === null;
    }}"""
    assert page.evaluate(tapped)
    door(page, HOSTILE).get_by_role("button", name="Delivered").first.tap()  # waits until it can be reached
    expect(page.locator("#counted")).to_have_text("2 of 4 done")


def test_by_keyboard_alone(new_phone: Callable[..., Phone], round_: Round) -> None:
    page = new_phone(has_touch=False, is_mobile=False).open(round_.link())
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Go to the next stop")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text("Asha Patil")
    tab_to(page, "Delivered, Asha Patil")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text(HOSTILE)  # on to the next door
    tab_to(page, f"Partly delivered, {HOSTILE}")
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "Delivered quantity of Buffalo milk pouch")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    expect(page.locator("#counted")).to_have_text("2 of 4 done")
    send_now_by_key(page)
    assert round_.states() == ["DELIVERED", "PARTIALLY_DELIVERED", "PENDING", "PENDING"]


def tab_to(page: Page, label: str) -> None:
    """Press Tab until what has this name has the focus, and see that one can see it."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == label:
            outline = "(element => getComputedStyle(element.closest('.field') ?? element).outlineStyle)"
            assert page.evaluate(f"{outline}(document.activeElement)") == "solid"
            return
    raise AssertionError(f"{label!r} cannot be reached")


def send_now_by_key(page: Page) -> None:
    page.get_by_role("button", name="Send now").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#net")).to_have_text("All sent")


def test_search_and_views(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    page.get_by_role("button", name="Search").tap()
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    search.fill("annap")
    expect(page.locator(".stop:visible")).to_have_count(1)
    search.fill("shanti 3")
    expect(page.locator(".stop:visible h2")).to_have_text("राधा देशपांडे")
    search.fill("nobody like that")
    expect(page.locator("#empty")).to_have_text("Nobody found with “nobody like that”.")
    page.get_by_role("button", name="To do 4").tap()
    expect(page.locator(".stop:visible")).to_have_count(4)
    page.get_by_role("button", name="To load").tap()
    expect(page.get_by_role("row", name=re.compile("Cow milk 23 L"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Buffalo milk pouch 1.5 L 3 packets"))).to_be_visible()
    shot(page, "loading")
    page.get_by_role("button", name="All 4").tap()
    expect(door(page, "Asha Patil").get_by_role("link", name="Call Asha Patil")).to_have_attribute(
        "href", re.compile(r"^tel:\+91")
    )
    expect(door(page, "Asha Patil").get_by_role("link", name="Open the map")).to_have_attribute(
        "href", "https://maps.app.goo.gl/here"
    )


def test_done_doors_leave_the_list_of_what_is_to_do(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Delivered").first.tap()
    send_now(page)
    expect(page.locator(".stop:visible")).to_have_count(4)  # it stays, the list must not move under the thumb
    page.get_by_role("button", name="To do 3").tap()
    expect(page.locator(".stop:visible")).to_have_count(3)


def row(page: Page, product: str) -> list[str]:
    """What the totals say of a product: delivered, short, in the van."""
    cells = page.locator("#totals tr").filter(has=page.get_by_role("rowheader", name=product)).locator("td")
    return [each.inner_text() for each in cells.all()]


def test_a_door_with_several_orders_takes_one_tap(phone: Phone, round_: Round, shot: Shot) -> None:
    dairy, asha = round_.dairy, round_.orders["Asha Patil"]
    more = dairy.order({"id": asha["customer_id"]}, ({"id": asha["items"][1]["product_id"]}, "2"))
    page = phone.open(round_.link())
    assert page.get_by_role("button", name="All delivered").count() == 1
    shot(page, "several")
    door(page, "Asha Patil").get_by_role("button", name="All delivered").tap()
    expect(page.locator("#counted")).to_have_text("2 of 5 done")
    expect(page.get_by_role("button", name="All delivered")).to_be_hidden()
    expect(page.locator(".stop.next h2")).to_have_text(HOSTILE)
    page.locator("#toast").get_by_role("button", name="Undo").tap()
    expect(page.locator("#counted")).to_have_text("0 of 5 done")
    door(page, "Asha Patil").get_by_role("button", name="All delivered").tap()
    send_now(page)
    states = [ok(dairy.admin.get(f"/orders/{order['id']}"))["status"] for order in (asha, more)]
    assert states == ["DELIVERED", "DELIVERED"]


def test_one_order_of_two_leaves_the_other_to_its_own_buttons(phone: Phone, round_: Round) -> None:
    asha = round_.orders["Asha Patil"]
    round_.dairy.order({"id": asha["customer_id"]}, ({"id": asha["items"][1]["product_id"]}, "2"))
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Delivered, Asha Patil", exact=True).first.tap()
    expect(page.get_by_role("button", name="All delivered")).to_be_hidden()
    page.locator("#toast").get_by_role("button", name="Undo").tap()
    expect(page.get_by_role("button", name="All delivered")).to_be_visible()


def test_one_tap_never_delivers_the_evening_with_the_morning(phone: Phone, round_: Round) -> None:
    asha = round_.orders["Asha Patil"]
    goods = ({"id": asha["items"][1]["product_id"]}, "2")
    round_.dairy.order({"id": asha["customer_id"]}, goods, shift="evening")
    page = phone.open(round_.link())
    expect(door(page, "Asha Patil").locator(".order")).to_have_count(2)
    expect(page.get_by_role("button", name="All delivered")).to_have_count(0)


def test_the_totals_count_what_only_this_phone_knows(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    expect(page.locator("#totals")).to_be_hidden()
    phone.offline()
    door(page, "Asha Patil").get_by_role("button", name="Partly").tap()
    page.get_by_role("button", name="Less Cow milk").tap()
    page.get_by_role("button", name="Save").tap()
    page.get_by_role("button", name="To load").tap()
    assert row(page, "Cow milk") == ["1.5", "0.5", "21.5"]
    assert row(page, "Curd, 500 g pack") == ["3", "0", "12"]
    page.get_by_role("button", name="To do 3").tap()
    door(page, HOSTILE).get_by_role("button", name="Not delivered").tap()
    page.get_by_label("Nobody home").check()
    page.get_by_role("button", name="Save").tap()
    for name in ("राधा देशपांडे", "Hotel Annapurna"):
        door(page, name).get_by_role("button", name="Delivered").first.tap()
    expect(page.locator("#totals")).to_be_visible()  # at the end it comes by itself
    page.locator("#totals").scroll_into_view_if_needed()
    shot(page, "totals")
    at_the_end = {
        "Buffalo milk pouch": ["0", "1.5", "1.5"],
        "Cow milk": ["22.5", "0.5", "0.5"],
        "Curd, 500 g pack": ["15", "0", "0"],
    }
    assert {product: row(page, product) for product in at_the_end} == at_the_end
    phone.offline(False)
    expect(page.locator("#net")).to_have_text("All sent", timeout=15_000)
    page.reload()
    expect(page.locator("#totals")).to_be_visible()
    assert {product: row(page, product) for product in at_the_end} == at_the_end


def test_there_is_one_search_and_a_key_for_it(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    search = page.get_by_role("searchbox")
    expect(search).to_be_hidden()
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("annap/")
    expect(search).to_have_value("annap/")
    page.get_by_role("button", name="All 4").tap()
    expect(search).to_be_hidden()
    expect(page.locator(".stop:visible")).to_have_count(4)


@pytest.mark.parametrize("kind", ["extra_item", "pause", "stop"])
def test_what_else_a_customer_wants(phone: Phone, round_: Round, shot: Shot, kind: str) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Pause, stop or extra item").tap()
    sheet = page.get_by_role("dialog", name="Request of Asha Patil")
    sheet.get_by_role("button", name="Send request").tap()
    expect(sheet.get_by_role("alert")).to_have_text("Fill in what is missing.")
    sheet.locator(f"[value={kind}]").check()
    if kind == "extra_item":
        sheet.get_by_label("Product").select_option(label="Curd, 500 g pack")
        sheet.get_by_label("Quantity").fill("2")
    sheet.get_by_label("Note for the dairy").fill("Guests are coming")
    shot(page, f"request-{kind}")
    with page.expect_response(re.compile(r"/requests$")):  # "All sent" stands there before it as well
        sheet.get_by_role("button", name="Send request").tap()
    expect(page.locator("#net")).to_have_text("All sent")
    (asked,) = ok(round_.dairy.admin.get("/change-requests"))["items"]
    assert (asked["kind"], asked["customer_name"], asked["note"]) == (kind, "Asha Patil", "Guests are coming")
    days = {"extra_item": "delivery_date", "pause": "from", "stop": "stop_date"}
    assert asked["payload"][days[kind]] == round_.dairy.day(1)


def test_the_new_state_of_the_round_arrives_by_itself(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    ok(round_.dairy.confirm(round_.orders["Asha Patil"]))
    phone.offline()
    phone.offline(False)  # coming back is when the page looks again
    expect(page.locator("#counted")).to_have_text("1 of 4 done")
    expect(page.locator(".stop.next h2")).to_have_text(HOSTILE)


def test_nothing_sticks_out(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    for name in ("All 4", "To load", "To do 4"):
        page.get_by_role("button", name=name).tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
    for name in ("Partly", "Not delivered", "Pause, stop"):
        door(page, HOSTILE).get_by_role("button", name=name).tap()
        assert page.evaluate("document.querySelector('dialog[open]').scrollWidth") <= 360, name
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_buttons_are_big_enough_for_a_thumb(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    door(page, "Asha Patil").get_by_role("button", name="Partly").tap()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, a.way, .pick")].filter((each) => each.checkVisibility())
            .filter((each) => each.getBoundingClientRect().height < 48 || each.getBoundingClientRect().width < 48)
            .map((each) => each.outerHTML)"""
    )
    assert small == []


def test_in_hindi(phone: Phone, round_: Round, shot: Shot) -> None:
    page = phone.open(round_.link())
    page.get_by_role("link", name="हिन्दी").tap()
    expect(page.locator("html")).to_have_attribute("lang", "hi")
    expect(page.locator("#counted")).to_have_text("4 में से 0 पूरे")
    shot(page, "hindi")
    door(page, "Asha Patil").get_by_role("button", name="दे दिया").first.tap()
    expect(page.locator("#net")).to_have_text("भेजना बाकी: 1")
    expect(page.locator("#said")).to_contain_text("दे दिया: Asha Patil")
    page.get_by_role("button", name="अभी भेजें").tap()
    expect(page.locator("#net")).to_have_text("सब भेज दिया")
    page.reload()  # the choice is kept
    expect(page.locator("html")).to_have_attribute("lang", "hi")


def test_it_can_be_read_without_javascript(new_phone: Callable[..., Phone], round_: Round) -> None:
    page = new_phone(java_script_enabled=False).open(round_.link())
    for name in round_.orders:
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("20 L")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)


def test_empties_are_counted_with_the_door(phone: Phone, round_: Round, shot: Shot) -> None:
    admin = round_.dairy.admin
    bottle = ok(admin.post("/containers", {"name": "Glass bottle", "deposit": "30"}), 201)
    order = round_.orders["Asha Patil"]
    entry = {"container_id": bottle["id"], "count": 3, "reason": "from before"}
    ok(admin.post(f"/customers/{order['customer_id']}/containers/out", entry), 201)
    page = phone.open(round_.link())
    asha = door(page, "Asha Patil")
    expect(asha.get_by_text("Has 3 × Glass bottle")).to_be_visible()
    fewer = asha.get_by_role("button", name="One less: Glass bottle back from Asha Patil")
    more = asha.get_by_role("button", name="One more: Glass bottle back from Asha Patil")
    expect(fewer).to_be_disabled()
    for _ in range(3):
        more.tap()
    expect(more).to_be_disabled()
    fewer.tap()
    expect(asha.get_by_text("2 back")).to_be_visible()
    shot(page, "empties")
    asha.get_by_role("button", name="Delivered").first.tap()
    asha.get_by_role("button", name="Undo").tap()
    expect(asha.get_by_text("2 back")).to_be_visible()
    asha.get_by_role("button", name="Delivered").first.tap()
    page.reload()
    page.get_by_role("button", name="To load").tap()
    expect(page.locator("[data-total-of] td")).to_have_text("2")
    send_now(page)
    found = ok(admin.get(f"/customers/{order['customer_id']}/containers"))
    assert [(each["back"], each["order_id"]) for each in found["items"]] == [(2, order["id"]), (0, None)]
    assert found["balances"][0]["balance"] == 1
