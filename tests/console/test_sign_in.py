"""Sessions of browsers: how they begin, what they open and what not, how they end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import time_machine

from dairy_app.accounts.rules.logins import PAGE_LIFETIME, REFRESH_LIFETIME, TRIES_PER_LOGIN
from dairy_app.accounts.service.tokens import PAGE_COOKIE
from tests.console.conftest import SignIn
from tests.console.visitor import BROWSER, Page, Visitor
from tests.dairy import PASSWORD, Client, Dairy, ok, refused

ADMIN = "admin@dairy.example"


def cookie_of(visitor: Visitor) -> Any:
    return visitor.http.get_cookie(PAGE_COOKIE)


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.open("/customers").status == 200


def test_a_password_opens_the_first_page(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    assert "Sign in" in visitor.open("/").words
    page = visitor.sign_in(ADMIN)
    assert (page.status, page.location) == (303, "/")
    assert "Asha Admin" in visitor.open("/").words


def test_a_phone_number_is_a_login_too(dairy: Dairy) -> None:
    customer, _ = dairy.customer_login()
    assert Visitor(dairy.app).sign_in(customer["phone"][3:]).status == 303


@pytest.mark.parametrize("login", [ADMIN, "nobody@dairy.example", "", "not a login"])
def test_a_wrong_password_opens_nothing_and_keeps_what_was_typed(dairy: Dairy, login: str) -> None:
    visitor = Visitor(dairy.app)
    page = visitor.submit(visitor.open("/"), "/sign-in", login=login, password="wrong password")
    assert page.status == 401
    assert "Login or password is wrong." in page.words
    assert page.form("/sign-in").fields["login"] == login
    assert cookie_of(visitor) is None
    assert not is_signed_in(visitor)


def test_wrong_tries_are_counted_with_those_of_the_api(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    for _ in range(TRIES_PER_LOGIN):
        assert visitor.sign_in(ADMIN, "wrong password").status == 401
    page = visitor.sign_in(ADMIN)
    assert page.status == 429
    assert int(page.response.headers["Retry-After"]) > 0
    refused(dairy.nobody.post("/auth/login", {"email": ADMIN, "password": PASSWORD}), 429, "rate_limited")


def test_the_cookie_is_for_this_site_and_no_script(dairy: Dairy, admin: Visitor) -> None:
    cookie = cookie_of(admin)
    assert (cookie.http_only, cookie.same_site, cookie.path, cookie.secure) == (True, "Lax", "/", False)
    secure = Visitor(dairy.app)
    form = Page(secure.http.get("/", base_url="https://localhost", headers=BROWSER)).form("/sign-in")
    sent = {**form.fields, "login": ADMIN, "password": PASSWORD}
    answer = secure.http.post("/sign-in", data=sent, headers=BROWSER, base_url="https://localhost")
    assert all("; Secure;" in each for each in answer.headers.getlist("Set-Cookie"))


def test_a_cookie_opens_pages_and_no_api(dairy: Dairy, admin: Visitor) -> None:
    assert is_signed_in(admin)
    answer = admin.http.get("/api/v1/auth/me")
    refused(answer, 401, "not_authenticated")
    token = cookie_of(admin).value
    refused(Client(dairy.app, token).get("/auth/me"), 401, "not_authenticated")


def test_a_token_of_the_api_opens_no_page(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    headers = {"Authorization": f"Bearer {dairy.admin.token}"}
    assert visitor.open("/customers", **headers).location == "/?next=/customers"
    visitor.http.set_cookie(PAGE_COOKIE, dairy.admin.token)
    assert visitor.open("/customers").status == 303


def test_who_has_no_session_signs_in_and_comes_back(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    page = visitor.open("/customers?q=rao")
    assert page.status == 303
    form = visitor.follow(page)
    page = visitor.submit(form, "/sign-in", login=ADMIN, password=PASSWORD)
    assert page.location == "/customers?q=rao"


def test_a_form_of_a_session_that_is_over_leads_back_to_its_page(dairy: Dairy) -> None:
    customer, client = dairy.customer(), dairy.staff("accountant")
    own = f"/customers/{customer['id']}"

    def left(lost: bool, sent_from: str) -> Page:
        visitor = Visitor.of(dairy.app, client.user["email"])
        form = visitor.open(own).form("/payments")
        if lost:  # the browser let the cookie go
            visitor.http.delete_cookie(PAGE_COOKIE)
        else:
            visitor.submit(visitor.open("/"), "/sign-out")
        page = visitor.send(form, {"amount": "75"}, Referer=f"http://localhost{sent_from}")
        assert page.status == 303
        page = visitor.follow(page)
        assert "Your session is over, and nothing was saved." in page.words
        return visitor.submit(page, "/sign-in", login=client.user["email"], password=PASSWORD)

    assert left(False, f"{own}?day=2026-12-01").location == f"{own}?day=2026-12-01"
    assert left(True, f"{own}?day=2026-12-01").location == f"{own}?day=2026-12-01"
    assert left(True, f"{own}/payments").location == own
    assert left(True, "").location == "/"
    assert left(True, "/nothing/here").location == "/"
    visitor = Visitor.of(dairy.app, client.user["email"])
    form = visitor.open(own).form("/payments")
    visitor.http.delete_cookie(PAGE_COOKIE)
    page = visitor.send(form, {"amount": "75"}, Referer="http://evil.example/customers")
    assert page.location == "/"
    assert ok(dairy.admin.get("/payments"))["items"] == []


def test_a_long_search_in_hindi_comes_back_and_what_is_longer_still_signs_in(dairy: Dairy) -> None:
    address = f"/customers?q={quote('दूध' * 33)}"
    for wanted, found in ((address, address), (f"{address}&cursor={'x' * 2_000}", "/")):
        visitor = Visitor(dairy.app)
        page = visitor.submit(visitor.follow(visitor.open(wanted)), "/sign-in", login=ADMIN, password=PASSWORD)
        assert page.location == found


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "/\\evil.example", "customers", "/a\nb"]
)
def test_nobody_is_led_elsewhere(dairy: Dairy, address: str) -> None:
    visitor = Visitor(dairy.app)
    page = visitor.submit(visitor.open("/"), "/sign-in", login=ADMIN, password=PASSWORD, next=address)
    assert page.location == "/"


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(dairy: Dairy, admin: Visitor) -> None:
    token = cookie_of(admin).value
    assert admin.submit(admin.open("/"), "/sign-out").location == "/"
    assert cookie_of(admin) is None
    thief = Visitor(dairy.app)
    thief.http.set_cookie(PAGE_COOKIE, token)
    assert thief.open("/customers").status == 303
    assert "Sign in" in thief.open("/").words


def test_sessions_of_one_login_are_apart(dairy: Dairy, admin: Visitor) -> None:
    other = Visitor.of(dairy.app, ADMIN)
    admin.submit(admin.open("/"), "/sign-out")
    assert is_signed_in(other)
    ok(dairy.admin.get("/auth/me"))


def test_deactivation_and_a_new_password_end_a_session_at_once(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    visitor = Visitor.of(dairy.app, client.user["email"])
    assert is_signed_in(visitor)
    ok(client.post("/auth/password", {"current_password": PASSWORD, "new_password": "another battery horse"}))
    assert not is_signed_in(visitor)
    visitor = Visitor.of(dairy.app, client.user["email"], "another battery horse")
    ok(dairy.admin.patch(f"/users/{client.user['id']}", {"is_active": False}))
    assert not is_signed_in(visitor)


def test_a_session_lives_twelve_hours_from_its_last_use_and_thirty_days_at_most(dairy: Dairy) -> None:
    begun = datetime.now(UTC)
    with time_machine.travel(begun, tick=False) as clock:
        idle, busy = Visitor.of(dairy.app, ADMIN), Visitor.of(dairy.app, ADMIN)
        step = PAGE_LIFETIME - timedelta(minutes=1)
        while datetime.now(UTC) + step < begun + REFRESH_LIFETIME:
            clock.shift(step)
            assert is_signed_in(busy), datetime.now(UTC) - begun
        assert not is_signed_in(idle)
        clock.move_to(begun + REFRESH_LIFETIME + timedelta(seconds=1))
        assert not is_signed_in(busy)


# ---------------------------------------------------------------------------------------------- forged forms


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_without_its_token_is_refused(dairy: Dairy, admin: Visitor, token: str | None) -> None:
    page = admin.submit(admin.open("/"), "/sign-out", csrf_token=token)
    assert page.status == 400
    assert "This form is no longer valid" in page.words
    assert is_signed_in(admin)
    visitor = Visitor(dairy.app)
    sent = {"login": ADMIN, "password": PASSWORD, "csrf_token": token}
    assert visitor.submit(visitor.open("/"), "/sign-in", **sent).status == 400
    assert not is_signed_in(visitor)


def test_a_form_of_another_session_is_refused(dairy: Dairy, admin: Visitor) -> None:
    foreign = Visitor.of(dairy.app, ADMIN).open("/").form("/sign-out")
    assert admin.send(foreign, {}).status == 400
    before = Visitor(dairy.app).open("/").form("/sign-in").fields["csrf_token"]
    assert admin.submit(admin.open("/"), "/sign-out", csrf_token=before).status == 400
    assert is_signed_in(admin)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_that_another_site_sends_is_refused(admin: Visitor, site: str) -> None:
    form = admin.open("/").form("/sign-out")
    assert admin.send(form, {}, **{"Sec-Fetch-Site": site}).status == 400
    assert admin.send(form, {}, **{"Sec-Fetch-Site": "same-origin"}).status == 303


# --------------------------------------------------------------------------------------------------- language


def test_a_language_is_chosen_and_remembered(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    assert visitor.open("/").every("html")[0]["lang"] == "en"
    assert visitor.open("/?lang=hi").every("html")[0]["lang"] == "hi"
    assert "लॉगिन करें" in visitor.open("/").words
    assert visitor.open("/?lang=xx").every("html")[0]["lang"] == "hi"
    assert visitor.open("/?lang=en").every("html")[0]["lang"] == "en"


def test_without_a_choice_it_is_the_browsers_then_the_dairys(dairy: Dairy) -> None:
    assert Visitor(dairy.app).open("/", **{"Accept-Language": "hi-IN,en;q=0.5"}).every("html")[0]["lang"] == "hi"
    ok(dairy.admin.patch("/settings", {"language": "hi"}))
    assert Visitor(dairy.app).open("/").every("html")[0]["lang"] == "hi"
    assert Visitor(dairy.app).open("/", **{"Accept-Language": "mr"}).every("html")[0]["lang"] == "hi"


def test_refusals_speak_the_language_too(dairy: Dairy, sign_in: SignIn) -> None:
    visitor = sign_in("supplier")
    page = visitor.open("/customers?lang=hi")
    assert page.status == 403
    assert "आपको इसकी अनुमति नहीं है।" in page.words
    assert "request" not in page.words.lower()
