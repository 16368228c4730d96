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


def test_a_paid_record_of_the_same_amount_proves_it_and_an_unpaid_one_does_not(
    dairy: Dairy, dump: WrittenDump, take: Import, sql: Any
) -> None:
    repair = {"customer_id": "u1", "month": "2026-10", "status": "pending", "payment_status": "unpaid"}
    dump.add("billing_records", {"id": "b1", "order_id": "ord_1", "amount": 111.0} | repair)
    gateway = {"payment_id": "pay_1", "status": "paid", "created_at": "2026-10-03T10:00:00"}
    dump.add("billing_records", {"order_id": "ord_2", "amount": 70} | gateway)
    report = take(dump)
    (listed,) = ok(dairy.admin.get("/billing/import-review"))["items"]
    record = {name: listed[f"recorded_{name}"] for name in ("amount", "month", "as_paid")}
    assert (listed["legacy_id"], record) == ("ord_1", {"amount": "111.00", "month": "2026-10", "as_paid": False})
    assert report.fates["billing_records", "written"] == 2
    again = take(dump)
    assert (again.written, again.findings()) == (0, [])
    proven = sql("SELECT id FROM orders WHERE legacy_id = 'ord_2'")[0][0]
    ok(dairy.admin.post(f"/billing/import-review/{proven}/rebill"))


def test_a_record_that_does_not_fit_proves_nothing_and_is_told(dairy: Dairy, dump: WrittenDump, take: Import) -> None:
    for order, amount in (("ord_1", 100), ("ord_3", 55.5), ("gone", 10), ("ord_2", "ten")):
        dump.add("billing_records", {"order_id": order, "payment_id": f"p {order}", "amount": amount, "status": "paid"})
    dump.add("billing_records", {"id": "b", "order_id": "ord_2", "amount": 70, "status": "paid",
                                 "payment_status": "Unpaid"})  # fmt: skip
    report = take(dump)
    assert keys(ok(dairy.admin.get("/billing/import-review"))) == ["ord_1", "ord_2"]
    assert sorted((name, remark, found) for name, remark, _, found in report.remarks if name == "billing_records") == [
        ("billing_records", "bill_amount_differs", ["ord_1:p ord_1"]),
        ("billing_records", "paid_but_not_billed", ["ord_3:p ord_3"]),
    ]
    assert [row for row in report.reasons if row[0] == "billing_records"] == [
        ("billing_records", "amount_unreadable", 1), ("billing_records", "order_missing", 1)]  # fmt: skip
    assert report.findings() == []


def test_the_records_constraints_hold(dump: WrittenDump, take: Import, sql: Any) -> None:
    take(dump)
    order = sql("SELECT id FROM orders WHERE legacy_id = 'ord_1'")[0][0]
    insert = "INSERT INTO imported_bills (order_id, amount, billed_month, is_paid, legacy_id) VALUES (%s, {})"
    for values, name in (
        ("0, NULL, true, 'a'", "ck_imported_bills_amount_positive"),
        ("'NaN', NULL, true, 'a'", "ck_imported_bills_amount_positive"),
        ("1, '2026-13', true, 'a'", "ck_imported_bills_billed_month_format"),
    ):
        with pytest.raises(psycopg2.IntegrityError) as refusal:
            sql(insert.format(values), order)
        assert refusal.value.diag.constraint_name == name
    sql(insert.format("1, '2026-12', true, 'a'"), order)
    with pytest.raises(psycopg2.IntegrityError) as refusal:
        sql(insert.format("1, NULL, true, 'a'"), order)
    assert refusal.value.diag.constraint_name == "uq_imported_bills_legacy_id"
    with pytest.raises(psycopg2.IntegrityError) as refusal:
        sql(insert.format("1, NULL, true, 'b'"), "00000000-0000-7000-8000-000000000000")
    assert refusal.value.diag.constraint_name == "fk_imported_bills_order_id"


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
