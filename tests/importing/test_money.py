"""Opening balances and payments from a file."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, read, refused
from tests.importing.sheets import faults, read_as, upload


@pytest.fixture
def households(dairy: Dairy) -> Any:
    return [dairy.customer(name=name, phone=f"+91981234560{n}") for n, name in enumerate(("Asha", "Ravi", "Meena"), 1)]


def test_opening_balances_with_an_advance_and_sides(dairy: Dairy, households: Any) -> None:
    text = "Mobile;Outstanding;Advance;Dr/Cr;Date\n98123 45601;1.240;;;\n"
    assert faults(ok(upload(dairy.admin, "opening-balances", text, dry_run=True), 200)) == [
        (2, "amount", "invalid")
    ]  # fmt: skip
    text = (
        "Mobile;Outstanding;Advance;Dr/Cr;Date\n"
        "98123 45601;1,240.5;;Dr;31-10-2026\n98123 45602;;300;;\n98123 45603;70;;Cr;\n"
    )
    clerk = dairy.staff("accountant")
    made = ok(upload(clerk, "opening-balances", text), 201)
    assert read_as(made) == {
        "Mobile": "phone", "Outstanding": "amount", "Advance": "advance", "Dr/Cr": "dr_cr", "Date": "as_of"
    }  # fmt: skip
    kept = sorted(read(dairy.admin, "/opening-balances"), key=lambda each: each["customer_code"])
    assert [(each["amount"], each["as_of"]) for each in kept] == [
        ("1240.50", "2026-10-31"), ("-300.00", dairy.day(0)), ("-70.00", dairy.day(0))
    ]  # fmt: skip
    assert [(each["id"], each["code"]) for each in made["items"]] == [
        (each["id"], each["customer_code"]) for each in kept
    ]
    assert [code for _, _, code in faults(ok(upload(clerk, "opening-balances", text, dry_run=True), 200))] == [
        "already_exists"
    ] * 3
    again = ok(upload(clerk, "opening-balances", text, on_existing="skip"), 201)
    assert (again["created"], again["skipped"]) == (0, 3)


def test_opening_balances_on_days_that_are_closed_or_to_come(dairy: Dairy, households: Any) -> None:
    ok(dairy.admin.patch("/settings", {"books_closed_through": "2026-09-30"}))
    text = (
        "Code,Balance,As on\nC000001,5,30-09-2026\nC000002,5,31-12-2099\nC000003,,01-10-2026\n"
        "C000001,7,01-10-2026\nC000002,1,32-10-2026\n"
    )  # fmt: skip
    assert faults(ok(upload(dairy.admin, "opening-balances", text, dry_run=True), 200)) == [
        (2, "as_of", "period_closed"), (3, "as_of", "in_future"), (4, "amount", "required"),
        (5, "customer_code", "duplicate"), (6, "customer_code", "duplicate"), (6, "as_of", "invalid"),
    ]  # fmt: skip


PAYMENTS = (
    "Code,Amount,Mode,Date,UTR\n"
    "C000001,500,GPay,{day},UPI Ref No. 4242\n"
    "C000002,₹ 250,Cash,{day},\n"
    "C000003,90/-,Cheque,{day},000123\n"
    "C000002,90/-,Cheque,{day},000123\n"
)


def test_payments_have_receipts_as_if_booked_one_by_one(dairy: Dairy, households: Any) -> None:
    one = {"customer_id": households[0]["id"], "amount": "1.00", "method": "cash"}
    assert ok(dairy.admin.post("/payments", one), 201)["receipt_no"] == "R0000001"
    clerk = dairy.staff("accountant")
    text = PAYMENTS.format(day=dairy.day(0))
    seen = ok(upload(clerk, "payments", text, dry_run=True), 200)
    assert (seen["created"], [each["receipt_no"] for each in seen["items"]]) == (4, [None] * 4)
    made = ok(upload(clerk, "payments", text), 201)
    assert [(each["line"], each["code"], each["receipt_no"]) for each in made["items"]] == [
        (2, "C000001", "R0000002"), (3, "C000002", "R0000003"), (4, "C000003", "R0000004"), (5, "C000002", "R0000005"),
    ]  # fmt: skip
    assert ok(dairy.admin.post("/payments", one), 201)["receipt_no"] == "R0000006"
    assert [each["receipt_no"] for each in read(dairy.admin, "/payments")] == [f"R000000{n}" for n in range(6, 0, -1)]
    kept = ok(dairy.admin.get(f"/payments/{made['items'][0]['id']}"))
    expected = {"amount": "500.00", "method": "upi", "reference": "UPI Ref No. 4242", "recorded_by": clerk.user["id"]}
    assert {name: kept[name] for name in expected} == expected


def test_payments_that_are_booked_already_or_twice(dairy: Dairy, households: Any) -> None:
    text = PAYMENTS.format(day=dairy.day(0))
    ok(upload(dairy.admin, "payments", text), 201)
    more = (
        text
        + f"C000001,5,UPI,{dairy.day(0)},4242\nC000002,250,cash,{dairy.day(0)},\nC000002,250,cash,{dairy.day(-1)},\n"
    )
    assert faults(ok(upload(dairy.admin, "payments", more, dry_run=True), 200)) == [
        (2, "reference", "already_exists"), (3, "amount", "already_exists"), (4, "reference", "already_exists"),
        (5, "reference", "already_exists"), (6, "reference", "duplicate"), (7, "amount", "duplicate"),
    ]  # fmt: skip
    new = text + f"C000002,250,cash,{dairy.day(-1)},\n"
    made = ok(upload(dairy.admin, "payments", new, on_existing="skip"), 201)
    assert (made["created"], made["skipped"]) == (1, 4)
    assert [each["receipt_no"] for each in made["items"]] == [f"R000000{n}" for n in range(1, 6)]
    assert ok(upload(dairy.admin, "payments", new, on_existing="skip"), 201)["created"] == 0


def test_payments_settle_what_is_oldest(dairy: Dairy, households: Any) -> None:
    ok(
        dairy.admin.post("/opening-balances", {"customer_code": "C000001", "as_of": dairy.day(-9), "amount": "400"}),
        201,
    )
    made = ok(upload(dairy.admin, "payments", "Phone,Amount,Method\n9812345601,500,UPI\n"), 201)
    payment = ok(dairy.admin.get(f"/payments/{made['items'][0]['id']}"))
    assert [(each["kind"], each["amount"]) for each in payment["applications"]] == [("opening", "400.00")]
    assert payment["unapplied"] == "100.00"


def test_faults_of_payments(dairy: Dairy, households: Any) -> None:
    helper = dairy.staff("delivery_boy", "Anil").user
    ok(dairy.admin.patch("/settings", {"books_closed_through": "2026-09-30"}))
    text = (
        "Code,Amount,Mode,Date,Ref,Collected by,Notes\n"
        "C000001,-5,cash,,,,\nC000001,5,barter,,,,\nC000001,5,,,,,\nC000001,5,cash,2026-09-30,,,\n"
        f"C000001,5,cash,2099-01-01,,,\nC000001,5,upi,,,Anil,\nC000001,5,cash,,,Nobody,\n"
        f"C000001,5,cash,,,,{'x' * 501}\n"
        "C000001,500 Cr,cash,,,,\nC000002,9999999999,cash,,,,\nC000002,1,cash,,,,\nC000003,1,upi,,4.12E+11,,\n"
    )
    assert faults(ok(upload(dairy.admin, "payments", text, dry_run=True), 200)) == [
        (2, "amount", "invalid"), (3, "method", "invalid"), (4, "method", "required"),
        (5, "received_on", "period_closed"), (6, "received_on", "in_future"),
        (7, "collected_by", "invalid"), (8, "collected_by", "user_not_found"),
        (9, "notes", "invalid"), (10, "amount", "invalid"), (11, "amount", "too_large"), (12, "amount", "too_large"),
        (13, "reference", "shortened"),
    ]  # fmt: skip
    fine = "Code,Amount,Mode,Collected by\nC000001,5,cash,anil\n"
    made = ok(upload(dairy.admin, "payments", fine), 201)
    assert ok(dairy.admin.get(f"/payments/{made['items'][0]['id']}"))["collected_by"] == helper["id"]


def test_who_may_send_what(dairy: Dairy, households: Any) -> None:
    clerk, helper = dairy.staff("accountant"), dairy.staff("delivery_boy")
    for kind in ("customers", "standing-orders"):
        refused(upload(clerk, kind, "Name,Phone\n"), 403, "forbidden")
    for kind in ("customers", "standing-orders", "opening-balances", "payments"):
        refused(upload(helper, kind, "Name,Phone\n"), 403, "forbidden")
    refused(upload(dairy.admin, "shoes", "Name,Phone\n"), 404, "not_found")
