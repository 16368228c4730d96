"""What there is goes out as a file and comes back into an empty dairy unchanged."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from dairy_app.app import create_app
from dairy_app.database.transactions import Database
from dairy_app.exports.registers.lists import CUSTOMERS, STANDING_ORDERS
from dairy_app.importing.rules.columns import COLUMNS
from dairy_app.settings import Settings
from tests.command_line import run_command
from tests.conftest import PATIENT
from tests.dairy import Dairy, ok, read, refused
from tests.importing.sheets import upload

LISTS = ("customers", "standing-orders")


def begin(dairy: Dairy) -> None:
    """What both dairies have: staff and goods."""
    dairy.staff("delivery_boy", "Anil")
    dairy.staff("marketing_staff", "Meena")
    dairy.product(name="Cow Milk", sku="COW")
    dairy.product("70.00", name="Curd", sku="=CURD", unit="packet")


def fill(dairy: Dairy) -> None:
    staff = {each["role"]: each["id"] for each in read(dairy.admin, "/users")}
    cow, curd = sorted(read(dairy.admin, "/products"), key=lambda each: each["name"] != "Cow Milk")
    asha = dairy.customer(
        name='Asha "Rao", Flat-B', phone="+919812345601", email="asha@example.org", address_line1="=1+1 Mill Road",
        address_line2="near the well", city="Pune", state_code="27", pincode="411038", latitude="18.520400",
        longitude="73.856700", map_link="https://maps.app.goo.gl/x", area="Kothrud", stop_sequence=12,
        delivery_boy_id=staff["delivery_boy"], marketing_staff_id=staff["marketing_staff"], status="trial",
        trial_start_date=dairy.day(-3), billing_cycle="weekly", language="hi", notes="Ring twice,\nthen wait",
    )  # fmt: skip
    terms = {"payment_terms": "prepaid", "credit_limit": "2500.00", "channel": "email"}
    shop = dairy.customer(name="Café", code="SHOP-1", gstin="27AAACR5055K1Z7", login=False, **terms)
    third = dairy.customer(name="आशा", notes="", billed_to=shop["id"])
    stopped, gone = dairy.customer(name="Stopped"), dairy.customer(name="Twin")
    dairy.subscription(stopped, cow)
    ok(dairy.admin.patch(f"/customers/{stopped['id']}", {"status": "stopped"}))
    ok(dairy.admin.post(f"/customers/{gone['id']}/merge", {"into": asha["id"], "reason": "the same"}))
    for customer, amount in ((asha, "1240.50"), (shop, "-50")):
        body = {"customer_id": customer["id"], "as_of": dairy.day(-9), "amount": amount}
        ok(dairy.admin.post("/opening-balances", body), 201)
    one = dairy.subscription(asha, cow, "1.5", start_date=dairy.day(-5))
    ok(dairy.admin.patch(f"/subscriptions/{one['id']}", {"default_quantity": "2"}))
    dairy.subscription(asha, cow, "1", mode="weekly_pattern", weekly_pattern=[5, 6], shift="evening", auto_start=False)
    dairy.subscription(asha, cow, "3", mode="weekly_pattern", weekly_pattern=[0], shift="evening")
    dairy.subscription(shop, curd, "2", mode="alternate_days", interval_days=3, anchor_date=dairy.day(1),
                       stop_date=dairy.day(90), price_per_unit="55.50")  # fmt: skip
    dairy.subscription(shop, cow, mode="day_by_day", status="draft")
    dairy.subscription(
        asha, curd, mode="weekly_pattern", weekly_quantities={"tue": "2", "sun": "3"}, start_date=dairy.day(4)
    )
    changed = dairy.subscription(third, curd, "1", shift="evening")
    ok(dairy.admin.patch(f"/subscriptions/{changed['id']}", {"default_quantity": "4"}))
    planned = {
        "from": dairy.day(0),
        "product_id": cow["id"],
        "default_quantity": "1.25",
        "shift": "morning",
        "reason": "x",
    }
    ok(dairy.admin.post(f"/subscriptions/{changed['id']}/changes", planned), 201)
    ended = dairy.subscription(shop, cow, shift="evening")
    ok(dairy.admin.post(f"/subscriptions/{ended['id']}/stop", {}))


@pytest.fixture
def empty_dairy(server: Any, template: str, settings: Settings) -> Iterator[Dairy]:
    """Another one, on a database of its own."""
    url = server.create_database(template)
    database = Database(url, limits=PATIENT, pool_size=5)
    dairy = Dairy(create_app(settings, database))
    yield dairy
    database.dispose()
    server.drop_database(url)


def export(dairy: Dairy, name: str, form: str, **asked: str) -> bytes:
    answer = dairy.admin.get(f"/exports/{name}.{form}", **asked)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return bytes(answer.get_data())


def cells(raw: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(io.BytesIO(raw)).worksheets[0].iter_rows(values_only=True))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_export_import_export(dairy: Dairy, empty_dairy: Dairy, form: str) -> None:
    begin(dairy)
    fill(dairy)
    begin(empty_dairy)
    before = {(name, each): export(dairy, name, each) for name in LISTS for each in ("csv", "xlsx")}
    assert before["customers", "csv"].count(b"\r\n") == 5  # the headings, and all but the one that was merged
    assert before["standing-orders", "csv"].count(b"\r\n") == 8
    for name, count in (("customers", 4), ("standing-orders", 7)):
        made = ok(upload(empty_dairy.admin, name, before[name, form], f"{name}.{form}"), 201)
        assert made["created"] == count
    for name in LISTS:
        assert export(empty_dairy, name, "csv") == before[name, "csv"]
        assert cells(export(empty_dairy, name, "xlsx")) == cells(before[name, "xlsx"])
    assert empty_dairy.customer()["code"] == "C000004"  # behind all that came
    again = ok(upload(empty_dairy.admin, "customers", before["customers", form], on_existing="skip"), 201)
    assert (again["created"], again["skipped"], again["opening_balances"]) == (0, 4, 0)


def test_the_headings_are_the_columns_of_the_import() -> None:
    headings = {column.name for column in CUSTOMERS.columns}
    assert headings <= COLUMNS["customers"].keys()
    told = {column.name for column in STANDING_ORDERS.columns} - {"product_name", "unit"}
    assert told <= COLUMNS["standing-orders"].keys()


def test_a_standing_order_is_told_as_it_is_due(dairy: Dairy) -> None:
    begin(dairy)
    cow, curd = sorted(read(dairy.admin, "/products"), key=lambda each: each["name"] != "Cow Milk")
    order = dairy.subscription(dairy.customer(), cow, "1", start_date=dairy.day(-5))
    changes = f"/subscriptions/{order['id']}/changes"
    quantity = {"default_quantity": "2", "effective_from": dairy.day(2)}
    ok(dairy.admin.patch(f"/subscriptions/{order['id']}", quantity))
    ok(dairy.admin.post(changes, {"from": dairy.day(4), "product_id": curd["id"], "default_quantity": "3"}), 201)
    ok(dairy.admin.post(changes, {"from": dairy.day(6), "shift": "evening"}), 201)
    each_day = {name: str(n + 1) for n, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
    ok(dairy.admin.post(changes, {"from": dairy.day(8), "weekly_quantities": each_day}), 201)
    calendar = {
        each["date"]: each
        for month in sorted({dairy.day(n)[:7] for n in range(10)})
        for each in ok(dairy.admin.get(f"/subscriptions/{order['id']}/calendar", month=month))["days"]
    }
    for n in range(10):
        due = calendar[dairy.day(n)]
        (row,) = csv.DictReader(
            export(dairy, "standing-orders", "csv", as_of=dairy.day(n)).decode("utf-8-sig").splitlines()
        )
        weekdays = dict(pair.split(":") for pair in row["weekdays"].split())
        told = weekdays.get(f"{date.fromisoformat(dairy.day(n)):%a}".lower(), row["quantity"])
        assert (row["product_name"], row["shift"], Decimal(told)) == (
            due["product_name"], due["shift"], Decimal(due["quantity"]),
        )  # fmt: skip


def test_a_list_is_as_it_stands_on_a_day(dairy: Dairy) -> None:
    begin(dairy)
    cow = next(each for each in read(dairy.admin, "/products") if each["sku"] == "COW")
    order = dairy.subscription(dairy.customer(), cow, "1", start_date=dairy.day(-5))
    ok(dairy.admin.patch(f"/subscriptions/{order['id']}", {"default_quantity": "2", "effective_from": dairy.day(2)}))
    answer = dairy.admin.get("/exports/standing-orders.csv")
    assert f"standing-orders-v1-{dairy.day(0)}.csv" in answer.headers["Content-Disposition"]
    assert b",litre,1,fixed_daily," in answer.get_data()
    assert b",litre,2,fixed_daily," in dairy.admin.get("/exports/standing-orders.csv", as_of=dairy.day(2)).get_data()
    told = ok(dairy.admin.get("/exports/standing-orders.manifest.json"))
    assert (told["rows"], told["as_of"]) == (1, dairy.day(0))
    assert dairy.admin.get("/exports/customers.csv", period="2026-10").status_code == 200
    refused(dairy.admin.get("/exports/ledger.csv"), 422, "validation_failed")


def test_accountants_see_customers_and_no_standing_orders(dairy: Dairy) -> None:
    clerk = dairy.staff("accountant")
    assert clerk.get("/exports/customers.csv").status_code == 200
    for path in ("standing-orders.csv", "standing-orders.xlsx", "standing-orders.manifest.json"):
        refused(clerk.get(f"/exports/{path}"), 403, "forbidden")


@pytest.mark.slow
def test_the_command_writes_the_same(dairy: Dairy, database_url: str, tmp_path: Path) -> None:
    dairy.customer()
    target = tmp_path / "customers.csv"
    run_command("export", "customers", "-o", str(target), DATABASE_URL=database_url)
    assert target.read_bytes() == export(dairy, "customers", "csv")
    assert date.fromisoformat(dairy.day(0))
