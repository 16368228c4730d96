"""Bank statements: the banks' own tables, whose payments their lines may be, and booking them once."""

import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from psycopg2 import errors
from werkzeug.test import TestResponse

from dairy_app.collecting.rules.statements import read_statement
from dairy_app.common.errors import Problem
from tests.dairy import ok, read, refused
from tests.importing.sheets import workbook
from tests.races import at_once
from tests.receivables.conftest import Till

HDFC = "Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance\n"


def upload(till: Till, text: str, account: str = "HDFC 4321") -> TestResponse:
    return till.admin.post("/bank-statements", {"csv": text, "account": account})


def uploaded(till: Till, text: str, account: str = "HDFC 4321") -> Any:
    return ok(upload(till, text, account), 201)


def lines(till: Till, statement: Any, **query: Any) -> list[Any]:
    return read(till.admin, f"/bank-statements/{statement['id']}/lines", **query)


def accept(till: Till, statement: Any, *chosen: tuple[Any, str]) -> TestResponse:
    body = {"lines": [{"line": line["id"], "customer_id": customer} for line, customer in chosen]}
    return till.admin.post(f"/bank-statements/{statement['id']}/accept", body)


def row(till: Till, amount: str, narration: str = "NEFT CR", reference: str = "", day: int = -1, out: str = "") -> str:
    written = "/".join(reversed(till.dairy.day(day).split("-")))
    return f"{written},{narration},{reference},{written},{out},{amount},1000.00\n"


@pytest.fixture
def till(dairy: Any, sql: Callable[..., Any]) -> Till:
    return Till(dairy, sql)


