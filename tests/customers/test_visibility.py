"""Who sees which customers, and who changes what of them."""

from itertools import product
from typing import Any
from uuid import UUID

import pytest

from dairy_app.common.errors import Problem
from dairy_app.customers.queries import get_visible_customer
from dairy_app.web.access import Actor, Role
from tests.customers.conftest import Town
from tests.dairy import Client, ok, refused


def client_of(town: Town, who: str) -> Client:
    if who in {"accountant", "supplier"}:
        return town.dairy.staff(who)
    return {"admin": town.admin, "asmita": town.asmita_client, "bharat": town.bharat_client}.get(who) or getattr(
        town, who
    )


SEES = {
    "admin": {"Asmita", "Bharat"},
    "accountant": {"Asmita", "Bharat"},
    "meena": {"Asmita"},
    "manoj": {"Bharat"},
    "anil": {"Asmita"},
    "bala": {"Bharat"},
}


@pytest.mark.parametrize("who", SEES)
def test_staff_see_their_own_customers(town: Town, who: str) -> None:
    client = client_of(town, who)
    assert {each["name"] for each in ok(client.get("/customers"))["items"]} == SEES[who]
    for customer in (town.asmita, town.bharat):
        answer = client.get(f"/customers/{customer['id']}")
        if customer["name"] in SEES[who]:
            assert ok(answer)["id"] == customer["id"]
        else:
            refused(answer, 404, "customer_not_found")


@pytest.mark.parametrize("who", ["anil", "meena"])
def test_no_filter_shows_what_is_not_theirs(town: Town, who: str) -> None:
    client = client_of(town, who)
    bharat = town.bharat
    for filters in (
        {"delivery_boy_id": bharat["delivery_boy_id"]},
        {"area_id": bharat["area_id"]},
        {"q": "Bharat"},
        {"q": bharat["phone"]},
        {"status": "active", "q": "B"},
    ):
        assert ok(client.get("/customers", **filters))["items"] == [], filters
        assert [each["id"] for each in ok(town.admin.get("/customers", **filters))["items"]] == [bharat["id"]]


def test_a_customer_sees_itself_and_nobody_else(town: Town) -> None:
    assert ok(town.asmita_client.get(f"/customers/{town.asmita['id']}"))["name"] == "Asmita"
    refused(town.asmita_client.get(f"/customers/{town.bharat['id']}"), 404, "customer_not_found")
    refused(town.asmita_client.get("/customers"), 403, "forbidden")


def test_a_customers_login_without_a_customer_sees_nobody(town: Town) -> None:
    lonely = town.dairy.staff("customer")
    refused(lonely.get(f"/customers/{town.asmita['id']}"), 404, "customer_not_found")


def test_other_domains_get_only_visible_customers(town: Town) -> None:
    """Orders, deliveries and billing ask ``get_visible_customer``, with the lock and without."""
    by_login = {who: client_of(town, who) for who in [*SEES, "asmita", "bharat", "supplier"]}
    seen = SEES | {"asmita": {"Asmita"}, "bharat": {"Bharat"}, "supplier": set()}
    for who, client in by_login.items():
        actor = Actor(UUID(client.user["id"]), who, Role(client.user["role"]))
        for customer, lock in product((town.asmita, town.bharat), (False, True)):
            with town.dairy.app.database.transaction() as session:
                if customer["name"] in seen[who]:
                    found = get_visible_customer(session, actor, UUID(customer["id"]), lock=lock)
                    assert found.name == customer["name"]
                else:
                    with pytest.raises(Problem, match="No such customer") as refusal:
                        get_visible_customer(session, actor, UUID(customer["id"]), lock=lock)
                    assert refusal.value.code == "customer_not_found"


def test_what_is_not_visible_looks_like_what_is_not_there(town: Town) -> None:
    hidden = refused(town.anil.get(f"/customers/{town.bharat['id']}"), 404, "customer_not_found")
    missing = refused(town.anil.get("/customers/00000000-0000-0000-0000-000000000009"), 404, "customer_not_found")
    assert {**hidden, "instance": ""} == {**missing, "instance": ""}


@pytest.mark.parametrize("who", ["supplier", "nobody"])
def test_suppliers_and_strangers_see_nothing(town: Town, who: str) -> None:
    client = town.dairy.nobody if who == "nobody" else client_of(town, who)
    expected = (401, "not_authenticated") if who == "nobody" else (403, "forbidden")
    for path in ("/customers", f"/customers/{town.asmita['id']}", "/areas"):
        refused(client.get(path), *expected)


