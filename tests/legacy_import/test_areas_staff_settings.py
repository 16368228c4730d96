"""Areas, delivery boys without a login, the dairy's settings, and what has no place here."""

import json
from pathlib import Path
from typing import Any

import pytest

from dairy_app.legacy_import.queries.report import NO_HOME
from dairy_app.legacy_import.writing.staging import SOURCES
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import WrittenDump, uuid_of


@pytest.fixture
def dump() -> WrittenDump:
    return WrittenDump()


def test_areas_lie_in_their_main_area(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.add("areas_v2", {"id": "area-001", "main_area": "Hyderabad", "sub_area": "Miyapur",
                          "full_name": "Hyderabad - Miyapur"})  # fmt: skip
    dump.add("areas_v2", {"id": "area-002", "mainArea": "Hyderabad", "subArea": "Ameerpet", "delivery_boy_ids": None})
    dump.add("areas_v2", {"id": "area-003", "full_name": "HYDERABAD - MIYAPUR"})
    dump.add("areas_v2", {"id": "area-004"})
    dump.customer("c1", area="hyderabad - miyapur")
    dump.customer("c2", area="JP Nagar")
    report = take(dump)
    assert sql("""SELECT a.name, p.name, a.legacy_id FROM areas a LEFT JOIN areas p ON p.id = a.parent_id
        ORDER BY 1""") == [
        ("Hyderabad", None, None), ("Hyderabad - Ameerpet", "Hyderabad", "area-002"),
        ("Hyderabad - Miyapur", "Hyderabad", "area-001"), ("JP Nagar", None, None),
    ]  # fmt: skip
    assert sql("SELECT c.legacy_id, a.legacy_id FROM customers c JOIN areas a ON a.id = c.area_id ORDER BY 1") == [
        ("c1", "area-001"), ("c2", None)]  # fmt: skip
    fates = {fate: count for (name, fate), count in report.fates.items() if name == "areas_v2"}
    assert fates == {"written": 2, "merged": 1, "quarantined": 1}
    again = take(dump)
    assert (again.written, again.fates["areas_v2", "present"], again.findings()) == (0, 2, [])


def test_a_delivery_boy_is_the_user_of_his_id_or_a_new_one(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user(uuid_of("boy"), role="delivery_boy", name="Ganesh")
    dump.add("delivery_boys_v2", {"id": uuid_of("boy"), "name": "Ganesh V", "area_assigned": "Miyapur"})
    dump.add("delivery_boys_v2", {"id": "db-001", "name": "Raj", "phone": "98765 43210", "email": "RAJ@dairy.example"})
    dump.add("delivery_boys", {"id": "old", "name": "Old Route One", "is_active": False})
    dump.customer("c1", delivery_boy_id="db-001")
    dump.customer("c2", delivery_boy_id=uuid_of("boy"))
    report = take(dump)
    assert sql("""SELECT legacy_id, name, split_part(email, '@', 2), phone, role, password_hash, is_active FROM users
        WHERE role = 'delivery_boy' ORDER BY legacy_id <> 'db-001', legacy_id <> 'old'""") == [
        ("db-001", "Raj", "dairy.example", "+919876543210", "delivery_boy", None, True),
        ("old", "Old Route One", "no-login.invalid", None, "delivery_boy", None, False),
        (uuid_of("boy"), "Ganesh", "dairy.example", "+919000100001", "delivery_boy", None, True),
    ]  # fmt: skip
    assert sql("""SELECT c.legacy_id, u.legacy_id FROM customers c JOIN users u ON u.id = c.delivery_boy_id
        ORDER BY 1""") == [("c1", "db-001"), ("c2", uuid_of("boy"))]
    assert (report.fates["delivery_boys_v2", "merged"], report.fates["delivery_boys_v2", "written"]) == (1, 1)
    assert (take(dump).written, report.findings()) == (0, [])


def test_the_only_boy_of_an_area_goes_to_whom_nobody_else_goes(dump: WrittenDump, take: Import, sql: Any) -> None:
    for boy in ("db-1", "db-2"):
        dump.user(boy, role="delivery_boy")
    dump.add("areas_v2", {"id": "a1", "full_name": "Miyapur", "delivery_boy_ids": ["db-1"]})
    dump.add("areas_v2", {"id": "a2", "full_name": "Ameerpet", "delivery_boy_ids": ["db-1", "db-2"]})
    dump.customer("c1", area="Miyapur")
    dump.customer("c2", area="Miyapur", delivery_boy_id="db-2")
    dump.customer("c3", area="Ameerpet")
    take(dump)
    assert sql("""SELECT c.legacy_id, u.legacy_id FROM customers c LEFT JOIN users u ON u.id = c.delivery_boy_id
        ORDER BY 1""") == [("c1", "db-1"), ("c2", "db-2"), ("c3", None)]


def test_names_may_hold_anything(dump: WrittenDump, take: Import, sql: Any) -> None:
    """A list is copied into the database as text with its own quoting."""
    keys = ['a"b', "c\\d", "e,f", "{g}", "h\ti", "NULL"]
    dump.user(keys[0], role="delivery_boy")
    dump.add("areas_v2", {"id": "a1", "full_name": 'Mi"ya\\pur', "delivery_boy_ids": keys})
    dump.customer("c1", area='Mi"ya\\pur')
    take(dump)
    assert sql("SELECT u.legacy_id FROM customers c JOIN users u ON u.id = c.delivery_boy_id") == [(keys[0],)]


def test_addresses_fill_what_the_customer_leaves_empty(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.customer("c1", user="u1")
    dump.customer("c2", address=None, location={"lat": 12.5, "lng": 77.5})
    common = {"address_line1": "9 Lake View", "landmark": "the well", "city": "Bangalore", "latitude": 13.03181234,
              "longitude": "77.498767", "pincode": 560077.0}  # fmt: skip
    dump.add("addresses", {"id": "a1", "user_id": "u1"} | common | {"city": "Mysore"})
    dump.add("addresses", {"id": "a2", "user_id": "u1", "is_default": True} | common)
    dump.add("addresses", {"id": "a3", "user_id": "c2"} | common | {"latitude": 913, "pincode": "0"})
    dump.add("addresses", {"id": "a4", "user_id": "gone"} | common)
    report = take(dump)
    assert sql("""SELECT address_line1, address_line2, city, pincode, latitude::text, longitude::text FROM customers
        ORDER BY legacy_id""") == [
        ("1 Main Road", "the well", "Bangalore", "560077", "13.031812", "77.498767"),
        ("9 Lake View", "the well", "Bangalore", None, "12.500000", "77.500000"),
    ]  # fmt: skip
    assert (report.fates["addresses", "merged"], report.fates["addresses", "quarantined"]) == (3, 1)
    sql("UPDATE customers SET city = 'Hampi'")
    assert (take(dump).findings(), sql("SELECT DISTINCT city FROM customers")) == ([], [("Hampi",)])


def test_settings_fill_only_what_is_empty(dump: WrittenDump, take: Import, sql: Any) -> None:
    sql("UPDATE settings SET business_name = 'Sunrise Dairy'")
    dump.add(
        "system_settings", {"id": "s", "upi_id": "dairy@bank", "business_name": "Old", "business_phone": "9000000000"}
    )
    report = take(dump)
    assert sql("SELECT business_name, phone, upi_id, address FROM settings") == [
        ("Sunrise Dairy", "+919000000000", "dairy@bank", None)
    ]
    assert (report.fates["system_settings", "merged"], report.findings()) == (1, [])
    before = sql("SELECT updated_at FROM settings")
    take(dump)
    assert sql("SELECT updated_at FROM settings") == before


def test_what_has_no_home_is_counted(dump: WrittenDump, take: Import, tmp_path: Path) -> None:
    for number in range(3):
        dump.add("leads", {"id": f"lnk_{number}"})
    dump.add("holidays", {"day": "2026-10-20"})
    dump.add("nothing yet", {})
    dump.collections["empty"] = []
    dump.delivery(None, "c1")
    dump.customer("c1")
    report = take(dump)
    assert report.homeless() == [
        ("delivery_statuses", 1, NO_HOME["delivery_statuses"]), ("holidays", 1, "not known here"),
        ("leads", 3, NO_HOME["leads"]), ("nothing yet", 1, "not known here"),
    ]  # fmt: skip
    assert (report.read["leads"], report.read["empty"], report.findings()) == (3, 0, [])
    assert {entry["collection"] for entry in json.loads("".join(report.as_json()))["no_home"]} == {
        "delivery_statuses", "holidays", "leads", "nothing yet"}  # fmt: skip


def test_every_collection_is_read_or_has_a_word() -> None:
    """Of a collection that is read, only this has no home: deliveries of no order, links of everybody, odd wishes."""
    read = {source.collection for source in SOURCES}
    assert read & set(NO_HOME) == {
        *("delivery_status", "delivery_statuses", "shared_delivery_links"),
        *("pending_approvals", "product_requests"),
    }
