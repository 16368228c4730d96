"""A new password by a code: who gets one, how long it is good, what it ends, and that nobody learns who has a login."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from werkzeug.test import TestResponse

from dairy_app.accounts.rules.resets import hash_of_code, shown_code, typed_code
from dairy_app.web.http import DairyFlask
from tests.conftest import SECRET_KEY
from tests.dairy import PASSWORD, Client, Dairy, ok, refused
from tests.deliveries.rounds import statements
from tests.races import at_once
from tests.worker_database import WorkerDatabase

NEW = "a quiet morning at the dairy"
MORNING = datetime(2026, 11, 2, 3, 30, tzinfo=UTC)
ADMIN = "admin@dairy.example"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def dairy(clock: time_machine.Traveller, app: DairyFlask, worker_database: WorkerDatabase) -> Dairy:
    """A dairy of that morning."""
    return Dairy(app, worker_database)


@pytest.fixture
def anna(dairy: Dairy) -> Client:
    """An accountant with a session."""
    return dairy.staff("accountant", "Anna")


def ask(dairy: Dairy, login: str, ip: str = "192.0.2.1") -> TestResponse:
    return dairy.nobody.post("/auth/reset-requests", {"login": login}, environ_overrides={"REMOTE_ADDR": ip})


def set_new(dairy: Dairy, login: str, code: str, password: str = NEW, ip: str = "192.0.2.1") -> TestResponse:
    body = {"login": login, "code": code, "password": password}
    return dairy.nobody.post("/auth/resets", body, environ_overrides={"REMOTE_ADDR": ip})


def codes(sql: Any) -> list[tuple[str, str, str]]:
    """Channel, recipient and code of each message that waits, the latest last; nothing but SQL sees them."""
    rows = sql("SELECT channel, recipient, body FROM outbox_messages WHERE kind = 'login_code' AND status = 'queued'"
        " ORDER BY id")  # fmt: skip
    return [(channel, to, re.findall(r"\b(\d{4} \d{4})\b", body)[0]) for channel, to, body in rows]


def code_for(dairy: Dairy, login: str, sql: Any) -> str:
    ok(ask(dairy, login), 202)
    return codes(sql)[-1][2]


def wrong(code: str) -> str:
    return f"{(int(typed_code(code)) + 1) % 10**8:08d}"


def test_a_code_sets_a_new_password_once(dairy: Dairy, anna: Client, sql: Any) -> None:
    email = anna.user["email"]
    assert ok(ask(dairy, f" {email.upper()} "), 202) == {"expires_in": 900}
    ((channel, recipient, code),) = codes(sql)
    assert (channel, recipient) == ("email", email)
    assert set_new(dairy, email, code).status_code == 204
    refused(dairy.nobody.post("/auth/login", {"email": email, "password": PASSWORD}), 401, "bad_credentials")
    dairy.login(email, NEW)
    refused(set_new(dairy, email, code, PASSWORD), 401, "reset_code_invalid")
    dairy.login(email, NEW)


def test_every_session_of_the_login_ends(dairy: Dairy, clock: time_machine.Traveller, sql: Any) -> None:
    """Access tokens, refresh tokens, the sessions of browsers, invitations and links to the customer's own pages."""
    customer, own = dairy.customer_login()
    phone = customer["phone"]
    tokens = ok(dairy.nobody.post("/auth/login", {"phone": phone, "password": PASSWORD}))
    link = ok(dairy.admin.post(f"/customers/{customer['id']}/account-link", {}), 201)["url"]
    invitation = ok(dairy.admin.post(f"/users/{own.user['id']}/invitation"), 201)["invitation_token"]
    page = own.browse("GET", f"/customers/{customer['id']}")
    assert page.status_code == 200
    assert set_new(dairy, phone, code_for(dairy, phone, sql)).status_code == 204
    refused(own.get("/auth/me"), 401, "token_revoked")
    refused(dairy.nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}), 401, "token_revoked")
    assert own.browse("GET", f"/customers/{customer['id']}").status_code in {303, 401}
    accept = {"token": invitation, "password": PASSWORD}
    refused(dairy.nobody.post("/auth/invitations/accept", accept), 410, "link_revoked")
    assert sql("SELECT count(*) FROM refresh_tokens WHERE user_id = %s AND revoked_at IS NULL", own.user["id"]) == [
        (0,)
    ]
    path = link.partition("/account/")[2]
    entered = dairy.app.test_client().get(f"/account/{path}")
    assert entered.status_code in {200, 401, 410}
    assert ok(dairy.admin.get("/auth/me"))  # others go on
    dairy.nobody.post("/auth/login", {"phone": phone, "password": NEW})


