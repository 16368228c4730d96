"""E-invoices to be registered, as the portal takes them: form INV-01, the sums of the documents, nothing forgotten."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import run_command
from tests.dairy import ok, refused
from tests.exports.accounts import SHOP_GSTIN, paper
from tests.exports.books import KOLKATA, Books

OCTOBER = {"period": "2026-10"}
NOVEMBER = {"period": "2026-11"}


def fill_addresses(accounts: Books) -> None:
    """What the portal asks for beside what a bill needs."""
    ok(accounts.dairy.admin.patch("/settings", {"city": "Pune", "pincode": "411004"}))
    shop = {"city": 'Pune "Camp\\'}
    ok(accounts.dairy.admin.patch(f"/customers/{accounts.customers['shop']['id']}", shop))


@pytest.fixture
def told(accounts: Books) -> Books:
    """The books of accountants, with the addresses that the portal asks for."""
    fill_addresses(accounts)
    return accounts


def fetched(books: Books, **query: str) -> Any:
    answer = books.dairy.admin.get("/exports/einvoice.json", **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return json.loads(answer.get_data(), parse_float=Decimal)


def accounts_address(books: Books) -> str:
    """The shop's address as it was at issue."""
    return str(books.customers["shop"]["address_line1"])


def test_an_invoice_as_the_portal_takes_it(told: Books) -> None:
    (invoice,) = fetched(told, **OCTOBER)
    assert invoice == {
        "Version": "1.1",
        "TranDtls": {"TaxSch": "GST", "SupTyp": "B2B", "RegRev": "N", "IgstOnIntra": "N"},
        "DocDtls": {"Typ": "INV", "No": "INV/2627/0000002", "Dt": "31/10/2026"},
        "SellerDtls": {
            "Gstin": "27AAPFU0939F1ZV", "LglNm": "=Dairy", "TrdNm": "=Dairy", "Addr1": "1 Milk Lane, Pune",
            "Loc": "Pune", "Pin": 411004, "Stcd": "27",
        },
        "BuyerDtls": {
            "Gstin": SHOP_GSTIN, "LglNm": "@x, Fresh & <Sons>", "Pos": "27", "Addr1": accounts_address(told),
            "Loc": "Pune Camp", "Pin": 411038, "Stcd": "27",
        },
        "ItemList": [
            {
                "SlNo": "1", "PrdDesc": "+Ghee", "IsServc": "N", "HsnCd": "0405", "Qty": Decimal("2.000"),
                "Unit": "KGS", "UnitPrice": Decimal("523.810"), "TotAmt": Decimal("1047.62"),
                "Discount": Decimal("0.00"), "AssAmt": Decimal("1047.62"), "GstRt": Decimal("5.00"),
                "IgstAmt": Decimal("0.00"), "CgstAmt": Decimal("26.19"), "SgstAmt": Decimal("26.19"),
                "CesRt": Decimal("0.00"), "CesAmt": Decimal("0.00"), "OthChrg": Decimal("0.00"),
                "TotItemVal": Decimal("1100.00"),
            }
        ],
        "ValDtls": {
            "AssVal": Decimal("1047.62"), "CgstVal": Decimal("26.19"), "SgstVal": Decimal("26.19"),
            "IgstVal": Decimal("0.00"), "CesVal": Decimal("0.00"), "StCesVal": Decimal("0.00"),
            "Discount": Decimal("0.00"), "OthChrg": Decimal("0.00"), "RndOffAmt": Decimal("0.00"),
            "TotInvVal": Decimal("1100.00"),
        },
    }  # fmt: skip


def test_a_credit_note_names_its_invoice_and_is_above_0(told: Books) -> None:
    (note,) = fetched(told, **NOVEMBER)
    assert note["DocDtls"] == {"Typ": "CRN", "No": "CN/2627/0000002", "Dt": "05/11/2026"}
    assert note["RefDtls"] == {"PrecDocDtls": [{"InvNo": "INV/2627/0000002", "InvDt": "31/10/2026"}]}
    (item,) = note["ItemList"]
    assert (item["Qty"], item["UnitPrice"], item["AssAmt"], item["TotItemVal"]) == (
        0, Decimal("100.00"), Decimal("100.00"), Decimal("105.00"),
    )  # fmt: skip
    assert (note["ValDtls"]["CgstVal"], note["ValDtls"]["TotInvVal"]) == (Decimal("2.50"), Decimal("105.00"))


