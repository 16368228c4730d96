"""Giving a customer an existing login: an admin's act, never a guess."""

from typing import Any

import pytest

from tests.customers.conftest import Town
from tests.dairy import Dairy, ok, refused
from tests.races import at_once


def link(dairy: Dairy, customer: Any, user_id: str) -> Any:
    return dairy.admin.post(f"/customers/{customer['id']}/link-user", {"user_id": user_id})


def test_a_linked_login_sees_its_customer_at_once(dairy: Dairy, sql: Any) -> None:
    customer, client = dairy.customer(login=False), dairy.staff("customer")
    path, user_id = f"/customers/{customer['id']}", client.user["id"]
    sql("INSERT INTO unlinked_customers VALUES (%s, 'two would fit', ARRAY[%s::uuid])", customer["id"], user_id)
    refused(client.get(path), 404, "customer_not_found")
    linked = ok(link(dairy, customer, user_id), 200)
    assert linked["user_id"] == user_id
    assert "invitation_token" not in linked
    assert ok(client.get(path))["id"] == customer["id"]
    assert ok(client.get("/auth/me"))["customer_v2_id"] == customer["id"]
    assert sql("SELECT * FROM unlinked_customers") == [], "it waits for nobody any more"


def test_the_same_link_again_changes_nothing(dairy: Dairy) -> None:
    customer, client = dairy.customer(login=False), dairy.staff("customer")
    first = ok(link(dairy, customer, client.user["id"]))
    assert ok(link(dairy, customer, client.user["id"])) == first


def test_who_has_a_partner_gets_no_second(town: Town, everything: Any) -> None:
    single, free = town.dairy.customer(login=False), town.dairy.staff("customer")
    before = everything()
    refused(link(town.dairy, single, town.asmita["user_id"]), 409, "already_exists")
    refused(link(town.dairy, town.asmita, free.user["id"]), 409, "already_exists")
    refused(link(town.dairy, town.asmita, town.bharat["user_id"]), 409, "already_exists")
    assert everything() == before
    ok(link(town.dairy, single, free.user["id"]))


@pytest.mark.parametrize("role", ["admin", "accountant", "delivery_boy", "marketing_staff", "supplier"])
def test_only_logins_for_customers_can_be_linked(dairy: Dairy, everything: Any, role: str) -> None:
    customer, client = dairy.customer(login=False), dairy.staff(role)
    before = everything()
    refused(link(dairy, customer, client.user["id"]), 409, "illegal_transition")
    assert everything() == before


def test_a_deactivated_login_cannot_be_linked(dairy: Dairy, everything: Any) -> None:
    customer, client = dairy.customer(login=False), dairy.staff("customer")
    ok(dairy.admin.patch(f"/users/{client.user['id']}", {"is_active": False}))
    before = everything()
    refused(link(dairy, customer, client.user["id"]), 409, "illegal_transition")
    assert everything() == before
    ok(dairy.admin.patch(f"/users/{client.user['id']}", {"is_active": True}))
    ok(link(dairy, customer, client.user["id"]))


def test_what_cannot_be_linked_because_it_is_not_there(dairy: Dairy, everything: Any) -> None:
    customer, client = dairy.customer(login=False), dairy.staff("customer")
    nobody = "00000000-0000-0000-0000-000000000009"
    before = everything()
    refused(link(dairy, customer, nobody), 404, "user_not_found")
    refused(link(dairy, {"id": nobody}, client.user["id"]), 404, "customer_not_found")
    for wrong in ({}, {"user_id": None}, {"user_id": "x"}, {"user_id": client.user["id"], "force": True}):
        answer = dairy.admin.post(f"/customers/{customer['id']}/link-user", wrong)
        refused(answer, 422, "validation_failed")
    assert everything() == before


@pytest.mark.parametrize("who", ["meena", "anil", "asmita_client"])
def test_only_an_admin_links(town: Town, everything: Any, who: str) -> None:
    free = town.dairy.staff("customer")
    before = everything()
    answer = getattr(town, who).post(f"/customers/{town.asmita['id']}/link-user", {"user_id": free.user["id"]})
    refused(answer, 403, "forbidden")
    assert everything() == before


def test_one_login_for_two_customers_at_once(dairy: Dairy, database_url: str, sql: Any) -> None:
    one, other, client = dairy.customer(login=False), dairy.customer(login=False), dairy.staff("customer")
    other_admin = dairy.login("admin@dairy.example")
    body = {"user_id": client.user["id"]}
    answers = at_once(
        database_url,
        "LOCK TABLE users IN EXCLUSIVE MODE",
        lambda: dairy.admin.post(f"/customers/{one['id']}/link-user", body),
        lambda: other_admin.post(f"/customers/{other['id']}/link-user", body),
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    refused(lost, 409, "already_exists")
    linked = ok(won, 200)["id"]
    assert sql("SELECT id::text FROM customers WHERE user_id = %s", client.user["id"]) == [(linked,)]
