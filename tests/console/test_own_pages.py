"""What a customer finds in the console: tomorrow, its calendar, bills and how to pay them, ledger, address."""

from typing import Any

import pytest
import time_machine

from tests.console.visitor import Page, Visitor
from tests.dairy import Client, Dairy, ok, read
from tests.deliveries.rounds import at


@pytest.fixture
def own(clock: time_machine.Traveller, dairy: Dairy) -> tuple[Any, Client]:
    """A customer with two litres a day, on 20 November 2026 at ten."""
    del clock
    dairy.log_in_again()
    customer, client = dairy.customer_login(name="Asha Rao")
    dairy.subscription(customer, dairy.product("60.00", name="Cow milk"), "2")
    return customer, client


def first_page(dairy: Dairy, customer: Any) -> tuple[Visitor, Page]:
    visitor = Visitor.of(dairy.app, customer["phone"])
    return visitor, visitor.follow(visitor.open("/"))


def test_its_first_page_says_what_comes_tomorrow_and_until_when_it_may_change(
    own: tuple[Any, Client], dairy: Dairy
) -> None:
    customer, _ = own
    curd = dairy.product("40.00", name="Curd")
    dairy.order(customer, (curd, "1"), on="2026-11-21", shift="evening")
    visitor, page = first_page(dairy, customer)
    tomorrow = page.words.partition("Tomorrow, Sat, 21 Nov 2026")[2].partition("Balance")[0]
    assert "Cow milk: 2 L (Daily) Morning" in tomorrow
    assert "Curd: 1 L (For this day only) Evening" in tomorrow
    assert "Morning: may be changed until Fri, 20 Nov 2026, 21:00." in tomorrow
    address = f"/customers/{customer['id']}?day=2026-11-21#day"
    assert address in page.links()
    page = visitor.submit(visitor.open(address.partition("#")[0]), "/days", quantity="3")
    assert "Cow milk: 3 L (Changed)" in visitor.follow(page).words.partition("Balance")[0]


def test_it_is_led_to_its_parts_and_to_nothing_of_the_office(own: tuple[Any, Client], dairy: Dairy) -> None:
    customer, _ = own
    _, page = first_page(dairy, customer)
    ids = {each["id"] for _, each in page.elements if each.get("id")}
    for part in ("tomorrow", "calendar", "bills", "ledger"):
        assert f"#{part}" in page.links()
        assert part in ids
    assert f"/customers/{customer['id']}/change" in page.links()
    assert f"/customers/{customer['id']}/statement" in page.links()
    for office in ("/credit", "/audit-log", "/payments"):
        assert not [link for link in page.links() if office in link], office
    actions = {form.action.rpartition("/")[2] for form in page.forms}
    assert actions <= {"sign-out", "standing-orders", "quantity", "stop", "resume", "cancel", "holidays"}


def test_what_it_owes_leads_to_paying(clock: time_machine.Traveller, dairy: Dairy) -> None:
    dairy.seller(upi_id="sunrise@upi")
    customer, _ = dairy.customer_login()
    ok(dairy.confirm(dairy.order(customer, (dairy.product("60.00"), "2"))))
    clock.move_to(at("2026-12-01 09:00"))
    dairy.log_in_again()
    ok(dairy.admin.post("/billing/runs", {"period": "2026-11"}))
    (bill,) = read(dairy.admin, "/invoices", status="issued")
    visitor, page = first_page(dairy, customer)
    assert "Pay by UPI" in page.words
    assert f"/invoices/{bill['id']}#pay" in page.links()
    page = visitor.open(f"/invoices/{bill['id']}")
    (link,) = [each for each in page.links() if each.startswith("upi:")]
    assert f"am={bill['total']}" in link
    assert f"/invoices/{bill['id']}/pdf" in page.links()
    ok(dairy.admin.post("/payments", {"customer_id": customer["id"], "amount": bill["total"], "method": "upi"}))
    _, page = first_page(dairy, customer)
    assert "Pay by UPI" not in page.words
    assert f"/invoices/{bill['id']}" in page.links()