def test_the_round_moves_with_the_customer(town: Town) -> None:
    ok(town.admin.patch(f"/customers/{town.asmita['id']}", {"delivery_boy_id": town.bala.user["id"]}))
    assert {each["name"] for each in ok(town.bala.get("/customers"))["items"]} == {"Asmita", "Bharat"}
    refused(town.anil.get(f"/customers/{town.asmita['id']}"), 404, "customer_not_found")


@pytest.mark.parametrize("who", ["meena", "asmita"])
def test_somebody_elses_customer_cannot_be_changed(town: Town, everything: Any, who: str) -> None:
    before = everything()
    client = client_of(town, who)
    refused(client.patch(f"/customers/{town.bharat['id']}", {"city": "Nashik"}), 404, "customer_not_found")
    assert everything() == before
    assert ok(client.patch(f"/customers/{town.asmita['id']}", {"city": "Nashik"}))["city"] == "Nashik"


@pytest.mark.parametrize("who", ["accountant", "anil", "supplier"])
def test_who_may_not_change_customers_at_all(town: Town, everything: Any, who: str) -> None:
    client = client_of(town, who)
    before = everything()
    refused(client.patch(f"/customers/{town.asmita['id']}", {"city": "Nashik"}), 403, "forbidden")
    assert everything() == before


OWN = {
    "address_line1": "9 Hill Road",
    "address_line2": "Gate 2",
    "city": "Pune",
    "pincode": "411001",
    "map_link": "https://maps.app.goo.gl/x",
    "email": "asmita@home.example",
    "language": "mr",
    "notes": "Hang the bag on the door.",
    "channel": "email",
    "messages_off": ["reminder"],
}


def not_own(town: Town) -> dict[str, Any]:
    return {
        "name": "Somebody",
        "phone": "+919899999999",
        "status": "paused",
        "billing_cycle": "weekly",
        "area": "Baner",
        "area_id": town.bharat["area_id"],
        "delivery_boy_id": town.bala.user["id"],
        "marketing_staff_id": town.manoj.user["id"],
        "stop_sequence": 1,
        "trial_start_date": "2026-11-01",
        "state_code": "29",
        "gstin": "27AAPFU0939F1ZV",
        "gst_treatment": "composition",
        "latitude": "18.000000",
        "longitude": "73.000000",
        "code": "VIP",
        "payment_terms": "prepaid",
        "credit_limit": "500.00",
        "billed_to": town.bharat["id"],
    }


def test_a_customer_changes_where_it_lives_and_little_else(town: Town, everything: Any) -> None:
    path = f"/customers/{town.asmita['id']}"
    changed = ok(town.asmita_client.patch(path, OWN))
    assert {name: changed[name] for name in OWN} == OWN
    before = everything()
    for name, value in not_own(town).items():
        body = refused(town.asmita_client.patch(path, {"city": "Nashik", name: value}), 403, "forbidden")
        assert [error["pointer"] for error in body["errors"]] == [f"/{name}"]
        assert everything() == before


def test_marketing_staff_change_all_but_codes_cycles_and_who_looks_after(town: Town, everything: Any) -> None:
    path = f"/customers/{town.asmita['id']}"
    kept = {"code", "billing_cycle", "marketing_staff_id", "payment_terms", "credit_limit", "billed_to"}
    for name, value in not_own(town).items():
        before = everything()
        answer = town.meena.patch(path, {name: value})
        if name in kept:
            refused(answer, 403, "forbidden")
            assert everything() == before
        else:
            assert ok(answer)[name] == value


def test_every_field_that_a_change_takes_is_judged(town: Town) -> None:
    """A field added to the schema later is closed to customers until somebody decides."""
    from dairy_app.customers.schemas import CustomerPatch

    assert set(CustomerPatch().fields) == set(OWN) | set(not_own(town))


def test_nothing_sent_nothing_changed(town: Town, everything: Any) -> None:
    before = everything()
    changed = ok(town.admin.patch(f"/customers/{town.asmita['id']}", {}))
    assert changed["name"] == "Asmita"
    assert everything() == before


def test_a_stale_change_is_refused(town: Town) -> None:
    path = f"/customers/{town.asmita['id']}"
    tag = town.admin.get(path).headers["ETag"]
    ok(town.admin.patch(path, {"city": "Pune"}, headers={"If-Match": tag}))
    refused(town.admin.patch(path, {"city": "Nashik"}, headers={"If-Match": tag}), 412, "precondition_failed")
    assert ok(town.admin.get(path))["city"] == "Pune"
