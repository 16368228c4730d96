"""Failed tries are counted in the database, whoever serves them, and slow the next ones down."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from werkzeug.test import TestResponse

from dairy_app.accounts.rules.logins import network_of
from dairy_app.app import create_app
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from dairy_app.web.http import DairyFlask
from tests.conftest import raw_connection
from tests.dairy import PASSWORD, Client, Dairy, ok, refused

ADMIN = "admin@dairy.example"
START = datetime(2026, 11, 2, 3, 30, tzinfo=UTC)


def login(client: Client, email: str, password: str, ip: str = "192.0.2.1") -> TestResponse:
    body = {"email": email, "password": password}
    return client.post("/auth/login", body, environ_overrides={"REMOTE_ADDR": ip})


def fail(dairy: Dairy, times: int, email: str = ADMIN, ip: str = "192.0.2.1") -> None:
    for _ in range(times):
        refused(login(dairy.nobody, email, "wrong", ip), 401, "bad_credentials")


@pytest.mark.parametrize("email", [ADMIN, "nobody@dairy.example"])
def test_after_ten_failures_a_login_waits_whether_it_exists_or_not(dairy: Dairy, email: str) -> None:
    fail(dairy, 10, email)
    for password in ("wrong", PASSWORD):
        answer = login(dairy.nobody, email, password, ip="203.0.113.9")
        refused(answer, 429, "rate_limited")
        assert 0 < int(answer.headers["Retry-After"]) <= 900


def test_other_logins_do_not_wait(dairy: Dairy) -> None:
    other = dairy.staff("accountant")
    fail(dairy, 10)
    ok(login(dairy.nobody, other.user["email"], PASSWORD))


def test_after_the_time_named_the_login_is_open(app: DairyFlask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        dairy = Dairy(app)
        fail(dairy, 1)
        clock.shift(timedelta(minutes=5))
        fail(dairy, 9)
        wait = int(login(dairy.nobody, ADMIN, PASSWORD).headers["Retry-After"])
        assert wait == 10 * 60
        clock.shift(timedelta(seconds=wait - 1))
        refused(login(dairy.nobody, ADMIN, PASSWORD), 429, "rate_limited")
        clock.shift(timedelta(seconds=1))
        ok(login(dairy.nobody, ADMIN, PASSWORD))


def test_waiting_callers_do_not_make_it_longer(app: DairyFlask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        dairy = Dairy(app)
        fail(dairy, 10)
        for _ in range(14):
            clock.shift(timedelta(minutes=1))
            refused(login(dairy.nobody, ADMIN, "wrong"), 429, "rate_limited")
        clock.shift(timedelta(minutes=1))
        ok(login(dairy.nobody, ADMIN, PASSWORD))


def test_a_success_forgets_the_failures_of_its_login(dairy: Dairy) -> None:
    fail(dairy, 9)
    ok(login(dairy.nobody, ADMIN, PASSWORD))
    fail(dairy, 10)
    refused(login(dairy.nobody, ADMIN, PASSWORD), 429, "rate_limited")


def test_a_hundred_failures_slow_an_address_down_whatever_it_tries(dairy: Dairy) -> None:
    for n in range(100):
        fail(dairy, 1, f"somebody{n}@dairy.example", "198.51.100.7")
    answer = login(dairy.nobody, ADMIN, PASSWORD, "198.51.100.7")
    refused(answer, 429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    ok(login(dairy.nobody, ADMIN, PASSWORD, "198.51.100.8"))
    refused(login(dairy.nobody, ADMIN, PASSWORD, "198.51.100.7"), 429, "rate_limited")


def test_links_that_are_none_do_not_close_the_logins_of_their_address(dairy: Dairy) -> None:
    accept = {"token": "nobody's", "password": PASSWORD}
    for n in range(100):
        refused(dairy.nobody.post("/auth/invitations/accept", accept | {"token": f"guessed {n}"}), 404, "not_found")
    refused(dairy.nobody.post("/auth/invitations/accept", accept), 429, "rate_limited")
    ok(login(dairy.nobody, ADMIN, PASSWORD, "127.0.0.1"))
    fail(dairy, 1, ip="127.0.0.1")


def test_strangers_do_not_lock_out_who_was_here_before(dairy: Dairy) -> None:
    ok(login(dairy.nobody, ADMIN, PASSWORD, "192.0.2.1"))
    ok(login(dairy.nobody, ADMIN, PASSWORD, "2001:db8:1:2::7"))
    fail(dairy, 10, ip="203.0.113.9")
    refused(login(dairy.nobody, ADMIN, PASSWORD, "203.0.113.9"), 429, "rate_limited")
    refused(login(dairy.nobody, ADMIN, PASSWORD, "203.0.113.10"), 429, "rate_limited")
    ok(login(dairy.nobody, ADMIN, PASSWORD, "192.0.2.1"))
    ok(login(dairy.nobody, ADMIN, PASSWORD, "2001:db8:1:2::8"))  # the same household
    refused(login(dairy.nobody, ADMIN, PASSWORD, "203.0.113.9"), 429, "rate_limited")  # gains nothing by it
    fail(dairy, 10, ip="192.0.2.1")
    refused(login(dairy.nobody, ADMIN, PASSWORD, "192.0.2.1"), 429, "rate_limited")
    ok(login(dairy.nobody, ADMIN, PASSWORD, "2001:db8:1:2::7"))


def test_who_waits_for_their_turn_holds_no_connection(dairy: Dairy, database_url: str, sql: Any) -> None:
    key = int.from_bytes(hashlib.sha256(f"login:{ADMIN}".encode()).digest()[:8], "big", signed=True)
    with raw_connection(database_url) as other, ThreadPoolExecutor(4) as pool:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", (key,))
        waiting = [pool.submit(login, dairy.nobody, ADMIN, PASSWORD) for _ in range(4)]
        while not all(each.done() for each in waiting):
            assert sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'") == [(0,)]
        for each in waiting:
            answer = each.result()
            refused(answer, 429, "rate_limited")
            assert answer.headers["Retry-After"] == "1"
    ok(login(dairy.nobody, ADMIN, PASSWORD))


def test_another_worker_counts_the_same_failures(dairy: Dairy, settings: Settings, database_url: str) -> None:
    fail(dairy, 10)
    second = Database(database_url)
    try:
        elsewhere = Client(create_app(settings, second), None)
        refused(login(elsewhere, ADMIN, PASSWORD), 429, "rate_limited")
    finally:
        second.dispose()


def test_guessing_in_parallel_gains_nothing(dairy: Dairy) -> None:
    with ThreadPoolExecutor(24) as pool:
        tries = [pool.submit(login, dairy.nobody, ADMIN, "wrong") for _ in range(24)]
    codes = [each.result().status_code for each in tries]
    assert set(codes) <= {401, 429}
    assert codes.count(401) <= 10


def test_what_was_typed_is_not_stored(dairy: Dairy, sql: Any) -> None:
    fail(dairy, 1, "my secret password, in the wrong field")
    [(row,)] = sql("SELECT login_attempts::text FROM login_attempts")
    assert "secret" not in row
    assert b"secret".hex() not in row


def test_outdated_failures_are_swept_away(app: DairyFlask, sql: Any) -> None:
    with time_machine.travel(START, tick=False) as clock:
        dairy = Dairy(app)
        for n in range(5):
            fail(dairy, 1, f"somebody{n}@dairy.example")
        clock.shift(timedelta(minutes=15))
        fail(dairy, 1)
        assert sql("SELECT count(*) FROM login_attempts") == [(1,)]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        (None, "0.0.0.0"),
        ("unix:", "0.0.0.0"),
    ],
)
def test_one_caller_is_one_address_or_one_household(address: str | None, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("address", ["", "unix:", "fe80::1%eth0", "2001:db8::1", "not an address"])
def test_an_address_that_is_none_is_no_fault(dairy: Dairy, address: str) -> None:
    refused(login(dairy.nobody, ADMIN, "wrong", address), 401, "bad_credentials")
    ok(login(dairy.nobody, ADMIN, PASSWORD, address))
