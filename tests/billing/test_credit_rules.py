"""Partial notes in any order until nothing is left: together they are the invoice, to the paisa, in every amount."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dairy_app.billing.rules.crediting import (
    NOTHING,
    PAISA,
    Credit,
    OpenInvoice,
    OpenLine,
    by_amount,
    by_quantity,
    round_off,
    takes_all,
    the_rest,
)


def half_up(amount: Decimal) -> Decimal:
    return amount.quantize(PAISA, ROUND_HALF_UP)


def line(
    quantity: str, gross: str, rate: str, *, inter_state: bool = False, includes_tax: bool = True, line_no: int = 1
) -> OpenLine:
    """A line as an invoice would have it, nothing taken back yet."""
    q, total, percent = Decimal(quantity), Decimal(gross), Decimal(rate)
    parts = 100 + percent if includes_tax else Decimal(100)
    cgst = NOTHING if inter_state else half_up(total * percent / (2 * parts))
    igst = half_up(total * percent / parts) if inter_state else NOTHING
    taxable = NOTHING
    if percent:
        taxable = total - 2 * cgst - igst if includes_tax else total
        total = taxable + 2 * cgst + igst
    # As the query tells it: by the amounts.
    shows = bool(percent) and includes_tax and cgst + igst > 0
    return OpenLine(line_no, q, taxable, total, percent, q, taxable, cgst, igst, total, False, shows, inter_state)


def after(one: OpenLine, credit: Credit) -> OpenLine:
    """What is left of a line after a credit."""
    return replace(
        one,
        left_quantity=one.left_quantity - (credit.quantity or 0),
        left_taxable_value=one.left_taxable_value - credit.taxable_value,
        left_cgst=one.left_cgst - credit.cgst,
        left_igst=one.left_igst - credit.igst,
        left_total=one.left_total - credit.line_total,
        price_was_changed=one.price_was_changed or credit.quantity is None,
    )


def left(one: OpenLine) -> tuple[Decimal, ...]:
    return one.left_quantity, one.left_taxable_value, one.left_cgst, one.left_igst, one.left_total


def is_sound(one: OpenLine, credit: Credit) -> bool:
    """What the tables demand of a credit note's line."""
    parts = credit.taxable_value + 2 * credit.cgst + credit.igst
    return credit.line_total == parts if one.is_taxed else parts == 0


STEPS = st.lists(st.tuples(st.booleans(), st.decimals("0.0001", 1, places=4)), max_size=30)
LINES = st.builds(
    line,
    st.decimals("0.001", "999.999", places=3).map(str),
    st.decimals("0.01", "9999.99", places=2).map(str),
    st.sampled_from(["0", "5", "12", "18", "28", "0.25"]),
    inter_state=st.booleans(),
    includes_tax=st.booleans(),
)


@settings(max_examples=500, deadline=None)
@given(LINES, STEPS)
def test_partial_credits_never_pass_the_line_and_end_at_nothing(
    one: OpenLine, steps: list[tuple[bool, Decimal]]
) -> None:
    for by_goods, share in steps:
        if not one.left_total:
            break
        if by_goods and one.left_quantity:
            credit = by_quantity(one, max((one.left_quantity * share).quantize(Decimal("0.001")), Decimal("0.001")))
        else:
            credit = by_amount(one, max(half_up(one.left_total * share), PAISA))
        if (credit.taxable_value if one.is_taxed else credit.line_total) <= 0:
            continue  # refused by the service
        assert is_sound(one, credit)
        one = after(one, credit)
        assert min(left(one)) >= 0
        assert one.left_taxable_value > 0 or not one.is_taxed or one.left_total == 0, "tax without value"
    if one.left_total:
        credit = the_rest(one)
        assert is_sound(one, credit) and credit.line_total > 0
        one = after(one, credit)
    assert left(one)[1:] == (0, 0, 0, 0)


@settings(max_examples=200, deadline=None)
@given(LINES, st.decimals("0.0001", 1, places=4))
def test_a_first_credit_is_in_proportion_at_the_lines_rate(one: OpenLine, share: Decimal) -> None:
    q = (one.quantity * share).quantize(Decimal("0.001"))
    if not 0 < q < one.quantity:
        return
    credit = by_quantity(one, q)
    if one.is_taxed and not one.includes_tax:
        assert credit.taxable_value == half_up(one.taxable_value * q / one.quantity)
        if credit.taxable_value < one.taxable_value:
            assert credit.cgst == (
                0 if one.is_interstate else min(half_up(credit.taxable_value * one.gst_rate / 200), one.left_cgst)
            )
            igst = min(half_up(credit.taxable_value * one.gst_rate / 100), one.left_igst)
            assert credit.igst == (igst if one.is_interstate else 0)
    else:
        assert credit.line_total == half_up(one.line_total * q / one.quantity)


@pytest.mark.parametrize("rate", ["5", "12", "18", "28"])
@pytest.mark.parametrize("inter_state", [True, False])
def test_one_of_two_with_the_tax_in_the_price_is_that_price(rate: str, inter_state: bool) -> None:
    for paise in range(100, 60_000, 7):
        price = Decimal(paise).scaleb(-2)
        credit = by_quantity(line("2", str(2 * price), rate, inter_state=inter_state), Decimal(1))
        assert credit.line_total == price


def test_an_amount_is_divided_so_that_it_is_the_sum() -> None:
    ghee = line("3", "2140.05", "5")
    credit = by_amount(ghee, Decimal("100"))
    assert (credit.taxable_value, credit.cgst, credit.line_total) == (Decimal("95.24"), Decimal("2.38"), 100)
    assert by_amount(ghee, ghee.left_total) == replace(the_rest(ghee), quantity=None)


def test_the_last_paisa_but_one_leaves_value_for_its_tax() -> None:
    """Everything but a paisa: that paisa must still be one of value."""
    ghee = line("3", "2140.05", "5")
    rest = after(ghee, by_amount(ghee, ghee.left_total - PAISA))
    assert (rest.left_taxable_value, rest.left_cgst, rest.left_total) == (PAISA, 0, PAISA)


def test_tax_that_rounds_up_every_time_stops_at_what_the_line_has() -> None:
    """0.20 of value is 0.005 of CGST, 0.01 half up; ten of them would be twice the line's 0.05."""
    one = line("10", "2.00", "5", includes_tax=False)
    taxes = []
    for _ in range(10):
        credit = by_quantity(one, Decimal(1))
        taxes.append(credit.cgst)
        one = after(one, credit)
    assert taxes == [PAISA] * 5 + [NOTHING] * 5
    assert left(one) == (0, 0, 0, 0, 0)


def test_the_round_off_comes_back_with_the_last_note() -> None:
    one = line("1", "358.34", "0")
    invoice = OpenInvoice(total=Decimal("358.00"), round_off=Decimal("-0.34"))
    whole, part = [the_rest(one)], [by_amount(one, Decimal("358.20"))]
    assert takes_all([one], whole) and not takes_all([one], part)
    assert round_off(invoice, whole, True) == Decimal("-0.34")
    assert round_off(invoice, part, False) == Decimal("-0.20"), "no note is above the invoice"
    assert round_off(invoice, [by_amount(one, Decimal("10"))], False) == 0
