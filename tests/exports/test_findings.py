"""What was delivered, what of it is on no paper, what an accountant should look at, and Zoho's import."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.dairy import ok
from tests.exports.books import Books

OCTOBER = {"period": "2026-10"}
NOVEMBER = {"period": "2026-11"}


def test_deliveries_name_the_paper_of_each_item(accounts: Books) -> None:
    rows = accounts.csv("deliveries", **OCTOBER)
    milk, ghee = (product["sku"] for product in accounts.products)
    shop = accounts.customers["shop"]["code"]
    columns = ("product_sku", "ordered", "delivered", "unit_price", "amount", "invoice_number")
    assert [tuple(row[column] for column in columns) for row in rows if row["customer_code"] == shop] == [
        (milk, "10", "10", "60.00", "600.00", "INV/2627/0000003"),
        (ghee, "2", "2", "550.00", "1100.00", "INV/2627/0000002"),
    ]
    assert {row["delivery_date"] for row in rows} == {"2026-10-20"}
    assert {(row["order_type"], row["confirmed_by"], row["method"]) for row in rows} == {
        ("one_time", "Asha Admin", "admin")
    }
    assert [row["invoice_number"] for row in rows if row["customer_code"] == accounts.customers["mistake"]["code"]] == [
        ""
    ]
    assert len(rows) == 7


def test_deliveries_leave_out_what_did_not_come(books: Books) -> None:
    milk, ghee = books.products
    order = books.dairy.order(books.customers["quoted"], (milk, "2"), (ghee, "1"))
    items = [
        {"product_id": milk["id"], "delivered_quantity": "0.5"},
        {"product_id": ghee["id"], "delivered_quantity": "0"},
    ]
    ok(books.dairy.confirm(order, items=items))
    rows = books.csv("deliveries", period="2026-11")
    assert [(row["product_sku"], row["ordered"], row["delivered"], row["amount"]) for row in rows] == [
        (milk["sku"], "2", "0.5", "30.00")
    ]


def test_unbilled_says_why(accounts: Books) -> None:
    """The void paper's delivery waits on a draft again."""
    columns = ("customer_code", "delivered", "amount", "period_from", "period_to", "why")
    expected = (accounts.customers["mistake"]["code"], "1", "60.00", "2026-10-01", "2026-10-31")
    for as_of, why in (("2026-10-31", "period_running"), ("2026-11-01", "period_ended")):
        rows = accounts.csv("unbilled", **OCTOBER, as_of=as_of)
        assert [tuple(row[column] for column in columns) for row in rows] == [(*expected, why)]
    accounts.bill("2026-10")
    assert accounts.csv("unbilled", **OCTOBER) == []


def findings(books: Books) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in books.csv("exceptions", **OCTOBER):
        found.setdefault(row["finding"], []).append(row["document_number"])
    return found


def test_each_exception_is_found(accounts: Books, sql: Callable[..., Any]) -> None:
    assert findings(accounts) == {}
    sql("SET session_replication_role = replica")
    sql("UPDATE order_items SET unit_price = 0 WHERE quantity = 3.5")
    assert findings(accounts) == {"zero_price": ["INV/2627/0000001"]}
    sql("UPDATE order_items SET price_source = 'free' WHERE quantity = 3.5")
    assert findings(accounts) == {}
    of = "(SELECT id FROM invoices WHERE number = 'INV/2627/000000{}')".format
    sql(f"UPDATE invoice_lines SET hsn_code = NULL WHERE invoice_id = {of(3)}")
    assert findings(accounts) == {"missing_hsn": ["INV/2627/0000003"]}
    sql(f"UPDATE invoices SET snapshot = snapshot #- '{{buyer,gstin}}' WHERE id = {of(2)}")
    sql(f"UPDATE invoice_lines SET gst_rate = 12 WHERE invoice_id = {of(4)}")
    sql(f"UPDATE invoices SET sequence_no = 8 WHERE id = {of(6)}")
    assert findings(accounts) == {
        "missing_gstin": ["INV/2627/0000002"],
        "missing_hsn": ["INV/2627/0000003"],
        "number_gap": ["INV/2627/0000006"],
        "rate_not_in_force": ["INV/2627/0000004"],
    }
    details = {row["finding"]: row["detail"] for row in accounts.csv("exceptions", **OCTOBER)}
    assert details["number_gap"] == "No document has number 7 of series INV 2627"
    assert details["missing_hsn"] == "Cow milk: no HSN code"