#: Logins that get the same answers as one that may log in.
OTHERS = ("nobody@dairy.example", "+919899999999", "no login at all", "inactive", "\u0905\u0928\u094d\u0928\u093e")


def make_others(dairy: Dairy) -> list[str]:
    inactive = dairy.staff("supplier")
    ok(dairy.admin.patch(f"/users/{inactive.user['id']}", {"is_active": False}))
    return [inactive.user["email"] if each == "inactive" else each for each in OTHERS]


def told(answer: TestResponse) -> tuple[Any, ...]:
    """All of an answer but what names this one request."""
    body = re.sub(rb"urn:request:[0-9a-f]+", b"", answer.get_data())
    headers = sorted((name, value) for name, value in answer.headers if name != "X-Request-Id")
    return answer.status_code, body, headers


def test_nobody_learns_who_has_a_login(dairy: Dairy, anna: Client, sql: Any) -> None:
    """Asked, tried wrongly to the end, and asked again: byte for byte the same, however it was written."""
    walks = {}
    for place, login in enumerate([anna.user["email"], *make_others(dairy)]):
        ip = f"198.51.100.{place}"
        walk = [told(ask(dairy, login, ip))]
        walk += [told(set_new(dairy, login, "00000000", ip=ip)) for _ in range(7)]
        walk += [told(ask(dairy, login, ip)), told(set_new(dairy, login, "00000000", ip=ip))]
        walk += [told(ask(dairy, login, ip)) for _ in range(2)]
        walks[login] = walk
    assert sql("SELECT count(*) FROM outbox_messages WHERE kind = 'login_code'") == [(3,)]
    known, *others = walks.values()
    assert [status for status, _, _ in known] == [202, *[401] * 5, 429, 429, 202, 401, 202, 429]
    for walk in others:
        assert walk == known


def test_as_much_is_done_for_a_login_that_is_not_there(dairy: Dairy, anna: Client, app: DairyFlask) -> None:
    """The same statements in the same order: what is left of a difference are rows, not round trips."""

    def sent(call: Any) -> list[str]:
        with statements(app) as found:
            call()
        return [re.sub(r"\s+", " ", each)[:60] for each in found]

    email = anna.user["email"]
    sent(lambda: ask(dairy, "warm@dairy.example"))
    assert sent(lambda: ask(dairy, email)) == sent(lambda: ask(dairy, "nobody@dairy.example"))
    assert sent(lambda: set_new(dairy, email, "00000000")) == sent(
        lambda: set_new(dairy, "nobody@dairy.example", "00000000")
    )


def test_nobody_of_the_office_sees_a_code(dairy: Dairy, anna: Client, sql: Any) -> None:
    code = code_for(dairy, anna.user["email"], sql)
    bare = typed_code(code)
    (message,) = ok(dairy.admin.get("/outbox", kind="login_code"))["items"]
    assert (message["body"], message["user_id"]) == (None, anna.user["id"])
    places = [ok(dairy.admin.get(f"/outbox/{message['id']}")), ok(dairy.admin.get("/audit-log", limit=200))]
    text = f"{message} {places} {dairy.admin.browse('GET', '/messages').get_data(as_text=True)}"
    assert code not in text
    assert bare not in text
    ((stored,),) = sql("SELECT code_hash FROM password_resets")
    assert bytes(stored) != bare.encode()
    ok(dairy.admin.post(f"/outbox/{message['id']}/withdraw"))
    assert sql("SELECT body FROM outbox_messages") == [(None,)]


def test_what_is_stored_tells_nothing_without_the_secret(anna: Client, dairy: Dairy, sql: Any) -> None:
    from uuid import UUID

    code, user_id = typed_code(code_for(dairy, anna.user["email"], sql)), UUID(anna.user["id"])
    ((stored,),) = sql("SELECT code_hash FROM password_resets")
    assert bytes(stored) == hash_of_code(SECRET_KEY, user_id, code)
    assert bytes(stored) != hash_of_code("another secret", user_id, code)
    assert bytes(stored) != hash_of_code(SECRET_KEY, UUID(int=1), code)


def test_a_code_is_good_for_a_quarter_of_an_hour(dairy: Dairy, clock: time_machine.Traveller, sql: Any) -> None:
    first, second = dairy.staff("supplier"), dairy.staff("supplier")
    early = code_for(dairy, first.user["email"], sql)
    late = code_for(dairy, second.user["email"], sql)
    clock.shift(timedelta(minutes=15, seconds=-1))
    assert set_new(dairy, first.user["email"], early).status_code == 204
    clock.shift(timedelta(seconds=1))
    refused(set_new(dairy, second.user["email"], late), 401, "reset_code_invalid")
    ((expires,),) = sql("SELECT expires_at FROM outbox_messages WHERE user_id = %s", second.user["id"])
    assert expires == MORNING + timedelta(minutes=15)


