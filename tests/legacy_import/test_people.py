"""Users, customers and products: who is who, and what is kept of them."""

import json
from typing import Any

import bcrypt
import pytest

from dairy_app.legacy_import import rules
from dairy_app.legacy_import.writing import passwords
from tests.dairy import Dairy, refused
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import WrittenDump, uuid_of

STRONG = bcrypt.hashpw(b"chosen by its owner", bcrypt.gensalt(4)).decode()
DEFAULT = bcrypt.hashpw(b"delivery123", bcrypt.gensalt(4)).decode()


def remarks(report: Any, remark: str) -> list[str]:
    return [key for _, each, _, keys in report.remarks for key in keys if each == remark]


def test_a_uuid_stays_the_key_and_every_original_is_kept(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.customer(uuid_of("asha"), user="usr_asha")
    dump.customer("cust-001")
    take(dump)
    assert sql("SELECT id, legacy_id FROM customers ORDER BY legacy_id <> 'cust-001'") == [
        (str(rules.row_id("customers_v2", "cust-001")), "cust-001"),
        (uuid_of("asha"), uuid_of("asha")),
    ]
    assert sql("SELECT id, legacy_id FROM users") == [(str(rules.row_id("users", "usr_asha")), "usr_asha")]
    assert sql("SELECT legacy_id FROM products ORDER BY 1") == [("prd_eggs",), ("prd_milk",)]


def test_two_documents_of_one_key(dump: WrittenDump, take: Import, sql: Any) -> None:
    first = dump.customer("cust-001", name="Asha")
    dump.add("customers_v2", {name: value for name, value in first.items() if name != "_id"})  # an exact copy
    dump.customer("cust-001", name="Somebody else")
    report = take(dump)
    assert sql("SELECT name FROM customers") == [("Asha",)]
    assert sql("SELECT legacy_id, reason, document ->> 'name' FROM import_quarantine") == [
        ("cust-001", "duplicate_id", "Somebody else")
    ]
    assert report.fates["customers_v2", "copy"] == 1
    again = take(dump)
    assert sql("SELECT count(*) FROM import_quarantine") == [(1,)]
    assert again.fates["customers_v2", "present"] == again.fates["customers_v2", "quarantined"] == 1


def test_one_uuid_in_two_spellings_is_one_key(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.customer(uuid_of("asha"), name="Asha")
    dump.customer(uuid_of("asha").upper(), name="Another")
    take(dump)
    assert sql("SELECT name FROM customers") == [("Asha",)]
    assert sql("SELECT reason FROM import_quarantine") == [("duplicate_id",)]


def test_a_customer_of_both_generations_is_one_customer(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.add("customers", {"id": "cust-001", "name": "Old Asha", "phone": "9000000001"})
    dump.add("customers", {"id": "cust-002", "name": "Old Ravi", "phone": "9000000002", "is_active": False})
    dump.customer("cust-001", name="Asha")
    report = take(dump)
    assert sql("SELECT name, status FROM customers ORDER BY 1") == [("Asha", "active"), ("Old Ravi", "stopped")]
    assert (report.fates["customers", "merged"], report.fates["customers", "written"]) == (1, 1)


@pytest.mark.parametrize(
    ("user", "customer", "linked"),
    [
        ({"id": "u1"}, {"user_id": "u1"}, True),
        ({"id": "c1"}, {}, True),  # the file import gave both the same id
        ({"id": "u1", "customer_v2_id": "c1"}, {}, True),
        ({"id": "u1", "phone": "9000000001"}, {"phone": "9000000001"}, False),  # a phone alone proves nothing
        ({"id": "u1", "role": "delivery_boy"}, {"user_id": "u1"}, False),
        ({"id": "u2"}, {"user_id": "u1"}, False),
    ],
)
def test_which_login_a_customer_gets(
    dump: WrittenDump, take: Import, sql: Any, user: dict[str, str], customer: dict[str, str], linked: bool
) -> None:
    dump.user(**({"key": "u1"} | {("key" if name == "id" else name): value for name, value in user.items()}))
    dump.customer("c1", **customer)
    report = take(dump)
    assert sql("SELECT user_id IS NOT NULL FROM customers") == [(linked,)]
    assert remarks(report, "login_not_linked") == (["c1"] if "user_id" in customer and not linked else [])


def test_a_login_named_by_its_object_id_is_found(dump: WrittenDump, take: Import, sql: Any) -> None:
    user = dump.user("u1")
    dump.customer("c1", user_id=str(user["_id"]))
    take(dump)
    assert sql("SELECT u.legacy_id FROM customers c JOIN users u ON u.id = c.user_id") == [("u1",)]


def test_a_login_that_two_customers_claim_is_given_to_neither(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user("u1")
    dump.customer("c1", user_id="u1")
    dump.customer("c2", user_id="u1")
    report = take(dump)
    assert sql("SELECT count(*) FROM customers WHERE user_id IS NOT NULL") == [(0,)]
    assert remarks(report, "login_not_linked") == ["c1", "c2"]


def test_the_customers_own_claim_beats_one_by_the_same_id(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user("c2")
    dump.customer("c1", user_id="c2")
    dump.customer("c2")
    take(dump)
    assert sql("SELECT legacy_id FROM customers WHERE user_id IS NOT NULL") == [("c1",)]


def test_two_users_cannot_share_an_address_or_a_number(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user("u1", email="asha@dairy.example", phone="+91 9000000001")
    dump.user("u2", email="Asha@Dairy.example", phone="9000000002")
    dump.user("u3", email="ravi@dairy.example", phone="9000000001.0")
    dump.user("u4", email="ASHA@dairy.example", phone="09000000001")
    report = take(dump)
    assert sql("SELECT legacy_id, email, phone FROM users ORDER BY 1") == [
        ("u1", "asha@dairy.example", "+919000000001"),
        ("u2", None, "+919000000002"),
        ("u3", "ravi@dairy.example", None),
    ]
    assert remarks(report, "email_taken") == ["u2"] and remarks(report, "phone_taken") == ["u3"]
    assert sql("SELECT legacy_id, reason FROM import_quarantine") == [("u4", "email_and_phone_taken")]


def test_a_login_of_the_running_dairy_keeps_its_address(dump: WrittenDump, take: Import, sql: Any) -> None:
    sql("INSERT INTO users (name, email, role) VALUES ('Owner', 'owner@dairy.example', 'admin')")
    dump.user("u1", email="owner@dairy.example", phone=None)
    take(dump)
    assert sql("SELECT name, legacy_id FROM users") == [("Owner", None)]
    assert sql("SELECT reason FROM import_quarantine") == [("email_and_phone_taken",)]


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"password_hash": STRONG}, STRONG),
        ({"password": STRONG}, STRONG),
        ({"password_hash": DEFAULT}, None),
        ({"password_hash": "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"}, None),
        ({"password": "secret"}, None),
        ({"password": "$2b$12$" + "a" * 53}, None),
        ({}, None),
    ],
    ids=["bcrypt", "bcrypt in the other field", "given out", "sha-256", "clear text", "no bcrypt salt", "none"],
)
def test_a_password_is_kept_when_it_is_bcrypt_and_nobody_else_knows_it(
    dump: WrittenDump, take: Import, sql: Any, changes: dict[str, str], kept: str | None
) -> None:
    dump.user("u1", role="delivery_boy", **changes)
    take(dump)
    assert sql("SELECT password_hash FROM users") == [(kept,)]


def test_a_made_up_address_means_a_given_out_password(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user("u1", email="customer-c1@earlybird.local", password_hash=STRONG)
    dump.user("u2", email="9000000001.0@customer.earlybird.com", password_hash=STRONG)
    dump.user("u3", email="ravi@gmail.example", password_hash=STRONG)
    report = take(dump)
    assert sql("SELECT legacy_id FROM users WHERE password_hash IS NOT NULL") == [("u3",)]
    assert remarks(report, "password_given_out") == ["u1", "u2"]


def test_a_kept_password_opens_the_door_and_a_given_out_one_does_not(
    dump: WrittenDump, take: Import, dairy: Dairy
) -> None:
    dump.user("u1", email="ganesh@dairy.example", role="delivery_boy", password_hash=STRONG)
    dump.user("u2", email="ravi@dairy.example", role="delivery_boy", password_hash=DEFAULT)
    take(dump)
    assert dairy.login("ganesh@dairy.example", "chosen by its owner").user["role"] == "delivery_boy"
    login = {"email": "ravi@dairy.example", "password": "delivery123"}
    refused(dairy.nobody.post("/auth/login", login), 401, "bad_credentials")


@pytest.mark.parametrize("password", rules.DEFAULT_PASSWORDS)
def test_every_given_out_password_is_known_whatever_the_role(password: str) -> None:
    kept = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    assert passwords.is_default(kept, "supplier")
    assert not passwords.is_default(STRONG, "supplier")


def test_no_secret_goes_to_quarantine(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user("u1", role="superadmin", password_hash=STRONG, password="secret")
    take(dump)
    [(reason, document)] = sql("SELECT reason, document FROM import_quarantine")
    assert reason == "role_unknown"
    assert "u1" in json.dumps(document) and STRONG not in json.dumps(document) and "secret" not in json.dumps(document)


def test_a_customers_area_delivery_boy_and_prices(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.user("boy", role="delivery_boy")
    dump.user("seller", role="marketing_staff")
    prices = {"prd_milk": 52.0, "prd_gone": 10.0, "prd_eggs": None}
    dump.customer("c1", delivery_boy_id="boy", marketing_boy_id="seller", custom_product_prices=prices)
    dump.customer("c2", delivery_boy_id="db-001", area="Whitefield")
    dump.order("ord_1", "c1", on="2026-09-03")
    report = take(dump)
    assert sql("""
        SELECT c.legacy_id, a.name, b.legacy_id, m.legacy_id FROM customers c JOIN areas a ON a.id = c.area_id
        LEFT JOIN users b ON b.id = c.delivery_boy_id LEFT JOIN users m ON m.id = c.marketing_staff_id ORDER BY 1
    """) == [("c1", "Indiranagar", "boy", "seller"), ("c2", "Whitefield", None, None)]
    assert remarks(report, "delivery_boy_without_login") == ["c2"]
    assert sql("SELECT p.legacy_id, c.price::text, c.valid::text FROM customer_prices c JOIN products p"
               " ON p.id = c.product_id") == [("prd_milk", "52.00", "[2026-09-03,)")]  # fmt: skip


def test_products_get_a_price_a_unit_and_a_name_in_stock(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.add("products", {"id": "p1", "name": "Curd", "unit": "500g", "default_price": 32.5, "price": 30})
    dump.add("products", {"id": "p2", "name": "curd ", "unit": "fathom", "price": "NaN"})
    dump.add("products", {"id": "p3", "name": "పెరుగు", "unit": "kg", "price": 80})
    report = take(dump)
    assert sql("""
        SELECT p.legacy_id, p.unit, p.packet_size::text, price.price::text FROM products p
        LEFT JOIN product_prices price ON price.product_id = p.id WHERE p.legacy_id ~ '^p[123]$' ORDER BY 1
    """) == [("p1", "packet", "0.500", "32.50"), ("p2", "piece", None, None), ("p3", "kg", None, "80.00")]
    skus = dict(sql("SELECT legacy_id, sku FROM products"))
    assert skus["p1"] == "CURD" and skus["p2"].startswith("CURD-") and skus["p3"]
    assert remarks(report, "unit_unknown") == remarks(report, "price_unreadable") == ["p2"]
