"""What people come to the console for, from beginning to end in a real browser, by what is on the screen."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.billing.conftest import LivingDairy, living
from tests.browser.conftest import PHONE as TOUCH
from tests.browser.console import ADMIN, PHONE, Open
from tests.dairy import Dairy, ok, read

__all__ = ["living"]


def said(page: Page) -> Any:
    """What the page says was done."""
    return page.locator(".said[role=status]").first


def go(page: Page, entry: str) -> None:
    """Choose an entry of the menu."""
    page.get_by_role("navigation", name="Menu").get_by_role("link", name=entry, exact=True).click()


def opened(page: Page, summary: str) -> Any:
    """Unfold a form, and what is in it."""
    part = page.locator("details", has=page.locator("summary", has_text=summary)).first
    if part.get_attribute("open") is None:
        part.locator("summary").first.click()
    return part


def test_from_an_empty_book_to_the_first_round(dairy: Dairy, open_console: Open, new_phone: Any) -> None:
    page = open_console()
    page.get_by_role("link", name="First steps").first.click()
    page.get_by_role("link", name="To the settings").click()
    page.get_by_label("Name", exact=True).fill("Sunrise Dairy")
    page.get_by_label("Address").fill("1 Milk Lane, Pune")
    page.get_by_label("State code").fill("27")
    page.get_by_role("button", name="Save").first.click()
    expect(said(page)).to_contain_text("saved")
    for step in ("To the products", "To the areas", "Invite somebody"):
        go(page, "First steps")
        page.get_by_role("link", name=step).click()
        if step == "To the products":
            page.get_by_label("Product", exact=True).fill("Cow milk")
            page.get_by_label("Article number").fill("COW")
            page.get_by_label("Price", exact=True).fill("60")
            page.locator("form.grid button").click()
        elif step == "To the areas":
            page.get_by_label("Name").fill("Kothrud")
            page.get_by_role("button", name="Enter the area").click()
        else:
            page.get_by_label("Name").fill("Ravi")
            page.get_by_label("E-mail or phone number").fill("98220 12345")
            page.locator("#role, select[name=role]").first.select_option(label="Helper")
            page.get_by_role("button", name="Make the invitation").click()
    go(page, "First steps")
    page.get_by_role("link", name="Register customers").click()
    rows = [["name", "phone", "address_line1", "area", "delivery_boy"]]
    rows += [[f"Customer {n}", f"98123456{n:02}", f"{n} Canal Road", "Kothrud", "Ravi"] for n in range(20)]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    page.get_by_role("link", name="From a file").click()
    page.get_by_label("File", exact=True).set_input_files(
        FilePayload(name="customers.csv", mimeType="text/csv", buffer=text.getvalue().encode())
    )
    page.get_by_role("button", name="Take all").click()
    expect(said(page)).to_contain_text("Customers registered: 20")
    for place in range(3):
        go(page, "Customers")
        page.get_by_role("link", name=f"Customer {place}", exact=True).click()
        form = opened(page, "New standing order")
        form.locator("[name=default_quantity]").fill("1.5")
        form.get_by_role("button", name="Enter the standing order").click()
        expect(said(page)).to_contain_text("standing order was entered")
    go(page, "First steps")
    page.get_by_role("button", name="Make tomorrow's orders").click()
    expect(said(page)).to_contain_text("Orders made: 3.")
    page.locator("#link-date").fill(dairy.day(1))
    page.get_by_role("button", name="Make the link").click()
    link = page.locator(".said code").inner_text()
    go(page, "First steps")
    expect(page.get_by_text("All done. Tomorrow's round is ready.")).to_be_visible()
    phone = new_phone()
    phone.page.goto(f"{phone.address}/s/{link.rpartition('/s/')[2]}")
    expect(phone.page.locator(".stop h2").first).to_have_text("Customer 0")
    expect(phone.page.locator(".stop")).to_have_count(3)


def test_the_months_end_from_exceptions_to_closed_books(living: LivingDairy, open_console: Open) -> None:
    """An accountant bills October in the console; the owner closes the books."""
    milk = living.product("60.00", name="Cow milk")
    asha, ravi = living.customer(name="Asha Rao"), living.customer(name="Ravi Joshi")
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    living.order(ravi, (milk, "3"), on="2026-10-30")
    accountant = living.staff("accountant")
    living.go_to("2026-11-02")
    owner = open_console()
    go(owner, "Month's end")
    owner.get_by_role("link", name="Ravi Joshi").click()
    owner.get_by_role("button", name="Enter it").click()
    expect(said(owner)).to_contain_text("What happened at the door is entered.")
    page = open_console(accountant.user["email"])
    go(page, "Month's end")
    expect(page.get_by_text("Every delivery of the month is confirmed")).to_be_visible()
    expect(page.locator("#preview ~ .figure, section:has(#preview) .figure")).to_have_text("₹ 300.00")
    page.get_by_role("button", name="Make the bills (2)").click()
    expect(said(page)).to_contain_text("Bills made: 2, together ₹ 300.00")
    page.get_by_role("link", name="Verify now").click()
    expect(page.get_by_text("Every document is as it was issued.")).to_be_visible()
    page.get_by_role("link", name="Back to the month's end").click()
    page.get_by_role("button", name="Make the messages").click()
    expect(said(page)).to_contain_text("Messages that wait now: 2")
    with page.expect_download() as download:
        page.locator(".files li", has_text="Register of bills").get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert [row["total_amount"] for row in rows] == ["120.00", "180.00"]
    go(page, "Who owes")
    page.get_by_role("link", name="Many payments at once").click()
    page.locator("textarea").fill(f"{asha['code']},120,upi\n{ravi['code']},180,cash")
    page.get_by_role("button", name="Check, book nothing yet").click()
    page.get_by_role("button", name="Book what is right").click()
    expect(page.get_by_text("Payments booked: 2, together ₹ 300.00")).to_be_visible()
    owner.goto("/month-end?period=2026-10")
    owner.get_by_role("button", name="Close the books of Oct 2026").click()
    expect(said(owner)).to_contain_text("closed through Sat, 31 Oct 2026")
    living.admin.carry(living.login(ADMIN).token)  # signing in forgot the sessions of a month ago
    marks = owner.locator("nav .steps .mark").all_inner_texts()
    assert [each for each in marks if "to do" in each] == []
    assert {each["payment_status"] for each in read(living.admin, "/invoices", period="2026-10")} == {"paid"}
    assert ok(living.admin.get("/settings"))["books_closed_through"] == "2026-10-31"


def test_a_customers_holiday(dairy: Dairy, open_console: Open) -> None:
    """The customer pauses on its phone; the office sees it, and tomorrow's order of another day is as usual."""
    customer, client = dairy.customer_login(name="Asha Rao")
    milk = dairy.product("60.00", name="Cow milk")
    dairy.subscription(customer, milk, "2")
    first, last = (date.fromisoformat(dairy.day(days)) for days in (5, 9))
    page = open_console(customer["phone"], viewport=PHONE)
    page.goto(f"/customers/{customer['id']}?month={first:%Y-%m}&day={first}")
    form = opened(page, "Pause")
    form.locator("[name=from]").fill(first.isoformat())
    form.locator("[name=to]").fill(last.isoformat())
    form.get_by_role("button", name="Enter the pause").click()
    expect(said(page)).to_contain_text("Paused from")
    office = open_console()
    go(office, "Customers")
    office.keyboard.press("/")
    office.keyboard.type("rao")
    office.keyboard.press("Enter")
    office.get_by_role("link", name="Asha Rao").click()
    (standing,) = read(dairy.admin, "/subscriptions", customer_id=customer["id"])
    calendar: dict[str, str] = {}
    for month in sorted({f"{first - timedelta(1):%Y-%m}", f"{last + timedelta(1):%Y-%m}"}):
        days = ok(client.get(f"/subscriptions/{standing['id']}/calendar", period=month))["days"]
        calendar |= {each["date"]: each["quantity"] for each in days}
    for day in range(-1, 7):
        on = first + timedelta(days=day)
        assert calendar[on.isoformat()] == ("0.000" if 0 <= day <= 4 else "2.000"), on
    office.goto(f"/customers/{customer['id']}?month={first:%Y-%m}&day={first}")
    expect(office.locator("#day")).to_contain_text("Paus")


