"""Moves of customers that are known before: orders, rounds and lists of the day, and the customer on the day itself."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.billing.conftest import LivingDairy, living
from tests.command_line import run_command
from tests.dairy import Client, ok, read, refused
from tests.races import at_once
from tests.statements import count_statements

__all__ = ["living"]

TODAY, TOMORROW, THIRD, FOURTH = "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"
NEW_DOOR = {"address_line1": "8 MG Road", "pincode": "411038"}


class Street:
    """Asha, who lives in Kothrud on Ravi's round and gets milk every day; Sunil goes through Baner."""

    def __init__(self, living: LivingDairy, sql: Callable[..., Any]) -> None:
        self.living, self.sql, self.admin = living, sql, living.admin
        living.go_to(TODAY)
        self.milk = living.product("60.00")
        self.ravi, self.sunil = (living.staff("delivery_boy", name=name) for name in ("Ravi", "Sunil"))
        self.baner = ok(self.admin.post("/areas", {"name": "Baner"}), 201)["id"]
        self.asha = self.neighbour("Asha Rao", stop_sequence=20, address_line2="Flat 4", city="Pune")
        self.id = self.asha["id"]
        self.path = f"/customers/{self.id}/moves"
        living.subscription(self.asha, self.milk)

    def neighbour(self, name: str, **fields: Any) -> Any:
        return self.living.customer(name=name, delivery_boy_id=self.ravi.user["id"], **fields)

    def plan(self, day: str, by: Client | None = None, **fields: Any) -> TestResponse:
        return (by or self.admin).post(self.path, {"from": day} | fields)

    def planned(self, day: str, **fields: Any) -> Any:
        return ok(self.plan(day, **fields), 201)

    def generate(self, day: str) -> Any:
        return ok(self.admin.post("/orders/generate", {"delivery_date": day}))

    def stops(self, boy: Client, day: str) -> list[tuple[str, Any, Any]]:
        """Who is on a round, at which address and in which area."""
        found = ok(boy.get("/deliveries/round", delivery_date=day))["stops"]
        return [(each["customer"]["name"], each["customer"]["address"], each["customer"]["area"]) for each in found]

    def customer(self) -> Any:
        return ok(self.admin.get(f"/customers/{self.id}"))

    def nightly(self, day: str) -> None:
        self.living.go_to(day)
        self.admin.post("/orders/generate", {"delivery_date": day})


@pytest.fixture
def street(living: LivingDairy, sql: Callable[..., Any]) -> Street:
    return Street(living, sql)


OLD_STOP = ("Asha Rao", "Kothrud")


def test_orders_that_are_there_and_orders_to_come_follow_from_that_day_on(street: Street) -> None:
    street.generate(TOMORROW)
    made = street.planned(TOMORROW, area_id=street.baner, delivery_boy_id=street.sunil.user["id"], **NEW_DOOR)
    assert (made["from"], made["applied_at"], made["entered_by"]) == (TOMORROW, None, street.admin.user["id"])
    street.generate(TODAY)
    street.generate(THIRD)
    once = street.living.order(street.asha, (street.milk, "1"), on=TOMORROW)
    for day in (TOMORROW, THIRD):
        assert street.stops(street.ravi, day) == []
        ((name, address, area),) = street.stops(street.sunil, day)
        assert (name, address, area) == ("Asha Rao", "8 MG Road, Pune, 411038", "Baner")
    ((name, address, area),) = street.stops(street.ravi, TODAY)
    assert (name, area) == OLD_STOP
    assert "Flat 4" in address
    assert once["address"] == {
        "address_line1": "8 MG Road",
        "address_line2": None,
        "city": "Pune",
        "state_code": None,
        "pincode": "411038",
        "map_link": None,
        "area": "Baner",
    }
    assert street.customer()["address_line1"] == street.asha["address_line1"]
    placed = street.sql(
        "SELECT count(*) FROM orders WHERE delivery_boy_id = %s AND area_id = %s AND address IS NOT NULL",
        street.sunil.user["id"],
        street.baner,
    )
    assert placed == [(3,)]


