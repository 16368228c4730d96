"""One reference is one payment, however it was copied; a payment that is refused uses no receipt's number."""

from typing import Any

import pytest

from dairy_app.receivables.rules import SCHEMES
from tests.dairy import ok, refused
from tests.receivables.conftest import Till


@pytest.mark.parametrize("method", ["upi", "qr", "bank_transfer", "card", "wallet"])
def test_a_reference_is_taken_once_for_every_method(till: Till, method: str) -> None:
    till.paid("100.00", method=method, reference="UPI Ref No. 4242 4242 4242")
    for written in ("424242424242", "utr:424242424242", " 4242-4242-4242 ", "Txn ID 424242424242"):
        refused(till.pay("100.00", method=method, reference=written), 409, "already_exists")
    till.paid("100.00", method=method, reference="424242424243")
    other = till.dairy.customer()["id"]
    refused(till.pay("100.00", method="card", reference="424242424242", customer_id=other), 409, "already_exists")


def test_every_book_of_cheques_has_its_number(till: Till) -> None:
    till.paid("100.00", method="cheque", reference="000123")
    refused(till.pay("100.00", method="cheque", reference="Cheque no. 000123"), 409, "already_exists")
    till.paid("100.00", method="cheque", reference="000123", customer_id=till.dairy.customer()["id"])
    till.paid("100.00", method="card", reference="000123")


def test_cash_may_say_the_same_twice(till: Till) -> None:
    for _ in range(2):
        till.paid("100.00", reference="at the door")


def test_a_word_before_letters_is_no_part_of_a_reference(till: Till) -> None:
    till.paid("1.00", method="upi", reference="UPI Ref: T2411AB")
    for written in ("t2411ab", "UPI T2411 AB", "upi/ref-t2411ab"):
        refused(till.pay("1.00", method="upi", reference=written), 409, "already_exists")
    till.paid("1.00", method="upi", reference="UPIT2411AB")  # nobody can say where a word ends


def test_a_word_of_letters_is_a_reference_too(till: Till) -> None:
    till.paid("1.00", method="upi", reference="UPI")
    refused(till.pay("1.00", method="upi", reference="upi"), 409, "already_exists")
    till.paid("1.00", method="upi", reference="---")
    refused(till.pay("1.00", method="upi", reference="---"), 409, "already_exists")


def test_a_refused_payment_uses_no_number(till: Till) -> None:
    invoice = till.invoice("100")
    assert till.paid("10.00", method="card", reference="1")["receipt_no"] == "R0000001"
    refused(till.pay("10.00", method="card", reference="1"), 409, "already_exists")
    refused(till.pay("10.00", (invoice, "10.01")), 422, "allocation_exceeds_balance")
    refused(till.pay("9999999999.99", collected_by=invoice), 422, "validation_failed")
    assert till.paid("10.00", (invoice, "10.00"))["receipt_no"] == "R0000002"
    ok(till.reverse(till.paid("10.00")))
    assert till.paid("10.00")["receipt_no"] == "R0000004"


def test_a_payment_is_found_by_its_reference_however_it_is_written(till: Till) -> None:
    made = till.paid("100.00", method="upi", reference="UPI Ref No. 4242 4242 4242")
    till.paid("100.00", method="upi", reference="424242424243")
    for written in ("424242424242", "utr:424242424242", "4242-4242-4242"):
        found = ok(till.admin.get("/payments", reference=written))["items"]
        assert [each["id"] for each in found] == [made["id"]], written


def test_the_database_and_the_rules_know_the_same_words_before_a_reference(sql: Any) -> None:
    ((source,),) = sql("SELECT pg_get_functiondef('bare_reference'::regproc)")
    assert source.count(f"({SCHEMES})") == 2
