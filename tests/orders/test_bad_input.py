"""Whatever is sent to orders and confirmations: a problem with a stable code, never a fault, nothing written."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round, counts

#: What is no quantity of anything.
NO_QUANTITY = [
    "0",
    "-1",
    -1,
    "1.0001",
    1.0001,
    "1e12",
    1e12,
    "1000000000000",
    "NaN",
    "Infinity",
    "1,5",
    "",
    "٣",
    " 1",
    True,
    None,
    [],
    {},
]
NO_DATE = [
    "20261120",
    "2026-W47-5",
    "9999-99-99",
    "2026-02-30",
    "20-11-2026",
    "tomorrow",
    "",
    20261120,
    None,
    "2026-11-20T10:00:00Z",
]
NO_ID = ["", "1", "not-a-uuid", 7, None, {}, "00000000-0000-0000-0000-00000000000g"]


def good_order(round_: Round) -> dict[str, Any]:
    return {
        "customer_id": round_.customer["id"],
        "delivery_date": "2026-11-20",
        "shift": "morning",
        "items": [{"product_id": round_.milk["id"], "quantity": "2"}],
        "notes": "ring twice",
    }


def good_confirmation(round_: Round, order: Any) -> dict[str, Any]:
    return {
        "order_id": order["id"],
        "customer_id": round_.customer["id"],
        "delivery_date": "2026-11-20",
        "status": "delivered",
        "items": round_.items("2", "1.5"),
        "delivered_at": "2026-11-20T06:00:00+05:30",
        "client_event_id": str(uuid4()),
        "reason_code": "gate",
        "notes": "left at the gate",
    }


def put(body: Any, path: str, value: Any) -> Any:
    """A copy of ``body`` with one place changed; ``items/0/quantity``."""
    copy = json.loads(json.dumps(body))
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place = copy
    for part in way:
        place = place[part]
    place[last] = value
    return copy


def expect_422(client: Client, path: str, bodies: list[Any]) -> None:
    for body in bodies:
        answer = client.post(path, body)
        assert (answer.status_code, answer.get_json().get("code")) == (422, "validation_failed"), body
        assert answer.content_type == "application/problem+json"


def test_orders(round_: Round, sql: Any) -> None:
    good = good_order(round_)
    before = counts(sql)
    bodies = [put(good, "items/0/quantity", value) for value in NO_QUANTITY]
    bodies += [put(good, "delivery_date", value) for value in NO_DATE]
    bodies += [put(good, path, value) for path in ("customer_id", "items/0/product_id") for value in NO_ID]
    bodies += [put(good, "shift", value) for value in ("both", "", 1, None)]
    bodies += [put(good, "items", value) for value in ([], None, {}, "milk", [1], [None], good["items"] * 101)]
    bodies += [put(good, "notes", value) for value in ("x" * 2001, 7, "a\x00b", None)]
    bodies += [put(good, path, 1) for path in ("status", "unit_price", "items/0/price", "total_amount", "a\x00b")]
    bodies += [{}, [], None, "order", 7, [good]]
    bodies += [{name: value for name, value in good.items() if name != left} for left in ("delivery_date", "items")]
    expect_422(round_.dairy.admin, "/orders", bodies)
    assert counts(sql) == before
    ok(round_.dairy.admin.post("/orders", good), 201)


def test_confirmations(round_: Round, sql: Any) -> None:
    order = round_.order()
    good = good_confirmation(round_, order)
    before = counts(sql)
    no_quantity = [value for value in NO_QUANTITY if value != "0"]
    bodies = [put(good, "items/0/delivered_quantity", value) for value in no_quantity]
    bodies += [put(good, "delivery_date", value) for value in NO_DATE]
    ids = ("order_id", "customer_id", "items/0/product_id", "client_event_id")
    bodies += [put(good, path, value) for path in ids for value in NO_ID]
    bodies += [put(good, "status", value) for value in ("DELIVERED", "partially_delivered", "", 1, None)]
    bodies += [put(good, "items", value) for value in ([], None, {}, [1], good["items"][:1], good["items"] * 2)]
    bodies += [put(good, "delivered_at", value) for value in ("2026-11-20T06:00:00", "now", 1763600000, None)]
    bodies += [put(good, "notes", value) for value in ("x" * 2001, 7, "a\x00b")]
    bodies += [put(good, "reason_code", value) for value in ("", "x" * 61, "a\nb", 7)]
    bodies += [put(good, path, "x") for path in ("ip_address", "confirmed_by_name", "items/0/quantity", "a\x00b")]
    bodies += [{}, [], None, "order", 7, [good]]
    bodies += [{name: value for name, value in good.items() if name != left} for left in ("order_id", "status")]
    expect_422(round_.dairy.admin, "/deliveries/confirmations", bodies)
    assert counts(sql) == before
    assert round_.read(order)["status"] == "PENDING"
    ok(round_.dairy.admin.post("/deliveries/confirmations", good), 200)


@pytest.mark.parametrize("path", ["/orders", "/deliveries/confirmations", "/orders/{id}/cancel"])
def test_bodies_that_cannot_be_read(round_: Round, sql: Any, path: str) -> None:
    order = round_.order()
    address = path.format(id=order["id"])
    json_type = {"Content-Type": "application/json"}
    before = counts(sql)
    sent = {
        (b"{", "application/json"): (400, "malformed_request"),
        (b"", "application/json"): (422, "validation_failed"),
        (b'{"a": 1} x', "application/json"): (400, "malformed_request"),
        (b"\xff\xfe", "application/json"): (400, "malformed_request"),
        (b"[" * 100_000, "application/json"): (400, "malformed_request"),
        (b"a=1", "application/x-www-form-urlencoded"): (415, "unsupported_media_type"),
        (b" " * 10_000_000, "application/json"): (413, "payload_too_large"),
    }
    got = {}
    for body, kind in sent:
        answer = round_.dairy.admin.call("POST", address, data=body, headers={**json_type, "Content-Type": kind})
        got[body, kind] = (answer.status_code, answer.get_json()["code"])
    assert [got[key] for key in sent] == list(sent.values())
    assert counts(sql) == before
    assert round_.read(order)["status"] == "PENDING"


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "1e400", "-0", "0.1e1", "1" * 5000])
def test_numbers_that_json_has_but_nobody_orders(round_: Round, sql: Any, odd: str) -> None:
    good = json.dumps(good_order(round_))
    assert good.count('"2"') == 1
    before = counts(sql)
    answer = round_.dairy.admin.call(
        "POST", "/orders", data=good.replace('"2"', odd), headers={"Content-Type": "application/json"}
    )
    # 0.1e1 is 1 litre, plainly; all others are no quantity.
    if odd == "0.1e1":
        assert ok(answer, 201)["items"][0]["quantity"] == "1.000"
        return
    assert answer.status_code in (400, 422)
    assert answer.get_json()["code"] in ("malformed_request", "validation_failed")
    assert counts(sql) == before


def test_addresses_and_queries(round_: Round) -> None:
    admin = round_.dairy.admin
    refused(admin.get(f"/orders/{uuid4()}"), 404, "order_not_found")
    refused(admin.post(f"/orders/{uuid4()}/cancel", {"reason": "x"}), 404, "order_not_found")
    refused(admin.get("/orders/17"), 404, "not_found")
    refused(admin.get("/orders/%00"), 404, "not_found")
    refused(admin.delete(f"/orders/{round_.order()['id']}"), 405, "method_not_allowed")
    for wrong in (
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"cursor": "x" * 501},
        {"cursor": "WyIyMDI2LTExLTIwIl0"},
        {"cursor": "WyI5OTk5LTk5LTk5IiwgIjEiXQ"},
        {"customer_id": "1"},
        {"delivery_date": "9999-99-99"},
        {"delivery_date[gte]": "x"},
        {"billed": "perhaps"},
        {"status": "a\x00b"},
        {"unknown": "1"},
    ):
        for path in ("/orders", "/delivery-statuses"):
            refused(admin.get(path, **wrong), 422, "validation_failed")


def test_tokens(round_: Round, clock: time_machine.Traveller, sql: Any) -> None:
    order = round_.order()
    old = round_.dairy.admin
    before = counts(sql)
    clock.shift(timedelta(hours=1))
    for client, code in (
        (old, "token_expired"),
        (round_.dairy.nobody, "not_authenticated"),
        (Client(round_.dairy.app, "nonsense"), "not_authenticated"),
    ):
        refused(client.post("/orders", good_order(round_)), 401, code)
        refused(client.post("/deliveries/confirmations", good_confirmation(round_, order)), 401, code)
        refused(client.post(f"/orders/{order['id']}/cancel", {"reason": "x"}), 401, code)
        refused(client.get("/orders"), 401, code)
        refused(client.get(f"/orders/{order['id']}"), 401, code)
    assert counts(sql) == before
