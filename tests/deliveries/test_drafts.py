"""Which draft a delivery joins: ``open_drafts`` and ``draft_for`` against every shape of neighbour."""

import random
from datetime import date, timedelta
from typing import Any

import pytest

from tests.dairy import ok
from tests.deliveries.rounds import Round, bill, leaks

#: What an issued or void paper has and a draft has not; of no interest here.
_FILLED = """(number, sequence_no) = (SELECT 'X/' || count(*), count(*) FROM invoices WHERE number <> ''),
    series = 'X', financial_year = '2627', invoice_date = period_end, due_date = period_end,
    document_type = 'invoice', snapshot = '{}', taxable_value = 0, exempt_value = 0, cgst = 0, sgst = 0,
    igst = 0, round_off = 0, total = 0, previous_balance = 0, issued_at = now(), document_hash = '',
    previous_hash = '', hash_version = 1"""


def make_customer(sql: Any, cycle: str) -> str:
    ((made,),) = sql("INSERT INTO customers (name, billing_cycle) VALUES ('C', %s) RETURNING id::text", cycle)
    return str(made)


def make_papers(sql: Any, customer: str, papers: list[tuple[str, str, str]]) -> None:
    """Papers as they would have come about over months, without living the months."""
    for start, end, status in papers:
        ((paper,),) = sql(
            "INSERT INTO invoices (customer_id, period_start, period_end, status) VALUES (%s, %s, %s, %s) RETURNING id",
            customer,
            start,
            end,
            status if status == "external" else "draft",
        )
        if status in ("issued", "void"):
            ended = ", void_reason = 'x', voided_at = now()" if status == "void" else ""
            sql(
                "SET LOCAL session_replication_role = replica;"
                f"UPDATE invoices i SET status = '{status}', {_FILLED}{ended} WHERE id = '{paper}'"
            )


def join(sql: Any, customer: str, *days: str) -> list[tuple[str, str]]:
    """The periods of the drafts that deliveries of those days join."""
    sql("SELECT open_drafts(%s::uuid[], %s::date[])", [customer] * len(days), list(days))
    found = sql(
        "SELECT i.period_start::text, i.period_end::text FROM unnest(%s::date[]) WITH ORDINALITY AS w (day, n)"
        " LEFT JOIN invoices i ON i.id = draft_for(%s, w.day) ORDER BY w.n",
        list(days),
        customer,
    )
    return [(row[0], row[1]) for row in found]


@pytest.mark.parametrize(
    ("cycle", "day", "start", "end"),
    [
        ("monthly", "2026-11-01", "2026-11-01", "2026-11-30"),
        ("monthly", "2026-12-31", "2026-12-01", "2026-12-31"),
        ("monthly", "2028-02-29", "2028-02-01", "2028-02-29"),
        ("half_monthly", "2026-11-15", "2026-11-01", "2026-11-15"),
        ("half_monthly", "2026-11-16", "2026-11-16", "2026-11-30"),
        ("half_monthly", "2026-12-31", "2026-12-16", "2026-12-31"),
        ("half_monthly", "2027-02-28", "2027-02-16", "2027-02-28"),
        ("weekly", "2026-11-01", "2026-11-01", "2026-11-07"),
        ("weekly", "2026-11-07", "2026-11-01", "2026-11-07"),
        ("weekly", "2026-11-08", "2026-11-08", "2026-11-14"),
        ("weekly", "2026-11-21", "2026-11-15", "2026-11-21"),
        ("weekly", "2026-11-28", "2026-11-22", "2026-11-28"),
        ("weekly", "2026-11-29", "2026-11-29", "2026-11-30"),
        ("weekly", "2026-12-31", "2026-12-29", "2026-12-31"),
        ("weekly", "2027-02-28", "2027-02-22", "2027-02-28"),
        ("weekly", "2028-02-29", "2028-02-29", "2028-02-29"),
    ],
)
def test_the_first_draft_is_the_cycles_period(sql: Any, cycle: str, day: str, start: str, end: str) -> None:
    assert join(sql, make_customer(sql, cycle), day) == [(start, end)]


