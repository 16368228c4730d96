"""The money of the earlier system arrives to the paisa: on drafts, and after billing on issued invoices.

Held for a dump written here, with sums worked out by hand, and for the sample dump of a whole dairy beside the
checkout (or where ``DAIRY_MONGO_DUMP`` says), whose ``EXPECTED.json`` was computed independently of any importer.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from sqlalchemy import make_url, text

from dairy_app.billing.commands import bill
from dairy_app.database.transactions import Database
from dairy_app.legacy_import.commands import import_mongo
from tests.conftest import Server
from tests.legacy_import.cases import SAMPLES, WRITTEN, Imported, command

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("imported", WRITTEN + SAMPLES, indirect=True)]


@pytest.fixture
def copy(server: Server, imported: Imported) -> Iterator[Imported]:
    """The same database again, to be changed by one test."""
    url = server.create_database(make_url(imported.url).database)
    yield Imported(imported.case, url, imported.report)
    server.drop_database(url)


ON_PAPERS = """
SELECT c.legacy_id, to_char(o.delivered_on, 'YYYY-MM'), sum(round(i.delivered_quantity * i.unit_price, 2))
FROM orders o
JOIN order_items i ON i.order_id = o.id
JOIN customers c ON c.id = o.customer_id
JOIN invoices p ON p.id = o.invoice_id AND o.delivered_on BETWEEN p.period_start AND p.period_end
WHERE o.order_type = 'one_time' AND p.status = '{status}'
GROUP BY 1, 2
"""

ISSUED = """
SELECT c.legacy_id, to_char(p.period_start, 'YYYY-MM'), sum(l.line_total)
FROM invoices p
JOIN invoice_lines l ON l.invoice_id = p.id AND l.source = 'one_time'
JOIN customers c ON c.id = p.customer_id
WHERE p.status = 'issued' GROUP BY 1, 2
"""


def test_drafts_hold_what_was_delivered_and_never_billed(imported: Imported) -> None:
    assert imported.sums(ON_PAPERS.format(status="draft")) == imported.case.unbilled


def test_no_draft_is_opened_for_nothing(imported: Imported) -> None:
    empty = "SELECT id FROM invoices p WHERE NOT EXISTS (SELECT FROM orders WHERE invoice_id = p.id)"
    assert imported.rows(empty) == []


def test_what_was_billed_before_stands_on_external_papers(imported: Imported) -> None:
    assert imported.sums(ON_PAPERS.format(status="external")) == imported.case.billed
    assert imported.rows("SELECT count(*) FROM invoices WHERE status NOT IN ('draft', 'external')") == [(0,)]


def test_what_cannot_be_placed_is_in_quarantine_and_nothing_else(imported: Imported) -> None:
    found: dict[str, set[str]] = {}
    for collection, key in imported.rows("SELECT collection, legacy_id FROM import_quarantine"):
        found.setdefault(collection, set()).add(key)
    expected = dict(imported.case.quarantined)
    if "backup" in imported.case.path.name:  # it drops the object ids, the only keys of these documents
        for name in ("delivery_status", "wallets"):
            assert len(found.pop(name, ())) == len(expected.pop(name, ()))
    assert found == expected


def test_an_order_of_which_nothing_came_is_not_delivered(imported: Imported) -> None:
    found = imported.rows("SELECT legacy_id, invoice_id FROM orders WHERE status = 'NOT_DELIVERED'")
    assert imported.case.nothing_delivered <= {key for key, _ in found}
    assert {invoice for _, invoice in found} == {None}


def test_every_delivered_order_has_its_delivery_row(imported: Imported) -> None:
    wrong = imported.rows("""
        SELECT o.legacy_id FROM orders o LEFT JOIN delivery_statuses s ON s.order_id = o.id
        WHERE o.invoice_id IS NOT NULL AND (s.id IS NULL OR s.status <> lower(o.status)
            OR s.delivered_at <> o.delivered_at OR s.delivery_date <> o.delivered_on
            OR s.confirmation_method <> 'import')""")
    assert wrong == []


def test_the_report_balances(imported: Imported) -> None:
    report = imported.report
    assert (report["balanced"], report["findings"]) == (True, [])
    for name, fates in report["collections"].items():
        assert fates["read"] == sum(fates.values()) - fates["read"], name
    for paper, sums in (("draft", imported.case.unbilled), ("external", imported.case.billed)):
        told = [entry for entry in report["money"] if entry["paper"] == paper]
        assert {(entry["customer"], entry["month"]): Decimal(entry["after"]) for entry in told} == sums
        assert all(entry["before"] == entry["after"] for entry in told)


FINGERPRINTS = """
SELECT string_agg(format('SELECT %L, count(*), md5(coalesce(string_agg(t::text, %L ORDER BY t::text), %L)) FROM %I t',
    c.relname, '|', '', c.relname), ' UNION ALL ' ORDER BY c.relname)
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""


def fingerprint(database: Imported) -> list[tuple[Any, ...]]:
    """Every row of every table, in short."""
    ((statement,),) = database.rows(FINGERPRINTS)
    return database.rows(statement)


def test_a_second_import_changes_nothing(copy: Imported) -> None:
    before = fingerprint(copy)
    again = json.loads(command(import_mongo, str(copy.case.path), "--json", url=copy.url))
    assert fingerprint(copy) == before
    assert again["balanced"] is True and again["money"] == []
    for name, fates in again["collections"].items():
        first = copy.report["collections"][name]
        assert (fates["written"], fates["present"]) == (0, first["written"]), name


def test_after_billing_the_same_sums_stand_on_issued_invoices(copy: Imported) -> None:
    database = Database(copy.url)
    with database.transaction() as session:
        session.execute(
            text("UPDATE settings SET business_name = 'Sunrise Dairy', state_code = '29', address = 'Pune'")
        )
    database.dispose()
    with time_machine.travel(datetime(2026, 11, 2, 4, tzinfo=UTC)):
        for month in copy.case.months:
            command(bill, "--period", month, "--yes", url=copy.url)
    assert copy.sums(ISSUED) == copy.case.unbilled
    assert copy.sums(ON_PAPERS.format(status="issued")) == copy.case.unbilled
    assert copy.sums(ON_PAPERS.format(status="external")) == copy.case.billed
    assert copy.rows(
        "SELECT count(*) FROM orders o JOIN invoices p ON p.id = o.invoice_id WHERE p.status = 'draft'"
    ) == [(0,)]
