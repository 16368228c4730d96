"""What an accountant reads in the two registers."""

import csv
import hashlib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from dairy_app.database.transactions import Database
from tests.billing.conftest import LivingDairy, living
from tests.dairy import ok
from tests.exports.books import DEVANAGARI, FORMULA, KOLKATA, PHONE, QUOTED, Books, rows_of

__all__ = ["living"]

REGISTER = (
    "document_type,series,number,financial_year,invoice_date,period_from,period_to,status,original_document_number,"
    "reason,customer_code,customer_name,customer_gstin,gst_treatment,billing_address,pincode,place_of_supply_code,"
    "place_of_supply_name,supplier_gstin,area,currency,exempt_value,nil_rated_value,non_gst_value,taxable_value,"
    "cgst_amount,sgst_amount,igst_amount,round_off,total_amount,amount_paid,credit_applied,balance_due,due_date,"
    "days_overdue,issued_at,document_hash,irn,ack_no,ack_date"
)
LINES = (
    "number,invoice_date,customer_code,customer_name,line_no,source,prior_period,first_date,last_date,product_sku,"
    "description,hsn,supply_type,quantity,uqc,unit_price,gross_amount,discount_amount,taxable_value,gst_rate,cgst,"
    "sgst,igst,line_total,delivered_to_code,delivered_to_name"
)


def test_the_register_holds_the_paper_column_by_column(books: Books) -> None:
    listed = ok(books.dairy.admin.get("/invoices", period="2026-10"))["items"]
    paper = ok(books.dairy.admin.get(f"/invoices/{min(listed, key=lambda i: i['number'])['id']}"))
    row = books.csv("invoice-register")[0]
    issued_at = row.pop("issued_at")
    assert datetime.fromisoformat(issued_at).astimezone(KOLKATA).date().isoformat() == "2026-11-05"
    assert issued_at.endswith("+05:30")
    # 3.5 l of milk at 60 are exempt; 0.25 kg of ghee at 550 hold 5 % GST: 137.50 = 130.96 + 3.27 + 3.27.
    assert row == {
        "document_type": "invoice_cum_bill_of_supply",
        "series": "INV",
        "number": paper["number"],
        "financial_year": "2627",
        "invoice_date": "2026-10-31",
        "period_from": "2026-10-01",
        "period_to": "2026-10-31",
        "status": "issued",
        "original_document_number": "",
        "reason": "",
        "customer_code": books.customers["formula"]["code"],
        "customer_name": "'" + FORMULA,
        "customer_gstin": "",
        "gst_treatment": "consumer",
        "billing_address": books.customers["formula"]["address_line1"],
        "pincode": "411038",
        "place_of_supply_code": "27",
        "place_of_supply_name": "Maharashtra",
        "supplier_gstin": "27AAPFU0939F1ZV",
        "area": "Kothrud",
        "currency": "INR",
        "exempt_value": "210.00",
        "nil_rated_value": "0.00",
        "non_gst_value": "0.00",
        "taxable_value": "130.96",
        "cgst_amount": "3.27",
        "sgst_amount": "3.27",
        "igst_amount": "0.00",
        "round_off": "0.50",
        "total_amount": "348.00",
        "amount_paid": "0.00",
        "credit_applied": "0.00",
        "balance_due": "348.00",
        "due_date": "2026-11-10",
        "days_overdue": "0",
        "document_hash": paper["document_hash"],
        "irn": "",
        "ack_no": "",
        "ack_date": "",
    }


def test_the_lines_hold_what_was_delivered(books: Books) -> None:
    milk, ghee = books.products
    lines = [row for row in books.csv("invoice-lines") if row["customer_name"] == QUOTED]
    assert [row["line_no"] for row in lines] == ["1", "2"]
    of_ghee, of_milk = lines
    assert (of_milk["product_sku"], of_ghee["product_sku"]) == (milk["sku"], ghee["sku"])
    shown = ("description", "hsn", "supply_type", "quantity", "uqc", "unit_price", "gst_rate", "source", "prior_period")
    assert [of_milk[name] for name in shown] == [
        "Cow milk", "0401", "exempt", "3.5", "LTR", "60.00", "0.00", "one_time", "false",
    ]  # fmt: skip
    assert [of_ghee[name] for name in shown[:7]] == ["Cow ghee", "0405", "taxable", "0.25", "KGS", "550.00", "5.00"]
    amounts = ("gross_amount", "discount_amount", "taxable_value", "cgst", "sgst", "igst", "line_total")
    assert [of_ghee[name] for name in amounts] == ["137.50", "0.00", "130.96", "3.27", "3.27", "0.00", "137.50"]
    assert (of_milk["first_date"], of_milk["last_date"], of_milk["invoice_date"]) == (
        "2026-10-20", "2026-10-21", "2026-10-31",
    )  # fmt: skip


