"""Which draft a confirmation joins: nearly always one look finds it, and then no look may find a wrong one."""

from typing import Any

import pytest

from tests.deliveries.rounds import Round, leaks
from tests.deliveries.test_drafts import NOVEMBER, make_papers
from tests.deliveries.test_sets import CONFIRMED, call

OCTOBER = ("2026-10-01", "2026-10-31")
FIRST_HALF, SECOND_HALF = ("2026-11-01", "2026-11-15"), ("2026-11-16", "2026-11-30")


def planned(round_: Round, sql: Any, day: str, customer: Any = None) -> Any:
    """An order of a day that may be over."""
    order = round_.dairy.order(customer or round_.customer, (round_.milk, "2"), (round_.curd, "1.5"))
    sql("UPDATE orders SET delivery_date = %s WHERE id = %s", day, order["id"])
    return order


def joined(sql: Any, *orders: Any) -> list[Any]:
    """The period of each order's draft; None: it is on none."""
    found = sql(
        "SELECT i.period_start::text, i.period_end::text, i.status, i.companion_of"
        " FROM unnest(%s::uuid[]) WITH ORDINALITY AS w (id, n) JOIN orders o ON o.id = w.id"
        " LEFT JOIN invoices i ON i.id = o.invoice_id ORDER BY w.n",
        [order["id"] for order in orders],
    )
    assert all(row[2:] in (("draft", None), (None, None)) for row in found)
    return [row[:2] if row[0] else None for row in found]


@pytest.mark.parametrize(
    ("papers", "day", "period", "opened"),
    [
        # A draft holds the day: any day of it, and it of all drafts.
        ([(*NOVEMBER, "draft")], "2026-11-19", NOVEMBER, 0),
        ([("2026-11-19", "2026-11-30", "draft")], "2026-11-19", ("2026-11-19", "2026-11-30"), 0),
        ([("2026-11-01", "2026-11-19", "draft")], "2026-11-19", ("2026-11-01", "2026-11-19"), 0),
        ([(*FIRST_HALF, "draft"), (*SECOND_HALF, "draft")], "2026-11-16", SECOND_HALF, 0),
        ([(*FIRST_HALF, "draft"), (*SECOND_HALF, "draft")], "2026-11-15", FIRST_HALF, 0),
        # Its paper is issued: the delivery is late, for the draft after it or a new one.
        ([(*FIRST_HALF, "issued"), (*SECOND_HALF, "draft")], "2026-11-14", SECOND_HALF, 0),
        ([(*FIRST_HALF, "issued")], "2026-11-14", SECOND_HALF, 1),
        ([(*NOVEMBER, "issued")], "2026-11-19", ("2026-12-01", "2026-12-31"), 1),
        # Papers that take no deliveries.
        ([(*NOVEMBER, "void")], "2026-11-19", NOVEMBER, 1),
        ([(*NOVEMBER, "external")], "2026-11-19", NOVEMBER, 1),
        # A draft of other days.
        ([(*OCTOBER, "draft")], "2026-11-19", NOVEMBER, 1),
        ([("2026-11-20", "2026-11-30", "draft")], "2026-11-19", ("2026-11-01", "2026-11-19"), 1),
        ([], "2026-11-19", NOVEMBER, 1),
    ],
)
def test_the_draft_of_the_day(round_: Round, sql: Any, papers: Any, day: str, period: Any, opened: int) -> None:
    make_papers(sql, round_.customer["id"], papers)
    order = planned(round_, sql, day)
    assert call(sql, {"order_id": order["id"], "delivery_date": day}) == [CONFIRMED]
    assert joined(sql, order) == [period]
    assert sql("SELECT count(*) FROM invoices") == [(len(papers) + opened,)]


def test_a_companion_that_is_a_draft_takes_no_delivery(round_: Round, sql: Any) -> None:
    make_papers(sql, round_.customer["id"], [(*NOVEMBER, "issued")])
    sql(
        "INSERT INTO invoices (customer_id, period_start, period_end, companion_of)"
        " SELECT customer_id, period_start, period_end, id FROM invoices"
    )
    order = planned(round_, sql, "2026-11-19")
    assert call(sql, {"order_id": order["id"], "delivery_date": "2026-11-19"}) == [CONFIRMED]
    assert joined(sql, order) == [("2026-12-01", "2026-12-31")]


