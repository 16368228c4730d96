"""How files are sent, sent again, and what is no file at all."""

import csv
import io
from typing import Any

import pytest

from dairy_app.web.uploads import XLSX
from tests.dairy import Dairy, ok, read, refused
from tests.importing.sheets import upload, workbook
from tests.races import at_once

ONE = "Name,Phone,Address,Area\nAsha,9812345601,1 Mill Road,Kothrud\n"


def test_the_same_sent_twice_with_a_key_is_done_once(dairy: Dairy) -> None:
    key = {"Idempotency-Key": "sheet of november"}
    first = upload(dairy.admin, "customers", ONE, headers=key)
    again = upload(dairy.admin, "customers", ONE, headers=key)
    assert ok(first, 201) == ok(again, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    refused(upload(dairy.admin, "customers", ONE, headers=key, dry_run=True), 422, "idempotency_key_reused")
    assert len(read(dairy.admin, "/customers")) == 1


def test_the_rows_as_csv_for_who_asks(dairy: Dairy) -> None:
    headers = {"Accept": "text/csv", "Idempotency-Key": "a"}
    answers = [upload(dairy.admin, "customers", ONE, headers=headers) for _ in range(2)]
    (customer,) = read(dairy.admin, "/customers")
    for answer in answers:
        assert answer.status_code == 201
        assert answer.mimetype == "text/csv"
        (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True)))
        assert (row["line"], row["code"], row["id"]) == ("2", "C000001", customer["id"])
    problem = refused(upload(dairy.admin, "customers", ONE, headers={"Accept": "text/csv"}), 422, "validation_failed")
    assert problem["faults"][0]["code"] == "already_exists"


def test_a_code_that_a_spreadsheet_would_compute_is_guarded_in_the_csv(dairy: Dairy) -> None:
    dairy.customer(name="Asha", code='=HYPERLINK("x")', phone="+919812345601")
    dairy.customer(name="Ravi", code="-5", phone="+919812345602")
    text = "Phone,Amount,Method\n9812345601,5,cash\n9812345602,5,cash\n"
    for options in ({"dry_run": True}, {}):
        answer = upload(dairy.admin, "payments", text, headers={"Accept": "text/csv"}, **options)
        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
        assert [row["code"] for row in rows] == ['\'=HYPERLINK("x")', "'-5"]
        assert [row["line"] for row in rows] == ["2", "3"]


def test_the_file_may_be_the_body_or_a_text(dairy: Dairy) -> None:
    query = {"dry_run": "true"}
    as_body = dairy.admin.call("POST", "/imports/customers", data=ONE, content_type="text/csv", query_string=query)
    as_text = dairy.admin.post("/imports/customers", {"csv": ONE, "dry_run": True, "on_existing": "skip"})
    for answer in (as_body, as_text, upload(dairy.admin, "customers", ONE, dry_run=True)):
        assert ok(answer, 200)["created"] == 1
    assert read(dairy.admin, "/customers") == []


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"dry_run": "perhaps"}, "/dry_run"), ({"on_existing": "overwrite"}, "/on_existing"), ({"shoe": "1"}, "/shoe"),
        ({"sheet": "2"}, "/sheet"),
    ],
)  # fmt: skip
def test_options_that_there_are_not(dairy: Dairy, options: dict[str, str], pointer: str) -> None:
    problem = refused(upload(dairy.admin, "customers", ONE, **options), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "invalid"), ("Shoe,Size\nx,42\n", "columns"), ("Name,Phone,Address,Area\n,,,\n", "empty"),
        (b"Name,Phone\n\xff\xfe", "invalid"), (b"\xff\xfeN", "invalid"), (b"\xd0\xcf\x11\xe0 old", "invalid"),
        ('Name,Phone,Address,Area\n"open', "invalid"), (b"PK\x03\x04 nothing", "invalid"),
        ("Name\x00,Phone\n", "invalid"),
    ],
)  # fmt: skip
def test_what_is_no_table(dairy: Dairy, content: str | bytes, code: str) -> None:
    for options in ({}, {"dry_run": True}):
        problem = refused(upload(dairy.admin, "customers", content, **options), 422, "validation_failed")
        assert problem["errors"][0]["code"] == code


