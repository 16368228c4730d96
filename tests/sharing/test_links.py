"""Making links, listing and revoking them: the admin's side."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from dairy_app.app import create_app
from dairy_app.settings import Settings
from dairy_app.web.http import DairyFlask
from tests.conftest import SECRET_KEY
from tests.dairy import ok, refused
from tests.sharing.links import Town


def test_a_link_is_shown_whole_once(town: Town, sql: Any) -> None:
    made = town.link(shift="morning", pin="4711", expires_in_hours=48, name="Ravi's cousin").made
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", made["token"])
    assert made["url"] == f"http://127.0.0.1:8000/s/{made['token']}"
    shown = {
        "id": made["id"],
        "kind": "round",
        "name": "Ravi's cousin",
        "delivery_boy_id": town.boy.user["id"],
        "delivery_boy_name": "Bala Boy",
        "area_id": None,
        "area_name": None,
        "date": "2026-11-20",
        "rolling": False,
        "shift": "morning",
        "has_pin": True,
        "state": "active",
        "expires_at": "2026-11-22T04:30:00+00:00",
        "revoked_at": None,
        "locked_until": None,
        "use_count": 0,
        "last_used_at": None,
        "created_by": town.dairy.admin.user["id"],
        "created_at": "2026-11-20T04:30:00+00:00",
    }
    assert made == shown | {"token": made["token"], "url": made["url"]}
    assert ok(town.dairy.admin.get("/shared-links")) == {"items": [shown], "next_cursor": None}
    [(stored, pin)] = sql("SELECT encode(token_hash, 'escape') || l::text, pin_hash FROM shared_links l")
    assert made["token"] not in stored
    assert pin.startswith("$argon2id$")


def test_an_area_by_default_for_a_day_without_a_pin(town: Town) -> None:
    made = town.link(area_id=town.zoya["area_id"], rolling=True).made
    assert (made["name"], made["area_name"], made["rolling"], made["date"]) == ("Link: Baner", "Baner", True, None)
    assert (made["has_pin"], made["expires_at"]) == (False, "2026-11-21T04:30:00+00:00")
    assert town.link().made["name"] == "Link: Bala Boy"


def test_the_address_people_know(settings: Settings, town: Town) -> None:
    public = Settings(settings.data_dir, secret_key=SECRET_KEY, public_url="https://milk.example", log_level="error")
    town.dairy.admin._http = create_app(public, town.dairy.app.database).test_client()
    made = town.link().made
    assert made["url"] == f"https://milk.example/s/{made['token']}"


def test_a_link_never_begins_with_what_a_request_says(settings: Settings, town: Town) -> None:
    served = Settings(settings.data_dir, secret_key=SECRET_KEY, served_at="http://127.0.0.1:8431", log_level="error")
    town.dairy.admin._http = create_app(served, town.dairy.app.database).test_client()
    person = {"kind": "round", "delivery_boy_id": town.boy.user["id"], "date": "2026-11-20"}
    made = ok(town.dairy.admin.post("/shared-links", person, headers={"Host": "evil.example"}), 201)
    assert made["url"] == f"http://127.0.0.1:8431/s/{made['token']}"


def test_each_link_has_a_token_of_its_own(town: Town) -> None:
    assert len({town.link().token for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "invoice"}, "/kind"),
        ({"area_id": "the area"}, "/delivery_boy_id"),
        ({"delivery_boy_id": None}, "/delivery_boy_id"),
        ({"rolling": True}, "/date"),
        ({"date": None}, "/date"),
        ({"date": "2026-11-18"}, "/date"),
        ({"date": "2026-11-22"}, "/date"),
        ({"shift": "noon"}, "/shift"),
        ({"expires_in_hours": 0}, "/expires_in_hours"),
        ({"expires_in_hours": 721}, "/expires_in_hours"),
        ({"expires_in_hours": "24"}, "/expires_in_hours"),
        ({"pin": "123"}, "/pin"),
        ({"pin": "123456789"}, "/pin"),
        ({"pin": "12a4"}, "/pin"),
        ({"pin": "١٢٣٤"}, "/pin"),
        ({"name": ""}, "/name"),
        ({"delivery_boy_id": "an admin"}, "/delivery_boy_id"),
    ],
)
def test_what_makes_no_link(town: Town, sql: Any, changes: dict[str, Any], pointer: str) -> None:
    body = {"kind": "round", "delivery_boy_id": town.boy.user["id"], "date": "2026-11-20"}
    ok(town.dairy.admin.post("/shared-links", body), 201)
    stand_for = {"the area": town.asha["area_id"], "an admin": town.dairy.admin.user["id"]}
    changed = {name: stand_for.get(str(value), value) for name, value in (body | changes).items() if value is not None}
    problem = refused(town.dairy.admin.post("/shared-links", changed), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert sql("SELECT count(*) FROM shared_links") == [(1,)]


def test_yesterdays_round_may_still_be_confirmed(town: Town) -> None:
    assert town.link(date="2026-11-19").made["date"] == "2026-11-19"
    assert town.link(date="2026-11-21").made["date"] == "2026-11-21"
    assert town.link(expires_in_hours=720).made["expires_at"] == "2026-12-20T04:30:00+00:00"


def test_a_link_to_nowhere(town: Town) -> None:
    body = {"kind": "round", "rolling": True}
    refused(town.dairy.admin.post("/shared-links", body | {"area_id": str(uuid4())}), 404, "area_not_found")
    stranger = body | {"delivery_boy_id": str(uuid4()), "name": "N"}
    refused(town.dairy.admin.post("/shared-links", stranger), 422, "validation_failed")


def test_a_boy_who_left_has_no_round(town: Town) -> None:
    ok(town.dairy.admin.patch(f"/users/{town.boy.user['id']}", {"is_active": False}))
    body = {"kind": "round", "rolling": True, "delivery_boy_id": town.boy.user["id"]}
    refused(town.dairy.admin.post("/shared-links", body), 422, "validation_failed")


def test_states_and_counts(town: Town, clock: time_machine.Traveller) -> None:
    used, short, gone, locked = town.link(), town.link(expires_in_hours=1), town.link(), town.link(pin="4711")
    for _ in range(3):
        used.confirm(town.order())
    gone.revoke()
    for _ in range(5):
        refused(locked.unlock("0000"), 401, "wrong_pin")
    clock.shift(timedelta(minutes=14))
    assert [(each.read()["state"], each.read()["use_count"]) for each in (used, short, gone, locked)] == [
        ("active", 3),
        ("active", 0),
        ("revoked", 0),
        ("locked", 5),
    ]
    assert used.read()["last_used_at"] == "2026-11-20T04:30:00+00:00"
    assert locked.read()["locked_until"] == "2026-11-20T04:45:00+00:00"
    clock.shift(timedelta(minutes=46))
    town.dairy.log_in_again()
    assert [each.read()["state"] for each in (used, short, gone, locked)] == ["active", "expired", "revoked", "active"]


def test_revoking_again_changes_nothing(town: Town, clock: time_machine.Traveller, sql: Any) -> None:
    link = town.link()
    link.revoke()
    first = sql("SELECT l::text FROM shared_links l")
    clock.shift(timedelta(minutes=1))
    link.revoke()
    assert sql("SELECT l::text FROM shared_links l") == first
    assert sql("SELECT revoked_at::text, revoked_by::text FROM shared_links") == [
        ("2026-11-20 04:30:00+00", town.dairy.admin.user["id"])
    ]
    refused(town.dairy.admin.delete(f"/shared-links/{uuid4()}"), 404, "link_not_found")
    refused(town.dairy.admin.get(f"/shared-links/{uuid4()}/events"), 404, "link_not_found")


def test_lists_are_paged(town: Town) -> None:
    links = [town.link() for _ in range(3)]
    for _ in range(3):
        ok(links[0].confirm(town.order()))
    for path, key in (("/shared-links", "id"), (f"/shared-links/{links[0].id}/events", "id")):
        whole = ok(town.dairy.admin.get(path))["items"]
        first = ok(town.dairy.admin.get(path, limit=2))
        second = ok(town.dairy.admin.get(path, limit=2, cursor=first["next_cursor"]))
        assert [each[key] for each in first["items"] + second["items"]] == [each[key] for each in whole]
        assert (len(whole), second["next_cursor"]) == (3, None)
    assert [each["id"] for each in ok(town.dairy.admin.get("/shared-links"))["items"]] == [
        each.id for each in reversed(links)
    ]


def test_no_answer_holds_a_secret(town: Town, sql: Any) -> None:
    link = town.link(pin="4711")
    ok(link.unlock("4711"), 204)
    admin = town.dairy.admin
    [(pin_hash,)] = sql("SELECT pin_hash FROM shared_links")
    for answer in (admin.get("/shared-links"), admin.get(f"/shared-links/{link.id}/events"), link.round()):
        ok(answer)
        for secret in (link.token, "4711", pin_hash, "token_hash", "pin_hash", "$argon2"):
            assert secret not in answer.get_data(as_text=True)


def test_a_repeated_key_does_not_give_the_token_out_again(town: Town, sql: Any) -> None:
    body = {"kind": "round", "delivery_boy_id": town.boy.user["id"], "rolling": True}
    first, second = (
        ok(town.dairy.admin.post("/shared-links", body, headers={"Idempotency-Key": "k"}), 201) for _ in range(2)
    )
    assert first.pop("token") and first.pop("url")
    assert second == first, "one link, its token shown once"
    assert len(ok(town.dairy.admin.get("/shared-links"))["items"]) == 1
    assert "token" not in sql("SELECT response FROM idempotency_keys")[0][0]


def test_only_admins(town: Town, app: DairyFlask) -> None:
    for role in ("accountant", "delivery_boy", "marketing_staff"):
        client = town.dairy.staff(role)
        refused(client.get("/shared-links"), 403, "forbidden")
        refused(client.post("/shared-links", {}), 403, "forbidden")
