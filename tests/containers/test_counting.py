"""What went out is counted from the delivery, what came back is told with it: whole, partial, corrected, moved."""

from typing import Any
from uuid import uuid4

import pytest

from tests.containers.conftest import Bottles
from tests.dairy import ok, refused
from tests.deliveries.rounds import confirmation, leaks


def moved(bottles: Bottles, sql: Any) -> list[Any]:
    return sql("SELECT day::text, out, back, lost FROM container_movements WHERE out + back + lost > 0 ORDER BY id")


def test_what_is_delivered_goes_out_and_what_is_told_comes_back(bottles: Bottles, sql: Any) -> None:
    order = bottles.order()
    ok(bottles.dairy.confirm(order, by=bottles.boy), 200)
    assert bottles.balance() == 2
    bottles.bring("3", empties=bottles.back(2))
    assert bottles.balance() == 3
    assert sorted(moved(bottles, sql)) == [("2026-11-20", 0, 2, 0), ("2026-11-20", 2, 0, 0), ("2026-11-20", 3, 0, 0)]
    assert sql("SELECT DISTINCT by::text FROM container_movements") == [(bottles.boy.user["id"],)]
    seen = ok(bottles.dairy.admin.get(f"/customers/{bottles.customer['id']}/containers"))
    assert seen["balances"] == [
        {"container_id": bottles.bottle["id"], "container_name": "Glass bottle 1 l", "deposit": "30.00", "balance": 3}
    ]
    assert sorted((each["out"], each["back"], each["by_name"]) for each in seen["items"]) == [
        (0, 2, "Bala Boy"),
        (2, 0, "Bala Boy"),
        (3, 0, "Bala Boy"),
    ]
    assert not any(leaks(sql).values())


def test_what_came_today_may_go_back_today_and_no_more(bottles: Bottles, sql: Any) -> None:
    order = bottles.order()
    answer = refused(bottles.dairy.confirm(order, empties=bottles.back(3)), 422, "more_back_than_out")
    assert answer["detail"] == "3 × Glass bottle 1 l came back; the customer has 2."
    assert bottles.read(order)["status"] == "PENDING"
    assert sql("SELECT count(*) FROM container_movements") == [(0,)]
    unknown = [{"container_id": str(uuid4()), "back": 1}]
    refused(bottles.dairy.confirm(order, empties=unknown), 404, "container_not_found")
    ok(bottles.dairy.confirm(order, empties=bottles.back(2)), 200)
    assert bottles.balance() == 0


@pytest.mark.parametrize(
    ("per_unit", "litres", "out"), [("2", "1.5", 3), ("1", "0.4", 1), ("0.5", "3", 2), ("4", "1", 4)]
)
def test_a_started_container_counts_whole(bottles: Bottles, per_unit: str, litres: str, out: int) -> None:
    ok(bottles.dairy.admin.patch(f"/products/{bottles.milk['id']}", {"containers_per_unit": per_unit}))
    bottles.bring(litres)
    assert bottles.balance() == out


def test_partly_brought_counts_what_was_brought(bottles: Bottles) -> None:
    order = bottles.order()
    ok(bottles.dairy.confirm(order, items=bottles.items("1", "1.5")), 200)
    assert bottles.balance() == 1
    ok(bottles.dairy.confirm(bottles.order(), items=bottles.items("0", "1")), 200)
    assert bottles.balance() == 1


def test_nothing_brought_and_bottles_back(bottles: Bottles, sql: Any) -> None:
    bottles.bring("2")
    order = bottles.order()
    ok(bottles.dairy.confirm(order, status="not_delivered", empties=bottles.back(2)), 200)
    assert bottles.balance() == 0
    refused(bottles.dairy.confirm(order, empties=bottles.back(1)), 409, "confirmed_differently")
    again = ok(bottles.dairy.confirm(order, empties=bottles.back(2)), 200)
    assert (again["replayed"], again["order_status"], bottles.balance()) == (False, "DELIVERED", 2)


def test_a_second_visit_without_a_word_keeps_what_came_back_at_the_first(bottles: Bottles) -> None:
    bottles.bring("2")
    order = bottles.order()
    ok(bottles.dairy.confirm(order, status="not_delivered", empties=bottles.back(1)), 200)
    ok(bottles.dairy.confirm(order, empties=[]), 200)
    assert bottles.balance() == 3


def test_the_same_again_is_a_repeat_and_another_count_is_not(bottles: Bottles, sql: Any) -> None:
    order = bottles.bring("2", empties=bottles.back(1), client_event_id=str(uuid4()))
    assert ok(bottles.dairy.confirm(order, empties=bottles.back(1)), 200)["replayed"]
    for other in ([], bottles.back(2), bottles.back(0)):
        refused(bottles.dairy.confirm(order, empties=other), 409, "confirmed_differently")
    plain = bottles.bring("1")
    assert ok(bottles.dairy.confirm(plain, empties=bottles.back(0)), 200)["replayed"]
    refused(bottles.dairy.confirm(plain, empties=bottles.back(1)), 409, "confirmed_differently")
    assert bottles.balance() == 2


