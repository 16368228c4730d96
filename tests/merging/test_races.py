"""A merge and somebody else at the same customer, over two real connections: whoever comes second sees the first."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from werkzeug.test import TestResponse

from tests.conftest import raw_connection
from tests.dairy import ok
from tests.merging.conftest import Sql, Twice
from tests.races import at_once
from tests.statements import count_statements

Call = Callable[[], TestResponse]
BOTH_WAYS = pytest.mark.parametrize("merge_first", [True, False], ids=["merge first", "merge second"])


def codes(answers: list[TestResponse]) -> list[tuple[int, Any]]:
    return [(each.status_code, (each.get_json() or {}).get("code")) for each in answers]


def race(twice: Twice, url: str, other: Call, merge_first: bool, hold: str | None = None) -> tuple[Any, Any]:
    """What the merge and the other call answer when both have come to the old customer's row, in this order."""
    held = hold or f"SELECT FROM customers WHERE id = '{twice.old['id']}' FOR UPDATE"
    calls: list[Call] = [twice.merge, other] if merge_first else [other, twice.merge]
    answers = codes(at_once(url, held, *calls, one_by_one=True))
    merged, others = answers if merge_first else reversed(answers)
    return merged, others


@contextmanager
def asked_anew(twice: Twice, work: str, merge_first: bool) -> Iterator[None]:
    """Who waited for a merge holds the lock of somebody who has nothing any more, and asks the whole again."""
    with count_statements(twice.living.app.database) as sent:
        yield
    assert len([each for each, _ in sent if work in each]) == (2 if merge_first else 1)


def whole(twice: Twice, sql: Sql, findings: Callable[[], list[str]]) -> None:
    """Nothing hangs on the old one, nothing is lost, and documents are what was issued."""
    for table in ("orders", "subscriptions", "invoices", "payments", "delivery_statuses", "adjustments"):
        assert sql(f"SELECT count(*) FROM {table} WHERE customer_id = %s", twice.old["id"]) == [(0,)], table
    assert sql("SELECT count(*) FROM orders WHERE delivery_confirmed AND invoice_id IS NULL") == [(0,)]
    critical = ok(twice.admin.get("/monitoring/consistency"))
    assert [each["name"] for each in critical["reports"] if each["severity"] == "critical" and each["count"]] == []
    assert findings() == []


