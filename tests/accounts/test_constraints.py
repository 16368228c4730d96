"""The constraints on logins hold against plain SQL."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("users", "invitations", "refresh_tokens", "login_attempts")
ONE = "00000000-0000-0000-0000-000000000001"
NOBODY = "00000000-0000-0000-0000-000000000009"
SET_UP = f"""
INSERT INTO users (id, name, email, phone, role, legacy_id)
    VALUES ('{ONE}', 'A', 'a@dairy.example', '+919820012345', 'admin', 'old');
INSERT INTO invitations (user_id, token_hash, expires_at) VALUES ('{ONE}', 'x', now());
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


REFUSED = {
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
ACCEPTED = [user(), user(email="NULL"), user(phone="NULL"), invitation(), refresh_token(), attempt("shared_link")]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


@pytest.mark.parametrize("statement", ACCEPTED)
def test_the_same_rows_without_the_fault_are_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_no_constraint_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) == set(REFUSED)
