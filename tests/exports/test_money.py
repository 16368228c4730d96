"""Receipts, what they settled, the journal, ageing and statements: figures of ``accounts.py``."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.dairy import ok, refused
from tests.exports.books import Books

NOVEMBER = {"period": "2026-11"}
#: October's papers, as they stand at the end of November.
LATER = {"period": "2026-10", "as_of": "2026-11-30"}
BOTH = {"from": "2026-10-01", "to": "2026-11-30"}


def shown(rows: list[dict[str, str]], *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def code(accounts: Books, kind: str) -> str:
    return str(accounts.customers[kind]["code"])


def test_the_register_tells_what_was_settled_on_the_day_asked_for(accounts: Books) -> None:
    columns = ("total_amount", "amount_paid", "credit_applied", "balance_due", "days_overdue")
    assert shown(accounts.csv("invoice-register", **LATER), *columns) == [
        ("348.00", "200.00", "75.00", "73.00", "20"),  # 55.00 by credit note, 20.00 written off
        ("1100.00", "995.00", "105.00", "0.00", "0"),
        ("600.00", "600.00", "0.00", "0.00", "0"),
        ("550.00", "0.00", "0.00", "550.00", "20"),  # the cheque bounced
        ("110000.00", "0.00", "1050.00", "108950.00", "20"),
        ("0.00", "0.00", "0.00", "0.00", "0"),  # void
    ]
    before = shown(accounts.csv("invoice-register", period="2026-10"), *columns)
    assert before[0] == ("348.00", "0.00", "0.00", "348.00", "0")
    while_good = accounts.csv("invoice-register", period="2026-10", as_of="2026-11-10")
    assert shown(while_good, *columns)[3] == ("550.00", "450.00", "0.00", "100.00", "0")  # the opening 100.00 is older


def test_credit_notes_stand_in_the_register_below_zero(accounts: Books) -> None:
    rows = accounts.csv("invoice-register", **NOVEMBER)
    columns = ("document_type", "number", "original_document_number", "reason", "taxable_value", "total_amount")
    assert shown(rows, *columns) == [
        ("credit_note", "CN/2627/0000001", "INV/2627/0000001", "'=too much", "-52.38", "-55.00"),
        ("credit_note", "CN/2627/0000002", "INV/2627/0000002", "'=too much", "-100.00", "-105.00"),
        ("credit_note", "CN/2627/0000003", "INV/2627/0000005", "'=too much", "-1000.00", "-1050.00"),
    ]
    assert shown(rows, "balance_due", "due_date", "days_overdue") == [("0.00", "", "0")] * 3


def test_credit_notes_stand_in_the_lines_below_zero(accounts: Books) -> None:
    columns = ("number", "hsn", "quantity", "unit_price", "taxable_value", "cgst", "sgst", "igst", "line_total")
    assert shown(accounts.csv("invoice-lines", **NOVEMBER), *columns) == [
        ("CN/2627/0000001", "0405", "-0.1", "550.00", "-52.38", "-1.31", "-1.31", "0.00", "-55.00"),
        ("CN/2627/0000002", "0405", "", "", "-100.00", "-2.50", "-2.50", "0.00", "-105.00"),
        ("CN/2627/0000003", "0405", "", "", "-1000.00", "0.00", "0.00", "-50.00", "-1050.00"),
    ]


def test_receipts_say_what_of_them_has_found_a_use(accounts: Books) -> None:
    columns = ("receipt_no", "date", "customer_code", "method", "reference")
    amounts = ("amount", "allocated", "unapplied", "status")
    household, shop, neighbour = (code(accounts, kind) for kind in ("household", "shop", "neighbour"))
    assert shown(accounts.csv("receipts", **NOVEMBER), *columns, *amounts) == [
        ("R0000001", "2026-11-06", household, "cash", "", "200.00", "200.00", "0.00", "received"),
        ("R0000002", "2026-11-07", shop, "upi", "'=UTR1", "1700.00", "1595.00", "105.00", "received"),
        ("R0000003", "2026-11-08", neighbour, "cheque", "000123", "550.00", "0.00", "0.00", "reversed"),
    ]
    on_the_tenth = accounts.csv("receipts", period="2026-11", as_of="2026-11-10")[2]
    assert (on_the_tenth["allocated"], on_the_tenth["status"]) == ("550.00", "received")


def test_allocations_name_the_documents(accounts: Books) -> None:
    assert accounts.csv("allocations", **NOVEMBER) == [
        {"receipt_no": "R0000001", "document_number": "INV/2627/0000001", "amount": "200.00"},
        {"receipt_no": "R0000002", "document_number": "INV/2627/0000002", "amount": "995.00"},
        {"receipt_no": "R0000002", "document_number": "INV/2627/0000003", "amount": "600.00"},
    ]
    on_the_tenth = accounts.csv("allocations", period="2026-11", as_of="2026-11-10")
    assert shown(on_the_tenth, "receipt_no", "document_number", "amount")[3:] == [
        ("R0000003", "OPENING", "100.00"), ("R0000003", "INV/2627/0000004", "450.00"),
    ]  # fmt: skip


def journals(accounts: Books, **query: str) -> dict[str, list[dict[str, str]]]:
    found = defaultdict(list)
    for row in accounts.csv("ledger", **query):
        found[row["journal_no"]].append(row)
    return found


def test_every_journal_has_equal_debits_and_credits(accounts: Books) -> None:
    found = journals(accounts, **BOTH)
    assert len(found) == 14  # opening, 5 papers, 3 notes, 3 receipts, a reversal, a write-off: not the void paper
    for lines in found.values():
        assert len({(line["date"], line["voucher_type"], line["voucher_no"]) for line in lines}) == 1
        debits, credits = (sum(Decimal(line[side]) for line in lines) for side in ("debit", "credit"))
        assert debits == credits > 0


def test_the_ledger_names_what_moved(accounts: Books) -> None:
    found = journals(accounts, **BOTH)
    by_voucher = {lines[0]["voucher_no"]: lines for lines in found.values()}
    household = code(accounts, "household")
    columns = ("voucher_type", "ledger_name", "party_code", "debit", "credit")
    assert shown(by_voucher["INV/2627/0000001"], *columns) == [
        ("Sales", "Customer receivables", household, "348.00", "0.00"),
        ("Sales", "Sales GST 5%", "", "0.00", "130.96"),
        ("Sales", "Sales exempt", "", "0.00", "210.00"),
        ("Sales", "Output CGST", "", "0.00", "3.27"),
        ("Sales", "Output SGST", "", "0.00", "3.27"),
        ("Sales", "Round off", "", "0.00", "0.50"),
    ]
    assert shown(by_voucher["CN/2627/0000003"], *columns[1:]) == [
        ("Customer receivables", code(accounts, "hotel"), "0.00", "1050.00"),
        ("Sales GST 5%", "", "1000.00", "0.00"),
        ("Output IGST", "", "50.00", "0.00"),
    ]
    assert shown(by_voucher["R0000002"], *columns[:2], "debit", "credit") == [
        ("Receipt", "Customer receivables", "0.00", "1700.00"), ("Receipt", "UPI", "1700.00", "0.00"),
    ]  # fmt: skip
    assert shown(by_voucher["R0000003/X"], *columns[:2], "debit", "credit", "narration") == [
        ("Payment", "Customer receivables", "550.00", "0.00", "'-bounced"),
        ("Payment", "Bank", "0.00", "550.00", "'-bounced"),
    ]
    other = [lines for lines in found.values() if lines[0]["voucher_type"] == "Journal"]
    assert shown([line for lines in other for line in lines], "ledger_name", "debit", "credit") == [
        ("Customer receivables", "100.00", "0.00"), ("Opening balances", "0.00", "100.00"),
        ("Customer receivables", "0.00", "20.00"), ("Bad debts", "20.00", "0.00"),
    ]  # fmt: skip


def test_ageing_counts_from_the_due_date(accounts: Books) -> None:
    columns = ("customer_code", "not_due", "days_1_30", "days_31_60", "unapplied_credit", "net")
    assert shown(accounts.csv("ageing", **NOVEMBER), *columns) == [
        (code(accounts, "household"), "0.00", "73.00", "0.00", "0.00", "73.00"),
        (code(accounts, "shop"), "0.00", "0.00", "0.00", "105.00", "-105.00"),
        (code(accounts, "neighbour"), "0.00", "550.00", "100.00", "0.00", "650.00"),
        (code(accounts, "hotel"), "0.00", "108950.00", "0.00", "0.00", "108950.00"),
    ]
    # Due on 10 November: 30 days later is still the first bucket, a day more the second; 90 and 91 likewise.
    for day, bucket in {
        "2026-11-10": "not_due",
        "2026-11-11": "days_1_30",
        "2026-12-10": "days_1_30",
        "2026-12-11": "days_31_60",
        "2027-01-09": "days_31_60",
        "2027-01-10": "days_61_90",
        "2027-02-08": "days_61_90",
        "2027-02-09": "days_over_90",
    }.items():
        hotel = accounts.csv("ageing", period="2026-10", as_of=day)[-1]
        assert (hotel["as_of"], hotel[bucket]) == (day, "108950.00")


def test_a_statement_runs_from_the_balance_before(accounts: Books) -> None:
    asked = {**NOVEMBER, "customer_id": accounts.customers["neighbour"]["id"]}
    columns = ("date", "document", "particulars", "debit", "credit", "balance")
    assert shown(accounts.csv("statement", **asked), *columns) == [
        ("2026-11-01", "", "Balance brought forward", "", "", "650.00"),
        ("2026-11-08", "R0000003", "Payment", "0.00", "550.00", "100.00"),
        ("2026-11-12", "R0000003", "Payment reversed", "550.00", "0.00", "650.00"),
    ]
    asked = {**BOTH, "customer_id": accounts.customers["mistake"]["id"]}
    assert shown(accounts.csv("statement", **asked), "particulars", "debit", "credit", "balance") == [
        ("Balance brought forward", "", "", "0.00"),
        ("Invoice", "60.00", "0.00", "60.00"),
        ("Invoice made void", "0.00", "60.00", "0.00"),
    ]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_statement_is_of_one_customer_and_nothing_else_is(accounts: Books, form: str) -> None:
    admin, shop = accounts.dairy.admin, accounts.customers["shop"]["id"]
    assert admin.get(f"/exports/statement.{form}", **NOVEMBER, customer_id=shop).status_code == 200
    missing = refused(admin.get(f"/exports/statement.{form}", **NOVEMBER), 422, "validation_failed")
    extra = refused(admin.get(f"/exports/ledger.{form}", **NOVEMBER, customer_id=shop), 422, "validation_failed")
    for problem in (missing, extra):
        assert [error["pointer"] for error in problem["errors"]] == ["/query/customer_id"]
    nobody = "0199f3a4-5b6c-7d8e-9f01-23456789abcd"
    refused(admin.get(f"/exports/statement.{form}", **NOVEMBER, customer_id=nobody), 404, "customer_not_found")
    refused(admin.get(f"/exports/statement.{form}", **NOVEMBER, customer_id="x"), 422, "validation_failed")


def total(rows: list[dict[str, Any]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


def test_ageing_statement_and_ledger_agree(accounts: Books) -> None:
    """What the parties' ledger lines come to is what they owe."""
    owed = total(accounts.csv("ageing", **NOVEMBER), "net")
    lines = [row for row in accounts.csv("ledger", **BOTH) if row["ledger_name"] == "Customer receivables"]
    assert total(lines, "debit") - total(lines, "credit") == owed
    balances = []
    for customer in accounts.customers.values():
        balances.append(Decimal(accounts.csv("statement", **BOTH, customer_id=customer["id"])[-1]["balance"]))
    assert sum(balances) == owed


