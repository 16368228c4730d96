"""Bank statements in MT940: what Indian banks send to companies, read whole or refused by line and field."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from dairy_app.collecting.rules.mt940 import is_mt940, read_mt940
from dairy_app.common.errors import Problem
from tests.collecting.test_statements import HDFC, accept, lines, row, upload, uploaded
from tests.dairy import ok, read, refused
from tests.receivables.conftest import Till

STATEMENT = (
    "{1:F01HDFCINBBXXXX0000000000}{2:O9401200261121HDFCINBBXXXX00000000002611211200N}{4:\r\n"
    ":20:STARTMR\r\n:25:50100012345678\r\n:28C:00325/001\r\n:60F:C261120INR50000,00\r\n"
    ":61:2611211121CR1240,00NTRF412345678901//S99887766\r\n"
    ":86:UPI-MEERA JOSHI-MEERA@OKHDFC-412345678901-MILK OF NOVEMBER AND A L\r\n"
    "ITTLE MORE\r\nINV/2026-27/12\r\n"
    ":61:2611221122D500,5NMSCNONREF//S99887767\r\nOFFICE RENT\r\n"
    ":61:261122C60,00NTRFNONREF\r\n:86:NEFT CR-AXISCN0123456789-ANIL RAO\r\n"
    ":61:261122RC60,NTRFAXISCN0123456789\r\n:86:NEFT RETURN\r\n"
    ":61:261122RD0,25NCHGNONREF\r\n:86:CHARGES TAKEN BACK\r\n"
    ":62F:C261122INR50739,75\r\n:64:C261122INR50739,75\r\n:86:END OF STATEMENT\r\n-}\r\n"
)


def whole(*fields: str, opening: str = "0,00", closing: str = "0,00") -> str:
    text = "\n".join((":20:A", ":25:1", f":60F:C261101INR{opening}", *fields, f":62F:C261130INR{closing}"))
    assert is_mt940(text)
    return text


@pytest.fixture
def till(dairy: Any, sql: Callable[..., Any]) -> Till:
    return Till(dairy, sql)


def test_each_line_has_its_day_amount_reference_narration_and_balance() -> None:
    assert is_mt940(STATEMENT)
    found = read_mt940(STATEMENT)
    assert found.faults == []
    assert [
        (each.line_no, str(each.day), str(each.amount), each.reference, each.narration, str(each.balance))
        for each in found.lines
    ] == [
        (6, "2026-11-21", "1240.00", "412345678901",
         "UPI-MEERA JOSHI-MEERA@OKHDFC-412345678901-MILK OF NOVEMBER AND A LITTLE MORE INV/2026-27/12", "51240.00"),
        (10, "2026-11-22", "-500.5", "S99887767", "OFFICE RENT", "50739.50"),
        (12, "2026-11-22", "60.00", "AXISCN0123456789", "NEFT CR-AXISCN0123456789-ANIL RAO", "50799.50"),
        (14, "2026-11-22", "-60", "AXISCN0123456789", "NEFT RETURN", "50739.50"),
        (16, "2026-11-22", "0.25", None, "CHARGES TAKEN BACK", "50739.75"),
    ]  # fmt: skip


def test_a_month_of_days_is_one_file() -> None:
    """Each day is a message; a long day has several, with balances in between (60M, 62M)."""
    text = "\n".join(
        [
            ":20:1", ":25:7", ":60F:D261101INR10,00", ":61:2611011101C15,00NTRFA1//B", ":62M:C261101INR5,00", "-",
            ":20:1", ":25:7", ":60M:C261101INR5,00", ":61:2611011101d1,00NTRFA2//B", ":62F:C261101INR4,00",
            "-}{5:{CHK:1}}", "{1:F01X}{4:",
            ":20:2", ":25:7", ":60F:C261102INR4,00", ":62F:C261102INR4,00",
            ":20:3", ":25:7", ":60F:C261231INR4,00", ":61:2701011231C2,00NTRFA3", ":62F:C261231INR6,00", "-",
        ]
    )  # fmt: skip
    found = read_mt940(text)
    assert found.faults == []
    assert [(str(each.day), str(each.amount), str(each.balance), each.reference) for each in found.lines] == [
        ("2026-11-01", "15.00", "5.00", "A1"),
        ("2026-11-01", "-1.00", "4.00", "A2"),
        ("2026-12-31", "2.00", "6.00", "A3"),  # entered on the last day of a year, with a value of the next
    ]


@pytest.mark.parametrize(
    ("text", "pointer", "code"),
    [
        (whole(":61:261301C1,00NTRFA"), "/rows/4/61", "invalid"),  # no such month
        (whole(":61:260230C1,00NTRFA"), "/rows/4/61", "invalid"),  # nor such a day
        (whole(":61:261101C1240.50NTRFA"), "/rows/4/61", "invalid"),
        (whole(":61:261101C1,505NTRFA"), "/rows/4/61", "invalid"),
        (whole(":61:261101C,NTRFA"), "/rows/4/61", "invalid"),
        (whole(":61:261101C999999999999,00NTRFA"), "/rows/4/61", "invalid"),
        (whole(":61:soon"), "/rows/4/61", "invalid"),
        (whole(":61:261101C5,00NTRFA", closing="15,00"), "/rows/5/62F", "sum_differs"),
        (whole(":61:261101C5,00NTRFA", closing="five"), "/rows/5/62F", "invalid"),
        (whole(":61:261101C5,00NTRFA", closing="5,00").replace("INR", "USD"), "/rows/3/60F", "currency_unknown"),
        (whole(":61:261101C5,00NTRFA", closing="5,00").partition(":62F")[0], "/rows/5/62F", "required"),
        (whole(":61:261101C5,00NTRFA", closing="5,00").partition(":62F")[0] + whole(), "/rows/5/62F", "required"),
        (whole(closing="0,00") + "\n:61:261101C5,00NTRFA", "/rows/5/61", "required"),
    ],
)
def test_what_cannot_be_read_is_told_by_line_and_field(text: str, pointer: str, code: str, caplog: Any) -> None:
    assert [(each.pointer, each.code) for each in read_mt940(text).faults] == [(pointer, code)]
    assert caplog.text == ""  # lines of a statement are in no log


def test_a_line_that_lacks_something_borrows_it_of_no_other() -> None:
    """The library carries the narration of the line before over to one without a type; and drops that line."""
    text = whole(":61:261101C5,00", ":86:FIRST", ":61:261101C6,00", ":61:261101C7,00NTRFA", closing="18,00")
    assert [(str(each.amount), each.narration) for each in read_mt940(text).lines] == [
        ("5.00", "FIRST"),
        ("6.00", "-"),
        ("7.00", "-"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (whole(), "empty"),
        (whole(":61:261101C5,00NTRFA", closing="5,00") + "\n:20:B\n:25:2\n", "ambiguous"),
        (whole(*[":61:261101C0,01NTRFA"] * 10_001, closing="100,01"), "too_many"),
    ],
)
def test_a_file_that_is_none_of_one_account_is_refused(text: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        read_mt940(text)
    assert [(each.pointer, each.code) for each in caught.value.errors] == [("/file", code)]


def test_it_is_uploaded_and_booked_as_any_other_statement(till: Till) -> None:
    """As a file, as a body, as text; the same lines as CSV are the same lines."""
    day = till.dairy.day(-1)
    written = day[2:].replace("-", "")
    text = whole(f":61:{written}{written[2:]}C240,00NTRF412345678901", ":86:UPI-MEERA", closing="240,00")
    form = {"file": (io.BytesIO(text.encode()), "november.sta"), "account": "HDFC 4321"}
    sent = ok(till.admin.call("POST", "/bank-statements", data=form, content_type="multipart/form-data"), 201)
    assert (sent["line_count"], sent["new_lines"], sent["first_day"]) == (1, 1, day)
    body = till.admin.call("POST", "/bank-statements?account=HDFC 4321", data=text, content_type="text/csv")
    assert ok(body, 201)["new_lines"] == 0
    assert uploaded(till, HDFC + row(till, "240.00", "UPI MEERA", "0000412345678901"))["new_lines"] == 0
    (line,) = lines(till, sent)
    assert (line["reference"], line["amount"], line["balance"]) == ("412345678901", "240.00", "240.00")
    customer = till.dairy.customer()["id"]
    (booked,) = ok(accept(till, sent, (line, customer)))["items"]
    (paid,) = read(till.admin, "/payments", customer_id=customer)
    assert (paid["receipt_no"], paid["amount"]) == (booked["receipt_no"], "240.00")
    assert (paid["method"], paid["reference"], paid["received_on"]) == ("upi", "412345678901", day)


def test_a_file_with_a_fault_leaves_nothing(till: Till) -> None:
    problem = refused(upload(till, whole(":61:261101C5,00NTRFA", closing="9,00")), 422, "validation_failed")
    assert [each["code"] for each in problem["errors"]] == ["sum_differs"]
    assert "5.00" in problem["errors"][0]["detail"]
    assert read(till.admin, "/bank-statements") == []
