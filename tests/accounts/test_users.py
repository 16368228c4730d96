"""Users: who may log in, and who stays able to."""

from typing import Any

import pytest

from tests.dairy import PASSWORD, Client, Dairy, ok, refused
from tests.races import at_once


def create(client: Client, **fields: Any) -> Any:
    return client.post("/users", {"name": "Ravi", "role": "delivery_boy", **fields})


def test_a_user_is_made_invited_and_read_back(dairy: Dairy) -> None:
    made = ok(create(dairy.admin, phone="098200 12345", email=" Ravi@Dairy.Example"), 201)
    token = made.pop("invitation_token")
    assert token
    assert (made["phone"], made["email"]) == ("+919820012345", "ravi@dairy.example")
    assert (made["is_active"], made["has_password"], made["customer_v2_id"]) == (True, False, None)
    assert ok(dairy.admin.get(f"/users/{made['id']}")) == made
    assert made in ok(dairy.admin.get("/users"))["items"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, "/email"),
        ({"email": None, "phone": None}, "/email"),
        ({"email": "no address"}, "/email"),
        ({"phone": "12345"}, "/phone"),
        ({"phone": "98200 12345", "role": "owner"}, "/role"),
        ({"phone": "98200 12345", "name": "  "}, "/name"),
        ({"phone": "98200 12345", "password": PASSWORD}, "/password"),
        ({"phone": "98200 12345", "is_active": True}, "/is_active"),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(dairy: Dairy, fields: dict[str, Any], pointer: str) -> None:
    problem = refused(create(dairy.admin, **fields), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    ok(create(dairy.admin, phone="98200 12345"), 201)


def test_one_login_belongs_to_one_user(dairy: Dairy) -> None:
    ok(create(dairy.admin, phone="98200 12345", email="ravi@dairy.example"), 201)
    for again, words in (({"phone": "0 98200-12345"}, "phone"), ({"email": "RAVI@dairy.example"}, "e-mail")):
        assert words in refused(create(dairy.admin, **again), 409, "already_exists")["detail"]
    other = ok(create(dairy.admin, phone="98200 54321"), 201)
    for again in ({"phone": "+91 98200 12345"}, {"email": "Ravi@Dairy.example"}):
        refused(dairy.admin.patch(f"/users/{other['id']}", again), 409, "already_exists")


def test_of_two_users_with_one_phone_at_once_one_is_made(dairy: Dairy, database_url: str) -> None:
    hold = "LOCK TABLE users IN SHARE MODE"
    answers = at_once(database_url, hold, *[lambda: create(dairy.admin, phone="98200 12345")] * 2)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused(next(answer for answer in answers if answer.status_code == 409), 409, "already_exists")


def test_a_change_touches_only_what_is_sent(dairy: Dairy) -> None:
    made = ok(create(dairy.admin, phone="98200 12345", email="ravi@dairy.example"), 201)
    changed = ok(dairy.admin.patch(f"/users/{made['id']}", {"phone": None, "name": "Ravi K"}))
    assert (changed["phone"], changed["name"]) == (None, "Ravi K")
    assert (changed["email"], changed["role"]) == ("ravi@dairy.example", "delivery_boy")
    refused(dairy.admin.patch(f"/users/{made['id']}", {"email": None}), 422, "validation_failed")


def test_a_stale_change_is_refused(dairy: Dairy) -> None:
    made = ok(create(dairy.admin, phone="98200 12345"), 201)
    address = f"/users/{made['id']}"
    tag = dairy.admin.get(address).headers["ETag"]
    ok(dairy.admin.patch(address, {"name": "First"}, headers={"If-Match": tag}))
    stale = dairy.admin.patch(address, {"name": "Second"}, headers={"If-Match": tag})
    refused(stale, 412, "precondition_failed")
    assert ok(dairy.admin.get(address))["name"] == "First"


def test_the_list_filters_and_pages(dairy: Dairy) -> None:
    boys = [ok(create(dairy.admin, phone=f"98200 1234{n}"), 201)["id"] for n in range(3)]
    ok(dairy.admin.patch(f"/users/{boys[0]}", {"is_active": False}))
    first = ok(dairy.admin.get("/users", role="delivery_boy", limit=2))
    rest = ok(dairy.admin.get("/users", role="delivery_boy", limit=2, cursor=first["next_cursor"]))
    assert [user["id"] for user in first["items"] + rest["items"]] == boys
    assert rest["next_cursor"] is None
    active = ok(dairy.admin.get("/users", role="delivery_boy", is_active="true"))
    assert [user["id"] for user in active["items"]] == boys[1:]
    refused(dairy.admin.get("/users", role="owner"), 422, "validation_failed")
    refused(dairy.admin.get("/users", name="Ravi"), 422, "validation_failed")


def test_a_user_that_is_not_there(dairy: Dairy) -> None:
    nobody = "/users/00000000-0000-7000-8000-000000000000"
    refused(dairy.admin.get(nobody), 404, "user_not_found")
    refused(dairy.admin.patch(nobody, {"name": "X"}), 404, "user_not_found")
    refused(dairy.admin.post(f"{nobody}/invitation"), 404, "user_not_found")
    refused(dairy.admin.get("/users/7"), 404, "not_found")


# Somebody must stay able to let others in


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "accountant"}])
def test_the_last_admin_stays(dairy: Dairy, change: dict[str, Any]) -> None:
    first = f"/users/{dairy.admin.user['id']}"
    # An admin who was invited and never came cannot let anybody in.
    invited = ok(dairy.admin.post("/users", {"name": "B", "role": "admin", "email": "b@dairy.example"}), 201)
    refused(dairy.admin.patch(first, change), 409, "illegal_transition")
    dairy.accept(invited["invitation_token"], "b@dairy.example")
    ok(dairy.admin.patch(first, change))