def test_a_refund_is_a_payment_and_its_reversal_a_receipt(accounts: Books) -> None:
    """The shop has 105.00 in advance; it gets them back, and the transfer returns."""
    shop = accounts.customers["shop"]
    body = {"customer_id": shop["id"], "amount": "105.00", "method": "upi", "reason": "=Moved"}
    refund = ok(accounts.dairy.admin.post("/refunds", body), 201)
    assert accounts.csv("allocations", **NOVEMBER)[-1] == {
        "receipt_no": "R0000002",
        "document_number": refund["voucher_no"],
        "amount": "105.00",
    }
    assert accounts.csv("receipts", **NOVEMBER)[1]["unapplied"] == "0.00"
    ok(accounts.dairy.admin.post(f"/refunds/{refund['id']}/reverse", {"reason": "The account is closed"}))
    by_voucher = {lines[0]["voucher_no"]: lines for lines in journals(accounts, **NOVEMBER).values()}
    columns = ("voucher_type", "ledger_name", "party_code", "debit", "credit")
    assert shown(by_voucher["RF0000001"], *columns) == [
        ("Payment", "Customer receivables", shop["code"], "105.00", "0.00"),
        ("Payment", "UPI", "", "0.00", "105.00"),
    ]
    assert shown(by_voucher["RF0000001/X"], *columns) == [
        ("Receipt", "Customer receivables", shop["code"], "0.00", "105.00"),
        ("Receipt", "UPI", "", "105.00", "0.00"),
    ]
    statement = accounts.csv("statement", **NOVEMBER, customer_id=shop["id"])
    assert shown(statement, "document", "particulars", "debit", "credit")[-2:] == [
        ("RF0000001", "Paid back", "105.00", "0.00"),
        ("RF0000001", "Refund reversed", "0.00", "105.00"),
    ]
    tally = vouchers(accounts)
    assert tally.count("<VOUCHERNUMBER>RF0000001</VOUCHERNUMBER>") == 1
    assert tally.count("<VOUCHERNUMBER>RF0000001/X</VOUCHERNUMBER>") == 1


def vouchers(accounts: Books) -> str:
    """The vouchers of November as Tally gets them."""
    answer = accounts.dairy.admin.get("/exports/tally.xml", **NOVEMBER)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)
