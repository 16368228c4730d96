"""Customers from a spreadsheet: every row or none, looked at before it is written."""

import csv
import io
import json
import time
import tracemalloc
import zipfile
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook

from dairy_app.customers import bulk
from dairy_app.customers.models import Customer
from dairy_app.customers.schemas import CustomerRow
from dairy_app.web import logs
from dairy_app.web.uploads import XLSX
from tests.dairy import Dairy, ok, refused
from tests.races import at_once
from tests.statements import count_statements

HEADER = ("name", "phone", "address_line1", "area")


def text_of(*rows: dict[str, Any]) -> str:
    columns = list(dict.fromkeys([*HEADER, *(name for row in rows for name in row)]))
    out = io.StringIO()
    table = csv.DictWriter(out, columns)
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def row(number: int, **fields: Any) -> dict[str, Any]:
    known = {"name": f"Household {number}", "phone": f"98123 {number:05d}", "address_line1": f"{number} Mill Road"}
    return known | {"area": "Kothrud"} | fields


def send(dairy: Dairy, data: str | bytes, *, dry_run: bool = False, media: str = "text/csv") -> Any:
    query = {"dry_run": "true"} if dry_run else {}
    return dairy.admin.call("POST", "/customers/import", data=data, content_type=media, query_string=query)


def faults(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["pointer"], each["code"]) for each in problem["errors"]]


def listed(dairy: Dairy) -> Any:
    return ok(dairy.admin.get("/customers", limit=200))["items"]


@pytest.fixture
def boy(dairy: Dairy) -> Any:
    return dairy.staff("delivery_boy").user


def test_every_column_arrives(dairy: Dairy, boy: Any) -> None:
    seller = dairy.staff("marketing_staff").user
    full = row(1, code="SHOP-1", email="Cafe@Example.org", address_line2="Near the well", city="Pune", pincode="411038",
               latitude="18.5204", longitude="73.8567", map_link="https://maps.app.goo.gl/x", stop_sequence="12",
               status="trial", trial_start_date="2026-10-01", billing_cycle="weekly", language="hi",
               gstin="27AAACR5055K1Z7", notes="Ring twice", delivery_boy=boy["email"].upper(),
               marketing_staff=seller["email"], login="no", payment_terms="prepaid", credit_limit="250.5",
               channel="sms")  # fmt: skip
    answer = ok(send(dairy, "\ufeff" + text_of(full, row(2))), 201)
    assert (answer["created"], answer["logins"], answer["new_areas"]) == (2, 1, ["Kothrud"])
    plain, cafe = listed(dairy)
    expected = {
        "code": "SHOP-1", "phone": "+919812300001", "email": "cafe@example.org", "latitude": "18.520400",
        "stop_sequence": 12, "status": "trial", "trial_start_date": "2026-10-01", "billing_cycle": "weekly",
        "language": "hi", "state_code": "27", "gst_treatment": "registered", "area": "Kothrud", "user_id": None,
        "payment_terms": "prepaid", "credit_limit": "250.50", "channel": "sms", "messages_off": [],
        "delivery_boy_id": boy["id"], "marketing_staff_id": seller["id"], "id": answer["items"][0]["id"],
    }  # fmt: skip
    assert {name: cafe[name] for name in expected} == expected
    usual = {"code": "C000001", "status": "active", "billing_cycle": "monthly", "gst_treatment": "consumer"}
    assert {name: plain[name] for name in usual} == usual


def test_each_has_a_login_that_opens_nothing_before_its_invitation(dairy: Dairy) -> None:
    ok(send(dairy, text_of(row(1))), 201)
    (customer,) = listed(dairy)
    user = ok(dairy.admin.get(f"/users/{customer['user_id']}"))
    assert (user["role"], user["phone"], user["name"]) == ("customer", "+919812300001", "Household 1")
    token = ok(dairy.admin.post(f"/users/{user['id']}/invitation"))["invitation_token"]
    assert dairy.accept(token, "9812300001").user["customer_v2_id"] == customer["id"]


