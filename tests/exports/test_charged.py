"""Bills with lines that a rule charges or takes off, through every file: no rupee is lost, and no goods are counted.

October: milk at 60.00 exempt, ghee at 550.00 with 5 %, the tax in the price. Everybody is charged 12.00 for a day with
a delivery, the shop has a tenth off. The charge is divided between the rates by the value of the goods:

=========  =============================================  ====================================================
customer   delivered                                      papers
=========  =============================================  ====================================================
household  3.5 l, 0.25 kg: 210.00 + 137.50                1: + 7.25 + 4.75 = 359.50, rounded 360.00
shop       10 l, 2 kg: 600.00 and 1100.00 (registered)    2: - 110.00 + 7.76 = 997.76; 3: - 60.00 + 4.24 = 544.24
=========  =============================================  ====================================================
"""

from decimal import Decimal
from typing import Any

import pytest

from tests.dairy import ok
from tests.exports.accounts import SHOP_GSTIN
from tests.exports.books import NOVEMBER, Books
from tests.exports.test_agreement import journal_ledgers, tally_ledgers, total
from tests.exports.test_gstr1 import GHEE, MILK, table
from tests.exports.test_workbooks import cells_of, same, workbook

OCTOBER = {"period": "2026-10"}


@pytest.fixture
def charged(clock: Any, dairy: Any) -> Books:
    """What is said above, billed; it is 5 November."""
    made = Books(dairy, clock)
    made.customers = dairy.keep(lambda _dairy: _fill(made))
    made.travel(NOVEMBER)
    return made


def _fill(made: Books) -> dict[str, Any]:
    dairy = made.dairy
    dairy.seller(gstin="27AAPFU0939F1ZV", due_days=10)
    milk = dairy.product("60.00", name="Cow milk", hsn_code="0401")
    ghee = dairy.product("550.00", name="Ghee", unit="kg", hsn_code="0405", is_packed=True)
    household = dairy.customer(name="Household", pincode="411038", state_code="27")
    shop = dairy.customer(name="Shop", pincode="411038", state_code="27", gstin=SHOP_GSTIN)
    way = {"kind": "delivery_charge", "basis": "per_delivery_day", "amount": "12.00", "description": "=Delivery"}
    less = {"kind": "discount", "basis": "percent", "amount": "10.00", "description": "Old customer"}
    ok(dairy.admin.post("/charge-rules", way | {"valid_from": "2026-10-01"}), 201)
    ok(dairy.admin.post("/charge-rules", less | {"valid_from": "2026-10-01", "customer_id": shop["id"]}), 201)
    made.deliver(household, (milk, "3.5"), (ghee, "0.25"))
    made.deliver(shop, (milk, "10"), (ghee, "2"))
    made.travel(NOVEMBER)
    assert made.bill()["skipped"] == []
    return {"household": household, "shop": shop}


def test_the_lines_say_what_was_charged(charged: Books) -> None:
    columns = ("number", "source", "product_sku", "description", "hsn", "quantity", "unit_price", "line_total")
    rows = charged.csv("invoice-lines", **OCTOBER)
    assert [tuple(row[name] for name in columns) for row in rows if row["source"] == "charge"] == [
        ("INV/2627/0000001", "charge", "", "'=Delivery", "0405", "1", "4.75", "4.75"),
        ("INV/2627/0000001", "charge", "", "'=Delivery", "0401", "1", "7.25", "7.25"),
        ("INV/2627/0000002", "charge", "", "'=Delivery", "0405", "1", "7.76", "7.76"),
        ("INV/2627/0000002", "charge", "", "Old customer", "0405", "1", "-110.00", "-110.00"),
        ("INV/2627/0000003", "charge", "", "'=Delivery", "0401", "1", "4.24", "4.24"),
        ("INV/2627/0000003", "charge", "", "Old customer", "0401", "1", "-60.00", "-60.00"),
    ]
    heading, *cells = cells_of(workbook(charged, "invoice-lines", **OCTOBER))
    assert [cell.value for cell in heading] == list(rows[0])
    for line, row in zip(cells, rows, strict=True):
        assert all(same(cell, written) for cell, written in zip(line, row.values(), strict=True)), row


def test_register_lines_journal_and_tally_agree(charged: Books) -> None:
    assert [row["total_amount"] for row in charged.csv("invoice-register", **OCTOBER)] == ["360.00", "998.00", "544.00"]
    sums = {name: total(charged, "invoice-register", name) for name in ("total_amount", "round_off", "taxable_value")}
    assert sums["total_amount"] == total(charged, "invoice-lines", "line_total") + sums["round_off"]
    assert sums["taxable_value"] == total(charged, "invoice-lines", "taxable_value")
    ledgers = journal_ledgers(charged)
    assert tally_ledgers(charged) == ledgers
    assert sum(ledgers.values()) == 0
    assert ledgers["Sales exempt"] == Decimal("-761.49")  # 210.00 + 7.25, and 600.00 - 60.00 + 4.24
    assert ledgers["Sales GST 5%"] == -sums["taxable_value"]
    for kind, owed in (("household", "360.00"), ("shop", "1542.00")):
        assert ledgers[charged.customers[kind]["code"]] == Decimal(owed)


def test_the_return_has_their_value_and_no_quantity(charged: Books) -> None:
    of_shop = table(charged, "hsn-b2b", **OCTOBER)
    assert [row[:5] for row in of_shop] == [
        ["0401", MILK, "LTR-LITRES", "10", "544.24"],
        ["0405", GHEE, "KGS-KILOGRAMS", "2", "997.76"],
    ]
    assert [row[:5] for row in table(charged, "hsn-b2c", **OCTOBER)] == [
        ["0401", MILK, "LTR-LITRES", "3.5", "217.25"],
        ["0405", GHEE, "KGS-KILOGRAMS", "0.25", "142.25"],
    ]
    listed = total(charged, "gstr1/b2b", "Taxable Value") + total(charged, "gstr1/b2cs", "Taxable Value")
    assert listed == total(charged, "invoice-register", "taxable_value")
    assert charged.dairy.admin.get("/exports/gstr1.zip", **OCTOBER).status_code == 200  # its own checks hold


def test_zoho_has_a_row_for_each_and_comes_to_the_bill(charged: Books) -> None:
    bills: dict[str, Decimal] = {}
    for row in charged.csv("zoho-invoices", **OCTOBER):
        number = row["Invoice Number"]
        bills.setdefault(number, Decimal(row["Adjustment"]))
        bills[number] += Decimal(row["Quantity"]) * Decimal(row["Item Price"])
    assert list(bills.values()) == [Decimal("360"), Decimal("998"), Decimal("544")]