def test_what_a_day_needs_is_counted_where_it_is_brought(street: Street) -> None:
    street.planned(TOMORROW, area_id=street.baner)
    for _ in range(2):
        needs = ok(street.admin.get("/reports/requirements", date=TOMORROW))["items"]
        assert [(each["area"], each["orders"]) for each in needs] == [("Baner", 1)]
        needs = ok(street.admin.get("/reports/requirements", date=TODAY))["items"]
        assert [(each["area"], each["orders"]) for each in needs] == [("Kothrud", 1)]
        made = street.generate(TOMORROW)
    assert made["skipped_existing"] == 1


def test_the_plan_of_rounds_and_the_rounds_of_a_day_know_it(street: Street) -> None:
    street.generate(TOMORROW)
    street.planned(TOMORROW, area_id=street.baner, delivery_boy_id=street.sunil.user["id"])

    def goes() -> list[tuple[str, str]]:
        rows = ok(street.admin.get("/reports/round-plan"))["items"]
        return [(each["staff_name"], each["area"]) for each in rows if each["customers"]]

    before = goes()
    street.living.go_to(TOMORROW)  # nobody made orders this morning: nothing is applied
    assert (before, goes()) == ([("Ravi", "Kothrud")], [("Sunil", "Baner")])
    (row,) = ok(street.admin.get("/reports/rounds", delivery_date=TOMORROW))["items"]
    assert (row["staff_name"], row["stops"], row["of_others"]) == ("Sunil", 1, 0)


def test_the_place_in_the_round_counts_on_that_day(street: Street) -> None:
    street.living.subscription(street.neighbour("Balu", stop_sequence=10), street.milk)
    street.planned(TOMORROW, stop_sequence=5)
    for day in (TODAY, TOMORROW):
        street.generate(day)
    assert [name for name, *_ in street.stops(street.ravi, TODAY)] == ["Balu", "Asha Rao"]
    assert [name for name, *_ in street.stops(street.ravi, TOMORROW)] == ["Asha Rao", "Balu"]


def test_on_the_day_the_customer_has_moved_once_and_for_good(street: Street) -> None:
    at = {"latitude": "18.5", "longitude": "73.8", "map_link": "https://maps.app.goo.gl/old"}
    ok(street.admin.patch(f"/customers/{street.id}", at))
    street.planned(TOMORROW, area_id=street.baner, delivery_boy_id=street.sunil.user["id"], stop_sequence=7, **NEW_DOOR)
    street.generate(TOMORROW)
    street.nightly(TOMORROW)
    moved = street.customer()
    told = ("address_line1", "address_line2", "city", "pincode", "map_link", "latitude", "area", "stop_sequence")
    assert [moved[name] for name in told] == ["8 MG Road", None, "Pune", "411038", None, None, "Baner", 7]
    assert moved["delivery_boy_id"] == street.sunil.user["id"]
    (listed,) = read(street.admin, street.path)
    assert listed["applied_at"] is not None
    assert (listed["area"], listed["delivery_boy_name"]) == ("Baner", "Sunil")
    changes = read(street.admin, "/audit-log", customer_id=street.id)
    assert [each["action"] for each in changes if each["table_name"] == "customer_moves"] == ["UPDATE", "INSERT"]
    (taken,) = [each for each in changes if each["table_name"] == "customers" and "area_id" in (each["after"] or {})][
        :1
    ]
    assert taken["action"] == "UPDATE"
    before = street.sql("SELECT updated_at FROM customers WHERE id = %s", street.id)
    street.nightly(TOMORROW)
    assert street.sql("SELECT updated_at FROM customers WHERE id = %s", street.id) == before
    # From now on its orders are its own again: the office moves it elsewhere, and they follow.
    assert [name for name, *_ in street.stops(street.sunil, TOMORROW)] == ["Asha Rao"]
    ok(street.admin.patch(f"/customers/{street.id}", {"delivery_boy_id": street.ravi.user["id"]}))
    assert [name for name, *_ in street.stops(street.ravi, TOMORROW)] == ["Asha Rao"]