def test_columns_are_those_of_the_published_table(books: Books) -> None:
    for profile, header in (("invoice-register", REGISTER), ("invoice-lines", LINES)):
        assert books.download(profile).decode("utf-8-sig").split("\r\n")[0] == header


def test_rows_stand_in_the_order_of_the_numbers(books: Books) -> None:
    numbers = [row["number"] for row in books.csv("invoice-register")]
    assert numbers == [f"INV/2627/{n:07d}" for n in range(1, 6)]
    keys = [(row["number"], int(row["line_no"])) for row in books.csv("invoice-lines")]
    assert keys == sorted(keys)
    assert len(keys) == 10


def test_lines_are_in_the_order_of_their_numbers_wherever_they_are_stored(
    accounts: Books, database: Database, sql: Callable[..., Any]
) -> None:
    """First lines are stored after second ones, of invoices and of a credit note, and read as they are stored."""
    sql("SET session_replication_role = replica")
    sql("UPDATE invoice_lines SET description = description WHERE line_no = 1")
    sql("UPDATE credit_note_lines SET line_no = 2")
    sql("""
        INSERT INTO credit_note_lines
        SELECT (jsonb_populate_record(n, '{"line_no": 1, "invoice_line_no": 2}')).* FROM credit_note_lines n
        WHERE n.line_no = 2""")
    for kind in ("indexscan", "bitmapscan", "indexonlyscan", "hashjoin"):
        sql(f"DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET enable_{kind} = off', current_database()); END$$")
    database.dispose()
    rows = accounts.csv("invoice-lines", **{"from": "2026-10-01", "to": "2026-11-30"})
    keys = [(row["number"].startswith("CN"), row["number"], int(row["line_no"])) for row in rows]
    assert keys == sorted(keys)
    assert {line for is_note, _, line in keys if is_note} == {1, 2}


def test_a_void_paper_stays_listed_and_has_no_value(books: Books) -> None:
    listed = ok(books.dairy.admin.get("/invoices", period="2026-10"))["items"]
    chosen = next(paper for paper in listed if paper["number"] == "INV/2627/0000002")
    before = total(books, "invoice-register", "total_amount")
    ok(books.dairy.admin.post(f"/invoices/{chosen['id']}/void", {"reason": "-wrong customer"}))
    register = {row["number"]: row for row in books.csv("invoice-register")}
    row = register["INV/2627/0000002"]
    assert (row["status"], row["reason"], row["customer_name"]) == (
        "void", "'-wrong customer", "'" + PHONE,
    )  # fmt: skip
    amounts = [name for name in row if name.endswith(("_value", "_amount", "_applied")) or name == "round_off"]
    assert {row[name] for name in [*amounts, "amount_paid", "balance_due"]} == {"0.00"}
    assert "INV/2627/0000002" not in {line["number"] for line in books.csv("invoice-lines")}
    assert total(books, "invoice-register", "total_amount") == before - Decimal(chosen["total"])
    assert books.bill()["invoices_issued"] == 1  # the same orders on a new paper, listed beside the void one
    assert total(books, "invoice-register", "total_amount") == before
    assert len(books.csv("invoice-register")) == 6


def total(books: Books, profile: str, column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in books.csv(profile)), Decimal(0))


def test_register_equals_lines_plus_round_off_and_the_run(books: Books) -> None:
    register = total(books, "invoice-register", "total_amount")
    assert register == total(books, "invoice-lines", "line_total") + total(books, "invoice-register", "round_off")
    assert register == Decimal(ok(books.dairy.admin.get("/billing/runs"))["items"][0]["total"])