def test_columns_that_are_missing_or_there_twice(dairy: Dairy) -> None:
    seen = ok(upload(dairy.admin, "customers", "Name,Phone\nAsha,9812345601\n", dry_run=True), 200)
    assert [(each["line"], each["column"], each["code"]) for each in seen["faults"]] == [
        (1, "address_line1", "required"), (1, "area", "required")
    ]  # fmt: skip
    text = "Customer name,Full name,Phone,Mobile,Address,Area\nAsha,Asha,9812345601,9812345602,1 Mill Road,Kothrud\n"
    seen = ok(upload(dairy.admin, "customers", text, dry_run=True), 200)
    assert [(each["column"], each["code"]) for each in seen["faults"]] == [("name", "columns")]
    assert {each["header"]: each["read_as"] for each in seen["columns"]}["Mobile"] is None  # Phone is called so
    text = "Name,Phone,Address,Area\nAsha,9812345601,1 Mill Road, Flat 2,Kothrud\n"
    seen = ok(upload(dairy.admin, "customers", text, dry_run=True), 200)
    assert [(each["line"], each["code"]) for each in seen["faults"]] == [(2, "columns")]


def test_what_looks_like_a_formula_is_a_text_and_stays_one(dairy: Dairy) -> None:
    ok(upload(dairy.admin, "customers", ONE.replace("Asha", "\"=cmd|'/c calc'!A1\"")), 201)
    assert read(dairy.admin, "/customers")[0]["name"] == "=cmd|'/c calc'!A1"
    computed = workbook(("Name", "Phone", "Address", "Area"), ("=1+1", 9812345602, "2 Mill Road", "Baner"))
    seen = ok(upload(dairy.admin, "customers", computed, dry_run=True), 200)
    assert [(each["column"], each["code"]) for each in seen["faults"]] == [("name", "not_computed")]


def test_the_log_says_who_sent_it(dairy: Dairy, sql: Any) -> None:
    ok(upload(dairy.admin, "customers", ONE), 201)
    rows = sql("SELECT actor_role, request_id IS NOT NULL FROM audit_log WHERE table_name = 'customers'")
    assert rows == [("admin", True)]


def test_two_files_with_the_same_payment_at_once(dairy: Dairy, database_url: str) -> None:
    dairy.customer(phone="+919812345601")
    text = "Phone,Amount,Method,Ref\n9812345601,5,UPI,4242\n9812345601,7,cash,\n"
    hold = "SELECT FROM customers FOR UPDATE"
    answers = at_once(database_url, hold, *[lambda: upload(dairy.admin, "payments", text)] * 2)
    assert sorted(each.status_code for each in answers) == [201, 422]
    assert [each["receipt_no"] for each in read(dairy.admin, "/payments", sort="amount")] == ["R0000001", "R0000002"]


def test_a_file_and_a_single_payment_at_once(dairy: Dairy, database_url: str) -> None:
    customer = dairy.customer(phone="+919812345601")
    one = {"customer_id": customer["id"], "amount": "5", "method": "upi", "reference": "4242"}
    text = "Phone,Amount,Method,Ref\n9812345601,5,UPI,UTR 4242\n"
    answers = at_once(
        database_url, "SELECT FROM customers FOR UPDATE",
        lambda: upload(dairy.admin, "payments", text), lambda: dairy.admin.post("/payments", one), one_by_one=True,
    )  # fmt: skip
    assert [each.status_code for each in answers] == [201, 409]


def test_two_files_with_the_same_standing_order_at_once(dairy: Dairy, database_url: str) -> None:
    dairy.product(sku="COW")
    dairy.customer(phone="+919812345601")
    text = "Phone,Product,Qty\n9812345601,COW,1\n"
    hold = "SELECT FROM customers FOR UPDATE"
    answers = at_once(database_url, hold, *[lambda: upload(dairy.admin, "standing-orders", text)] * 2)
    assert sorted(each.status_code for each in answers) == [201, 422]
    assert len(read(dairy.admin, "/subscriptions")) == 1


def test_code_and_phone_of_one_who_was_merged_lead_to_the_other(dairy: Dairy) -> None:
    asha, bela = dairy.customer(name="Asha", phone="+919812345601"), dairy.customer(name="Bela")
    ok(dairy.admin.post(f"/customers/{asha['id']}/merge", {"into": bela["id"], "reason": "the same"}))
    text = "Code,Phone,Amount,Method\nC000001,,5,cash\n,9812345601,6,cash\n"
    made = ok(upload(dairy.admin, "payments", text), 201)
    assert [each["code"] for each in made["items"]] == ["C000002", "C000002"]
    again = ok(upload(dairy.admin, "customers", ONE, on_existing="skip"), 201)
    assert [(each["id"], each["skipped"]) for each in again["items"]] == [(bela["id"], True)]