BANKS = {
    "HDFC": (
        "HDFC BANK Ltd.,,,,,,\nAccount No : 50100,,,,,,\n" + HDFC + "********,****,****,***,***,***,***\n"
        '21/11/26,UPI-MEERA JOSHI-MEERA@OKHDFC-412345678901-MILK,0000412345678901,21/11/26,,"1,240.00",51240.00\n'
        "22/11/26,NEFT DR-PAYROLL,N326261234567890,22/11/26,500.00,,50740.00\n"
        "********,****,****,***,***,***,***\nSTATEMENT SUMMARY :-,,,,,,\n"
        "Opening Balance,Dr Count,Cr Count,Debits,Credits,Closing Bal,\n50000.00,1,1,500.00,1240.00,50740.00,\n",
        ("2026-11-21", "1240.00", "412345678901"), ("2026-11-22", "-500.00", "N326261234567890"),
    ),
    "ICICI": (
        "DETAILED STATEMENT\nS No.,Value Date,Transaction Date,Cheque Number,Transaction Remarks,"
        "Withdrawal Amount (INR ),Deposit Amount (INR ),Balance (INR )\n"
        "1,21/11/2026,21/11/2026,-,UPI/412345678901/Milk/meera@okicici/HDFC BANK,0,1240,51240\n"
        "2,22/11/2026,22/11/2026,000123,CLG/RENT,500,0,50740\nLegends Used in Account Statement,,,,,,,\n1,x\n",
        ("2026-11-21", "1240.00", "412345678901"), ("2026-11-22", "-500.00", "000123"),
    ),
    "SBI": (
        "Account Name\t:\tSUNRISE DAIRY\n"
        "Txn Date\tValue Date\tDescription\tRef No./Cheque No.\t        Debit\tCredit\tBalance\n"
        "21 Nov 2026\t21 Nov 2026\tBY TRANSFER-UPI/CR/412345678901/MEERA\tTRANSFER FROM 4897\t \t1,240.00\t51,240.00\n"
        "22 Nov 2026\t22 Nov 2026\tTO TRANSFER\t\t500.00\t \t50,740.00\n",
        ("2026-11-21", "1240.00", "412345678901"), ("2026-11-22", "-500.00", None),
    ),
    "Axis": (
        "Name :- SUNRISE\nTran Date,CHQNO,PARTICULARS,DR,CR,BAL,SOL\n"
        "21-11-2026,-,UPI/P2A/412345678901/MEERA JOSHI,,1240.00,51240.00,004\n"
        "22-11-2026,-,IMPS/P2A/632612345678/RENT,500.00,,50740.00,004\n"
        "Unless the constituent notifies the bank immediately of any discrepancy,,,,,,\n",
        ("2026-11-21", "1240.00", "412345678901"), ("2026-11-22", "-500.00", "632612345678"),
    ),
    "Kotak": (
        "Sl. No.,Date,Description,Chq / Ref number,Amount,Dr / Cr,Balance,Dr / Cr\n"
        '1,21/11/2026,UPI/MEERA/412345678901/UPI,UPI-632600001111,"1,240.00",CR,"51,240.00",CR\n'
        "2,22/11/2026,RENT,,500.00,DR,50740.00,CR\nTotal,,,,1740.00,,,\n",
        ("2026-11-21", "1240.00", "UPI-632600001111"), ("2026-11-22", "-500.00", None),
    ),
    "Kotak, one column": (
        "Sl. No.,Transaction Date,Description,Chq / Ref No.,Amount,Balance\n"
        '1,21/11/2026,NEFT MEERA,KKBKN52026112100,"1,240.00(Cr)","51,240.00(Cr)"\n'
        "2,22/11/2026,RENT,,500.00(Dr),1(Cr)\n",
        ("2026-11-21", "1240.00", "KKBKN52026112100"), ("2026-11-22", "-500.00", None),
    ),
    "Axis, NEFT": (
        "Tran Date,CHQNO,PARTICULARS,DR,CR\n21-11-2026,-,NEFT/AXISCN0123456789/ANIL,,1240.00\n"
        "22-11-2026,-,RTGS/UTIBR52026112200012345/RENT,500.00,\n",
        ("2026-11-21", "1240.00", "AXISCN0123456789"), ("2026-11-22", "-500.00", "UTIBR52026112200012345"),
    ),
    "ICICI for companies": (
        "No.,Transaction ID,Value Date,Txn Posted Date,ChequeNo.,Description,Cr/Dr,Transaction Amount(INR),"
        "Available Balance(INR)\n1,S123,21/11/2026,21/11/2026 10:01:02 AM,-,MEERA,CR,1240.00,51240.00\n"
        "2,S124,22/11/2026,22/11/2026 10:01:02 AM,-,RENT,DR,500.00,50740.00\n",
        ("2026-11-21", "1240.00", "S123"), ("2026-11-22", "-500.00", "S124"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bank", BANKS)
def test_the_tables_of_the_usual_banks_are_read(bank: str) -> None:
    text, *expected = BANKS[bank]
    found = read_statement(str(text))
    assert found.faults == []
    assert [(str(each.day), f"{each.amount:.2f}", each.reference) for each in found.lines] == expected
    assert all(each.narration for each in found.lines)


@pytest.mark.parametrize(
    ("text", "pointer", "code"),
    [
        ("Date,Deposit Amt.\n1/1/26,5\n", "/rows/1/narration", "required"),
        ("x\nNarration,Deposit Amt.\na,5\n", "/rows/2/date", "required"),
        ("Date,Narration,Debit\n1/1/26,a,5\n", "/rows/1/credit", "required"),
        ("Who,What\na,b\n", "/file", "columns"),
        (HDFC, "/file", "empty"),
    ],
)
def test_a_table_without_its_columns_is_refused(text: str, pointer: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        read_statement(text)
    assert [(each.pointer, each.code) for each in caught.value.errors] == [(pointer, code)]


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ("31/02/26,a,,,,5.00,1", "date", "invalid"),
        (",a,,,,5.00,1", "date", "required"),
        ("soon,a,,,,5.00,1", "date", "invalid"),
        ("1/1/26,a,,,,five,1", "credit", "invalid"),
        ("1/1/26,a,,,4.00,5.00,1", "credit", "ambiguous"),
        ("1/1/26,a,,,,-5.00,1", "credit", "invalid"),
        ("1/1/26,a,4.12E+11,,,5.00,1", "reference", "shortened"),
        ("1/1/26,a,,,,5,000.00,1,2", "Closing Balance", "columns"),
    ],
)
def test_each_fault_is_told_by_its_line_and_nothing_is_kept(till: Till, cells: str, column: str, code: str) -> None:
    text = HDFC + row(till, "5.00") + cells + "\n"
    problem = refused(upload(till, text), 422, "validation_failed")
    assert [(each["pointer"].split("/")[2:], each["code"]) for each in problem["errors"]] == [(["3", column], code)]
    assert read(till.admin, "/bank-statements") == []


def test_a_workbook_is_taken_as_it_is(till: Till) -> None:
    content = workbook(["Tran Date", "PARTICULARS", "DR", "CR"], ["21-11-2026", "MEERA", None, 1240])
    form = {"file": (io.BytesIO(content), "s.xlsx"), "account": "Axis"}
    answer = till.admin.call("POST", "/bank-statements", data=form, content_type="multipart/form-data")
    assert (ok(answer, 201)["account"], ok(answer, 201)["new_lines"]) == ("Axis", 1)
    raw = till.admin.call(
        "POST", "/bank-statements", data=HDFC + row(till, "1.00"), content_type="text/csv",
        query_string={"account": "HDFC"},
    )  # fmt: skip
    assert ok(raw, 201)["account"] == "HDFC"
    refused(till.admin.post("/bank-statements", {"csv": HDFC + row(till, "1.00")}), 422, "validation_failed")


def test_what_a_line_may_be_is_proposed_by_its_best_sign(till: Till) -> None:
    dairy = till.dairy
    by_invoice, by_code = till.customer, dairy.customer()
    by_phone, by_name = dairy.customer(phone="+919812345678"), dairy.customer(name="Meera Joshi")
    other = dairy.customer(name="Meena Joshi")
    dairy_sql = "INSERT INTO number_series (series, financial_year, next_no) VALUES ('T', '2627', 2)"
    till.sql(dairy_sql)
    invoice = till.invoice("50")
    till.sql("SET session_replication_role = replica")
    till.sql("UPDATE invoices SET number = 'T/2627/0000001' WHERE id = %s", invoice)
    till.sql("SET session_replication_role = origin")
    till.invoice("75", customer=by_name["id"])
    till.invoice("76", customer=other["id"])
    till.paid("33.00", method="upi", reference="412345678901")
    text = HDFC + "".join(
        (
            row(till, "10.00", "NEFT-PAYMENT T 2627 0000001"),
            row(till, "11.00", f"IMPS {by_code['code']} MILK"),
            row(till, "12.00", "UPI/9812345678@ybl/x"),
            row(till, "75.00", "UPI-MEERA JOSHI-OKBANK"),
            row(till, "77.00", "UPI-MEERA JOSHI-OKBANK"),
            row(till, "33.00", "UPI-SOMEBODY", "0000412345678901"),
            row(till, "", "RENT", out="900.00"),
        )
    )
    statement = uploaded(till, text)
    assert (statement["line_count"], statement["new_lines"], statement["unbooked"]) == (7, 7, 6)
    found = [
        (each["state"], each["proposal"] and (each["proposal"]["customer_id"], each["proposal"]["by"]))
        for each in lines(till, statement)
    ]
    assert found == [
        ("open", (by_invoice["id"], "invoice")),
        ("open", (by_code["id"], "code")),
        ("open", (by_phone["id"], "phone")),
        ("open", (by_name["id"], "amount_and_name")),
        ("open", None),
        ("already_booked", None),
        ("debit", None),
    ]
    assert lines(till, statement)[3]["proposal"]["balance"] == "75.00"
    assert lines(till, statement)[5]["receipt_no"] == "R0000001"
    twin = dairy.customer()
    till.sql("UPDATE customers SET phone = '+919812345678' WHERE id = %s", twin["id"])
    third = lines(till, statement)[2]
    assert third["proposal"] is None
    assert {each["customer_id"] for each in third["candidates"]} == {by_phone["id"], twin["id"]}
    assert len(lines(till, statement, open="true")) == 6


def test_who_is_billed_to_another_is_proposed_as_that_one(till: Till) -> None:
    branch = till.dairy.customer(billed_to=till.id)
    statement = uploaded(till, HDFC + row(till, "10.00", f"NEFT {branch['code']}"))
    assert lines(till, statement)[0]["proposal"]["customer_id"] == till.id


def test_lines_are_booked_together_or_not_at_all(till: Till) -> None:
    statement = uploaded(
        till, HDFC + row(till, "10.00", "UPI-A", "412345678901") + row(till, "20.00", "NEFT-B", "HDFCN1")
        + row(till, "", "RENT", out="5.00"),
    )  # fmt: skip
    one, two, rent = lines(till, statement)
    nobody = "00000000-0000-7000-8000-000000000000"
    lost = {"id": nobody}
    chosen = (one, till.id), (rent, till.id), (two, nobody), (one, till.id), (lost, till.id)
    problem = refused(accept(till, statement, *chosen), 422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
        ("/lines/1/line", "not_a_credit"),
        ("/lines/2/customer_id", "customer_not_found"),
        ("/lines/3/line", "duplicate"),
        ("/lines/4/line", "line_not_found"),
    ]
    assert till.balance() == "0.00"
    booked = ok(accept(till, statement, (one, till.id), (two, till.id)))["items"]
    assert [each["receipt_no"] for each in booked] == ["R0000001", "R0000002"]
    payment = ok(till.admin.get(f"/payments/{booked[0]['payment_id']}"))
    assert (payment["amount"], payment["method"], payment["reference"]) == ("10.00", "upi", "412345678901")
    assert (payment["received_on"], payment["notes"]) == (till.dairy.day(-1), "HDFC 4321: UPI-A")
    assert [each["state"] for each in lines(till, statement)] == ["booked", "booked", "debit"]
    again = refused(accept(till, statement, (one, till.id)), 422, "validation_failed")
    assert again["errors"][0]["code"] == "already_exists"
    assert till.balance() == "-30.00"
    assert ok(till.admin.get(f"/bank-statements/{statement['id']}"))["unbooked"] == 0


def test_an_overlapping_statement_brings_only_what_is_new(till: Till) -> None:
    """Two lines that are really equal stay two, in whatever order the bank lists them, by reference or narration."""
    equal = row(till, "50.00", "CASH DEPOSIT")
    first = uploaded(till, HDFC + equal + row(till, "10.00", "UPI-A", "412345678901"))
    text = HDFC + row(till, "10.00", "UPI-A changed", "412345678901") + row(till, "50.00", "OTHER") + equal + equal
    second = uploaded(till, text)
    assert (second["line_count"], second["new_lines"]) == (4, 2)
    assert [each["narration"] for each in lines(till, second)] == ["OTHER", "CASH DEPOSIT"]
    assert uploaded(till, text)["new_lines"] == 0
    assert uploaded(till, text, "Axis")["new_lines"] == 4, "another account"
    for statement in (first, second):
        deposit = next(e for e in lines(till, statement) if e["narration"] == "CASH DEPOSIT")
        ok(accept(till, statement, (deposit, till.id)))
    assert till.balance() == "-100.00"


def test_without_a_reference_a_payment_by_hand_is_the_line(till: Till) -> None:
    till.paid("50.00", method="bank_transfer", day=-1)
    statement = uploaded(till, HDFC + row(till, "50.00", "NEFT"))
    problem = refused(accept(till, statement, (lines(till, statement)[0], till.id)), 422, "validation_failed")
    assert problem["errors"][0]["code"] == "already_exists"


def test_what_the_bank_takes_back_is_shown_and_not_booked(till: Till) -> None:
    text = HDFC + "".join(
        (
            row(till, "10.00", "UPI-A", "412345678901", day=-3),
            row(till, "20.00", "IMPS-B", "412345678902", day=-3),
            row(till, "30.00", "TRANSFER FROM MEERA", day=-3),
            row(till, "40.00", "UPI-D", "412345678904", day=-3),
            row(till, "", "UPI-A REV", "412345678901", day=-3, out="10.00"),
            row(till, "", "REV-IMPS-412345678902", "99", day=-2, out="20.00"),
            row(till, "", "RETURN TRANSFER FROM MEERA", day=-2, out="30.00"),
            row(till, "", "RENT 412345678904", day=-2, out="41.00"),
        )
    )
    statement = uploaded(till, text)
    assert [each["state"] for each in lines(till, statement)][:4] == ["reversed", "reversed", "reversed", "open"]
    problem = refused(accept(till, statement, (lines(till, statement)[0], till.id)), 422, "validation_failed")
    assert problem["errors"][0]["code"] == "reversed"


def test_a_line_whose_payment_was_reversed_can_be_booked_again(till: Till) -> None:
    other = till.dairy.customer()
    statement = uploaded(till, HDFC + row(till, "10.00", "UPI-A", "412345678901"))
    (line,) = lines(till, statement)
    (wrong,) = ok(accept(till, statement, (line, other["id"])))["items"]
    ok(till.reverse({"id": wrong["payment_id"]}))
    assert lines(till, statement)[0]["state"] == "open"
    ok(accept(till, statement, (line, till.id)))
    assert till.balance() == "-10.00"


def test_closed_books_and_days_to_come_refuse_all(till: Till) -> None:
    statement = uploaded(till, HDFC + row(till, "10.00", "A", "1111111") + row(till, "10.00", "B", "2222222", day=2))
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-1)}))
    one, two = lines(till, statement)
    problem = refused(accept(till, statement, (one, till.id), (two, till.id)), 422, "validation_failed")
    assert [each["code"] for each in problem["errors"]] == ["period_closed", "in_future"]


