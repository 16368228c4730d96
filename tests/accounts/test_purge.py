"""``purge``: what ended long ago goes, and what is still good for something stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from dairy_app import cli
from dairy_app.accounts.bulk.expired import purge
from dairy_app.common.clock import now
from dairy_app.web.http import DairyFlask
from tests.dairy import PASSWORD, Dairy, ok, refused

Sql = Callable[..., Any]
MORNING = datetime(2026, 11, 2, 3, 30, tzinfo=UTC)
TABLES = ("idempotency_keys", "login_attempts", "refresh_tokens", "password_resets", "invitations")


def counts(sql: Sql) -> dict[str, int]:
    return {table: sql(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def use_everything(dairy: Dairy, key: str) -> Any:
    """One row more in each of the tables, at this moment; what a login gave, to go on with."""
    customer, milk = dairy.customer(login=False), dairy.product()
    body = {"customer_id": customer["id"], "delivery_date": dairy.day(0)}
    body["items"] = [{"product_id": milk["id"], "quantity": "1"}]
    ok(dairy.admin.post("/orders", body, headers={"Idempotency-Key": key}), 201)
    refused(dairy.nobody.post("/auth/login", {"email": "x@dairy.example", "password": key}), 401, "bad_credentials")
    ok(dairy.admin.post("/users", {"name": "New", "role": "supplier", "email": f"{key}@dairy.example"}), 201)
    ok(dairy.nobody.post("/auth/reset-requests", {"login": f"{key}@dairy.example"}), 202)
    return ok(dairy.nobody.post("/auth/login", {"email": "admin@dairy.example", "password": PASSWORD}))


def test_what_ended_goes_and_what_has_not_stays(app: DairyFlask, sql: Sql) -> None:
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        use_everything(dairy, "old")
        # The database's own clock stamped it; ours is the one that counts here.
        sql("UPDATE idempotency_keys SET created_at = %s", MORNING)
        old = counts(sql)
        clock.shift(timedelta(days=31))
        dairy.admin.carry(dairy.login("admin@dairy.example").token)
        kept = use_everything(dairy, "new")
        sql("UPDATE idempotency_keys SET created_at = %s WHERE key = 'new'", now())
        both = counts(sql)
        with app.database.transaction() as session:
            gone = purge(session, MORNING + timedelta(seconds=1))
        # Logins and invitations of the first day are over, but were not yet then; a new failed try swept the old one.
        assert gone == {
            "idempotency_keys": 1,
            "login_attempts": 0,
            "refresh_tokens": 0,
            "password_resets": 0,
            "invitations": 0,
        }
        with app.database.transaction() as session:
            gone = purge(session, now())
        assert gone["refresh_tokens"] == 0  # logging in again has swept the user's own
        assert gone["invitations"] == old["invitations"] == 1
        assert gone["password_resets"] == old["password_resets"] == both["password_resets"] - 1 == 1
        assert sql("SELECT key FROM idempotency_keys") == [("new",)]
        assert both["invitations"] == 2
        ok(dairy.nobody.post("/auth/refresh", {"refresh_token": kept["refresh_token"]}))
        ok(dairy.admin.get("/auth/me"))


def test_the_logins_of_who_never_came_back_go(app: DairyFlask, sql: Sql) -> None:
    with time_machine.travel(MORNING, tick=False) as clock:
        dairy = Dairy(app)
        dairy.staff("accountant")
        refused(dairy.nobody.post("/auth/login", {"email": "x@y.example", "password": "x"}), 401, "bad_credentials")
        clock.shift(timedelta(days=30, seconds=1))
        dairy.login("admin@dairy.example")
        with app.database.transaction() as session:
            gone = purge(session, now())
        assert gone == {
            "idempotency_keys": 0,
            "login_attempts": 1,
            "refresh_tokens": 1,
            "password_resets": 0,
            "invitations": 1,
        }
        assert sql("SELECT DISTINCT u.email FROM refresh_tokens t JOIN users u ON u.id = t.user_id") == [
            ("admin@dairy.example",)
        ]


def test_what_has_not_ended_yet_is_not_purged(app: DairyFlask) -> None:
    with app.database.transaction() as session, pytest.raises(ValueError, match="not ended yet"):
        purge(session, now() + timedelta(seconds=1))


def test_the_command_says_what_went(
    dairy: Dairy, sql: Sql, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_everything(dairy, "old")
    sql("UPDATE idempotency_keys SET created_at = now() - interval '30 days 1 minute'")
    monkeypatch.setenv("DATABASE_URL", database_url)
    said = []
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            cli.main(["purge"])
        assert end.value.code == 0
        said.append(capsys.readouterr().out)
    rest = "login attempts: 0, refresh tokens: 0, password resets: 0, invitations: 0, events: 0\n"
    assert said == [f"idempotency keys: 1, {rest}", f"idempotency keys: 0, {rest}"]
