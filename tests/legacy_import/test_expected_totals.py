"""The money of the earlier system arrives to the paisa: on drafts, and after billing on issued invoices.

Held for a dump written here, with sums worked out by hand, and for the sample dump of a whole dairy beside the
checkout (or where ``DAIRY_MONGO_DUMP`` says), whose ``EXPECTED.json`` was computed independently of any importer.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import make_url, text

from dairy_app.billing.commands import bill
from dairy_app.database.transactions import Database
from dairy_app.legacy_import.commands import import_mongo
from dairy_app.legacy_import.writing.staging import SOURCES
from tests.conftest import Server
from tests.legacy_import.dumps import EGGS, MILK, WrittenDump, item, uuid_of

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
SAMPLE = Path(os.environ.get("DAIRY_MONGO_DUMP") or CHECKOUT.parent / "shared" / "data" / "mongo-dump")
FORMS = ("mongodump", "mongoexport", "backup")

Sums = dict[tuple[str, str], Decimal]


@dataclass
class Case:
    """A dump and what must come of it: rupees per (customer, month), and the keys that go to quarantine."""

    path: Path
    unbilled: Sums
    billed: Sums
    quarantined: dict[str, set[str]]
    months: tuple[str, ...] = ("2026-09", "2026-10")
    nothing_delivered: set[str] = field(default_factory=set)


def written_case(folder: Path, form: str) -> Case:
    """Two customers, two months, and one order of each kind that changes a sum or must not."""
    dump = WrittenDump()
    asha, ravi = uuid_of("asha"), "cust-001"
    dump.customer(asha, user=uuid_of("asha's login"))
    dump.customer(ravi, user="usr_ravi")
    login = uuid_of("asha's login")
    dump.order("ord_1", login, item(MILK, 3), item(EGGS, 2))  # 166.50 + 140.00
    dump.order("ord_2", login, item(MILK, 1), on="2026-09-30", delivered_at="2026-09-30T18:40:00.000Z")  # October
    dump.order(uuid_of("order"), asha, item(EGGS, 1, total=999.0), on="2026-10-05", billed=None)  # 70.00
    dump.order("ord_3", "usr_ravi", item(MILK, 0.3, price=33.35), on="2026-10-06")  # 10.005 → 10.01
    partial = {"status": "PARTIALLY_DELIVERED", "partial_delivery_items": ["Eggs"]}
    dump.order("ord_4", "usr_ravi", item(EGGS, 3), item(MILK, 2), on="2026-09-12", **partial)
    products = [
        {"product_name": "Eggs", "quantity_packets": 3, "delivered_quantity": 1},
        {"product_name": "Toned Milk", "quantity_packets": 2, "delivered_quantity": 0},
    ]
    dump.delivery("ord_4", ravi, by_link=True, status="partially_delivered", products=products)  # 70.00
    dump.order("ord_5", "usr_ravi", item(MILK, 2), on="2026-10-01", billed=True, billed_month="2026-09")  # 111.00
    dump.customer("cust-002")
    dump.order("ord_12", "cust-002", item(EGGS, 1), billed=True, billed_month="2026-09")  # 70.00
    # None of these is on a draft.
    dump.order("ord_6", "usr_ravi", delivery_confirmed=False)
    dump.order("ord_7", "usr_ravi", **partial)
    dump.order("ord_8", "usr_ravi", item(EGGS, 1), on="2026-10-20", **partial)
    none = [{"product_name": "Eggs", "quantity_packets": 1, "delivered_quantity": 0}]
    dump.delivery("ord_8", ravi, by_link=True, status="partially_delivered", products=none)
    dump.order("ord_9", "somebody deleted")
    dump.order("ord_10", "usr_ravi", item(MILK, -3), status="pending", delivery_confirmed=False)
    dump.order("ord_11", "usr_ravi", status="cancelled", delivery_confirmed=False, delivered_at=None)
    write = {"mongodump": dump.write, "mongoexport": dump.write_export, "backup": dump.write_backup}[form]
    return Case(
        path=write(folder),
        unbilled={
            (asha, "2026-09"): Decimal("306.50"),
            (asha, "2026-10"): Decimal("125.50"),
            (ravi, "2026-09"): Decimal("70.00"),
            (ravi, "2026-10"): Decimal("10.01"),
        },
        billed={(ravi, "2026-10"): Decimal("111.00"), ("cust-002", "2026-09"): Decimal("70.00")},
        quarantined={"orders": {"ord_7", "ord_9", "ord_10"}},
        nothing_delivered={"ord_8"},
    )


def sample_case(_folder: Path, form: str) -> Case:
    """The whole dairy. A customer's month without any rupee stands on no draft here: nothing was delivered."""
    expected = json.loads((SAMPLE / "EXPECTED.json").read_text(encoding="utf-8"))
    orders = expected["orders"]
    billed: Sums = {}
    for order in orders["billed_orders"]:
        month = (order["customer"], order["delivered_month"])
        billed[month] = billed.get(month, Decimal(0)) + Decimal(order["amount"])
    core = {source.collection for source in SOURCES}
    quarantined: dict[str, set[str]] = {}
    for entry in expected["quarantine"]:
        # A document of another month's bill is placed, and what does not say its days is a draft; an open order
        # of a lost product is not.
        placed = entry["reason"] in ("billed_month_differs", "mode_missing")
        if entry["collection"] in core and not placed:
            quarantined.setdefault(entry["collection"], set()).add(entry["document"])
    quarantined["orders"] |= {entry["order"] for entry in orders["partial_with_unknown_quantities"]}
    path = SAMPLE / {"mongodump": "mongodump", "mongoexport": "mongoexport", "backup": "backup-json"}[form]
    return Case(
        path=path,
        unbilled={
            (entry["customer"], entry["month"]): Decimal(entry["amount"])
            for entry in orders["unbilled_per_customer_month"]
            if Decimal(entry["amount"])
        },
        billed=billed,
        quarantined=quarantined,
        nothing_delivered={
            key
            for key, order in orders["lines_of_partial_orders"].items()
            if not any(Decimal(line["delivered"]) for line in order["lines"])
        },
    )


