"""How figures are written."""

from zoneinfo import ZoneInfo

import pytest

from dairy_app.console.routes.frame import catalogues
from dairy_app.console.rules.figures import Figures

SAY = Figures(catalogues()["en"], ZoneInfo("Asia/Kolkata"))


def test_rupees_are_grouped_by_lakh_and_crore() -> None:
    written = [SAY.rupees(amount) for amount in ("0", "1234567.5", "-450.05", None)]
    assert written == ["₹ 0.00", "₹ 12,34,567.50", "−₹ 450.05", ""]


@pytest.mark.parametrize(
    ("amount", "sign"), [("0.01", 1), ("0.00", 0), ("-0.00", 0), ("-0.01", -1), (None, 0), ("9999999999.99", 1)]
)
def test_a_paisa_has_a_sign(amount: str | None, sign: int) -> None:
    assert SAY.sign(amount) == sign


def test_days_months_and_moments_are_the_dairys() -> None:
    assert SAY.day("2026-11-22") == "Sun, 22 Nov 2026"
    assert SAY.month("2026-11") == "Nov 2026"
    assert SAY.moment("2026-11-21T20:00:00+00:00") == "Sun, 22 Nov 2026, 01:30"
    assert (SAY.day(None), SAY.moment(None)) == ("", "")


@pytest.mark.parametrize(("language", "litre", "dozen"), [("en", "L", "dozen"), ("hi", "लीटर", "दर्जन")])
def test_one_of_a_unit_is_written_as_many_are_unless_it_has_a_word(language: str, litre: str, dozen: str) -> None:
    say = Figures(catalogues()[language], ZoneInfo("Asia/Kolkata"))
    assert [say.quantity(each, "litre") for each in ("1.000", "1.5")] == [f"1 {litre}", f"1.5 {litre}"]
    assert say.quantity("1", "dozen") == f"1 {dozen}"


def test_a_code_without_a_word_is_shown_as_it_is() -> None:
    assert SAY.word("status", "trial") == "On trial"
    assert SAY.word("status", "brand_new") == "brand_new"


@pytest.mark.parametrize("language", ["en", "hi"])
def test_one_of_a_unit_is_written_in_the_pages_language(language: str) -> None:
    say = Figures(catalogues()[language], ZoneInfo("Asia/Kolkata"))
    for unit in ("litre", "kg", "dozen"):
        assert say.quantity("1", unit)[1:] == say.quantity("5", unit)[1:]
    assert SAY.quantity("1", "packet") == "1 packet"
