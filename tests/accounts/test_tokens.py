"""Tokens: what is taken for one, how they rotate, and everything that ends them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine

from dairy_app.web.http import DairyFlask
from tests.conftest import SECRET_KEY
from tests.dairy import PASSWORD, Client, Dairy, ok, refused
from tests.races import at_once
from tests.statements import count_statements

MORNING = datetime(2026, 11, 2, 3, 30, tzinfo=UTC)


def tokens_of(dairy: Dairy, email: str = "admin@dairy.example") -> Any:
    return ok(dairy.nobody.post("/auth/login", {"email": email, "password": PASSWORD}))


def bearer(dairy: Dairy, token: str) -> Client:
    return Client(dairy.app, token)


def refresh(dairy: Dairy, token: str) -> Any:
    return dairy.nobody.post("/auth/refresh", {"refresh_token": token})


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(token: str, **changes: Any) -> str:
    """The same token with other claims, signed with the real key."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, SECRET_KEY, "HS256")


# What is taken for a token


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "bearer\t"])
def test_no_token_is_not_authenticated(dairy: Dairy, header: str) -> None:
    answer = dairy.nobody.call("GET", "/auth/me", headers={"Authorization": header})
    refused(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "ü.ü.ü",
        "....",
        f"{part({'alg': 'none'})}.{part({'sub': 'x'})}.",
        f"{part([])}.{part([])}.{part([])}",
        # Deep JSON: a parser that gives up must not become a fault of ours.
        f"{base64.urlsafe_b64encode(b'[' * 2_900).decode()}.{part({})}.x",
    ],
)
def test_a_malformed_token_is_not_authenticated_in_our_words(dairy: Dairy, token: str) -> None:
    answer = bearer(dairy, token).get("/auth/me")
    refused(answer, 401, "not_authenticated")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    refused(refresh(dairy, token), 401, "not_authenticated")


def test_only_our_signature_and_method_count(dairy: Dairy) -> None:
    token = tokens_of(dairy)["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    for stranger in (
        jwt.encode(claims, "another key, as long as ours is: 32 bytes", "HS256"),
        jwt.encode(claims, SECRET_KEY + "x" * 64, "HS512"),
        jwt.encode(claims, None, "none"),
        token[:-4] + "AAAA",
    ):
        refused(bearer(dairy, stranger).get("/auth/me"), 401, "not_authenticated")
    ok(bearer(dairy, forged(token)).get("/auth/me"))


