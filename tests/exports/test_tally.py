"""Tally's XML: well-formed whatever the names, balanced, with ledgers that the masters make."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.dairy import ok
from tests.exports.accounts import SHOP_GSTIN
from tests.exports.books import KOLKATA, Books

BOTH = {"from": "2026-10-01", "to": "2026-11-30"}


def download(books: Books, name: str, **query: str) -> bytes:
    answer = books.dairy.admin.get(f"/exports/{name}.xml", **(query or BOTH))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/xml; charset=utf-8")
    return answer.get_data()


def found(body: bytes, kind: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(body).findall(f"BODY/IMPORTDATA/REQUESTDATA/TALLYMESSAGE/{kind}")


def vouchers(books: Books, **query: str) -> dict[str, ElementTree.Element]:
    read = found(download(books, "tally", **query), "VOUCHER")
    return {str(each.findtext("VOUCHERNUMBER")): each for each in read}


def entries(voucher: ElementTree.Element) -> list[tuple[str | None, str | None, Decimal]]:
    return [
        (entry.findtext("LEDGERNAME"), entry.findtext("ISDEEMEDPOSITIVE"), Decimal(str(entry.findtext("AMOUNT"))))
        for entry in voucher.findall("ALLLEDGERENTRIES.LIST")
    ]


def test_a_sale_is_a_voucher(accounts: Books) -> None:
    sale = vouchers(accounts)["INV/2627/0000001"]
    household = accounts.customers["household"]["code"]
    assert entries(sale) == [
        (household, "Yes", Decimal("-348.00")),
        ("Sales GST 5%", "No", Decimal("130.96")),
        ("Sales exempt", "No", Decimal("210.00")),
        ("Output CGST", "No", Decimal("3.27")),
        ("Output SGST", "No", Decimal("3.27")),
        ("Round off", "No", Decimal("0.50")),
    ]
    assert (sale.get("VCHTYPE"), sale.get("ACTION")) == ("Sales", "Create")
    told = ("DATE", "VOUCHERTYPENAME", "PARTYLEDGERNAME", "PARTYNAME", "PLACEOFSUPPLY", "GSTREGISTRATIONTYPE")
    assert [sale.findtext(tag) for tag in told] == ["20261031", "Sales", household, "=1+1", "Maharashtra", "Consumer"]
    shop = vouchers(accounts)["INV/2627/0000002"]
    assert [shop.findtext(tag) for tag in ("PARTYGSTIN", "PARTYNAME", "GSTREGISTRATIONTYPE")] == [
        SHOP_GSTIN, '@x, "Fresh" & <Sons>', "Regular",
    ]  # fmt: skip


def test_notes_and_receipts_go_the_other_way(accounts: Books) -> None:
    read = vouchers(accounts)
    hotel, shop = (accounts.customers[kind]["code"] for kind in ("hotel", "shop"))
    note = read["CN/2627/0000003"]
    assert (note.get("VCHTYPE"), note.findtext("REFERENCE")) == ("Credit Note", "INV/2627/0000005")
    assert entries(note) == [
        (hotel, "No", Decimal("1050.00")),
        ("Sales GST 5%", "Yes", Decimal("-1000.00")),
        ("Output IGST", "Yes", Decimal("-50.00")),
    ]
    receipt = read["R0000002"]
    assert (receipt.get("VCHTYPE"), receipt.findtext("REFERENCE")) == ("Receipt", "=UTR1")
    assert entries(receipt) == [(shop, "No", Decimal("1700.00")), ("UPI", "Yes", Decimal("-1700.00"))]


def test_every_voucher_comes_to_nothing(accounts: Books) -> None:
    read = vouchers(accounts)
    assert Counter(each.get("VCHTYPE") for each in read.values()) == {
        "Sales": 6, "Credit Note": 3, "Receipt": 3, "Payment": 1, "Journal": 2,
    }  # fmt: skip
    for voucher in read.values():
        lines = entries(voucher)
        assert sum(amount for _, _, amount in lines) == 0
        assert all((amount < 0) == (positive == "Yes") for _, positive, amount in lines)
    void = read["INV/2627/0000006"]
    assert (void.findtext("ISCANCELLED"), entries(void)) == ("Yes", [])
    assert {each.findtext("ISCANCELLED") for each in read.values() if each is not void} == {"No"}


def bills(voucher: ElementTree.Element) -> list[tuple[str | None, str | None, Decimal]]:
    """How the bills of a voucher are opened and settled, as Tally's import reads it."""
    return [
        (each.findtext("BILLTYPE"), each.findtext("NAME"), Decimal(str(each.findtext("AMOUNT"))))
        for each in voucher.findall("ALLLEDGERENTRIES.LIST/BILLALLOCATIONS.LIST")
    ]


