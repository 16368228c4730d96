"""What may lag is read on the replica, by nobody who has seen more, and never at the cost of an answer."""

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from werkzeug.test import TestResponse

from dairy_app.database import embedded_postgres
from dairy_app.database.replicas import AHEAD, read_position, write_position
from dairy_app.web.http import current_session
from dairy_app.web.lagging import COOKIE, ReplicatedFlask
from dairy_app.web.lagging import HEADER as SAID
from tests.conftest import raw_connection, server_dir
from tests.dairy import Client, Dairy, ok, refused
from tests.database.test_database_away import standing_still
from tests.replicas.conftest import LAG, MakeApp, unaware
from tests.replication import Standby
from tests.test_access_matrix import routes

#: Bytes of a page of the log, of its header, and of that of a file's first page.
PAGE, HEADER, HEADERS = 8192, 24, 40
#: How many sessions of the replica are asleep.
SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


def caught_up(dairy: Dairy, standby: Standby) -> None:
    """The replica has replayed all that was committed."""
    app: Any = dairy.app
    until(lambda: behind(app) == 0)


def behind(app: ReplicatedFlask) -> int | None:
    """The bytes that the replica has not replayed; None when it is away."""
    mark, standings = app.replicas.standings()
    (standing,) = standings.values()
    return None if standing is None else standing.bytes_behind(mark)


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def served_by(app: ReplicatedFlask, ask: Callable[[], Any]) -> str:
    """The server that answered: ``primary`` or ``replica``."""
    before = app.replicas.served()
    ask()
    (name,) = [each for each, count in app.replicas.served().items() if count > before[each]]
    return name if name == "primary" else "replica"


def register(client: Client, name: str) -> TestResponse:
    """A customer by a request: set-ups of a dairy are kept, and may come back without one."""
    body = {"name": name, "phone": f"+9198{uuid4().int % 10**8:08d}", "address_line1": "1 Main Road", "area": "Kothrud"}
    made = client.post("/customers", body)
    ok(made, 201)
    return made


def names(client: Client, **headers: str) -> set[str]:
    return {each["name"] for each in ok(client.call("GET", "/customers?limit=100", headers or None))["items"]}


