"""What people type into a sheet, as the API reads it."""

import pytest

from dairy_app.console.rules.sheet import Row, is_phone_of, pasted_rows, typed_rows

METHODS = {"upi": "upi", "cash": "cash", "नकद": "cash"}


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("C1\t450\tUPI\t05-11-2026\tUTR1", Row(10, "C1", "450", "upi", "2026-11-05", "UTR1")),
        ("C1;1,23,456.50;नकद;5/11/2026", Row(10, "C1", "123456.50", "cash", "2026-11-05")),
        ('C1,"1,200",Cash,2026-11-05,"a, b"', Row(10, "C1", "1200", "cash", "2026-11-05", "a, b")),
        ("C1\t₹ 1,200\tbarter\tyesterday\tx\tmore", Row(10, "C1", "1200", "barter", "yesterday", "x")),
        ("C1;Rs. 50", Row(10, "C1", "50")),
        ("C1;12,34", Row(10, "C1", "12,34")),
        ('"', Row(10, "")),
    ],
)
def test_a_pasted_line_is_a_row(line: str, row: Row) -> None:
    assert pasted_rows(f"\n{line}\n \n", 10, METHODS) == [row]


def test_lines_are_numbered_from_where_they_shall_be() -> None:
    assert [row.number for row in pasted_rows("a;1\n\nb;2\r\nc;3", 7, METHODS)] == [7, 8, 9]


def test_rows_keep_their_numbers_and_only_typing_fills_them() -> None:
    form = {"r3-customer": " C1 ", "r3-amount": "5", "r11-customer": "", "r11-method": "upi", "x-customer": "?"}
    rows = typed_rows(form)
    assert [(row.number, row.is_empty) for row in rows] == [(3, False), (11, True)]
    assert rows[0].customer == "C1"


@pytest.mark.parametrize(
    ("typed", "phone", "fits"),
    [
        ("98765 43210", "+919876543210", True),
        ("+91 98765-43210", "+919876543210", True),
        ("543210", "+919876543210", False),
        ("9876543211", "+919876543210", False),
        ("9876543210", None, False),
    ],
)
def test_a_phone_number_is_meant_whole(typed: str, phone: str | None, fits: bool) -> None:
    assert is_phone_of(typed, phone) is fits