def test_at_most_one_code_is_good(dairy: Dairy, anna: Client, sql: Any) -> None:
    email = anna.user["email"]
    first, second = code_for(dairy, email, sql), code_for(dairy, email, sql)
    assert [code for *_, code in codes(sql)] == [second]
    assert sql("SELECT status, body FROM outbox_messages ORDER BY id")[0] == ("withdrawn", None)
    if first != second:
        refused(set_new(dairy, email, first), 401, "reset_code_invalid")
    assert set_new(dairy, email, second).status_code == 204


def test_five_wrong_codes_end_it(dairy: Dairy, anna: Client, sql: Any) -> None:
    email = anna.user["email"]
    code = code_for(dairy, email, sql)
    for _ in range(5):
        refused(set_new(dairy, email, wrong(code), ip="198.51.100.7"), 401, "reset_code_invalid")
    refused(set_new(dairy, email, code), 429, "too_many_attempts")
    assert sql("SELECT wrong_codes FROM password_resets") == [(5,)]
    another = code_for(dairy, email, sql)
    assert set_new(dairy, email, another).status_code == 204


def test_the_other_name_of_a_login_brings_no_more_tries(dairy: Dairy, anna: Client, sql: Any) -> None:
    phone = "+919812300001"
    ok(dairy.admin.patch(f"/users/{anna.user['id']}", {"phone": phone}))
    code = code_for(dairy, anna.user["email"], sql)
    assert sorted(channel for channel, *_ in codes(sql)) == ["email", "sms"]
    assert len({code for *_, code in codes(sql)}) == 1
    for _ in range(5):
        refused(set_new(dairy, anna.user["email"], wrong(code)), 401, "reset_code_invalid")
    refused(set_new(dairy, phone, code), 401, "reset_code_invalid")
    dairy.login(phone)


def test_a_weak_password_does_not_use_the_code_up(dairy: Dairy, anna: Client, sql: Any) -> None:
    email = anna.user["email"]
    code = code_for(dairy, email, sql)
    for weak in ("short", "password1", email):
        body = refused(set_new(dairy, email, code, weak), 422, "validation_failed")
        assert body["errors"][0]["pointer"] == "/password"
    assert set_new(dairy, email, code.replace(" ", "-")).status_code == 204


