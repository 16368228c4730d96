"""Forgotten password: two plain forms, which say the same to everybody."""

import re
from typing import Any

from dairy_app.accounts.service.tokens import PAGE_COOKIE
from tests.accounts.test_resets import NEW, codes
from tests.console.visitor import Visitor
from tests.dairy import Client, Dairy


def test_from_the_sign_in_to_a_new_password(dairy: Dairy, sql: Any) -> None:
    anna = dairy.staff("accountant")
    visitor = Visitor(dairy.app)
    page = visitor.open("/")
    (link,) = [each for each in page.links() if each.endswith("/forgotten-password")]
    page = visitor.submit(visitor.open(link), "/forgotten-password", login=anna.user["email"])
    assert (page.status, "a code is on its way" in page.words) == (200, True)
    form = page.form("/new-password")
    assert form.fields["login"] == anna.user["email"]
    (code,) = [each for each in page.every("input") if each["name"] == "code"]
    assert (code["autocomplete"], code["inputmode"]) == ("one-time-code", "numeric")
    page = visitor.send(form, {"code": "0000 0000", "password": NEW})
    assert (page.status, "The code is wrong, was used, or is over." in page.words) == (401, True)
    assert NEW not in page.response.get_data(as_text=True)
    page = visitor.submit(page, "/new-password", code=codes(sql)[-1][2], password="short")
    assert (page.status, "at least 8 characters" in page.words) == (422, True)
    page = visitor.submit(page, "/new-password", code=codes(sql)[-1][2], password=NEW)
    assert (page.status, page.location) == (303, "/")
    assert "The new password is set." in visitor.follow(page).words
    assert visitor.sign_in(anna.user["email"], NEW).status == 303


def test_the_session_of_this_browser_ends_too(dairy: Dairy, sql: Any) -> None:
    anna = dairy.staff("accountant")
    visitor = Visitor.of(dairy.app, anna.user["email"])
    page = visitor.submit(visitor.open("/forgotten-password"), "/forgotten-password", login=anna.user["email"])
    page = visitor.submit(page, "/new-password", code=codes(sql)[-1][2], password=NEW)
    assert page.status == 303
    assert any(each.startswith(f"{PAGE_COOKIE}=;") for each in page.response.headers.getlist("Set-Cookie"))
    assert visitor.open("/orders").status in {303, 401}


def test_the_pages_are_the_same_for_who_is_not_there(dairy: Dairy) -> None:
    anna = dairy.staff("accountant").user["email"]

    def walk(login: str) -> list[tuple[int, str]]:
        visitor, told = Visitor(dairy.app), []
        page = visitor.submit(visitor.open("/forgotten-password"), "/forgotten-password", login=login)
        told.append(page)
        for _ in range(6):
            page = visitor.submit(page, "/new-password", code="00000000", password=NEW)
            told.append(page)
        return [(each.status, _neutral(each.response.get_data(as_text=True), login)) for each in told]

    def _neutral(html: str, login: str) -> str:
        return re.sub(r'name="csrf_token" value="\w+"', "", html).replace(login, "LOGIN")

    known = walk(anna)
    assert walk("x" * len(anna.split("@")[0]) + "@dairy.example") == known
    assert [status for status, _ in known] == [200, *[401] * 5, 429]


def test_forms_of_others_and_empty_ones_are_refused(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    for path, fields in (("/forgotten-password", ("login",)), ("/new-password", ("login", "code", "password"))):
        page = visitor.open(path)
        assert visitor.submit(page, path, csrf_token="0" * 64, **dict.fromkeys(fields, "x")).status == 400
        assert visitor.submit(page, path, **dict.fromkeys(fields, "")).status == 422


def test_too_many_requests_are_told_in_words(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    for _ in range(3):
        page = visitor.submit(visitor.open("/forgotten-password"), "/forgotten-password", login="x@dairy.example")
        assert page.status == 200
    page = visitor.submit(visitor.open("/forgotten-password?lang=hi"), "/forgotten-password", login="x@dairy.example")
    assert page.status == 429
    assert page.response.headers["Retry-After"]
    assert "पासवर्ड भूल गए?" in page.words


def test_the_client_of_a_login_is_only_its_own(dairy: Dairy, sql: Any) -> None:
    other: Client = dairy.staff("supplier")
    visitor = Visitor(dairy.app)
    page = visitor.submit(visitor.open("/forgotten-password"), "/forgotten-password", login=other.user["email"])
    code = codes(sql)[-1][2]
    page = visitor.submit(page, "/new-password", login="admin@dairy.example", code=code, password=NEW)
    assert page.status == 401
