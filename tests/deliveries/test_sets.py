"""Sets of confirmations: each is judged on its own, in one statement, and none spoils another."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg2.extras import Json

from tests.dairy import Dairy, ok
from tests.deliveries.rounds import Round, confirm_set, leaks, statements

pytestmark = pytest.mark.usefixtures("clock")


def of(order: Any, **fields: Any) -> dict[str, Any]:
    return {"order_id": UUID(order["id"]), **fields}


def told(outcomes: Any) -> list[tuple[str, str | None]]:
    return [(outcome.outcome, outcome.code) for outcome in outcomes]


def call(sql: Any, *confirmations: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The SQL function itself, round schema and service."""
    rows = sql(
        "SELECT outcome, code FROM confirm_deliveries(%s, NULL, 'somebody', 'admin', NULL, NULL, NULL, NULL, NULL,"
        " NULL, NULL, NULL, '2026-11-20 10:00+05:30') ORDER BY item_index",
        Json([{"status": "delivered", **confirmation} for confirmation in confirmations]),
    )
    return [(row[0], row[1]) for row in rows]


CONFIRMED, REPLAYED = ("confirmed", None), ("replayed", None)


def test_an_empty_set_is_nothing(dairy: Dairy) -> None:
    assert confirm_set(dairy, []) == []


def test_each_confirmation_is_judged_on_its_own(round_: Round, sql: Any) -> None:
    good, cancelled, partial, before = (round_.order() for _ in range(4))
    ok(round_.dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "moved away"}))
    ok(round_.dairy.confirm(before))
    unknown = uuid4()
    outcomes = confirm_set(
        round_.dairy,
        [
            of(cancelled),
            of(good),
            {"order_id": unknown},
            of(partial, items=round_.items("2", "0.5")),
            of(before),
            of(before, items=round_.items("1", "1")),
        ],
    )
    assert told(outcomes) == [
        ("rejected", "order_cancelled"),
        CONFIRMED,
        ("rejected", "order_not_found"),
        CONFIRMED,
        REPLAYED,
        ("rejected", "confirmed_differently"),
    ]
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3, 4, 5]
    assert [outcome.order_status for outcome in outcomes] == [
        "CANCELLED",
        "DELIVERED",
        None,
        "PARTIALLY_DELIVERED",
        "DELIVERED",
        "DELIVERED",
    ]
    assert outcomes[2].order_id == unknown
    assert outcomes[2].delivery_status is None
    assert not any(leaks(sql).values())


def test_the_same_order_twice_in_a_set_is_a_repeat(round_: Round, sql: Any) -> None:
    order = round_.order()
    same = of(order)
    other = of(order, items=round_.items("2", "1"))
    assert told(confirm_set(round_.dairy, [same, same, other, same])) == [
        CONFIRMED,
        REPLAYED,
        ("rejected", "confirmed_differently"),
        REPLAYED,
    ]
    assert sql("SELECT count(*) FROM delivery_statuses") == [(1,)]


def test_a_second_attempt_in_the_same_set_counts(round_: Round, sql: Any) -> None:
    order = round_.order()
    nothing = of(order, status="not_delivered", reason_code="door_closed")
    outcomes = confirm_set(round_.dairy, [nothing, nothing, of(order)])
    assert told(outcomes) == [CONFIRMED, REPLAYED, CONFIRMED]
    assert sql("SELECT status, reason_code FROM delivery_statuses") == [("delivered", None)]
    assert round_.read(order)["status"] == "DELIVERED"


def test_the_same_order_spelled_in_capitals_is_the_same_order(round_: Round, sql: Any) -> None:
    order = round_.order()
    assert call(sql, {"order_id": order["id"]}, {"order_id": order["id"].upper()}) == [CONFIRMED, REPLAYED]


def test_an_event_id_names_one_order_of_a_set(round_: Round, sql: Any) -> None:
    event = uuid4()
    cancelled, first, second = round_.order(), round_.order(), round_.order()
    ok(round_.dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "moved away"}))
    outcomes = confirm_set(round_.dairy, [of(order, client_event_id=event) for order in (cancelled, first, second)])
    assert told(outcomes) == [("rejected", "order_cancelled"), CONFIRMED, ("rejected", "already_exists")]
    later = confirm_set(round_.dairy, [of(second, client_event_id=event), of(round_.order())])
    assert told(later) == [("rejected", "already_exists"), CONFIRMED]
    assert sql("SELECT order_id::text FROM delivery_statuses WHERE client_event_id = %s", str(event)) == [
        (first["id"],)
    ]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"items": [("milk", "1"), ("milk", "1"), ("curd", "1")]}, "validation_failed"),
        ({"items": [("milk", "-1"), ("curd", "1")]}, "quantity_exceeds_ordered"),
        ({"items": [("milk", "NaN"), ("curd", "1")]}, "quantity_exceeds_ordered"),
        ({"items": [("milk", None), ("curd", "1")]}, "validation_failed"),
        ({"items": []}, "validation_failed"),
    ],
)
def test_what_no_schema_stopped_spoils_only_itself(round_: Round, sql: Any, wrong: Any, code: str) -> None:
    first, second = round_.order(), round_.order()
    products = {"milk": round_.milk["id"], "curd": round_.curd["id"]}
    items = [{"product_id": products[name], "delivered_quantity": much} for name, much in wrong["items"]]
    assert call(sql, {"order_id": first["id"], "items": items}, {"order_id": second["id"]}) == [
        ("rejected", code),
        CONFIRMED,
    ]
    assert round_.read(first)["status"] == "PENDING"


