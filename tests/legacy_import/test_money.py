"""Payments and what customers owed before, to the paisa."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dairy_app.database.transactions import Database
from dairy_app.legacy_import.reading.dumps import open_dump
from dairy_app.legacy_import.service.importing import ImportDoesNotBalance, import_dump
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import WrittenDump, uuid_of


@pytest.fixture
def dump() -> WrittenDump:
    dump = WrittenDump()
    dump.customer("c1", user="u1", previous_balance=320.5)
    dump.user("admin", role="admin")
    return dump


def paid(dump: WrittenDump, key: str, amount: Any, **changes: Any) -> None:
    known = {"id": key, "customer_id": "c1", "month": "2026-09", "amount": amount, "payment_date": "2026-09-03",
             "payment_method": "UPI", "notes": None, "created_at": "2026-09-03T09:07:06",
             "created_by": "admin"}  # fmt: skip
    dump.add("payment_transactions", known | changes)


def quarantined(sql: Any) -> dict[str, str]:
    return dict(sql("SELECT legacy_id, reason FROM import_quarantine"))


def test_a_payment_arrives_with_its_day_method_and_recorder(dump: WrittenDump, take: Import, sql: Any) -> None:
    paid(dump, uuid_of("pay"), 333.33, notes="advance")
    paid(dump, "pay-2", "750", payment_method="Cash", payment_date="2026-09-30T20:00:00Z", customer_id="u1")
    paid(dump, "pay-3", 10.005, payment_method="Seashells", month="banana", created_by="gone")
    report = take(dump)
    assert sql("""
        SELECT p.legacy_id, c.legacy_id, amount::text, p.method, received_on::text, p.notes, u.legacy_id, p.status
        FROM payments p JOIN customers c ON c.id = p.customer_id LEFT JOIN users u ON u.id = p.recorded_by
        ORDER BY p.amount""") == [
        ("pay-3", "c1", "10.01", "cash", "2026-09-03", "for banana", None, "received"),
        (uuid_of("pay"), "c1", "333.33", "upi", "2026-09-03", "advance; for 2026-09", "admin", "received"),
        ("pay-2", "c1", "750.00", "cash", "2026-10-01", "for 2026-09", "admin", "received"),
    ]  # fmt: skip
    assert sql(f"SELECT legacy_id FROM payments WHERE id = '{uuid_of('pay')}'") == [(uuid_of("pay"),)]
    assert {name for _, name, _, _ in report.remarks} >= {"method_unknown", "month_unreadable", "amount_rounded"}
    assert report.receipt_sums() == [
        ("owed before", 1, Decimal("320.50"), Decimal("320.50")),
        ("payments", 3, Decimal("1093.34"), Decimal("1093.34")),
    ]


SURPRISES: list[tuple[dict[str, Any], str]] = [
    ({"amount": -150.0}, "amount_negative"),
    ({"amount": 0}, "amount_zero"),
    ({"amount": "banana"}, "amount_unreadable"),
    ({"amount": float("nan")}, "amount_unreadable"),
    ({"amount": None}, "amount_unreadable"),
    ({"amount": 1e13}, "amount_unreadable"),
    ({"amount": 99_999_999}, "amount_implausible"),
    ({"payment_date": "31st"}, "date_unreadable"),
    ({"payment_date": None}, "date_unreadable"),
    ({"customer_id": "gone"}, "customer_unresolved"),
]


def test_a_payment_that_surprises_waits_in_quarantine(dump: WrittenDump, take: Import, sql: Any) -> None:
    for number, (changes, _) in enumerate(SURPRISES):
        paid(dump, f"pay-{number}", **{"amount": 1} | changes)
    paid(dump, "good", 1)
    report = take(dump)
    assert quarantined(sql) == {f"pay-{number}": reason for number, (_, reason) in enumerate(SURPRISES)}
    assert sql("SELECT legacy_id FROM payments") == [("good",)]
    assert report.findings() == []


def test_what_was_owed_less_the_wallet_is_the_opening_balance(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.customer("c2", previous_balance=-75)
    dump.customer("c3", previous_balance=0.0)
    dump.customer("c4", previous_balance="a lot")
    dump.customer("c5", previous_balance=100)
    dump.customer("c6")
    for customer, balance in (("c1", 100.0), ("c5", 100), ("c6", 150.0), ("gone", 5), ("c3", "NaN"), ("c4", -5)):
        dump.add("wallets", {"customer_id": customer, "balance": balance})
    dump.order("ord_1", "u1", on="2026-09-10")
    paid(dump, "pay-1", 1, payment_date="2026-09-02")
    report = take(dump)
    assert sql("""SELECT c.legacy_id, o.amount::text, o.as_of::text, o.legacy_id FROM opening_balances o
        JOIN customers c ON c.id = o.customer_id ORDER BY 1""") == [
        ("c1", "220.50", "2026-09-01", "opening:c1"), ("c2", "-75.00", "2026-09-01", "opening:c2"),
        ("c6", "-150.00", "2026-09-01", "opening:c6"),
    ]  # fmt: skip
    assert sorted(sql("SELECT collection, reason FROM import_quarantine")) == [
        ("wallets", "amount_negative"), ("wallets", "amount_unreadable"), ("wallets", "customer_unresolved")
    ]  # fmt: skip
    assert ("customers_v2", "balance_unreadable", 1, ["c4"]) in report.remarks
    sql("UPDATE customers SET name = 'Renamed'")
    again = take(dump)
    assert (again.written, again.receipts, again.findings()) == (0, [], [])


@pytest.mark.parametrize("table", ["payments", "opening_balances"])
def test_money_that_does_not_arrive_as_it_was_is_not_kept(
    table: str, dump: WrittenDump, database: Database, sql: Any, tmp_path: Path
) -> None:
    sql(f"""
        CREATE FUNCTION skim() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.amount := NEW.amount - 0.01; RETURN NEW; END $$;
        CREATE TRIGGER skim BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION skim()""")
    paid(dump, "pay-1", 320.5)
    with pytest.raises(ImportDoesNotBalance) as refused, database.transaction() as session:
        import_dump(session, open_dump(dump.write(tmp_path)))
    kind = table.replace("_", " ").rstrip("s") if table == "opening_balances" else table
    assert refused.value.report.findings() == [
        f"customer c1, {kind}: 320.50 rupees (1) in the dump, 320.49 (1) written"
    ]
    assert sql("SELECT count(*) FROM customers") == [(0,)]
