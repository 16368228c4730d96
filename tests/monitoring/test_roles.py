"""The roles of `dairy db roles`: each may do its work over a connection of its own, and nothing else."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
import time_machine
from sqlalchemy import make_url

from dairy_app.app import create_app
from dairy_app.database import backups, migrations
from dairy_app.database.models import Base
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from tests.billing.conftest import LivingDairy
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, Server, raw_connection
from tests.dairy import Client, ok, refused
from tests.monitoring.conftest import one_of_each

PASSWORD = "of the test suite"
#: Hashes that prove a document, not a person.
OPEN_HASHES = {"document_hash", "previous_hash", "last_hash", "content_hash"}


@dataclass(frozen=True)
class Roles:
    """A migrated database with the three roles; URLs to connect as each."""

    url: str
    prefix: str

    def of(self, role: str) -> str:
        parsed = make_url(self.url).set(username=f"{self.prefix}_{role}", password=PASSWORD)
        return parsed.render_as_string(hide_password=False)

    def refuses(self, role: str, statement: str) -> str | None:
        """Why the server refuses the statement to the role; None when it does not."""
        with raw_connection(self.of(role)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(statement)
            except psycopg2.Error as error:
                return str(error.pgcode)
            finally:
                connection.rollback()
        return None

    def grant(self) -> None:
        """Run what the command prints, as a superuser with psql."""
        printed = run_command("db", "roles", "--prefix", self.prefix).stdout
        address, environment = backups.libpq(self.url)
        program = backups.tools_for(self.url) / "psql"
        done = subprocess.run(
            [program, "--no-psqlrc", "--quiet", address],
            input=printed, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def roles(server: Server) -> Iterator[Roles]:
    """As a DBA does it: roles in an empty database, the owner upgrades, roles again for what the upgrade made."""
    made = Roles(server.create_database(), f"t{uuid4().hex[:10]}")
    made.grant()
    with raw_connection(made.url) as connection, connection, connection.cursor() as cursor:
        for role in ("owner", "app", "read"):
            cursor.execute(f"ALTER ROLE {made.prefix}_{role} PASSWORD '{PASSWORD}'")
    migrations.upgrade(made.of("owner"))
    made.grant()
    yield made
    server.drop_database(made.url)
    with raw_connection(server.url) as connection, connection, connection.cursor() as cursor:
        for role in ("owner", "app", "read"):
            cursor.execute(f"DROP ROLE {made.prefix}_{role}")


@pytest.fixture(scope="module")
def served(roles: Roles, tmp_path_factory: pytest.TempPathFactory) -> Roles:
    """The same after the application worked in it for two months, over HTTP, as the application's role."""
    folder = tmp_path_factory.mktemp("served")
    settings = Settings(data_dir=folder, secret_key=SECRET_KEY, log_level="error", password_cost="cheapest")
    database = Database(roles.of("app"))
    with time_machine.travel(datetime(2026, 10, 5, 3, tzinfo=UTC), tick=False) as clock:
        living = LivingDairy(create_app(settings, database))
        living.clock = clock
        living.seller()
        one_of_each(living)
        assert ok(living.admin.get("/monitoring/consistency"))["critical"] is False
        assert ok(living.nobody.get("/api/health"))["status"] == "ok"
    database.dispose()
    return roles