def test_bills_are_opened_and_settled_as_the_ledger_settles_them(accounts: Books) -> None:
    read = vouchers(accounts)
    assert bills(read["INV/2627/0000001"]) == [("New Ref", "INV/2627/0000001", Decimal("-348.00"))]
    assert bills(read["R0000001"]) == [("Agst Ref", "INV/2627/0000001", Decimal("200.00"))]
    assert bills(read["CN/2627/0000003"]) == [("Agst Ref", "INV/2627/0000005", Decimal("1050.00"))]
    assert bills(read["R0000003"]) == [("On Account", None, Decimal("550.00"))]  # it bounced
    assert bills(read["R0000003/X"]) == [("On Account", None, Decimal("-550.00"))]
    assert bills(read["INV/2627/0000006"]) == []


def test_a_reader_finds_what_is_open_of_each_bill(accounts: Books) -> None:
    household = accounts.customers["household"]["id"]
    money = {"customer_id": household, "amount": "500.00", "method": "cash", "received_on": "2026-11-20"}
    accounts.travel(datetime(2026, 11, 30, 9, 0, tzinfo=KOLKATA))
    ok(accounts.dairy.admin.post("/payments", money), 201)
    opened: dict[tuple[str, str | None], Decimal] = {}
    for voucher in vouchers(accounts).values():
        party, told = str(voucher.findtext("PARTYLEDGERNAME")), bills(voucher)
        assert sum(amount for _, _, amount in told) == sum(a for name, _, a in entries(voucher) if name == party)
        for _, name, amount in told:
            opened[party, name] = opened.get((party, name), Decimal(0)) - amount
    papers = ok(accounts.dairy.admin.get("/invoices", limit=50))["items"]
    owed = {each["number"]: Decimal(each["balance_due"]) for each in papers if each["status"] == "issued"}
    assert {name: amount for (_, name), amount in opened.items() if str(name).startswith("INV")} == owed
    neighbour = accounts.customers["neighbour"]["code"]
    assert opened[neighbour, f"OB/{neighbour}"] == Decimal("100.00")
    assert opened[accounts.customers["household"]["code"], None] < 0  # more than was owed


def test_a_debit_note_is_a_bill_that_money_settles(accounts: Books) -> None:
    """Of the hotel 110,000.00 less 1,050.00, then 105.00 more; what it pays is 10.00 short of all."""
    hotel = accounts.customers["hotel"]
    (invoice,) = ok(accounts.dairy.admin.get("/invoices", customer_id=hotel["id"]))["items"]
    more = {"invoice_id": invoice["id"], "reason": "old price", "lines": [{"line_no": 1, "amount": "105.00"}]}
    note = ok(accounts.dairy.admin.post("/debit-notes", more), 201)
    money = {"customer_id": hotel["id"], "amount": "109045.00", "method": "cash"}
    receipt = ok(accounts.dairy.admin.post("/payments", money), 201)["receipt_no"]
    read = vouchers(accounts)
    assert bills(read[note["number"]]) == [("New Ref", note["number"], Decimal("-105.00"))]
    assert bills(read[receipt]) == [
        ("Agst Ref", note["number"], Decimal("95.00")),
        ("Agst Ref", invoice["number"], Decimal("108950.00")),
    ]


def test_ids_are_those_of_the_documents_and_stay(accounts: Books) -> None:
    ids = [each.get("REMOTEID") for each in vouchers(accounts).values()]
    assert len(set(ids)) == len(ids) == 15
    papers = ok(accounts.dairy.admin.get("/invoices", limit=50))["items"]
    assert {f"dairy-sales-{paper['id']}" for paper in papers if paper["status"] != "draft"} == {
        each for each in ids if str(each).startswith("dairy-sales-")
    }
    assert [each.get("REMOTEID") for each in vouchers(accounts, period="2026-11").values()] == ids[7:]


