"""Changing the own password, and which passwords are taken."""

from typing import Any

import pytest

from dairy_app.accounts.rules.logins import refuse_weak_password
from tests.dairy import PASSWORD, Dairy, ok, refused

NEW = "an entirely different phrase"


def body(current: str = PASSWORD, new: str = NEW) -> dict[str, str]:
    return {"current_password": current, "new_password": new}


def test_a_new_password_ends_every_token_and_the_old_password(dairy: Dairy) -> None:
    here, email = dairy.staff("accountant"), "accountant1@dairy.example"
    there = ok(dairy.nobody.post("/auth/login", {"email": email, "password": PASSWORD}))
    answer = here.post("/auth/password", body())
    assert (answer.status_code, answer.data) == (204, b"")
    refused(here.get("/auth/me"), 401, "token_revoked")
    refresh = {"refresh_token": there["refresh_token"]}
    refused(dairy.nobody.post("/auth/refresh", refresh), 401, "token_revoked")
    refused(dairy.nobody.post("/auth/login", {"email": email, "password": PASSWORD}), 401, "bad_credentials")
    ok(dairy.login(email, NEW).get("/auth/me"))


def test_the_current_password_must_be_known(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    refused(client.post("/auth/password", body(current="guessed")), 401, "bad_credentials")
    ok(client.get("/auth/me"))
    ok(client.post("/auth/password", body()), 204)


#: The same in the spelling of another keyboard (full-width letters).
SPELLED = PASSWORD.replace("correct", "ｃｏｒｒｅｃｔ")


@pytest.mark.parametrize("same", [PASSWORD, SPELLED])
def test_a_new_password_is_another_one(dairy: Dairy, same: str) -> None:
    client = dairy.staff("accountant")
    problem = refused(client.post("/auth/password", body(new=same)), 422, "validation_failed")
    assert problem["detail"] == "This is the current password. Choose another."
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/new_password", "unchanged")]
    refused(client.post("/auth/password", body(current="guessed", new="guessed")), 401, "bad_credentials")
    ok(client.post("/auth/password", body()), 204)


def test_guessing_the_current_password_with_a_found_phone_is_slowed_down(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    for _ in range(10):
        refused(client.post("/auth/password", body(current="guessed")), 401, "bad_credentials")
    answer = client.post("/auth/password", body())
    refused(answer, 429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    ok(dairy.login(client.user["email"]).get("/auth/me"))


def test_a_new_password_ends_an_open_invitation(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    token = ok(dairy.admin.post(f"/users/{client.user['id']}/invitation"))["invitation_token"]
    ok(client.post("/auth/password", body()))
    accept = {"token": token, "password": PASSWORD}
    refused(dairy.nobody.post("/auth/invitations/accept", accept), 410, "link_revoked")


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("seven77", "at least 8"),
        ("x1" * 65, "at most 128"),
        ("Password123", "first that anybody would try"),
        ("milkman1", "first that anybody would try"),
        ("monkey12345", "first that anybody would try"),
        ("qwerty!@#$", "first that anybody would try"),
        ("ram12345", "first that anybody would try"),
        ("Welcome@123", "first that anybody would try"),
        ("p4ssw0rd99", "first that anybody would try"),
        ("aaaaaaaaaa", "first that anybody would try"),
        ("Accountant1@dairy.example", "must not be the login"),
        ("accountant1", "must not be the login"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(dairy: Dairy, new: str, words: str) -> None:
    client = dairy.staff("accountant")
    problem = refused(client.post("/auth/password", body(new=new)), 422, "validation_failed")
    assert words in problem["detail"]
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/new_password", "weak_password")]
    ok(client.get("/auth/me"))
    ok(client.post("/auth/password", body()))


@pytest.mark.parametrize("password", ["+919820012345", "919820012345", "9820012345", "09820012345"])
def test_the_own_phone_is_no_password(password: str) -> None:
    with pytest.raises(ValueError, match="login"):
        refuse_weak_password(password, ["+919820012345"])
    refuse_weak_password(password, ["+919820054321"])


@pytest.mark.parametrize("password", ["eight ch", "x1y" * 42, "दूध हर सुबह", "no digits no capitals"])
def test_length_is_all_that_is_asked_of_a_password(password: str) -> None:
    refuse_weak_password(password, ["a@dairy.example"])


def test_no_answer_and_no_log_holds_a_password_or_its_hash(
    dairy: Dairy, sql: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    client = dairy.staff("accountant")
    hashes = [row[0] for row in sql("SELECT password_hash FROM users")]
    answers = [
        client.get("/auth/me"),
        dairy.admin.get("/users"),
        dairy.admin.get(f"/users/{client.user['id']}"),
        dairy.admin.patch(f"/users/{client.user['id']}", {"name": "Other"}),
        dairy.nobody.post("/auth/login", {"email": client.user["email"], "password": PASSWORD}),
        dairy.nobody.post("/auth/login", {"email": client.user["email"], "password": "wrong"}),
        dairy.nobody.post("/auth/login", {"email": PASSWORD, "password": PASSWORD}),
    ]
    text = "".join(answer.get_data(as_text=True) for answer in answers)
    logs = "".join(capfd.readouterr())
    for secret in [*hashes, "password_hash", "token_hash", PASSWORD]:
        assert secret not in text
        assert secret not in logs