NOVEMBER = ("2026-11-01", "2026-11-30")


def test_the_last_day_of_a_draft_opens_no_other(sql: Any) -> None:
    customer = make_customer(sql, "monthly")
    assert join(sql, customer, "2026-11-20", "2026-11-30") == [NOVEMBER, NOVEMBER]
    assert join(sql, customer, "2026-11-30") == [NOVEMBER]
    assert sql("SELECT count(*) FROM invoices") == [(1,)]


@pytest.mark.parametrize(
    ("cycle", "papers", "day", "joined"),
    [
        # A live paper holds the day.
        ("monthly", [("2026-11-01", "2026-11-30", "draft")], "2026-11-20", NOVEMBER),
        # No paper holds it: the cycle's period, clipped to its neighbours.
        ("monthly", [("2026-11-01", "2026-11-10", "issued")], "2026-11-12", ("2026-11-11", "2026-11-30")),
        ("monthly", [("2026-11-15", "2026-11-30", "draft")], "2026-11-05", ("2026-11-01", "2026-11-14")),
        (
            "monthly",
            [("2026-11-01", "2026-11-09", "issued"), ("2026-11-15", "2026-11-30", "draft")],
            "2026-11-12",
            ("2026-11-10", "2026-11-14"),
        ),
        ("monthly", [("2026-10-20", "2026-11-03", "draft")], "2026-11-04", ("2026-11-04", "2026-11-30")),
        # Papers that are not live do not clip.
        ("monthly", [("2026-11-01", "2026-11-10", "void")], "2026-11-12", NOVEMBER),
        ("monthly", [("2026-11-01", "2026-11-30", "external")], "2026-11-12", NOVEMBER),
        ("monthly", [("2026-11-01", "2026-11-30", "void")], "2026-11-12", NOVEMBER),
        # The day's paper is issued: the next draft, or a new one after the last paper.
        ("monthly", [("2026-10-01", "2026-10-31", "issued")], "2026-10-20", NOVEMBER),
        (
            "monthly",
            [("2026-10-01", "2026-10-31", "issued"), ("2026-11-01", "2026-11-30", "draft")],
            "2026-10-20",
            NOVEMBER,
        ),
        (
            "monthly",
            [("2026-10-01", "2026-10-31", "issued"), ("2026-11-01", "2026-11-20", "issued")],
            "2026-10-20",
            ("2026-11-21", "2026-11-30"),
        ),
        (
            "monthly",
            [("2026-10-01", "2026-10-31", "issued"), ("2026-11-01", "2026-11-30", "issued")],
            "2026-10-20",
            ("2026-12-01", "2026-12-31"),
        ),
        (
            "monthly",
            [("2026-10-01", "2026-10-31", "issued"), ("2026-12-01", "2026-12-31", "draft")],
            "2026-10-20",
            ("2026-12-01", "2026-12-31"),
        ),
        ("weekly", [("2026-11-15", "2026-11-21", "issued")], "2026-11-18", ("2026-11-22", "2026-11-28")),
        ("weekly", [("2026-11-22", "2026-11-30", "issued")], "2026-11-29", ("2026-12-01", "2026-12-07")),
        # The cycle changed: drafts already open stay as they are, later ones follow the new one.
        ("weekly", [("2026-11-01", "2026-11-30", "draft")], "2026-11-20", NOVEMBER),
        ("weekly", [("2026-11-01", "2026-11-20", "issued")], "2026-11-21", ("2026-11-21", "2026-11-21")),
        ("weekly", [("2026-11-01", "2026-11-23", "issued")], "2026-11-20", ("2026-11-24", "2026-11-28")),
        ("monthly", [("2026-11-01", "2026-11-15", "issued")], "2026-11-15", ("2026-11-16", "2026-11-30")),
        (
            "half_monthly",
            [("2026-11-01", "2026-11-30", "issued")],
            "2026-11-30",
            ("2026-12-01", "2026-12-15"),
        ),
    ],
)
def test_neighbours(sql: Any, cycle: str, papers: list[Any], day: str, joined: tuple[str, str]) -> None:
    customer = make_customer(sql, cycle)
    make_papers(sql, customer, papers)
    assert join(sql, customer, day) == [joined]
    # Asking again opens nothing more.
    before = sql("SELECT count(*) FROM invoices")
    assert join(sql, customer, day, day) == [joined, joined]
    assert sql("SELECT count(*) FROM invoices") == before


