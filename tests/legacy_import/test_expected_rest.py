"""What else ``EXPECTED.json`` says of the sample dump: standing orders, money, people and quarantine.

Elsewhere than beside the sample there is nothing to compare.
"""

import json
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from dairy_app.database.transactions import Database
from dairy_app.subscriptions.models import Subscription
from dairy_app.subscriptions.queries.due import days_from, due
from tests.legacy_import.cases import SAMPLE, SAMPLES, Imported

pytestmark = pytest.mark.parametrize("imported", SAMPLES[:1], indirect=True)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLE / "EXPECTED.json").read_text(encoding="utf-8"))
    return found


def quantities(imported: Imported) -> dict[str, dict[str, Decimal]]:
    """What is due in each month, by the document: its standing orders of both shifts, or its one order."""
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    days = due(days_from(date(2026, 9, 1), date(2026, 10, 31)))
    month = func.to_char(days.c.day, "YYYY-MM")
    database = Database(imported.url)
    with database.transaction(read_only=True) as session:
        sums = (
            select(Subscription.legacy_id, month, func.sum(days.c.quantity))
            .join(Subscription, Subscription.id == days.c.subscription_id)
            .group_by(Subscription.legacy_id, month)
        )
        for key, in_month, quantity in session.execute(sums):
            found[(key or "").removesuffix(":evening")][in_month] += quantity
    database.dispose()
    for key, in_month, quantity in imported.rows("""
        SELECT o.legacy_id, to_char(o.delivery_date, 'YYYY-MM'), i.quantity
        FROM orders o JOIN order_items i ON i.order_id = o.id"""):
        found[key][in_month] += quantity
    return found


def test_each_month_wants_what_the_earlier_engine_wanted(imported: Imported, expected: dict[str, Any]) -> None:
    """Different on purpose: what is paused delivers nothing, the earlier engine forgot that; and the words beside
    standing orders, which nothing read there, count here."""
    told_beside = {
        key
        for (key,) in imported.rows("""
            SELECT s.legacy_id FROM subscriptions s WHERE EXISTS (SELECT FROM subscription_overrides o
                WHERE o.subscription_id = s.id AND o.legacy_id IS NOT NULL)
            OR EXISTS (SELECT FROM subscription_pauses p WHERE p.subscription_id = s.id AND p.legacy_id IS NOT NULL)
            OR s.status = 'paused'""")
    }
    ours, theirs = quantities(imported), expected["subscriptions"]["quantity_by_the_earlier_engine"]
    different = {
        key
        for key, months in theirs.items()
        for month in ("2026-09", "2026-10")
        if ours[key][month] != Decimal(months[month])
    }
    assert different <= told_beside
    assert (len(theirs), len(different)) == (196, 18)


def test_standing_orders_by_state(imported: Imported, expected: dict[str, Any]) -> None:
    """Three paused ones have days: active, with a pause. Five without a mode are drafts. Seven are single orders."""
    ours = Counter[str]()
    for key, status in imported.rows("SELECT legacy_id, status FROM subscriptions"):
        ours[status] += key in expected["subscriptions"]["quantity_by_the_earlier_engine"]
    theirs = Counter[str]()
    for name, count in expected["subscriptions"]["subscriptions_v2"]["by_mode_and_status"].items():
        theirs[name.split(" / ")[1]] += count
    assert +ours == theirs - Counter(active=7 + 5, paused=3) + Counter(active=3, draft=5)
    collections = imported.report["collections"]
    assert (
        sum(collections[name]["read"] for name in ("subscriptions", "subscriptions_v2"))
        == (expected["subscriptions"]["total_documents"])
    )


def test_quarantine_holds_what_must_be_there(imported: Imported, expected: dict[str, Any]) -> None:
    """Every document of class must, with one of its reasons; what else is there may be, or has unknown quantities."""
    must: dict[tuple[str, str], set[str]] = defaultdict(set)
    may = {(entry["collection"], entry["document"]) for entry in expected["quarantine"] if entry["class"] == "may"}
    for entry in expected["quarantine"]:
        if entry["class"] == "must" and entry["collection"] in imported.report["collections"]:
            must[entry["collection"], entry["document"]].add(entry["reason"])
    unknown = {("orders", entry["order"]) for entry in expected["orders"]["partial_with_unknown_quantities"]}
    found = {(name, key): reason for name, key, reason in imported.rows(
        "SELECT collection, legacy_id, reason FROM import_quarantine")}  # fmt: skip
    wrong = {key: reason for key, reason in found.items() if key in must and reason not in must[key]}
    assert wrong == {}
    assert (set(must) - set(found), set(found) - set(must) - may - unknown) == (set(), set())


def test_payments_per_customer_and_month(imported: Imported, expected: dict[str, Any]) -> None:
    """The negative one is in quarantine; the one for the month ``banana`` was paid on a day, so it counts."""
    theirs = expected["payments"]
    assert {
        customer: {"total": str(total), "payments": count}
        for customer, total, count in imported.rows("""SELECT c.legacy_id, sum(p.amount), count(*)
            FROM payments p JOIN customers c ON c.id = p.customer_id GROUP BY 1""")
    } == theirs["per_customer"]
    assert {
        month: str(total)
        for month, total in imported.rows(
            "SELECT to_char(received_on, 'YYYY-MM'), sum(amount) FROM payments GROUP BY 1"
        )
    } == theirs["by_month_of_payment_date"]
    left = {entry["payment"]: entry["why"] for entry in theirs["not_counted_may_be_added"]}
    assert (
        dict(
            imported.rows("""SELECT legacy_id, replace(reason, 'amount_', '') FROM import_quarantine
        WHERE collection = 'payment_transactions' AND reason <> 'customer_unresolved'""")
        )
        == left
    )


def test_what_customers_owed_before_is_their_opening_balance(imported: Imported) -> None:
    """Not in ``EXPECTED.json``: the sums of the documents themselves, less the one wallet that holds something."""
    assert imported.rows("SELECT count(*), sum(amount), max(as_of)::text FROM opening_balances") == [
        (50, Decimal("13126.75"), "2026-08-31")
    ]
    assert sum(Decimal(entry["before"]) for entry in imported.report["receipts"]) == Decimal("185745.84") + Decimal(
        "13126.75"
    )
