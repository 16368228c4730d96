"""Idempotency-Key: sent twice, done once, answered twice."""

from typing import Any

import pytest
from marshmallow import Schema

from dairy_app.web.access import allow_anyone
from dairy_app.web.http import Blueprint, DairyFlask, check_policies, declared_by
from dairy_app.web.idempotency import idempotent
from tests.dairy import Client, Dairy, ok, refused
from tests.races import at_once

KEY = {"Idempotency-Key": "7b0c-round-3"}


def post(client: Client, name: str, headers: dict[str, str] = KEY, **options: Any) -> Any:
    return client.post("/lab/notes", {"name": name}, headers=headers, **options)


def count(sql: Any, table: str = "areas") -> int:
    return int(sql(f"SELECT count(*) FROM {table}")[0][0])


def test_the_same_again_is_the_stored_answer(lab: Dairy, sql: Any) -> None:
    first, second = post(lab.admin, "Kothrud"), post(lab.admin, "Kothrud")
    assert ok(first, 201) == ok(second, 201) == {"name": "Kothrud", "amount": None}
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert count(sql) == 1


def test_without_a_key_it_is_done_again(lab: Dairy) -> None:
    ok(post(lab.admin, "Kothrud", {}), 201)
    refused(post(lab.admin, "Kothrud", {}), 409, "already_exists")


def test_another_body_under_the_same_key(lab: Dairy, sql: Any) -> None:
    ok(post(lab.admin, "Kothrud"), 201)
    refused(post(lab.admin, "Baner"), 422, "idempotency_key_reused")
    assert count(sql) == 1


def test_a_key_belongs_to_one_user_and_one_address(lab: Dairy, sql: Any) -> None:
    ok(post(lab.admin, "Kothrud"), 201)
    refused(lab.admin.post("/lab/raise/in_use", headers=KEY), 409, "in_use")
    lab.staff("admin")
    other = lab.login("admin1@dairy.example")
    ok(post(other, "Baner"), 201)
    assert count(sql) == 2
    assert [ok(post(each, name))["name"] for each, name in [(lab.admin, "Kothrud"), (other, "Baner")]] == [
        "Kothrud",
        "Baner",
    ]
    assert count(sql) == 2


def test_a_raised_error_is_not_stored(lab: Dairy, sql: Any) -> None:
    sql("INSERT INTO areas (name) VALUES ('Kothrud')")
    refused(post(lab.admin, "Kothrud"), 409, "already_exists")
    sql("DELETE FROM areas")
    ok(post(lab.admin, "Kothrud"), 201)
    assert count(sql, "idempotency_keys") == 1


def test_a_refusal_that_commits_is_not_stored(lab: Dairy, sql: Any) -> None:
    refused(lab.admin.post("/lab/refuse/cutoff_passed", headers=KEY), 422, "cutoff_passed")
    assert count(sql, "idempotency_keys") == 0
    refused(lab.admin.post("/lab/refuse/cutoff_passed", headers=KEY), 409, "already_exists")  # it ran again


def test_a_body_that_is_not_valid_uses_no_key(lab: Dairy, sql: Any) -> None:
    refused(post(lab.admin, ""), 422, "validation_failed")
    ok(post(lab.admin, "Kothrud"), 201)
    assert count(sql) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x7fb", "\u00ad"])
def test_a_key_that_is_none(lab: Dairy, sql: Any, key: str) -> None:
    refused(post(lab.admin, "Kothrud", {"Idempotency-Key": key}), 422, "validation_failed")
    assert count(sql) == 0
    ok(post(lab.admin, "Kothrud", {"Idempotency-Key": "x" * 200}), 201)


def test_two_at_once_are_done_once(lab: Dairy, database_url: str, sql: Any) -> None:
    """The second waits for the first one's key, then answers what the first answered."""
    answers = at_once(
        database_url,
        "LOCK TABLE areas IN EXCLUSIVE MODE",
        lambda: post(lab.admin, "Kothrud"),
        lambda: post(lab.admin, "Kothrud"),
    )
    assert [ok(each, 201)["name"] for each in answers] == ["Kothrud"] * 2
    assert sorted(each.headers.get("Idempotency-Replayed", "first") for each in answers) == ["first", "true"]
    assert count(sql) == 1


def test_the_second_runs_when_the_first_fails(lab: Dairy, database_url: str, sql: Any) -> None:
    answers = at_once(
        database_url,
        "LOCK TABLE areas IN EXCLUSIVE MODE",
        lambda: lab.admin.post("/lab/raise/in_use", headers=KEY),
        lambda: lab.admin.post("/lab/raise/in_use", headers=KEY),
    )
    for each in answers:
        refused(each, 409, "in_use")
    assert count(sql, "idempotency_keys") == 0


def test_a_public_route_cannot_be_idempotent(app: DairyFlask) -> None:
    check_policies(app)
    public = Blueprint("public", __name__)

    @public.route("/public", methods=["POST"])
    @idempotent
    @allow_anyone()
    def view() -> dict[str, Any]:
        return {}

    fresh = DairyFlask("fresh", static_folder=None)
    fresh.register_blueprint(public)
    with pytest.raises(LookupError, match=r"/public .*cannot be idempotent"):
        check_policies(fresh)


def secret_fields(schema: Schema) -> list[str]:
    return [name for name in schema.fields if name.endswith(("token", "password", "pin"))]


def test_no_stored_answer_holds_a_secret(app: DairyFlask) -> None:
    """An answer under a key is kept in the database as it was sent, but for what its route names as secret."""
    found, seen = [], 0
    for endpoint, view in app.view_functions.items():
        if getattr(view, "idempotent", False):
            schemas = [each.schema for each in declared_by(view).answers]
            seen += 1
            found += [
                (endpoint, name)
                for each in schemas
                if isinstance(each, Schema)
                for name in secret_fields(each)
                if name not in view.idempotent and not name.startswith("has_")
            ]
    assert seen >= 4
    assert found == []


def test_a_secret_is_shown_once_also_under_a_key(dairy: Dairy, sql: Any) -> None:
    body = {"name": "Asha", "phone": "9812300001", "address_line1": "1 Mill Road", "area": "Kothrud"}
    first, second = (dairy.admin.post("/customers", body, headers=KEY) for _ in range(2))
    made = ok(first, 201)
    token = made.pop("invitation_token")
    assert ok(second, 201) == made
    assert second.headers["Idempotency-Replayed"] == "true"
    assert token not in sql("SELECT response FROM idempotency_keys")[0][0]
    assert count(sql, "customers") == 1
    ok(dairy.nobody.post("/auth/invitations/accept", {"token": token, "password": "correct horse battery staple"}))