def test_at_the_same_moment_a_line_is_booked_and_a_statement_is_kept_once(till: Till, database_url: str) -> None:
    text = HDFC + row(till, "10.00", "CASH DEPOSIT")
    hold = "LOCK TABLE bank_statement_lines IN ACCESS EXCLUSIVE MODE"
    both = at_once(database_url, hold, *(lambda: uploaded(till, text)["new_lines"] for _ in range(2)))
    assert sorted(both) == [0, 1]
    statement = next(each for each in read(till.admin, "/bank-statements") if each["new_lines"])
    (line,) = lines(till, statement)
    held = "SELECT FROM bank_statement_lines FOR UPDATE"
    codes = at_once(
        database_url, held, *(lambda: accept(till, statement, (line, till.id)).status_code for _ in range(2))
    )
    assert sorted(codes) == [200, 422]
    assert till.balance() == "-10.00"


def test_amounts_are_kept_to_the_paisa(till: Till) -> None:
    statement = uploaded(till, HDFC + row(till, '"1,23,456.78"'))
    assert Decimal(lines(till, statement)[0]["amount"]) == Decimal("123456.78")
    refused(till.admin.get("/bank-statements/00000000-0000-7000-8000-000000000000"), 404, "bank_statement_not_found")


def dismiss(till: Till, statement: Any, *chosen: Any, reason: str = "Interest") -> TestResponse:
    body = {"lines": [line["id"] for line in chosen], "reason": reason}
    return till.admin.post(f"/bank-statements/{statement['id']}/dismiss", body)