@BOTH_WAYS
def test_a_confirmation(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    order = twice.living.order(twice.old, (twice.milk, "1"), on="2026-11-20")
    with asked_anew(twice, "confirm_deliveries", merge_first):
        answers = race(twice, database_url, lambda: twice.living.confirm(order), merge_first)
    assert answers == ((200, None), (200, None))
    (draft,) = twice.living.invoices(customer_id=twice.new["id"], status="draft")
    assert ok(twice.admin.get(f"/orders/{order['id']}"))["invoice"]["id"] == draft["id"]
    whole(twice, sql, findings)


@BOTH_WAYS
def test_a_batch_of_confirmations(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    third = twice.living.customer(login=False)
    orders = [twice.living.order(each, (twice.milk, "1"), on="2026-11-20") for each in (twice.old, third)]
    body = {"confirmations": [{"order_id": each["id"], "status": "delivered"} for each in orders]}
    batch = "/deliveries/confirmations/batch"
    with asked_anew(twice, "confirm_deliveries", merge_first):
        answers = race(twice, database_url, lambda: twice.admin.post(batch, body), merge_first)
    assert answers == ((200, None), (200, None))
    for each in orders:
        assert ok(twice.admin.get(f"/orders/{each['id']}"))["status"] == "DELIVERED"
    whole(twice, sql, findings)


@BOTH_WAYS
def test_a_correction(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    (order,) = ok(twice.admin.get("/orders", customer_id=twice.old["id"], delivery_date="2026-11-05"))["items"]
    body = {"status": "not_delivered", "reason": "nobody there"}
    path = f"/deliveries/{order['id']}"
    with asked_anew(twice, "correct_delivery", merge_first):
        answers = race(twice, database_url, lambda: twice.admin.patch(path, body), merge_first)
    assert answers == ((200, None), (200, None))
    assert ok(twice.admin.get(f"/orders/{order['id']}"))["status"] == "NOT_DELIVERED"
    whole(twice, sql, findings)


@BOTH_WAYS
def test_a_payment(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    body = {"customer_id": twice.old["id"], "amount": "7.00", "method": "cash"}
    answers = race(twice, database_url, lambda: twice.admin.post("/payments", body), merge_first)
    assert answers == ((200, None), (409, "customer_merged") if merge_first else (201, None))
    assert twice.balance(twice.new) == Decimal("155.00") - (0 if merge_first else 7)
    whole(twice, sql, findings)


@BOTH_WAYS
def test_an_order_which_locks_nobody(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    """Placed by a customer who was not merged when it was looked at: its foreign key waits for the merge."""
    items = [{"product_id": twice.milk["id"], "quantity": "1"}]
    body = {"customer_id": twice.old["id"], "delivery_date": "2026-11-22", "items": items}
    answers = race(twice, database_url, lambda: twice.admin.post("/orders", body), merge_first)
    assert answers == ((200, None), (409, "customer_merged") if merge_first else (201, None))
    whole(twice, sql, findings)


@BOTH_WAYS
def test_voiding_a_bill(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    other = twice.living.customer(name="Other", login=False)
    twice.living.delivered(other, (twice.milk, "4"), on="2026-11-19")
    twice.living.go_to("2026-11-20")
    twice.living.bill("2026-11", through="2026-11-19", customer_ids=[other["id"]])
    (paper,) = twice.living.invoices(customer_id=other["id"], status="issued")
    path, body = f"/invoices/{paper['id']}/void", {"reason": "wrong price", "release_payments": True}
    asked = Twice(twice.living, other, twice.new, twice.old_login, twice.milk, twice.curd)
    with asked_anew(asked, "FOR NO KEY UPDATE) locked", merge_first):
        answers = race(asked, database_url, lambda: twice.admin.post(path, body), merge_first)
    assert answers == ((200, None), (200, None))
    assert twice.living.invoice(paper["id"])["status"] == "void"
    whole(asked, sql, findings)


@BOTH_WAYS
def test_a_billing_run(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    """One that is at work refuses a merge; one that waits for a merge asks anew who is to be billed."""
    twice.living.go_to("2026-12-01")
    body = {"period": "2026-11", "confirm": True}
    hold = "LOCK TABLE unlinked_customers IN ACCESS EXCLUSIVE MODE" if merge_first else None  # behind the lock of both
    merged, ran = race(twice, database_url, lambda: twice.admin.post("/billing/runs", body), merge_first, hold)
    assert ran == (201, None)
    if merge_first:
        assert merged == (200, None)
        papers = sql("SELECT customer_id::text, total::text FROM invoices WHERE period_end = '2026-11-30'")
        assert papers == [(twice.new["id"], "325.00")]
        whole(twice, sql, findings)
    else:  # both have a bill of November by now
        assert merged == (409, "merge_refused")
        assert twice.preview()["refusals"][0]["code"] == "documents_overlap"


def test_a_billing_run_at_work_refuses(twice: Twice, database_url: str, sql: Sql) -> None:
    twice.living.go_to("2026-12-01")
    body = {"period": "2026-11", "confirm": True}
    merged, ran = race(twice, database_url, lambda: twice.admin.post("/billing/runs", body), merge_first=True)
    assert (merged, ran) == ((409, "merge_refused"), (201, None))
    assert sql("SELECT count(*) FROM customers WHERE merged_into IS NOT NULL") == [(0,)]


@BOTH_WAYS
def test_making_the_orders_of_a_day(
    twice: Twice, database_url: str, sql: Sql, findings: Callable[[], list[str]], merge_first: bool
) -> None:
    hold = "SELECT pg_advisory_xact_lock(x'6f7264657273'::bigint)"
    body = {"delivery_date": "2026-11-21"}
    answers = race(twice, database_url, lambda: twice.admin.post("/orders/generate", body), merge_first, hold)
    assert answers == ((200, None), (200, None))
    rows = "SELECT customer_id::text FROM orders WHERE subscription_id IS NOT NULL"
    assert sql(rows) == [(twice.new["id"],)]
    whole(twice, sql, findings)


def test_each_into_the_other(twice: Twice, database_url: str) -> None:
    hold = "LOCK TABLE customers IN EXCLUSIVE MODE"
    calls = [twice.merge, lambda: twice.merge(twice.new, twice.old)]
    answers = codes(at_once(database_url, hold, *calls))
    assert sorted(answers, key=str) == [(200, None), (409, "merge_refused")]


def test_the_same_merge_twice_at_once(twice: Twice, database_url: str, sql: Sql) -> None:
    answers = codes(at_once(database_url, "LOCK TABLE customers IN EXCLUSIVE MODE", twice.merge, twice.merge))
    assert answers == [(200, None), (200, None)]
    assert sql("SELECT count(*) FROM customers WHERE merged_into IS NOT NULL") == [(1,)]
    assert twice.balance(twice.new) == Decimal("155.00")


def test_a_merge_by_hand_waits_for_who_adds_something(twice: Twice, database_url: str) -> None:
    """Plain SQL takes no strong lock before its commit: the row that came meanwhile is seen then, and refuses it."""
    one = twice.living.customer(login=False)["id"]
    by_hand = (
        "UPDATE customers SET merged_into = %s, merged_at = now(), merge_reason = 'by hand', status = 'stopped'"
        " WHERE id = %s"
    )
    adding = "INSERT INTO payments (customer_id, amount, method, received_on) VALUES (%s, 1, 'cash', '2026-11-20')"
    with raw_connection(database_url) as other, raw_connection(database_url) as mine, ThreadPoolExecutor(1) as pool:
        with other.cursor() as cursor:
            cursor.execute(adding, [one])
        with mine.cursor() as cursor:
            cursor.execute(by_hand, [twice.new["id"], one])
        ending = pool.submit(mine.commit)
        with raw_connection(database_url) as watcher:
            watcher.autocommit = True
            with watcher.cursor() as cursor:
                waiting: list[Any] = []
                while not waiting and not ending.done():
                    cursor.execute("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                    waiting = cursor.fetchall()
        other.commit()
        with pytest.raises(psycopg2.IntegrityError) as refusal:
            ending.result(timeout=60)
    assert refusal.value.diag.constraint_name == "tr_customers_leave_nothing"
