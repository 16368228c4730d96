"""The portal's file of answers: all of it or nothing, every fault named; an IRN is one document's, for ever."""

import csv
import io
import json
from base64 import urlsafe_b64encode
from typing import Any

import psycopg2
import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused
from tests.documents.conftest import Bills
from tests.documents.reading import codes_of, text_of

IRN, OTHER = "3f2a" * 16, "ab01" * 16


def part(**claims: Any) -> str:
    return urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def signed(number: str, irn: str) -> str:
    """As the portal signs it: the claim ``data`` is a JSON text of its own."""
    data = json.dumps({"SellerGstin": "27AAPFU0939F1ZV", "DocNo": number, "DocTyp": "INV", "Irn": irn})
    return f"{part(alg='RS256', kid='E' * 40)}.{part(data=data, iss='NIC')}.{'s' * 341}w"


def answer(number: str, irn: str = IRN, **changes: Any) -> dict[str, Any]:
    made = {
        "AckNo": 112610036563512, "AckDt": "2026-11-03 11:20:00", "Irn": irn, "SignedInvoice": "e.e.e",
        "SignedQRCode": signed(number, irn), "Status": "ACT", "EwbNo": None, "DocNo": number,
    }  # fmt: skip
    return {name: value for name, value in (made | changes).items() if value != "none"}


@pytest.fixture
def bills(living: LivingDairy) -> Bills:
    made = Bills(living)
    made.seller()
    return made


@pytest.fixture
def paper(bills: Bills) -> Any:
    """A tax invoice of 3 November 2026, and it is the day after."""
    made = bills.bill(kinds="butter", gstin="27AAACR5055K1Z7", gst_treatment="registered")
    bills.dairy.go_to("2026-11-04")
    return made


@pytest.fixture
def note(bills: Bills, paper: Any) -> Any:
    """A credit note of it."""
    lines = [{"line_no": 1, "amount": "10.00"}]
    return ok(bills.admin.post("/credit-notes", {"invoice_id": paper["id"], "reason": "sour", "lines": lines}), 201)


def send(bills: Bills, *answers: Any) -> Any:
    return bills.admin.put("/invoices/e-invoices", list(answers))


def upload(bills: Bills, content: bytes, name: str = "answer.csv") -> Any:
    return bills.admin.call("PUT", "/invoices/e-invoices", data={"file": (io.BytesIO(content), name)})


def test_an_invoice_and_its_note_are_registered_at_once(bills: Bills, paper: Any, note: Any) -> None:
    told = ok(send(bills, answer(paper["number"]), answer(note["number"], OTHER)))
    assert (told["registered"], told["known"]) == (2, 0)
    assert [(each["line"], each["number"], each["document_type"], each["id"]) for each in told["items"]] == [
        (1, paper["number"], "tax_invoice", paper["id"]), (2, note["number"], "credit_note", note["id"]),
    ]  # fmt: skip
    kept = ok(bills.admin.get(f"/credit-notes/{note['id']}"))
    assert (kept["irn"], kept["ack_no"], kept["ack_date"]) == (OTHER, "112610036563512", "2026-11-03T05:50:00+00:00")
    assert kept["document_hash"] == note["document_hash"]
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["irn"] == IRN
    pdf = bills.admin.get(f"/credit-notes/{note['id']}/pdf").get_data()
    assert OTHER in text_of(pdf).replace(" ", "")
    assert signed(note["number"], OTHER) in codes_of(pdf)


def test_the_same_again_is_fine_and_another_is_a_conflict(bills: Bills, paper: Any, note: Any) -> None:
    ok(send(bills, answer(paper["number"])))
    told = ok(send(bills, answer(paper["number"], AckDt="2026-11-03 11:20:59"), answer(note["number"], OTHER)))
    assert (told["registered"], told["known"]) == (1, 1)
    problem = refused(send(bills, answer(paper["number"], "cd" * 32)), 409, "already_exists")
    assert problem["errors"][0]["pointer"] == "/rows/1/irn"
    assert f"{paper['number']} already has another IRN, {IRN}." in problem["errors"][0]["detail"]
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["irn"] == IRN


def test_an_irn_is_one_documents(bills: Bills, paper: Any, note: Any) -> None:
    twice = refused(
        send(bills, answer(paper["number"]), answer(note["number"], SignedQRCode="a.b.c")), 409, "already_exists"
    )
    assert twice["errors"][0]["pointer"] == "/rows/2/irn"
    ok(send(bills, answer(paper["number"])))
    refused(send(bills, answer(note["number"], SignedQRCode="a.b.c")), 409, "already_exists")
    assert ok(bills.admin.get(f"/credit-notes/{note['id']}"))["irn"] is None


