"""Logging in: by e-mail or phone, the same answer for every wrong way, hashes that renew themselves."""

import subprocess
import sys
import time
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher, Type, extract_parameters, profiles
from flask_jwt_extended import decode_token

from dairy_app.accounts.rules import passwords
from dairy_app.web.http import DairyFlask
from tests.dairy import PASSWORD, Client, Dairy, ok, refused
from tests.statements import BY_INDEX, count_statements


def login(client: Client, password: str = PASSWORD, **login: str) -> Any:
    return client.post("/auth/login", {**login, "password": password})


def test_a_login_answers_with_tokens_and_whose_they_are(dairy: Dairy) -> None:
    answer = login(dairy.nobody, email="admin@dairy.example")
    body = ok(answer, 200)
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    assert set(body["user"]) == {"id", "name", "role", "email", "phone", "customer_v2_id"}
    assert body["user"]["role"] == "admin"
    assert body["user"]["customer_v2_id"] is None
    assert answer.headers["Cache-Control"] == "no-store"
    assert ok(Client(dairy.app, body["access_token"]).get("/auth/me")) == body["user"]


def test_claims_of_a_customers_token_name_the_customer(dairy: Dairy, app: DairyFlask) -> None:
    customer, client = dairy.customer_login()
    body = ok(login(client, phone=customer["phone"]))
    with app.app_context():
        claims = decode_token(body["access_token"])
    assert claims["sub"] == body["user"]["id"] == customer["user_id"]
    assert claims["role"] == "customer"
    assert claims["customer_v2_id"] == body["user"]["customer_v2_id"] == customer["id"]
    assert isinstance(claims["ver"], int)
    assert claims["exp"] - claims["iat"] == 15 * 60


@pytest.mark.parametrize("written", ["98200 12345", "098200-12345", "+91-98200 12345", "+919820012345"])
def test_a_phone_logs_in_however_it_is_written(dairy: Dairy, written: str) -> None:
    body = {"name": "Ravi", "role": "delivery_boy", "phone": "+91 98200 12345"}
    made = ok(dairy.admin.post("/users", body), 201)
    assert made["phone"] == "+919820012345"
    dairy.accept(made["invitation_token"], made["phone"])
    assert ok(login(dairy.nobody, phone=written))["user"]["id"] == made["id"]


def test_an_email_is_trimmed_and_lower_cased(dairy: Dairy) -> None:
    assert ok(login(dairy.nobody, email="  ADMIN@Dairy.Example "))["user"]["name"] == "Asha Admin"


def test_every_wrong_way_in_gets_the_same_answer(dairy: Dairy) -> None:
    invited = {"name": "Not yet", "role": "accountant", "email": "invited@dairy.example"}
    ok(dairy.admin.post("/users", invited), 201)
    answers = [
        login(dairy.nobody, "wrong", email="admin@dairy.example"),
        login(dairy.nobody, email="nobody@dairy.example"),
        login(dairy.nobody, email="invited@dairy.example"),
        login(dairy.nobody, email="not an address"),
        login(dairy.nobody, phone="not a number"),
        login(dairy.nobody, phone="98200 99999"),
    ]
    bodies = [refused(answer, 401, "bad_credentials") for answer in answers]
    assert len({body["detail"] for body in bodies}) == 1


def test_the_stand_in_hash_costs_what_a_real_one_costs() -> None:
    for cost, profile in passwords.PROFILES.items():
        assert extract_parameters(passwords.NOBODY[cost]) == profile
    assert passwords.PROFILES["standard"] == profiles.RFC_9106_LOW_MEMORY
    assert passwords.PROFILES["standard"].type is Type.ID


@pytest.mark.parametrize(
    "body",
    [
        {"password": "x"},
        {"email": "a@b.example", "phone": "98200 12345", "password": "x"},
        {"email": "a@b.example"},
        {"email": "a@b.example", "password": "x", "role": "admin"},
        {"email": 7, "password": "x"},
        {"email": "a@b.example\x00", "password": "x"},
    ],
)
def test_a_login_that_is_not_one_is_refused_as_a_form(dairy: Dairy, body: dict[str, Any]) -> None:
    refused(dairy.nobody.post("/auth/login", body), 422, "validation_failed")


