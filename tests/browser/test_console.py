"""The console in a real browser: through axe-core, by keyboard alone, without JavaScript, on a phone and a desk."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.console import ADMIN, DESK, PHONE, Open
from tests.browser.test_accessible import flaws
from tests.dairy import PASSWORD, Dairy, ok, read

#: Pages without a part of their address that differs.
PAGES = (
    "/",
    "/rounds",
    "/orders",
    "/rounds/who-goes",
    "/requests",
    "/customers",
    "/grid",
    "/month-end",
    "/month-end/verification",
    "/who-owes",
    "/who-owes/payments",
    "/who-owes/opening-balances",
    "/from-a-file",
    "/invoices",
    "/payments",
    "/credit-notes",
    "/messages",
    "/cash",
    "/figures",
    "/figures?by=product",
    "/figures?by=area",
    "/figures?by=customer",
    "/figures/customers",
    "/figures/short-deliveries",
    "/credit-limits",
    "/products",
    "/charges",
    "/areas",
    "/days-off",
    "/people",
    "/settings",
    "/health",
    "/audit-log",
    "/start",
    "/customers/new",
    "/containers",
    "/refunds",
    "/debit-notes",
    "/bank-statements",
    "/online-payments",
    "/reminders",
    "/message-words",
    "/message-words/bill",
    "/forgotten-password",
    "/new-password",
)


@pytest.mark.parametrize(("scheme", "language", "viewport"), [("light", "en", DESK), ("dark", "hi", PHONE)])
def test_every_page_is_accessible_and_fits(
    dairy: Dairy, open_console: Open, town: Any, scheme: str, language: str, viewport: dict[str, int]
) -> None:
    rules = [rule for rule in dairy.app.url_map.iter_rules() if rule.endpoint.startswith("console.")]
    assert {rule.rule for rule in rules if "GET" in (rule.methods or ()) and not rule.arguments} <= set(PAGES)
    page, own = open_console(color_scheme=scheme, viewport=viewport), f"/customers/{town['id']}"
    (bill,), (payment,) = read(dairy.admin, "/invoices"), read(dairy.admin, "/payments")
    this_month = f"/month-end?period={dairy.day(0)[:7]}"
    (first, *_) = read(dairy.admin, "/orders")
    round_ = f"/rounds/{town['delivery_boy_id']}"
    daily = {"kind": "delivery_charge", "basis": "per_delivery_day", "amount": "5", "description": "Delivery"}
    rule = daily | {"valid_from": dairy.day(-9)}
    ok(dairy.admin.post("/charge-rules", rule | {"customer_id": town["id"]}), 201)
    ok(
        dairy.admin.post(
            "/charge-rules", rule | {"area_id": read(dairy.admin, "/areas")[0]["id"], "valid_to": dairy.day(-8)}
        ),
        201,
    )
    text = f"Date,Narration,Chq./Ref.No.,Withdrawal Amt.,Deposit Amt.\n01/11/2026,NEFT {town['code']},N1,,10.00\n"
    statement = ok(dairy.admin.post("/bank-statements", {"csv": text, "account": "HDFC"}), 201)
    again, gone = dairy.customer(name="Once more", login=False), dairy.customer(name="Twice", login=False)
    ok(dairy.admin.post(f"/customers/{gone['id']}/merge", {"into": again["id"], "reason": "registered twice"}))
    about_one = (
        f"/orders/{first['id']}",
        round_,
        f"{round_}/sequence",
        own,
        f"{own}?day={dairy.day(1)}",
        f"{own}?day={dairy.day(0)}",
        f"{own}/change",
        f"{own}/account-link",
        f"{own}/merge?into={again['id']}",
        f"{own}/merge?into={gone['id']}",
        f"/customers/{gone['id']}",
        f"{own}/statement",
        f"/invoices/{bill['id']}",
        f"/payments/{payment['id']}",
        f"/bank-statements/{statement['id']}",
    )
    for path in (*PAGES, *about_one, this_month):
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        assert flaws(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], path
    page.goto("/customers/none")
    assert flaws(page) == []
    page.context.clear_cookies()
    page.goto("/")
    assert flaws(page) == []


def test_a_payment_is_taken_without_a_mouse(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console(None)
    expect(page.locator("input:focus")).to_have_count(1)  # the first field has it
    page.keyboard.type(ADMIN)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rounds of today")).to_be_visible()
    page.goto("/customers")
    page.keyboard.press("/")
    page.keyboard.type("rao")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=rao*")
    page.get_by_role("link", name="Asha Rao").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Take a payment").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("120.50")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("₹ 120.50 booked")
    amounts = [each["amount"] for each in read(dairy.admin, "/payments", customer_id=town["id"])]
    assert sorted(amounts) == ["120.50", "50.00"]


def test_the_console_works_without_javascript(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console(java_script_enabled=False)
    page.goto(f"/customers/{town['id']}?day={dairy.day(3)}")
    page.fill("[name=quantity] >> nth=0", "5")
    page.get_by_role("button", name="Enter the day").click()
    expect(page.get_by_role("status")).to_contain_text("5")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_form_that_is_sent_twice_is_done_once(dairy: Dairy, open_console: Open, town: Any) -> None:
    page = open_console()
    page.goto(f"/customers/{town['id']}")
    page.get_by_text("Take a payment").click()
    page.fill("#amount", "75")
    page.evaluate("""() => {
        const form = document.querySelector("form[action$='/payments']");
        form.requestSubmit();
        form.requestSubmit();
    }""")
    expect(page.get_by_role("status")).to_contain_text("₹ 75.00 booked")
    amounts = [each["amount"] for each in read(dairy.admin, "/payments", customer_id=town["id"])]
    assert sorted(amounts) == ["50.00", "75.00"]


def test_a_session_that_ended_meanwhile_leads_back(dairy: Dairy, open_console: Open, town: Any) -> None:
    client = dairy.staff("accountant")
    page = open_console(client.user["email"])
    page.goto(f"/customers/{town['id']}")
    ok(client.post("/auth/password", {"current_password": PASSWORD, "new_password": "another battery horse"}))
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.fill("#login", client.user["email"])
    page.fill("#password", "another battery horse")
    page.click("main button")
    expect(page.get_by_role("heading", name="Asha Rao")).to_be_visible()


@pytest.mark.parametrize(("scheme", "language", "viewport"), [("light", "en", DESK), ("dark", "hi", PHONE)])
def test_a_file_is_looked_at_and_taken(
    dairy: Dairy, open_console: Open, town: Any, scheme: str, language: str, viewport: dict[str, int]
) -> None:
    page = open_console(color_scheme=scheme, viewport=viewport)
    good = "List of customers\n\nName,Mobile No.,Address,Area,Shoe\nZoya Shah,9812399999,3 Lake View,Baner,7\n"
    for text, stays in ((good.replace("9812399999", "9.8E+09"), True), (good, False)):
        page.goto(f"/from-a-file?lang={language}")
        file = {"name": "customers.csv", "mimeType": "text/csv", "buffer": text.encode()}
        page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]
        page.locator("button[value=look]").click()
        expect(page.locator("[role=status]")).to_be_visible()
        assert flaws(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        assert page.locator("input[name=kept]").count() == (0 if stays else 1)
    page.locator("button[value=take]").first.click()
    page.wait_for_url("**/customers")
    assert "Zoya Shah" in [each["name"] for each in read(dairy.admin, "/customers")]
