"""The sequence of a round as the office sets it, who goes where, and who goes instead on one day."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round
from tests.statements import BY_INDEX, count_statements


def make_customers(round_: Round, *names: str, **fields: Any) -> list[Any]:
    boy = {"delivery_boy_id": round_.boy.user["id"]}
    return [round_.dairy.customer(name=name, **boy | fields) for name in names]


def path_of(client: Client) -> str:
    return f"/deliveries/sequence/{client.user['id']}"


def names_of(answer: Any) -> list[str]:
    return [each["name"] for each in answer["items"]]


# ------------------------------------------------------------------------------------------------ sequence


def test_the_sequence_holds_all_customers_whatever_they_get_today(round_: Round) -> None:
    asha, bela, gone = make_customers(round_, "Asha", "Bela", "Gone", city="Pune", area="Baner")
    ok(round_.dairy.admin.patch(f"/customers/{bela['id']}", {"stop_sequence": 5}))
    ok(round_.dairy.admin.patch(f"/customers/{gone['id']}", {"status": "stopped"}))
    round_.dairy.customer(name="Somebody else's")
    for client in (round_.dairy.admin, round_.boy):
        answer = ok(client.get(path_of(round_.boy)))
        assert names_of(answer) == ["Bela", "Asha", round_.customer["name"]]
    assert answer["items"][0] == {
        "customer_id": bela["id"],
        "code": bela["code"],
        "name": "Bela",
        "status": "active",
        "stop_sequence": 5,
        "full_address": f"{bela['address_line1']}, Baner, Pune",
    }
    assert asha["stop_sequence"] is None


def test_the_whole_round_is_put_in_order_and_every_view_follows(round_: Round, sql: Any) -> None:
    asha, bela, chitra = make_customers(round_, "Asha", "Bela", "Chitra")
    for customer in (asha, bela, chitra):
        round_.dairy.order(customer, (round_.milk, "1"))
    wanted = {"customer_ids": [each["id"] for each in (chitra, asha, bela)]}
    for _ in range(2):
        answer = ok(round_.dairy.admin.put(path_of(round_.boy), wanted), 200)
        assert names_of(answer)[:3] == ["Chitra", "Asha", "Bela"]
        assert [each["stop_sequence"] for each in answer["items"]] == [10, 20, 30, None]
    stops = ok(round_.boy.get("/deliveries/round"))["stops"]
    assert [stop["customer"]["name"] for stop in stops] == ["Chitra", "Asha", "Bela"]
    body = {"kind": "round", "delivery_boy_id": round_.boy.user["id"], "rolling": True}
    link = ok(round_.dairy.admin.post("/shared-links", body))
    shared = ok(round_.dairy.nobody.get(f"/shared/{link['token']}/round"))
    assert [stop["customer"]["name"] for stop in shared["stops"]] == ["Chitra", "Asha", "Bela"]
    changes = "SELECT count(*) FROM audit_log WHERE table_name = 'customers' AND after ? 'stop_sequence'"
    assert sql(f"{changes} AND action = 'UPDATE'") == [(3,)]


def test_who_read_it_before_another_changed_it_is_refused(round_: Round) -> None:
    asha, bela = make_customers(round_, "Asha", "Bela")
    path, admin = path_of(round_.boy), round_.dairy.admin
    seen = admin.get(path).headers["ETag"]
    ok(round_.boy.put(path, {"customer_ids": [bela["id"], asha["id"]]}, headers={"If-Match": seen}))
    refused(
        admin.put(path, {"customer_ids": [asha["id"], bela["id"]]}, headers={"If-Match": seen}),
        412,
        "precondition_failed",
    )
    assert names_of(ok(admin.get(path)))[:2] == ["Bela", "Asha"]
    seen = admin.get(path).headers["ETag"]
    make_customers(round_, "New")
    answer = admin.put(path, {"customer_ids": [asha["id"], bela["id"]]}, headers={"If-Match": seen})
    refused(answer, 412, "precondition_failed")


def test_of_two_at_once_one_is_refused(round_: Round) -> None:
    asha, bela = make_customers(round_, "Asha", "Bela")
    path = path_of(round_.boy)
    seen = round_.dairy.admin.get(path).headers["ETag"]

    def put(*customers: Any) -> int:
        ids = [each["id"] for each in customers]
        return round_.dairy.admin.put(path, {"customer_ids": ids}, headers={"If-Match": seen}).status_code

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(put, asha, bela), pool.submit(put, bela, asha)]
        assert sorted(each.result() for each in both) == [200, 412]


def test_a_customer_of_another_round_is_refused_and_nothing_is_written(round_: Round, sql: Any) -> None:
    (asha,), foreign = make_customers(round_, "Asha"), round_.dairy.customer()
    answer = round_.dairy.admin.put(path_of(round_.boy), {"customer_ids": [asha["id"], foreign["id"]]})
    problem = refused(answer, 404, "customer_not_found")
    assert [error["pointer"] for error in problem["errors"]] == ["/customer_ids/1"]
    assert sql("SELECT count(*) FROM customers WHERE stop_sequence IS NOT NULL") == [(0,)]


def test_a_round_that_is_nobodys_or_anothers_is_not_found(round_: Round) -> None:
    other = round_.dairy.staff("delivery_boy")
    accountant = round_.dairy.staff("accountant")
    for client, whose in (
        (round_.boy, other.user["id"]),
        (round_.dairy.admin, str(uuid4())),
        (round_.dairy.admin, accountant.user["id"]),
    ):
        path = f"/deliveries/sequence/{whose}"
        refused(client.get(path), 404, "user_not_found")
        refused(client.put(path, {"customer_ids": [round_.customer["id"]]}), 404, "user_not_found")
    refused(accountant.get(path_of(round_.boy)), 403, "forbidden")
    assert ok(other.get(path_of(other)))["items"] == []


def test_many_cost_as_much_as_few_and_are_found_by_an_index(round_: Round) -> None:
    database, sent = round_.dairy.app.database, {}
    for size in (2, 6):
        make_customers(round_, *(f"C{n}" for n in range(size)))
        ids = [each["customer_id"] for each in ok(round_.boy.get(path_of(round_.boy)))["items"]]
        with count_statements(database) as seen:
            ok(round_.dairy.admin.put(path_of(round_.boy), {"customer_ids": ids[::-1]}), 200)
        sent[size] = len(seen)
    assert sent[2] == sent[6]
    plan = seen.plan(database, "customers.stop_sequence", off=BY_INDEX, among=("ix_customers_round",))
    assert "ix_customers_round" in plan, plan


# ------------------------------------------------------------------------------------------------- joining


def test_customers_join_a_round_behind_those_it_has(round_: Round) -> None:
    dairy, other = round_.dairy, round_.dairy.staff("delivery_boy", "Ravi")
    asha, bela, chitra = make_customers(round_, "Asha", "Bela", "Chitra")
    own = dairy.customer(name="Ravi's own", delivery_boy_id=other.user["id"], stop_sequence=35)
    order = dairy.order(bela, (round_.milk, "1"))
    out = dairy.order(asha, (round_.milk, "1"))
    ok(round_.boy.post("/deliveries/start"))
    late = dairy.order(chitra, (round_.milk, "1"))
    joining = {"customer_ids": [each["id"] for each in (chitra, own, asha)]}
    for _ in range(2):
        answer = ok(dairy.admin.post(f"{path_of(other)}/customers", joining), 200)
        places = [(each["name"], each["stop_sequence"]) for each in answer["items"]]
        assert places == [("Ravi's own", 35), ("Chitra", 40), ("Asha", 50)]
    assert bring(other) == ["Chitra"]
    assert sorted(bring(round_.boy)) == ["Asha", "Bela"]
    assert {each["status"] for each in (order, out, late)} == {"PENDING"}


@pytest.mark.parametrize("who", ["stranger", "accountant", "left"])
def test_nobody_joins_a_round_that_is_nobodys(round_: Round, sql: Any, who: str) -> None:
    admin, whose = round_.dairy.admin, str(uuid4())
    if who == "accountant":
        whose = round_.dairy.staff("accountant").user["id"]
    if who == "left":
        whose = round_.dairy.staff("delivery_boy").user["id"]
        ok(admin.patch(f"/users/{whose}", {"is_active": False}))
    body = {"customer_ids": [round_.customer["id"]]}
    refused(admin.post(f"/deliveries/sequence/{whose}/customers", body), 404, "user_not_found")
    refused(round_.boy.post(f"{path_of(round_.boy)}/customers", body), 403, "forbidden")
    unknown = {"customer_ids": [round_.customer["id"], str(uuid4())]}
    other = round_.dairy.staff("delivery_boy")
    problem = refused(admin.post(f"{path_of(other)}/customers", unknown), 404, "customer_not_found")
    assert [error["pointer"] for error in problem["errors"]] == ["/customer_ids/1"]
    assert sql("SELECT count(*) FROM customers WHERE delivery_boy_id = '" + round_.boy.user["id"] + "'") == [(1,)]


def test_a_last_place_at_the_end_of_numbers_is_no_fault(round_: Round) -> None:
    make_customers(round_, "Last", stop_sequence=2_147_483_647)
    joining = [round_.dairy.customer()["id"] for _ in range(2)]
    answer = ok(round_.dairy.admin.post(f"{path_of(round_.boy)}/customers", {"customer_ids": joining}), 200)
    assert len(answer["items"]) == 4


# -------------------------------------------------------------------------------------------------- who goes


def test_who_goes_where_and_on_which_days(round_: Round) -> None:
    dairy, boy = round_.dairy, round_.boy.user
    (asha, bela), nobodys = make_customers(round_, "Asha", "Bela", area="Baner"), dairy.customer(name="Nobody's")
    (gone,) = make_customers(round_, "Gone")
    dairy.subscription(asha, round_.milk)
    dairy.subscription(bela, round_.milk, mode="weekly_pattern", weekly_pattern=[0, 6])
    dairy.subscription(bela, round_.curd, shift="evening", mode="weekly_pattern", weekly_pattern=[2])
    ok(dairy.admin.patch(f"/customers/{gone['id']}", {"status": "stopped"}))
    rows = ok(dairy.admin.get("/reports/round-plan"))["items"]
    assert [
        (each["staff_name"], each["shift"], each["area"], each["customers"], each["weekdays"]) for each in rows
    ] == [
        (boy["name"], "morning", "Baner", 2, [0, 1, 2, 3, 4, 5, 6]),
        (boy["name"], "evening", "Baner", 1, [2]),
        (boy["name"], None, "Kothrud", 1, []),
        (None, None, "Kothrud", 1, []),
    ]
    assert nobodys["delivery_boy_id"] is None
    with count_statements(dairy.app.database) as sent:
        ok(dairy.admin.get("/reports/round-plan"))
    assert len([each for each, _ in sent if "weekly_pattern" in each]) == 1


# --------------------------------------------------------------------------------------------------- stand-ins


def helper_of(sql: Any, order: Any) -> str | None:
    """To whom an order is given; None: to whoever has its customer."""
    ((helper,),) = sql(f"SELECT delivery_boy_id::text FROM orders WHERE id = '{order['id']}'")
    return str(helper) if helper else None


def bring(client: Client) -> list[str]:
    return [stop["customer"]["name"] for stop in ok(client.get("/deliveries/round"))["stops"]]


def test_a_stand_in_has_the_open_orders_of_one_day_until_he_gives_them_back(round_: Round, sql: Any) -> None:
    dairy, other = round_.dairy, round_.dairy.staff("delivery_boy", "Ravi")
    asha, bela = make_customers(round_, "Asha", "Bela")
    own = dairy.customer(name="Ravi's own", delivery_boy_id=other.user["id"])
    done, waiting, tomorrow, _ = (
        dairy.order(asha, (round_.milk, "1")),
        dairy.order(bela, (round_.milk, "1")),
        dairy.order(bela, (round_.milk, "1"), on=dairy.day(1)),
        dairy.order(own, (round_.milk, "1")),
    )
    ok(dairy.confirm(done, by=round_.boy))
    body = {"delivery_boy_id": round_.boy.user["id"], "delivery_date": dairy.day(0)}
    there = {**body, "stand_in_id": other.user["id"]}
    for _ in range(2):
        assert ok(dairy.admin.put("/deliveries/stand-ins", there)) == {"customers": 1, "orders": 1}
        assert (bring(round_.boy), bring(other)) == (["Asha"], ["Bela", "Ravi's own"])
        rounds = ok(dairy.admin.get("/reports/rounds"))["items"]
        assert {each["staff_name"]: each["of_others"] for each in rounds} == {"Bala Boy": 0, "Ravi": 1}
    assert helper_of(sql, tomorrow) is None
    refused(dairy.confirm(waiting, by=round_.boy), 404, "order_not_found")
    ok(dairy.admin.put("/deliveries/stand-ins", {**body, "stand_in_id": None}))
    assert (bring(round_.boy), bring(other)) == (["Asha", "Bela"], ["Ravi's own"])
    ok(dairy.confirm(waiting, by=round_.boy))
    assert ok(dairy.admin.put("/deliveries/stand-ins", there)) == {"customers": 0, "orders": 0}


def test_an_order_that_is_out_goes_on_with_the_stand_in_and_back(round_: Round, sql: Any) -> None:
    other = round_.dairy.staff("delivery_boy", "Ravi")
    order = round_.order()
    ok(round_.boy.post("/deliveries/start"))
    body = {"delivery_boy_id": round_.boy.user["id"], "delivery_date": round_.dairy.day(0)}
    for stand_in, whose in ((other.user["id"], other), (None, round_.boy)):
        ok(round_.dairy.admin.put("/deliveries/stand-ins", {**body, "stand_in_id": stand_in}))
        assert helper_of(sql, order) == whose.user["id"]
        assert round_.read(order)["status"] == "OUT_FOR_DELIVERY"


def test_a_stand_in_for_one_shift(round_: Round, sql: Any) -> None:
    other = round_.dairy.staff("delivery_boy")
    morning, evening = round_.order(), round_.order(shift="evening")
    body = {"delivery_boy_id": round_.boy.user["id"], "delivery_date": round_.dairy.day(0), "shift": "evening"}
    ok(round_.dairy.admin.put("/deliveries/stand-ins", {**body, "stand_in_id": other.user["id"]}))
    assert (helper_of(sql, morning), helper_of(sql, evening)) == (None, other.user["id"])


@pytest.mark.parametrize("role", ["accountant", "nobody", "left"])
def test_only_an_active_delivery_boy_stands_in(round_: Round, role: str) -> None:
    admin = round_.dairy.admin
    wanted = str(uuid4())
    if role == "accountant":
        wanted = round_.dairy.staff("accountant").user["id"]
    if role == "left":
        wanted = round_.dairy.staff("delivery_boy").user["id"]
        ok(admin.patch(f"/users/{wanted}", {"is_active": False}))
    body = {"delivery_boy_id": round_.boy.user["id"], "delivery_date": round_.dairy.day(0), "stand_in_id": wanted}
    problem = refused(admin.put("/deliveries/stand-ins", body), 422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [("/stand_in_id", "user_not_found")]
    refused(round_.boy.put("/deliveries/stand-ins", body), 403, "forbidden")


def test_a_stand_in_costs_the_same_for_many(round_: Round) -> None:
    other = round_.dairy.staff("delivery_boy")
    body = {"delivery_boy_id": round_.boy.user["id"], "delivery_date": round_.dairy.day(0)}
    sent = {}
    for size in (1, 4):
        for _ in range(size):
            round_.order()
        with count_statements(round_.dairy.app.database) as seen:
            ok(round_.dairy.admin.put("/deliveries/stand-ins", {**body, "stand_in_id": other.user["id"]}))
        sent[size] = len(seen)
    assert sent[1] == sent[4]
