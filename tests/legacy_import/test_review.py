"""Orders marked as billed by the earlier system: listed for an administrator, moved to the draft one by one."""

from typing import Any

import psycopg2
import pytest

from tests.dairy import Dairy, ok, refused
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import EGGS, MILK, WrittenDump, item
from tests.races import at_once


@pytest.fixture
def dump() -> WrittenDump:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    dump.order("ord_1", "u1", item(MILK, 2), billed=True, billed_month="2026-09")
    dump.order("ord_2", "u1", item(EGGS, 1), on="2026-10-02", billed=True, billed_month="2026-09")
    dump.order("ord_3", "u1", item(MILK, 1), on="2026-10-03")
    return dump


PAPERS = (
    "SELECT o.legacy_id, p.status, p.period_start::text FROM orders o JOIN invoices p ON p.id = o.invoice_id ORDER BY 1"
)


def keys(body: Any) -> list[str]:
    return [each["legacy_id"] for each in body["items"]]


def test_what_was_marked_as_billed_is_listed(dairy: Dairy, dump: WrittenDump, take: Import) -> None:
    take(dump)
    listed = ok(dairy.admin.get("/billing/import-review"))
    assert [(each["legacy_id"], each["delivered_on"], each["amount"]) for each in listed["items"]] == [
        ("ord_1", "2026-09-10", "111.00"), ("ord_2", "2026-10-02", "70.00")]  # fmt: skip
    assert keys(ok(dairy.admin.get("/billing/import-review", period="2026-10"))) == ["ord_2"]
    first = ok(dairy.admin.get("/billing/import-review", limit=1))
    assert keys(first) == ["ord_1"]
    rest = ok(dairy.admin.get("/billing/import-review", limit=1, cursor=first["next_cursor"]))
    assert (keys(rest), rest["next_cursor"]) == (["ord_2"], None)
    customer = listed["items"][0]["customer_id"]
    assert len(keys(ok(dairy.admin.get("/billing/import-review", customer_id=customer)))) == 2
    assert keys(ok(dairy.admin.get("/billing/import-review", customer_id=listed["items"][0]["id"]))) == []


def test_one_is_moved_to_its_draft_and_billed_once(dairy: Dairy, dump: WrittenDump, take: Import, sql: Any) -> None:
    take(dump)
    ids = dict(sql("SELECT legacy_id, id FROM orders"))
    path = f"/billing/import-review/{ids['ord_2']}/rebill"
    moved = ok(dairy.admin.post(path))
    assert moved["delivered_on"] == "2026-10-02"
    assert sql(PAPERS) == [
        ("ord_1", "external", "2026-09-01"), ("ord_2", "draft", "2026-10-01"), ("ord_3", "draft", "2026-10-01"),
    ]  # fmt: skip
    assert sql("SELECT id FROM invoices WHERE status = 'draft'")[0][0] == moved["invoice_id"]
    refused(dairy.admin.post(path), 409, "illegal_transition")
    assert keys(ok(dairy.admin.get("/billing/import-review"))) == ["ord_1"]
    again = take(dump)
    assert (again.written, again.findings()) == (0, [])
    assert sql(PAPERS)[1] == ("ord_2", "draft", "2026-10-01")


def test_only_an_external_paper_is_left_that_way(dairy: Dairy, dump: WrittenDump, take: Import, sql: Any) -> None:
    take(dump)
    ids = dict(sql("SELECT legacy_id, id FROM orders"))
    refused(dairy.admin.post(f"/billing/import-review/{ids['ord_3']}/rebill"), 409, "illegal_transition")
    unknown = sql("SELECT id FROM customers")[0][0]
    refused(dairy.admin.post(f"/billing/import-review/{unknown}/rebill"), 404, "order_not_found")
    accountant = dairy.staff("accountant")
    refused(accountant.post(f"/billing/import-review/{ids['ord_1']}/rebill"), 403, "forbidden")
    ok(dairy.admin.post(f"/billing/import-review/{ids['ord_1']}/rebill"))


def test_two_at_once_move_it_once(dairy: Dairy, dump: WrittenDump, take: Import, sql: Any, database_url: str) -> None:
    take(dump)
    (order, customer) = sql("SELECT id, customer_id FROM orders WHERE legacy_id = 'ord_1'")[0]

    def move() -> int:
        return dairy.admin.post(f"/billing/import-review/{order}/rebill").status_code

    lock = f"SELECT FROM customers WHERE id = '{customer}' FOR UPDATE"
    assert sorted(at_once(database_url, lock, move, move)) == [200, 409]
    assert sql(PAPERS)[0] == ("ord_1", "draft", "2026-09-01")


def test_plain_sql_cannot_put_an_order_back_on_an_external_paper(dump: WrittenDump, take: Import, sql: Any) -> None:
    take(dump)
    back = """UPDATE orders SET invoice_id = (SELECT invoice_id FROM orders WHERE legacy_id = 'ord_1')
        WHERE legacy_id = 'ord_2'"""
    with pytest.raises(psycopg2.errors.CheckViolation, match="can only join a draft"):
        sql(back)
