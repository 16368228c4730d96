"""How cells are read, and what headings mean."""

from datetime import date
from decimal import Decimal

import pytest
from marshmallow import ValidationError

from dairy_app.customers.schemas import CustomerRow
from dairy_app.importing.rules import cells
from dairy_app.importing.rules.cells import Unreadable
from dairy_app.importing.rules.columns import COLUMNS, Product, product_called, products_by_name, read_headings
from dairy_app.receivables.models import PAYMENT_METHODS
from dairy_app.subscriptions.models import MODES, SHIFTS
from dairy_app.web.uploads import plain_heading


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1,23,456.50", "123456.50"), ("123,456.5", "123456.50"), ("₹ 250", "250"), ("Rs. 250/-", "250"),
        ("INR 5", "5"),
        ("250 रु", "250"), ("500 Dr", "500"), ("500 Dr.", "500"), ("500.00 Cr", "-500"), ("Cr 500", "-500"),
        ("500 (Cr)", "-500"), ("₹500 CR", "-500"), ("(500)", "-500"), ("-500", "-500"), ("500-", "-500"), ("−5", "-5"),
        ("₹ -5", "-5"), ("५००", "500"), (".5", "0.5"), ("0", "0"), ("500 जमा", "-500"),
        ("9999999999.99", "9999999999.99"),
    ],
)  # fmt: skip
def test_amounts(cell: str, amount: str) -> None:
    assert cells.amount_of(cell) == Decimal(amount)


@pytest.mark.parametrize(
    "cell", ["", "much", "1.240,50", "12,34,5", "250,50", "1.240", "1.234", "1 240", "-5 Cr", "(5) Dr", "5 or 6", "1e3",
             "10000000000", "Dr", "₹", "٪", "1_000", "0x10", "9" * 400],
)  # fmt: skip
def test_what_is_no_amount(cell: str) -> None:
    with pytest.raises(Unreadable):
        cells.amount_of(cell)


@pytest.mark.parametrize(
    ("cell", "unit", "quantity"),
    [
        ("1.5", "litre", "1.5"), ("½", "litre", ".5"), ("1½", "litre", "1.5"), ("¾ L", "litre", ".75"),
        ("500 ml", "litre", ".5"), ("250ML", "litre", ".25"), ("2 ltr.", "litre", "2"), ("१.५ लीटर", "litre", "1.5"),
        ("250 g", "kg", ".25"), ("2 pkt", "packet", "2"), ("1.500", "litre", "1.5"), ("-", "litre", "0"),
        ("nil", "litre", "0"), ("0", "litre", "0"), ("1,000", "piece", "1000"),
    ],
)  # fmt: skip
def test_quantities(cell: str, unit: str, quantity: str) -> None:
    assert cells.quantity_of(cell, unit) == Decimal(quantity)


@pytest.mark.parametrize("cell", ["much", "1 kg", "1 crate", "-1", "0.0005", "1+1", "1/2", "99999999", "2 l 3"])
def test_what_is_no_quantity(cell: str) -> None:
    with pytest.raises(Unreadable):
        cells.quantity_of(cell, "litre")


@pytest.mark.parametrize(
    "cell",
    ["31-10-2026", "31/10/26", "2026-10-31", "31.10.2026", "31 Oct 2026", "31-Oct-26", "31st October 2026",
     "2026/10/31",     "2026-10-31T00:00:00", "31-10-2026 14:22", "३१-१०-२०२६", "31 10 2026"],
)  # fmt: skip
def test_days(cell: str) -> None:
    assert cells.day_of(cell) == date(2026, 10, 31)


@pytest.mark.parametrize(
    "cell", ["10/31/2026", "31-13-2026", "46326", "soon", "31-10", "2026-31-10", "30 Feb 2026", "31-10-20261"]
)
def test_what_is_no_day(cell: str) -> None:
    with pytest.raises(Unreadable):
        cells.day_of(cell)


