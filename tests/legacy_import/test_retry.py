"""What waited in quarantine is taken again after a repair, and nothing else changes."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dairy_app.database.transactions import Database
from dairy_app.legacy_import.commands import import_mongo
from dairy_app.legacy_import.judging.quarantine import WaitingDocuments
from dairy_app.legacy_import.queries.report import ImportReport
from dairy_app.legacy_import.service.importing import import_dump
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import MILK, WrittenDump, item

pytestmark = pytest.mark.slow


@pytest.fixture
def dump() -> WrittenDump:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    dump.order("ord_1", "u1", item(MILK, -3))
    dump.order("ord_2", "gone")
    dump.delivery("ord_1", "c1")
    dump.subscription("sub", "c1", price_per_unit=float("nan"))
    dump.add("delivery_pauses", {"id": "p", "subscription_id": "sub", "customer_id": "c1", "date": "2026-09-20"})
    dump.add("payment_transactions", {"id": "pay", "customer_id": "c1", "amount": "50O", "payment_date": "2026-09-03"})
    dump.collections["wallets"] = [{"customer_id": "c1", "balance": "ten"}]  # no key at all, as in a backup
    return dump


@pytest.fixture
def retry(database: Database) -> Any:
    def retry() -> ImportReport:
        with database.transaction() as session:
            return import_dump(session, WaitingDocuments(session))

    return retry


WAITING = "SELECT collection, legacy_id, reason FROM import_quarantine WHERE resolved_at IS NULL ORDER BY 1, 2"
REPAIRS = (
    ("orders", "ord_1", "'{items,0,quantity}', '3'"),
    ("subscriptions_v2", "sub", "'{price_per_unit}', '58.5'"),
    ("payment_transactions", "pay", "'{amount}', '500'"),
)


def test_without_a_repair_nothing_changes(dump: WrittenDump, take: Import, retry: Any, sql: Any) -> None:
    take(dump)
    everything = "SELECT * FROM import_quarantine ORDER BY id"
    before = sql(everything)
    assert len(before) == 7
    report = retry()
    assert (report.written, report.findings(), sql(everything)) == (0, [], before)


def test_a_contradiction_does_not_end_by_waiting(take: Import, retry: Any, sql: Any) -> None:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    dump.customer("c2", user_id="u1")  # two claim one login, so nobody is linked to it
    dump.order("ord_1", "u1")
    dump.order("ord_1", "u1", item(MILK, 9))
    dump.order("ord_2", "u1", customer_id="c2")
    dump.delivery("ord_2", "c2", id="row")
    dump.subscription("sub", "c1")
    dump.subscription("sub", "c1", default_qty=5)
    take(dump)
    everything = "SELECT * FROM import_quarantine ORDER BY id"
    before = sql(everything)
    assert sql(WAITING) == [
        ("delivery_statuses", "row", "order_quarantined"), ("orders", "ord_1", "duplicate_id"),
        ("orders", "ord_2", "customer_contradictory"), ("subscriptions_v2", "sub", "duplicate_id"),
    ]  # fmt: skip
    report = retry()
    assert (report.written, report.findings(), sql(everything)) == (0, [], before)
    repairs = {"ord_1": '{"id": "ord_3", "customer_id": "c1"}', "ord_2": '{"user_id": "c2"}'}
    for key, change in repairs.items():
        sql(f"UPDATE import_quarantine SET document = document || '{change}' WHERE legacy_id = '{key}'")
    assert (retry().findings(), sql("SELECT legacy_id FROM orders ORDER BY 1")) == (
        [], [("ord_1",), ("ord_2",), ("ord_3",)])  # fmt: skip
    assert sql(WAITING) == [("subscriptions_v2", "sub", "duplicate_id")]


def test_what_was_repaired_is_written_the_rest_waits(dump: WrittenDump, take: Import, retry: Any, sql: Any) -> None:
    take(dump)
    for collection, key, change in REPAIRS:
        sql(f"""UPDATE import_quarantine SET document = jsonb_set(document, {change})
            WHERE collection = '{collection}' AND legacy_id = '{key}'""")
    sql(
        """UPDATE import_quarantine SET document = jsonb_set(document, '{balance}', '10')
        WHERE collection = 'wallets'"""
    )
    report = retry()
    assert report.findings() == []
    assert sql("SELECT legacy_id, status FROM orders") == [("ord_1", "DELIVERED")]
    assert sql("SELECT status FROM delivery_statuses") == [("delivered",)]
    assert sql("""SELECT s.legacy_id, s.price_per_unit::text, p.period::text FROM subscriptions s
        JOIN subscription_pauses p ON p.subscription_id = s.id""") == [("sub", "58.50", "[2026-09-20,2026-09-21)")]
    assert sql("SELECT amount::int FROM payments") == [(500,)]
    assert sql("SELECT amount::int FROM opening_balances") == [(-10,)]
    assert sql(WAITING) == [("orders", "ord_2", "customer_unresolved")]
    assert (retry().written, sql(WAITING)) == (0, [("orders", "ord_2", "customer_unresolved")])


def test_what_was_lacking_may_come_later(dump: WrittenDump, take: Import, retry: Any, sql: Any) -> None:
    take(dump)
    sql("UPDATE customers SET legacy_id = 'gone'")
    report = retry()
    assert (report.fates["orders", "written"], report.findings()) == (1, [])
    assert sql("SELECT legacy_id FROM orders") == [("ord_2",)]


def test_after_a_repair_the_dump_itself_changes_nothing(dump: WrittenDump, take: Import, retry: Any, sql: Any) -> None:
    take(dump)
    for collection, key, change in REPAIRS:
        sql(f"""UPDATE import_quarantine SET document = jsonb_set(document, {change})
            WHERE collection = '{collection}' AND legacy_id = '{key}'""")
    retry()
    waiting = sql(WAITING)
    report = take(dump)
    assert (report.written, report.findings(), sql(WAITING)) == (0, [], waiting)


@pytest.mark.parametrize("arguments", [[], [".", "--retry-quarantine"]])
def test_the_command_wants_a_dump_or_the_quarantine(arguments: list[str], database_url: str) -> None:
    done = CliRunner().invoke(import_mongo, arguments, env={"DATABASE_URL": database_url})
    assert (done.exit_code, "Name either PATH or --retry-quarantine" in done.output) == (2, True)


def test_the_command_takes_it_again(
    dump: WrittenDump, take: Import, sql: Any, database_url: str, tmp_path: Path
) -> None:
    take(dump)
    sql(
        """UPDATE import_quarantine SET document = jsonb_set(document, '{items,0,quantity}', '3')
        WHERE legacy_id = 'ord_1'"""
    )
    arguments = ["--retry-quarantine", "--report", str(tmp_path / "report.json")]
    done = CliRunner().invoke(import_mongo, arguments, env={"DATABASE_URL": database_url}, catch_exceptions=False)
    assert (done.return_value or 0, "2 documents written" in done.output) == (0, True), done.output
    assert (tmp_path / "report.json").exists()
