"""Dumps, what must come of each, and a database after its import."""

import json
import os
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from dairy_app.database.transactions import Database
from dairy_app.legacy_import.writing.staging import SOURCES
from tests.legacy_import.dumps import EGGS, MILK, WrittenDump, item, uuid_of

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


WRITTEN = [pytest.param((written_case, form), id=f"written {form}") for form in FORMS]
#: Elsewhere the written dumps hold the same rules.
SAMPLES = [pytest.param((sample_case, form), id=f"sample {form}") for form in FORMS] if SAMPLE.is_dir() else []


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
