"""A link to a customer's own pages: it opens them without a password until it ends, and nothing else."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine

from dairy_app.accounts.service import tokens
from dairy_app.common.clock import now
from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok, refused


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    """A customer who was invited, and never chose a password."""
    customer = dairy.customer(name="Asha Rao")
    dairy.subscription(customer, dairy.product("60.00", name="Cow milk"), "2")
    return customer


def link(dairy: Dairy, customer: Any, **fields: Any) -> str:
    made = ok(dairy.admin.post(f"/customers/{customer['id']}/account-link", fields), 201)
    assert made["url"].startswith("http://127.0.0.1:8000/account/")
    return "/account/" + made["url"].rpartition("/")[2]


def enter(dairy: Dairy, address: str) -> tuple[Visitor, Page]:
    visitor = Visitor(dairy.app)
    page = visitor.open(address)
    assert page.status == 200, page.words
    return visitor, visitor.submit(page, address)


def test_it_opens_the_customers_own_pages(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    own = f"/customers/{asha['id']}"
    assert f"{own}/account-link" in admin.open(own).links()
    page = admin.submit(admin.open(f"{own}/account-link"), f"{own}/account-link", hours="24")
    (send,) = [each for each in page.links() if each.startswith("https://wa.me/")]
    address = "/account/" + page.words.partition("/account/")[2].partition(" ")[0]
    assert f"http://127.0.0.1:8000{address}" in unquote(send)
    assert [each for each in page.every("svg") if each.get("class") == "qr"]
    visitor, entered = enter(dairy, address)
    assert entered.location == "/"
    page = visitor.follow(visitor.follow(entered))
    assert "Asha Rao" in page.words
    assert "Cow milk" in page.words
    assert [visitor.open(each).status for each in ("/customers", "/invoices", "/people")] == [403] * 3
    again, entered = enter(dairy, address)  # the link is in a message, and is opened again
    assert again.follow(again.follow(entered)).status == 200


def test_looking_at_it_opens_nothing(dairy: Dairy, asha: Any) -> None:
    visitor = Visitor(dairy.app)
    page = visitor.open(link(dairy, asha))
    assert "Asha" not in page.words
    assert "dairy_session" not in page.response.headers.get("Set-Cookie", "")
    assert visitor.open(f"/customers/{asha['id']}").status == 303
    assert visitor.http.post(link(dairy, asha), data={"csrf_token": "x"}).status_code == 400


@pytest.mark.parametrize(("hours", "later", "is_open"), [(24, 23, True), (24, 25, False), (720, 719, True)])
def test_it_and_its_sessions_end_in_time(dairy: Dairy, asha: Any, hours: int, later: int, is_open: bool) -> None:
    address = link(dairy, asha, expires_in_hours=hours)
    visitor, _ = enter(dairy, address)
    with time_machine.travel(now() + timedelta(hours=later), tick=False):
        page = Visitor(dairy.app).open(address)
        assert page.status == (200 if is_open else 410)
        assert ("This link is over." in page.words) == (not is_open)
        if not is_open:
            assert visitor.open(f"/customers/{asha['id']}").status == 303


def test_a_session_that_is_used_ends_with_its_link(dairy: Dairy, asha: Any) -> None:
    """Its cookie is renewed, but not beyond the link."""
    visitor, _ = enter(dairy, link(dairy, asha, expires_in_hours=24))
    begun = now()
    for hours, status in ((11, 200), (22, 200), (23.9, 200), (24.1, 303)):
        with time_machine.travel(begun + timedelta(hours=hours), tick=False):
            assert visitor.open(f"/customers/{asha['id']}").status == status, hours


def test_all_are_ended_at_once(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    first, second = link(dairy, asha), link(dairy, asha)
    visitor, _ = enter(dairy, first)
    own = f"/customers/{asha['id']}/account-link"
    page = admin.follow(admin.submit(admin.open(own), f"{own}/end"))
    assert "No link of this customer opens anything any more." in page.words
    for address in (first, second):
        _, refused_page = enter(dairy, address)
        assert refused_page.status == 410
        assert "This link has been ended." in refused_page.words
    assert visitor.open(f"/customers/{asha['id']}").status == 303
    _, entered = enter(dairy, link(dairy, asha))
    assert entered.status == 303


def test_other_tokens_open_nothing(dairy: Dairy, asha: Any) -> None:
    """Neither a token of the API or of a browser, nor a link for somebody who is no customer."""
    client = dairy.staff("accountant")
    with dairy.app.app_context():
        user = client.user
        forged = tokens.new_account_token(user["id"], 1, now() + timedelta(hours=1))
    for token in (client.token, "x", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"):
        assert Visitor(dairy.app).open(f"/account/{token}").status == 404
    _, entered = enter(dairy, f"/account/{forged}")
    assert entered.status == 410
    token = link(dairy, asha).rpartition("/")[2]
    assert dairy.nobody.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    visitor = Visitor(dairy.app)
    visitor.http.set_cookie("dairy_session", token)
    assert visitor.open(f"/customers/{asha['id']}").status == 303


def test_who_has_no_login_or_no_access_gets_none(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    address = link(dairy, asha)
    ok(dairy.admin.patch(f"/users/{asha['user_id']}", {"is_active": False}))
    refused(dairy.admin.post(f"/customers/{asha['id']}/account-link", {}), 403, "user_inactive")
    _, entered = enter(dairy, address)
    assert entered.status == 403
    bare = dairy.customer(login=False)
    refused(dairy.admin.post(f"/customers/{bare['id']}/account-link", {}), 404, "user_not_found")
    assert f"/customers/{bare['id']}/account-link" not in admin.open(f"/customers/{bare['id']}").links()
    for hours in ("0", "721", "many", ""):
        own = f"/customers/{dairy.customer()['id']}/account-link"
        page = admin.submit(admin.open(own), own, hours=hours)
        assert page.status == 422, hours
        assert [each["name"] for each in page.every("select") if each.get("aria-invalid")] == ["hours"]


@pytest.mark.parametrize("role", ["accountant", "delivery_boy", "marketing_staff", "customer"])
def test_others_make_none(dairy: Dairy, sign_in: SignIn, asha: Any, role: str) -> None:
    """By a link marketing would read the bills and the ledger of its customers, which it may not."""
    assert sign_in(role).open(f"/customers/{asha['id']}/account-link").status == 403
    marketing = dairy.staff("marketing_staff")
    ok(dairy.admin.patch(f"/customers/{asha['id']}", {"marketing_staff_id": marketing.user["id"]}))
    for method in ("POST", "DELETE"):
        answer = marketing.call(method, f"/customers/{asha['id']}/account-link", json={} if method == "POST" else None)
        refused(answer, 403, "forbidden")


def test_it_speaks_hindi(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    assert "आपका खाता" in Visitor(dairy.app).open(f"{link(dairy, asha)}?lang=hi").words
    assert "बिना पासवर्ड" in admin.open(f"/customers/{asha['id']}/account-link?lang=hi").words