def test_phones() -> None:
    for cell in ("98123 45678", "98123 45678.0", "098123-45678", "+91 98123 45678", "९८१२३४५६७८"):
        assert cells.phone_of(cell) == "+919812345678"
    for cell, code in (
        ("9.19E+11", "shortened"),
        ("9.19812e11", "shortened"),
        ("12", "invalid"),
        ("98 or 99", "invalid"),
    ):
        with pytest.raises(Unreadable) as problem:
            cells.phone_of(cell)
        assert problem.value.code == code


def test_weekdays() -> None:
    assert cells.weekdays_of("Mon, Wed & Fri") == [0, 2, 4]
    assert cells.weekdays_of("mon-sat") == [0, 1, 2, 3, 4, 5]
    assert cells.weekdays_of("Sat - Mon") == [0, 5, 6]
    assert cells.weekdays_of("सोमवार, शुक्र") == [0, 4]
    assert cells.weekdays_of("Mon–Fri.") == [0, 1, 2, 3, 4]
    assert cells.weekdays_of("Daily") == cells.weekdays_of("रोज़") == [0, 1, 2, 3, 4, 5, 6]
    for cell in ("1,2", "someday", "mon-", ",", "-mon"):
        with pytest.raises(Unreadable):
            cells.weekdays_of(cell)


def test_weekdays_with_quantities() -> None:
    told = {"mon-fri:1 sun:2.5": "1 1 1 1 1 0 2.5", "सोम:2, बुध:½": "2 0 0.5 0 0 0 0", "tue:1.25": "0 1.25 0 0 0 0 0"}
    for cell, quantities in told.items():
        assert cells.weekday_quantities_of(cell) == [Decimal(each) for each in quantities.split()]
    for cell in ("mon:2 wed", "mon:", "noday:1", "mon:-1", "mon:1.2345", "mon:99999999"):
        with pytest.raises(Unreadable):
            cells.weekday_quantities_of(cell)


def test_words_are_those_of_the_tables() -> None:
    assert cells.MODES.keys() == set(MODES)
    assert cells.SHIFTS.keys() == set(SHIFTS)
    assert cells.METHODS.keys() == set(PAYMENT_METHODS)
    assert cells.word_of("Alternate days", cells.MODES) == "alternate_days"
    assert cells.word_of("G-Pay", {"upi": ("g_pay",)}) == "upi"
    with pytest.raises(Unreadable):
        cells.word_of("barter", cells.METHODS)


def test_a_name_means_one_column_and_is_written_as_it_is_compared() -> None:
    for columns in COLUMNS.values():
        names = [name for column, others in columns.items() for name in {column, *others}]
        assert sorted(names) == sorted(set(names))
        assert [name for name in names if plain_heading(name) != name] == []


def test_the_columns_of_a_customer_are_those_of_its_form() -> None:
    more = {"product", "quantity", "mode", "weekdays", "interval_days", "anchor_date", "shift", "price_per_unit",
            "start_date", "stop_date", "opening_balance", "advance", "dr_cr", "opening_balance_as_of"}  # fmt: skip
    assert COLUMNS["customers"].keys() == CustomerRow().fields.keys() | more
    with pytest.raises(ValidationError):
        CustomerRow().load({"name": "Asha"})


def product(sku: str, name: str, *, is_active: bool = True) -> Product:
    return Product(None, sku, name, "litre", is_active)  # type: ignore[arg-type]


def test_products_name_columns_and_cells() -> None:
    known = products_by_name(
        [product("COW", "Cow milk"), product("OLD", "Cow milk", is_active=False), product("T1", "Toned"),
         product("T2", "Toned"), product("MILK", "Full cream")]
    )  # fmt: skip
    headings = ["COW", "cow milk", "Cow milk PM", "Toned", "T2", "Milk", "Product", "Quantity"]
    assert [each.read_as for each in read_headings("customers", headings, known)] == [
        "product:COW", "product:COW", "product:COW evening", None, "product:T2", "product:MILK", "product", "quantity",
    ]  # fmt: skip
    assert {each.read_as for each in read_headings("payments", ["COW", "T2"], known)} == {None}
    assert product_called(" cow  MILK", known).sku == "COW"
    for cell, code in (("Toned", "ambiguous"), ("Yak", "product_not_found")):
        with pytest.raises(Unreadable) as problem:
            product_called(cell, known)
        assert problem.value.code == code