def test_a_neighbours_draft_is_not_ours(round_: Round, sql: Any) -> None:
    neighbour = round_.dairy.customer()
    make_papers(sql, neighbour["id"], [(*NOVEMBER, "draft")])
    order = planned(round_, sql, "2026-11-19")
    assert call(sql, {"order_id": order["id"]}) == [CONFIRMED]
    found = sql("SELECT i.customer_id::text FROM invoices i JOIN orders o ON o.invoice_id = i.id")
    assert found == [(round_.customer["id"],)]


def test_in_a_set_each_customer_joins_the_own_draft(round_: Round, sql: Any) -> None:
    """One has a draft for the day, one has one for later days, one has none; one gets nothing and needs none."""
    customers = [round_.customer, *(round_.dairy.customer() for _ in range(3))]
    make_papers(sql, customers[0]["id"], [(*NOVEMBER, "draft")])
    make_papers(sql, customers[1]["id"], [(*FIRST_HALF, "issued"), (*SECOND_HALF, "draft")])
    orders = [planned(round_, sql, "2026-11-14", customer) for customer in customers]
    told = [{"order_id": order["id"], "delivery_date": "2026-11-14"} for order in orders]
    assert call(sql, *told[:3], told[3] | {"status": "not_delivered"}) == [CONFIRMED] * 4
    assert joined(sql, *orders) == [NOVEMBER, SECOND_HALF, NOVEMBER, None]
    assert sql("SELECT count(*) FROM invoices WHERE customer_id = %s", customers[2]["id"]) == [(1,)]
    assert sql("SELECT count(*) FROM invoices WHERE customer_id = %s", customers[3]["id"]) == [(0,)]
    assert not any(leaks(sql).values())


def test_two_days_of_one_customer_in_a_set(round_: Round, sql: Any) -> None:
    """The draft of one day is there, that of the other is opened."""
    make_papers(sql, round_.customer["id"], [("2026-11-16", "2026-11-30", "draft")])
    orders = [planned(round_, sql, day) for day in ("2026-11-14", "2026-11-19")]
    told = [
        {"order_id": order["id"], "delivery_date": day}
        for order, day in zip(orders, ("2026-11-14", "2026-11-19"), strict=True)
    ]
    assert call(sql, *told) == [CONFIRMED] * 2
    assert joined(sql, *orders) == [FIRST_HALF, SECOND_HALF]


def test_what_came_of_a_set_is_written_for_each_order(round_: Round, sql: Any) -> None:
    """All, nothing and a part in one set: nothing of one reaches another."""
    orders = [round_.order() for _ in range(4)]
    ids = [order["id"] for order in orders]
    bodies = [
        {"order_id": ids[0], "notes": "gate"},
        {"order_id": ids[1], "status": "not_delivered", "reason_code": "door_closed"},
        {"order_id": ids[2], "items": round_.items("1", "0"), "latitude": "18.5"},
        {"order_id": ids[3], "items": round_.items("0", "0.5"), "delivery_date": "2026-11-19"},
    ]
    assert call(sql, *bodies) == [CONFIRMED] * 4
    assert sql(
        "SELECT o.status, o.delivered_on::text, s.status, s.notes, s.reason_code, s.latitude::text,"
        " array_agg(i.delivered_quantity::text ORDER BY i.line_no)"
        " FROM unnest(%s::uuid[]) WITH ORDINALITY AS w (id, n) JOIN orders o ON o.id = w.id"
        " JOIN delivery_statuses s ON s.order_id = o.id JOIN order_items i ON i.order_id = o.id"
        " GROUP BY w.n, o.id, s.id ORDER BY w.n",
        ids,
    ) == [
        ("DELIVERED", "2026-11-20", "delivered", "gate", None, None, ["2.000", "1.500"]),
        ("NOT_DELIVERED", None, "not_delivered", None, "door_closed", None, ["0.000", "0.000"]),
        ("PARTIALLY_DELIVERED", "2026-11-20", "partially_delivered", None, None, "18.500000", ["1.000", "0.000"]),
        ("PARTIALLY_DELIVERED", "2026-11-19", "partially_delivered", None, None, None, ["0.000", "0.500"]),
    ]
    assert not any(leaks(sql).values())
