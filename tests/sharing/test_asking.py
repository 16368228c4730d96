"""What is asked for at the door becomes a row that waits, once, and touches nothing else."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import ok, refused
from tests.races import at_once
from tests.sharing.links import Town


def requests(town: Town, **query: Any) -> list[Any]:
    found: list[Any] = ok(town.dairy.admin.get("/change-requests", **query))["items"]
    return found


def extra(town: Town, quantity: str = "3", **fields: Any) -> dict[str, Any]:
    items = [{"product_id": town.curd["id"], "quantity": quantity}]
    return {"delivery_date": town.dairy.day(1), "items": items, **fields}


def test_an_extra_item(town: Town) -> None:
    link = town.link(name="Ravi")
    town.order()
    asked = ok(link.ask("extra_item", town.asha, note="for the feast", **extra(town)), 201)
    assert asked == {
        "id": asked["id"],
        "kind": "extra_item",
        "customer_id": town.asha["id"],
        "status": "pending",
        "replayed": False,
    }
    assert requests(town) == [
        {
            "id": asked["id"],
            "kind": "extra_item",
            "status": "pending",
            "customer_id": town.asha["id"],
            "customer_code": town.asha["code"],
            "customer_name": "Asha",
            "subscription_id": None,
            "payload": {
                "delivery_date": "2026-11-21",
                "shift": "morning",
                "items": [{"product_id": town.curd["id"], "quantity": "3.000"}],
            },
            "applied_payload": None,
            "note": "for the feast",
            "asked_by_link_id": link.id,
            "asked_by_user_id": None,
            "asked_by_name": "Ravi",
            "created_at": "2026-11-20T04:30:00+00:00",
            "decided_by": None,
            "decided_by_name": None,
            "decided_at": None,
            "decision_reason": None,
            "applied_order_id": None,
        }
    ]
    assert link.events() == [("request", "ok")]
    assert len(ok(town.dairy.admin.get("/orders"))["items"]) == 1


def test_what_each_kind_holds(town: Town) -> None:
    link, standing = town.link(shift="morning"), town.subscribe()
    town.order()
    ok(link.ask("pause", town.asha, **{"from": "2026-11-21"}), 201)
    ok(link.ask("pause", town.asha, subscription_id=standing["id"], **{"from": "2026-11-21", "to": "2026-11-25"}), 201)
    ok(link.ask("stop", town.asha, stop_date="2026-12-01"), 201)
    ok(link.ask("quantity", town.asha, subscription_id=standing["id"], date="2026-11-21", quantity="0"), 201)
    assert [(each["kind"], each["subscription_id"], each["payload"]) for each in requests(town)] == [
        ("pause", None, {"from": "2026-11-21", "to": None}),
        ("pause", standing["id"], {"from": "2026-11-21", "to": "2026-11-25"}),
        ("stop", None, {"stop_date": "2026-12-01"}),
        ("quantity", standing["id"], {"date": "2026-11-21", "quantity": "0.000"}),
    ]


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a pause without a start": ("pause", {}, "/from"),
    "a pause that ends before": ("pause", {"from": "2026-11-21", "to": "2026-11-20"}, "/to"),
    "a stop without a day": ("stop", {}, "/stop_date"),
    "a stop that pauses": ("stop", {"stop_date": "2026-11-21", "to": "2026-11-25"}, "/to"),
    "an extra without items": ("extra_item", {"delivery_date": "2026-11-21", "items": []}, "/items"),
    "an extra for yesterday": ("extra_item", {"delivery_date": "2026-11-19", "items": "curd"}, "/delivery_date"),
    "an extra in a year": ("extra_item", {"delivery_date": "2027-11-19", "items": "curd"}, "/delivery_date"),
    "the same extra twice": ("extra_item", {"delivery_date": "2026-11-21", "items": "curd curd"}, "/items"),
    "an extra of a standing order": (
        "extra_item",
        {"delivery_date": "2026-11-21", "items": "curd", "subscription_id": str(uuid4())},
        "/subscription_id",
    ),
    "a quantity of no standing order": ("quantity", {"date": "2026-11-21", "quantity": "1"}, "/subscription_id"),
    "a kind of its own": ("rename", {}, "/kind"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_asked_for(town: Town, sql: Any, case: str) -> None:
    kind, fields, pointer = WRONG[case]
    item = {"product_id": town.curd["id"], "quantity": "1"}
    if isinstance(fields.get("items"), str):
        fields = fields | {"items": [item] * len(fields["items"].split())}
    link = town.link()
    town.order()
    problem = refused(link.ask(kind, town.asha, **fields), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert sql("SELECT count(*) FROM change_requests") == [(0,)]
    ok(link.ask("extra_item", town.asha, **extra(town)), 201)


def test_who_does_not_stand_on_the_round_is_unknown(town: Town) -> None:
    link, by_area = town.link(), town.link(area_id=town.asha["area_id"])
    stranger = town.dairy.customer(delivery_boy_id=town.boy.user["id"])  # on the round, but not today
    town.order()
    town.order(town.zoya)
    town.order(stranger, on="2026-11-21")
    for way in (link, by_area):
        for customer in (town.zoya, stranger, {"id": str(uuid4())}):
            refused(way.ask("pause", customer, **{"from": "2026-11-21"}), 404, "customer_not_found")
        ok(way.ask("pause", town.asha, **{"from": "2026-11-21"}), 201)
    evening = town.link(shift="evening")
    refused(evening.ask("pause", town.asha, **{"from": "2026-11-21"}), 404, "customer_not_found")
    assert link.events() == [*[("request", "customer_not_found")] * 3, ("request", "ok")]


def test_others_standing_orders_and_products_are_unknown(town: Town) -> None:
    link, hers, zoyas = town.link(), town.subscribe(), town.subscribe(town.zoya)
    town.order()
    day = {"date": "2026-11-21", "quantity": "2"}
    for unknown in (zoyas["id"], str(uuid4())):
        refused(link.ask("quantity", town.asha, subscription_id=unknown, **day), 404, "subscription_not_found")
    ok(link.ask("quantity", town.asha, subscription_id=hers["id"], **day), 201)
    nothing = [{"product_id": str(uuid4()), "quantity": "1"}]
    refused(link.ask("extra_item", town.asha, **extra(town) | {"items": nothing}), 404, "product_not_found")
    assert link.events() == [
        *[("request", "subscription_not_found")] * 2,
        ("request", "ok"),
        ("request", "product_not_found"),
    ]


def test_the_same_wish_is_one_request_until_it_is_decided(town: Town) -> None:
    link, another = town.link(), town.link(rolling=True)
    town.order()
    first = ok(link.ask("extra_item", town.asha, **extra(town, "3")), 201)
    for way in (link, another):
        assert ok(way.ask("extra_item", town.asha, **extra(town, "3.000")), 201) == first | {"replayed": True}
    ok(town.dairy.admin.post(f"/change-requests/{first['id']}/reject", {"reason": "sold out"}))
    again = ok(link.ask("extra_item", town.asha, **extra(town)), 201)
    assert (again["id"] != first["id"], again["replayed"]) == (True, False)
    assert link.events() == [("request", "ok"), ("request", "replayed"), ("request", "ok")]


def test_a_phone_that_sends_again_later_asks_once(town: Town) -> None:
    link, event = town.link(), str(uuid4())
    town.order()
    first = ok(link.ask("extra_item", town.asha, client_event_id=event, **extra(town)), 201)
    ok(town.dairy.admin.post(f"/change-requests/{first['id']}/approve"))
    again = ok(link.ask("extra_item", town.asha, client_event_id=event, **extra(town)), 201)
    assert again == first | {"status": "approved", "replayed": True}
    refused(link.ask("extra_item", town.asha, client_event_id=event, **extra(town, "4")), 409, "already_exists")
    assert link.events()[-1] == ("request", "already_exists")
    assert len(requests(town)) == 1


def test_two_phones_at_the_same_moment_ask_once(town: Town, database_url: str) -> None:
    links = [town.link(), town.link()]
    town.order()
    calls = [(lambda link=link: link.ask("extra_item", town.asha, **extra(town))) for link in links]
    answers = [ok(each, 201) for each in at_once(database_url, "LOCK TABLE change_requests IN EXCLUSIVE MODE", *calls)]
    assert sorted(each["replayed"] for each in answers) == [False, True]
    assert len({each["id"] for each in answers}) == 1


def test_asking_spends_more_than_looking(town: Town, clock: time_machine.Traveller) -> None:
    link = town.link()
    town.order()
    for turn in range(30):
        ok(link.ask("stop", town.asha, stop_date=town.dairy.day(turn + 1)), 201)
    refused(link.ask("stop", town.asha, stop_date=town.dairy.day(40)), 429, "rate_limited")
    clock.shift(timedelta(seconds=60))
    ok(link.ask("stop", town.asha, stop_date=town.dairy.day(40)), 201)


def test_the_list_is_filtered_and_paged(town: Town) -> None:
    link = town.link(area_id=ok(town.dairy.admin.post("/areas", {"name": "Pune"}), 201)["id"])
    for customer in (town.asha, town.zoya):
        ok(town.dairy.admin.patch(f"/areas/{customer['area_id']}", {"parent_id": link.made["area_id"]}))
        town.order(customer)
    ok(link.ask("stop", town.asha, stop_date="2026-12-01"), 201)
    pause = ok(link.ask("pause", town.zoya, **{"from": "2026-12-01"}), 201)
    ok(link.ask("pause", town.asha, **{"from": "2026-12-01"}), 201)
    ok(town.dairy.admin.post(f"/change-requests/{pause['id']}/reject", {"reason": "no"}))
    assert [each["kind"] for each in requests(town)] == ["stop", "pause", "pause"]
    assert [each["customer_name"] for each in requests(town, kind="pause")] == ["Zoya", "Asha"]
    assert [each["kind"] for each in requests(town, customer_id=town.asha["id"])] == ["stop", "pause"]
    assert [each["id"] for each in requests(town, status="rejected")] == [pause["id"]]
    first = ok(town.dairy.admin.get("/change-requests", limit=2))
    rest = ok(town.dairy.admin.get("/change-requests", limit=2, cursor=first["next_cursor"]))
    assert [each["id"] for each in first["items"] + rest["items"]] == [each["id"] for each in requests(town)]
    assert len(rest["items"]) == 1