def test_two_moves_that_nobody_applied_for_days_are_taken_in_order(street: Street) -> None:
    street.planned(THIRD, delivery_boy_id=street.sunil.user["id"], area_id=street.baner)
    street.planned(TOMORROW, address_line1="1 Lane", address_line2="Back door", area_id=street.asha["area_id"])
    street.planned(FOURTH, address_line1="2 Lane")
    for day in (TOMORROW, THIRD, FOURTH):
        street.generate(day)
    assert [area for *_, area in street.stops(street.ravi, TOMORROW)] == ["Kothrud"]
    assert street.stops(street.sunil, THIRD)[0][1:] == ("1 Lane, Back door, Pune", "Baner")
    assert street.stops(street.sunil, FOURTH)[0][1:] == ("2 Lane, Pune", "Baner")
    street.nightly("2026-11-25")
    moved = street.customer()
    assert (moved["address_line1"], moved["address_line2"], moved["area"]) == ("2 Lane", None, "Baner")
    assert moved["delivery_boy_id"] == street.sunil.user["id"]
    assert {each["applied_at"] is not None for each in read(street.admin, street.path)} == {True}
    assert street.sql("SELECT count(*) FROM audit_log WHERE table_name = 'customers' AND row_id = %s"
                      " AND action = 'UPDATE'", street.id) == [(1,)]  # fmt: skip


def test_the_nightly_command_applies_what_is_due(street: Street, database_url: str) -> None:
    street.planned(TOMORROW, area_id=street.baner)
    for day, area in ((TODAY, "Kothrud"), (THIRD, "Baner")):
        street.living.go_to(day)
        done = run_command("orders", "generate", DATABASE_URL=database_url)
        assert done.returncode == 0, done.stderr
        assert street.customer()["area"] == area


def test_a_move_is_taken_back_until_its_day(street: Street) -> None:
    street.generate(TOMORROW)
    once = street.living.order(street.asha, (street.milk, "1"), on=THIRD)
    before = street.sql("SELECT id, delivery_boy_id, area_id, address FROM orders ORDER BY id")
    made = street.planned(TOMORROW, area_id=street.baner, delivery_boy_id=street.sunil.user["id"], **NEW_DOOR)
    assert ok(street.admin.get(f"/orders/{once['id']}"))["address"]["area"] == "Baner"
    ok(street.admin.delete(f"{street.path}/{made['id']}"), 204)
    assert street.sql("SELECT id, delivery_boy_id, area_id, address FROM orders ORDER BY id") == before
    refused(street.admin.delete(f"{street.path}/{made['id']}"), 404, "move_not_found")
    late = street.planned(TOMORROW, area_id=street.baner)
    other = street.neighbour("Balu")
    refused(street.admin.delete(f"/customers/{other['id']}/moves/{late['id']}"), 404, "move_not_found")
    street.living.go_to(TOMORROW)
    refused(street.admin.delete(f"{street.path}/{late['id']}"), 409, "illegal_transition")
    street.nightly(TOMORROW)
    refused(street.admin.delete(f"{street.path}/{late['id']}"), 409, "illegal_transition")


def test_of_two_moves_the_later_one_is_taken_back(street: Street) -> None:
    street.planned(TOMORROW, delivery_boy_id=street.sunil.user["id"])
    late = street.planned(THIRD, delivery_boy_id=street.ravi.user["id"])
    street.generate(THIRD)
    assert len(street.stops(street.ravi, THIRD)) == 1
    ok(street.admin.delete(f"{street.path}/{late['id']}"), 204)
    assert len(street.stops(street.sunil, THIRD)) == 1


