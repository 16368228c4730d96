"""Somebody is moved to another round while the first one is out: what is out stays where it is."""

from typing import Any

import pytest

from tests.dairy import Client, Dairy, ok, refused
from tests.deliveries.rounds import make_round


def link_of_area(dairy: Dairy, area_id: str) -> str:
    wanted = {"kind": "round", "area_id": area_id, "date": dairy.day(0), "expires_in_hours": 24}
    return str(ok(dairy.admin.post("/shared-links", wanted), 201)["token"])


def stops(boy: Client, dairy: Dairy) -> list[str]:
    found = ok(boy.get("/deliveries/round", delivery_date=dairy.day(0)))["stops"]
    return [stop["customer"]["name"] for stop in found]


@pytest.mark.parametrize("started", [True, False])
def test_who_is_moved_is_delivered_by_the_round_that_is_out(dairy: Dairy, started: bool) -> None:
    round_ = make_round(dairy)
    order, other = round_.order(), dairy.staff("delivery_boy")
    if started:
        assert ok(round_.boy.post("/deliveries/start", {"delivery_date": dairy.day(0)}))["started"] == 1
    ok(dairy.admin.patch(f"/customers/{round_.customer['id']}", {"delivery_boy_id": other.user["id"]}))
    late = round_.order()
    if not started:
        refused(dairy.confirm(order, by=round_.boy), 404, "order_not_found")
        return
    assert ok(dairy.confirm(order, by=round_.boy))["order_status"] == "DELIVERED"
    refused(dairy.confirm(order, by=other), 404, "order_not_found")
    # The next order goes the new way.
    refused(dairy.confirm(late, by=round_.boy), 404, "order_not_found")
    assert len(stops(other, dairy)) == 1
    assert ok(dairy.confirm(late, by=other))["order_status"] == "DELIVERED"


def test_who_moves_to_another_area_is_delivered_by_the_link_that_is_out(dairy: Dairy) -> None:
    round_ = make_round(dairy)
    order = round_.order()
    token = link_of_area(dairy, round_.customer["area_id"])
    ok(dairy.admin.post("/deliveries/start", {"delivery_date": dairy.day(0), "area_id": round_.customer["area_id"]}))
    elsewhere = ok(dairy.admin.post("/areas", {"name": "Baner"}), 201)
    ok(dairy.admin.patch(f"/customers/{round_.customer['id']}", {"area_id": elsewhere["id"]}))
    body = {"order_id": order["id"], "status": "delivered"}
    assert ok(dairy.nobody.post(f"/shared/{token}/confirmations", body))["order_status"] == "DELIVERED"
    late = round_.order()
    answer: Any = dairy.nobody.post(f"/shared/{token}/confirmations", {"order_id": late["id"], "status": "delivered"})
    refused(answer, 404, "order_not_found")
    assert ok(dairy.nobody.get(f"/shared/{link_of_area(dairy, elsewhere['id'])}/round"))["stops"] != []