def test_the_rate_of_the_day_of_delivery_is_no_finding(accounts: Books, sql: Callable[..., Any]) -> None:
    sql("UPDATE tax_rates SET valid = daterange(lower(valid), '2026-10-25') WHERE valid @> date '2026-10-31'"
        " AND tax_class = %s", accounts.products[1]["tax_class"])  # fmt: skip
    assert findings(accounts) == {}
    sql("UPDATE tax_rates SET valid = daterange(lower(valid), '2026-10-20') WHERE upper(valid) = '2026-10-25'")
    assert set(findings(accounts)) == {"rate_not_in_force"}


def test_zoho_has_a_row_per_item(accounts: Books) -> None:
    rows = accounts.csv("zoho-invoices", **OCTOBER)
    assert [row["Invoice Number"][-1] for row in rows] == ["1", "1", "2", "3", "4", "5"]
    code = accounts.customers["shop"]["code"]
    shop = rows[2]
    assert (shop["Customer Name"], shop["GST Treatment"], shop["Place of Supply"]) == (
        f"'@x, \"Fresh\" & <Sons> ({code})", "business_registered_regular", "MH",
    )  # fmt: skip
    columns = ("HSN/SAC", "Quantity", "Item Price", "Item Tax", "Item Tax Type", "Is Inclusive Tax", "Adjustment")
    assert [tuple(row[column] for column in columns) for row in rows[:2]] == [
        ("0405", "0.25", "550.00", "GST5", "Tax Group", "true", "0.50"),
        ("0401", "3.5", "60.00", "", "", "true", "0.50"),
    ]
    assert (rows[1]["Item Tax Exemption Reason"], rows[0]["Item Tax Exemption Reason"]) == ("Exempt supply", "")
    assert [rows[4][column] for column in ("Item Tax", "Item Tax Type", "Place of Supply")] == [
        "IGST5",
        "ItemAmount",
        "KA",
    ]


def test_zoho_takes_back_what_credit_notes_take_back(accounts: Books) -> None:
    notes: dict[str, Decimal] = {}
    for row in accounts.csv("zoho-credit-notes", **NOVEMBER):
        tax = Decimal(row["Item Tax %"] or "0")
        value = Decimal(row["Quantity"]) * Decimal(row["Item Price"])
        notes.setdefault(row["Credit Note Number"], Decimal(row["Adjustment"]))
        notes[row["Credit Note Number"]] += value + round(value * tax / 100, 2)
        assert (row["Associated Invoice Date"], row["Notes"]) == ("2026-10-31", "'=too much")
    found = ok(accounts.dairy.admin.get("/credit-notes"))["items"]
    assert notes == {each["number"]: Decimal(each["total"]) for each in found}
    assert len(notes) == 3


def test_zoho_applies_payments_as_the_ledger_does(accounts: Books) -> None:
    rows = accounts.csv("zoho-payments", **NOVEMBER)
    told = ("Payment Number Prefix", "Payment Number Suffix", "Mode", "Deposit To", "Amount", "Invoice Number")
    assert [tuple(row[name] for name in (*told, "Amount Applied to Invoice")) for row in rows] == [
        ("R", "0000001", "Cash", "Cash", "200.00", "INV/2627/0000001", "200.00"),
        ("R", "0000002", "UPI", "UPI", "1700.00", "INV/2627/0000002", "995.00"),
        ("R", "0000002", "UPI", "UPI", "1700.00", "INV/2627/0000003", "600.00"),
    ]  # fmt: skip
    papers = ok(accounts.dairy.admin.get("/invoices", limit=50))["items"]
    assert {row["Invoice Number"]: Decimal(row["Amount Applied to Invoice"]) for row in rows} == {
        each["number"]: Decimal(each["amount_paid"]) for each in papers if Decimal(each["amount_paid"] or 0)
    }
    invoices = {row["Invoice Number"]: row["Customer Name"] for row in accounts.csv("zoho-invoices", **OCTOBER)}
    assert [row["Customer Name"] for row in rows] == [invoices[row["Invoice Number"]] for row in rows]