def test_a_corrected_count_is_no_other_word_of_the_phone_that_told_it(bottles: Bottles) -> None:
    event = str(uuid4())
    order = bottles.bring("2", empties=bottles.back(1), client_event_id=event)
    ok(bottles.correct(order, "2", empties=bottles.back(2)), 200)
    assert bottles.balance() == 0
    again = ok(bottles.dairy.confirm(order, empties=bottles.back(1), client_event_id=event), 200)
    assert (again["replayed"], bottles.balance()) == (True, 0)
    assert ok(bottles.correct(order, "2", empties=bottles.back(2)), 200)["replayed"]
    ok(bottles.correct(order, "2", empties=[]), 200)
    assert bottles.balance() == 2


def test_a_correction_counts_anew_with_the_number_of_that_day(bottles: Bottles, sql: Any) -> None:
    order = bottles.bring("2")
    ok(bottles.dairy.admin.patch(f"/products/{bottles.milk['id']}", {"containers_per_unit": "5"}))
    ok(bottles.correct(order, "1"), 200)
    assert bottles.balance() == 1
    ok(bottles.dairy.admin.patch(f"/products/{bottles.milk['id']}", {"container_id": None}))
    ok(bottles.correct(order, "2"), 200)
    assert bottles.balance() == 2
    ok(bottles.correct(order, "0"), 200)
    assert (bottles.balance(), moved(bottles, sql)) == (0, [])
    ok(bottles.correct(order, "2"), 200)
    assert bottles.balance() == 2


def test_goods_that_had_no_container_when_they_came_get_none_by_a_correction(bottles: Bottles) -> None:
    order = bottles.order()
    ok(bottles.dairy.confirm(order), 200)
    ok(bottles.dairy.admin.patch(f"/products/{bottles.curd['id']}", {"container_id": bottles.bottle["id"]}))
    body = {"items": bottles.items("2", "1"), "reason": "one short"}
    ok(bottles.dairy.admin.patch(f"/deliveries/{order['id']}", body))
    assert bottles.balance() == 2


def test_goods_that_came_after_all_are_counted(bottles: Bottles) -> None:
    order = bottles.order()
    ok(bottles.dairy.confirm(order, items=bottles.items("0", "1.5")), 200)
    body = {"items": bottles.items("1", "1.5"), "reason": "it came"}
    ok(bottles.dairy.admin.patch(f"/deliveries/{order['id']}", body))
    assert bottles.balance() == 1
    none = bottles.order()
    ok(bottles.dairy.confirm(none, status="not_delivered"), 200)
    ok(bottles.dairy.admin.patch(f"/deliveries/{none['id']}", {"items": bottles.items("2", "0"), "reason": "it came"}))
    assert bottles.balance() == 3


def test_what_came_after_all_brings_no_other_goods_into_the_count(bottles: Bottles) -> None:
    order = bottles.order()
    ok(bottles.dairy.confirm(order, items=bottles.items("0", "1.5")), 200)
    ok(bottles.dairy.admin.patch(f"/products/{bottles.curd['id']}", {"container_id": bottles.bottle["id"]}))
    body = {"items": bottles.items("1", "1.5"), "reason": "it came"}
    ok(bottles.dairy.admin.patch(f"/deliveries/{order['id']}", body))
    assert bottles.balance() == 1


def test_a_correction_takes_back_no_more_than_is_there(bottles: Bottles) -> None:
    order = bottles.bring("2", empties=bottles.back(2))
    refused(bottles.correct(order, "1"), 422, "more_back_than_out")
    assert (bottles.read(order)["items"][0]["delivered_quantity"], bottles.balance()) == ("2.000", 0)
    ok(bottles.correct(order, "1", empties=bottles.back(1)), 200)
    assert bottles.balance() == 0
    refused(
        bottles.correct(order, "1", empties=[{"container_id": str(uuid4()), "back": 1}]), 404, "container_not_found"
    )


def test_extras_and_what_nobody_planned_go_out_too(bottles: Bottles) -> None:
    extra = [{"product_id": bottles.milk["id"], "quantity": "2"}]
    order = bottles.dairy.order(bottles.customer, (bottles.curd, "1"))
    refused(bottles.dairy.confirm(order, empties=bottles.back(2)), 422, "more_back_than_out")
    ok(bottles.dairy.confirm(order, extra_items=extra, empties=bottles.back(2)), 200)
    assert bottles.balance() == 0
    body = {"customer_id": bottles.customer["id"], "delivery_date": bottles.dairy.day(0), "items": extra}
    ok(bottles.boy.post("/deliveries/unplanned", body | {"reason": "asked at the door"}), 201)
    assert bottles.balance() == 2