def test_two_files_with_the_same_customer_at_once(dairy: Dairy, database_url: str) -> None:
    hold = "LOCK TABLE areas"
    answers = at_once(database_url, hold, *[lambda: upload(dairy.admin, "customers", ONE)] * 2, one_by_one=True)
    assert sorted(each.status_code for each in answers) == [201, 422]
    assert len(read(dairy.admin, "/customers")) == 1


def test_a_refused_file_uses_no_receipt(dairy: Dairy) -> None:
    dairy.customer(phone="+919812345601")
    refused(
        upload(dairy.admin, "payments", "Phone,Amount,Method\n9812345601,5,cash\n12,6,cash\n"), 422, "validation_failed"
    )
    ok(upload(dairy.admin, "payments", "Phone,Amount,Method\n9812345601,5,cash\n", dry_run=True), 200)
    made = ok(upload(dairy.admin, "payments", "Phone,Amount,Method\n9812345601,5,cash\n"), 201)
    assert made["items"][0]["receipt_no"] == "R0000001"


def test_the_paths_of_before_read_the_same_files(dairy: Dairy) -> None:
    dairy.product(name="Cow Milk", sku="COW")
    sheet = (("Customers of Kothrud",), ("S.No", "Name", "Mobile No.", "Address", "Area", "Cow Milk", "Balance"),
             (1, "Asha", 9812345601, "1 Mill Road", "Kothrud", "½", "50 Cr"), (None, "Total"))  # fmt: skip
    raw = workbook(*sheet, sheet="Kothrud", before=("Notes",))
    query = {"sheet": "Kothrud", "dry_run": "true"}
    seen = ok(dairy.admin.call("POST", "/customers/import", data=raw, content_type=XLSX, query_string=query), 201)
    assert seen == {
        "dry_run": True, "created": 1, "logins": 1, "new_areas": ["Kothrud"],
        "items": [{"line": 3, "name": "Asha", "phone": "+919812345601", "area": "Kothrud", "login": True}],
    }  # fmt: skip
    form = {"file": (io.BytesIO(raw), "customers.xlsx"), "sheet": "2"}
    made = ok(dairy.admin.call("POST", "/customers/import", data=form, content_type="multipart/form-data"), 201)
    (asha,) = read(dairy.admin, "/customers")
    assert (made["created"], made["items"][0]["id"]) == (1, asha["id"])
    assert [each["default_quantity"] for each in read(dairy.admin, "/subscriptions")] == ["0.500"]
    assert [each["amount"] for each in read(dairy.admin, "/opening-balances")] == ["-50.00"]
    form = {"file": (io.BytesIO(raw), "customers.xlsx"), "sheet": "2", "on_existing": "skip"}
    again = ok(dairy.admin.call("POST", "/customers/import", data=form, content_type="multipart/form-data"), 201)
    assert (again["created"], again["items"]) == (0, [{"line": 3, "id": asha["id"]}])
    refused(dairy.admin.call("POST", "/customers/import", data=raw, content_type=XLSX, query_string=query), 422,
            "validation_failed")  # fmt: skip


def test_opening_balances_in_the_path_of_before_are_read_the_same(dairy: Dairy) -> None:
    for number, name in enumerate(("Asha", "Ravi"), 1):
        dairy.customer(name=name, phone=f"+91981234560{number}")
    raw = workbook(("Dues",), ("Mobile", "Party", "Outstanding", "Dr/Cr"), (9812345601, "Asha", "1,240.50", "Dr"),
                   (9812345602, "Ravi", 250, "Cr"), (None, "Total", 990.5))  # fmt: skip
    wrong = workbook(("Mobile", "Party", "Outstanding"), (9812345601, "Ravi", 5))
    for query in ({"dry_run": "true"}, {}):
        problem = refused(
            dairy.admin.call("POST", "/opening-balances", data=wrong, content_type=XLSX, query_string=query), 422,
            "validation_failed",
        )  # fmt: skip
        assert [each["code"] for each in problem["errors"]] == ["differs"]
        made = ok(dairy.admin.call("POST", "/opening-balances", data=raw, content_type=XLSX, query_string=query), 201)
        assert {name: made[name] for name in ("dry_run", "created", "debit", "credit")} == {
            "dry_run": bool(query), "created": 2, "debit": "1240.50", "credit": "250.00"
        }  # fmt: skip
        assert [(each["customer_code"], each["as_of"], each["amount"]) for each in made["items"]] == [
            ("C000001", dairy.day(0), "1240.50"), ("C000002", dairy.day(0), "-250.00")
        ]  # fmt: skip
    one = {"customer_code": "C000001", "as_of": dairy.day(0), "amount": "5", "dry_run": True}
    refused(dairy.admin.post("/opening-balances", one), 422, "validation_failed")  # it would have been booked
