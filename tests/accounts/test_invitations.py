"""Invitations instead of default passwords: once, for seven days, the newest only."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from dairy_app.accounts.routes.invitation_page import catalogues
from dairy_app.web.http import DairyFlask
from tests.dairy import PASSWORD, Dairy, ok, refused
from tests.races import at_once

EMAIL = "new@dairy.example"


def invited(dairy: Dairy) -> Any:
    return ok(dairy.admin.post("/users", {"name": "New", "role": "accountant", "email": EMAIL}), 201)


def accept(dairy: Dairy, token: str, password: str = PASSWORD) -> Any:
    return dairy.nobody.post("/auth/invitations/accept", {"token": token, "password": password})


def test_an_invitation_lets_its_user_set_a_password_once(dairy: Dairy) -> None:
    made = invited(dairy)
    assert made["has_password"] is False
    assert ok(accept(dairy, made["invitation_token"]))["id"] == made["id"]
    assert ok(dairy.admin.get(f"/users/{made['id']}"))["has_password"] is True
    dairy.login(EMAIL)
    refused(accept(dairy, made["invitation_token"], "the finder's password"), 410, "link_revoked")
    dairy.login(EMAIL)


def test_only_a_hash_of_the_token_is_stored(dairy: Dairy, sql: Any) -> None:
    token = invited(dairy)["invitation_token"]
    assert len(token) >= 43  # 256 bits
    rows = sql("SELECT token_hash FROM invitations ORDER BY created_at DESC LIMIT 1")
    assert token.encode() not in bytes(rows[0][0])
    assert len(bytes(rows[0][0])) == 32


def test_a_weak_password_does_not_use_the_invitation_up(dairy: Dairy) -> None:
    token = invited(dairy)["invitation_token"]
    refused(accept(dairy, token, "short"), 422, "validation_failed")
    refused(accept(dairy, token, EMAIL), 422, "validation_failed")
    ok(accept(dairy, token))


def test_an_invitation_lasts_seven_days(app: DairyFlask) -> None:
    with time_machine.travel(datetime(2026, 11, 2, tzinfo=UTC), tick=False) as clock:
        dairy = Dairy(app)
        made = invited(dairy)
        late = ok(
            dairy.admin.post("/users", {"name": "Late", "role": "accountant", "email": "late@dairy.example"}), 201
        )
        clock.shift(timedelta(days=7, seconds=-1))
        ok(accept(dairy, made["invitation_token"]))
        clock.shift(timedelta(seconds=1))
        refused(accept(dairy, late["invitation_token"]), 410, "link_expired")


def test_a_new_invitation_ends_the_older_ones(dairy: Dairy) -> None:
    made = invited(dairy)
    newer = ok(dairy.admin.post(f"/users/{made['id']}/invitation"), 201)["invitation_token"]
    refused(accept(dairy, made["invitation_token"]), 410, "link_revoked")
    ok(accept(dairy, newer))


def test_an_unknown_token_is_not_found_and_guessing_is_slowed_down(dairy: Dairy) -> None:
    token = invited(dairy)["invitation_token"]
    for n in range(100):
        refused(accept(dairy, f"guess {n}"), 404, "not_found")
    answer = accept(dairy, token)
    refused(answer, 429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 0


def test_an_invitation_accepted_by_an_old_user_throws_everybody_else_out(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    token = ok(dairy.admin.post(f"/users/{client.user['id']}/invitation"))["invitation_token"]
    ok(client.get("/auth/me"))
    ok(accept(dairy, token, "the phone was stolen"))
    refused(client.get("/auth/me"), 401, "token_revoked")
    login = {"email": client.user["email"], "password": PASSWORD}
    refused(dairy.nobody.post("/auth/login", login), 401, "bad_credentials")


def test_deactivation_ends_invitations(dairy: Dairy) -> None:
    made = invited(dairy)
    address = f"/users/{made['id']}"
    ok(dairy.admin.patch(address, {"is_active": False}))
    refused(dairy.admin.post(f"{address}/invitation"), 409, "illegal_transition")
    refused(accept(dairy, made["invitation_token"]), 410, "link_revoked")
    ok(dairy.admin.patch(address, {"is_active": True}))
    refused(accept(dairy, made["invitation_token"]), 410, "link_revoked")
    ok(accept(dairy, ok(dairy.admin.post(f"{address}/invitation"))["invitation_token"]))


def test_of_two_accepts_at_once_one_wins(dairy: Dairy) -> None:
    token = invited(dairy)["invitation_token"]
    passwords = ["the first one's words", "the second one's words"]
    with ThreadPoolExecutor(2) as pool:  # no lock to meet at: who waits for their turn holds no connection
        answers = list(pool.map(lambda each: accept(dairy, token, each), passwords))
    assert sorted(answer.status_code for answer in answers) == [200, 410]
    won = [answer.status_code for answer in answers].index(200)
    dairy.login(EMAIL, passwords[won])
    lost = {"email": EMAIL, "password": passwords[1 - won]}
    refused(dairy.nobody.post("/auth/login", lost), 401, "bad_credentials")


def test_of_two_new_invitations_at_once_one_is_open(dairy: Dairy, database_url: str) -> None:
    made = invited(dairy)
    answers = at_once(
        database_url,
        "SELECT 1 FROM users FOR UPDATE",
        *[lambda: dairy.admin.post(f"/users/{made['id']}/invitation")] * 2,
    )
    tokens = [ok(answer)["invitation_token"] for answer in answers]
    outcomes = sorted(accept(dairy, token).status_code for token in [*tokens, made["invitation_token"]])
    assert outcomes == [200, 410, 410]


def test_the_page_of_an_invitation_runs_only_its_own_script(dairy: Dairy) -> None:
    answer = dairy.nobody.get("/auth/invitation")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    script = answer.get_data(as_text=True).split("<script>")[1].split("</script>")[0]
    fingerprint = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{fingerprint}'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_of_an_invitation_has_every_word_in_every_language(dairy: Dairy) -> None:
    english, hindi = catalogues()["en"].texts, catalogues()["hi"].texts
    assert english.keys() == hindi.keys()
    for code, texts in (("en-IN,en;q=0.9", english), ("hi-IN,hi;q=0.9", hindi)):
        shown = dairy.nobody.call("GET", "/auth/invitation", headers={"Accept-Language": code}).get_data(as_text=True)
        assert [key for key, text in texts.items() if text not in shown] == []


@pytest.mark.parametrize("role", ["accountant", "marketing_staff", "delivery_boy", "supplier"])
def test_only_admins_invite(dairy: Dairy, role: str) -> None:
    client = dairy.staff(role)
    refused(client.post("/users", {"name": "X", "role": "admin", "email": EMAIL}), 403, "forbidden")
    refused(client.post(f"/users/{client.user['id']}/invitation"), 403, "forbidden")
    ok(dairy.admin.post(f"/users/{client.user['id']}/invitation"), 201)