def test_the_application_serves_without_owning_anything(served: Roles) -> None:
    with raw_connection(served.of("read")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(number) FROM invoices WHERE status = 'issued'")
        assert cursor.fetchone() == (1, "INV/2627/0000001")
        cursor.execute("SELECT DISTINCT db_user FROM audit_log WHERE table_name = 'payments'")
        assert cursor.fetchall() == [(f"{served.prefix}_app",)]


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE orders CASCADE",
        "TRUNCATE areas CASCADE",
        "ALTER TABLE orders ADD COLUMN mood text",
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "ALTER TABLE invoices DISABLE TRIGGER tr_invoices_frozen",
        "ALTER TABLE orders DROP CONSTRAINT ck_orders_delivered_iff_on_invoice",
        "DROP TABLE audit_log",
        "DROP TRIGGER tr_invoices_frozen ON invoices",
        "CREATE TABLE mine (id int)",
        "CREATE OR REPLACE FUNCTION invoices_frozen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE INDEX ON orders (notes)",
        "SET session_replication_role = replica",
        "INSERT INTO audit_log (table_name, row_id, action) VALUES ('orders', 'x', 'UPDATE')",
        "UPDATE audit_log SET at = now()",
        "DELETE FROM audit_log",
        "INSERT INTO archived_orders SELECT * FROM archived_orders",
        "DELETE FROM archived_delivery_statuses",
        "UPDATE archived_order_items SET quantity = 1",
        "DELETE FROM archived_days",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE ROLE friend",
        "COPY areas TO PROGRAM 'true'",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE orders (id uuid)",
        "CREATE TEMPORARY VIEW audit_log AS SELECT 1",
    ],
)
def test_the_application_may_not_change_the_structure_or_its_traces(served: Roles, statement: str) -> None:
    assert served.refuses("app", statement) == "42501"
    assert served.refuses("read", statement) in {"42501", "25006"}


def test_the_application_may_do_what_its_code_does(served: Roles) -> None:
    for statement in (
        "INSERT INTO areas (name) VALUES ('Deccan')",
        "UPDATE areas SET name = 'Deccan' || name",
        "DELETE FROM login_attempts",
        "SELECT next_receipt_no(), nextval('customer_codes')",
    ):
        assert served.refuses("app", statement) is None, statement


def test_preflight_asks_what_the_role_may(served: Roles) -> None:
    def rights(role: str) -> tuple[str, str]:
        done = run_command("preflight", "--json", DATABASE_URL=served.of(role), DAIRY_SECRET_KEY=SECRET_KEY)
        return next(
            (each["state"], each["detail"]) for each in json.loads(done.stdout)["checks"] if each["name"] == "rights"
        )

    assert rights("app") == ("ok", f"{served.prefix}_app reads and writes rows, and nothing else")
    state, detail = rights("owner")
    assert state == "warning"
    assert "may change the schema, make temporary tables, write the audit log: serve with" in detail


