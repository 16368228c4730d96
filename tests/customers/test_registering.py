"""Registering a customer: its login comes with it, and nobody gets at somebody else's."""

from functools import partial
from typing import Any

import pytest

from tests.customers.conftest import Town
from tests.dairy import PASSWORD, Dairy, ok, refused
from tests.races import at_once

KAVITA = {"name": "Kavita", "phone": "+919812345678", "address_line1": "5 Lake Road", "area": "Kothrud"}
SELECT_KAVITA = "SELECT count(*) FROM customers WHERE phone = '+919812345678'"


def test_a_customer_as_it_was_made(dairy: Dairy) -> None:
    boy, staff = dairy.staff("delivery_boy"), dairy.staff("marketing_staff")
    area = ok(dairy.admin.post("/areas", {"name": "Baner"}), 201)
    whole = {
        "code": "SHOP-7",
        "name": "Kavita Stores",
        "phone": "+919812345678",
        "email": "kavita@home.example",
        "address_line1": "5 Lake Road",
        "address_line2": "Second floor",
        "city": "Pune",
        "state_code": "27",
        "pincode": "411045",
        "latitude": "18.559000",
        "longitude": "73.786800",
        "map_link": "https://maps.app.goo.gl/?q=18.559,73.7868",
        "area_id": area["id"],
        "delivery_boy_id": boy.user["id"],
        "stop_sequence": 30,
        "marketing_staff_id": staff.user["id"],
        "status": "trial",
        "trial_start_date": "2026-11-01",
        "billing_cycle": "half_monthly",
        "language": "mr",
        "gstin": "27AAPFU0939F1ZV",
        "gst_treatment": "composition",
        "payment_terms": "prepaid",
        "credit_limit": "250.00",
        "channel": "email",
        "messages_off": ["low_balance", "reminder"],
        "billed_to": dairy.customer()["id"],
        "notes": "Ring twice.\nDog.",
    }
    made = ok(dairy.admin.post("/customers", whole), 201)
    token = made.pop("invitation_token")
    read = ok(dairy.admin.get(f"/customers/{made['id']}"))
    assert read == made
    assert {name: read[name] for name in whole} == whole
    assert read["area"] == "Baner"
    assert token not in str(read)


def test_what_is_not_said_has_its_usual_value(dairy: Dairy) -> None:
    made = ok(dairy.admin.post("/customers", KAVITA), 201)
    usual = {"code": "C000001", "status": "active", "billing_cycle": "monthly", "gst_treatment": "consumer"}
    usual |= {"payment_terms": "postpaid", "credit_limit": None, "channel": None, "messages_off": [], "billed_to": None}
    assert {name: made[name] for name in usual} == usual


def test_its_login_comes_with_it(dairy: Dairy) -> None:
    made = ok(dairy.admin.post("/customers", KAVITA | {"email": "Kavita@Home.Example"}), 201)
    user = ok(dairy.admin.get(f"/users/{made['user_id']}"))
    assert (user["name"], user["role"]) == ("Kavita", "customer")
    assert (user["phone"], user["email"]) == ("+919812345678", "kavita@home.example")
    for login in ("+919812345678", "kavita@home.example"):
        if login.startswith("+"):
            dairy.accept(made["invitation_token"], login)
        assert dairy.login(login).user["customer_v2_id"] == made["id"]


def test_without_a_login_nothing_but_the_customer_is_made(dairy: Dairy, sql: Any) -> None:
    users = sql("SELECT count(*) FROM users")
    made = ok(dairy.admin.post("/customers", KAVITA | {"login": False}), 201)
    assert made["user_id"] is None
    assert "invitation_token" not in made
    assert sql("SELECT count(*) FROM users") == users


