"""One request, one transaction: what is kept, what is taken back, what is done again."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.database import transactions
from dairy_app.database.transactions import ATTEMPTS, Database, Limits
from dairy_app.web.http import DairyFlask
from tests.conftest import raw_connection
from tests.dairy import Client, Dairy, ok, refused

#: The server ended the session; whether its last word arrives depends on the line.
GONE = "database_unavailable"


def areas(sql: Any) -> list[str]:
    return [row[0] for row in sql("SELECT name FROM areas ORDER BY name")]


def test_get_cannot_write(lab: Dairy, sql: Any) -> None:
    refused(lab.nobody.get("/lab/write-on-get"), 500, "internal_error")
    assert areas(sql) == []


def test_a_get_that_declares_it_records(lab: Dairy, sql: Any) -> None:
    ok(lab.nobody.get("/lab/record-on-get"), 200)
    assert areas(sql) == ["recorded by GET"]


def test_a_raised_problem_takes_everything_back(lab: Dairy, sql: Any) -> None:
    refused(lab.admin.post("/lab/raise/already_exists"), 409, "already_exists")
    assert areas(sql) == []


def test_a_returned_refusal_keeps_what_it_recorded(lab: Dairy, sql: Any) -> None:
    refused(lab.admin.post("/lab/refuse/bad_credentials"), 401, "bad_credentials")
    assert areas(sql) == ["refused"]


def test_a_fault_takes_everything_back_and_shows_nothing(capsys: Any, lab: Dairy, sql: Any) -> None:
    problem = refused(lab.nobody.post("/lab/fault"), 500, "internal_error")
    assert "pump" not in str(problem)
    assert areas(sql) == []
    logged = capsys.readouterr().err
    assert "broken pump" in logged
    assert "swordfish" not in logged  # local variables stay out of the log


@pytest.mark.parametrize("statement", ["SELECT 1 / 0", "SELECT FROM nowhere", "INSERT INTO areas VALUES (NULL)"])
def test_a_database_fault_nobody_named_is_500_without_detail(lab: Dairy, statement: str) -> None:
    problem = refused(lab.nobody.post("/lab/sql", {"statements": [statement]}), 500, "internal_error")
    assert problem["detail"] == problem["title"] == "Something went wrong on our side"


def test_the_error_of_a_statement_holds_no_values(database: Database) -> None:
    with pytest.raises(DataError, match="SELECT 1 / 0") as caught, database.transaction() as session:
        session.execute(text("SELECT 1 / 0 WHERE :phone <> ''"), {"phone": "+919800000001"})
    assert "+919800000001" not in str(caught.value)


def test_a_named_constraint_is_its_code(lab: Dairy) -> None:
    twice = ["INSERT INTO areas (name) VALUES ('Kothrud')"] * 2
    refused(lab.nobody.post("/lab/sql", {"statements": twice}), 409, "already_exists")


def test_a_row_still_pointed_at_is_in_use(lab: Dairy) -> None:
    family = [
        "INSERT INTO areas (name) VALUES ('Pune')",
        "INSERT INTO areas (name, parent_id) SELECT 'Kothrud', id FROM areas",
        "DELETE FROM areas WHERE name = 'Pune'",
    ]
    refused(lab.nobody.post("/lab/sql", {"statements": family}), 409, "in_use")


def test_a_deferred_constraint_that_refuses_the_commit_is_its_code(lab: Dairy, sql: Any) -> None:
    sql("CREATE TABLE late (a uuid CONSTRAINT fk_customers_area_id REFERENCES areas DEFERRABLE INITIALLY DEFERRED)")
    write = ["INSERT INTO late VALUES (uuid7())", "INSERT INTO areas (name) VALUES ('as well')"]
    refused(lab.nobody.post("/lab/sql", {"statements": write}), 404, "area_not_found")
    assert areas(sql) == []


def test_a_deadlock_is_run_again(lab: Dairy, sql: Any) -> None:
    """Two transactions lock two rows in opposite order: PostgreSQL ends one, and both succeed all the same."""
    sql("INSERT INTO areas (name) VALUES ('a'), ('b')")
    met, runs = threading.Barrier(2), []

    def lock(first: str, second: str) -> Callable[[Session], None]:
        def work(session: Session) -> None:
            runs.append(first)
            take = text("UPDATE areas SET updated_at = now() WHERE name = :name")
            session.execute(take, {"name": first})
            if len(runs) <= 2:
                met.wait(timeout=30)
            session.execute(take, {"name": second})

        return work

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(lab.app.database.run, lock(*names)) for names in [("a", "b"), ("b", "a")]]
        assert [each.result(timeout=60) for each in waiting] == [None, None]
    assert len(runs) == 3


def test_three_attempts_are_all(database: Database) -> None:
    runs = []

    def work(session: Session) -> None:
        runs.append(1)
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"))

    with pytest.raises(OperationalError):
        database.run(work)
    assert len(runs) == ATTEMPTS == 3


def test_a_request_that_stays_in_others_way_may_come_back(lab: Dairy) -> None:
    conflict = ["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$"]
    answer = lab.nobody.post("/lab/sql", {"statements": conflict})
    refused(answer, 503, "database_busy")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("statements", "status", "code"),
    [
        (["SET LOCAL statement_timeout = '50ms'", "SELECT pg_sleep(30)"], 503, "timed_out"),
        (["SET LOCAL idle_in_transaction_session_timeout = '1ms'", "SELECT 1", "SLEEP", "SELECT 1"], 503, GONE),
        (["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"], 507, "database_full"),
        (["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53300'; END $$"], 503, "database_busy"),
        (["SET TRANSACTION READ ONLY", "INSERT INTO areas (name) VALUES ('x')"], 503, "database_read_only"),
    ],
)
def test_what_the_database_cannot_do_now(lab: Dairy, statements: list[str], status: int, code: str) -> None:
    """Nobody's fault, so never 500; each says whether asking again may help."""
    answer = lab.nobody.post("/lab/sql", {"statements": statements})
    refused(answer, status, code)
    assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)
    ok(lab.nobody.post("/lab/sql", {"statements": ["SELECT 1"]}))