def test_the_import_is_the_owners(served: Roles, tmp_path: Path) -> None:
    (tmp_path / "products.json").write_text("[]")
    refused = run_command("import-mongo", str(tmp_path), DATABASE_URL=served.of("app"))
    assert refused.returncode == 1
    assert "run it with the owner's role" in refused.stderr
    assert "Traceback" not in refused.stderr
    done = run_command("import-mongo", str(tmp_path), DATABASE_URL=served.of("owner"))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_archive_is_the_owners(served: Roles) -> None:
    def archive(role: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        with time_machine.travel(datetime(2027, 1, 5, tzinfo=UTC), tick=False):
            return run_command("archive", *arguments, DATABASE_URL=served.of(role))

    with raw_connection(served.url) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE settings SET books_closed_through = '2026-10-31'")
    refused = archive("app", "--before", "2026-11")
    assert refused.returncode == 1
    assert "run it with the owner's role" in refused.stderr
    assert "Traceback" not in refused.stderr
    done = archive("owner", "--before", "2026-11", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert archive("read", "verify").stdout == "1 of 1 archived days are what was archived\n"
    assert archive("owner", "bring-back", "--from", "2026-10").returncode == 0


def test_reports_read_everything_but_secrets(served: Roles) -> None:
    for statement in (
        "SELECT * FROM orders",
        "SELECT * FROM customer_ledger",
        "SELECT * FROM open_items(NULL, '2026-11-01')",
        "SELECT id, name, role, last_login_at FROM users",
        "SELECT id, name, expires_at FROM shared_links",
        "SELECT document_hash FROM invoices",
        "SELECT id, status, attempts FROM outbox_messages",
    ):
        assert served.refuses("read", statement) is None, statement
    for statement in (
        "SELECT * FROM users",
        "SELECT password_hash FROM users",
        "SELECT token_hash FROM shared_links",
        "SELECT pin_hash FROM shared_links",
        "SELECT count(token_hash) FROM invitations",
        "SELECT * FROM refresh_tokens",
        "SELECT response FROM idempotency_keys",
        "SELECT body FROM outbox_messages",
        "SELECT document FROM import_quarantine",
    ):
        assert served.refuses("read", statement) == "42501", statement


def test_no_column_that_holds_a_secret_is_open_to_reports(served: Roles) -> None:
    hashes = [
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("hash") and column.name not in OPEN_HASHES
    ]
    assert len(hashes) >= 6
    with raw_connection(served.url) as connection, connection.cursor() as cursor:
        for table, column in hashes:
            cursor.execute(
                "SELECT has_column_privilege(%s, %s, %s, 'SELECT')", (f"{served.prefix}_read", table, column)
            )
            assert cursor.fetchone() == (False,), (table, column)


def test_reports_write_nothing_even_when_they_try(served: Roles) -> None:
    for statement in ("INSERT INTO areas (name) VALUES ('x')", "UPDATE orders SET notes = 'x'", "DELETE FROM areas"):
        assert served.refuses("read", statement) == "25006"
        assert served.refuses("read", f"SET default_transaction_read_only = off; COMMIT; {statement}") == "42501"
    assert served.refuses("read", "SET TRANSACTION READ WRITE; SELECT nextval('customer_codes')") == "42501"


def test_the_owner_upgrades_and_the_application_reads_the_new_tables_at_once(served: Roles) -> None:
    migrations.downgrade(served.of("owner"), "0016", allow_data_loss=True)
    migrations.upgrade(served.of("owner"))
    assert served.refuses("app", "SELECT body FROM outbox_messages") is None
    assert served.refuses("read", "SELECT id FROM outbox_messages") == "42501"
    served.grant()
    assert served.refuses("read", "SELECT id FROM outbox_messages") is None


def test_the_owner_restores_a_backup(served: Roles, tmp_path: Path) -> None:
    target = tmp_path / "owned.dump"
    backups.backup(served.of("owner"), target)
    backups.restore(served.of("owner"), target, replace=True)
    assert served.refuses("app", "SELECT id FROM orders") is not None
    says_what_is_missing(served)
    served.grant()
    assert served.refuses("app", "SELECT id FROM orders") is None
    assert served.refuses("app", "TRUNCATE orders") == "42501"


def says_what_is_missing(roles: Roles) -> None:
    """After a restore: rights, and not an upgrade, whoever looks."""
    wanted = f"{roles.prefix}_app has no rights on the tables: run `dairy db roles | psql …` as a superuser"
    environment = {"DATABASE_URL": roles.of("app"), "DAIRY_SECRET_KEY": SECRET_KEY}
    for command in (["check-data"], ["db", "current"], ["serve", "--port", "0"], ["bill", "--period", "2026-10"]):
        done = run_command(*command, **environment)
        assert (done.returncode, done.stderr) == (1, f"dairy: {wanted}\n"), command
    checks = {
        each["name"]: each for each in json.loads(run_command("preflight", "--json", **environment).stdout)["checks"]
    }
    assert (checks["revision"]["state"], checks["revision"]["detail"]) == ("failed", wanted)
    database = Database(roles.of("app"))
    nobody = Client(create_app(Settings(data_dir=Path(), secret_key=SECRET_KEY, log_level="error"), database), None)
    refused(nobody.get("/api/health"), 503, "database_rights_missing")
    database.dispose()


def test_a_prefix_is_a_name() -> None:
    done = run_command("db", "roles", "--prefix", "x; DROP TABLE orders")
    assert done.returncode == 2
    assert (
        "GRANT USAGE ON SCHEMA public TO milk_app, milk_read;" in run_command("db", "roles", "--prefix", "milk").stdout
    )