def test_a_phone_or_email_that_any_user_holds_is_not_taken_over(dairy: Dairy, everything: Any) -> None:
    held = dairy.customer(phone="+919811111111", email="held@home.example")
    boy = dairy.staff("delivery_boy")
    before = everything()
    for taken in ({"phone": held["phone"]}, {"phone": "098111 11111"}, {"email": "HELD@home.example"}):
        refused(dairy.admin.post("/customers", KAVITA | {"area": "New"} | taken), 409, "already_exists")
        assert everything() == before, taken
    refused(dairy.admin.post("/customers", KAVITA | {"email": boy.user["email"]}), 409, "already_exists")
    assert everything() == before
    made = ok(dairy.admin.post("/customers", KAVITA | {"phone": held["phone"], "login": False}), 201)
    assert made["user_id"] is None, "knowing the phone is not enough for its login"


def test_a_name_at_a_phone_is_one_customer(town: Town, sql: Any) -> None:
    admin = town.dairy.admin
    ok(admin.post("/customers", KAVITA | {"login": False}), 201)
    for again in (KAVITA | {"login": False, "name": " kavita "}, KAVITA):
        refused(admin.post("/customers", again), 409, "already_exists")
        assert sql(SELECT_KAVITA) == [(1,)]
    ok(admin.post("/customers", KAVITA | {"login": False, "name": "Kavita's mother"}), 201)


def test_a_name_at_a_phone_twice_at_once(dairy: Dairy, database_url: str, sql: Any) -> None:
    ok(dairy.admin.post("/areas", {"name": KAVITA["area"]}), 201)
    hold = "LOCK TABLE customers IN SHARE ROW EXCLUSIVE MODE"
    send = partial(dairy.admin.post, "/customers", KAVITA | {"login": False})
    answers = at_once(database_url, hold, send, send)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert sql(SELECT_KAVITA) == [(1,)]


def test_marketing_staff_register_customers_of_their_own(town: Town) -> None:
    sent = KAVITA | {"marketing_staff_id": town.manoj.user["id"]}
    made = ok(town.meena.post("/customers", sent), 201)
    assert made["marketing_staff_id"] == town.meena.user["id"]
    assert made["user_id"] is not None
    assert "invitation_token" not in made
    assert ok(town.meena.get(f"/customers/{made['id']}")) == made
    refused(town.manoj.get(f"/customers/{made['id']}"), 404, "customer_not_found")


def test_marketing_staff_do_not_decide_codes_and_cycles(town: Town, everything: Any) -> None:
    before = everything()
    for field in ({"code": "VIP"}, {"billing_cycle": "weekly"}, {"credit_limit": "9.00"}):
        body = refused(town.meena.post("/customers", KAVITA | field), 403, "forbidden")
        assert [error["pointer"] for error in body["errors"]] == [f"/{name}" for name in field]
    assert everything() == before


@pytest.mark.parametrize("role", ["accountant", "delivery_boy", "customer", "supplier"])
def test_nobody_else_registers(dairy: Dairy, everything: Any, role: str) -> None:
    client = dairy.staff(role)
    before = everything()
    refused(client.post("/customers", KAVITA), 403, "forbidden")
    refused(dairy.nobody.post("/customers", KAVITA), 401, "not_authenticated")
    assert everything() == before


def test_an_area_is_made_once_whatever_its_capitals(dairy: Dairy) -> None:
    first, second = dairy.customer(area="Kothrud"), dairy.customer(area=" kothrud ")
    assert first["area_id"] == second["area_id"]
    assert second["area"] == "Kothrud"
    assert [each["name"] for each in ok(dairy.admin.get("/areas"))["items"]] == ["Kothrud"]