def test_a_dry_run_says_the_same_and_writes_nothing(dairy: Dairy, sql: Any) -> None:
    ok(dairy.admin.post("/areas", {"name": "kothrud"}), 201)
    text = text_of(row(1), row(2, area="Baner"), row(3, area="BANER"))
    seen = ok(send(dairy, text, dry_run=True), 201)
    assert (seen["dry_run"], seen["created"], seen["logins"]) == (True, 3, 3)
    assert [name.lower() for name in seen["new_areas"]] == ["baner"]
    assert seen["items"][0] == {
        "line": 2, "name": "Household 1", "phone": "+919812300001", "area": "Kothrud", "login": True
    }  # fmt: skip
    assert sql("SELECT count(*) FROM customers") == [(0,)]
    assert sql("SELECT count(*) FROM users WHERE role = 'customer'") == [(0,)]
    assert [each["name"] for each in ok(dairy.admin.get("/areas"))["items"]] == ["kothrud"]
    written = ok(send(dairy, text), 201)
    assert {name: written[name] for name in ("created", "logins", "new_areas")} == {
        name: seen[name] for name in ("created", "logins", "new_areas")
    }
    assert len(listed(dairy)) == 3


def test_staff_are_named_as_people_name_them(dairy: Dairy) -> None:
    """By e-mail, phone or name; a name that several have does not say who is meant."""
    ravi, first, _ = (dairy.staff("delivery_boy", name).user for name in ("Ravi", "Salim", "Salim"))
    ok(send(dairy, text_of(row(1, delivery_boy=" ravi "), row(2, delivery_boy=first["email"]), row(3))), 201)
    of = {each["name"]: each["delivery_boy_id"] for each in listed(dairy)}
    assert sorted(of.values(), key=str) == sorted([ravi["id"], first["id"], None], key=str)
    problem = refused(
        send(dairy, text_of(row(4, delivery_boy="Salim"), row(5, delivery_boy="Nobody"))), 422, "validation_failed"
    )
    assert faults(problem) == [("/rows/2/delivery_boy", "ambiguous"), ("/rows/3/delivery_boy", "user_not_found")]
    assert "name the e-mail or phone" in problem["errors"][0]["detail"]


def test_all_or_nothing_and_every_fault_by_its_line(dairy: Dairy, boy: Any) -> None:
    ok(send(dairy, text_of(row(7, code="SHOP"))), 201)
    text = text_of(
        row(1),
        row(2, phone="12", pincode="0123"),
        row(3, name=""),
        row(7, name="Upstairs"),  # the login of somebody
        row(1, name="The same phone"),
        row(4, code="SHOP"),
        row(5, code="C999999999"),
        row(6, delivery_boy="nobody@dairy.example"),
        row(8, marketing_staff=boy["email"]),
        row(9, gst_treatment="registered"),
        row(10, login="maybe", status="sleeping", stop_sequence="-1"),
    )
    before = listed(dairy)
    problem = refused(send(dairy, text), 422, "validation_failed")
    assert faults(problem) == [
        ("/rows/3/phone", "invalid"), ("/rows/3/pincode", "invalid"), ("/rows/4/name", "required"),
        ("/rows/5/phone", "already_exists"), ("/rows/6/phone", "duplicate"), ("/rows/7/code", "already_exists"),
        ("/rows/8/code", "invalid"), ("/rows/9/delivery_boy", "user_not_found"),
        ("/rows/10/marketing_staff", "user_not_found"), ("/rows/11/gstin", "required"), ("/rows/12/login", "invalid"),
        ("/rows/12/status", "invalid"), ("/rows/12/stop_sequence", "invalid"),
    ]  # fmt: skip
    assert problem["detail"] == "Nothing was imported: 13 faults."
    assert "Line 6: +919812300001 stands in line 2 too." in [each["detail"] for each in problem["errors"]]
    assert listed(dairy) == before


def test_who_has_no_login_may_share_a_phone(dairy: Dairy) -> None:
    ok(send(dairy, text_of(row(1), row(1, name="Upstairs", login="No"))), 201)
    assert [each["user_id"] is None for each in listed(dairy)] == [False, True]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid"), ("name,phone\n", "empty"), ("name,phone\nx,1\n", "required"), ("shoe,size\nx,42\n", "columns"),
        ("name,name,phone,address_line1,area\n", "columns"), ("name,phone,address_line1,area\n\n,,,\n", "empty"),
        ('name,phone,address_line1,area\n"open', "invalid"),
        ("name,phone,address_line1,area\na,b,c,d,e,f\n", "columns"),
    ],
)  # fmt: skip
def test_what_is_no_such_file(dairy: Dairy, text: str, code: str) -> None:
    answer = send(dairy, text or b"\xff\xfe\x00")
    assert refused(answer, 422, "validation_failed")["errors"][0]["code"] == code