def test_requests_are_few_by_login_and_by_address(
    dairy: Dairy, anna: Client, clock: time_machine.Traveller, sql: Any
) -> None:
    email = anna.user["email"]
    for _ in range(3):
        ok(ask(dairy, email, "198.51.100.8"), 202)
    answer = ask(dairy, email, "198.51.100.9")
    refused(answer, 429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    for place in range(27):
        ok(ask(dairy, f"other{place}@dairy.example", "198.51.100.8"), 202)
    refused(ask(dairy, "one-more@dairy.example", "198.51.100.8"), 429, "rate_limited")
    ok(ask(dairy, "one-more@dairy.example", "198.51.100.10"), 202)
    clock.shift(timedelta(minutes=15))
    ok(ask(dairy, email, "198.51.100.9"), 202)


def test_strangers_keep_nobody_from_a_code_at_home(dairy: Dairy, anna: Client, sql: Any) -> None:
    """From where the login has a session only the requests from there count."""
    email = anna.user["email"]
    for _ in range(3):
        ok(ask(dairy, email, "198.51.100.8"), 202)
    ok(ask(dairy, email, "127.0.0.1"), 202)


def test_ten_codes_a_day_are_sent(dairy: Dairy, anna: Client, clock: time_machine.Traveller, sql: Any) -> None:
    """The answer stays the same: who asks learns nothing from it."""
    email, sent = anna.user["email"], "SELECT count(*) FROM outbox_messages WHERE kind = 'login_code'"
    for _ in range(12):
        ok(ask(dairy, email), 202)
        clock.shift(timedelta(minutes=15))
    assert sql(sent) == [(10,)]
    clock.shift(timedelta(hours=21))
    ok(ask(dairy, email), 202)
    assert sql(sent) == [(11,)]
    assert sql("SELECT codes_of_day FROM password_resets") == [(1,)]


def test_who_forgot_the_password_is_forgiven_the_tries_at_it(dairy: Dairy, anna: Client, sql: Any) -> None:
    email = anna.user["email"]
    login = {"email": email, "password": "was it this?"}
    at_home = {"REMOTE_ADDR": "192.0.2.1"}
    for _ in range(10):
        refused(dairy.nobody.post("/auth/login", login, environ_overrides=at_home), 401, "bad_credentials")
    refused(dairy.nobody.post("/auth/login", login, environ_overrides=at_home), 429, "rate_limited")
    assert set_new(dairy, email, code_for(dairy, email, sql)).status_code == 204
    ok(dairy.nobody.post("/auth/login", {"email": email, "password": NEW}, environ_overrides=at_home))


def test_who_never_arrived_gets_in_by_a_code_too(dairy: Dairy, clock: time_machine.Traveller, sql: Any) -> None:
    made = ok(dairy.admin.post("/users", {"name": "New", "role": "supplier", "email": "new@dairy.example"}), 201)
    assert set_new(dairy, made["email"], code_for(dairy, made["email"], sql)).status_code == 204
    dairy.login(made["email"], NEW)


def test_a_login_that_is_deactivated_meanwhile_stays_out(dairy: Dairy, anna: Client, sql: Any) -> None:
    code = code_for(dairy, anna.user["email"], sql)
    ok(dairy.admin.patch(f"/users/{anna.user['id']}", {"is_active": False}))
    refused(set_new(dairy, anna.user["email"], code), 401, "reset_code_invalid")
    refused(dairy.nobody.post("/auth/login", {"email": anna.user["email"], "password": NEW}), 401, "bad_credentials")


def test_who_asked_and_what_came_of_it_is_in_the_audit_log(dairy: Dairy, anna: Client, sql: Any) -> None:
    code = code_for(dairy, anna.user["email"], sql)
    refused(set_new(dairy, anna.user["email"], wrong(code)), 401, "reset_code_invalid")
    assert set_new(dairy, anna.user["email"], code).status_code == 204
    entries = ok(dairy.admin.get("/audit-log", table_name="password_resets"))["items"]
    done, asked = entries
    assert (asked["action"], asked["ip"], asked["actor_user_id"]) == ("INSERT", "192.0.2.1", None)
    assert asked["after"].keys() == {"id", "user_id", "asked_at", "expires_at"}
    assert (done["action"], done["actor_user_id"]) == ("UPDATE", anna.user["id"])
    assert done["after"].keys() == {"used_at"}
    entry = ok(dairy.admin.get("/audit-log", table_name="users", row_id=anna.user["id"]))["items"][0]
    assert (entry["actor_user_id"], entry["after"]["password"]) == (anna.user["id"], "***")


def test_the_message_is_in_the_language_of_the_customer(dairy: Dairy, clock: time_machine.Traveller, sql: Any) -> None:
    dairy.seller()
    customer, _ = dairy.customer_login(language="hi")
    ok(ask(dairy, customer["phone"]), 202)
    ((channel, language, body, secret),) = sql("SELECT channel, language, body, secret FROM outbox_messages")
    assert (channel, language, secret) == ("sms", "hi", True)
    assert "Sunrise Dairy पर नए पासवर्ड" in body


def test_two_resets_with_one_code_at_once_are_one(dairy: Dairy, anna: Client, database_url: str, sql: Any) -> None:
    email = anna.user["email"]
    code = code_for(dairy, email, sql)
    phone = "+919812300002"
    sql("UPDATE users SET phone = %s WHERE id = %s", phone, anna.user["id"])
    passwords = ("the first of two passwords", "the second of two passwords")
    answers = at_once(
        database_url,
        f"SELECT FROM users WHERE id = '{anna.user['id']}' FOR UPDATE",
        lambda: set_new(dairy, email, code, passwords[0]),
        lambda: set_new(dairy, phone, code, passwords[1]),
    )
    assert sorted(each.status_code for each in answers) == [204, 401]
    won = passwords[[each.status_code for each in answers].index(204)]
    dairy.login(email, won)


def test_two_requests_at_once_leave_one_code(dairy: Dairy, anna: Client, database_url: str, sql: Any) -> None:
    phone = "+919812300003"
    sql("UPDATE users SET phone = %s WHERE id = %s", phone, anna.user["id"])
    answers = at_once(
        database_url,
        f"SELECT FROM users WHERE id = '{anna.user['id']}' FOR UPDATE",
        lambda: ask(dairy, anna.user["email"]),
        lambda: ask(dairy, phone),
    )
    assert [each.status_code for each in answers] == [202, 202]
    ((code,),) = {(code,) for *_, code in codes(sql)}
    assert set_new(dairy, phone, code).status_code == 204


@pytest.mark.parametrize("body", [{}, {"login": ""}, {"login": "x" * 255}, {"login": 7}, {"login": "a\x00b"}])
def test_what_is_no_request_is_refused(dairy: Dairy, body: Any) -> None:
    assert dairy.nobody.post("/auth/reset-requests", body).status_code == 422


@pytest.mark.parametrize("typed", ["1234 5678", "1234-5678", " 12345678 ", "1234\u00a05678"])
def test_however_a_code_is_typed(typed: str) -> None:
    assert typed_code(typed) == "12345678"
    assert shown_code("12345678") == "1234 5678"
