"""Customers in the console: found, read, paid for, paused."""

import re
from decimal import Decimal
from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Client, Dairy, ok, read


@pytest.fixture
def rao(dairy: Dairy) -> Any:
    return dairy.customer(name="Asha Rao", address_line1="B-12 Canal Road", area="Kothrud")


def own(customer: Any) -> str:
    return f"/customers/{customer['id']}"


def on(customer: Any, day: str) -> str:
    """The page of a customer with a day opened."""
    return f"{own(customer)}?day={day}"


def names(page: Page) -> list[str]:
    """The customers of a list, in its order."""
    found = [link.rpartition("/")[2] for link in page.links() if link.startswith("/customers/")]
    return [each for each in found if each != "new"]


def test_a_customer_is_found_by_any_word(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    other = dairy.customer(name="Zoya Shah", address_line1="3 Lake View", area="Baner")
    for wanted in ("rao", "canal b-12", rao["code"], rao["phone"][-6:], " ASHA "):
        assert names(admin.open(f"/customers?q={wanted}")) == [rao["id"]], wanted
    assert names(admin.open("/customers?sort=-name")) == [other["id"], rao["id"]]
    assert names(admin.open("/customers?q=&status=")) == [rao["id"], other["id"]]
    assert "No customer was found." in admin.open("/customers?q=nobody").words
    assert names(admin.open("/customers?status=stopped")) == []
    assert admin.open("/customers?status=nonsense").status == 422


def test_a_long_list_goes_on_and_keeps_what_was_asked(
    dairy: Dairy, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dairy_app.console.routes.customers.ROWS", 2)
    made = [dairy.customer(name=f"Rao {n}")["id"] for n in range(5)]
    page, seen = admin.open("/customers?q=rao&sort=name"), list[str]()
    while True:
        seen += names(page)
        following = [link for link in page.links() if "cursor=" in link]
        if not following:
            break
        assert "q=rao" in following[0]
        assert "sort=name" in following[0]
        page = admin.open(following[0])
    assert seen == made


def test_everybody_sees_whom_the_api_shows_them(dairy: Dairy, sign_in: SignIn, rao: Any) -> None:
    marketing = dairy.staff("marketing_staff")
    theirs = dairy.customer(marketing_staff_id=marketing.user["id"])
    visitor = Visitor.of(dairy.app, marketing.user["email"])
    assert names(visitor.open("/customers")) == [theirs["id"]]
    assert visitor.open(own(theirs)).status == 200
    assert visitor.open(own(rao)).status == 404
    page = visitor.open(own(theirs))
    assert "Ledger" not in page.words
    assert not [form for form in page.forms if form.action.endswith("/payments")]
    assert sign_in("accountant").open(own(rao)).status == 200


def test_a_customer_sees_itself_and_nobody_else(dairy: Dairy, rao: Any) -> None:
    customer, _ = dairy.customer_login(name="Zoya Shah")
    visitor = Visitor.of(dairy.app, customer["phone"])
    assert visitor.open("/").location == own(customer)
    page = visitor.open(own(customer))
    assert "Zoya Shah" in page.words
    assert visitor.open(own(rao)).status == 404
    assert visitor.open("/customers").status == 403


def test_an_admin_sees_who_changed_what_of_a_customer(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    other = dairy.customer(name="Zoya Shah")
    for each in (rao, other):
        ok(dairy.admin.patch(own(each), {"notes": "Ring twice"}))
    ok(dairy.admin.post("/payments", {"customer_id": rao["id"], "amount": "75", "method": "cash"}))
    changes = admin.open(own(rao)).words.partition(" Changes ")[2]
    assert re.search(r"Payment made Asha Admin, .* Customer changed notes Asha Admin, .* Customer made", changes)
    page = admin.open(f"/audit-log?customer={rao['id']}")
    assert own(rao) in page.links()
    assert "notes: – → Ring twice" in page.words
    assert rao["code"] in page.words
    assert other["code"] not in page.words
    found = admin.open(f"/audit-log?customer={rao['id']}&table=payments").words
    assert "75.00" in found
    assert "Ring twice" not in found
    assert admin.open("/audit-log?customer=00000000-0000-7000-8000-000000000000").status == 404
    accountant = Visitor.of(dairy.app, dairy.staff("accountant").user["email"])
    page = accountant.open(own(rao))
    assert " Changes " not in page.words
    assert not [link for link in page.links() if "/audit-log" in link]


def test_the_changes_of_a_customer_go_on_page_by_page(
    dairy: Dairy, admin: Visitor, rao: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dairy_app.console.routes.office.CHANGES", 2)
    for n in range(4):
        ok(dairy.admin.patch(own(rao), {"notes": f"Note {n}"}))
    seen, address = "", f"/audit-log?customer={rao['id']}"
    while address:
        page = admin.open(address)
        seen += page.words
        address = next((link for link in page.links() if "cursor=" in link), "")
        assert not address or f"customer={rao['id']}" in address
    assert all(f"Note {n}" in seen for n in range(4))


# ----------------------------------------------------------------------------------------------------- money


def billed(dairy: Dairy, customer: Any) -> None:
    """What a customer owes: 120 rupees of a month ago, as an opening balance."""
    opening = {"customer_id": customer["id"], "amount": "120.50", "as_of": dairy.day(-40)}
    ok(dairy.admin.post("/opening-balances", opening))


def test_a_payment_is_taken_and_told(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    billed(dairy, rao)
    page = admin.open(own(rao))
    assert "₹ 120.50" in page.words
    page = admin.submit(page, "/payments", amount="100", method="upi", reference="UPI 4711")
    assert page.status == 303
    (payment,) = read(dairy.admin, "/payments", customer_id=rao["id"])
    assert {"amount": "100.00", "method": "upi", "received_on": dairy.day(0)}.items() <= payment.items()
    page = admin.follow(page)
    assert f"₹ 100.00 booked, receipt {payment['receipt_no']}." in page.words
    assert "Balance ₹ 20.50" in page.words
    assert payment["receipt_no"] not in admin.open(own(rao)).words.partition("Ledger")[0]


def test_a_helper_books_what_was_paid_at_the_door(dairy: Dairy, admin: Visitor) -> None:
    ravi = dairy.staff("delivery_boy", "Ravi")
    asha, other = dairy.customer(delivery_boy_id=ravi.user["id"]), dairy.customer()
    helper = Visitor.of(dairy.app, ravi.user["email"])
    page = helper.open(own(asha))
    assert "Balance" not in page.words
    page = helper.submit(page, "/payments", amount="120", method="cash")
    assert page.status == 303, page.words
    assert "₹ 120.00 booked" in helper.follow(page).words
    assert "₹ 120.00" in helper.open("/").words
    (payment,) = read(dairy.admin, "/payments", customer_id=asha["id"])
    assert (payment["amount"], payment["collected_by"]) == ("120.00", ravi.user["id"])
    form = helper.open(own(asha)).form("/payments")
    form.action = form.action.replace(asha["id"], other["id"])
    assert helper.send(form, {"amount": "10"}).status == 404
    assert "Ravi" in admin.open("/cash").words


def test_the_office_says_who_carries_the_cash(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    ravi = dairy.staff("delivery_boy", "Ravi")
    page = admin.open(own(rao))
    refused = admin.submit(page, "/payments", amount="80", method="upi", collected_by=ravi.user["id"])
    assert refused.status == 422
    assert "Only cash has a collector." in refused.words
    admin.submit(page, "/payments", amount="80", method="cash", collected_by=ravi.user["id"])
    assert "₹ 80.00" in admin.open("/cash").words


def test_a_payment_sent_twice_is_booked_once(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    form = admin.open(own(rao)).form("/payments")
    for _ in range(2):
        assert admin.send(form, {"amount": "75"}).status == 303
    assert len(read(dairy.admin, "/payments", customer_id=rao["id"])) == 1
    assert admin.send(form, {"amount": "80"}).status == 422
    assert admin.submit(admin.open(own(rao)), "/payments", amount="75").status == 303
    assert len(read(dairy.admin, "/payments", customer_id=rao["id"])) == 2


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"amount": "a hundred"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "10", "received_on": "2999-01-01"}, "received_on"),
    ],
)
def test_a_refused_payment_says_where_and_loses_nothing(
    dairy: Dairy, admin: Visitor, rao: Any, typed: dict[str, str], field: str
) -> None:
    page = admin.submit(admin.open(own(rao)), "/payments", reference="by Ravi", **typed)
    assert page.status == 422
    wrong = [each for each in page.every("input") if each.get("aria-invalid")]
    assert [each["name"] for each in wrong] == [field]
    fields = page.form("/payments").fields
    assert typed.items() <= fields.items()
    assert fields["reference"] == "by Ravi"
    assert read(dairy.admin, "/payments", customer_id=rao["id"]) == []
    assert any("lang=hi" in link and link.startswith(own(rao)) for link in page.links())


def test_who_may_not_book_is_refused_also_with_the_form(
    dairy: Dairy, admin: Visitor, sign_in: SignIn, rao: Any
) -> None:
    form = admin.open(own(rao)).form("/payments")
    for role in ("marketing_staff", "customer", "supplier"):
        visitor = sign_in(role)
        first = visitor.open("/")
        token = (visitor.follow(first) if first.status == 303 else first).form("/sign-out").fields["csrf_token"]
        refused = visitor.send(form, {"amount": "10", "csrf_token": token})
        assert refused.status == (404 if role == "delivery_boy" else 403)  # not on his round
    assert read(dairy.admin, "/payments", customer_id=rao["id"]) == []


# ------------------------------------------------------------------------------------------------- what comes


def test_a_pause_shows_in_the_calendar(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    milk = dairy.product("60.00", name="Cow milk")
    standing = dairy.subscription(rao, milk)
    first, last = dairy.day(3), dairy.day(5)
    page = admin.submit(admin.open(on(rao, first)), "/pauses", to=last, reason="Wedding")
    assert page.status == 303
    (pause,) = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["pauses"]
    assert (pause["from"], pause["to"], pause["reason"]) == (first, last, "Wedding")
    page = admin.follow(page)
    assert re.search(r"Paused from \w+, \d+ \w+ \d{4} to \w+, \d+ \w+ \d{4}\.", page.words)
    assert "Pause" in page.words
    page = admin.submit(admin.open(on(rao, dairy.day(1))), "/pauses", **{"from": first, "to": last})
    assert page.status == 409
    assert page.form("/pauses").fields["from"] == first
    page = admin.submit(admin.open(on(rao, dairy.day(4))), "/deliver-again")
    assert page.status == 303
    (pause,) = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["pauses"]
    assert (pause["from"], pause["to"]) == (first, first)


def test_one_day_is_changed_and_made_usual_again(dairy: Dairy, admin: Visitor, rao: Any) -> None:
    standing = dairy.subscription(rao, dairy.product("60.00"))
    day = dairy.day(2)
    for typed, expected in (("2.5", [("2.500", day)]), ("0", [("0.000", day)]), ("", [])):
        page = admin.submit(admin.open(on(rao, day)), "/days", quantity=typed)
        assert page.status == 303, page.words
        overrides = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["overrides"]
        assert [(each["quantity"], each["date"]) for each in overrides] == expected
    page = admin.submit(admin.open(on(rao, day)), "/days", quantity="lots")
    assert page.status == 422
    assert page.form("/days").fields["quantity"] == "lots"
    for wrong in ("", "../x", "a/b"):
        assert admin.submit(admin.open(on(rao, day)), "/days", date=wrong, quantity="1").status == 404


def test_a_customer_pauses_its_own_milk_and_nobody_elses(dairy: Dairy, rao: Any) -> None:
    dairy.without_cutoffs()
    milk = dairy.product("60.00")
    customer, client = dairy.customer_login()
    mine, theirs = dairy.subscription(customer, milk), dairy.subscription(rao, milk)
    visitor = Visitor.of(dairy.app, customer["phone"])
    typed, page = {"to": dairy.day(2)}, visitor.open(on(customer, dairy.day(1)))
    assert visitor.submit(page, "/pauses", **typed).status == 303
    assert visitor.submit(page, "/pauses", subscription_id=theirs["id"], **typed).status == 404
    assert len(ok(client.get(f"/subscriptions/{mine['id']}"))["pauses"]) == 1
    assert ok(dairy.admin.get(f"/subscriptions/{theirs['id']}"))["pauses"] == []


# ------------------------------------------------------------------------------------------ the API behind it


def calendar(client: Client, customer: Any, period: str) -> list[Any]:
    days: list[Any] = ok(client.get(f"{own(customer)}/calendar", period=period))["days"]
    return days


def test_one_calendar_is_that_of_all_standing_orders(dairy: Dairy, rao: Any) -> None:
    milk, curd = dairy.product("60.00", name="Milk"), dairy.product("40.00", name="Curd")
    standing = [dairy.subscription(rao, curd), dairy.subscription(rao, milk)]
    dairy.subscription(dairy.customer(), milk)
    period = dairy.day(0)[:7]
    found = calendar(dairy.admin, rao, period)
    own_fields = {"subscription_id"}
    for each in standing:
        alone = ok(dairy.admin.get(f"/subscriptions/{each['id']}/calendar", period=period))["days"]
        mine = [day for day in found if day["subscription_id"] == each["id"]]
        assert [{name: value for name, value in day.items() if name not in own_fields} for day in mine] == alone
    assert len(found) == 2 * len({day["date"] for day in found})
    assert sum(Decimal(day["quantity"]) for day in found) > 0
    assert dairy.staff("marketing_staff").get(f"{own(rao)}/calendar", period=period).status_code == 404
