"""``GET /reports/rounds``: how far the rounds of a day are."""

from typing import Any

from tests.dairy import Dairy, ok
from tests.statements import count_statements


def rounds(dairy: Dairy, **query: Any) -> list[Any]:
    items: list[Any] = ok(dairy.admin.get("/reports/rounds", **query))["items"]
    return items


def test_rounds_count_doors_and_orders_by_helper_and_shift(dairy: Dairy) -> None:
    ravi, salim = dairy.staff("delivery_boy", "Ravi"), dairy.staff("delivery_boy", "Salim")
    milk = dairy.product("60.00")
    one, two = (dairy.customer(delivery_boy_id=ravi.user["id"]) for _ in range(2))
    nobodys = dairy.customer()
    first, second = dairy.order(one, (milk, "2")), dairy.order(one, (milk, "1"))
    third, evening = dairy.order(two, (milk, "1")), dairy.order(two, (milk, "1"), shift="evening")
    lent = dairy.order(dairy.customer(delivery_boy_id=salim.user["id"]), (milk, "1"))
    dairy.order(nobodys, (milk, "1"))
    ok(dairy.admin.post(f"/orders/{dairy.order(one, (milk, '9'))['id']}/cancel", {"reason": "Away"}))
    ok(dairy.confirm(first))
    ok(dairy.confirm(third, status="not_delivered", reason_code="door_locked"))
    ok(dairy.confirm(evening, items=[{"product_id": milk["id"], "delivered_quantity": "0.5"}]))
    found = {(each["staff_name"], each["shift"]): each for each in rounds(dairy)}
    names = ("stops", "done", "open", "orders", "delivered", "partial", "not_delivered", "reasons")
    assert {key: [each[name] for name in names] for key, each in found.items()} == {
        ("Ravi", "morning"): [2, 1, 1, 3, 1, 0, 1, {"door_locked": 1}],
        ("Ravi", "evening"): [1, 1, 0, 1, 0, 1, 0, {}],
        ("Salim", "morning"): [1, 0, 1, 1, 0, 0, 0, {}],
        (None, "morning"): [1, 0, 1, 1, 0, 0, 0, {}],
    }
    ok(dairy.confirm(second, status="not_delivered"))
    ok(dairy.confirm(lent))
    after = {(each["staff_name"], each["shift"]): each for each in rounds(dairy, delivery_date=dairy.day(0))}
    assert after["Ravi", "morning"]["reasons"] == {"door_locked": 1, "unknown": 1}
    assert after["Salim", "morning"]["done"] == 1
    assert rounds(dairy, delivery_date=dairy.day(1)) == []


def test_a_round_has_as_many_stops_as_its_helper_sees(dairy: Dairy) -> None:
    ravi, milk = dairy.staff("delivery_boy", "Ravi"), dairy.product("60.00")
    for _ in range(3):
        customer = dairy.customer(delivery_boy_id=ravi.user["id"])
        dairy.order(customer, (milk, "2"))
        dairy.order(customer, (milk, "1"))
    progress = ok(ravi.get("/deliveries/round"))["progress"]
    with count_statements(dairy.app.database) as sent:
        (found,) = rounds(dairy)
    assert {name: found[name] for name in ("stops", "done", "open", "orders")} == {
        name: progress[name] for name in ("stops", "done", "open", "orders")
    }
    assert len(sent) <= 3
