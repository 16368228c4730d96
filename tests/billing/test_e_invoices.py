"""What the government's portal answered for a tax invoice: kept once, borne by the paper, guarded in the database."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import psycopg2
import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused
from tests.documents.conftest import Bills
from tests.documents.reading import codes_of, text_of

IRN = "3f2a" * 16


def part(**claims: Any) -> str:
    return urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


#: As long as real ones are.
SIGNED_QR = f"{part(alg='RS256', kid='E' * 40)}.{part(data='x' * 560, iss='NIC')}.{'s' * 342}"
ANSWER = {
    "irn": IRN,
    "ack_no": "112610036563512",
    "ack_date": "2026-11-03T11:20:00+05:30",
    "signed_qr": SIGNED_QR,
}


@pytest.fixture
def paper(bills: Bills) -> Any:
    """A tax invoice of 3 November 2026."""
    return bills.bill(kinds="butter", gstin="27AAACR5055K1Z7", gst_treatment="registered")


@pytest.fixture
def bills(living: LivingDairy) -> Bills:
    made = Bills(living)
    made.seller()
    return made


def register(bills: Bills, paper: Any, **changes: Any) -> Any:
    bills.dairy.go_to("2026-11-04")
    return bills.admin.put(f"/invoices/{paper['id']}/e-invoice", ANSWER | changes)


def test_the_answer_is_kept_and_borne_by_the_paper(bills: Bills, paper: Any) -> None:
    registered = ok(register(bills, paper))
    assert {name: registered[name] for name in ("irn", "ack_no", "signed_qr")} == {
        "irn": IRN, "ack_no": "112610036563512", "signed_qr": SIGNED_QR
    }  # fmt: skip
    assert registered["ack_date"] == "2026-11-03T05:50:00+00:00"
    assert registered["document_hash"] == paper["document_hash"]
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["irn"] == IRN
    pdf = bills.pdf(paper)
    text = text_of(pdf)
    for expected in ("e-Invoice", "Ack. no. 112610036563512, 3 Nov 2026"):
        assert expected in text
    assert IRN in text.replace(" ", "")
    assert SIGNED_QR in codes_of(pdf)
    page = bills.dairy.nobody.get(f"/i/{bills.token(paper)}").get_data(as_text=True)
    assert IRN in page
    assert page.count("<svg") == 2


def test_without_it_nothing_is_said(bills: Bills, paper: Any) -> None:
    assert (paper["irn"], paper["signed_qr"]) == (None, None)
    assert "e-Invoice" not in text_of(bills.pdf(paper))


def test_it_is_written_once(bills: Bills, paper: Any) -> None:
    ok(register(bills, paper))
    again = ok(register(bills, paper, ack_date="2026-11-03T05:50:00Z"))
    assert again["irn"] == IRN
    for changes in ({"irn": "ab" * 32}, {"ack_no": "1"}, {"signed_qr": "a.b.c"}, {"ack_date": "2026-11-03T05:50:01Z"}):
        refused(register(bills, paper, **changes), 409, "already_exists")
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["ack_no"] == "112610036563512"


def test_an_irn_is_one_papers(bills: Bills, paper: Any) -> None:
    ok(register(bills, paper))
    butter = bills.goods()[1]
    other = bills.dairy.customer(name="Cafe Two", state_code="27", gstin="27AAACR5055K2Z6", gst_treatment="registered")
    bills.dairy.delivered(other, (butter, "2"), on="2026-11-05")
    bills.dairy.go_to("2026-12-01")
    bills.dairy.bill("2026-11", confirm=True)
    (second,) = bills.dairy.invoices(customer_id=other["id"])
    refused(bills.admin.put(f"/invoices/{second['id']}/e-invoice", ANSWER), 409, "already_exists")
    ok(bills.admin.put(f"/invoices/{second['id']}/e-invoice", ANSWER | {"irn": "ab" * 32}))


@pytest.mark.parametrize(
    "changes",
    [
        {"irn": "3F2A" * 16}, {"irn": IRN + "0"}, {"irn": IRN + "\n"}, {"irn": None}, {"ack_no": "12a"},
        {"ack_no": 112610036563512}, {"ack_date": "2026-11-03"}, {"ack_date": "2026-11-03T11:20:00"},
        {"ack_date": "2026-11-05T00:00:00Z"}, {"signed_qr": "a.b"}, {"signed_qr": "a." + "b" * 2952 + ".c"},
        {"more": 1},
    ],
)  # fmt: skip
def test_what_no_portal_answers_is_refused(bills: Bills, paper: Any, changes: dict[str, Any]) -> None:
    refused(register(bills, paper, **changes), 422, "validation_failed")
    assert ok(bills.admin.get(f"/invoices/{paper['id']}"))["irn"] is None


def test_only_an_issued_tax_invoice_is_registered(bills: Bills, paper: Any) -> None:
    cash = bills.dairy.customer(name="Cash Buyer", state_code="27")
    bills.dairy.delivered(cash, (bills.goods()[0], "1"), on="2026-11-05")
    (draft,) = bills.dairy.invoices(customer_id=cash["id"])
    refused(bills.admin.put(f"/invoices/{draft['id']}/e-invoice", ANSWER), 409, "illegal_transition")
    bills.dairy.go_to("2026-12-01")
    bills.dairy.bill("2026-11", confirm=True)
    refused(bills.admin.put(f"/invoices/{draft['id']}/e-invoice", ANSWER), 409, "illegal_transition")
    ok(bills.admin.post(f"/invoices/{paper['id']}/void", {"reason": "wrong rate", "after_return": True}))
    refused(bills.admin.put(f"/invoices/{paper['id']}/e-invoice", ANSWER), 409, "illegal_transition")


def test_a_registered_invoice_can_still_be_voided_and_keeps_its_number(bills: Bills, paper: Any) -> None:
    ok(register(bills, paper))
    ok(bills.admin.post(f"/invoices/{paper['id']}/void", {"reason": "cancelled with the portal"}))
    voided = ok(bills.admin.get(f"/invoices/{paper['id']}"))
    assert (voided["status"], voided["irn"]) == ("void", IRN)


def test_the_database_alone_keeps_it_so(bills: Bills, paper: Any, sql: Any) -> None:
    """Each statement goes round the service; what it changes is refused by name."""
    which = f"WHERE id = '{paper['id']}'"
    whole = f"irn = '{IRN}', ack_no = '1', ack_date = now(), signed_qr = 'a.b.c'"
    draft = "WHERE id = (SELECT id FROM invoices WHERE status = 'draft')"
    bills.dairy.delivered(bills.person, (bills.goods()[0], "1"), on="2026-11-05")
    for statement, name in (
        (f"UPDATE invoices SET irn = '{IRN}' {which}", "ck_invoices_registered_whole"),
        (f"UPDATE invoices SET {whole.replace(IRN, 'x')} {which}", "ck_invoices_irn_format"),
        (f"UPDATE invoices SET {whole.replace(chr(39) + '1' + chr(39), chr(39) + 'x' + chr(39))} {which}",
            "ck_invoices_ack_no_format"),
        (f"UPDATE invoices SET {whole.replace('a.b.c', 'a b')} {which}", "ck_invoices_signed_qr_format"),
        (f"UPDATE invoices SET {whole}, total = total + 1 {which}", "tr_invoices_frozen"),
        (f"UPDATE invoices SET {whole} {draft}", "ck_invoices_registered_tax_invoice"),
    ):  # fmt: skip
        assert refusal(sql, statement) == name
    sql(f"UPDATE invoices SET {whole} {which}")
    assert refusal(sql, f"UPDATE invoices SET irn = '{'ab' * 32}' {which}") == "tr_invoices_frozen"
    assert refusal(
        sql, f"UPDATE invoices SET irn = NULL, ack_no = NULL, ack_date = NULL, signed_qr = NULL {which}"
    ) == ("tr_invoices_frozen")


def refusal(sql: Any, statement: str) -> str:
    with pytest.raises(psycopg2.IntegrityError) as refused_by:
        sql(statement)
    return str(refused_by.value.diag.constraint_name)
