"""The pure rules: GSTIN check digits, codes, phone tails."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from dairy_app.business.rules import gstin_check_digit, is_gstin
from dairy_app.customers.rules import is_reserved_code, phone_digits

ALPHABET = string.digits + string.ascii_uppercase


@pytest.mark.parametrize("gstin", ["27AAPFU0939F1ZV", "29AAGCB7383J1Z4"])
def test_published_numbers_are_right(gstin: str) -> None:
    """The first is the example of python-stdnum's module for GSTIN, the second of many GST tutorials."""
    is_gstin(gstin)


@pytest.mark.parametrize(
    "gstin",
    [
        "27AAPFU0939F1ZW",
        "27AAPFU0939F1Z",
        "27AAPFU0939F1ZVV",
        "27AAPFU0939F1YV",
        "2७AAPFU0939F1ZV",
        "27aapfu0939f1zv",
        "",
    ],
)
def test_what_is_no_gstin(gstin: str) -> None:
    with pytest.raises(ValidationError):
        is_gstin(gstin)


@given(st.text(ALPHABET, min_size=14, max_size=14), st.integers(0, 13), st.sampled_from(ALPHABET))
def test_one_wrong_character_never_fits(first: str, place: int, other: str) -> None:
    wrong = first[:place] + other + first[place + 1 :]
    assert (gstin_check_digit(wrong) == gstin_check_digit(first)) == (wrong == first)


@pytest.mark.parametrize(
    ("code", "reserved"),
    [("C000001", True), ("C1234567", True), ("C12345", False), ("c000001", False), ("SHOP", False)],
)
def test_codes_that_the_dairy_gives_out(code: str, reserved: bool) -> None:
    assert is_reserved_code(code) is reserved


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("00111", "00111"),
        ("12", ""),
        ("098123 00111", "919812300111"),
        ("+91 98123-00111", "919812300111"),
        ("(0)20-2543", "0202543"),
        ("Ravi 123", ""),
        ("१२३", ""),
    ],
)
def test_what_looks_like_a_phone(text: str, digits: str) -> None:
    assert phone_digits(text) == digits
