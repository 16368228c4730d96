"""Reading the audit log: newest first, page by page, filtered, by index, and by admins alone."""

import re
from typing import Any

import pytest

from dairy_app.monitoring.queries import health
from tests.dairy import Dairy, ok, refused
from tests.monitoring.test_audit_log import entries
from tests.statements import count_statements


def test_the_log_is_read_newest_first_and_page_by_page(dairy: Dairy) -> None:
    for number in range(5):
        ok(dairy.admin.patch("/settings", {"business_name": f"Name {number}"}))
    whole = entries(dairy.admin)
    assert [each["after"].get("business_name") for each in whole[:5]] == [
        f"Name {number}" for number in (4, 3, 2, 1, 0)
    ]
    seen, cursor = [], {}
    while True:
        page = ok(dairy.admin.get("/audit-log", limit=3, **cursor))
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == whole
    assert len(whole) > 6


def test_the_log_is_filtered(dairy: Dairy) -> None:
    customer = dairy.customer()
    marketing = dairy.staff("marketing_staff")
    ok(
        marketing.post(
            "/customers", {"name": "By M", "phone": "+919811111111", "address_line1": "1 Road", "area": "Kothrud"}
        ),
        201,
    )
    whole = entries(dairy.admin)
    by_marketing = entries(dairy.admin, actor_user_id=marketing.user["id"])
    assert {each["table_name"] for each in by_marketing} == {"users", "customers"}
    assert by_marketing == [each for each in whole if each["actor_user_id"] == marketing.user["id"]]
    assert [each["row_id"] for each in entries(dairy.admin, table_name="customers", row_id=customer["id"])] == [
        customer["id"]
    ]
    assert entries(dairy.admin, table_name="nothing") == []


def test_the_days_are_those_of_the_dairy_and_both_count(dairy: Dairy, sql: Any) -> None:
    """Half past six in the evening in London is the next day in Pune."""
    sql("SET session_replication_role = replica")
    for moment in ("2026-03-01 18:29:59+00", "2026-03-01 18:30:00+00", "2026-03-02 18:29:59+00", "2026-03-02 18:30+00"):
        sql("INSERT INTO audit_log (at, table_name, row_id, action) VALUES (%s, 'x', %s, 'INSERT')", moment, moment)

    def between(first: str, last: str) -> int:
        return len(entries(dairy.admin, table_name="x", **{"date[gte]": first, "date[lte]": last}))

    assert between("2026-03-02", "2026-03-02") == 2
    assert between("2026-03-01", "2026-03-02") == 3
    assert between("0001-01-01", "9999-12-31") == 4
    assert between("2026-03-03", "2026-03-02") == 0


@pytest.mark.parametrize(
    "query", [{"date[gte]": "yesterday"}, {"actor_user_id": "me"}, {"order": "id"}, {"limit": 201}]
)
def test_a_filter_that_is_none_is_refused(dairy: Dairy, query: dict[str, Any]) -> None:
    refused(dairy.admin.get("/audit-log", **query), 422, "validation_failed")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"table_name": "customers", "row_id": "x"}, "ix_audit_log_row"),
        ({"date[gte]": "2026-01-01", "date[lte]": "2026-01-31"}, "ix_audit_log_at"),
        ({"actor_user_id": "00000000-0000-7000-8000-000000000001"}, "ix_audit_log_actor"),
        ({}, "ix_audit_log_at"),
    ],
)
def test_a_year_of_entries_is_read_by_index(dairy: Dairy, sql: Any, query: dict[str, str], index: str) -> None:
    sql(
        "SET session_replication_role = replica; INSERT INTO audit_log (at, actor_user_id, table_name, row_id, action)"
        " SELECT '2026-01-01'::timestamptz + n * interval '1 hour', gen_random_uuid(), 'customers', n::text, 'UPDATE'"
        " FROM generate_series(1, 5000) n; ANALYZE audit_log"
    )
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get("/audit-log", **query))
    assert len(sent) == 2
    assert index in sent.plan(dairy.app.database, "audit_log")


def test_a_row_is_found_by_its_key_alone(dairy: Dairy) -> None:
    """The index begins with the table: without one, servers before PostgreSQL 18 read it from end to end."""
    key = dairy.customer()["id"]
    with count_statements(dairy.app.database) as sent:
        found = entries(dairy.admin, row_id=key)
    assert [each["row_id"] for each in found] == [key] * len(found) and found
    plan = sent.plan(dairy.app.database, "LIMIT", off=("seqscan", "bitmapscan"), among=["ix_audit_log_row"])
    assert "Index Cond: ((table_name = ANY (" in plan and "AND (row_id = " in plan, plan


def test_a_customers_entries_are_those_of_all_its_rows(dairy: Dairy) -> None:
    dairy.without_cutoffs()
    milk = dairy.product("60.00")
    mine, other = dairy.customer(), dairy.customer()
    for each in (mine, other):
        standing = dairy.subscription(each, milk)
        ok(dairy.admin.put(f"/subscriptions/{standing['id']}/overrides/{dairy.day(1)}", {"quantity": "2"}))
        ok(dairy.admin.post(f"/subscriptions/{standing['id']}/pauses", {"from": dairy.day(3)}))
        ok(dairy.admin.post("/payments", {"customer_id": each["id"], "amount": "50", "method": "cash"}))
        ok(dairy.admin.patch(f"/customers/{each['id']}", {"notes": "Ring twice"}))
        order = dairy.order(each, (milk, "2"))
        ok(dairy.confirm(order))
        ok(dairy.admin.patch(f"/deliveries/{order['id']}", {"status": "not_delivered", "reason": "Wrong door"}))
    found = entries(dairy.admin, customer_id=mine["id"])
    tables = {each["table_name"] for each in found}
    assert {"customers", "users", "subscriptions", "subscription_overrides", "subscription_pauses", "payments",
        "orders", "delivery_statuses"} <= tables  # fmt: skip
    whole = entries(dairy.admin)
    theirs = entries(dairy.admin, customer_id=other["id"])
    assert not {each["id"] for each in found} & {each["id"] for each in theirs}
    assert [each["id"] for each in found] == sorted((each["id"] for each in found), reverse=True)
    assert {each["id"] for each in found} < {each["id"] for each in whole}
    assert entries(dairy.admin, customer_id=mine["id"], table_name="payments")[0]["after"]["amount"] == "50.00"
    assert entries(dairy.admin, customer_id="00000000-0000-7000-8000-000000000001") == []


def test_a_customers_entries_are_read_by_index_and_in_one_statement(dairy: Dairy) -> None:
    key = dairy.customer()["id"]
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get("/audit-log", customer_id=key))
    assert len(sent) == 2
    plan = sent.plan(
        dairy.app.database, "ARRAY(", off=("seqscan", "bitmapscan"), among=["ix_audit_log_row", "pk_audit_log"]
    )
    assert "Index Scan using ix_audit_log_row on audit_log a" in plan, plan
    assert "Index Scan using pk_audit_log on audit_log" in plan, plan
    assert "Seq Scan on audit_log" not in plan, plan


def test_the_history_of_a_customer_forgets_no_table(sql: Any) -> None:
    """Every table that has a customer and is in the log."""
    audited = sql(
        """SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger t JOIN pg_attribute a ON a.attrelid = t.tgrelid
        WHERE t.tgname LIKE 'tr_audit_%%' AND a.attname = 'customer_id'"""
    )
    read = set(re.findall(r"FROM (\w+) WHERE customer_id = :customer_id", health._OF_A_CUSTOMER.text))
    assert {table for (table,) in audited} == read
