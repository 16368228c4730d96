"""Ledger, balance, statement and ageing: who sees what, on which day, and what it costs."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.dairy import ok, refused
from tests.receivables.conftest import Till
from tests.statements import count_statements


def pages(client: Any, path: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = ok(client.get(path, **query, **cursor))
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.fixture
def history(till: Till) -> Till:
    """Owed 100, billed 60, a cheque of 200 that bounced, 30 in cash."""
    opening = {"customer_id": till.id, "as_of": till.dairy.day(-50), "amount": "100.00"}
    ok(till.admin.post("/opening-balances", opening), 201)
    till.invoice("60", -30)
    cheque = till.paid("200.00", method="cheque", day=-20)
    till.paid("30.00", day=-10)
    ok(till.reverse(cheque, reversed_on=till.dairy.day(-5)))
    return till


def test_the_ledger_has_the_balance_after_each_entry_on_whatever_page(history: Till) -> None:
    path = f"/customers/{history.id}/ledger"
    whole = ok(history.admin.get(path))
    assert [(each["kind"], each["balance"]) for each in whole["items"]] == [
        ("opening", "100.00"),
        ("invoice", "160.00"),
        ("payment", "-40.00"),
        ("payment", "-70.00"),
        ("reversal", "130.00"),
    ]
    assert whole["balance"] == "130.00"
    assert pages(history.admin, path, limit=2) == whole["items"]
    part = {"from": history.dairy.day(-30), "to": history.dairy.day(-10)}
    assert pages(history.admin, path, limit=1, **part) == whole["items"][1:4]
    assert ok(history.admin.get(path, **part))["balance"] == "130.00"
    refused(history.admin.get(path, cursor="junk"), 422, "validation_failed")


def test_a_statement_goes_from_opening_to_closing(history: Till) -> None:
    def statement(first: int, last: int) -> Any:
        span = {"from": history.dairy.day(first), "to": history.dairy.day(last)}
        return ok(history.admin.get("/reports/statement", customer_id=history.id, **span))

    some = statement(-30, -10)
    assert [(each["kind"], each["balance"]) for each in some["entries"]] == [
        ("invoice", "160.00"),
        ("payment", "-40.00"),
        ("payment", "-70.00"),
    ]
    sums = [some[name] for name in ("opening", "debit", "credit", "closing")]
    assert sums == ["100.00", "60.00", "230.00", "-70.00"]
    quiet = statement(-4, 0)
    assert (quiet["opening"], quiet["entries"], quiet["closing"]) == ("130.00", [], "130.00")
    assert statement(-99, -60)["closing"] == "0.00"
    assert (statement(-99, -60)["from"], statement(-99, -60)["customer_code"]) == (
        history.dairy.day(-99),
        history.customer["code"],
    )


def test_who_sees_whose(history: Till) -> None:
    boy, meera = history.dairy.staff("delivery_boy"), history.dairy.staff("marketing_staff")
    clerk, today = history.dairy.staff("accountant"), history.dairy.day(0)
    mine = history.dairy.customer(marketing_staff_id=meera.user["id"], delivery_boy_id=boy.user["id"])
    _, stranger = history.dairy.customer_login()
    own = {"ledger": f"/customers/{history.id}/ledger", "balance": f"/customers/{history.id}/balance"}
    for client in (clerk, history.login):
        assert ok(client.get(own["ledger"]))["balance"] == ok(client.get(own["balance"]))["balance"] == "130.00"
        span = {"customer_id": history.id, "from": today, "to": today}
        assert ok(client.get("/reports/statement", **span))["closing"] == "130.00"
        refused(stranger.get("/reports/statement", **span), 404, "customer_not_found")
    for path in own.values():
        refused(stranger.get(path), 404, "customer_not_found")
        refused(boy.get(path), 403, "forbidden")
    refused(meera.get(own["balance"]), 404, "customer_not_found")
    assert ok(meera.get(f"/customers/{mine['id']}/balance"))["balance"] == "0.00"
    refused(meera.get(f"/customers/{mine['id']}/ledger"), 403, "forbidden")


def test_ageing_by_days_past_due_on_any_past_day(till: Till) -> None:
    till.invoice("1", -100, due_days=5)
    till.invoice("2", -92, due_days=1)
    till.invoice("4", -70, due_days=9)
    till.invoice("8", -33, due_days=3)
    till.invoice("16", -31, due_days=30)
    till.invoice("32", -5, due_days=5)
    row = till.ageing()
    buckets = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90", "unapplied_credit", "net")
    assert [row[name] for name in buckets] == ["32.00", "24.00", "0.00", "4.00", "3.00", "0.00", "63.00"]
    assert [till.ageing(-1)[name] for name in buckets] == ["48.00", "8.00", "4.00", "2.00", "1.00", "0.00", "63.00"]
    till.paid("100.00", day=-1)
    assert [till.ageing()[name] for name in buckets] == ["0.00"] * 5 + ["37.00", "-37.00"]
    assert [till.ageing(-2)["net"], till.ageing(-101)] == ["63.00", None]
    assert ok(till.admin.get(f"/customers/{till.id}/balance"))["overdue"] == "0.00"
    refused(till.admin.get("/reports/ageing", as_of=till.dairy.day(1)), 422, "validation_failed")


def test_who_stopped_and_owes_stays_listed_and_who_owes_nothing_is_not(till: Till) -> None:
    till.invoice("100")
    ok(till.admin.patch(f"/customers/{till.id}", {"status": "stopped"}))
    till.dairy.customer()
    settled = till.dairy.customer()
    till.invoice("5", customer=settled["id"])
    till.paid("5.00", customer_id=settled["id"])
    (row,) = ok(till.admin.get("/reports/ageing"))["items"]
    assert (row["customer_id"], row["status"], row["net"]) == (till.id, "stopped", "100.00")


def test_ageing_has_the_totals_of_all_with_its_first_page(till: Till) -> None:
    assert ok(till.admin.get("/reports/ageing"))["totals"]["customers"] == 0
    owing = [till.dairy.customer() for _ in range(4)]
    for number, customer in enumerate(owing, 1):
        till.invoice(f"{number}00", customer=customer["id"])
    even, far = till.dairy.customer(), till.dairy.customer(area="Baner")
    till.invoice("7", customer=far["id"])
    till.invoice("8", customer=even["id"])
    till.paid("8.00", customer_id=even["id"])
    first = ok(till.admin.get("/reports/ageing", limit=2))
    second = ok(till.admin.get("/reports/ageing", limit=3, cursor=first["next_cursor"]))
    assert [row["customer_code"] for row in first["items"] + second["items"]] == [
        each["code"] for each in (*owing, far)
    ]
    assert second["next_cursor"] is None
    assert second["totals"] is None
    assert (first["totals"]["customers"], first["totals"]["net"]) == (5, "1007.00")
    assert pages(till.admin, "/reports/ageing", limit=1) == first["items"] + second["items"]
    assert pages(till.admin, "/reports/ageing", limit=1, as_of=till.dairy.day(-21)) == []
    baner = ok(till.admin.get("/reports/ageing", area_id=far["area_id"]))
    assert ([row["net"] for row in baner["items"]], baner["totals"]["net"]) == (["7.00"], "7.00")


def test_an_invoice_says_how_it_is_paid(till: Till) -> None:
    late, part, paid = till.invoice("100", -40), till.invoice("100", -5), till.invoice("50", -3)
    due = till.invoice("10", -1, due_days=1)
    upi = till.paid("50.00", (paid, "50.00"), method="upi")
    till.paid("20.00", (part, "20.00"))

    def shown() -> dict[str, Any]:
        items = ok(till.login.get("/invoices"))["items"]
        return {row["id"]: (row["payment_status"], row["amount_paid"], row["balance_due"]) for row in items}

    assert shown() == {
        late: ("overdue", "0.00", "100.00"),
        part: ("partial", "20.00", "80.00"),
        paid: ("paid", "50.00", "0.00"),
        due: ("unpaid", "0.00", "10.00"),
    }
    paper = ok(till.login.get(f"/invoices/{paid}"))
    assert [(each["receipt_no"], each["amount"], each["is_chosen"]) for each in paper["payments"]] == [
        (upi["receipt_no"], "50.00", True)
    ]
    ok(till.reverse(upi))
    assert shown()[paid] == ("unpaid", "0.00", "50.00")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/customers/{id}/ledger", "/customers/{id}/balance", "/invoices"])
def test_a_customers_money_is_read_by_index(till: Till, sql: Any, path: str) -> None:
    """No table of money is read from end to end for one customer, also when it is one of many."""
    till.invoice("100")
    till.paid("10.00")
    sql("SET session_replication_role = replica")
    sql("INSERT INTO customers (name) SELECT 'C' FROM generate_series(1, 2000)")
    sql("""
        INSERT INTO payments (customer_id, amount, method, received_on)
        SELECT id, 10, 'cash', '2026-01-01' FROM customers, generate_series(1, 3)""")
    sql("""
        INSERT INTO invoices (customer_id, period_start, period_end)
        SELECT id, date '2020-01-01' + n, date '2020-01-01' + n FROM customers, generate_series(1, 3) n""")
    sql("SET session_replication_role = origin")
    sql("ANALYZE")
    with count_statements(till.dairy.app.database) as sent:
        ok(till.login.get(path.format(id=till.id)))
    looked = 0
    for wanted in ("customer_ledger", "open_items"):
        if any(wanted in statement for statement, _ in sent):
            plan = sent.plan(till.dairy.app.database, wanted)
            assert "Seq Scan on payments" not in plan, plan
            assert "Seq Scan on invoices" not in plan, plan
            looked += 1
    assert looked > 0


def test_a_session_that_was_asked_for_everybody_still_finds_one_customer_by_index(till: Till) -> None:
    """One plan for all and for one would be kept after a few calls, and read every invoice for one customer."""
    till.invoice("100")
    others = [till.dairy.customer()["id"] for _ in range(3)]
    till.sql("SET session_replication_role = replica")
    till.sql(
        """
        INSERT INTO invoices (customer_id, period_start, period_end, status, document_type, series, financial_year,
            sequence_no, number, invoice_date, due_date, snapshot, taxable_value, exempt_value, cgst, sgst, igst,
            round_off, total, previous_balance, issued_at, document_hash, previous_hash, hash_version)
        SELECT (CAST(%s AS uuid[]))[1 + n %% 3], day, day, 'issued', 'invoice', 'U', '1011', n, 'U/' || n, day, day,
            '{}', 0, 1, 0, 0, 0, 0, 1, 0, day, 'x', 'x', 1
        FROM generate_series(1, 3000) n, LATERAL (SELECT date '2010-01-01' + n AS day) d""",
        others,
    )
    till.sql("SET session_replication_role = origin")
    till.sql("ANALYZE invoices")
    asked = text("SELECT count(*) FROM open_items(CAST(:customers AS uuid[]), CURRENT_DATE)")
    read_so_far = text(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'invoices'"
    )
    with till.dairy.app.database.transaction(read_only=True) as session:
        for customers in (None, [], None, [till.id]) * 3:
            session.execute(asked, {"customers": customers})
        before = session.scalars(read_so_far).one()
        session.execute(asked, {"customers": [till.id]})
        assert session.scalars(read_so_far).one() - before < 10