def test_an_order_without_items_cannot_be_confirmed(round_: Round, sql: Any) -> None:
    empty, good = round_.order(), round_.order()
    sql("DELETE FROM order_items WHERE order_id = %s", empty["id"])
    for status in ("delivered", "not_delivered"):
        outcome = call(sql, {"order_id": empty["id"], "status": status})
        assert outcome == [("rejected", "illegal_transition")]
    assert call(sql, {"order_id": empty["id"]}, {"order_id": good["id"]})[1] == CONFIRMED


@pytest.mark.parametrize("days", [("2026-11-20", "2026-11-19"), ("2026-11-19", "2026-11-20")])
def test_the_standing_order_remembers_its_latest_delivery(round_: Round, sql: Any, days: tuple[str, str]) -> None:
    orders = [round_.order(), round_.order()]
    make_standing(sql, round_, *zip(orders, days, strict=True))
    bodies = [{"order_id": order["id"], "delivery_date": day} for order, day in zip(orders, days, strict=True)]
    assert call(sql, *bodies) == [CONFIRMED, CONFIRMED]
    assert sql("SELECT last_delivery_date::text, last_delivery_confirmed FROM subscriptions") == [("2026-11-20", True)]


def make_standing(sql: Any, round_: Round, *orders: tuple[Any, str]) -> str:
    """Turn one-time orders into those of a standing order, on the given days."""
    (made,) = sql(
        "INSERT INTO subscriptions (customer_id, product_id, mode, start_date) VALUES (%s, %s, 'fixed_daily',"
        " '2026-11-01') RETURNING id",
        round_.customer["id"],
        round_.milk["id"],
    )
    for order, day in orders:
        sql(
            "UPDATE orders SET order_type = 'subscription', subscription_id = %s, delivery_date = %s WHERE id = %s",
            made[0],
            day,
            order["id"],
        )
    return str(made[0])


def test_a_set_costs_one_statement_whatever_its_size(round_: Round) -> None:
    orders = [round_.order() for _ in range(12)]
    sent = {}
    for size, chosen in ((4, orders[:4]), (8, orders[4:])):
        with statements(round_.dairy.app) as seen:
            assert told(confirm_set(round_.dairy, [of(order) for order in chosen])) == [CONFIRMED] * size
        sent[size] = len(seen)
    assert sent == {4: 1, 8: 1}


def test_a_set_opens_each_draft_once(round_: Round, sql: Any) -> None:
    neighbour = round_.dairy.customer()
    orders = [round_.order(), round_.order(), round_.dairy.order(neighbour, (round_.milk, "1"))]
    assert told(confirm_set(round_.dairy, [of(order) for order in orders])) == [CONFIRMED] * 3
    assert sql(
        "SELECT c.id::text, i.period_start::text, i.period_end::text, count(o.id) FROM invoices i"
        " JOIN customers c ON c.id = i.customer_id JOIN orders o ON o.invoice_id = i.id"
        " GROUP BY 1, 2, 3 ORDER BY count(o.id) DESC"
    ) == [
        (round_.customer["id"], "2026-11-01", "2026-11-30", 2),
        (neighbour["id"], "2026-11-01", "2026-11-30", 1),
    ]


def test_plans_made_while_tables_were_empty_do_not_read_them_whole(round_: Round, sql: Any) -> None:
    """A session plans once: on the first morning of a dairy, for tables that hold nothing yet."""
    sql("ANALYZE")
    orders = [round_.order() for _ in range(6)]

    def whole_reads() -> Any:
        sql("SELECT pg_stat_force_next_flush()")
        return sql(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN"
            " ('customers', 'orders', 'order_items', 'delivery_statuses', 'invoices', 'subscriptions') ORDER BY 1"
        )

    call(sql, {"order_id": orders[0]["id"], "client_event_id": str(uuid4())})
    before = whole_reads()
    bodies = [{"order_id": order["id"], "client_event_id": str(uuid4())} for order in orders[1:]]
    assert call(sql, *bodies) == [CONFIRMED] * 5
    assert whole_reads() == before
