"""The one balance: whatever happened, on whatever day, ledger, open items and applications say the same."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.receivables.conftest import Till
from tests.receivables.histories import DAYS, START, History, invent, live_refunds, settle, write

LIVES = 150
LAST = START + timedelta(DAYS + 40)


@pytest.fixture
def lives(sql: Callable[..., Any]) -> list[History]:
    made = [invent(seed) for seed in range(LIVES)]
    write(sql, made)
    return made


def days() -> list[date]:
    return [START - timedelta(1), *(START + timedelta(n) for n in range(0, DAYS + 40, 9)), LAST]


@pytest.mark.slow
def test_any_day_adds_up_and_agrees_with_the_books_kept_by_hand(lives: list[History], sql: Callable[..., Any]) -> None:
    seen = 0
    for day in days():
        open_rows = sql("SELECT customer_id, kind, document_id, amount, open FROM open_items(NULL, %s)", day)
        opened: dict[str, dict[Any, Decimal]] = defaultdict(dict)
        for customer, kind, document, amount, rest in open_rows:
            opened[customer][document] = rest
            assert (rest < 0) if kind == "credit" else (0 <= rest <= amount)
        applied: dict[str, dict[Any, Decimal]] = defaultdict(dict)
        for customer, credit, debit, amount, chosen in sql(
            "SELECT customer_id, credit_id, debit_id, amount, is_chosen FROM applications(NULL, %s)", day
        ):
            assert amount > 0
            key = (UUID(credit), UUID(debit), chosen)
            applied[customer][key] = applied[customer].get(key, Decimal(0)) + amount
        ledger = dict(sql("SELECT customer_id, sum(debit - credit) FROM customer_ledger WHERE entry_date <= %s GROUP BY 1", day))  # fmt: skip # noqa: E501
        for life in lives:
            who = str(life.id)
            expected, left, credit = settle(life, day)
            assert sum(opened[who].values()) == ledger.get(who, 0) == life.balance(day), (who, day)
            assert applied[who] == expected, (who, day)
            rest = {UUID(document): amount for document, amount in opened[who].items() if document}
            assert (rest, -opened[who].get(None, Decimal(0))) == (left, credit), (who, day)
            for debit, amount in _debits(life, day).items():
                parts = sum((part for (_, to, _), part in applied[who].items() if to == debit), Decimal(0))
                assert parts + rest[debit] == amount
            seen += len(expected)
    assert seen > 1000, "histories in which hardly anything is settled prove nothing"


def _debits(life: History, day: date) -> dict[UUID, Decimal]:
    found = {paper.id: paper.total for paper in life.invoices if not paper.void and paper.day <= day}
    found |= {row: amount for paper in life.invoices for on, row, _, _, amount in paper.more if on <= day}
    if life.opening and life.opening[2] > 0 and life.opening[1] <= day:
        found[life.opening[0]] = life.opening[2]
    return found | {refund: amount for _, refund, amount in live_refunds(life, day)}


def test_one_customer_alone_gets_what_it_gets_among_all(lives: list[History], sql: Callable[..., Any]) -> None:
    day = START + timedelta(45)
    for function, columns in (
        ("open_items", "kind, document_id::text, amount, open"),
        ("applications", "credit_id::text, debit_id::text, amount, is_chosen"),
    ):
        select = f"SELECT customer_id::text, {columns} FROM {function}(%s::uuid[], %s) ORDER BY 1, 2, 3, 4"
        among_all = sql(select, None, day)
        some = [str(life.id) for life in lives[:40]]
        assert sql(select, some, day) == [row for row in among_all if row[0] in some]
        assert len(some) < len({row[0] for row in among_all})


def test_what_is_paid_to_the_paisa_leaves_no_row_of_credit(till: Till, sql: Callable[..., Any]) -> None:
    till.invoice("100.00")
    till.paid("100.00")
    rows = "SELECT kind, open::numeric(12,2)::text FROM open_items(ARRAY[%s]::uuid[], %s) ORDER BY 1"
    assert sql(rows, till.id, till.dairy.day(0)) == [("invoice", "0.00")]
    till.paid("0.01")
    assert sql(rows, till.id, till.dairy.day(0)) == [("credit", "-0.01"), ("invoice", "0.00")]