def test_days_overdue_are_those_of_the_day_asked_for(books: Books) -> None:
    def overdue(**query: str) -> set[str]:
        return {row["days_overdue"] for row in books.csv("invoice-register", period="2026-10", **query)}

    assert overdue() == {"0"}  # by default the last day of the period, so the file never changes
    assert overdue(as_of="2026-11-10") == {"0"}
    assert overdue(as_of="2026-11-13") == {"3"}


def test_dates_choose_the_invoice_date(books: Books) -> None:
    assert len(books.csv("invoice-register", **{"from": "2026-10-31", "to": "2026-10-31"})) == 5
    assert books.csv("invoice-register", **{"from": "2026-10-01", "to": "2026-10-30"}) == []
    assert books.csv("invoice-lines", period="2026-09") == []


def test_untaxed_value_is_split_by_kind_of_supply(books: Books) -> None:
    """The seller leaves the register of GST: everything is outside GST, and the three columns still add up."""
    books.dairy.seller(gstin=None)
    books.deliver(books.customers["quoted"], (books.products[0], "1"))
    books.travel(datetime(2026, 12, 2, 9, 0, tzinfo=KOLKATA))
    books.bill("2026-11")
    row = books.csv("invoice-register", period="2026-11")[0]
    split = ("exempt_value", "nil_rated_value", "non_gst_value", "taxable_value", "supplier_gstin", "document_type")
    assert [row[name] for name in split] == ["0.00", "0.00", "60.00", "0.00", "", "invoice"]


def test_drafts_are_not_exported(books: Books) -> None:
    before = books.download("invoice-register", period="2026-11")
    books.deliver(books.customers["quoted"], (books.products[0], "1"))
    assert books.download("invoice-register", period="2026-11") == before
    assert rows_of(before) == []


def test_equal_parameters_give_equal_bytes(books: Books) -> None:
    first = {profile: books.download(profile) for profile in ("invoice-register", "invoice-lines")}
    books.travel(datetime(2027, 3, 1, 9, 0, tzinfo=KOLKATA))
    again = {profile: books.download(profile) for profile in first}
    assert again == first


@pytest.mark.parametrize("profile", ["invoice-register", "invoice-lines"])
@pytest.mark.parametrize("options", [{}, {"bom": "false"}])
def test_the_manifest_describes_the_download(books: Books, profile: str, options: dict[str, str]) -> None:
    asked = {"period": "2026-10", **options}
    body = books.download(profile, **asked)
    manifest = ok(books.dairy.admin.get(f"/exports/{profile}.manifest.json", **asked))
    assert manifest["sha256"] == hashlib.sha256(body).hexdigest()
    assert (manifest["bytes"], manifest["rows"]) == (len(body), len(rows_of(body)))
    column = "total_amount" if profile == "invoice-register" else "line_total"
    assert Decimal(manifest["sums"][column]) == total(books, profile, column)
    version = 3
    assert manifest["file_name"] == f"{profile}-v{version}-2026-10.csv"


def test_names_arrive_as_they_were_written(books: Books) -> None:
    names = {row["customer_name"] for row in books.csv("invoice-register")}
    assert names == {"'" + FORMULA, "'" + PHONE, QUOTED, DEVANAGARI, "'-5 Off Ltd"}


def test_lines_say_who_got_it(living: LivingDairy) -> None:
    """The buyer is who pays, on every line, also of a credit note; who got it stands behind."""
    milk = living.product("60.00")
    shop = living.customer(name="Shree Sweets", code="SHOP")
    branch = living.customer(name="Baner", code="BRANCH", billed_to=shop["id"])
    living.delivered(shop, (milk, "1"), on="2026-10-02")
    living.delivered(branch, (milk, "2"), on="2026-10-02")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    (bill,) = living.invoices()
    body = {"invoice_id": bill["id"], "reason": "was sour", "lines": [{"line_no": 2, "quantity": "1"}]}
    ok(living.admin.post("/credit-notes", body), 201)
    answer = living.admin.get("/exports/invoice-lines.csv", **{"from": "2026-10-01", "to": "2026-11-30"})
    rows = list(csv.DictReader(answer.get_data(as_text=True).removeprefix("\ufeff").splitlines()))
    names = ("customer_code", "delivered_to_code", "delivered_to_name", "line_total")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("SHOP", "", "", "60.00"),
        ("SHOP", "BRANCH", "Baner", "120.00"),
        ("SHOP", "BRANCH", "Baner", "-60.00"),
    ]
