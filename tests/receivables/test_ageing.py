"""Ageing over everybody goes by sums where it may: to the paisa what document by document comes out."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from dairy_app.database.transactions import Database
from dairy_app.receivables.queries import ageing
from tests.receivables.histories import DAYS, START, History, Invoice, Payment, invent, settle, write
from tests.statements import count_statements

PLAIN, CHOSEN = 150, 20
KINDS = ("credit_note", "write_off", "allocation")
AS_OF = [START + timedelta(n) for n in (0, 20, 35, 50, 65, 80, 110, 160, 300)]


def only(life: History, kind: str | None = None) -> History:
    """The same life without what somebody chose, but for one kind: credit notes, write-offs or allocations."""
    for paper in life.invoices:
        charged = sum((amount for *_, amount in paper.more), Decimal(0))
        paper.taken = [each for each in paper.taken if each[0] == kind]
        assert sum((amount for *_, amount in paper.taken), Decimal(0)) <= paper.total + charged
    for payment in life.payments:
        if kind != "allocation":
            payment.chosen.clear()
    return life


def of_one_day() -> History:
    """The bill of the lower number is due later, and paid."""
    day = START + timedelta(30)
    bills = [
        Invoice(uuid4(), f"T/{n}", day, day + timedelta(days), Decimal(100), void=False)
        for n, days in enumerate((15, 0))
    ]
    return History(uuid4(), invoices=bills, payments=[Payment(uuid4(), day, Decimal(100), None)])


def aged(life: History, day: date) -> dict[str, Decimal] | None:
    """A row of the report as one would write it by hand; None for who owes nothing and is owed nothing."""
    _, left, credit = settle(life, day)
    due = {paper.id: paper.due for paper in life.invoices}
    due |= {row: on for paper in life.invoices for _, row, _, on, _ in paper.more}
    if life.opening:
        due[life.opening[0]] = life.opening[1]
    due |= {refund: on for refund, on, *_ in life.refunds}
    row = dict.fromkeys(ageing.AGEING_COLUMNS, Decimal(0))
    for document, amount in left.items():
        late = (day - due[document]).days
        name = "not_due" if late <= 0 else f"days_{(late - 1) // 30 * 30 + 1}_{(late - 1) // 30 * 30 + 30}"
        row[name if late <= 90 else "days_over_90"] += amount
    row["unapplied_credit"], row["net"] = credit, sum(left.values(), Decimal(0)) - credit
    return row if any(row.values()) else None


@pytest.fixture
def lives(sql: Callable[..., Any]) -> list[History]:
    made = [only(invent(seed)) for seed in range(PLAIN)]
    made += [invent(PLAIN + seed) for seed in range(CHOSEN)]
    for place, kind in enumerate(KINDS, 10):
        made += [only(invent(100 * place + seed), kind) for seed in range(CHOSEN)]
    made.append(of_one_day())
    write(sql, made)
    return made


def report(database: Database, day: date) -> tuple[dict[str, Any], dict[str, Any]]:
    with database.transaction(read_only=True) as session:
        totals, rows = ageing.ageing_page(session, day, area_id=None, after=None, limit=1000)
    assert totals is not None
    return totals, {str(row["customer_id"]): {name: row[name] for name in ageing.AGEING_COLUMNS} for row in rows}


@pytest.mark.parametrize("most", [1000, 0], ids=["by sums", "by document"])
def test_by_sums_and_by_document(
    database: Database, lives: list[History], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(ageing, "_MOST", most)
    again = 0
    for day in AS_OF:
        with count_statements(database) as sent:
            totals, rows = report(database, day)
        by_hand = {str(life.id): aged(life, day) for life in lives}
        wanted = {who: row for who, row in by_hand.items() if row is not None}
        assert rows == wanted, day
        assert totals == {"customers": len(wanted)} | {
            name: sum((row[name] for row in wanted.values()), Decimal(0)) for name in ageing.AGEING_COLUMNS
        }
        again += len(sent) == 4
        assert len(sent) <= 4
    assert bool(again) == bool(most), "no bill that is due before an older one proves nothing"


def test_with_nothing_at_all(database: Database) -> None:
    totals, rows = report(database, START + timedelta(DAYS))
    assert totals == dict.fromkeys(("customers", *ageing.AGEING_COLUMNS), 0)
    assert rows == {}
