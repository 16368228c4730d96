"""The files of GSTR-1: headings of the offline tool, figures of ``accounts.py``, and the checks of the set."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.dairy import ok, refused
from tests.exports.accounts import SHOP_GSTIN
from tests.exports.books import KOLKATA, Books

OCTOBER = {"period": "2026-10"}
NOVEMBER = {"period": "2026-11"}
MILK, GHEE = "Milk and cream, not concentrated nor sweetened", "Butter and other fats and oils derived from milk"
SHOP = '\'@x, "Fresh" & <Sons>'

#: The headings of the government's tool, in its order.
HEADINGS = {
    "b2b": "GSTIN/UIN of Recipient,Receiver Name,Invoice Number,Invoice date,Invoice Value,Place Of Supply,Reverse "
    "Charge,Applicable % of Tax Rate,Invoice Type,E-Commerce GSTIN,Rate,Taxable Value,Cess Amount",
    "b2ba": "GSTIN/UIN of Recipient,Receiver Name,Original Invoice Number,Original Invoice date,"
    "Revised Invoice Number,Revised Invoice date,Invoice Value,Place Of Supply,Reverse Charge,"
    "Applicable % of Tax Rate,Invoice Type,E-Commerce GSTIN,Rate,Taxable Value,Cess Amount",
    "b2cl": "Invoice Number,Invoice date,Invoice Value,Place Of Supply,Applicable % of Tax Rate,Rate,Taxable Value,"
    "Cess Amount,E-Commerce GSTIN",
    "b2cla": "Original Invoice Number,Original Invoice date,Original Place Of Supply,Revised Invoice Number,Revised "
    "Invoice date,Invoice Value,Applicable % of Tax Rate,Rate,Taxable Value,Cess Amount,E-Commerce GSTIN",
    "b2cs": "Type,Place Of Supply,Rate,Applicable % of Tax Rate,Taxable Value,Cess Amount,E-Commerce GSTIN",
    "b2csa": "Financial Year,Original Month,Place Of Supply,Type,Applicable % of Tax Rate,Rate,Taxable Value,"
    "Cess Amount,E-Commerce GSTIN",
    "cdnr": "GSTIN/UIN of Recipient,Receiver Name,Note Number,Note Date,Note Type,Place Of Supply,Reverse Charge,"
    "Note Supply Type,Note Value,Applicable % of Tax Rate,Rate,Taxable Value,Cess Amount",
    "cdnra": "GSTIN/UIN of Recipient,Receiver Name,Original Note Number,Original Note Date,Revised Note Number,Revised "
    "Note Date,Note Type,Place Of Supply,Reverse Charge,Note Supply Type,Note Value,Applicable % of Tax Rate,Rate,"
    "Taxable Value,Cess Amount",
    "cdnur": "UR Type,Note Number,Note Date,Note Type,Place Of Supply,Note Value,Applicable % of Tax Rate,Rate,"
    "Taxable Value,Cess Amount",
    "exemp": "Description,Nil Rated Supplies,Exempted(other than nil rated/non GST supply),Non-GST Supplies",
    "hsn-b2b": "HSN,Description,UQC,Total Quantity,Total Value,Rate,Taxable Value,Integrated Tax Amount,"
    "Central Tax Amount,State/UT Tax Amount,Cess Amount",
    "hsn-b2c": "HSN,Description,UQC,Total Quantity,Total Value,Rate,Taxable Value,Integrated Tax Amount,"
    "Central Tax Amount,State/UT Tax Amount,Cess Amount",
    "docs": "Nature of Document,Sr. No. From,Sr. No. To,Total Number,Cancelled",
}
EXEMP = [
    "Inter-State supplies to registered persons",
    "Intra-State supplies to registered persons",
    "Inter-State supplies to unregistered persons",
    "Intra-State supplies to unregistered persons",
]


def table(books: Books, name: str, **query: str) -> list[list[str]]:
    """The rows of a table, after its heading."""
    body = books.download(f"gstr1/{name}", **query).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(body, newline=""), strict=True))
    assert rows[0] == HEADINGS[name].split(",")
    return rows[1:]


def test_october(accounts: Books) -> None:
    assert table(accounts, "b2b", **OCTOBER) == [
        [SHOP_GSTIN, SHOP, "INV/2627/0000002", "31-Oct-26", "1100.00", "27-Maharashtra", "N", "", "Regular B2B", "",
         "5", "1047.62", "0.00"],
    ]  # fmt: skip
    assert table(accounts, "b2cl", **OCTOBER) == [
        ["INV/2627/0000005", "31-Oct-26", "110000.00", "29-Karnataka", "", "5", "104761.90", "0.00", ""]
    ]
    assert table(accounts, "b2cs", **OCTOBER) == [
        ["OE", "27-Maharashtra", "5", "", "130.96", "0.00", ""],
        ["OE", "29-Karnataka", "5", "", "523.81", "0.00", ""],
    ]
    assert table(accounts, "cdnr", **OCTOBER) == table(accounts, "cdnur", **OCTOBER) == []
    assert table(accounts, "exemp", **OCTOBER) == [
        [EXEMP[0], "0.00", "0.00", "0.00"],
        [EXEMP[1], "0.00", "600.00", "0.00"],
        [EXEMP[2], "0.00", "0.00", "0.00"],
        [EXEMP[3], "0.00", "210.00", "0.00"],
    ]
    assert table(accounts, "hsn-b2b", **OCTOBER) == [
        ["0401", MILK, "LTR-LITRES", "10", "600.00", "0", "600.00", "0.00", "0.00", "0.00", "0.00"],
        ["0405", GHEE, "KGS-KILOGRAMS", "2", "1100.00", "5", "1047.62", "0.00", "26.19", "26.19", "0.00"],
    ]
    # 0.25 + 1 + 200 kg: 137.50 + 550.00 + 110000.00.
    assert table(accounts, "hsn-b2c", **OCTOBER) == [
        ["0401", MILK, "LTR-LITRES", "3.5", "210.00", "0", "210.00", "0.00", "0.00", "0.00", "0.00"],
        ["0405", GHEE, "KGS-KILOGRAMS", "201.25", "110687.50", "5", "105416.67", "5264.29", "3.27", "3.27", "0.00"],
    ]
    assert table(accounts, "docs", **OCTOBER) == [
        ["Invoices for outward supply", "INV/2627/0000001", "INV/2627/0000006", "6", "1"]
    ]


def test_november_takes_back(accounts: Books) -> None:
    assert table(accounts, "cdnr", **NOVEMBER) == [
        [SHOP_GSTIN, SHOP, "CN/2627/0000002", "05-Nov-26", "C", "27-Maharashtra", "N", "Regular B2B", "105.00", "",
         "5", "100.00", "0.00"],
    ]  # fmt: skip
    assert table(accounts, "cdnur", **NOVEMBER) == [
        ["B2CL", "CN/2627/0000003", "05-Nov-26", "C", "29-Karnataka", "1050.00", "", "5", "1000.00", "0.00"]
    ]
    assert table(accounts, "cdnra", **NOVEMBER) == []
    assert table(accounts, "b2cs", **NOVEMBER) == [["OE", "27-Maharashtra", "5", "", "-52.38", "0.00", ""]]
    assert [row[3:9] for row in table(accounts, "hsn-b2b", **NOVEMBER)] == [
        ["0", "-105.00", "5", "-100.00", "0.00", "-2.50"]
    ]
    assert [row[3:9] for row in table(accounts, "hsn-b2c", **NOVEMBER)] == [
        ["-0.1", "-1105.00", "5", "-1052.38", "-50.00", "-1.31"]
    ]
    assert table(accounts, "docs", **NOVEMBER) == [["Credit Note", "CN/2627/0000001", "CN/2627/0000003", "3", "0"]]


def test_exemp_has_its_four_rows_in_a_month_without_papers(accounts: Books) -> None:
    assert [row[0] for row in table(accounts, "exemp", period="2026-01")] == EXEMP
    for name in HEADINGS.keys() - {"exemp"}:
        assert table(accounts, name, period="2026-01") == []


def test_the_limit_of_large_invoices_is_that_of_their_day(accounts: Books, sql: Callable[..., Any]) -> None:
    """Above 2,50,000 until July 2024, above 1,00,000 since; not from it on."""
    for day, total, listed in [
        ("2024-07-31", 250_000, False),
        ("2024-07-31", 250_001, True),
        ("2024-08-01", 100_000, False),
        ("2024-08-01", 100_001, True),
    ]:
        sql(
            "SET session_replication_role = replica; UPDATE invoices SET invoice_date = %s, total = %s,"
            " round_off = 0, taxable_value = %s, igst = 0 WHERE number = 'INV/2627/0000005'",
            day, total, total,
        )  # fmt: skip
        sql("SET session_replication_role = origin")
        days = {"from": day, "to": day}
        assert (len(table(accounts, "b2cl", **days)), len(table(accounts, "b2cs", **days))) == (listed, not listed)


def test_who_is_registered_decides_and_a_composition_dealer_is(accounts: Books, sql: Callable[..., Any]) -> None:
    treated = (
        "SET session_replication_role = replica; UPDATE invoices SET snapshot = jsonb_set(snapshot,"
        " '{buyer,gst_treatment}', to_jsonb(%s::text)) WHERE number IN ('INV/2627/0000002', 'INV/2627/0000003')"
    )
    rows = {}
    for treatment in ("registered", "composition", "consumer", "unregistered_business"):
        sql(treated, treatment)
        rows[treatment] = len(table(accounts, "b2b", **OCTOBER)), len(table(accounts, "hsn-b2b", **OCTOBER))
    assert rows == {
        "registered": (1, 2), "composition": (1, 2), "consumer": (0, 0), "unregistered_business": (0, 0),
    }  # fmt: skip


def test_a_seller_without_gstin_has_no_return(books: Books) -> None:
    books.dairy.seller(gstin=None)
    books.deliver(books.customers["quoted"], (books.products[0], "1"))
    ok(books.dairy.admin.post("/billing/runs", {"period": "2026-11", "through": books.dairy.day(0), "confirm": True}))
    assert len(books.csv("invoice-register", **NOVEMBER)) == 1
    for name in HEADINGS.keys() - {"exemp"}:
        assert table(books, name, **NOVEMBER) == []
    assert {tuple(row[1:]) for row in table(books, "exemp", **NOVEMBER)} == {("0.00", "0.00", "0.00")}


def the_set(books: Books, **query: str) -> bytes:
    answer = books.dairy.admin.get("/exports/gstr1.zip", **query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    return answer.get_data()


def opened(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("period", ["2026-10", "2026-11"])
def test_the_set_holds_every_table_as_it_is_downloaded(accounts: Books, period: str) -> None:
    members = opened(the_set(accounts, period=period))
    tables = {f"{name}.csv": accounts.download(f"gstr1/{name}", period=period) for name in HEADINGS}
    assert set(members) == {*tables, "manifest.json", "self-checks.json", "self-checks.csv"}
    assert {name: members[name] for name in tables} == tables
    manifest = json.loads(members["manifest.json"])
    for each in manifest["files"]:
        body = tables[each["profile"].removeprefix("gstr1/") + ".csv"]
        assert (each["bytes"], each["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        assert each["rows"] == len(list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))) - 1


CHECKS = ["hsn_b2b", "hsn_b2c", "register", "hsn_total", "hsn_taxes", "numbers", "hsn_codes"]


def test_the_checks_of_the_set_pass(accounts: Books) -> None:
    for period, b2b, b2c in (("2026-10", "1647.62", "105626.67"), ("2026-11", "-100.00", "-1052.38")):
        members = opened(the_set(accounts, period=period))
        verdict = json.loads(members["self-checks.json"])
        assert verdict["passed"] is True
        assert [check["name"] for check in verdict["checks"]] == CHECKS
        assert {check["difference"] for check in verdict["checks"]} <= {"0", "0.00"}
        assert [check["left"] for check in verdict["checks"]][:2] == [b2b, b2c]
        rows = list(csv.DictReader(io.StringIO(members["self-checks.csv"].decode(), newline="")))
        assert [(row["check"], row["passed"]) for row in rows] == [(name, "true") for name in CHECKS]
        manifest = ok(accounts.dairy.admin.get("/exports/gstr1.manifest.json", period=period))
        assert manifest["checks"] == verdict["checks"]


def test_a_failed_check_is_shown(accounts: Books, sql: Callable[..., Any]) -> None:
    def failed() -> dict[str, str]:
        verdict = json.loads(opened(the_set(accounts, **OCTOBER, despite_findings="true"))["self-checks.json"])
        wrong = {check["name"]: check["difference"] for check in verdict["checks"] if not check["passed"]}
        assert verdict["passed"] is not bool(wrong)
        return wrong

    assert failed() == {}
    sql("SET session_replication_role = replica")
    sql("""
        UPDATE invoice_lines SET taxable_value = taxable_value + 1, line_total = line_total + 1
        WHERE invoice_id = (SELECT id FROM invoices WHERE number = 'INV/2627/0000004')""")
    assert failed() == {"register": "-1.00", "hsn_total": "1.00"}
    problem = refused(accounts.dairy.admin.get("/exports/gstr1.zip", **OCTOBER), 409, "self_check_failed")
    assert [check["name"] for check in problem["checks"]] == ["register", "hsn_total"]
    assert ok(accounts.dairy.admin.get("/exports/gstr1.manifest.json", **OCTOBER))["checks"] != []
    sql("UPDATE invoice_lines SET hsn_code = NULL WHERE gst_rate = 0")
    sql("UPDATE invoices SET sequence_no = 9 WHERE number = 'INV/2627/0000006'")
    assert failed() == {"register": "-1.00", "hsn_total": "1.00", "numbers": "-3", "hsn_codes": "2"}


def test_equal_parameters_give_equal_archives(accounts: Books) -> None:
    first = the_set(accounts, **OCTOBER)
    accounts.travel(datetime(2027, 3, 1, 9, 0, tzinfo=KOLKATA))
    assert the_set(accounts, **OCTOBER) == first
    manifest = ok(accounts.dairy.admin.get("/exports/gstr1.manifest.json", **OCTOBER))
    assert (manifest["sha256"], manifest["bytes"]) == (hashlib.sha256(first).hexdigest(), len(first))
    assert (manifest["file_name"], manifest["format"]) == ("gstr1-v2-2026-10.zip", "zip")


def test_an_adjustment_is_part_of_the_row_of_its_goods(accounts: Books) -> None:
    household = accounts.customers["household"]
    accounts.deliver(household, (accounts.products[1], "1"))
    body = {"customer_id": household["id"], "kind": "discount", "description": "Festival", "amount": "-105.00"}
    made = {**body, "tax_class": accounts.products[1]["tax_class"], "adjusted_on": "2026-11-12", "reason": "Diwali"}
    ok(accounts.dairy.admin.post("/adjustments", made), 201)
    accounts.travel(datetime(2026, 12, 2, 9, 0, tzinfo=KOLKATA))
    accounts.bill("2026-11")
    rows = {tuple(row[2:4]): row[6] for row in table(accounts, "hsn-b2c", **NOVEMBER) if row[0] == "0405"}
    # 523.81 of ghee less the note's 52.38 and 1000.00 and the discount's 100.00, which moves no goods.
    assert rows == {("KGS-KILOGRAMS", "0.9"): "-628.58"}


def test_a_discount_finds_its_goods_among_units_and_long_codes(accounts: Books) -> None:
    """Ghee by the kilo and in packets, with eight digits: the class says 0405, the greater value takes the discount."""
    packed = accounts.dairy.product("105.00", name="Ghee 200 g", unit="packet", hsn_code="04059020", is_packed=True)
    delivery = accounts.dairy.product("52.50", name="Express", unit="piece", hsn_code="996812", tax_class="butter_ghee")
    household = accounts.customers["household"]
    accounts.deliver(household, (packed, "3"), (delivery, "1"), (accounts.products[0], "0.125"))
    body = {"customer_id": household["id"], "kind": "discount", "description": "Festival", "amount": "-105.00",
            "tax_class": "butter_ghee", "adjusted_on": "2026-11-12", "reason": "Diwali"}  # fmt: skip
    ok(accounts.dairy.admin.post("/adjustments", body), 201)
    accounts.travel(datetime(2026, 12, 2, 9, 0, tzinfo=KOLKATA))
    accounts.bill("2026-11")
    rows = {tuple(row[i] for i in (0, 2, 3)): row[6] for row in table(accounts, "hsn-b2c", **NOVEMBER)}
    # The notes of November took 0.1 kg: that row is the greater one of the two.
    assert rows == {
        ("0401", "LTR-LITRES", "0.13"): "7.50",
        ("0405", "KGS-KILOGRAMS", "-0.1"): "-1152.38",
        ("04059020", "PAC-PACKS", "3"): "300.00",
        ("996812", "NA", "0"): "50.00",
    }
