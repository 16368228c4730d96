"""Kept set-ups: their rows come back to the last one, and never where a test did something by itself."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.dairy import Client, Dairy, kept, ok
from tests.statements import count_statements
from tests.worker_database import WorkerDatabase

#: How often each set-up below was done for real, by the key of its test.
done: dict[str, int] = {}


@kept
def household(dairy: Dairy, key: str) -> tuple[Dairy, Client, Any]:
    """Rows in many tables, sequences that moved, a row that was changed and one that was deleted."""
    done[key] = done.get(key, 0) + 1
    boy = dairy.staff("delivery_boy")
    customer = dairy.customer(delivery_boy_id=boy.user["id"])
    dairy.seller(gstin="27AAPFU0939F1ZV")
    ok(dairy.confirm(dairy.order(customer, (dairy.product(), "2"))))
    with dairy.app.database.transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM invitations")
    return dairy, boy, customer


@pytest.fixture
def again(dairy: Dairy, worker_database: WorkerDatabase) -> Callable[[], Dairy]:
    """``again()``: the dairy of another test that begins as this one does."""

    def begin() -> Dairy:
        worker_database.clean()
        return Dairy(dairy.app, worker_database)

    return begin


def content(database: WorkerDatabase) -> tuple[dict[str, list[Any]], list[Any]]:
    """All rows of all tables, with their order in the file left out, and where the sequences stand."""
    rows = {
        table: sorted(str(row) for row in database._ask(f'SELECT t::text FROM "{table}" t'))
        for table in database.tables
    }
    return rows, database._ask("EXECUTE stands")


def test_what_comes_back_is_what_was_left(again: Callable[[], Dairy], worker_database: WorkerDatabase) -> None:
    _, _, customer = household(again(), "same")
    left = content(worker_database)
    assert sum(len(rows) for rows in left[0].values()) > 20
    assert household(again(), "same")[2] == customer
    assert done["same"] == 1
    assert content(worker_database) == left


def test_an_emptied_database_is_as_the_migrations_left_it(
    dairy: Dairy, worker_database: WorkerDatabase, sql: Callable[..., Any]
) -> None:
    worker_database.clean()
    fresh = content(worker_database)
    household(Dairy(dairy.app, worker_database), "emptied")
    worker_database.clean()  # from a known state: only what differs
    assert content(worker_database) == fresh
    for change in (
        "DELETE FROM tax_rates",
        "DELETE FROM tax_rates WHERE tax_class = (SELECT max(tax_class) FROM tax_rates)",
        "UPDATE settings SET business_name = 'Another Dairy'",
        "INSERT INTO areas (name) VALUES ('Baner')",
    ):
        sql(change)
        assert content(worker_database) != fresh
        worker_database.clean()  # from an unknown one: whatever differs
        assert content(worker_database) == fresh


def test_the_dairy_goes_on_as_if_it_had_done_it(again: Callable[[], Dairy]) -> None:
    household(again(), "goes on")
    dairy = again()
    owner, boy, customer = household(dairy, "goes on")
    assert owner is dairy
    assert done["goes on"] == 1
    assert ok(boy.get("/auth/me"))["id"] == boy.user["id"]
    assert dairy.customer()["code"] > customer["code"]
    assert boy in [client for client, _ in dairy._clients]
    dairy.log_in_again()
    ok(boy.get("/auth/me"))


@pytest.mark.parametrize("write", ["INSERT INTO areas (name) VALUES ('Baner')", "UPDATE settings SET due_days = 3"])
def test_after_a_write_of_the_tests_own_all_is_done_for_real(
    again: Callable[[], Dairy], sql: Callable[..., Any], write: str
) -> None:
    household(again(), write)
    dairy = again()
    sql(write)
    household(dairy, write)
    assert done[write] == 2


def test_a_write_that_ends_after_a_set_up_ends_the_chain_too(
    again: Callable[[], Dairy], sql: Callable[..., Any]
) -> None:
    dairy = again()
    dairy.customer()
    household(dairy, "open")
    dairy = again()
    sql("BEGIN; INSERT INTO areas (name) VALUES ('Aundh')")
    dairy.customer()
    sql("COMMIT")
    household(dairy, "open")
    assert done["open"] == 2


def test_another_question_is_another_set_up(again: Callable[[], Dairy]) -> None:
    one, other = again().customer(name="Asha"), again().customer(name="Ravi")
    assert (one["name"], other["name"]) == ("Asha", "Ravi")
    assert again().customer(name="Asha") == one


def test_what_is_counted_is_done(again: Callable[[], Dairy]) -> None:
    again().customer()
    dairy = again()
    with count_statements(dairy.app.database) as sent:
        dairy.customer()
    assert len(sent) > 3


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (id int)",
        "DROP TABLE outbox_messages CASCADE",
        "ALTER TABLE areas ADD COLUMN more int",
        "ALTER TABLE areas ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE settings ALTER COLUMN due_days SET DEFAULT 99",
        "ALTER TABLE areas ADD CONSTRAINT ck_more CHECK (true)",
        "ALTER TABLE areas DISABLE TRIGGER ALL",
        "DROP INDEX ix_orders_open",
        "CREATE OR REPLACE FUNCTION uuid7() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()'",
        "CREATE TYPE more AS ENUM ('a')",
        "CREATE STATISTICS more ON customer_id, status FROM orders",
        "DROP EXTENSION pg_trgm CASCADE",
        "CREATE POLICY more ON areas",
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 100', current_database()); END$$",
    ],
)
def test_a_change_of_structure_is_not_left_to_the_next_test(
    worker_database: WorkerDatabase, sql: Callable[..., Any], change: str
) -> None:
    before = worker_database.clean()
    sql(change)
    assert worker_database.clean() != before, "another database"


def test_a_change_that_was_undone_needs_no_other_database(
    worker_database: WorkerDatabase, sql: Callable[..., Any]
) -> None:
    before = worker_database.clean()
    sql("ALTER TABLE areas DISABLE TRIGGER ALL")
    sql("ALTER TABLE areas ENABLE TRIGGER ALL")
    assert worker_database.clean() == before