def test_the_masters_make_every_ledger_that_is_named(accounts: Books) -> None:
    body = download(accounts, "tally-masters")
    ledgers = {str(each.get("NAME")): each for each in found(body, "LEDGER")}
    named = {ledger for voucher in vouchers(accounts).values() for ledger, _, _ in entries(voucher)}
    named |= {voucher.findtext("PARTYLEDGERNAME") for voucher in vouchers(accounts).values()}
    assert named == set(ledgers)
    groups = {name: each.findtext("PARENT") for name, each in ledgers.items()}
    shop = accounts.customers["shop"]["code"]
    assert [groups[name] for name in (shop, "Sales GST 5%", "Output IGST", "Cash", "Bank", "Opening balances")] == [
        "Sundry Debtors", "Sales Accounts", "Duties & Taxes", "Cash-in-Hand", "Bank Accounts", "Capital Account",
    ]  # fmt: skip
    names = [each.text for each in ledgers[shop].findall("LANGUAGENAME.LIST/NAME.LIST/NAME")]
    assert names == [shop, f'@x, "Fresh" & <Sons> ({shop})']
    told = ("MAILINGNAME", "PARTYGSTIN", "LEDSTATENAME", "PINCODE", "GSTREGISTRATIONTYPE")
    assert [ledgers[shop].findtext(tag) for tag in told] == [
        '@x, "Fresh" & <Sons>', SHOP_GSTIN, "Maharashtra", "411038", "Regular",
    ]  # fmt: skip
    assert {ledgers[each["code"]].findtext("ISBILLWISEON") for each in accounts.customers.values()} == {"Yes"}
    rates = ledgers["Sales GST 5%"].findall("GSTDETAILS.LIST/STATEWISEDETAILS.LIST/RATEDETAILS.LIST")
    assert [(each.findtext("GSTRATEDUTYHEAD"), each.findtext("GSTRATE")) for each in rates] == [
        ("CGST", "2.5"), ("SGST/UTGST", "2.5"), ("IGST", "5"),
    ]  # fmt: skip
    taxability = {name: each.findtext("GSTDETAILS.LIST/TAXABILITY") for name, each in ledgers.items()}
    assert {name: said for name, said in taxability.items() if said} == {
        "Sales GST 5%": "Taxable", "Sales exempt": "Exempt",
    }  # fmt: skip
    assert [each.get("NAME") for each in found(body, "UNIT")] == ["LTR", "KGS", "PAC", "NOS", "DOZ"]


def test_what_xml_cannot_hold_is_replaced(accounts: Books, sql: Callable[..., Any]) -> None:
    sql("SET session_replication_role = replica")
    hostile = "]]><x>&amp;\u0001\u0008\u000b\ufffe\uffff\"'🥛 श्री"
    sql("UPDATE customers SET name = %s", hostile)
    sql("UPDATE invoices SET snapshot = jsonb_set(snapshot, '{buyer,name}', to_jsonb(%s::text))"
        " WHERE number IS NOT NULL", hostile.replace("\u0001", ""))  # fmt: skip
    readable = "]]><x>&amp;\ufffd\ufffd\ufffd\ufffd\ufffd\"'🥛 श्री"
    assert vouchers(accounts)["INV/2627/0000001"].findtext("PARTYNAME") == readable.replace("\ufffd", "", 1)
    ledgers = found(download(accounts, "tally-masters"), "LEDGER")
    assert readable in {each.findtext("MAILINGNAME") for each in ledgers}


def test_equal_parameters_give_equal_bytes_whatever_customers_are_called_later(accounts: Books) -> None:
    first = download(accounts, "tally", period="2026-10")
    neighbour = accounts.customers["neighbour"]
    etag = accounts.dairy.admin.get(f"/customers/{neighbour['id']}").headers["ETag"]
    path, renamed = f"/customers/{neighbour['id']}", {"name": "Renamed"}
    ok(accounts.dairy.admin.patch(path, renamed, headers={"If-Match": etag}))
    accounts.travel(datetime(2027, 3, 1, 9, 0, tzinfo=KOLKATA))
    assert download(accounts, "tally", period="2026-10") == first


@pytest.mark.parametrize(("name", "rows"), [("tally", 15), ("tally-masters", 21)])
def test_the_manifest_describes_the_download(accounts: Books, name: str, rows: int) -> None:
    body = download(accounts, name)
    manifest = ok(accounts.dairy.admin.get(f"/exports/{name}.manifest.json", **BOTH))
    assert (manifest["sha256"], manifest["bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
    assert (manifest["rows"], manifest["format"]) == (rows, "xml")
    ledger = ok(accounts.dairy.admin.get("/exports/ledger.manifest.json", **BOTH))
    assert manifest["sums"] == (ledger["sums"] if name == "tally" else {})


def test_a_month_without_vouchers_is_an_empty_envelope(accounts: Books) -> None:
    assert vouchers(accounts, period="2026-01") == {}
    assert found(download(accounts, "tally-masters", period="2026-01"), "LEDGER") == []