def test_who_delivers_and_who_looks_after_must_do_that_work(town: Town, everything: Any) -> None:
    leaver = town.dairy.staff("delivery_boy")
    ok(town.admin.patch(f"/users/{leaver.user['id']}", {"is_active": False}))
    nobody = "00000000-0000-0000-0000-000000000009"
    before = everything()
    for field, wrong in (
        ("delivery_boy_id", town.meena.user["id"]),
        ("delivery_boy_id", leaver.user["id"]),
        ("delivery_boy_id", nobody),
        ("marketing_staff_id", town.anil.user["id"]),
        ("marketing_staff_id", nobody),
    ):
        for answer in (
            town.admin.post("/customers", KAVITA | {field: wrong}),
            town.admin.patch(f"/customers/{town.asmita['id']}", {field: wrong}),
        ):
            body = refused(answer, 422, "validation_failed")
            assert [error["pointer"] for error in body["errors"]] == [f"/{field}"]
    assert everything() == before
    ok(town.admin.post("/customers", KAVITA | {"delivery_boy_id": town.anil.user["id"]}), 201)


WRONG: list[dict[str, Any]] = [
    {"name": ""},
    {"name": None},
    {"name": 7},
    {"name": "nul\x00"},
    {"phone": "12345"},
    {"phone": None},
    {"phone": "+91 98123 4567x"},
    {"email": "no-address"},
    {"email": "a" * 250 + "@x.in"},
    {"address_line1": None},
    {"area": " "},
    {"area_id": "Kothrud"},
    {"state_code": "MH"},
    {"pincode": "011045"},
    {"pincode": 411045},
    {"latitude": "90.000001"},
    {"longitude": "-180.000001"},
    {"latitude": "18.1234567"},
    {"map_link": "javascript:alert(1)"},
    {"map_link": "http://maps.app.goo.gl/x"},
    {"map_link": "https://maps.google.com.evil.example/"},
    {"map_link": "https://evil.example/?https://maps.app.goo.gl/"},
    {"map_link": "https://www.google.com/url?q=https://evil.example"},
    {"map_link": "https://maps.app.goo.gl@evil.example/"},
    {"map_link": "https://maps.app.goo.gl/x y"},
    {"map_link": "javascript://maps.example/%0aalert(1)"},
    {"stop_sequence": -1},
    {"stop_sequence": 2_147_483_648},
    {"stop_sequence": "1"},
    {"status": "gone"},
    {"status": None},
    {"billing_cycle": "daily"},
    {"trial_start_date": "yesterday"},
    {"gstin": "27AAPFU0939F1ZW"},
    {"gst_treatment": "registered"},
    {"code": "C000123"},
    {"notes": "x" * 2001},
    {"user_id": "00000000-0000-0000-0000-000000000001"},
    {"id": "00000000-0000-0000-0000-000000000001"},
    {"legacy_id": "x"},
]


def test_what_is_no_customer_is_refused_and_nothing_written(dairy: Dairy, everything: Any) -> None:
    made = dairy.customer()
    before = everything()
    for wrong in WRONG:
        whole = {name: value for name, value in KAVITA.items() if name != "area" or "area_id" not in wrong}
        pointers = ["/gstin"] if wrong == {"gst_treatment": "registered"} else [f"/{name}" for name in wrong]
        for answer in (
            dairy.admin.post("/customers", whole | wrong),
            dairy.admin.patch(f"/customers/{made['id']}", wrong),
        ):
            body = refused(answer, 422, "validation_failed")
            assert [error["pointer"] for error in body["errors"]] == pointers, body
        assert everything() == before, wrong
    for name in KAVITA:
        without = {key: value for key, value in KAVITA.items() if key != name}
        body = refused(dairy.admin.post("/customers", without), 422, "validation_failed")
        assert [error["pointer"] for error in body["errors"]] == [f"/{name}"]
    both = KAVITA | {"area_id": made["area_id"]}
    refused(dairy.admin.post("/customers", both), 422, "validation_failed")
    refused(dairy.admin.post("/customers", KAVITA | {"login": "no"}), 422, "validation_failed")
    assert everything() == before
    ok(dairy.admin.post("/customers", KAVITA), 201)


def test_a_body_that_cannot_be_read(dairy: Dairy, everything: Any) -> None:
    path_of_one = f"/customers/{dairy.customer()['id']}"
    before = everything()
    for body, status, code in ((b'{"name": ', 400, "malformed_request"), (b"[]", 422, "validation_failed")):
        for method, path in (("POST", "/customers"), ("PATCH", path_of_one)):
            refused(dairy.admin.call(method, path, data=body, content_type="application/json"), status, code)
    assert everything() == before


