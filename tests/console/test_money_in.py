"""The pages of money that comes in by itself: statements of the bank, online payments that need a person, links."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dairy_app.settings import Settings
from tests.collecting.conftest import Api, Gateway, api, settings
from tests.collecting.test_statements import HDFC, row
from tests.console.test_month_end import office
from tests.console.visitor import Visitor
from tests.dairy import PASSWORD, Dairy, ok, read
from tests.documents.conftest import Bills, bills, living
from tests.receivables.conftest import Till

__all__ = ["api", "bills", "living", "settings"]


@pytest.fixture
def till(dairy: Dairy, sql: Callable[..., Any]) -> Till:
    return Till(dairy, sql)


@pytest.fixture
def accountant(till: Till) -> Visitor:
    return Visitor.of(till.dairy.app, till.dairy.staff("accountant").user["email"], PASSWORD)


def upload(visitor: Visitor, text: str) -> Any:
    page = visitor.open("/bank-statements")
    return visitor.submit(page, "/bank-statements", file=(io.BytesIO(text.encode()), "s.csv"), account="HDFC 4321")


@pytest.mark.parametrize("language", ["en", "hi"])
def test_a_statement_is_uploaded_and_what_is_ticked_is_booked(till: Till, accountant: Visitor, language: str) -> None:
    accountant.open(f"/?lang={language}")
    code, other = till.customer["code"], till.dairy.customer()
    text = HDFC + row(till, "10.00", f"NEFT {code}", "HDFCN1") + row(till, "20.00", "UPI-SOMEBODY", "412345678902")
    page = accountant.follow(upload(accountant, text))
    assert ("Lines: 2; new: 2" if language == "en" else "लाइनें: 2; नई: 2") in page.words
    one, two = (each["id"] for each in lines(till))
    form = page.form("/accept")
    assert form.fields[f"customer-{one}"] == code and f"take-{one}" in form.fields
    assert form.fields[f"customer-{two}"] == "" and f"take-{two}" not in form.fields
    wrong = accountant.submit(page, "/accept", **{f"take-{two}": "1"})
    assert wrong.status == 422 and till.balance() == "0.00"
    assert wrong.form("/accept").fields[f"customer-{one}"] == code, "what was typed is still there"
    done = accountant.submit(wrong, "/accept", **{f"customer-{two}": other["phone"]})
    assert ("Payments booked: 2." if language == "en" else "दर्ज भुगतान: 2।") in accountant.follow(done).words
    assert till.balance() == "-10.00"
    assert "Nothing waits" in accountant.open(f"{page_of(till)}?lang=en").words
    everything = accountant.open(f"{page_of(till)}?show=all").words
    assert "R0000001 booked" in everything and "R0000002 booked" in everything


def page_of(till: Till) -> str:
    return f"/bank-statements/{read(till.admin, '/bank-statements')[0]['id']}"


def lines(till: Till) -> list[Any]:
    return read(till.admin, f"{page_of(till)}/lines")


def test_what_cannot_be_read_is_told_by_its_line(till: Till, accountant: Visitor) -> None:
    page = upload(accountant, HDFC + "31/02/26,a,,,,5.00,1\n")
    assert page.status == 422
    assert "Line 2, date" in page.words
    assert read(till.admin, "/bank-statements") == []
    assert "Tick at least one line." not in page.words
    upload(accountant, HDFC + row(till, "10.00"))
    none = accountant.submit(accountant.open(page_of(till)), "/accept")
    assert none.status == 422 and "Tick at least one line." in none.words


def test_what_is_no_payment_of_a_customer_is_dismissed(till: Till, accountant: Visitor) -> None:
    page = accountant.follow(upload(accountant, HDFC + row(till, "10.00", "INTEREST") + row(till, "20.00", "UPI-A")))
    (interest, _) = (each["id"] for each in lines(till))
    none = accountant.submit(page, "/dismiss", reason="Interest")
    assert none.status == 422 and "Tick at least one line." in none.words
    silent = accountant.submit(page, "/dismiss", **{f"take-{interest}": "1"})
    assert silent.status == 422 and f"take-{interest}" in silent.form("/dismiss").fields
    page = accountant.follow(accountant.submit(silent, "/dismiss", reason="Interest"))
    assert "Lines that will not be booked: 1." in page.words
    assert "INTEREST" not in page.words and "UPI-A" in page.words
    everything = accountant.open(f"{page_of(till)}?show=all")
    assert "no payment of a customer Interest" in everything.words
    booked = accountant.submit(
        everything, "/accept", **{f"take-{interest}": "1", f"customer-{interest}": till.customer["code"]}
    )
    assert "Payments booked: 1." in accountant.follow(booked).words


def test_what_is_held_is_booked_or_dismissed(till: Till, accountant: Visitor) -> None:
    gateway = Gateway(till)
    assert "Nothing needs you" in accountant.open("/online-payments").words
    for _ in range(2):
        gateway.sent(gateway.captured(gateway.payment()))
    second, first = (each["id"] for each in gateway.events(status="held"))
    page = accountant.open("/online-payments")
    assert "It is not known whose payment this is." in page.words
    wrong = accountant.submit(page, f"/online-payments/{first}/book", customer="nobody")
    assert wrong.status == 422 and wrong.form(f"{first}/book").fields["customer"] == "nobody"
    done = accountant.submit(wrong, f"/online-payments/{first}/book", customer=till.customer["code"])
    page = accountant.follow(done)
    assert "It is booked." in page.words and till.balance() == "-124.00"
    short = accountant.submit(page, f"/online-payments/{second}/dismiss", reason="x")
    assert short.status == 422
    done = accountant.submit(short, f"/online-payments/{second}/dismiss", reason="of the sweet shop")
    assert "It will not be booked." in accountant.follow(done).words
    assert "Nothing needs you" in accountant.open("/online-payments").words


def test_a_link_is_made_from_the_page_of_a_customer_and_cancelled(till: Till, accountant: Visitor, api: Api) -> None:
    page = accountant.open(f"/customers/{till.id}")
    done = accountant.follow(accountant.submit(page, "/online-payments/links", amount="50"))
    assert "The link is made: pass it on." in done.words
    (first,) = api.links.values()
    assert first["amount"] == 5000 and first["short_url"] in done.links()
    ended = accountant.submit(done, f"{read(till.admin, '/payment-links')[0]['id']}/cancel")
    assert "The link has ended." in accountant.follow(ended).words
    wrong = accountant.submit(accountant.open(f"/customers/{till.id}"), "/online-payments/links", amount="x")
    assert wrong.status == 422
    api.odd.append(lambda: (500, {}))
    away = accountant.submit(accountant.open(f"/customers/{till.id}"), "/online-payments/links", amount="60")
    assert away.status == 503 and "the gateway answers 500" in away.words


def test_without_a_gateway_no_link_is_offered(till: Till, settings: Settings) -> None:
    del settings
    app = till.dairy.app
    visitor = Visitor.of(app, "admin@dairy.example")
    assert "/online-payments/links" in {each.action for each in visitor.open(f"/customers/{till.id}").forms}
    app.config["DAIRY"] = replace(app.config["DAIRY"], razorpay_key_id="")
    assert "/online-payments/links" not in {each.action for each in visitor.open(f"/customers/{till.id}").forms}
    ok(till.admin.get("/payment-links"))


def test_a_link_is_made_from_the_page_of_a_bill(bills: Bills, settings: Settings, api: Api) -> None:
    del settings
    invoice = bills.bill(kinds="milk")
    visitor = office(bills.dairy)
    page = visitor.follow(visitor.submit(visitor.open(f"/invoices/{invoice['id']}"), "/online-payments/links"))
    assert "The link is made: pass it on." in page.words
    (link,) = read(bills.admin, "/payment-links")
    assert (link["invoice_id"], link["amount"]) == (invoice["id"], "192.00")
    assert list(api.links) == [link["gateway_id"]]


@pytest.mark.parametrize("language", ["en", "hi"])
def test_today_says_that_an_online_payment_needs_somebody(till: Till, accountant: Visitor, language: str) -> None:
    till.dairy.seller()
    accountant.open(f"/?lang={language}")
    words = (
        "Online payments that somebody must look at: 1" if language == "en" else "ऑनलाइन भुगतान जिन्हें किसी को देखना है: 1"
    )
    assert words not in accountant.open("/").words
    gateway = Gateway(till)
    gateway.sent(gateway.captured(gateway.payment()))
    page = accountant.open("/")
    assert words in page.words and "/online-payments" in page.links()
    event = gateway.events()[0]
    ok(till.admin.post(f"/gateway-events/{event['id']}/dismiss", {"reason": "of the shop"}))
    assert words not in accountant.open("/").words
