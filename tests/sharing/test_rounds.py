"""What a link shows: the doors of its round with what a delivery needs, and not one field more."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import time_machine

from tests.dairy import ok, refused
from tests.sharing.links import Town


def names(town: Town, round_: Any) -> list[str]:
    return [stop["customer"]["name"] for stop in round_["stops"]]


def test_what_a_delivery_needs_and_no_more(town: Town) -> None:
    """Exact keys: whoever adds a field to rounds must decide here whether a stranger may read it."""
    link = town.link(name="Ravi", shift="morning")
    ok(town.dairy.admin.patch(f"/customers/{town.asha['id']}", {"email": "asha@mail.example", "stop_sequence": 3}))
    order = town.order(notes="Gate 3")
    assert ok(link.round(), 200) == {
        "name": "Ravi",
        "delivery_date": "2026-11-20",
        "shift": "morning",
        "stops": [
            {
                "sequence": 3,
                "containers": [],
                "customer": {
                    "id": town.asha["id"],
                    "name": "Asha",
                    "phone": town.asha["phone"],
                    "address": town.asha["address_line1"],
                    "full_address": f"{town.asha['address_line1']}, Kothrud",
                    "area": "Kothrud",
                    "map_link": "https://www.google.com/maps/search/?api=1&query="
                    + quote(f"{town.asha['address_line1']}, Kothrud", safe=""),
                    "notes": "Ring twice",
                },
                "orders": [
                    {
                        "order_id": order["id"],
                        "status": "PENDING",
                        "shift": "morning",
                        "is_extra": False,
                        "notes": "Gate 3",
                        "items": [
                            {
                                "product_id": product["id"],
                                "name": product["name"],
                                "unit": "litre",
                                "quantity": quantity,
                                "packets": None,
                                "delivered_quantity": None,
                            }
                            for product, quantity in ((town.milk, "2.000"), (town.curd, "1.500"))
                        ],
                        "empties": [],
                        "delivery_status": None,
                    }
                ],
            }
        ],
        "loading_sheet": [
            {
                "product_id": product["id"],
                "name": product["name"],
                "unit": "litre",
                "quantity": quantity,
                "packets": None,
            }
            for product, quantity in ((town.milk, "2.000"), (town.curd, "1.500"))
        ],
    }


def test_what_was_confirmed_is_told_without_by_whom(town: Town) -> None:
    link, order = town.link(), town.order()
    ok(town.dairy.confirm(order, status="not_delivered", reason_code="door_locked", notes="owes us 4,000"))
    answer = link.round()
    [stop] = ok(answer)["stops"]
    assert stop["orders"][0]["delivery_status"] == {
        "status": "not_delivered",
        "delivered_at": None,
        "delivery_date": "2026-11-20",
        "reason_code": "door_locked",
    }
    for word in ("owes us", "Asha Admin", "127.0.0.1", "admin"):
        assert word not in answer.get_data(as_text=True)


def test_no_price_is_shown_not_even_a_stated_one(town: Town) -> None:
    link = town.link()
    items = [{"product_id": town.milk["id"], "quantity": "1", "unit_price": "55.00", "price_reason": "old friend"}]
    body = {"customer_id": town.asha["id"], "delivery_date": "2026-11-20", "items": items, "notes": "Gate 3"}
    order = ok(town.dairy.admin.post("/orders", body), 201)
    assert "55.00" in order["notes"]
    answer = link.round()
    assert ok(answer)["stops"][0]["orders"][0]["notes"] == "Gate 3"
    for word in ("55.00", "60.00", "old friend", "price", "amount", "invoice", "balance", "email"):
        assert word not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ({}, ["Asha"]),
        ({"area_id": "Baner"}, ["Zoya"]),
        ({"area_id": "Pune"}, ["Asha", "Zoya"]),
        ({"shift": "evening"}, []),
        ({"date": "2026-11-21"}, []),
        ({"rolling": True}, ["Asha"]),
    ],
)
def test_only_doors_in_scope(town: Town, scope: dict[str, Any], seen: list[str]) -> None:
    pune = ok(town.dairy.admin.post("/areas", {"name": "Pune"}), 201)
    for customer in (town.asha, town.zoya):
        ok(town.dairy.admin.patch(f"/areas/{customer['area_id']}", {"parent_id": pune["id"]}))
        town.order(customer)
    if "area_id" in scope:
        scope = {"area_id": pune["id"] if scope["area_id"] == "Pune" else town.zoya["area_id"]}
    assert names(town, ok(town.link(**scope).round())) == seen


def test_a_rolling_link_shows_today_and_yesterday_when_asked(town: Town, clock: time_machine.Traveller) -> None:
    link = town.link(rolling=True, expires_in_hours=72)
    town.order()
    clock.shift(timedelta(days=1))
    today, yesterday = ok(link.round()), ok(link.round(date="2026-11-20"))
    assert (today["delivery_date"], names(town, today)) == ("2026-11-21", [])
    assert (yesterday["delivery_date"], names(town, yesterday)) == ("2026-11-20", ["Asha"])
    for day in ("2026-11-19", "2026-11-22"):
        refused(link.round(date=day), 422, "validation_failed")
    town.dairy.log_in_again()
    assert link.events() == [*[("round", "ok")] * 2, *[("round", "validation_failed")] * 2]


def test_a_dated_link_shows_its_day(town: Town) -> None:
    link = town.link(date="2026-11-21")
    town.order()
    town.order(on="2026-11-21")
    assert ok(link.round())["delivery_date"] == "2026-11-21"
    assert ok(link.round(date="2026-11-21")) == ok(link.round())
    refused(link.round(date="2026-11-20"), 422, "validation_failed")


def test_looking_is_recorded(town: Town, sql: Any) -> None:
    link = town.link()
    ok(link.phone.call("GET", f"/shared/{link.token}/round", headers={"User-Agent": "Phone/1 " + "x" * 500}))
    [(action, result, ip, agent, order_id)] = sql(
        "SELECT action, result, host(ip), user_agent, order_id FROM shared_link_events"
    )
    assert (action, result, ip, order_id) == ("round", "ok", "127.0.0.1", None)
    assert (agent[:9], len(agent)) == ("Phone/1 x", 300)
