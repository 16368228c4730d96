"""The constraints on logins hold against plain SQL."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("users", "invitations", "refresh_tokens", "login_attempts", "password_resets")
ONE = "00000000-0000-0000-0000-000000000001"
TWO = "00000000-0000-0000-0000-000000000002"
NOBODY = "00000000-0000-0000-0000-000000000009"
SET_UP = f"""
INSERT INTO users (id, name, email, phone, role, legacy_id)
    VALUES ('{ONE}', 'A', 'a@dairy.example', '+919820012345', 'admin', 'old');
INSERT INTO invitations (user_id, token_hash, expires_at) VALUES ('{ONE}', 'x', now());
INSERT INTO users (id, name, email, role) VALUES ('{TWO}', 'C', 'c@dairy.example', 'admin');
INSERT INTO password_resets (user_id, code_hash, asked_at, expires_at, day_began_at)
    VALUES ('{TWO}', sha256('1'), '2026-02-01 06:00Z', '2026-02-01 06:15Z', '2026-02-01 06:00Z');
"""


def user(**changes: str) -> str:
    values = {"name": "'B'", "email": "'b@dairy.example'", "phone": "'+919820054321'", "role": "'customer'"} | changes
    return f"INSERT INTO users ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def invitation(user_id: str = ONE, token: str = "y") -> str:
    return f"INSERT INTO invitations (user_id, token_hash, expires_at) VALUES ('{user_id}', '{token}', now())"


def refresh_token(user_id: str = ONE) -> str:
    return f"INSERT INTO refresh_tokens (user_id, family, expires_at) VALUES ('{user_id}', '{ONE}', now())"


def attempt(kind: str) -> str:
    return f"INSERT INTO login_attempts (login_hash, ip_address, kind) VALUES ('x', '192.0.2.1', '{kind}')"


def reset(**changes: str) -> str:
    values = {
        "user_id": f"'{ONE}'",
        "code_hash": "sha256('1')",
        "asked_at": "'2026-02-01 06:00Z'",
        "expires_at": "'2026-02-01 06:15Z'",
        "day_began_at": "'2026-02-01 06:00Z'",
    } | changes
    return f"INSERT INTO password_resets ({', '.join(values)}) VALUES ({', '.join(values.values())})"


REFUSED = {
    "fk_password_resets_user_id": reset(user_id=f"'{NOBODY}'"),
    "uq_password_resets_user_id": reset(user_id=f"'{TWO}'"),
    "ck_password_resets_code_is_hashed": reset(code_hash="'12345678'"),
    "ck_password_resets_expires_in_minutes": reset(expires_at="'2026-02-01 06:16Z'"),
    "ck_password_resets_wrong_codes_range": reset(wrong_codes="6"),
    "ck_password_resets_used_while_good": reset(wrong_codes="5", used_at="'2026-02-01 06:10Z'"),
    "ck_password_resets_codes_of_day_range": reset(codes_of_day="11"),
    "ck_login_attempts_kind_known": attempt("door"),
    "uq_users_email": user(email="'a@dairy.example'"),
    "uq_users_phone": user(phone="'+919820012345'"),
    "uq_users_legacy_id": user(legacy_id="'old'"),
    "ck_users_email_or_phone": user(email="NULL", phone="NULL"),
    "ck_users_email_format": user(email="'b at dairy.example'"),
    "ck_users_email_lower_case": user(email="'B@dairy.example'"),
    "ck_users_phone_format": user(phone="'9820054321'"),
    "ck_users_name_length": user(name="''"),
    "ck_users_role_known": user(role="'owner'"),
    "fk_invitations_user_id": invitation(NOBODY),
    "uq_invitations_token_hash": invitation(token="x"),
    "fk_refresh_tokens_user_id": refresh_token(NOBODY),
}
ACCEPTED = [
    user(),
    user(email="NULL"),
    user(phone="NULL"),
    invitation(),
    refresh_token(),
    attempt("reset"),
    reset(wrong_codes="5"),
]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


@pytest.mark.parametrize("statement", ACCEPTED)
def test_the_same_rows_without_the_fault_are_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_no_constraint_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) == set(REFUSED)


@pytest.mark.parametrize("used_at", ["2026-02-01 05:59Z", "2026-02-01 06:15Z"])
def test_a_code_is_used_while_it_is_good(bare: Any, used_at: str) -> None:
    assert refuses(bare, SET_UP, reset(used_at=f"'{used_at}'")) == "ck_password_resets_used_while_good"