def test_what_went_to_the_wrong_door_moves_with_what_came_back_there(bottles: Bottles) -> None:
    other = bottles.dairy.customer(delivery_boy_id=bottles.boy.user["id"])
    for whose in (other, third := bottles.dairy.customer()):
        bottles.bring("0.5", customer=whose)  # who never got anything began when it was registered
    ok(bottles.enter("back", 1, customer=other))
    ok(bottles.enter("back", 1, customer=third))
    bottles.enter("out", 4, customer=other)
    bottles.enter("out", 4)
    order = bottles.bring("2", empties=bottles.back(3))
    assert (bottles.balance(), bottles.balance(other)) == (3, 4)
    ok(bottles.dairy.admin.post(f"/deliveries/{order['id']}/moved", {"to_customer_id": other["id"], "reason": "wrong"}))
    assert (bottles.balance(), bottles.balance(other)) == (4, 3)
    order = bottles.bring("1", empties=bottles.back(4))
    move = bottles.dairy.admin.post(f"/deliveries/{order['id']}/moved", {"to_customer_id": third["id"], "reason": "no"})
    refused(move, 422, "more_back_than_out")
    assert (bottles.balance(), bottles.balance(third)) == (1, 0)


def test_in_a_batch_each_door_stands_by_itself(bottles: Bottles, sql: Any) -> None:
    other = bottles.dairy.customer(delivery_boy_id=bottles.boy.user["id"])
    orders = [bottles.order(), bottles.order(), bottles.order(), bottles.dairy.order(other, (bottles.milk, "1"))]
    told = [
        {"order_id": orders[0]["id"], "status": "delivered"},
        {"order_id": orders[1]["id"], "status": "delivered", "empties": bottles.back(4)},
        {"order_id": orders[2]["id"], "status": "delivered", "empties": bottles.back(3)},
        {"order_id": orders[3]["id"], "status": "delivered", "empties": bottles.back(1)},
    ]
    answer = ok(bottles.boy.post("/deliveries/confirmations/batch", {"confirmations": told}), 200)
    assert [(each["outcome"], each["code"]) for each in answer["results"]] == [
        ("confirmed", None),
        ("confirmed", None),
        ("rejected", "more_back_than_out"),
        ("confirmed", None),
    ]
    assert (bottles.balance(), bottles.balance(other)) == (0, 0)
    again = ok(bottles.boy.post("/deliveries/confirmations/batch", {"confirmations": told[:2] + told[3:]}), 200)
    assert again["replayed"] == 3
    assert not any(leaks(sql).values())


def test_a_round_is_completed_with_what_came_back(bottles: Bottles) -> None:
    first, second = bottles.order(), bottles.order(shift="evening")
    day = bottles.dairy.day(0)
    told = [{"order_id": first["id"], **bottles.back(1)[0]}]
    body = {"delivery_date": day, "shift": "morning", "empties": told}
    unknown = refused(
        bottles.boy.post("/deliveries/complete", {**body, "empties": [{**told[0], "order_id": second["id"]}]}),
        404,
        "order_not_found",
    )
    assert unknown["errors"][0]["pointer"] == "/empties/0"
    assert ok(bottles.boy.post("/deliveries/complete", body), 200)["confirmed"] == 1
    assert bottles.balance() == 1
    assert ok(bottles.boy.post("/deliveries/complete", body), 200) == {
        "confirmed": 0,
        "skipped": 0,
        "rejected": 0,
        "results": [],
    }
    other = {**body, "empties": [{**told[0], "back": 2}]}
    (refusal,) = ok(bottles.boy.post("/deliveries/complete", other), 200)["results"]
    assert (refusal["order_id"], refusal["code"], bottles.balance()) == (first["id"], "confirmed_differently", 1)
    twice = {**body, "empties": told * 2}
    refused(bottles.boy.post("/deliveries/complete", twice), 422, "validation_failed")


@pytest.mark.parametrize(
    ("empties", "pointer"),
    [
        ([{"container_id": "x", "back": 1}], "/empties/0/container_id"),
        ([{"container_id": str(uuid4()), "back": -1}], "/empties/0/back"),
        ([{"container_id": str(uuid4()), "back": 1001}], "/empties/0/back"),
        ([{"container_id": str(uuid4()), "back": 1.5}], "/empties/0/back"),
        ([{"container_id": str(uuid4()), "back": 1}] * 21, "/empties"),
        ([{"container_id": str(uuid4())}], "/empties/0/back"),
    ],
)
def test_what_cannot_be_counted(bottles: Bottles, empties: Any, pointer: str) -> None:
    answer = refused(bottles.dairy.confirm(bottles.order(), empties=empties), 422, "validation_failed")
    assert answer["errors"][0]["pointer"] == pointer


def test_twice_the_same_container(bottles: Bottles) -> None:
    refused(bottles.dairy.confirm(bottles.order(), empties=bottles.back(1) * 2), 422, "validation_failed")


def test_a_round_says_what_a_door_has(bottles: Bottles) -> None:
    bottles.bring("2")
    bottles.order()
    stop = ok(bottles.boy.get("/deliveries/round"))["stops"][0]
    assert stop["containers"] == [{"container_id": bottles.bottle["id"], "name": "Glass bottle 1 l", "balance": 2}]


def test_the_words_of_a_confirmation(bottles: Bottles) -> None:
    assert confirmation(order_id=uuid4()).empties is None