def test_two_admins_who_demote_each_other_at_once_leave_one(dairy: Dairy, database_url: str) -> None:
    other = dairy.staff("admin")
    answers = at_once(
        database_url,
        "SELECT 1 FROM users FOR UPDATE",
        lambda: dairy.admin.patch(f"/users/{other.user['id']}", {"role": "accountant"}),
        lambda: other.patch(f"/users/{dairy.admin.user['id']}", {"is_active": False}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


# Logins of customers


def test_the_login_of_a_customer_keeps_its_role(dairy: Dairy) -> None:
    customer = dairy.customer()
    address = f"/users/{customer['user_id']}"
    refused(dairy.admin.patch(address, {"role": "accountant"}), 409, "illegal_transition")
    assert ok(dairy.admin.patch(address, {"name": "New name", "role": "customer"}))["name"] == "New name"
    assert ok(dairy.admin.get(address))["customer_v2_id"] == customer["id"]
    unlinked = ok(create(dairy.admin, role="customer", phone="98200 12345"), 201)
    ok(dairy.admin.patch(f"/users/{unlinked['id']}", {"role": "delivery_boy"}))


def test_knowing_a_phone_opens_no_login(dairy: Dairy) -> None:
    """A second customer with somebody's phone gets neither that login nor an invitation to it."""
    customer, client = dairy.customer_login()
    second = {"name": "Thief", "phone": customer["phone"], "address_line1": "2 Side Road", "area": "Kothrud"}
    marketing = dairy.staff("marketing_staff")
    for who in (dairy.admin, marketing):
        refused(who.post("/customers", second), 409, "already_exists")
    made = ok(dairy.admin.post("/customers", {**second, "login": False}), 201)
    assert made["user_id"] is None
    assert "invitation_token" not in made
    assert ok(client.get("/auth/me"))["customer_v2_id"] == customer["id"]
    boss = ok(create(dairy.admin, role="admin", phone="98200 12345"), 201)
    refused(marketing.post("/customers", {**second, "phone": boss["phone"]}), 409, "already_exists")


def test_a_customers_new_phone_is_not_its_login(dairy: Dairy) -> None:
    customer, _ = dairy.customer_login()
    ok(dairy.admin.patch(f"/customers/{customer['id']}", {"phone": "+919820055555"}))
    wrong = {"phone": "+919820055555", "password": PASSWORD}
    refused(dairy.nobody.post("/auth/login", wrong), 401, "bad_credentials")
    assert dairy.login(customer["phone"]).user["customer_v2_id"] == customer["id"]