@pytest.mark.parametrize(
    "text",
    [
        "Name, Phone, Address, Area\nAsha Rao, 98123 45601, 1 Mill Road, Baner\n",
        "NAME;Mobile No.;House and street;AREA;;\nAsha Rao;9812345601;1 Mill Road;Baner;;\n;;;;;\n",
        "Customer Name\tPhone Number\tAddress Line 1\tArea \nAsha Rao\t9812345601\t1 Mill Road\tBaner\n",
        "नाम,फ़ोन,पता,इलाका,,\nAsha Rao,9812345601,1 Mill Road,Baner,,\n,,,,,\n",
        "नाम,\u092b\u093c\u094b\u0928,पता,इलाका\nAsha Rao,9812345601,1 Mill Road,Baner\n",
    ],
)
def test_headings_are_what_people_write(dairy: Dairy, text: str) -> None:
    assert ok(send(dairy, text), 201)["created"] == 1
    (asha,) = listed(dairy)
    found = (asha["name"], asha["phone"], asha["address_line1"], asha["area"])
    assert found == ("Asha Rao", "+919812345601", "1 Mill Road", "Baner")


def test_a_phone_that_a_spreadsheet_shortened_is_named(dairy: Dairy) -> None:
    problem = refused(send(dairy, text_of(row(1, phone="9.81235E+09"), row(2, phone=""))), 422, "validation_failed")
    assert faults(problem) == [("/rows/2/phone", "shortened"), ("/rows/3/phone", "required")]
    assert [each["detail"] for each in problem["errors"]] == [
        "Line 2: The spreadsheet saved only the first digits. "
        "Send the workbook itself (XLSX), or widen the column first.",
        "Line 3: Nothing is in this cell.",
    ]


@pytest.mark.slow
def test_more_than_ten_thousand_rows_come_in_several_files(dairy: Dairy) -> None:
    text = "name,phone,address_line1,area\n" + "a,b,c,d\n" * 10_001
    assert refused(send(dairy, text), 422, "validation_failed")["errors"][0]["code"] == "too_many"
    faulty = "name,phone,address_line1,area,pincode,status\n" + ",b,,d,e,f\n" * 2001
    assert refused(send(dairy, faulty), 422, "validation_failed")["detail"] == "Nothing was imported: 10005 faults."


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    for cells in rows:
        book.worksheets[0].append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_with_numbers_and_days_as_spreadsheets_keep_them(dairy: Dairy) -> None:
    columns = (*HEADER, "pincode", "stop_sequence", "trial_start_date", "latitude", "login")
    raw = workbook(
        columns,
        ("Asha", 9812300001, "1 Mill Road", "Kothrud", 411038, 3.0, date(2026, 10, 1), 18.5, False),
        (None,) * 9,
        ("Ravi", "'+91 98123 00002", "2 Mill Road", "Kothrud"),
    )
    upload = {"file": (io.BytesIO(raw), "customers.xlsx")}
    answer = ok(dairy.admin.call("POST", "/customers/import", data=upload, content_type="multipart/form-data"), 201)
    assert [each["line"] for each in answer["items"]] == [2, 4]
    asha, ravi = listed(dairy)
    kept = ("phone", "pincode", "stop_sequence", "trial_start_date", "latitude", "user_id")
    assert [asha[name] for name in kept] == ["+919812300001", "411038", 3, "2026-10-01", "18.500000", None]
    assert ravi["phone"] == "+919812300002"
    assert ok(send(dairy, workbook(columns[:4], tuple(row(9).values())), media=XLSX), 201)["created"] == 1


def test_what_only_looks_like_a_workbook(dairy: Dairy) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("hello.txt", "hello")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", b"\x00" * (101 * 1024 * 1024))
    wide = workbook((*HEADER, *(None,) * 120, "shoe"), tuple(row(1).values()))  # what lies beyond is not looked at
    assert ok(send(dairy, wide, media=XLSX), 201)["created"] == 1
    for raw in (b"PK\x03\x04 nothing", packed.getvalue(), bomb.getvalue()):
        assert refused(send(dairy, raw, media=XLSX), 422, "validation_failed")["errors"][0]["pointer"] == "/file"
    refused(send(dairy, "x", media="application/pdf"), 415, "unsupported_media_type")


