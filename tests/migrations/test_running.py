"""How revisions run beside each other, beside a database in use, and beside a failure."""

import io
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from dairy_app.database import migrations
from tests.conftest import Server, raw_connection

pytestmark = pytest.mark.slow

#: Same as in alembic/env.py; a test fails when it is not.
ONE_AT_A_TIME = 0x6461697279


def start_upgrade(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dairy_app.cli", "db", "upgrade"],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_upgrades_at_once_one_works_and_the_other_waits(server: Server) -> None:
    url = server.create_database()
    with raw_connection(url) as holder:
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (ONE_AT_A_TIME,))
        both = [start_upgrade(url), start_upgrade(url)]
        for each in both:
            assert each.stderr is not None
            assert "another upgrade is at work" in each.stderr.readline()
    outputs = [each.communicate(timeout=60) for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    assert all(out == f"the database is at revision {migrations.head()}\n" for out, _ in outputs)
    steps = sorted(errors.count("Running upgrade") for _, errors in outputs)
    assert steps == [0, len(migrations.numbers())]
    server.drop_database(url)


class WhenTold(logging.Handler):
    """Does something when the upgrade says that a table is in use."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self.act, self.told = act, 0

    def emit(self, record: logging.LogRecord) -> None:
        if "a table is in use" in record.getMessage():
            self.told += 1
            self.act()


def upgrade_beside(url: str, pauses: tuple[float, ...], when_told: WhenTold) -> None:
    config = migrations.configuration(url)
    config.attributes.update(lock_timeout="50ms", pauses=pauses)
    log = logging.getLogger(migrations.LOGGER)
    level = log.level
    log.addHandler(when_told)
    log.setLevel(logging.INFO)
    try:
        command.upgrade(config, "head")
    finally:
        log.removeHandler(when_told)
        log.setLevel(level)


def test_a_table_in_use_delays_the_upgrade_and_the_upgrade_delays_nobody(server: Server) -> None:
    url = server.create_database()
    migrations.upgrade(url, "0001")
    with raw_connection(url) as reader:
        reader.cursor().execute("SELECT count(*) FROM orders")
        seen: list[Any] = []

        def look_and_let_go() -> None:
            with raw_connection(url) as other, other.cursor() as cursor:
                cursor.execute("SET statement_timeout = '2s'")
                cursor.execute("SELECT version_num FROM alembic_version, (SELECT count(*) FROM orders) o")
                seen.append(cursor.fetchone())
            reader.rollback()

        when_told = WhenTold(look_and_let_go)
        upgrade_beside(url, (0.01, 0.01), when_told)
    assert when_told.told == 1
    assert seen == [("0001",)]
    assert migrations.current(url) == migrations.head()
    server.drop_database(url)


def test_what_stops_an_upgrade_is_told_with_what_to_do(server: Server) -> None:
    url = server.create_database()
    migrations.upgrade(url, "0022")
    with raw_connection(url) as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO customers (name) VALUES ('Asha')")
        cursor.execute(
            "INSERT INTO payments (customer_id, amount, method, received_on, reference)"
            " SELECT id, 10, 'upi', current_date, said FROM customers, (VALUES ('UTR 4711'), ('4711')) AS twice (said)"
        )
    with pytest.raises(migrations.MigrationFailed) as stopped:
        migrations.upgrade(url)
    assert re.fullmatch(
        r"stopped at revision 0022: one reference on several payments: R\d+, R\d+ \(Reverse those .*\)",
        str(stopped.value),
    )
    server.drop_database(url)


def test_a_table_that_stays_in_use_stops_the_upgrade_where_it_was(server: Server) -> None:
    url = server.create_database()
    migrations.upgrade(url, "0001")
    with raw_connection(url) as reader:
        reader.cursor().execute("SELECT count(*) FROM orders")
        with pytest.raises(Exception, match="lock timeout"):
            upgrade_beside(url, (0.01, 0.01), WhenTold(lambda: None))
    assert migrations.current(url) == "0001"
    server.drop_database(url)


def test_a_failing_revision_is_rolled_back_and_told_in_one_line(server: Server) -> None:
    url = server.create_database()
    migrations.upgrade(url, "0001")
    with raw_connection(url) as connection:
        connection.cursor().execute("CREATE TABLE invoices (in_the_way int)")
        connection.commit()
    upgrade = start_upgrade(url)
    _, errors = upgrade.communicate(timeout=60)
    assert upgrade.returncode == 1
    assert 'stopped at revision 0005: relation "invoices" already exists' in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert migrations.current(url) == "0005"
    server.drop_database(url)


def alembic(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    """Alembic's own command, as in a checkout."""
    return subprocess.run(
        [sys.executable, "-m", "alembic.config", *arguments],
        cwd=Path(__file__).resolve().parents[2], env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_alembic_itself_works_in_a_checkout(server: Server) -> None:
    url = server.create_database()
    for arguments in (["upgrade", "head"], ["check"], ["-x", "allow_data_loss=true", "downgrade", "base"]):
        done = alembic(*arguments, url=url)
        assert done.returncode == 0, done.stdout + done.stderr
    assert migrations.current(url) is None
    server.drop_database(url)


def test_a_downgrade_that_is_refused_half_way_has_undone_nothing(server: Server, template: str) -> None:
    """0001 keeps customers; by then 0008 to 0002 would be gone if each step were a transaction of its own."""
    url = server.create_database(template)
    with raw_connection(url) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no entry in the audit log: 0012 would refuse
        cursor.execute("INSERT INTO customers (name) VALUES ('Asha')")
    with pytest.raises(migrations.MigrationFailed, match="would lose every customer"):
        migrations.downgrade(url, "base")
    assert migrations.current(url) == migrations.head()
    migrations.downgrade(url, "base", allow_data_loss=True)
    assert migrations.current(url) is None
    server.drop_database(url)


def test_alembic_itself_undoes_nothing_either(server: Server, template: str) -> None:
    url = server.create_database(template)
    with raw_connection(url) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("INSERT INTO customers (name) VALUES ('Asha')")
    done = alembic("downgrade", "base", url=url)
    assert done.returncode == 1
    assert "would lose every customer" in done.stderr
    assert "--allow-data-loss (alembic -x allow_data_loss=true downgrade …)" in done.stderr
    assert migrations.current(url) == migrations.head()
    server.drop_database(url)


class Written(io.StringIO):
    """Standard error that says when a line with these words was written."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words, self.seen = words, threading.Event()

    def write(self, text: str) -> int:
        if self.words in text:
            self.seen.set()
        return super().write(text)


def test_a_step_that_takes_long_says_that_it_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written("s: Running upgrade 0005 -> 0006\n")
    monkeypatch.setattr(sys, "stderr", written)
    with migrations.progress(every=0.01):
        logging.getLogger("alembic.runtime.migration").info("Running upgrade 0005 -> 0006, STEP 23: nothing")
        assert written.seen.wait(10)
    assert written.getvalue().splitlines()[0] == "Running upgrade 0005 -> 0006, STEP 23: nothing"
    before = written.getvalue()
    with migrations.progress(every=10):
        logging.getLogger(migrations.LOGGER).info("at once")
    assert written.getvalue() == before + "at once\n"
