"""A dump is restored by PostgreSQL's own programs too, in every way they offer."""

import subprocess
from pathlib import Path

import psycopg2
import pytest

from dairy_app.database import backups, migrations, structure
from tests.billing.conftest import LivingDairy
from tests.conftest import Server, raw_connection

pytestmark = pytest.mark.slow


def all_rows(url: str) -> dict[str, list[str]]:
    with raw_connection(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found[table] = [row for (row,) in cursor.fetchall()]
        return found


def postgres(program: str, *arguments: str | Path, url: str) -> None:
    """One of PostgreSQL's own programs, as a DBA runs it."""
    address, environment = backups.libpq(url)
    done = subprocess.run(
        [backups.tools_for(url) / program, *arguments, f"--dbname={address}"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_postgresql_itself_restores_in_parallel_and_the_rows_alone(
    server: Server, filled: LivingDairy, database_url: str, tmp_path: Path
) -> None:
    """The rows alone: past the triggers, as a superuser, after what the revisions put there has gone."""
    source = tmp_path / "folder"
    postgres("pg_dump", "--format=directory", "--jobs=2", f"--file={source}", url=database_url)
    whole, rows_alone = server.create_database(), server.create_database()
    postgres("pg_restore", "--jobs=2", "--exit-on-error", source, url=whole)
    migrations.upgrade(rows_alone)
    seeds = "DELETE FROM settings; DELETE FROM message_kinds;"
    seeds += " DELETE FROM tax_rates; DELETE FROM tax_classes; DELETE FROM alembic_version"
    postgres("psql", "--quiet", "--command", f"SET session_replication_role = replica; {seeds}", url=rows_alone)
    data_only = ("--data-only", "--disable-triggers", "--single-transaction")
    postgres("pg_restore", *data_only, source, url=rows_alone)
    wanted = all_rows(database_url)
    assert len(wanted["audit_log"]) > 9
    for url in (whole, rows_alone):
        assert all_rows(url) == wanted
        assert (
            structure.differences(structure.read_from(url), "restored", structure.read_from(database_url), "was") == []
        )
        with raw_connection(url) as connection, connection.cursor() as cursor, pytest.raises(psycopg2.Error):
            cursor.execute("UPDATE order_items SET delivered_quantity = 0 WHERE delivered_quantity > 0")
        server.drop_database(url)


def test_the_rows_of_one_table_are_restored_beside_the_triggers(
    server: Server, filled: LivingDairy, database_url: str, tmp_path: Path
) -> None:
    """pg_restore empties the search path: what its rows set off finds its tables all the same."""
    source, url = tmp_path / "whole.dump", server.create_database()
    postgres("pg_dump", "--format=custom", f"--file={source}", url=database_url)
    migrations.upgrade(url)
    postgres("pg_restore", "--data-only", "--exit-on-error", "--table=products", source, url=url)
    found = all_rows(url)
    assert found["products"] == all_rows(database_url)["products"]
    assert len(found["audit_log"]) == len(found["products"]) == 1
    server.drop_database(url)