def test_a_bcrypt_hash_of_the_earlier_system_is_taken_and_renewed(dairy: Dairy, sql: Any) -> None:
    user = dairy.staff("accountant").user
    imported = bcrypt.hashpw(b"kept from the old one", bcrypt.gensalt(4)).decode()
    sql("UPDATE users SET password_hash = %s WHERE id = %s", imported, user["id"])
    refused(login(dairy.nobody, email=user["email"]), 401, "bad_credentials")
    assert sql("SELECT password_hash FROM users WHERE id = %s", user["id"]) == [(imported,)]
    ok(login(dairy.nobody, "kept from the old one", email=user["email"]))
    [(renewed,)] = sql("SELECT password_hash FROM users WHERE id = %s", user["id"])
    assert renewed.startswith("$argon2id$")
    ok(login(dairy.nobody, "kept from the old one", email=user["email"]))


@pytest.mark.slow
def test_how_long_an_answer_takes_tells_neither_logins_nor_old_hashes(dairy: Dairy, sql: Any) -> None:
    """Each takes the work of bcrypt while one such hash is left; with the cheapest argon2 it is nearly all of it."""

    def quickest(**given: str) -> float:
        durations = []
        for _ in range(3):
            started = time.perf_counter()
            refused(login(dairy.nobody, "wrong", **given), 401, "bad_credentials")
            durations.append(time.perf_counter() - started)
        return min(durations)

    old, new = dairy.staff("accountant").user, dairy.staff("accountant").user
    imported = bcrypt.hashpw(b"kept from the old one", bcrypt.gensalt(11)).decode()
    sql("UPDATE users SET password_hash = %s WHERE id = %s", imported, old["id"])
    of_bcrypt = quickest(email=old["email"])
    for email in (new["email"], "nobody@dairy.example"):
        assert quickest(email=email) > of_bcrypt / 2
    ok(login(dairy.nobody, email=new["email"]))
    ok(login(dairy.nobody, "kept from the old one", email=old["email"]))
    assert quickest(email="nobody@dairy.example") < of_bcrypt  # none is left


def test_a_hash_of_another_cost_is_renewed(dairy: Dairy, sql: Any) -> None:
    user = dairy.staff("accountant").user
    old = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash(PASSWORD)
    sql("UPDATE users SET password_hash = %s WHERE id = %s", old, user["id"])
    ok(login(dairy.nobody, email=user["email"]))
    [(renewed,)] = sql("SELECT password_hash FROM users WHERE id = %s", user["id"])
    assert extract_parameters(renewed) == passwords.PROFILES["cheapest"]


@pytest.mark.parametrize("stored", ["$2b$nonsense", "plain text", "", "$argon2id$broken", "ab" * 32])
def test_what_is_no_hash_lets_nobody_in(dairy: Dairy, sql: Any, stored: str) -> None:
    user = dairy.staff("accountant").user
    sql("UPDATE users SET password_hash = %s WHERE id = %s", stored, user["id"])
    for password in (PASSWORD, stored or "x", "nobody has this password"):
        refused(login(dairy.nobody, password, email=user["email"]), 401, "bad_credentials")


def test_only_who_knows_the_password_learns_that_the_login_is_deactivated(dairy: Dairy) -> None:
    user = dairy.staff("accountant").user
    ok(login(dairy.nobody, email=user["email"]))
    ok(dairy.admin.patch(f"/users/{user['id']}", {"is_active": False}))
    refused(login(dairy.nobody, email=user["email"]), 403, "user_inactive")
    refused(login(dairy.nobody, "wrong", email=user["email"]), 401, "bad_credentials")


def test_a_password_is_one_however_its_letters_are_composed(dairy: Dairy) -> None:
    made = ok(dairy.admin.post("/users", {"name": "É", "role": "accountant", "email": "e@dairy.example"}), 201)
    body = {"token": made["invitation_token"], "password": "caf\u00e9 au lait"}
    ok(dairy.nobody.post("/auth/invitations/accept", body))
    ok(login(dairy.nobody, "cafe\u0301 au lait", email="e@dairy.example"))


def test_the_last_login_is_known(dairy: Dairy) -> None:
    user = dairy.staff("accountant").user
    assert ok(dairy.admin.get(f"/users/{user['id']}"))["last_login_at"] is not None


def test_a_process_that_was_told_nothing_hashes_at_full_cost() -> None:
    """``dairy create-admin`` builds no application."""
    code = "from dairy_app.accounts.rules.passwords import hash_password; print(hash_password('x'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert extract_parameters(done.stdout.strip()) == profiles.RFC_9106_LOW_MEMORY


def test_a_login_does_not_read_all_users(dairy: Dairy) -> None:
    """Customers have logins too: it was looked among all of them for a hash of the earlier system."""
    with count_statements(dairy.app.database) as sent:
        login(dairy.nobody, email="admin@dairy.example")
    plan = sent.plan(dairy.app.database, "left(users.password_hash", off=BY_INDEX, among=["ix_users_old_hash"])
    assert "ix_users_old_hash" in plan, plan