def test_limits_are_those_of_the_work(database: Database) -> None:
    """Longer work says so within its transaction; the session, which a pool may share, keeps those of requests."""
    asked = text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
    other = Database(database.url, limits=Limits(7, 3, 60), longer=Limits(600, 30, 0), pool_size=1)
    try:
        found = []
        for one in (other, other.for_longer_work(), other):
            with one.transaction(read_only=True) as session:
                found.append(tuple(session.execute(asked).one()))
        assert found == [("7s", "3s"), ("10min", "30s"), ("7s", "3s")]
    finally:
        other.dispose()


def test_a_lock_that_does_not_come_free_is_busy_not_a_fault(lab: Dairy, database_url: str, sql: Any) -> None:
    sql("INSERT INTO areas (name) VALUES ('held')")
    take = "UPDATE areas SET updated_at = now()"
    with raw_connection(database_url) as holder, holder.cursor() as cursor:
        cursor.execute(take)
        answer = lab.nobody.post("/lab/sql", {"statements": ["SET LOCAL lock_timeout = '10ms'", take]})
    refused(answer, 503, "database_busy")


def test_connections_come_back_clean(one_connection: DairyFlask) -> None:
    """After a refusal, a fault and a READ ONLY request the one connection writes, and keeps no old state."""
    client = Client(one_connection, None)
    write = {"statements": ["INSERT INTO areas (name) VALUES ('twice')"]}
    refused(client.get("/lab/write-on-get"), 500, "internal_error")
    refused(client.post("/lab/sql", {"statements": ["SELECT 1 / 0"]}), 500, "internal_error")
    refused(client.post("/lab/fault"), 500, "internal_error")
    pids = {ok(client.get("/lab/backend"))["pid"]}
    ok(client.post("/lab/sql", write))
    refused(client.post("/lab/sql", write), 409, "already_exists")
    pids.add(ok(client.get("/lab/backend"))["pid"])
    assert len(pids) == 1
    assert one_connection.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_connection_the_server_ended_is_replaced_unseen(one_connection: DairyFlask, sql: Any) -> None:
    client = Client(one_connection, None)
    old = ok(client.get("/lab/backend"))["pid"]
    assert sql("SELECT pg_terminate_backend(%s, 5000)", old) == [(True,)]
    assert ok(client.get("/lab/backend"))["pid"] != old
    ok(client.post("/lab/sql", {"statements": ["INSERT INTO areas (name) VALUES ('after')"]}))