def test_a_companion_is_no_neighbour(sql: Any) -> None:
    """The second paper of a period holds no day, clips nothing and receives no order, wherever it lies."""
    customer = make_customer(sql, "monthly")
    make_papers(sql, customer, [("2026-10-01", "2026-10-31", "issued"), ("2026-12-01", "2026-12-31", "issued")])
    sql(
        "INSERT INTO invoices (customer_id, period_start, period_end, companion_of)"
        " SELECT customer_id, '2026-10-15', '2026-11-30', id FROM invoices WHERE period_start = '2026-10-01'"
    )
    assert join(sql, customer, "2026-11-12") == [NOVEMBER]


def test_several_days_of_one_customer_at_once(sql: Any) -> None:
    customer = make_customer(sql, "weekly")
    make_papers(sql, customer, [("2026-11-08", "2026-11-14", "issued")])
    assert join(sql, customer, "2026-11-02", "2026-11-04", "2026-11-10", "2026-11-16", "2026-11-30") == [
        ("2026-11-01", "2026-11-07"),
        ("2026-11-01", "2026-11-07"),
        ("2026-11-15", "2026-11-21"),
        ("2026-11-15", "2026-11-21"),
        ("2026-11-29", "2026-11-30"),
    ]


def test_every_day_finds_a_draft_whatever_lies_around(sql: Any) -> None:
    """A hundred random pasts, all days asked for in one call: each finds a draft that takes it."""
    chance, first = random.Random(20261122), date(2026, 9, 1)
    asked: list[tuple[str, date]] = []
    for _ in range(100):
        customer = make_customer(sql, chance.choice(["monthly", "half_monthly", "weekly"]))
        day, papers = first, []
        while day < date(2026, 12, 20) and len(papers) < 4:
            start = day + timedelta(days=chance.choice([0, 0, 3, 12]))
            end = start + timedelta(days=chance.randrange(30))
            status = chance.choice(["draft", "issued", "issued", "void", "external"])
            papers.append((str(start), str(end), status))
            day = end + timedelta(days=1)
        make_papers(sql, customer, papers)
        asked += [(customer, first + timedelta(days=chance.randrange(120))) for _ in range(3)]
    customers, days = [customer for customer, _ in asked], [day for _, day in asked]
    sql("SELECT open_drafts(%s::uuid[], %s::date[])", customers, days)
    homeless = sql(
        "SELECT w.customer, w.day FROM unnest(%s::uuid[], %s::date[]) AS w (customer, day)"
        " LEFT JOIN invoices i ON i.id = draft_for(w.customer, w.day)"
        " WHERE i.id IS NULL OR i.period_end < w.day OR i.customer_id <> w.customer",
        customers,
        days,
    )
    assert homeless == []


def test_half_months_over_http(round_: Round, sql: Any) -> None:
    """A change of cycle counts for drafts opened afterwards; the open one is still filled."""
    ok(round_.dairy.confirm(round_.order()), 200)
    ok(round_.dairy.admin.patch(f"/customers/{round_.customer['id']}", {"billing_cycle": "half_monthly"}))
    ok(round_.dairy.confirm(round_.order()), 200)
    assert sql("SELECT period_start::text, period_end::text FROM invoices") == [NOVEMBER]
    round_.dairy.seller()
    bill(round_.dairy, "2026-11", through="2026-11-20")
    ok(round_.dairy.confirm(round_.order()), 200)
    assert sql("SELECT period_start::text, period_end::text FROM invoices WHERE status = 'draft'") == [
        ("2026-11-21", "2026-11-30")
    ]
    assert not any(leaks(sql).values())
