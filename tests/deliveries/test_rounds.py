"""The round: whose doors in which order, what to load, how far it is; sending it out and putting it in sequence."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import time_machine

from dairy_app.customers.rules import is_map_link
from dairy_app.deliveries.rules import full_address_of
from tests.dairy import Client, Dairy, ok, refused
from tests.deliveries.rounds import Round, at, statements
from tests.statements import count_statements


def shown(client: Client, **query: str) -> Any:
    return ok(client.get("/deliveries/round", **query))


def doors(client: Client, **query: str) -> list[str]:
    return [stop["customer"]["name"] for stop in shown(client, **query)["stops"]]


def order_ids(round_view: Any) -> list[str]:
    return [order["order_id"] for stop in round_view["stops"] for order in stop["orders"]]


# ------------------------------------------------------------------------------------------------- seen


def test_a_stop_with_all_that_a_boy_needs(round_: Round) -> None:
    dairy = round_.dairy
    customer = dairy.customer(
        name="Asha",
        address_line1="12 Canal Road",
        address_line2="near the tank",
        city="Pune",
        pincode="411038",
        latitude="18.507400",
        longitude="73.807700",
        notes="ring twice",
        stop_sequence=7,
        delivery_boy_id=round_.boy.user["id"],
    )
    packed = dairy.product("30.00", name="Toned milk", packet_size="0.500")
    order = dairy.order(customer, (packed, "1.5"), notes="before six")
    (stop,) = shown(round_.boy)["stops"]
    assert stop == {
        "sequence": 7,
        "containers": [],
        "customer": {
            "id": customer["id"],
            "name": "Asha",
            "phone": customer["phone"],
            "address": "12 Canal Road, near the tank, Pune, 411038",
            "full_address": "12 Canal Road, near the tank, Kothrud, Pune, 411038",
            "area": "Kothrud",
            "map_link": "https://www.google.com/maps/search/?api=1&query=18.507400,73.807700",
            "latitude": "18.507400",
            "longitude": "73.807700",
            "notes": "ring twice",
        },
        "orders": [
            {
                "order_id": order["id"],
                "status": "PENDING",
                "shift": "morning",
                "source": "staff",
                "notes": "before six",
                "items": [
                    {
                        "product_id": packed["id"],
                        "name": "Toned milk",
                        "unit": "litre",
                        "quantity": "1.500",
                        "packets": 3,
                        "delivered_quantity": None,
                    }
                ],
                "empties": [],
                "delivery_status": None,
            }
        ],
    }
    ok(dairy.confirm(order, by=round_.boy, notes="at the gate"), 200)
    (done,) = shown(round_.boy)["stops"][0]["orders"]
    assert done["items"][0]["delivered_quantity"] == "1.500"
    assert done["delivery_status"] == {
        "status": "delivered",
        "delivery_date": "2026-11-20",
        "delivered_at": "2026-11-20T04:30:00+00:00",
        "confirmed_at": "2026-11-20T04:30:00+00:00",
        "confirmed_by_name": "Bala Boy",
        "confirmation_method": "delivery_boy",
        "reason_code": None,
        "notes": "at the gate",
    }


def test_the_noted_map_link_comes_first(round_: Round) -> None:
    link = "https://maps.app.goo.gl/asha"
    near = {"latitude": "18.5", "longitude": "73.8", "delivery_boy_id": round_.boy.user["id"]}
    where = {"address_line1": "Flat 4 & 5, गली 2", "city": "Pune", "delivery_boy_id": near["delivery_boy_id"]}
    for fields in (near | {"map_link": link}, where | {"latitude": "1"}):
        round_.dairy.order(round_.dairy.customer(**fields), (round_.milk, "1"))
    noted, searched = (stop["customer"]["map_link"] for stop in shown(round_.boy)["stops"])
    assert noted == link
    assert is_map_link(searched)
    assert parse_qs(urlsplit(searched).query)["query"] == ["Flat 4 & 5, गली 2, Kothrud, Pune"]


@pytest.mark.parametrize(
    ("street", "area", "town", "expected"),
    [
        (("1 Main Road", None), "Kothrud", ("Pune", "411038"), "1 Main Road, Kothrud, Pune, 411038"),
        (
            ("1 Main Road, KOTHRUD", "near the tank"),
            "Kothrud",
            ("Pune", None),
            "1 Main Road, KOTHRUD, near the tank, Pune",
        ),
        (("1 Kothrud Road", None), "Kothrud", (None, None), "1 Kothrud Road, Kothrud"),
        ((None, None), None, (None, None), None),
    ],
)
def test_an_address_names_the_area_once_and_before_the_town(
    street: tuple[str | None, ...], area: str | None, town: tuple[str | None, ...], expected: str | None
) -> None:
    names = ("address_line1", "address_line2", "area", "city", "pincode")
    assert full_address_of(dict(zip(names, (*street, area, *town), strict=True))) == expected


def test_stops_stand_in_sequence(round_: Round) -> None:
    places = [("Zoya", 10), ("Asha", 30), ("Bela", 30), ("Chitra", None), ("Amar", None), ("Dev", 2000000000)]
    for name, place in places:
        boy = {"delivery_boy_id": round_.boy.user["id"]}
        customer = round_.dairy.customer(name=name, **boy, **({} if place is None else {"stop_sequence": place}))
        round_.dairy.order(customer, (round_.milk, "1"))
    assert doors(round_.boy) == ["Zoya", "Asha", "Bela", "Dev", "Amar", "Chitra"]


def test_one_stop_for_all_orders_of_a_door(round_: Round) -> None:
    evening, morning = round_.order(shift="evening"), round_.order()
    view = shown(round_.boy)
    assert [len(stop["orders"]) for stop in view["stops"]] == [2]
    assert order_ids(view) == [morning["id"], evening["id"]]
    assert view["shift"] is None
    only = shown(round_.boy, shift="evening")
    assert (only["shift"], order_ids(only)) == ("evening", [evening["id"]])


def test_the_loading_sheet_counts_packets_and_litres_apart(round_: Round) -> None:
    dairy, boy = round_.dairy, {"delivery_boy_id": round_.boy.user["id"]}
    half = dairy.product("30.00", name="A half litre", packet_size="0.500")
    bread = dairy.product("40.00", name="B bread", unit="packet")
    loose = dairy.product("60.00", name="C loose")
    odd = dairy.product("30.00", name="D odd", packet_size="0.500")
    one, two = dairy.customer(**boy), dairy.customer(**boy)
    dairy.order(one, (half, "1"), (bread, "2"), (loose, "1.25"), (odd, "0.75"))
    dairy.order(two, (half, "1.5"), (bread, "1"), (odd, "0.75"))
    gone = dairy.order(one, (half, "9"))
    ok(dairy.admin.post(f"/orders/{gone['id']}/cancel", {"reason": "away"}))
    sheet = [(row["name"], row["unit"], row["quantity"], row["packets"]) for row in shown(round_.boy)["loading_sheet"]]
    assert sheet == [
        ("A half litre", "litre", "2.500", 5),
        ("B bread", "packet", "3.000", 3),
        ("C loose", "litre", "1.250", None),
        ("D odd", "litre", "1.500", None),  # two times one packet and a half are not three packets
    ]


def test_cancelled_orders_are_left_out(round_: Round) -> None:
    kept, cancelled = round_.order(), round_.order()
    ok(round_.dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "away"}))
    assert order_ids(shown(round_.boy)) == [kept["id"]]


def test_progress(round_: Round) -> None:
    neighbour = round_.dairy.customer(delivery_boy_id=round_.boy.user["id"])
    orders = [round_.order(), round_.order(), round_.dairy.order(neighbour, (round_.milk, "1"))]

    def progress() -> list[int]:
        found = shown(round_.boy)["progress"]
        return [found[name] for name in ("stops", "done", "open", "orders", "open_orders")]

    assert progress() == [2, 0, 2, 3, 3]
    ok(round_.dairy.confirm(orders[0]), 200)
    ok(round_.dairy.confirm(orders[2], status="not_delivered"), 200)
    assert progress() == [2, 1, 1, 3, 1]
    ok(round_.dairy.confirm(orders[1], items=round_.items("1", "0")), 200)
    assert shown(round_.boy)["progress"] == {
        "stops": 2,
        "done": 2,
        "open": 0,
        "orders": 3,
        "open_orders": 0,
        "delivered": 1,
        "partially_delivered": 1,
        "not_delivered": 1,
    }


def test_the_day_is_today_unless_named(round_: Round, clock: time_machine.Traveller) -> None:
    today, tomorrow = round_.order(), round_.order(on="2026-11-21")
    assert order_ids(shown(round_.boy)) == [today["id"]]
    later = shown(round_.boy, delivery_date="2026-11-21")
    assert (later["delivery_date"], order_ids(later)) == ("2026-11-21", [tomorrow["id"]])
    clock.move_to(at("2026-11-21 00:30"))
    round_.log_in_again()
    assert order_ids(shown(round_.boy)) == [tomorrow["id"]]
    assert shown(round_.boy, delivery_date="2027-01-01")["stops"] == []


def test_whose_round_it_is(round_: Round, sql: Any) -> None:
    dairy, other = round_.dairy, round_.dairy.staff("delivery_boy")
    own, lent, foreign = round_.order(), round_.order(), dairy.order(dairy.customer(), (round_.milk, "1"))
    borrowed = dairy.order(dairy.customer(delivery_boy_id=other.user["id"]), (round_.milk, "1"))
    sql("UPDATE orders SET delivery_boy_id = %s WHERE id = %s", other.user["id"], lent["id"])
    sql("UPDATE orders SET delivery_boy_id = %s WHERE id = %s", round_.boy.user["id"], borrowed["id"])
    mine = {own["id"], borrowed["id"]}
    assert set(order_ids(shown(round_.boy))) == mine
    assert set(order_ids(shown(round_.boy, delivery_boy_id=round_.boy.user["id"]))) == mine
    assert set(order_ids(shown(dairy.admin, delivery_boy_id=round_.boy.user["id"]))) == mine
    assert order_ids(shown(dairy.admin, delivery_boy_id=other.user["id"])) == [lent["id"]]
    assert set(order_ids(shown(dairy.admin))) == mine | {lent["id"], foreign["id"]}
    refused(round_.boy.get("/deliveries/round", delivery_boy_id=other.user["id"]), 403, "forbidden")
    refused(dairy.staff("accountant").get("/deliveries/round"), 403, "forbidden")


def make_areas(dairy: Dairy) -> tuple[Any, Any, Any]:
    """A part of town, a part of that part, and another."""
    town = ok(dairy.admin.post("/areas", {"name": "West"}), 201)
    part = ok(dairy.admin.post("/areas", {"name": "West, by the river", "parent_id": town["id"]}), 201)
    return town, part, ok(dairy.admin.post("/areas", {"name": "East"}), 201)


def test_an_area_with_those_below_it(round_: Round) -> None:
    town, part, other = make_areas(round_.dairy)
    made = {}
    for area in (town, part, other):
        body = {"area": area["name"], "delivery_boy_id": round_.boy.user["id"]}
        made[area["name"]] = round_.dairy.order(round_.dairy.customer(**body), (round_.milk, "1"))["id"]
    assert set(order_ids(shown(round_.dairy.admin, area_id=town["id"]))) == {made["West"], made["West, by the river"]}
    assert order_ids(shown(round_.boy, area_id=part["id"])) == [made["West, by the river"]]
    assert order_ids(shown(round_.boy, area_id=str(uuid4()))) == []


def test_a_round_costs_the_same_at_any_length(round_: Round) -> None:
    sent = {}
    for size in (2, 4):
        while len(shown(round_.boy)["stops"]) < size:
            customer = round_.dairy.customer(delivery_boy_id=round_.boy.user["id"])
            round_.dairy.order(customer, (round_.milk, "1"), (round_.curd, "1"))
        with statements(round_.dairy.app) as seen:
            shown(round_.boy)
        sent[size] = len(seen)
    assert sent == {2: 4, 4: 4}


def fill(sql: Any, round_: Round) -> None:
    """A month of 40 rounds: what a plan must not read is many times what it must."""
    sql(
        "INSERT INTO users (name, role, email) SELECT 'B', 'delivery_boy', 'boy' || n || '@x.example'"
        " FROM generate_series(1, 40) n;"
        "INSERT INTO customers (name, delivery_boy_id, stop_sequence) SELECT 'C' || n, u.id, n"
        " FROM users u, generate_series(1, 20) n WHERE u.role = 'delivery_boy' AND u.email LIKE 'boy%';"
        "INSERT INTO orders (customer_id, delivery_date, source, status, delivery_boy_id)"
        " SELECT c.id, date '2026-11-20' - n, 'import', 'NOT_DELIVERED', CASE WHEN n % 2 = 0 THEN c.delivery_boy_id END"
        " FROM customers c, generate_series(0, 30) n;"
        "INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)"
        " SELECT o.id, 1, '" + round_.milk["id"] + "', 1, 1, 'import' FROM orders o;"
        "INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, confirmed_at,"
        " confirmation_method) SELECT id, customer_id, delivery_date, 'not_delivered', now(), 'import' FROM orders;"
        "ANALYZE"
    )


@pytest.mark.slow
def test_a_round_is_found_by_indexes(round_: Round, sql: Any) -> None:
    fill(sql, round_)
    ((boy,),) = sql("SELECT id::text FROM users WHERE email = 'boy7@x.example'")
    with count_statements(round_.dairy.app.database) as sent:
        assert len(shown(round_.dairy.admin, delivery_boy_id=boy)["stops"]) == 20
    for containing in ("customer_stop_sequence", "FROM order_items JOIN"):
        plan = sent.plan(round_.dairy.app.database, containing)
        for table in ("orders", "order_items", "customers", "delivery_statuses"):
            assert f"Seq Scan on {table} " not in plan, plan
    assert "ix_orders_boy_date" in sent.plan(round_.dairy.app.database, "customer_stop_sequence")


# ------------------------------------------------------------------------------------------------- sent out


def test_a_round_is_sent_out_once(round_: Round, sql: Any) -> None:
    first, second, tomorrow = round_.order(), round_.order(), round_.order(on="2026-11-21")
    foreign = round_.dairy.order(round_.dairy.customer(), (round_.milk, "1"))
    done = round_.order()
    ok(round_.dairy.confirm(done), 200)
    assert ok(round_.boy.post("/deliveries/start"), 200) == {"started": 2, "already": 0}
    assert ok(round_.boy.post("/deliveries/start", {"delivery_date": "2026-11-20"}), 200) == {
        "started": 0,
        "already": 2,
    }
    statuses = [round_.read(order)["status"] for order in (first, second, tomorrow, foreign, done)]
    assert statuses == ["OUT_FOR_DELIVERY", "OUT_FOR_DELIVERY", "PENDING", "PENDING", "DELIVERED"]
    ok(round_.dairy.confirm(first, by=round_.boy), 200)
    assert ok(round_.dairy.admin.post("/deliveries/start", {}), 200) == {"started": 1, "already": 1}


def test_a_round_of_another_shift_boy_or_day_stays(round_: Round) -> None:
    order = round_.order(shift="evening")
    other = round_.dairy.staff("delivery_boy").user["id"]
    admin = round_.dairy.admin
    for body in ({"shift": "morning"}, {"delivery_boy_id": other}, {"delivery_date": "2026-11-19"}):
        assert ok(admin.post("/deliveries/start", body), 200) == {"started": 0, "already": 0}
    refused(admin.post("/deliveries/start", {"delivery_date": "2026-11-21"}), 400, "delivery_date_in_future")
    refused(round_.boy.post("/deliveries/start", {"delivery_boy_id": other}), 403, "forbidden")
    assert round_.read(order)["status"] == "PENDING"
    body = {"shift": "evening", "delivery_boy_id": round_.boy.user["id"], "delivery_date": "2026-11-20"}
    assert ok(admin.post("/deliveries/start", body), 200) == {"started": 1, "already": 0}


def test_sending_out_costs_the_same_at_any_length(round_: Round) -> None:
    sent = {}
    for size in (2, 4):
        for _ in range(size):
            round_.order()
        with statements(round_.dairy.app) as seen:
            assert ok(round_.boy.post("/deliveries/start"), 200)["started"] == size
        sent[size] = len(seen)
    assert sent == {2: 5, 4: 5}


# ------------------------------------------------------------------------------------------------- sequence


def make_doors(round_: Round, *names: str) -> list[Any]:
    made = [round_.dairy.customer(name=name, delivery_boy_id=round_.boy.user["id"]) for name in names]
    for customer in made:
        round_.dairy.order(customer, (round_.milk, "1"))
    return made


def test_the_sequence_is_the_one_sent(round_: Round) -> None:
    asha, bela, chitra, dev = make_doors(round_, "Asha", "Bela", "Chitra", "Dev")
    ok(round_.dairy.admin.patch(f"/customers/{dev['id']}", {"stop_sequence": 25}))
    body = {"customer_ids": [chitra["id"], asha["id"], bela["id"]]}
    for client in (round_.boy, round_.boy, round_.dairy.admin):
        answer = ok(client.put("/deliveries/sequence", body), 200)
        assert [(item["customer_id"], item["stop_sequence"]) for item in answer["items"]] == [
            (chitra["id"], 10),
            (asha["id"], 20),
            (bela["id"], 30),
        ]
        assert doors(round_.boy) == ["Chitra", "Asha", "Dev", "Bela"]


def test_a_sequence_of_strangers_writes_nothing(round_: Round, sql: Any) -> None:
    (asha,), foreign = make_doors(round_, "Asha"), round_.dairy.customer()
    before = sql("SELECT to_jsonb(c) FROM customers c ORDER BY 1")
    for client, stranger in (
        (round_.boy, foreign["id"]),
        (round_.boy, str(uuid4())),
        (round_.dairy.admin, str(uuid4())),
    ):
        answer = client.put("/deliveries/sequence", {"customer_ids": [asha["id"], stranger]})
        problem = refused(answer, 404, "customer_not_found")
        assert [error["pointer"] for error in problem["errors"]] == ["/customer_ids/1"]
    twice = round_.boy.put("/deliveries/sequence", {"customer_ids": [asha["id"], asha["id"]]})
    problem = refused(twice, 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == ["/customer_ids/1"]
    for wrong in ([], None, "x", [1], [str(uuid4())] * 2001):
        refused(round_.boy.put("/deliveries/sequence", {"customer_ids": wrong}), 422, "validation_failed")
    assert sql("SELECT to_jsonb(c) FROM customers c ORDER BY 1") == before
    ok(round_.dairy.admin.put("/deliveries/sequence", {"customer_ids": [asha["id"], foreign["id"]]}), 200)


@pytest.mark.parametrize(
    "query", [{"delivery_date": "20261120"}, {"shift": "noon"}, {"area_id": "x"}, {"delivery_boy_id": ""}, {"day": "1"}]
)
def test_bad_questions(round_: Round, query: dict[str, str]) -> None:
    refused(round_.boy.get("/deliveries/round", **query), 422, "validation_failed")


def test_what_was_handed_over_besides_is_no_load(round_: Round) -> None:
    order, ghee = round_.order(), round_.dairy.product("650.00", name="Ghee")
    before = shown(round_.boy)
    ok(round_.dairy.confirm(order, extra_items=[{"product_id": ghee["id"], "quantity": "1"}]), 200)
    after = shown(round_.boy)
    assert after["loading_sheet"] == before["loading_sheet"]
    assert [(each["source"], each["status"]) for each in after["stops"][0]["orders"]] == [
        ("staff", "DELIVERED"),
        ("door", "DELIVERED"),
    ]
    needed = ok(round_.dairy.admin.get("/reports/requirements", date="2026-11-20"))
    assert ghee["id"] not in {row["product_id"] for row in needed["items"]}


def test_what_is_owed_is_shown_where_the_dairy_wants_it(round_: Round) -> None:
    round_.order()
    other = round_.dairy.customer(delivery_boy_id=round_.boy.user["id"])
    round_.dairy.order(other, (round_.milk, "1"))
    body = {"customer_id": round_.customer["id"], "amount": "450.00", "as_of": "2026-11-01"}
    ok(round_.dairy.admin.post("/opening-balances", body), 201)
    assert all("due_amount" not in stop for stop in shown(round_.boy)["stops"])
    ok(round_.dairy.admin.patch("/settings", {"show_due_at_door": True}))
    due = {stop["customer"]["id"]: stop["due_amount"] for stop in shown(round_.boy)["stops"]}
    assert due == {round_.customer["id"]: "450.00", other["id"]: None}


def test_an_app_that_asks_again_gets_a_round_only_when_it_changed(round_: Round) -> None:
    order = round_.dairy.order(round_.customer, (round_.milk, "2"))
    first = round_.boy.get("/deliveries/round")
    ok(first)
    tag = {"If-None-Match": first.headers["ETag"]}
    again = round_.boy.call("GET", "/deliveries/round", headers=tag)
    assert (again.status_code, again.data) == (304, b"")
    ok(round_.dairy.confirm(order))
    changed = round_.boy.call("GET", "/deliveries/round", headers=tag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
