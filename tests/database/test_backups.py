"""Backup and restore: whole or not at all, never over somebody's data, and with tools that fit the server."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import make_url

from dairy_app.database import backups, migrations, structure
from tests.command_line import run_command
from tests.conftest import Server, psycopg_dsn, raw_connection

pytestmark = pytest.mark.slow

Sql = Callable[..., Any]


def dairy(*arguments: str | Path, url: str) -> subprocess.CompletedProcess[str]:
    return run_command("db", *arguments, DATABASE_URL=psycopg_dsn(url))


def areas(url: str) -> list[str]:
    with raw_connection(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM areas ORDER BY name")
        return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def dump(database_url: str, sql: Sql, tmp_path: Path) -> Path:
    """A backup with one area, ``Backed up``, in it."""
    sql("INSERT INTO areas (name) VALUES ('Backed up')")
    target = tmp_path / "it's a backup.dump"
    done = dairy("backup", target, url=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    return target


def test_a_backup_is_restored_with_everything_in_it(server: Server, database_url: str, dump: Path) -> None:
    url = server.create_database()
    done = dairy("restore", dump, url=url)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"revision {migrations.head()}" in done.stdout
    assert areas(url) == ["Backed up"]
    # Also: no definition is written so that PostgreSQL reads it back differently (AND after BETWEEN is).
    restored, original = structure.read_from(url), structure.read_from(database_url)
    assert structure.differences(restored, "restored", original, "original") == []
    server.drop_database(url)


def test_a_database_with_something_in_it_is_replaced_only_when_told(database_url: str, sql: Sql, dump: Path) -> None:
    sql("INSERT INTO areas (name) VALUES ('Since then')")
    refused = dairy("restore", dump, url=database_url)
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    assert areas(database_url) == ["Backed up", "Since then"]
    replaced = dairy("restore", dump, "--replace", url=database_url)
    assert (replaced.returncode, replaced.stderr) == (0, "")
    assert areas(database_url) == ["Backed up"]


def test_a_damaged_backup_changes_nothing(database_url: str, sql: Sql, dump: Path, tmp_path: Path) -> None:
    sql("INSERT INTO areas (name) VALUES ('Since then')")
    whole = dump.read_bytes()
    for kept in (3, len(whole) // 2, len(whole) - 100):
        damaged = tmp_path / f"{kept}.dump"
        damaged.write_bytes(whole[:kept])
        with pytest.raises(backups.BackupError, match="pg_restore"):
            backups.restore(database_url, damaged, replace=True)
        assert areas(database_url) == ["Backed up", "Since then"]


def test_a_restore_that_the_database_refuses_changes_nothing(server: Server, database_url: str, dump: Path) -> None:
    url = server.create_database()
    with raw_connection(url) as connection:
        # Nothing can be made in the schema, though nothing is in it yet.
        connection.cursor().execute("CREATE FUNCTION uuid7() RETURNS uuid LANGUAGE sql RETURN NULL::uuid")
        connection.commit()
    with pytest.raises(backups.BackupError, match=r"psql.*uuid7"):
        backups.restore(url, dump)
    assert backups.is_empty(url)
    server.drop_database(url)


def test_a_restore_does_not_wait_for_ever_for_a_running_server(
    monkeypatch: pytest.MonkeyPatch, database_url: str, dump: Path
) -> None:
    monkeypatch.setattr(backups, "LOCK_TIMEOUT", "100ms")
    with raw_connection(database_url) as reader:
        reader.cursor().execute("SELECT count(*) FROM orders")
        with pytest.raises(backups.BackupError, match="lock timeout"):
            backups.restore(database_url, dump, replace=True)
    assert areas(database_url) == ["Backed up"]


def test_a_backup_never_overwrites(database_url: str, dump: Path) -> None:
    before = dump.read_bytes()
    done = dairy("backup", dump, url=database_url)
    assert done.returncode == 1
    assert "exists already" in done.stderr
    assert dump.read_bytes() == before


def test_a_failed_backup_leaves_no_file(database_url: str, sql: Sql, tmp_path: Path) -> None:
    role = f"stranger_{os.getpid()}"
    sql(f"CREATE ROLE {role} LOGIN PASSWORD 'known'")
    stranger = make_url(database_url).set(username=role, password="known")
    try:
        with pytest.raises(backups.BackupError, match="permission denied"):
            backups.backup(stranger.render_as_string(hide_password=False), tmp_path / "never.dump")
    finally:
        sql(f"DROP ROLE {role}")
    assert list(tmp_path.iterdir()) == []


def test_the_password_is_not_among_the_arguments() -> None:
    address, environment = backups.libpq("postgresql+psycopg2://owner:hush@db.example/dairy?sslmode=require")
    assert address == "postgresql://owner@db.example/dairy?sslmode=require"
    assert environment["PGPASSWORD"] == "hush"


def test_psql_gets_what_stands_after_the_dashes(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    done = dairy("psql", "--", "-XAtc", "SELECT version_num FROM alembic_version", url=database_url)
    assert (done.returncode, capfd.readouterr().out) == (0, f"{migrations.head()}\n")
    failed = dairy("psql", "--", "-c", "SELECT nonsense", url=database_url)
    assert (failed.returncode, "nonsense" in capfd.readouterr().err) == (1, True)


def test_of_several_hosts_the_one_that_answers_is_used_by_all(server: Server, template: str, tmp_path: Path) -> None:
    """As after a failover: the first address is dead, and every command finds the second."""
    own = server.create_database(template)
    parsed = make_url(own)
    folder = quote(str(parsed.query["host"]), safe="")
    url = f"postgresql://{parsed.username}@127.0.0.1:1,{folder}/{parsed.database}?target_session_attrs=read-write"
    file, copied = tmp_path / "all.dump", tmp_path / "areas.csv"
    for arguments in (
        ["db", "current"],
        ["db", "psql", "--", "-X", "-c", f"\\copy (SELECT 1) TO {copied}"],
        ["db", "backup", file],
        ["db", "restore", file, "--replace"],
        ["db", "upgrade"],
        ["check-data"],
        ["export", "invoice-register", "--period", "2026-10", "-o", tmp_path / "register.csv"],
    ):
        done = run_command(*arguments, DATABASE_URL=url)
        assert done.returncode == 0, (arguments, done)
    assert copied.read_text() == "1\n"
    server.drop_database(own)