def test_a_line_that_breaks_in_the_work_is_run_again(lab: Dairy, sql: Any) -> None:
    runs = []

    def work(session: Session) -> None:
        session.execute(text("INSERT INTO areas (name) VALUES ('once')"))
        runs.append(1)
        if len(runs) == 1:
            sql("SELECT pg_terminate_backend(%s, 5000)", session.scalar(text("SELECT pg_backend_pid()")))
            session.execute(text("SELECT 1"))

    lab.app.database.run(work)
    assert (len(runs), areas(sql)) == (2, ["once"])


def test_a_line_that_breaks_in_the_commit_is_not_run_again(lab: Dairy, sql: Any) -> None:
    """Nobody knows whether that commit succeeded; doing it again could do it twice."""
    runs = []

    def work(session: Session) -> None:
        session.execute(text("INSERT INTO areas (name) VALUES ('once')"))
        runs.append(1)
        sql("SELECT pg_terminate_backend(%s, 5000)", session.scalar(text("SELECT pg_backend_pid()")))

    with pytest.raises(OperationalError):
        lab.app.database.run(work)
    assert len(runs) == 1


def test_patient_work_is_run_again_even_then(lab: Dairy, sql: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does nothing twice: after a line that broke in the commit, and while a server takes no changes."""
    monkeypatch.setattr(transactions, "BETWEEN_LOOKS", 0.01)
    runs = []

    def work(session: Session) -> None:
        runs.append(1)
        if len(runs) == 2:
            session.execute(text("SET TRANSACTION READ ONLY"))
        session.execute(text("INSERT INTO areas (name) VALUES ('once') ON CONFLICT DO NOTHING"))
        if len(runs) == 1:
            sql("SELECT pg_terminate_backend(%s, 5000)", session.scalar(text("SELECT pg_backend_pid()")))

    lab.app.database.run_patiently(work)
    assert (len(runs), areas(sql)) == (3, ["once"])


def test_patience_ends(lab: Dairy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(transactions, "FAILOVER_SECONDS", 0.1)

    def work(session: Session) -> None:
        session.execute(text("SET TRANSACTION READ ONLY"))
        session.execute(text("INSERT INTO areas (name) VALUES ('never')"))

    with pytest.raises(Problem) as refusal:
        lab.app.database.run_patiently(work)
    assert refusal.value.code == "database_read_only"


def test_patience_is_for_a_server_that_is_away(lab: Dairy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(transactions, "FAILOVER_SECONDS", 0.1)
    runs = []

    def work(session: Session) -> None:
        runs.append(1)
        session.execute(text("SELECT 1 / 0"))

    with pytest.raises(DataError):
        lab.app.database.run_patiently(work)
    assert len(runs) == 1


def test_a_pool_without_a_free_connection_is_busy_and_health_is_not(lab: Dairy) -> None:
    engine = lab.app.database.engine
    engine.pool._timeout = 0.01  # type: ignore[attr-defined]
    held = [engine.connect() for _ in range(engine.pool.size())]  # type: ignore[attr-defined]
    try:
        refused(lab.nobody.get("/health-is-elsewhere"), 404, "not_found")
        answer = lab.nobody.post("/lab/sql", {"statements": ["SELECT 1"]})
        refused(answer, 503, "database_busy")
        assert answer.headers["Retry-After"] == "5"
        ok(lab.nobody.get("/api/health"))
    finally:
        engine.pool._timeout = 5  # type: ignore[attr-defined]
        for each in held:
            each.close()
    ok(lab.nobody.post("/lab/sql", {"statements": ["SELECT 1"]}))


def test_statements_are_not_compiled(database: Database) -> None:
    """A server built with LLVM compiled every preview for two seconds."""
    with database.transaction() as session:
        assert session.scalar(text("SHOW jit")) == "off"
