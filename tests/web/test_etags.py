"""ETag and If-Match on single resources: no change overwrites another's unseen."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dairy_app.app import create_app
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from tests.conftest import PATIENT, raw_connection
from tests.dairy import Client, Dairy, ok, refused
from tests.races import _until_all_wait, at_once


@pytest.fixture
def user(dairy: Dairy) -> str:
    """The path of a user's record."""
    made = ok(dairy.admin.post("/users", {"name": "Ravi", "role": "accountant", "email": "ravi@dairy.example"}), 201)
    return f"/users/{made['id']}"


def tag_of(dairy: Dairy, path: str) -> str:
    answer = dairy.admin.get(path)
    ok(answer, 200)
    return answer.headers["ETag"]


def name_of(dairy: Dairy, path: str) -> str:
    return str(ok(dairy.admin.get(path))["name"])


def test_unchanged_is_304_without_a_body(dairy: Dairy, user: str) -> None:
    tag = tag_of(dairy, user)
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = dairy.admin.call("GET", user, headers={"If-None-Match": given})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == tag
    ok(dairy.admin.patch(user, {"name": "Ravi K"}))
    answer = dairy.admin.call("GET", user, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.get_json()["name"]) == (200, "Ravi K")
    assert answer.headers["ETag"] != tag


def test_the_tag_that_was_read_lets_a_change_through_once(dairy: Dairy, user: str) -> None:
    seen = {"If-Match": tag_of(dairy, user)}
    assert ok(dairy.admin.patch(user, {"name": "Ravi A"}, headers=seen))["name"] == "Ravi A"
    answer = dairy.admin.patch(user, {"name": "Ravi B"}, headers=seen)
    refused(answer, 412, "precondition_failed")
    assert name_of(dairy, user) == "Ravi A"
    assert answer.headers["ETag"] == tag_of(dairy, user)
    ok(dairy.admin.patch(user, {"name": "Ravi B"}, headers={"If-Match": answer.headers["ETag"]}))


@pytest.mark.parametrize("given", ["*", "W/{tag}", '"other", {tag}', "{gzip}"])
def test_other_ways_to_name_the_tag(dairy: Dairy, user: str, given: str) -> None:
    tag = tag_of(dairy, user)
    header = given.format(tag=tag, gzip=tag[:-1] + '-gzip"')
    assert ok(dairy.admin.patch(user, {"name": "Ravi A"}, headers={"If-Match": header}))["name"] == "Ravi A"


@pytest.mark.parametrize("given", ['"other"', "", "no quotes", '"unclosed'])
def test_a_tag_that_is_not_the_present_one(dairy: Dairy, user: str, given: str) -> None:
    refused(dairy.admin.patch(user, {"name": "Ravi A"}, headers={"If-Match": given}), 412, "precondition_failed")
    assert name_of(dairy, user) == "Ravi"


def test_without_a_tag_the_last_change_stands(dairy: Dairy, user: str) -> None:
    ok(dairy.admin.patch(user, {"name": "Ravi A"}))
    ok(dairy.admin.patch(user, {"name": "Ravi B"}))
    assert name_of(dairy, user) == "Ravi B"


def test_access_is_judged_before_the_tag(dairy: Dairy, user: str) -> None:
    accountant = dairy.staff("accountant")
    header = {"If-Match": '"other"'}
    refused(dairy.nobody.patch(user, {"name": "X"}, headers=header), 401, "not_authenticated")
    refused(accountant.patch(user, {"name": "X"}, headers=header), 403, "forbidden")
    nobody = "/users/00000000-0000-0000-0000-000000000000"
    refused(dairy.admin.patch(nobody, {"name": "X"}, headers=header), 404, "user_not_found")


def test_the_tag_is_judged_before_the_change(dairy: Dairy, user: str) -> None:
    """Who has not seen the present state learns that, not what is wrong with a change of an older one."""
    taken = {"email": "admin@dairy.example"}
    refused(dairy.admin.patch(user, taken, headers={"If-Match": '"other"'}), 412, "precondition_failed")
    refused(dairy.admin.patch(user, taken, headers={"If-Match": tag_of(dairy, user)}), 409, "already_exists")


def test_two_changes_from_the_same_reading_at_once(dairy: Dairy, user: str, database_url: str) -> None:
    """Both pass the first look; the one that gets the row second sees the other's change and is refused."""
    seen = {"If-Match": tag_of(dairy, user)}
    answers = at_once(
        database_url,
        "LOCK TABLE users IN EXCLUSIVE MODE",
        lambda: dairy.admin.patch(user, {"name": "Ravi A"}, headers=seen),
        lambda: dairy.admin.patch(user, {"name": "Ravi B"}, headers=seen),
    )
    won = [each.get_json()["name"] for each in answers if each.status_code == 200]
    assert sorted(each.status_code for each in answers) == [200, 412]
    assert name_of(dairy, user) == won[0]


def test_a_change_past_the_services_between_look_and_lock(dairy: Dairy, user: str, database_url: str) -> None:
    seen = {"If-Match": tag_of(dairy, user)}
    with raw_connection(database_url) as other, ThreadPoolExecutor(1) as pool:
        with other.cursor() as cursor:
            cursor.execute("UPDATE users SET name = 'By SQL' WHERE email = 'ravi@dairy.example'")
        change: Any = pool.submit(dairy.admin.patch, user, {"phone": "+919800000077"}, headers=seen)
        with raw_connection(database_url) as watcher:
            watcher.autocommit = True
            _until_all_wait(watcher, [change])
        other.commit()
        refused(change.result(timeout=60), 412, "precondition_failed")
    record = ok(dairy.admin.get(user))
    assert (record["name"], record["phone"]) == ("By SQL", None)


def test_a_change_by_tag_needs_one_connection(dairy: Dairy, user: str, settings: Settings, database_url: str) -> None:
    """Threads that each held one and waited for a second one would wait for each other."""
    database = Database(database_url, limits=PATIENT, pool_size=1)
    try:
        other = Client(create_app(settings, database), dairy.admin.token)
        assert ok(other.patch(user, {"name": "Ravi A"}, headers={"If-Match": tag_of(dairy, user)}))["name"] == "Ravi A"
    finally:
        database.dispose()