def test_what_is_no_payment_of_a_customer_waits_no_longer(till: Till) -> None:
    """It can still be booked; then it was not dismissed."""
    text = HDFC + row(till, "10.00", "INTEREST PAID") + row(till, "20.00", "NEFT-B", "HDFCN1")
    statement = uploaded(till, text)
    interest, _ = lines(till, statement)
    told = ok(dismiss(till, statement, interest))
    assert (told["unbooked"], told["line_count"]) == (1, 2)
    assert [each["narration"] for each in lines(till, statement, open="true")] == ["NEFT-B"]
    assert [(each["state"], each["dismissed_reason"], each["proposal"]) for each in lines(till, statement)] == [
        ("dismissed", "Interest", None),
        ("open", None, None),
    ]
    assert uploaded(till, text)["new_lines"] == 0
    ok(dismiss(till, statement, interest, reason="Interest of June"))
    ok(accept(till, statement, (interest, till.id)))
    assert [(each["state"], each["dismissed_reason"]) for each in lines(till, statement)] == [
        ("booked", None),
        ("open", None),
    ]


def test_lines_are_dismissed_together_or_not_at_all(till: Till, sql: Callable[..., Any]) -> None:
    text = HDFC + row(till, "10.00", "A", "HDFCN1") + row(till, "20.00", "B", "HDFCN2") + row(till, "", "C", out="5.00")
    statement = uploaded(till, text)
    booked, other, rent = lines(till, statement)
    (made,) = ok(accept(till, statement, (booked, till.id)))["items"]
    lost = {"id": "00000000-0000-7000-8000-000000000000"}
    problem = refused(dismiss(till, statement, booked, other, rent, other, lost), 422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
        ("/lines/0", "already_exists"),
        ("/lines/2", "not_a_credit"),
        ("/lines/3", "duplicate"),
        ("/lines/4", "line_not_found"),
    ]
    refused(dismiss(till, statement, other, reason=" "), 422, "validation_failed")
    assert [each["state"] for each in lines(till, statement)] == ["booked", "open", "debit"]
    dismissed = "dismissed_by = accepted_by, dismissed_at = now(), dismissed_reason = 'Rent'"
    for wrong in (dismissed, "dismissed_at = now()"):
        with pytest.raises(errors.CheckViolation):
            sql(f"UPDATE bank_statement_lines SET {wrong} WHERE id = %s", booked["id"])
    ok(till.admin.post(f"/payments/{made['payment_id']}/reverse", {"reason": "Of somebody else"}))
    assert ok(dismiss(till, statement, booked))["unbooked"] == 1