def test_a_list_is_read_on_the_replica_and_what_is_not_declared_is_not(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    customer = dairy.customer()
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    assert served_by(app, lambda: names(reader)) == "replica"
    before = app.replicas.served()
    ok(reader.get(f"/customers/{customer['id']}"))
    ok(reader.get(f"/customers/{customer['id']}/balance"))
    assert app.replicas.served() == before


def test_who_wrote_reads_it_and_who_did_not_may_read_what_was_before(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    register(dairy.admin, "Asha")
    caught_up(dairy, standby)
    other = unaware(app, dairy.admin)
    with standby.paused():
        register(dairy.admin, "Bela")
        assert served_by(app, lambda: names(dairy.admin)) == "primary"
        assert names(dairy.admin) == {"Asha", "Bela"}
        assert served_by(app, lambda: names(other)) == "replica"
        assert names(other) == {"Asha"}
    caught_up(dairy, standby)
    assert served_by(app, lambda: names(dairy.admin)) == "replica"
    assert names(dairy.admin) == names(other) == {"Asha", "Bela"}


def test_a_client_without_cookies_sends_the_header(dairy: Dairy, app: ReplicatedFlask, standby: Standby) -> None:
    caught_up(dairy, standby)
    with standby.paused():
        made = register(unaware(app, dairy.admin), "Chitra")
        assert names(unaware(app, dairy.admin)) == set()
        assert names(unaware(app, dairy.admin), **{SAID: made.headers[SAID]}) == {"Chitra"}


def test_the_position_is_past_the_commit_also_of_one_that_waits_for_nothing(
    dairy: Dairy, app: ReplicatedFlask, database_url: str
) -> None:
    """Asynchronous commits are acknowledged before the log is written: the position is of where it was inserted."""
    with raw_connection(database_url) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SET synchronous_commit = off")
        for n in range(50):  # some of them are written at once, by chance
            cursor.execute("UPDATE settings SET business_name = %s", (f"Dairy {n}",))
            cursor.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
            inserted = cursor.fetchone()[0]
            assert app.replicas.position() >= inserted - HEADERS


def test_at_the_beginning_of_a_page_of_the_log_the_replica_is_not_thought_to_be_behind(
    dairy: Dairy, app: ReplicatedFlask, database_url: str, standby: Standby
) -> None:
    """There the server says a position behind a header that no replica ever reports."""
    with raw_connection(database_url) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def inserted(statement: str = "SELECT", *parameters: object) -> int:
            cursor.execute(statement, parameters)
            cursor.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
            return int(cursor.fetchone()[0])

        said = inserted("SELECT pg_switch_wal()")
        if said % PAGE == HEADERS:  # unless somebody wrote meanwhile
            assert app.replicas.position() == said - HEADERS
        emit = "SELECT pg_logical_emit_message(false, '', repeat('x', %s))"
        own = inserted(emit, 1000) - said - 1000  # what a message takes besides its text
        for _ in range(100):
            left = PAGE - inserted() % PAGE - own
            said = inserted(emit, left if left > 300 else 3000)
            if said % PAGE == HEADER:
                break
        assert said % PAGE == HEADER and app.replicas.position() == said - HEADER
        caught_up(dairy, standby)


def test_what_writes_says_its_position_and_what_reads_does_not(dairy: Dairy, app: ReplicatedFlask) -> None:
    made = unaware(app, dairy.admin).post("/areas", {"name": "Baner"})
    position = read_position(made.headers[SAID])
    assert 0 < position <= app.replicas.position() < AHEAD
    (cookie,) = [each for each in made.headers.getlist("Set-Cookie") if each.startswith(COOKIE)]
    told = dict(part.partition("=")[::2] for part in cookie.split("; "))
    assert told.pop("Expires")
    assert told == {
        COOKIE: made.headers[SAID],
        "Max-Age": str(LAG + 60),
        "HttpOnly": "",
        "Path": "/",
        "SameSite": "Lax",
    }
    for answer in (dairy.admin.get("/areas"), dairy.admin.get("/customers")):
        assert SAID not in answer.headers
    wrong = dairy.admin.post("/areas", {"name": ""})
    assert wrong.status_code == 422 and SAID not in wrong.headers  # nothing of it was committed


@pytest.mark.parametrize(
    "said", ["FFFFFFFF/FFFFFFFF", "FFFFFFFF/0", "x", "0/", "-1/-1", "1/2/3", "9" * 3000, "\u0661/\u0661"]
)
def test_a_position_that_is_made_up_leads_to_the_primary(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby, said: str
) -> None:
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    if said.isascii():
        assert served_by(app, lambda: names(reader, **{SAID: said})) == "primary"
    reader._http.set_cookie(COOKIE, said.replace("/", "%2F") if not said.isascii() else said)
    assert served_by(app, lambda: names(reader)) == "primary"


@pytest.mark.parametrize("position", [0, 1, 2**32 - 1, 2**32, 0x16B374D848, AHEAD])
def test_a_position_is_read_as_it_is_written(position: int) -> None:
    assert read_position(write_position(position)) == position


def test_a_replica_that_is_too_far_behind_is_not_read(make_app: MakeApp, dairy: Dairy, standby: Standby) -> None:
    app = make_app(read_lag=1)
    reader = unaware(app, dairy.admin)
    caught_up(dairy, standby)
    with standby.paused():
        assert served_by(app, lambda: names(reader)) == "replica"  # nothing was written: it has everything
        register(dairy.admin, "Asha")
        until(lambda: served_by(app, lambda: names(reader)) == "primary")
        assert names(reader) == {"Asha"}
        passed = app.replicas.passed_over()
        assert sum(count for (_, reason), count in passed.items() if reason == "behind") >= 1
    until(lambda: served_by(app, lambda: names(reader)) == "replica")


def test_a_session_that_was_ended_is_refused_though_the_replica_has_not_heard_of_it(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    accountant = dairy.staff("accountant")
    caught_up(dairy, standby)
    reader, gone = unaware(app, accountant), unaware(app, dairy.staff("accountant"))
    with standby.paused():
        ok(reader.get("/invoices"))
        ok(accountant.post("/auth/logout"))
        refused(reader.get("/invoices"), 401, "token_revoked")
        ok(dairy.admin.patch(f"/users/{gone.user['id']}", {"is_active": False}))
        refused(gone.get("/invoices"), 403, "user_inactive")


def test_a_replica_that_is_away_costs_no_answer_and_is_found_again(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    assert served_by(app, lambda: names(reader)) == "replica"
    standby.stop()
    try:
        assert served_by(app, lambda: names(reader)) == "primary"
        assert served_by(app, lambda: ok(reader.get("/exports/customers.csv"))) == "primary"
        assert ok(unaware(app, dairy.admin).get("/api/health"))["status"] == "ok"
        (away,) = [count for (_, reason), count in app.replicas.passed_over().items() if reason == "away"]
        assert away == 1  # the second time it was left alone
    finally:
        standby.start()
    until(lambda: served_by(app, lambda: names(reader)) == "replica")


@pytest.mark.skipif(not Path("/proc").exists(), reason="the server's processes are found in /proc")
def test_a_replica_that_stands_still_costs_one_wait_and_no_answer(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    assert served_by(app, lambda: names(reader)) == "replica"
    with standing_still(standby.place):
        for _ in range(5):
            assert served_by(app, lambda: names(reader)) == "primary"
    passed = {reason: count for (_, reason), count in app.replicas.passed_over().items() if count}
    assert set(passed) == {"away"} and passed["away"] < 5
    until(lambda: served_by(app, lambda: names(reader)) == "replica")


def test_what_the_replica_must_remove_under_a_reader_is_read_on_the_primary(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real recovery conflict: the primary drops what the reader has locked, and the replica does not wait."""
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    view, tried = app.view_functions["customers.list_customers"], []

    def slow(*args: Any, **kwargs: Any) -> Any:
        session = current_session()
        session.execute(text("SELECT count(*) FROM customers"))
        tried.append(session.scalar(text("SELECT pg_is_in_recovery()")))
        if tried[-1]:
            session.execute(text("SELECT pg_sleep(60)"))
        return view(*args, **kwargs)

    def lock() -> None:
        until(lambda: standby.ask(SLEEPERS) == 1)
        with raw_connection(app.database.url.render_as_string(hide_password=False)) as other:
            with other.cursor() as cursor:
                cursor.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
            other.commit()

    slow.policy = view.policy  # type: ignore[attr-defined]
    slow.declared = view.declared  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "customers.list_customers", slow)
    standby.ask("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    standby.ask("SELECT pg_reload_conf()")
    try:
        with ThreadPoolExecutor(1) as beside:
            locking = beside.submit(lock)
            assert served_by(app, lambda: names(reader)) == "primary"
            locking.result()
    finally:
        standby.ask("ALTER SYSTEM RESET max_standby_streaming_delay")
        standby.ask("SELECT pg_reload_conf()")
    assert tried == [True, False]
    assert {reason for (_, reason), count in app.replicas.passed_over().items() if count} == {"conflict"}


def test_an_address_that_is_the_primary_s_is_not_taken_for_a_replica(
    make_app: MakeApp, dairy: Dairy, database_url: str
) -> None:
    app = make_app(read_urls=(database_url,))
    assert served_by(app, lambda: names(unaware(app, dairy.admin))) == "primary"
    assert behind(app) is None


def test_a_replica_of_another_server_is_not_read(make_app: MakeApp, dairy: Dairy) -> None:
    folder = Path(server_dir() or "/tmp", f"dairy-stranger-{os.getpid()}")
    place = folder / "pg"
    try:
        embedded_postgres.start(place)
        embedded_postgres.stop(place)
        (place / "standby.signal").touch()
        shutil.chown(place / "standby.signal", place.stat().st_uid)
        app = make_app(read_urls=(embedded_postgres.start(place),))
        assert served_by(app, lambda: names(unaware(app, dairy.admin))) == "primary"
        assert {reason for (_, reason), count in app.replicas.passed_over().items() if count} == {"not_a_replica"}
    finally:
        embedded_postgres.stop(place)
        shutil.rmtree(folder, ignore_errors=True)


def test_an_export_is_read_on_the_replica_unless_its_reader_has_seen_more(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    register(dairy.admin, "Asha")
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    with standby.paused():
        register(dairy.admin, "Bela")
        for client, server, found in ((reader, "replica", False), (dairy.admin, "primary", True)):
            said: list[str] = []

            def read(client: Client = client, said: list[str] = said) -> None:
                said.append(client.get("/exports/customers.csv").get_data(as_text=True))

            assert served_by(app, read) == server
            assert "Asha" in said[0] and ("Bela" in said[0]) is found


def test_a_replica_can_answer_whatever_says_that_it_may_lag(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    """Nothing that they do is refused by a server that only replays: no lock, no number of a sequence."""
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    for route in routes(app):
        if route.policy.may_lag and not route.policy.records:
            assert served_by(app, lambda route=route: route.call(reader)) == "replica", route
    assert [pair for pair, count in app.replicas.passed_over().items() if count] == []


def test_reports_and_files_of_days_are_answered_by_a_replica(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    customer = dairy.customer()["id"]
    helper = dairy.staff("delivery_boy").user["id"]
    caught_up(dairy, standby)
    reader = unaware(app, dairy.admin)
    days, months = "from=2026-11-01&to=2026-11-30", "from=2026-10&to=2026-11"
    files = ("invoice-register.csv", "ledger.csv", "ageing.csv", "sales-by-product.csv", "deliveries.xlsx", "tally.xml")
    for path in (
        "/billing/monthly-view?period=2026-11",
        "/billing/monthly-view.xlsx?period=2026-11",
        f"/billing/recovery?{months}",
        f"/customers/{customer}/calendar?period=2026-11",
        f"/customers/{customer}/ledger",
        *(f"/exports/{name}?period=2026-11" for name in files),
        "/exports/invoice-lines.manifest.json?period=2026-11",
        "/reports/requirements?date=2026-11-30",
        f"/reports/sales?by=product&{months}",
        f"/reports/customers?{months}",
        f"/reports/short-deliveries?{months}",
        "/reports/containers?by=customer",
        f"/reports/statement?customer_id={customer}&{days}",
    ):
        answers: list[TestResponse] = []
        assert served_by(
            app, lambda path=path, answers=answers: answers.append(reader.call("GET", path, buffered=True))
        )
        assert answers[0].status_code == 200, (path, answers[0].get_data(as_text=True)[:300])
    for page in (f"/customers/{customer}/statement", f"/rounds/{helper}", "/downloads/receipts.csv?period=2026-11"):
        assert reader.browse("GET", page).status_code == 200, page
    assert app.replicas.served()["primary"] == 0
    assert [pair for pair, count in app.replicas.passed_over().items() if count] == []


def test_the_replica_refuses_to_be_written(dairy: Dairy, app: ReplicatedFlask, standby: Standby) -> None:
    (replica,) = app.replicas.replicas
    with pytest.raises(ValueError, match="only read"), replica.transaction():
        pass
    with pytest.raises(DBAPIError, match="read-only transaction"), replica.transaction(read_only=True) as session:
        session.execute(text("DELETE FROM customers"))


def test_the_round_of_a_link_is_judged_on_the_primary_and_read_on_the_replica(
    dairy: Dairy, app: ReplicatedFlask, standby: Standby
) -> None:
    helper = dairy.staff("delivery_boy")
    link = {"kind": "round", "delivery_boy_id": helper.user["id"], "rolling": True}
    made = ok(dairy.admin.post("/shared-links", link), 201)
    caught_up(dairy, standby)
    path, phone = f"/shared/{made['token']}/round", Client(app, None)
    with standby.paused():
        assert served_by(app, lambda: ok(phone.get(path))) == "replica"
        assert served_by(app, lambda: phone.get(f"/s/{made['token']}")) == "primary"  # its own use, noted just now
        ok(dairy.admin.delete(f"/shared-links/{made['id']}"), 204)
        refused(Client(app, None).get(path), 410, "link_revoked")
