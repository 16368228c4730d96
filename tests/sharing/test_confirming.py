"""Confirming by a link: the same rules as with a login, within the link's scope, and every use on record."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import ok, refused
from tests.deliveries.rounds import leaks
from tests.sharing.links import Link, Town
from tests.statements import count_statements


def test_in_full(town: Town, sql: Any) -> None:
    link, order = town.link(name="Ravi"), town.order()
    answer = link.confirm(order, notes="at the gate", reason_code="gate")
    assert ok(answer, 200) == {
        "order_id": order["id"],
        "order_status": "DELIVERED",
        "delivery_status": {
            "status": "delivered",
            "delivered_at": "2026-11-20T04:30:00+00:00",
            "delivery_date": "2026-11-20",
            "reason_code": "gate",
        },
        "extra_order_id": None,
        "replayed": False,
    }
    status = town.read(order)["delivery_status"]
    assert (status["confirmation_method"], status["confirmed_by_user_id"], status["confirmed_by_name"]) == (
        "shared_link",
        None,
        "Ravi",
    )
    assert (status["delivery_boy_id"], status["ip_address"], status["notes"]) == (
        town.boy.user["id"],
        "127.0.0.1",
        "at the gate",
    )
    assert status["device_info"].startswith("Werkzeug")
    assert sql("SELECT shared_link_id::text FROM delivery_statuses") == [(link.id,)]
    assert town.read(order)["invoice"]["status"] == "draft"
    assert not any(leaks(sql).values())


def test_in_part(town: Town) -> None:
    link, order = town.link(), town.order()
    answer = ok(link.confirm(order, items=town.items("0.5", "0")), 200)
    assert (answer["order_status"], answer["delivery_status"]["status"]) == (
        "PARTIALLY_DELIVERED",
        "partially_delivered",
    )
    assert [item["item_status"] for item in town.read(order)["items"]] == ["partial", "shortage"]


def test_the_same_again_changes_nothing(town: Town, clock: time_machine.Traveller) -> None:
    link, order = town.link(), town.order()
    first = ok(link.confirm(order), 200)
    clock.shift(timedelta(minutes=5))
    assert ok(link.confirm(order), 200) == first | {"replayed": True}
    refused(link.confirm(order, items=town.items("1", "0")), 409, "confirmed_differently")
    assert link.events() == [("confirm", "confirmed"), ("confirm", "replayed"), ("confirm", "confirmed_differently")]


def test_what_an_admin_confirmed_is_not_told_by_whom(town: Town) -> None:
    link, order = town.link(), town.order()
    ok(town.dairy.confirm(order, notes="owes us"))
    answer = link.confirm(order)
    assert ok(answer)["replayed"] is True
    assert "owes us" not in answer.get_data(as_text=True)
    assert "Asha Admin" not in answer.get_data(as_text=True)


def test_the_audit_log_names_the_link(town: Town, sql: Any) -> None:
    link, order = town.link(), town.order()
    ok(link.confirm(order, status="not_delivered"))
    ok(link.confirm(order))
    who = "SELECT shared_link_id::text, actor_user_id, host(ip), request_id IS NOT NULL FROM audit_log"
    assert set(sql(f"{who} WHERE table_name = 'delivery_statuses' AND action = 'UPDATE'")) == {
        (link.id, None, "127.0.0.1", True)
    }


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "another customer's": ({"customer_id": str(uuid4())}, 409, "customer_mismatch"),
    "tomorrow": ({"delivery_date": "2026-11-21"}, 400, "delivery_date_in_future"),
    "two days ago": ({"delivery_date": "2026-11-18"}, 400, "delivery_date_outside_window"),
    "too much": ({"items": [("milk", "2.5"), ("curd", "1.5")]}, 422, "quantity_exceeds_ordered"),
    "something else": ({"items": [("other", "1")]}, 422, "product_not_in_order"),
    "not all": ({"items": [("milk", "2")]}, 422, "validation_failed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_like_with_a_login(town: Town, case: str) -> None:
    fields, status, code = REFUSED[case]
    if "items" in fields:
        ids = {"milk": town.milk["id"], "curd": town.curd["id"], "other": town.dairy.product()["id"]}
        items = [{"product_id": ids[name], "delivered_quantity": amount} for name, amount in fields["items"]]
        fields = {"items": items}
    link, order = town.link(), town.order()
    refused(link.confirm(order, **fields), status, code)
    refused(town.dairy.confirm(order, **fields), status, code)
    assert town.read(order)["status"] == "PENDING"
    ok(link.confirm(order))
    assert link.events() == [("confirm", code), ("confirm", "confirmed")]


def test_a_cancelled_order(town: Town) -> None:
    link, order = town.link(), town.order()
    ok(town.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "away"}))
    refused(link.confirm(order), 400, "order_cancelled")
    assert town.read(order)["status"] == "CANCELLED"


def test_an_order_two_days_off_is_out_of_a_dated_link(town: Town, clock: time_machine.Traveller) -> None:
    order, link = town.order(), town.link(expires_in_hours=72)
    clock.shift(timedelta(days=2))
    refused(link.confirm(order), 400, "delivery_date_outside_window")
    ok(link.confirm(order, delivery_date="2026-11-21"))


# ------------------------------------------------------------------------------------------------ scope


def out_of_scope(town: Town) -> dict[str, tuple[Link, Any]]:
    """A link, and an order it does not reach; each differs from one it reaches in one thing."""
    return {
        "another boy's": (town.link(), town.order(town.zoya)),
        "another area's": (town.link(area_id=town.asha["area_id"]), town.order(town.zoya)),
        "another day's": (town.link(), town.order(on="2026-11-21")),
        "another shift's": (town.link(shift="evening"), town.order()),
        "tomorrow's, rolling": (town.link(rolling=True), town.order(on="2026-11-21")),
        "given to another boy": (town.link(), given_away(town)),
    }


def given_away(town: Town) -> Any:
    order = town.order()
    other = town.dairy.staff("delivery_boy")
    with town.dairy.app.database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE orders SET delivery_boy_id = %s WHERE id = %s", (other.user["id"], order["id"])
        )
    return order


@pytest.mark.parametrize("case", ["another boy's", "another area's", "another day's", "another shift's",
                                  "tomorrow's, rolling", "given to another boy"])  # fmt: skip
def test_what_is_out_of_scope_is_unknown(town: Town, case: str, sql: Any) -> None:
    link, order = out_of_scope(town)[case]
    nobodys = {"id": str(uuid4())}
    there = refused(link.confirm(order), 404, "order_not_found")
    nowhere = refused(link.confirm(nobodys), 404, "order_not_found")
    assert there | {"instance": ""} == nowhere | {"instance": ""}
    batch = ok(link.confirm_batch([{"order_id": each["id"], "status": "delivered"} for each in (order, nobodys)]))
    assert [(each["outcome"], each["code"]) for each in batch["results"]] == [("rejected", "order_not_found")] * 2
    assert town.read(order)["status"] == "PENDING"
    assert sql("SELECT order_id::text, count(*) FROM shared_link_events GROUP BY 1 ORDER BY 1") == [
        (order["id"], 2),
        (None, 2),
    ]


@pytest.mark.parametrize(
    "scope", [{}, {"rolling": True}, {"shift": "morning"}, {"area_id": "Kothrud"}, {"area_id": "Pune", "rolling": True}]
)
def test_what_is_in_scope_is_reached(town: Town, scope: dict[str, Any]) -> None:
    if "area_id" in scope:
        pune = ok(town.dairy.admin.post("/areas", {"name": "Pune"}), 201)
        ok(town.dairy.admin.patch(f"/areas/{town.asha['area_id']}", {"parent_id": pune["id"]}))
        scope = scope | {"area_id": pune["id"] if scope["area_id"] == "Pune" else town.asha["area_id"]}
    ok(town.link(**scope).confirm(town.order()))


def test_a_rolling_link_rolls_on(town: Town, clock: time_machine.Traveller) -> None:
    link = town.link(rolling=True, expires_in_hours=72)
    yesterdays = town.order()
    clock.shift(timedelta(days=1))
    town.dairy.log_in_again()
    todays = town.order()
    ok(link.confirm(yesterdays, delivered_at="2026-11-20T23:50:00+05:30"))
    ok(link.confirm(todays))
    assert town.read(yesterdays)["delivered_on"] == "2026-11-20"
    clock.shift(timedelta(days=1))
    town.dairy.log_in_again()
    left = town.order(on="2026-11-22")
    clock.shift(timedelta(hours=23))
    refused(link.confirm(todays), 404, "order_not_found")
    ok(link.confirm(left, delivery_date="2026-11-22"))


# --------------------------------------------------------------------------------------------- its end


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_after_its_end_no_verb_works(town: Town, clock: time_machine.Traveller, end: str) -> None:
    link, order = town.link(rolling=True, expires_in_hours=1), town.order()
    clock.shift(timedelta(minutes=60, microseconds=-1))
    ok(link.confirm(order))
    clock.shift(timedelta(microseconds=1))
    town.dairy.log_in_again()
    if end == "revoked":
        link = town.link(rolling=True)
        link.revoke()
    for answer in link.every_verb(order, town.asha).values():
        refused(answer, 410, f"link_{end}")
    assert link.events()[-5:] == [
        (action, f"link_{end}") for action in ("round", "confirm", "confirm", "request", "unlock")
    ]


def test_a_revoked_link_is_revoked_even_after_its_end(town: Town, clock: time_machine.Traveller) -> None:
    link = town.link(expires_in_hours=1)
    link.revoke()
    clock.shift(timedelta(hours=2))
    refused(link.round(), 410, "link_revoked")


def test_an_unknown_token_is_not_found_on_any_verb(town: Town) -> None:
    link, order = town.link(), town.order()
    link.token = f"{link.token[:-1]}{'A' if link.token[-1] != 'A' else 'B'}"
    for answer in link.every_verb(order, town.asha).values():
        refused(answer, 404, "link_not_found")


# --------------------------------------------------------------------------------------------- batches


def test_a_batch_is_resent_whole(town: Town, sql: Any) -> None:
    link, orders = town.link(), [town.order() for _ in range(3)]
    ok(town.dairy.admin.post(f"/orders/{orders[2]['id']}/cancel", {"reason": "away"}))
    bodies = [{"order_id": order["id"], "status": "delivered", "client_event_id": str(uuid4())} for order in orders]
    first = ok(link.confirm_batch(bodies), 200)
    assert (first["confirmed"], first["replayed"], first["rejected"]) == (2, 0, 1)
    again = ok(link.confirm_batch(bodies), 200)
    assert (again["confirmed"], again["replayed"], again["rejected"]) == (0, 2, 1)
    assert [each["index"] for each in again["results"]] == [0, 1, 2]
    assert again["results"][2]["code"] == "order_cancelled"
    assert link.events() == [
        *[("confirm", "confirmed")] * 2,
        ("confirm", "order_cancelled"),
        *[("confirm", "replayed")] * 2,
        ("confirm", "order_cancelled"),
    ]
    rows = sql("SELECT order_id::text, host(ip), user_agent LIKE 'Werkzeug%%' FROM shared_link_events ORDER BY id")
    assert rows == [(order["id"], "127.0.0.1", True) for order in orders] * 2


def test_the_cost_of_a_batch_does_not_grow(town: Town) -> None:
    link = town.link()
    sent = []
    for number in (10, 20):
        orders = [town.order() for _ in range(number)]
        with count_statements(town.dairy.app.database) as statements:
            ok(link.confirm_batch([{"order_id": order["id"], "status": "delivered"} for order in orders]))
        sent.append([statement.split()[0] for statement, _ in statements])
    assert sent[0] == sent[1]
    assert len(sent[0]) <= 10
    assert len(link.events()) == 30


def test_a_batch_holds_at_most_a_thousand(town: Town) -> None:
    link = town.link()
    many = [{"order_id": str(uuid4()), "status": "delivered"} for _ in range(1001)]
    assert ok(link.confirm_batch(many[:1000]))["rejected"] == 1000
    refused(link.confirm_batch(many), 422, "validation_failed")


def test_extra_items_over_a_link_only_where_the_dairy_takes_them(town: Town, sql: Any) -> None:
    link, order = town.link(), town.order()
    told = [{"product_id": town.curd["id"], "quantity": "1"}]
    refused(link.confirm(order, extra_items=told), 403, "forbidden")
    assert "extra_products" not in ok(link.round(), 200)
    batch = ok(link.confirm_batch([{"order_id": order["id"], "status": "delivered", "extra_items": told}]), 200)
    assert [each["code"] for each in batch["results"]] == ["forbidden"]
    ok(town.dairy.admin.patch("/settings", {"door_extras": "staff_and_links"}))
    off_sale = town.dairy.product(name="Whey")
    ok(town.dairy.admin.patch(f"/products/{off_sale['id']}", {"is_active": False}))
    assert ok(link.round(), 200)["extra_products"] == sorted(
        ({"product_id": each["id"], "name": each["name"], "unit": "litre"} for each in (town.milk, town.curd)),
        key=lambda each: each["name"],
    )
    answer = ok(link.confirm(order, extra_items=told), 200)
    made = town.read({"id": answer["extra_order_id"]})
    assert (made["source"], made["delivery_status"]["confirmation_method"]) == ("door", "shared_link")
    assert (made["delivery_status"]["shared_link_id"], made["invoice"]["status"]) == (link.id, "draft")
    (stop,) = ok(link.round(), 200)["stops"]
    assert [(each["order_id"], each["is_extra"]) for each in stop["orders"]] == [
        (order["id"], False),
        (made["id"], True),
    ]
    assert not any(leaks(sql).values())