def test_a_wrong_delivery_is_put_right(dairy: Dairy, open_console: Open, new_phone: Any) -> None:
    """The helper taps the wrong door; the office corrects it, and the draft and the customer's page follow."""
    dairy.seller()
    ravi = dairy.staff("delivery_boy", "Ravi")
    milk = dairy.product("60.00", name="Cow milk")
    customer = dairy.customer(name="Asha Rao", delivery_boy_id=ravi.user["id"])
    order = dairy.order(customer, (milk, "2"), on=dairy.day(0))
    link = {"kind": "round", "delivery_boy_id": ravi.user["id"], "date": dairy.day(0)}
    token = ok(dairy.admin.post("/shared-links", link), 201)["token"]
    phone = new_phone(**TOUCH)
    phone.page.goto(f"{phone.address}/s/{token}")
    phone.page.get_by_role("button", name="Delivered").first.tap()
    send = phone.page.locator("#send-now")
    send.tap()
    expect(phone.page.locator("#net")).to_have_text("All sent")
    page = open_console()
    go(page, "Orders")
    page.get_by_role("link", name="Asha Rao").first.click()  # the day, which says whose it is
    expect(page.get_by_text("2 L brought")).to_be_visible()
    form = opened(page, "It was confirmed wrongly")
    form.locator(f"[name=quantity_{milk['id']}]").fill("1")
    form.locator("[name=reason]").fill("She rang: only one litre")
    form.get_by_role("button", name="Correct it").click()
    expect(said(page)).to_contain_text("The delivery is corrected")
    page.get_by_role("link", name="Bill Draft").click()
    expect(page.locator(".figure").first).to_have_text("₹ 60.00")
    after = ok(dairy.admin.get(f"/orders/{order['id']}"))
    assert (after["status"], after["items"][0]["delivered_quantity"]) == ("PARTIALLY_DELIVERED", "1.000")


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_print_without_menu_and_forms(dairy: Dairy, open_console: Open, width: int) -> None:
    """On paper stands what is read, not what is clicked."""
    dairy.seller()
    customer = dairy.customer(name="Asha Rao")
    ok(dairy.confirm(dairy.order(customer, (dairy.product("60.00"), "2"))))
    page = open_console(viewport={"width": width, "height": 900})
    for path in ("/grid", f"/customers/{customer['id']}/statement", "/who-owes", "/invoices", "/figures"):
        page.goto(path)
        page.emulate_media(media="print")
        expect(page.locator(".menu")).to_be_hidden()
        expect(page.locator("main h1")).to_be_visible()
        assert page.locator("button:visible, input:visible").count() == 0, path
        page.emulate_media(media="screen")