def damaged(part: str, change: Any, flags: int = 0) -> bytes:
    """A workbook one part of which is changed, with these bits set in its entry."""
    out = io.BytesIO()
    whole = zipfile.ZipFile(io.BytesIO(workbook((*HEADER,), tuple(row(1).values()))))
    with whole, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name in whole.namelist():
            file.writestr(name, change(whole.read(name)) if part in name else whole.read(name))
    raw = bytearray(out.getvalue())
    at = raw.find(b"PK\x01\x02")
    while at >= 0:
        raw[at + 8] |= flags
        at = raw.find(b"PK\x01\x02", at + 1)
    return bytes(raw)


@pytest.mark.parametrize(
    "raw",
    [
        damaged("sheet1", lambda _: b"<no xml"), damaged("workbook.xml", lambda _: b"<a/>"),
        damaged("Content_Types", lambda _: b""), damaged("sheet1", lambda xml: xml.replace(b't="inlineStr"', b't="e"')),
        damaged("none", bytes, flags=1),  # says that it is encrypted
        damaged("sheet1", lambda xml: xml.replace(b'r="A1"', b'r="??"')),
        damaged("workbook.xml", lambda xml: xml.replace(b"sheets>", b"shoots>")),
        workbook((*HEADER,), tuple(row(1).values()))[:-400],
        workbook((*HEADER,), tuple(row(1).values())).replace(b"\x8d", b"\xff"),
    ],
)  # fmt: skip
def test_a_damaged_workbook_is_refused_or_read_and_never_a_fault(dairy: Dairy, raw: bytes) -> None:
    answer = send(dairy, raw, media=XLSX)
    assert answer.status_code in (201, 422), answer.get_data(as_text=True)


def test_where_the_reading_of_a_workbook_ended_is_in_the_log_and_its_content_is_not(
    dairy: Dairy, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure_logging("warning", "json")
    broken = damaged("sheet1", lambda xml: xml.replace(b'r="A1"', b'r="Asha of Kothrud"'))
    refused(send(dairy, broken, media=XLSX), 422, "validation_failed")
    (said,) = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "workbook" in line]
    assert said["fault"] == "ValueError" and said["place"].split(":")[0].endswith(".py")
    assert "Asha" not in json.dumps(said)


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
DOCTYPE = b'<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'


def of_rows(content: bytes) -> bytes:
    return damaged("sheet1", lambda _: SHEET % content)


@pytest.mark.parametrize(
    "raw",
    [
        damaged("sheet1", lambda xml: xml.replace(b"<worksheet", DOCTYPE + b"<worksheet")),
        damaged("styles", lambda xml: xml.replace(b"<styleSheet", DOCTYPE + b"<styleSheet")),
        damaged("sheet1", lambda xml: xml[:-20]),
        of_rows(b'<row r="1">' + b'<c r="A1" t="n"><v>' + b"9" * 5000 + b"</v></c></row>"),
        of_rows(b'<row r="1"><c r="A1" s="1" t="d"><v>99999-99-99</v></c></row>'),
    ],
    ids=["doctype", "doctype elsewhere", "cut off", "a number without end", "no day"],
)
def test_xml_that_is_none_or_declares_its_own_is_refused(dairy: Dairy, raw: bytes) -> None:
    assert refused(send(dairy, raw, media=XLSX), 422, "validation_failed")["errors"][0]["pointer"] in ("/file", "/csv")


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("sheet1", SHEET % (b"<row/>" * 10_000_000)),
        ("sheet1", SHEET % (b'<row r="1"/>' * 5_000_000)),
        ("styles", b"<styleSheet><cellXfs>" + b"<xf/>" * 4_000_000 + b"</cellXfs></styleSheet>"),
        ("theme", b"<sst>" + b"<si/>" * 4_000_000 + b"</sst>"),
        ("workbook.xml", b"<a>" * 1_000_000 + b"</a>" * 1_000_000),
    ],
    ids=["rows", "one row again", "styles", "shared strings", "depth"],
)
def test_what_unpacks_to_millions_is_refused_before_it_is_read(dairy: Dairy, part: str, content: bytes) -> None:
    raw = damaged(part, lambda _: content)
    assert len(raw) < 200_000
    tracemalloc.start()
    started = time.monotonic()
    refused(send(dairy, raw, media=XLSX), 422, "validation_failed")
    taken, (_, peak) = time.monotonic() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 5
    assert peak < 150_000_000