@pytest.mark.parametrize("changes", [{"sub": "7"}, {"sub": "admin"}, {"ver": None}, {"sid": "x"}, {"type": "other"}])
def test_claims_that_are_not_ours_are_not_authenticated(dairy: Dairy, changes: dict[str, Any]) -> None:
    token = tokens_of(dairy)["access_token"]
    ok(bearer(dairy, forged(token)).get("/auth/me"))
    refused(bearer(dairy, forged(token, **changes)).get("/auth/me"), 401, "not_authenticated")


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_without_an_end_is_not_ours(dairy: Dairy, kind: str) -> None:
    """Signed with the real key all the same: whoever got hold of it once must not hold it for ever."""
    token = tokens_of(dairy)[f"{kind}_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    del claims["exp"]
    endless = jwt.encode(claims, SECRET_KEY, "HS256")
    use = {"access": lambda one: bearer(dairy, one).get("/auth/me"), "refresh": lambda one: refresh(dairy, one)}[kind]
    refused(use(endless), 401, "not_authenticated")
    ok(use(token))


@pytest.mark.parametrize("jti", [None, 7, "x"])
def test_a_refresh_token_without_a_number_is_not_ours(dairy: Dairy, jti: Any) -> None:
    token = tokens_of(dairy)["refresh_token"]
    refused(refresh(dairy, forged(token, jti=jti)), 401, "not_authenticated")
    ok(refresh(dairy, token))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_of_a_host_whose_clock_runs_fast_is_taken(app: DairyFlask, claim: str) -> None:
    with time_machine.travel(MORNING, tick=False):
        dairy = Dairy(app)
        token = tokens_of(dairy)["access_token"]
        for seconds in (3, 9):
            ok(bearer(dairy, forged(token, **{claim: int(MORNING.timestamp()) + seconds})).get("/auth/me"))
        ahead = forged(token, **{claim: int(MORNING.timestamp()) + 11})
        refused(bearer(dairy, ahead).get("/auth/me"), 401, "not_authenticated")


def test_a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing(dairy: Dairy) -> None:
    pair = tokens_of(dairy)
    refused(bearer(dairy, pair["refresh_token"]).get("/auth/me"), 401, "not_authenticated")
    refused(refresh(dairy, pair["access_token"]), 401, "not_authenticated")
    ok(refresh(dairy, pair["refresh_token"]))


def test_role_and_customer_in_a_token_open_nothing(dairy: Dairy) -> None:
    """Even a token of ours is believed only in who it names; the rest the database says."""
    client = dairy.staff("accountant")
    token = forged(tokens_of(dairy, client.user["email"])["access_token"], role="admin")
    ok(bearer(dairy, token).get("/auth/me"))
    refused(bearer(dairy, token).get("/users"), 403, "forbidden")


def test_a_public_route_does_not_look_at_tokens(dairy: Dairy) -> None:
    ok(bearer(dairy, "nonsense").post("/auth/login", {"email": "admin@dairy.example", "password": PASSWORD}))


def test_one_statement_identifies_the_caller(dairy: Dairy, app: DairyFlask) -> None:
    with count_statements(app.database) as sent:
        ok(dairy.admin.get("/auth/me"))
    assert len(sent) == 2, sent  # who calls; what /auth/me answers


# Time


def test_an_access_token_lives_fifteen_minutes(app: DairyFlask) -> None:
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        clock.shift(timedelta(minutes=14, seconds=59))
        ok(dairy.admin.get("/auth/me"))
        clock.shift(timedelta(seconds=1))
        answer = dairy.admin.get("/auth/me")
        refused(answer, 401, "token_expired")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_refresh_token_lives_thirty_days(app: DairyFlask) -> None:
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        kept, late = tokens_of(dairy), tokens_of(dairy)
        clock.shift(timedelta(days=30, seconds=-1))
        ok(refresh(dairy, kept["refresh_token"]))
        clock.shift(timedelta(seconds=1))
        refused(refresh(dairy, late["refresh_token"]), 401, "token_expired")


# Rotation


def test_a_refresh_gives_a_new_pair_of_the_same_login(dairy: Dairy) -> None:
    first = tokens_of(dairy)
    second = ok(refresh(dairy, first["refresh_token"]), 200)
    assert second["user"] == first["user"]
    assert second["refresh_token"] != first["refresh_token"]
    ok(bearer(dairy, second["access_token"]).get("/auth/me"))
    ok(refresh(dairy, second["refresh_token"]))


def test_a_refresh_token_is_taken_as_bearer_too(dairy: Dairy) -> None:
    pair = tokens_of(dairy)
    ok(bearer(dairy, pair["refresh_token"]).post("/auth/refresh"), 200)
    refused(dairy.nobody.post("/auth/refresh"), 401, "not_authenticated")


def test_a_lost_answer_may_be_asked_for_once_more(app: DairyFlask) -> None:
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        first = tokens_of(dairy)["refresh_token"]
        ok(refresh(dairy, first))
        clock.shift(timedelta(seconds=30))
        again = ok(refresh(dairy, first))
        ok(bearer(dairy, again["access_token"]).get("/auth/me"))
        ok(refresh(dairy, again["refresh_token"]))


@pytest.mark.parametrize("uses", [(0, 31), (0, 30, 30), (0, 1, 2), (0, 86_400)])
def test_using_a_refresh_token_again_ends_the_whole_login(app: DairyFlask, uses: tuple[int, ...]) -> None:
    """Times of use in seconds; the last one is one too many. Both holders are out, whoever was the thief."""
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        other = tokens_of(dairy)
        first = tokens_of(dairy)["refresh_token"]
        *allowed, last = uses
        newest: Any = None
        for seconds in allowed:
            clock.move_to(MORNING + timedelta(seconds=seconds))
            newest = ok(refresh(dairy, first))
        clock.move_to(MORNING + timedelta(seconds=last))
        newest = ok(refresh(dairy, newest["refresh_token"]))
        client = bearer(dairy, newest["access_token"])
        ok(client.get("/auth/me"))
        refused(refresh(dairy, first), 401, "token_revoked")
        refused(client.get("/auth/me"), 401, "token_revoked")
        refused(refresh(dairy, newest["refresh_token"]), 401, "token_revoked")
        ok(refresh(dairy, other["refresh_token"]))


def test_after_thirty_seconds_a_lost_answer_stays_lost(app: DairyFlask) -> None:
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        first = tokens_of(dairy)["refresh_token"]
        newest = ok(refresh(dairy, first))
        clock.shift(timedelta(seconds=31))
        ok(bearer(dairy, newest["access_token"]).get("/auth/me"))
        refused(refresh(dairy, first), 401, "token_revoked")
        refused(refresh(dairy, newest["refresh_token"]), 401, "token_revoked")


def test_used_up_tokens_leave_no_rows(app: DairyFlask, sql: Any) -> None:
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        [(before,)] = sql("SELECT count(*) FROM refresh_tokens")
        token = tokens_of(dairy)["refresh_token"]
        for _ in range(5):
            clock.shift(timedelta(minutes=10))
            token = ok(refresh(dairy, token))["refresh_token"]
        assert sql("SELECT count(*) FROM refresh_tokens") == [(before + 2,)]


def test_two_refreshes_at_once_both_get_tokens_and_a_third_ends_the_login(dairy: Dairy, database_url: str) -> None:
    token = tokens_of(dairy)["refresh_token"]
    hold = "SELECT 1 FROM users FOR UPDATE"
    one, two = at_once(database_url, hold, *[lambda: refresh(dairy, token)] * 2)
    pairs = [ok(one), ok(two)]
    assert pairs[0]["refresh_token"] != pairs[1]["refresh_token"]
    for pair in pairs:
        ok(bearer(dairy, pair["access_token"]).get("/auth/me"))
    refused(refresh(dairy, token), 401, "token_revoked")
    for pair in pairs:
        refused(bearer(dairy, pair["access_token"]).get("/auth/me"), 401, "token_revoked")
        refused(refresh(dairy, pair["refresh_token"]), 401, "token_revoked")


def test_of_three_refreshes_at_once_none_leaves_a_login_behind(dairy: Dairy, database_url: str) -> None:
    token = tokens_of(dairy)["refresh_token"]
    hold = "SELECT 1 FROM users FOR UPDATE"
    answers = at_once(database_url, hold, *[lambda: refresh(dairy, token)] * 3)
    assert sorted(each.status_code for each in answers) == [200, 200, 401]
    for answer in answers:
        if answer.status_code == 200:
            refused(refresh(dairy, ok(answer)["refresh_token"]), 401, "token_revoked")


# What ends them


def test_logging_out_ends_this_login_and_no_other(dairy: Dairy) -> None:
    here, there = tokens_of(dairy), tokens_of(dairy)
    answer = bearer(dairy, here["access_token"]).post("/auth/logout")
    assert (answer.status_code, answer.data) == (204, b"")
    refused(bearer(dairy, here["access_token"]).get("/auth/me"), 401, "token_revoked")
    refused(refresh(dairy, here["refresh_token"]), 401, "token_revoked")
    ok(bearer(dairy, there["access_token"]).get("/auth/me"))
    ok(refresh(dairy, there["refresh_token"]))


def test_deactivation_ends_every_token_at_once_and_for_good(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    pair = tokens_of(dairy, client.user["email"])
    address = f"/users/{client.user['id']}"
    ok(dairy.admin.patch(address, {"is_active": False}))
    refused(client.get("/auth/me"), 403, "user_inactive")
    refused(refresh(dairy, pair["refresh_token"]), 403, "user_inactive")
    ok(dairy.admin.patch(address, {"is_active": True}))
    refused(client.get("/auth/me"), 401, "token_revoked")
    refused(refresh(dairy, pair["refresh_token"]), 401, "token_revoked")
    ok(dairy.login(client.user["email"]).get("/auth/me"))


def test_a_refresh_and_a_deactivation_at_once_leave_no_way_in(dairy: Dairy, database_url: str) -> None:
    client = dairy.staff("accountant")
    token = tokens_of(dairy, client.user["email"])["refresh_token"]
    renewed, changed = at_once(
        database_url,
        "SELECT 1 FROM users FOR UPDATE",
        lambda: refresh(dairy, token),
        lambda: dairy.admin.patch(f"/users/{client.user['id']}", {"is_active": False}),
    )
    ok(changed)
    if renewed.status_code == 200:
        pair = ok(renewed)
        refused(bearer(dairy, pair["access_token"]).get("/auth/me"), 403, "user_inactive")
        refused(refresh(dairy, pair["refresh_token"]), 403, "user_inactive")
    else:
        refused(renewed, 403, "user_inactive")


def test_a_user_who_is_gone_is_no_fault(dairy: Dairy, sql: Any) -> None:
    client = dairy.staff("accountant")
    pair = tokens_of(dairy, client.user["email"])
    sql("DELETE FROM users WHERE id = %s", client.user["id"])
    refused(client.get("/auth/me"), 401, "token_revoked")
    refused(refresh(dairy, pair["refresh_token"]), 401, "token_revoked")


def test_a_new_role_counts_from_the_next_request_on(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    refused(client.get("/users"), 403, "forbidden")
    ok(dairy.admin.patch(f"/users/{client.user['id']}", {"role": "admin"}))
    ok(client.get("/users"))


def test_raising_the_token_version_with_plain_sql_ends_every_token(dairy: Dairy, sql: Any) -> None:
    """What an operator does in a hurry."""
    pair = tokens_of(dairy)
    other = dairy.staff("accountant")
    sql("UPDATE users SET token_version = token_version + 1 WHERE email = 'admin@dairy.example'")
    refused(bearer(dairy, pair["access_token"]).get("/auth/me"), 401, "token_revoked")
    refused(refresh(dairy, pair["refresh_token"]), 401, "token_revoked")
    ok(other.get("/auth/me"))
    ok(dairy.login("admin@dairy.example").get("/auth/me"))