def test_a_stand_in_of_the_day_stays_and_goes(street: Street) -> None:
    anil = street.living.staff("delivery_boy", name="Anil")
    street.planned(TOMORROW, delivery_boy_id=street.sunil.user["id"])
    street.generate(TOMORROW)

    def stand_in(boy: Client, other: Client | None) -> int:
        body = {"delivery_boy_id": boy.user["id"], "stand_in_id": other and other.user["id"], "delivery_date": TOMORROW}
        return int(ok(street.admin.put("/deliveries/stand-ins", body))["orders"])

    assert stand_in(street.ravi, anil) == 0
    assert stand_in(street.sunil, anil) == 1
    assert len(street.stops(anil, TOMORROW)) == 1
    street.planned(THIRD, area_id=street.baner)
    street.generate(TOMORROW)
    assert len(street.stops(anil, TOMORROW)) == 1
    assert stand_in(street.sunil, None) == 1
    assert len(street.stops(street.sunil, TOMORROW)) == 1


def test_the_new_helper_confirms_and_the_old_one_may_not(street: Street) -> None:
    street.planned(TOMORROW, delivery_boy_id=street.sunil.user["id"])
    street.generate(TOMORROW)
    street.living.go_to(TOMORROW)  # nobody made orders this morning: nothing is applied
    ((order_id,),) = street.sql("SELECT id::text FROM orders")
    refused(street.living.confirm({"id": order_id}, by=street.ravi), 404, "order_not_found")
    ok(street.living.confirm({"id": order_id}, by=street.sunil))


def test_a_round_that_started_stays(street: Street) -> None:
    street.planned(TOMORROW, delivery_boy_id=street.sunil.user["id"], area_id=street.baner)
    street.generate(TOMORROW)
    street.living.go_to(TOMORROW)
    ok(street.sunil.post("/deliveries/start", {"delivery_date": TOMORROW}))
    street.nightly(TOMORROW)
    ok(street.admin.patch(f"/customers/{street.id}", {"delivery_boy_id": street.ravi.user["id"]}))
    assert len(street.stops(street.sunil, TOMORROW)) == 1


def test_what_makes_no_move(street: Street) -> None:
    helper = street.sunil.user["id"]
    for day in (TODAY, "2026-11-19"):
        problem = refused(street.plan(day, area_id=street.baner), 422, "validation_failed")
        assert problem["errors"][0]["pointer"] == "/from"
    for fields in (
        {},
        {"city": "Pune"},
        {"address_line2": "Flat 5", "area_id": street.baner},
        {"delivery_boy_id": street.admin.user["id"]},
        {"pincode": "011038", "address_line1": "1 Lane"},
        {"map_link": "https://evil.example/", "address_line1": "1 Lane"},
        {"stop_sequence": -1},
        {"state_code": "29", "address_line1": "1 Lane"},
        {"address_line1": None},
    ):
        refused(street.plan(TOMORROW, **fields), 422, "validation_failed")
    refused(street.plan(TOMORROW, area_id=helper), 404, "area_not_found")
    ok(street.admin.patch(f"/users/{helper}", {"is_active": False}))
    refused(street.plan(TOMORROW, delivery_boy_id=helper), 422, "validation_failed")
    street.planned(TOMORROW, area_id=street.baner)
    refused(street.plan(TOMORROW, stop_sequence=1), 409, "already_exists")
    assert street.sql("SELECT count(*) FROM customer_moves") == [(1,)]


def test_who_may_plan_and_who_sees(street: Street) -> None:
    meera, other = street.living.staff("marketing_staff"), street.living.staff("marketing_staff")
    ok(street.admin.patch(f"/customers/{street.id}", {"marketing_staff_id": meera.user["id"]}))
    made = ok(street.plan(TOMORROW, by=meera, area_id=street.baner), 201)
    assert len(read(meera, street.path)) == len(read(street.living.staff("accountant"), street.path)) == 1
    refused(street.plan(THIRD, by=other, area_id=street.baner), 404, "customer_not_found")
    refused(other.get(street.path), 404, "customer_not_found")
    refused(other.delete(f"{street.path}/{made['id']}"), 404, "customer_not_found")
    for client in (street.ravi, street.living.staff("accountant")):
        refused(street.plan(THIRD, by=client, area_id=street.baner), 403, "forbidden")
    ok(meera.delete(f"{street.path}/{made['id']}"), 204)