CASES = [pytest.param((written_case, form), id=f"written {form}") for form in FORMS]
if SAMPLE.is_dir():  # elsewhere the written dumps hold the same rules
    CASES += [pytest.param((sample_case, form), id=f"sample {form}") for form in FORMS]


def command(what: Any, *arguments: str, url: str) -> str:
    """Run a command as an operator would; it must succeed."""
    done = CliRunner().invoke(what, arguments, env={"DATABASE_URL": url}, catch_exceptions=False)
    assert (done.exit_code, done.return_value in (0, None)) == (0, True), done.output
    return done.output


@dataclass
class Imported:
    """A database after the import of a case."""

    case: Case
    url: str
    report: dict[str, Any]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        database = Database(self.url)
        try:
            with database.transaction(read_only=True) as session:
                return [tuple(row) for row in session.execute(text(statement))]
        finally:
            database.dispose()

    def sums(self, statement: str) -> Sums:
        return {(customer, month): amount for customer, month, amount in self.rows(statement)}


@pytest.fixture(scope="module", params=CASES)
def imported(
    request: pytest.FixtureRequest,
    server: Server,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Imported]:
    make, form = request.param
    case = make(tmp_path_factory.mktemp("dump"), form)
    url = server.create_database(template)
    report = command(import_mongo, str(case.path), "--json", url=url)
    yield Imported(case, url, json.loads(report))
    server.drop_database(url)


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
SELECT format('SELECT %L, count(*), md5(coalesce(string_agg(t::text, %L ORDER BY t::text), %L)) FROM %I t',
    c.relname, '|', '', c.relname)
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname
"""


def fingerprint(database: Imported) -> list[tuple[Any, ...]]:
    """Every row of every table, in short."""
    return [database.rows(statement)[0] for (statement,) in database.rows(FINGERPRINTS)]


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
