"""Rows that say two things at once: what is meant is asked, and never guessed."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, read, refused
from tests.importing.sheets import FILES, faults, upload


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    dairy.product(name="Cow Milk", sku="COW")
    return dairy.customer(name="Asha Rao", phone="+919812345601")


#: Kind → what it calls the name.
NAME = dict.fromkeys(FILES, "customer_name") | {"customers": "name"}


@pytest.mark.parametrize("kind", FILES)
def test_a_code_is_of_the_name_and_phone_beside_it(dairy: Dairy, asha: Any, kind: str) -> None:
    dairy.customer(name="Ravi", phone="+919812345602")
    headings, cells = FILES[kind]
    rows = [
        "C000001,Ravi,98123 45601", "C000001,asha  rao,9812345602", "C000001, ASHA RAO,098123-45601",
        "C000001,,", "C000001,Asha Rao,", "C000001,,9812345601.0",
    ]  # fmt: skip
    options = {"on_existing": "skip"} if kind == "customers" else {}

    def send(*wanted: str, **more: Any) -> Any:
        text = f"Code,Name,Phone,{headings}\n" + "".join(f"{row},{cells}\n" for row in wanted)
        return upload(dairy.admin, kind, text, **options, **more)

    for row, column, values in (
        (rows[0], NAME[kind], ("Ravi", "Asha Rao")),
        (rows[1], "phone", ("+919812345602", "+919812345601")),
    ):
        (fault,) = ok(send(row, dry_run=True), 200)["faults"]
        assert (fault["line"], fault["column"], fault["code"]) == (2, column, "differs")
        assert all(value in fault["detail"] for value in (*values, "C000001"))
        refused(send(row), 422, "validation_failed")
    for row in rows[2:]:
        assert ok(send(row, dry_run=True), 200)["faults"] == []
    assert ok(send(rows[2]), 201)["items"][0]["code"] == "C000001"


def test_a_phone_is_of_the_name_beside_it(dairy: Dairy, asha: Any) -> None:
    text = "Phone,Name,Amount,Mode\n9812345601,Ravi,500,cash\n9812345601,ASHA rao,5,cash\n"
    seen = ok(upload(dairy.admin, "payments", text, dry_run=True), 200)
    assert faults(seen) == [(2, "customer_name", "differs")]
    assert "Asha Rao" in seen["faults"][0]["detail"] and "Ravi" in seen["faults"][0]["detail"]


def test_what_belongs_to_one_who_was_merged_may_be_told_of_either(dairy: Dairy, asha: Any) -> None:
    bela = dairy.customer(name="Bela", phone="+919812345609")
    ok(dairy.admin.post(f"/customers/{asha['id']}/merge", {"into": bela["id"], "reason": "the same"}))
    text = (
        "Code,Name,Phone,Amount,Mode\nC000001,Asha Rao,9812345601,1,cash\nC000001,Bela,9812345609,2,cash\n"
        "C000001,Ravi,,3,cash\n,Bela,9812345601,4,cash\n"
    )
    assert faults(ok(upload(dairy.admin, "payments", text, dry_run=True), 200)) == [(4, "customer_name", "differs")]
    text = "Code,Name,Phone,Address,Area\nC000001,Bela,9812345609,1 Mill Road,Kothrud\n"
    assert ok(upload(dairy.admin, "customers", text, on_existing="skip", dry_run=True), 200)["faults"] == []


def test_a_code_in_small_letters_or_with_a_fraction_is_the_same(dairy: Dairy) -> None:
    dairy.product(sku="COW")
    twelve = dairy.customer(name="Twelve", code="12", phone="+919812345601")
    mill = dairy.customer(name="Mill", code="M1", phone="+919812345602")
    for kind, (headings, cells) in FILES.items():
        text = f"Code,Name,Phone,{headings}\n12.0,Twelve,9812345601,{cells}\nm1,Mill,9812345602,{cells}\n"
        made = ok(upload(dairy.admin, kind, text, on_existing="skip"), 201)
        assert [each["code"] for each in made["items"]] == ["12", "M1"]
    assert {each["id"] for each in read(dairy.admin, "/customers")} == {twelve["id"], mill["id"]}
    text = "Code,Name,Phone,Address,Area\n13.0,New,9812345603,1 Mill Road,Kothrud\n"
    assert ok(upload(dairy.admin, "customers", text), 201)["items"][0]["code"] == "13"


def test_one_customer_by_two_names_has_one_opening_balance(dairy: Dairy) -> None:
    dairy.customer(name="Mill", code="M1", phone="+919812345602")
    text = "Code,Name,Phone,Address,Area,Balance\nm1,Mill,9812345602,1 Mill Road,Kothrud,5\nM1,Mill,,,,5\n"
    seen = ok(upload(dairy.admin, "customers", text, on_existing="skip", dry_run=True), 200)
    assert (3, "opening_balance", "duplicate") in faults(seen)


def test_a_reference_is_of_the_payment_that_has_it(dairy: Dairy, asha: Any) -> None:
    """Left out as booked already, the money of another payment would be nowhere."""
    dairy.customer(name="Ravi", phone="+919812345602")
    head = "Code,Amount,Mode,UTR\n"
    ok(upload(dairy.admin, "payments", head + "C000001,500,UPI,4242\nC000002,70,cash,\n"), 201)
    text = head + "C000001,500,UPI,4242\nC000001,700,UPI,4242\nC000002,500,UPI,4242\nC000002,70,cash,\n"
    for row, column, values in ((2, "amount", ("500.00", "700")), (3, "customer_code", ("C000001", "C000002"))):
        rows = head + text.splitlines()[row] + "\n"
        (fault,) = ok(upload(dairy.admin, "payments", rows, on_existing="skip", dry_run=True), 200)["faults"]
        assert (fault["column"], fault["code"]) == (column, "differs")
        assert all(value in fault["detail"] for value in (*values, "R0000001"))
        (fault,) = ok(upload(dairy.admin, "payments", rows, dry_run=True), 200)["faults"]
        assert (fault["column"], fault["code"]) == ("reference", "already_exists")
    same = head + "C000001,500.00,UPI,UTR 4242\nC000002,70,cash,\n"
    assert ok(upload(dairy.admin, "payments", same, on_existing="skip"), 201)["skipped"] == 2
