"""Phone numbers in one form."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairy_app.common.phones import PHONE_FORMAT, normalise_phone


@pytest.mark.parametrize(
    "written",
    [
        "98200 12345",
        "9820012345",
        "098200 12345",
        "098200-12345",
        "+919820012345",
        "+91-98200 12345",
        "+91 (0)98200-12345",
        "91 98200 12345",
        "0091 98200 12345",
        "(982) 001.2345",
        "\u202a+91 98200\u00a012345\u202c",
        "९८२०० १२३४५",
        "＋９１ ９８２００ １２３４５",
    ],
)
def test_one_number_has_one_form(written: str) -> None:
    assert normalise_phone(written) == "+919820012345"


@pytest.mark.parametrize(
    ("written", "number"),
    [("020 2567 8901", "+912025678901"), ("+44 20 7946 0958", "+442079460958"), ("001 212 555 0100", "+12125550100")],
)
def test_fixed_lines_and_other_countries(written: str, number: str) -> None:
    assert normalise_phone(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "12345",
        "98200 1234",
        "98200 123456",
        "+91 98200 1234",
        "+91 98200 123456",
        "+91 00000 00000",
        "000 0000 0000",
        "98200 12345 ext 2",
        "98200+12345",
        "++919820012345",
        "+0 12345678",
        "+1234567",
        "+1234567890123456",
        "²²²²²²²²²²x",
    ],
)
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"number|digits"):
        normalise_phone(written)


@given(st.from_regex(PHONE_FORMAT, fullmatch=True))
def test_a_number_in_its_form_stays_or_is_refused(number: str) -> None:
    """Refused are only Indian numbers of another length than Indian numbers have."""
    try:
        assert normalise_phone(number.strip()) in {number.strip(), "+91" + number.strip()[4:]}
    except ValueError:
        assert re.match(r"\+91", number)


@given(st.text(max_size=30))
def test_whatever_is_taken_fits_the_database_and_is_its_own_form(written: str) -> None:
    try:
        number = normalise_phone(written)
    except ValueError:
        return
    assert re.fullmatch(PHONE_FORMAT, number)
    assert normalise_phone(number) == number
