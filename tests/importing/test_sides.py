"""On which side an amount is: said once, said twice alike, or asked; never guessed."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, read
from tests.importing.sheets import faults, upload


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    dairy.product(name="Cow Milk", sku="COW")
    return dairy.customer(name="Asha Rao", phone="+919812345601")


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("500 Cr,,Dr", "dr_cr"), ("500 Dr,,Cr", "dr_cr"), ("-500,,Dr", "dr_cr"), ("(500),,Dr", "dr_cr"),
        ("500,300,", "advance"), (",300 Dr,", "advance"), (",300,Dr", "dr_cr"), ("-500 Dr,,", "amount"),
        (",-300,", "advance"),
    ],
)  # fmt: skip
def test_a_balance_is_on_one_side(dairy: Dairy, asha: Any, row: str, column: str) -> None:
    text = f"Code,Balance,Advance,Dr/Cr\nC000001,{row}\n"
    assert faults(ok(upload(dairy.admin, "opening-balances", text, dry_run=True), 200)) == [(2, column, "ambiguous")]
    text = f"Name,Phone,Address,Area,Balance,Advance,Dr/Cr\nNew,9812345609,1 Mill Road,Kothrud,{row}\n"
    named = "opening_balance" if column == "amount" else column
    assert faults(ok(upload(dairy.admin, "customers", text, dry_run=True), 200)) == [(2, named, "ambiguous")]


@pytest.mark.parametrize(
    ("row", "amount"),
    [
        ("500 Cr,,Cr", "-500.00"), ("500 Dr,,Dr", "500.00"), ("-500,,Cr", "-500.00"), ("500,,Cr", "-500.00"),
        ("0,300,", "-300.00"), ("500,0,", "500.00"), (",300 Cr,", "-300.00"), (",300,Cr", "-300.00"),
        ("0,300,Cr", "-300.00"),
    ],
)  # fmt: skip
def test_a_side_that_is_said_twice_is_one(dairy: Dairy, asha: Any, row: str, amount: str) -> None:
    ok(upload(dairy.admin, "opening-balances", f"Code,Balance,Advance,Dr/Cr\nC000001,{row}\n"), 201)
    assert [each["amount"] for each in read(dairy.admin, "/opening-balances")] == [amount]


def test_columns_of_debit_and_credit(dairy: Dairy, asha: Any) -> None:
    dairy.customer(name="Ravi")
    text = "Code,Debit,Credit\nC000001,500,\nC000002,,300\n"
    ok(upload(dairy.admin, "opening-balances", text, dry_run=True), 200)
    both = "Code,Debit,Credit\nC000001,500,300\n"
    assert faults(ok(upload(dairy.admin, "opening-balances", both, dry_run=True), 200)) == [(2, "advance", "ambiguous")]
    ok(upload(dairy.admin, "opening-balances", text), 201)
    assert sorted(each["amount"] for each in read(dairy.admin, "/opening-balances")) == ["-300.00", "500.00"]


def test_money_that_came_in_and_prices_have_no_side(dairy: Dairy, asha: Any) -> None:
    text = "Code,Amount,Mode\nC000001,500 Dr,cash\nC000001,500 Cr,cash\n"
    assert faults(ok(upload(dairy.admin, "payments", text, dry_run=True), 200)) == [
        (2, "amount", "invalid"), (3, "amount", "invalid")
    ]  # fmt: skip
    text = "Code,Product,Qty,Rate\nC000001,COW,1,50 Dr\n"
    assert faults(ok(upload(dairy.admin, "standing-orders", text, dry_run=True), 200)) == [
        (2, "price_per_unit", "invalid")
    ]
