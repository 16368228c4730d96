"""Who takes milk regularly, month by month: new, returned, paused, lost, and why."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
import time_machine

from tests.dairy import Dairy, ok, refused
from tests.deliveries.rounds import at
from tests.statements import count_statements


class Town:
    """Customers whose standing orders are told in one line each, as they began, paused and stopped."""

    def __init__(self, dairy: Dairy, clock: time_machine.Traveller) -> None:
        self.dairy, self.clock = dairy, clock
        dairy.without_cutoffs()
        self.milk, self.curd = dairy.product("60.00"), dairy.product("30.00")
        self.people: dict[str, Any] = {}

    def go_to(self, day: str) -> None:
        self.clock.move_to(at(f"{day} 08:00"))
        self.dairy.log_in_again()

    def begins(self, name: str, on: str, product: Any = None) -> Any:
        self.go_to(on)
        if name not in self.people:
            self.people[name] = self.dairy.customer(name=name)
        return self.dairy.subscription(self.people[name], product or self.milk, start_date=on)

    def stops(self, standing: Any, on: str, reason: str | None) -> None:
        self.go_to(on)
        said = {"reason": reason} if reason else {}
        ok(self.dairy.admin.post(f"/subscriptions/{standing['id']}/stop", {"stop_date": on, **said}))

    def pauses(self, standing: Any, first: str, last: str | None, reason: str | None) -> None:
        self.go_to(first)
        body = {"from": first, "to": last} | ({"reason": reason} if reason else {})
        ok(self.dairy.admin.post(f"/subscriptions/{standing['id']}/pauses", body), 201)


@pytest.fixture
def town(clock: time_machine.Traveller, dairy: Dairy) -> Town:
    """July to November 2026."""
    town = Town(dairy, clock)
    asha, bela, chitra = (town.begins(name, "2026-07-10") for name in ("Asha", "Bela", "Chitra"))
    curd = town.begins("Bela", "2026-07-15", town.curd)
    divya = town.begins("Divya", "2026-08-01")
    town.pauses(bela, "2026-08-03", "2026-08-05", " Away ")
    town.pauses(curd, "2026-08-03", "2026-08-05", "away")
    town.stops(bela, "2026-08-20", "Price")  # curd goes on: she is not lost
    town.stops(asha, "2026-09-01", "Moved away")  # the last day is in August
    town.pauses(divya, "2026-09-10", None, None)
    town.stops(chitra, "2026-09-25", None)
    town.begins("Chitra", "2026-10-05")  # never away for a month
    town.begins("Asha", "2026-11-02")
    town.stops(curd, "2026-11-10", "moved away ")
    town.go_to("2026-11-20")
    return town


def report(dairy: Dairy, first: str, last: str, **query: Any) -> Any:
    return ok(dairy.admin.get("/reports/customers", **{"from": first, "to": last, **query}))


def test_each_month_by_hand(town: Town) -> None:
    told = report(town.dairy, "2026-06", "2026-12")
    assert [tuple(each.values()) for each in told["months"]] == [
        # period, regular, new, returned, paused, lost
        ("2026-06", 0, 0, 0, 0, 0),
        ("2026-07", 3, 3, 0, 0, 0),
        ("2026-08", 4, 1, 0, 1, 1),
        ("2026-09", 3, 0, 0, 1, 0),
        ("2026-10", 3, 0, 0, 0, 0),
        ("2026-11", 4, 0, 1, 0, 1),
        ("2026-12", 3, 0, 0, 0, 0),
    ]
    lost = [(each["customer_name"], each["date"], each["reason"]) for each in told["items"] if each["change"] == "lost"]
    assert lost == [("Asha", "2026-08-31", "Moved away"), ("Bela", "2026-11-09", "moved away")]
    assert told["reasons"] == [
        {"change": "lost", "reason": "Moved away", "customers": 2},
        {"change": "paused", "reason": "Away", "customers": 1},
        {"change": "paused", "reason": None, "customers": 1},
    ]


def test_each_month_reckoned_from_the_standing_orders(town: Town) -> None:
    admin = town.dairy.admin
    standing = ok(admin.get("/subscriptions", limit=200))["items"]

    def regular(month: str) -> set[str]:
        year, number = int(month[:4]), int(month[5:])
        after = date(year + number // 12, number % 12 + 1, 1).isoformat()
        return {
            each["customer_id"] for each in standing
            if each["start_date"] < after and (each["stop_date"] is None or each["stop_date"] > f"{month}-01")
        }  # fmt: skip

    told = report(town.dairy, "2026-06", "2026-11")
    listed = Counter((each["date"][:7], each["change"]) for each in told["items"])
    ever: set[str] = set()
    before: set[str] = set()
    months = ["2026-06", "2026-07", "2026-08", "2026-09", "2026-10", "2026-11", "2026-12"]
    for each, month, following in zip(told["months"], months, months[1:], strict=False):
        now = regular(month)
        assert each["regular"] == len(now)
        assert each["new"] == len(now - ever) == listed[month, "new"]
        assert each["returned"] == len((now & ever) - before) == listed[month, "returned"]
        assert each["lost"] == len(now - regular(following)) == listed[month, "lost"]
        assert each["paused"] == listed[month, "paused"]
        ever, before = ever | now, now


def test_the_list_in_pages_and_of_one_change(town: Town) -> None:
    whole = report(town.dairy, "2026-07", "2026-11")["items"]
    found, cursor = [], None
    while cursor is not None or not found:
        page = report(town.dairy, "2026-07", "2026-11", limit=2, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
    assert found == whole
    assert len(whole) == 9
    lost = report(town.dairy, "2026-07", "2026-11", change="lost")
    assert {each["change"] for each in lost["items"]} == {"lost"}
    assert len(lost["months"]) == 5
    body = refused(town.dairy.admin.get("/reports/customers", **{"from": "2026-08", "to": "2026-07"}), 422,
                   "validation_failed")  # fmt: skip
    assert body["errors"][0]["pointer"] == "/query/to"


def test_a_stop_without_a_day_ends_with_the_last_delivery(town: Town, sql: Any) -> None:
    """Imports bring such; nothing else is known of it."""
    asha = town.people["Asha"]["id"]
    sql("UPDATE subscriptions SET status = 'stopped', stop_date = NULL, change_reason = NULL,"
        " last_delivery_date = '2026-11-05' WHERE customer_id = %s AND stop_date IS NULL", asha)  # fmt: skip
    (lost,) = [
        each
        for each in report(town.dairy, "2026-11", "2026-11", change="lost")["items"]
        if each["customer_name"] == "Asha"
    ]
    assert (lost["date"], lost["reason"]) == ("2026-11-05", None)


def test_a_customer_whose_status_alone_is_stopped_is_lost_with_the_last_delivery(town: Town) -> None:
    admin = town.dairy.admin
    town.begins("Esha", "2026-09-20")
    town.go_to("2026-10-10")
    ok(admin.post("/orders/generate", {"delivery_date": "2026-10-10"}))
    esha = town.people["Esha"]["id"]
    (order,) = ok(admin.get("/orders", customer_id=esha, delivery_date="2026-10-10"))["items"]
    ok(town.dairy.confirm(order))
    town.go_to("2026-11-20")
    assert report(town.dairy, "2026-10", "2026-10")["months"][0]["lost"] == 0
    ok(admin.patch(f"/customers/{esha}", {"status": "stopped"}))
    (lost,) = report(town.dairy, "2026-10", "2026-10", change="lost")["items"]
    assert (lost["customer_name"], lost["date"], lost["reason"]) == ("Esha", "2026-10-10", None)
    assert report(town.dairy, "2026-11", "2026-11")["months"][0]["regular"] == 4  # without her


def test_a_report_costs_the_same_for_any_number(town: Town) -> None:
    def cost() -> int:
        with count_statements(town.dairy.app.database) as sent:
            report(town.dairy, "2026-07", "2026-11")
        return len(sent)

    before = cost()
    for name in ("Esha", "Farah", "Gita"):
        town.begins(name, "2026-11-20")
    assert cost() == before