def test_an_area_that_is_not_there(dairy: Dairy, everything: Any) -> None:
    before = everything()
    unknown = {name: value for name, value in KAVITA.items() if name != "area"}
    unknown["area_id"] = "00000000-0000-0000-0000-000000000009"
    refused(dairy.admin.post("/customers", unknown), 404, "area_not_found")
    assert everything() == before, "neither the login nor the customer is half there"


def test_a_gstin_says_the_state_and_makes_a_registered_customer(dairy: Dairy) -> None:
    made = ok(dairy.admin.post("/customers", KAVITA | {"gstin": "27aapfu0939f1zv"}), 201)
    assert (made["gstin"], made["state_code"], made["gst_treatment"]) == ("27AAPFU0939F1ZV", "27", "registered")
    path = f"/customers/{made['id']}"
    refused(dairy.admin.patch(path, {"gstin": None}), 422, "validation_failed")
    changed = ok(dairy.admin.patch(path, {"gstin": None, "gst_treatment": "consumer", "state_code": "29"}))
    assert changed["gstin"] is None
    again = ok(dairy.admin.patch(path, {"gstin": "27AAPFU0939F1ZV"}))
    assert (again["state_code"], again["gst_treatment"]) == ("29", "consumer"), "what was said stays"
    ok(dairy.admin.patch(path, {"gst_treatment": "registered"}))


def test_the_same_phone_twice_at_once(dairy: Dairy, database_url: str, sql: Any, everything: Any) -> None:
    """One customer with its login, and nothing half-written of the other."""
    ok(dairy.admin.post("/areas", {"name": "Kothrud"}), 201)
    other_admin = dairy.login("admin@dairy.example")
    answers = at_once(
        database_url,
        "LOCK TABLE users IN SHARE MODE",
        lambda: dairy.admin.post("/customers", KAVITA),
        lambda: other_admin.post("/customers", KAVITA | {"name": "Somebody"}),
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    made = ok(won, 201)
    refused(lost, 409, "already_exists")
    assert sql("SELECT id::text, user_id::text, name FROM customers") == [(made["id"], made["user_id"], made["name"])]
    assert sql("SELECT name FROM users WHERE role = 'customer'") == [(made["name"],)]
    assert sql("SELECT count(*) FROM invitations WHERE used_at IS NULL") == [(1,)]


def test_the_same_new_area_twice_at_once(dairy: Dairy, database_url: str) -> None:
    other_admin = dairy.login("admin@dairy.example")
    answers = at_once(
        database_url,
        "LOCK TABLE areas IN SHARE MODE",
        lambda: dairy.admin.post("/customers", KAVITA),
        lambda: other_admin.post("/customers", KAVITA | {"phone": "+919812345679"}),
    )
    one, other = (ok(answer, 201) for answer in answers)
    assert one["area_id"] == other["area_id"]
    assert len(ok(dairy.admin.get("/areas"))["items"]) == 1


def test_changing_the_contact_never_changes_the_login(town: Town, everything: Any) -> None:
    path = f"/customers/{town.asmita['id']}"
    users = everything()[0]
    taken = {"phone": town.bharat["phone"], "email": "asmita@home.example"}
    changed = ok(town.admin.patch(path, taken))
    assert (changed["phone"], changed["email"]) == (taken["phone"], taken["email"])
    assert changed["user_id"] == town.asmita["user_id"]
    assert everything()[0] == users
    by_new_email = town.dairy.nobody.post("/auth/login", {"email": taken["email"], "password": PASSWORD})
    refused(by_new_email, 401, "bad_credentials")
    assert town.dairy.login(town.asmita["phone"]).user["customer_v2_id"] == town.asmita["id"]
    assert town.dairy.login(town.bharat["phone"]).user["customer_v2_id"] == town.bharat["id"]