def test_a_repeat_of_the_same_request_is_the_same_move(street: Street) -> None:
    body = {"from": TOMORROW, "area_id": street.baner}
    keyed = {"headers": {"Idempotency-Key": "move-1"}}
    first, second = (ok(street.admin.post(street.path, body, **keyed), 201) for _ in range(2))
    assert first == second


def test_many_moves_cost_as_many_statements_as_one(street: Street) -> None:
    counts = []
    for day, customers in ((TOMORROW, 1), (THIRD, 4)):
        for n in range(customers):
            other = street.neighbour(f"Neighbour {day} {n}")
            street.living.subscription(other, street.milk)
            path = f"/customers/{other['id']}/moves"
            ok(street.admin.post(path, {"from": day, "delivery_boy_id": street.sunil.user["id"]}), 201)
        street.living.go_to(day)
        with count_statements(street.living.app.database) as sent:
            street.generate(day)
        counts.append(len(sent))
    assert street.sql("SELECT count(*) FROM customer_moves WHERE applied_at IS NULL") == [(0,)]
    assert counts[0] == counts[1]


# ------------------------------------------------------------------------------------------------ two at once


def lock(street: Street) -> str:
    return f"SELECT FROM customers WHERE id = '{street.id}' FOR UPDATE"


def test_two_moves_on_one_day(street: Street, database_url: str) -> None:
    answers = at_once(database_url, lock(street), *[lambda: street.plan(TOMORROW, area_id=street.baner)] * 2)
    assert sorted(each.status_code for each in answers) == [201, 409]


@pytest.mark.parametrize("first", ["the move", "the orders"])
def test_a_move_against_the_making_of_its_day(street: Street, database_url: str, first: str) -> None:
    """Whichever is first: the orders of that day are on the new round."""
    calls: list[Callable[[], TestResponse]] = [
        lambda: street.plan(TOMORROW, delivery_boy_id=street.sunil.user["id"]),
        lambda: street.admin.post("/orders/generate", {"delivery_date": TOMORROW}),
    ]
    statuses = {"the move": [201, 200], "the orders": [200, 201]}[first]
    calls = calls if first == "the move" else calls[::-1]
    answers = at_once(database_url, "LOCK TABLE orders IN EXCLUSIVE MODE", *calls, one_by_one=True)
    assert [each.status_code for each in answers] == statuses
    assert len(street.stops(street.sunil, TOMORROW)) == 1


def test_what_is_closed_where_one_moves_to_is_closed_from_that_day_on(street: Street) -> None:
    street.planned(TOMORROW, area_id=street.baner)
    street.generate(TOMORROW)
    street.living.order(street.asha, (street.milk, "1"), on=TOMORROW)
    closed = ok(street.admin.post("/closed-days", {"day": TOMORROW, "area_id": street.baner, "reason": "Strike"}), 201)

    def told() -> list[tuple[str, str]]:
        found = ok(street.admin.get("/orders", delivery_date=TOMORROW))["items"]
        return sorted((each["order_type"], each["status"]) for each in found)

    street.nightly(TOMORROW)
    assert told() == [("one_time", "CANCELLED"), ("subscription", "CANCELLED")]
    ok(street.admin.delete(f"/closed-days/{closed['id']}"), 204)
    assert told() == [("one_time", "PENDING"), ("subscription", "PENDING")]


def test_making_the_orders_of_one_lets_those_of_others_who_move_be(street: Street) -> None:
    street.generate(TOMORROW)
    street.planned(TOMORROW, area_id=street.baner)
    street.sql("UPDATE orders SET area_id = NULL WHERE customer_id = %s", street.id)
    street.living.subscription(street.neighbour("Balu"), street.milk, start_date=TODAY)
    assert street.sql("SELECT area_id FROM orders WHERE customer_id = %s", street.id) == [(None,)]
    street.generate(TOMORROW)
    assert street.sql("SELECT area_id::text FROM orders WHERE customer_id = %s", street.id) == [(street.baner,)]
