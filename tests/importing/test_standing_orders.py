"""Standing orders of registered customers, from a file."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, read, refused
from tests.importing.sheets import faults, upload, workbook


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    dairy.product(name="Cow Milk", sku="COW")
    dairy.product("70.00", name="Buffalo Milk", sku="BUF")
    return dairy.customer(name="Asha", phone="+919812345601")


def test_by_code_or_phone_with_all_that_a_standing_order_says(dairy: Dairy, asha: Any) -> None:
    text = (
        "Customer code,Phone,Product,Qty,Frequency,Days,Interval,Anchor date,Shift,Rate,Start date,Stop date,Status\n"
        "C000001,,COW,1,,Mon Wed,,,AM,55.50,01/11/2026,,\n"
        ",98123 45601,Buffalo milk,2,Alternate days,,3,02-11-2026,pm,,,31-12-2099,draft\n"
        "c000001,,COW,1,on call,,,,evening,0,,,paused\n"
    )
    made = ok(upload(dairy.admin, "standing-orders", text), 201)
    assert (made["created"], made["skipped"]) == (3, 0)
    orders = read(dairy.admin, "/subscriptions")
    assert [each["id"] for each in made["items"]] == [each["id"] for each in orders]
    assert {each["code"] for each in made["items"]} == {"C000001"}
    shown = ("mode", "default_quantity", "weekly_pattern", "interval_days", "anchor_date", "shift", "price_per_unit",
             "start_date", "stop_date", "status")  # fmt: skip
    assert [[each[name] for name in shown] for each in orders] == [
        ["weekly_pattern", "1.000", [0, 2], None, None, "morning", "55.50", "2026-11-01", None, "active"],
        ["alternate_days", "2.000", None, 3, "2026-11-02", "evening", None, dairy.day(0), "2099-12-31", "draft"],
        ["day_by_day", "1.000", None, None, None, "evening", "0.00", dairy.day(0), None, "paused"],
    ]


def test_faults_by_row(dairy: Dairy, asha: Any) -> None:
    for name in ("Bela", "Chitra"):
        dairy.customer(name=name, phone="+919812345602", login=False)
    gone = dairy.customer(name="Gone")
    ok(dairy.admin.patch(f"/customers/{gone['id']}", {"status": "stopped"}))
    packets = dairy.product(name="Curd", sku="CURD", unit="packet")
    assert packets["unit"] == "packet"
    text = (
        "Code,Phone,Name,Product,Qty,Days,Stop date,Start date\n"
        "X9,,,COW,1,,,\n"
        ",9812345699,,COW,1,,,\n"
        ",9812345602,,COW,1,,,\n"
        ",9812345602,Somebody,COW,1,,,\n"
        ",,Asha,COW,1,,,\n"
        f"{gone['code']},,,COW,1,,,\n"
        "C000001,,,CURD,1.5,,,\n"
        "C000001,,,COW,500 g,,,\n"
        "C000001,,,COW,1,Someday,,\n"
        "C000001,,,COW,1,,01-10-2026,02-10-2026\n"
        "C000001,,,CURD,3 ltr,,,\n"
        "C000001,,,CURD,,mon:1.5 tue:1,,\n"
    )
    seen = ok(upload(dairy.admin, "standing-orders", text, dry_run=True), 200)
    assert faults(seen) == [
        (2, "customer_code", "customer_not_found"), (3, "phone", "customer_not_found"), (4, "phone", "ambiguous"),
        (5, "phone", "ambiguous"), (6, "customer_code", "required"), (7, "customer_code", "customer_stopped"),
        (8, "quantity", "not_whole"), (9, "quantity", "invalid"), (10, "weekdays", "invalid"),
        (11, "stop_date", "invalid"), (12, "quantity", "invalid"), (13, "product", "duplicate"),
        (13, "weekdays", "not_whole"),
    ]  # fmt: skip
    refused(upload(dairy.admin, "standing-orders", text), 422, "validation_failed")
    fine = "Phone,Name,Product,Qty\n9812345602,chitra,COW,1\n"
    assert ok(upload(dairy.admin, "standing-orders", fine), 201)["created"] == 1


def test_more_than_one_order_usually_holds_is_confirmed(dairy: Dairy, asha: Any) -> None:
    text = "Code,Product,Qty,Days\nC000001,COW,51,mon\nC000001,COW,,tue:1 wed:50.5\nC000001,BUF,50,\n"
    told = [(2, "quantity", "quantity_unusual"), (3, "weekdays", "quantity_unusual")]
    assert faults(ok(upload(dairy.admin, "standing-orders", text, dry_run=True), 200)) == told
    refused(upload(dairy.admin, "standing-orders", text), 422, "validation_failed")
    by_product = "Name,Phone,Address,Area,Cow Milk\nBela,98123 45602,1 Mill Road,Kothrud,500\n"
    seen = ok(upload(dairy.admin, "customers", by_product, dry_run=True), 200)
    assert faults(seen) == [(2, "product:COW", "quantity_unusual")]
    assert ok(upload(dairy.admin, "standing-orders", text, confirm=True), 201)["created"] == 3
    assert ok(upload(dairy.admin, "customers", by_product, confirm=True), 201)["standing_orders"] == 1


def test_what_is_there_already_and_what_is_twice(dairy: Dairy, asha: Any) -> None:
    header = "Code,Product,Qty,Days,Shift,Start date,Stop date\n"
    once = header + "C000001,COW,1,mon-fri,,,\n"
    (first,) = ok(upload(dairy.admin, "standing-orders", once), 201)["items"]
    more = (
        once
        + "C000001,COW,2,sat sun,,,\n"  # other days
        + "C000001,COW,2,,evening,,\n"  # another shift
        + "C000001,COW,2,,evening,,\n"  # twice
    )
    assert faults(ok(upload(dairy.admin, "standing-orders", more, dry_run=True), 200)) == [
        (2, "product", "already_exists"), (5, "product", "duplicate"),
    ]  # fmt: skip
    good = "\n".join(more.splitlines()[:4]) + "\n"
    made = ok(upload(dairy.admin, "standing-orders", good, on_existing="skip"), 201)
    assert (made["created"], made["skipped"]) == (2, 1)
    assert made["items"][0] == {**first, "skipped": True}


def test_a_column_for_each_product(dairy: Dairy, asha: Any) -> None:
    raw = workbook(("Code", "Cow Milk", "Buffalo Milk"), ("C000001", 1.5, 2))
    made = ok(upload(dairy.admin, "standing-orders", raw, "x.xlsx"), 201)
    assert [(each["line"], each["code"]) for each in made["items"]] == [(2, "C000001")] * 2
    priced = workbook(("Code", "Cow Milk", "Buffalo Milk", "Rate"), ("C000001", 1.5, 2, 50))
    assert faults(ok(upload(dairy.admin, "standing-orders", priced, dry_run=True), 200)) == [
        (2, "price_per_unit", "ambiguous")
    ]  # fmt: skip