def test_all_or_none_and_every_fault_is_named(bills: Bills, paper: Any) -> None:
    cash = bills.dairy.customer(name="Cash Buyer", state_code="27")
    bills.dairy.delivered(cash, (bills.goods()[0], "1"), on="2026-11-05")
    bills.dairy.go_to("2026-12-01")
    bills.dairy.bill("2026-11", confirm=True)
    (to_consumer,) = bills.dairy.invoices(customer_id=cash["id"])
    problem = refused(
        send(
            bills, answer(paper["number"]), answer("INV/2627/0099999", OTHER),
            answer(to_consumer["number"], "cd" * 32),
        ),
        422, "validation_failed",
    )  # fmt: skip
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
        ("/rows/2/number", "document_not_found"), ("/rows/3/number", "illegal_transition"),
    ]  # fmt: skip
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["irn"] is None


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"Irn": "3f2a"}, "/rows/1/irn", "pattern"),
        ({"Irn": "none"}, "/rows/1/irn", "required"),
        ({"AckNo": "1.12E+14"}, "/rows/1/ack_no", "shortened"),
        ({"AckDt": "yesterday"}, "/rows/1/ack_date", "date"),
        ({"AckDt": "2026-11-05 00:00:00"}, "/rows/1/number", "in_future"),
        ({"SignedQRCode": "a b"}, "/rows/1/signed_qr", "pattern"),
        ({"SignedQRCode": signed("INV/2627/0000009", IRN)}, "/rows/1/signed_qr", "differs"),
        ({"Status": "CNL"}, "/rows/1/status", "cancelled"),
        ({"DocNo": "none", "SignedQRCode": "a.b.c"}, "/rows/1/number", "required"),
    ],
)
def test_what_is_no_answer(bills: Bills, paper: Any, changes: dict[str, Any], pointer: str, code: str) -> None:
    problem = refused(send(bills, answer(paper["number"], **changes)), 422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [(pointer, code)]
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["irn"] is None


def test_the_number_is_in_the_code(bills: Bills, paper: Any) -> None:
    """As the portal's API answers: nothing but receipt, IRN and what is signed."""
    ok(send(bills, answer(paper["number"], DocNo="none", Status=1)))
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["irn"] == IRN


def test_no_document_twice_in_a_file(bills: Bills, paper: Any) -> None:
    problem = refused(send(bills, answer(paper["number"]), answer(paper["number"])), 422, "validation_failed")
    assert problem["errors"][0]["code"] == "repeated"
    refused(send(bills), 422, "validation_failed")
    refused(bills.admin.put("/invoices/e-invoices", {}), 422, "validation_failed")


def test_the_portals_tables_are_read(bills: Bills, paper: Any, note: Any) -> None:
    told = io.StringIO()
    rows = csv.writer(told)
    rows.writerow(["e-Invoices generated", "", ""])
    rows.writerow(["S.No", "Ack No.", "Ack Date", "Doc No", "Doc Type", "Inv Value.", "Status", "IRN", "SignedQRCode"])
    for number, irn, kind in ((paper["number"], IRN, "INV"), (note["number"], OTHER, "CRN")):
        rows.writerow([1, "112610036563512", "03/11/2026 11:20:00 AM", number, kind, "1.00", "Active", irn.upper(),
            signed(number, irn)])  # fmt: skip
    assert ok(upload(bills, told.getvalue().encode()))["registered"] == 2
    assert ok(upload(bills, json.dumps([answer(paper["number"])]).encode(), "answer.json"))["known"] == 1
    refused(upload(bills, b"[{]"), 422, "validation_failed")


def test_who_may(bills: Bills, paper: Any) -> None:
    accountant = bills.dairy.staff("accountant")
    ok(accountant.put("/invoices/e-invoices", [answer(paper["number"])]))


def test_the_database_alone_keeps_it_so(bills: Bills, note: Any, sql: Any) -> None:
    which = f"WHERE id = '{note['id']}'"
    whole = f"irn = '{IRN}', ack_no = '1', ack_date = now(), signed_qr = 'a.b.c'"
    for statement, name in (
        (f"UPDATE credit_notes SET irn = '{IRN}' {which}", "ck_credit_notes_registered_whole"),
        (f"UPDATE credit_notes SET {whole.replace(IRN, 'x')} {which}", "ck_credit_notes_irn_format"),
        (f"UPDATE credit_notes SET {whole.replace(chr(39) + '1' + chr(39), chr(39) + 'x' + chr(39))} {which}",
            "ck_credit_notes_ack_no_format"),
        (f"UPDATE credit_notes SET {whole.replace('a.b.c', 'a b')} {which}", "ck_credit_notes_signed_qr_format"),
        (f"UPDATE credit_notes SET {whole}, total = total + 1 {which}", "tr_credit_notes_frozen"),
    ):  # fmt: skip
        assert refusal(sql, statement) == name
    sql(f"UPDATE credit_notes SET {whole} {which}")
    assert refusal(sql, f"UPDATE credit_notes SET irn = '{OTHER}' {which}") == "tr_credit_notes_frozen"
    lines = [{"line_no": 1, "amount": "5.00"}]
    body = {"invoice_id": note["invoice_id"], "reason": "sour again", "lines": lines}
    second = ok(bills.admin.post("/credit-notes", body), 201)
    assert refusal(sql, f"UPDATE credit_notes SET {whole} WHERE id = '{second['id']}'") == "uq_credit_notes_irn"


def test_a_note_of_a_bill_of_supply_is_not_registered(bills: Bills, sql: Any) -> None:
    supply = bills.bill(kinds="milk", gstin="27AAACR5055K1Z7", gst_treatment="registered")
    bills.dairy.go_to("2026-11-04")
    note = ok(bills.admin.post("/credit-notes", {"invoice_id": supply["id"], "reason": "sour"}), 201)
    refused(send(bills, answer(note["number"])), 422, "validation_failed")
    whole = f"irn = '{IRN}', ack_no = '1', ack_date = now(), signed_qr = 'a.b.c'"
    assert refusal(sql, f"UPDATE credit_notes SET {whole} WHERE id = '{note['id']}'") == "tr_credit_notes_frozen"


def refusal(sql: Any, statement: str) -> str:
    with pytest.raises(psycopg2.IntegrityError) as refused_by:
        sql(statement)
    return str(refused_by.value.diag.constraint_name)