def test_a_discount_is_taken_off_the_lines_of_its_rate(books: Books) -> None:
    """The lines of the invoice are 500.00 of ghee, 100.00 of butter and -550.00; nothing of the form is below 0."""
    dairy = books.dairy
    ok(dairy.admin.patch("/settings", {"city": "Pune", "pincode": "411004", "prices_include_tax": False}))
    hotel = dairy.customer(
        name="Hotel", gstin=SHOP_GSTIN, gst_treatment="registered", state_code="27", pincode="411001", city="Pune",
        address_line1="1 Station Road",
    )  # fmt: skip
    butter = dairy.product("100.00", name="Butter", unit="kg", hsn_code="0405", is_packed=True)
    ghee = dairy.product("500.00", name="Ghee", unit="kg", hsn_code="040590", is_packed=True)
    books.deliver(hotel, (ghee, "1"), (butter, "1"))
    rate = next(each for each in ok(dairy.admin.get("/tax-classes"))["items"] if each["code"] == "butter_ghee")
    body = {"customer_id": hotel["id"], "kind": "discount", "description": "Festival", "amount": "-550.00"}
    ok(dairy.admin.post("/adjustments", body | {"reason": "promised", "tax_class": rate["code"]}), 201)
    books.travel(datetime(2026, 12, 2, 9, 0, tzinfo=KOLKATA))
    books.bill("2026-11")
    (invoice,) = fetched(books, **NOVEMBER)
    items = {each["PrdDesc"]: each for each in invoice["ItemList"]}
    said = {name: [str(each[key]) for key in ("TotAmt", "Discount", "AssAmt", "CgstAmt", "TotItemVal")]
        for name, each in items.items()}  # fmt: skip
    assert said == {
        "Ghee": ["500.00", "500.00", "0.00", "0.00", "0.00"],
        "Butter": ["100.00", "50.00", "50.00", "1.25", "52.50"],
    }
    for key, of_item in (("AssVal", "AssAmt"), ("CgstVal", "CgstAmt"), ("SgstVal", "SgstAmt")):
        assert invoice["ValDtls"][key] == sum(each[of_item] for each in invoice["ItemList"])
    assert invoice["ValDtls"]["TotInvVal"] == Decimal("53.00")
    assert invoice["ValDtls"]["RndOffAmt"] == Decimal("0.50")
    (issued,) = ok(dairy.admin.get("/invoices", customer_id=hotel["id"], status="issued"))["items"]
    ok(dairy.admin.post(f"/invoices/{issued['id']}/void", {"reason": "wrong buyer"}))
    assert fetched(books, **NOVEMBER) == []


def test_what_is_missing_is_named_and_not_left_out_silently(accounts: Books) -> None:
    problem = refused(accounts.dairy.admin.get("/exports/einvoice.json", **OCTOBER), 409, "e_invoices_incomplete")
    missing = ["seller_city", "seller_pincode", "buyer_city"]
    assert problem["documents"] == [{"number": "INV/2627/0000002", "missing": missing}]
    assert "INV/2627/0000002: seller_city, seller_pincode, buyer_city" in problem["detail"]
    assert fetched(accounts, despite_findings="true", **OCTOBER) == []
    (row,) = accounts.csv("einvoice", **OCTOBER)
    assert (row["document_type"], row["number"], row["total_amount"], row["missing"]) == (
        "INV", "INV/2627/0000002", "1100.00", " ".join(missing),
    )  # fmt: skip
    manifest = ok(accounts.dairy.admin.get("/exports/einvoice.manifest.json", format="json", **OCTOBER))
    (check,) = manifest["checks"]
    assert (manifest["rows"], check["passed"], check["difference"]) == (0, False, "-1")
    assert "INV/2627/0000002 lacks seller_city" in check["what"]


def test_only_what_wants_an_irn(told: Books) -> None:
    """Neither bills of supply nor bills to consumers; nor what is void, or registered already."""
    assert [each["number"] for each in told.csv("einvoice", **OCTOBER)] == ["INV/2627/0000002"]
    answer = {"irn": "3f" * 32, "ack_no": "1", "ack_date": "2026-11-03T05:50:00Z", "signed_qr": "a.b.c"}
    ok(told.dairy.admin.put(f"/invoices/{paper(told, 2)['id']}/e-invoice", answer))
    assert fetched(told, **OCTOBER) == []
    assert len(fetched(told, **NOVEMBER)) == 1
    register = {row["number"]: row for row in told.csv("invoice-register", **OCTOBER)}
    assert (register["INV/2627/0000002"]["irn"], register["INV/2627/0000002"]["ack_no"]) == ("3f" * 32, "1")
    assert register["INV/2627/0000002"]["ack_date"] == "2026-11-03T11:20:00+05:30"
    assert register["INV/2627/0000001"]["irn"] == ""


def test_the_command_refuses_and_writes_the_same(accounts: Books, database_url: str, tmp_path: Path) -> None:
    target = tmp_path / "einvoice.json"
    asked = ("export", "einvoice", "--period", "2026-10", "--format", "json", "-o", target)
    done = run_command(*asked, DATABASE_URL=database_url)
    assert (done.returncode, target.exists()) == (1, False)
    assert "INV/2627/0000002 lacks seller_city" in done.stderr
    fill_addresses(accounts)
    done = run_command(*asked, DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert target.read_bytes() == accounts.dairy.admin.get("/exports/einvoice.json", **OCTOBER).get_data()