def test_a_hundred_take_as_many_statements_as_two(dairy: Dairy, boy: Any) -> None:
    counts = []
    for first, many in ((1, 2), (1000, 100)):
        rows = (row(number, area=f"Area {number}", delivery_boy=boy["email"]) for number in range(first, first + many))
        text = text_of(*rows)
        with count_statements(dairy.app.database) as statements:
            ok(send(dairy, text), 201)
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("login", "table"), [("yes", "users"), ("no", "customers")])
def test_the_same_file_twice_at_once_is_registered_once(
    dairy: Dairy, database_url: str, login: str, table: str
) -> None:
    """Somebody who hears nothing sends the file again while the first is still at work."""
    text = text_of(*(row(number, login=login) for number in range(1, 20)))
    hold = f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"
    answers = at_once(database_url, hold, lambda: send(dairy, text), lambda: send(dairy, text))
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert {e["code"] for each in answers for e in each.get_json().get("errors", [])} == {"already_exists"}
    assert len(listed(dairy)) == 19


def test_a_file_sent_twice_doubles_nobody(dairy: Dairy, sql: Any) -> None:
    """Without logins no phone is taken: the name at the phone is what is known. Another name there is of the family."""
    rows = [row(n, login="no") for n in (1, 2)]
    ok(send(dairy, text_of(*rows)), 201)
    again = [row(1, name="  household   1 ", login="no"), row(2, name="Her sister", login="no"), row(3, login="no")]
    problem = refused(send(dairy, text_of(*again)), 422, "validation_failed")
    assert faults(problem) == [("/rows/2/name", "already_exists")]
    assert "C000001 is registered already" in problem["errors"][0]["detail"]
    ok(send(dairy, text_of(*again[1:])), 201)
    assert len(listed(dairy)) == 4
    twice = [row(7, login="no"), row(7, name="HOUSEHOLD 7", login="no")]
    assert faults(refused(send(dairy, text_of(*twice)), 422, "validation_failed")) == [("/rows/3/name", "duplicate")]


@pytest.mark.parametrize("media", ["text/csv", "multipart/form-data"])
def test_a_file_under_a_key_is_taken_once(dairy: Dairy, media: str) -> None:
    text = text_of(row(1, login="no"))

    def sent(content: str = text) -> Any:
        key = {"Idempotency-Key": "the-file"}
        if media == "text/csv":
            return dairy.admin.call("POST", "/customers/import", key, data=content, content_type=media)
        file = {"file": (io.BytesIO(content.encode()), "customers.csv")}
        return dairy.admin.call("POST", "/customers/import", key, data=file, content_type=media)

    first, second = sent(), sent()
    assert ok(first, 201) == ok(second, 201)
    assert second.headers["Idempotency-Replayed"] == "true"
    refused(sent(text_of(row(2, login="no"))), 422, "idempotency_key_reused")
    assert len(listed(dairy)) == 1


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"name": "?????"}, "name"),
        ({"name": "? ??"}, "name"),
        ({"area": "??? ????"}, "area"),
        ({"name": "Asha \ufffd"}, "name"),
        ({"address_line1": "12 ???? ???"}, "address_line1"),
    ],
)
def test_letters_that_a_spreadsheet_lost_are_a_fault(dairy: Dairy, fields: dict[str, str], column: str) -> None:
    problem = refused(send(dairy, text_of(row(1, **fields))), 422, "validation_failed")
    assert faults(problem) == [(f"/rows/2/{column}", "unreadable")]
    assert "CSV UTF-8" in problem["errors"][0]["detail"]
    ok(send(dairy, text_of(row(2, name="Who?", notes="Ring twice??? Yes??"))), 201)


def test_every_column_of_a_customer_that_a_file_may_name_is_written() -> None:
    """A column that is added to the table is written without a list anywhere that must be told."""
    own = {column.name for column in Customer.__table__.c}
    named = set(CustomerRow().fields) - {"area", "login", "delivery_boy", "marketing_staff"}
    assert named <= {column.name for column in bulk._OWN}
    assert own - {column.name for column in bulk._OWN} == {"area_id", "created_at", "updated_at"}
