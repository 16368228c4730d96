"""What else a customer can have when it is merged, and merges that meet: the data agrees with itself afterwards."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.dairy import ok, refused
from tests.merging.conftest import Sql, Twice
from tests.races import at_once
from tests.sharing.links import Link


def agrees(twice: Twice) -> None:
    """``dairy check-data`` finds nothing but customers without a login."""
    found = ok(twice.admin.get("/monitoring/consistency"))["reports"]
    faults = {each["name"]: each["examples"] for each in found if each["count"]}
    assert faults.keys() <= {"customers_without_login", "subscribers_without_login"}, faults


def filled(twice: Twice, sql: Sql) -> Link:
    """Both get empties, closed days, pauses, wishes, cash over a link and refunds; the link to their round."""
    living, admin = twice.living, twice.admin
    boy = living.staff("delivery_boy")
    bottle = ok(admin.post("/containers", {"name": "Bottle", "deposit": "30"}), 201)
    ok(admin.patch(f"/products/{twice.milk['id']}", {"container_id": bottle["id"]}))
    ok(admin.patch("/settings", {"cash_over_links": True}))
    living.subscription(twice.new, twice.curd, "2")
    for customer, area in ((twice.old, "Baner"), (twice.new, "Aundh")):
        ok(admin.patch(f"/customers/{customer['id']}", {"area": area, "delivery_boy_id": boy.user["id"]}))
    body = {"kind": "round", "delivery_boy_id": boy.user["id"], "date": "2026-11-20"}
    link = Link(living, ok(admin.post("/shared-links", body), 201))
    for customer, litres in ((twice.old, "3"), (twice.new, "2")):
        order = living.order(customer, (twice.milk, litres), on="2026-11-20")
        ok(living.confirm(order, empties=[{"container_id": bottle["id"], "back": 1}]))
        cash = {"customer_id": customer["id"], "amount": "500.00", "client_event_id": str(uuid4())}
        ok(link.phone.post(f"/shared/{link.token}/payments", cash), 201)
        (standing, *_) = ok(admin.get("/subscriptions", customer_id=customer["id"]))["items"]
        wish = {"subscription_id": standing["id"], "from": "2026-12-20"}
        ok(link.ask("pause", customer, **wish), 201)
        refund = {"customer_id": customer["id"], "amount": "10.00", "method": "cash", "reason": "goodwill"}
        ok(admin.post("/refunds", refund | {"paid_by": boy.user["id"]}), 201)
        entry = {"container_id": bottle["id"], "count": 1, "reason": "broken", "tax_class": "milk_fresh"}
        ok(admin.post(f"/customers/{customer['id']}/containers/lost", entry), 201)
    settled = {"staff_id": boy.user["id"], "settled_for": "2026-11-20", "handed_over": "980.00"}
    ok(admin.post("/cash-settlements", settled), 201)
    for day in ("2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"):
        ok(admin.post("/orders/generate", {"delivery_date": day}))
    areas = {each["name"]: each["id"] for each in ok(admin.get("/areas"))["items"]}
    for day, area in (("2026-11-21", "Baner"), ("2026-11-22", "Aundh")):
        ok(
            admin.post(
                "/closed-days", {"day": day, "area_id": areas[area], "reason": "feast", "deliver_on": "2026-11-24"}
            ),
            201,
        )
    pause = {"from": "2026-11-23", "to": "2026-11-23", "reason": "away"}
    for customer in (twice.old, twice.new):
        ok(admin.post(f"/customers/{customer['id']}/pauses", pause), 201)
    ok(admin.post(f"/customers/{twice.new['id']}/moves", {"from": "2026-11-24", "address_line1": "7 New Road"}), 201)
    agrees(twice)
    return link


#: What the orders of each day come to.
DUE = """
SELECT o.delivery_date::text, o.status, sum(i.quantity)::integer
FROM orders o JOIN order_items i ON i.order_id = o.id"""


def test_everything_beside_moves_and_agrees(twice: Twice, sql: Sql) -> None:
    link = filled(twice, sql)
    admin, new = twice.admin, twice.new["id"]
    done = ok(twice.merge())
    assert (done["refusals"], done["moving"]["refunds"], done["moving"]["change_requests"]) == ([], 1, 1)
    agrees(twice)
    assert twice.balance(twice.new) == Decimal(done["balance_together"])
    # Of Aundh now: closed on the 22nd, whose quantities come on the 24th, to the new address.
    rows = f"{DUE} WHERE o.subscription_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    assert sql(rows) == [
        ("2026-11-21", "PENDING", 3), ("2026-11-22", "CANCELLED", 3), ("2026-11-23", "CANCELLED", 3),
        ("2026-11-24", "PENDING", 6),
    ]  # fmt: skip
    moved = "SELECT DISTINCT address ->> 'address_line1' FROM orders WHERE delivery_date = '2026-11-24'"
    assert sql(moved) == [("7 New Road",)]
    for request in ok(admin.get("/change-requests"))["items"]:
        assert request["customer_id"] == new
        ok(admin.post(f"/change-requests/{request['id']}/approve", {}))
    pauses = ok(admin.get(f"/customers/{new}/pauses"))["items"]
    for each in {each["household_pause_id"] for each in pauses} - {None}:
        ok(admin.delete(f"/customers/{new}/pauses/{each}"), 204)
    for each in ok(admin.get("/closed-days"))["items"]:
        ok(admin.delete(f"/closed-days/{each['id']}"), 204)
    ok(admin.post(f"/customers/{new}/pauses", {"from": "2026-11-22", "to": "2026-11-22", "reason": "away"}), 201)
    assert sql(rows) == [
        ("2026-11-21", "PENDING", 3), ("2026-11-22", "CANCELLED", 3), ("2026-11-23", "PENDING", 3),
        ("2026-11-24", "PENDING", 3),
    ]  # fmt: skip
    agrees(twice)
    third = twice.living.customer(name="Rao", login=False)
    (move,) = ok(admin.get(f"/customers/{new}/moves"))["items"]
    ok(admin.delete(f"/customers/{new}/moves/{move['id']}"), 204)
    ok(twice.merge(old=twice.new, new=third))
    agrees(twice)
    assert twice.balance(third) == Decimal(done["balance_together"])
    assert len(link.events()) == 4


@pytest.mark.parametrize("second_first", [False, True], ids=["into the middle first", "out of the middle first"])
def test_into_one_that_is_being_merged_itself(twice: Twice, database_url: str, sql: Sql, second_first: bool) -> None:
    """A into B, and B into C, at once: all is C's, or A is told that B is not there any more."""
    third = twice.living.customer(name="Rao", login=False)
    calls: list[Any] = [twice.merge, lambda: twice.merge(twice.new, third)]
    hold = "LOCK TABLE customers IN EXCLUSIVE MODE"
    answers = at_once(database_url, hold, *(calls[::-1] if second_first else calls), one_by_one=True)
    into_middle, onward = answers[::-1] if second_first else answers
    ok(onward, 200)
    if second_first:
        assert [each["code"] for each in refused(into_middle, 409, "merge_refused")["reasons"]] == ["into_merged"]
        assert sql("SELECT count(*) FROM orders WHERE customer_id = %s", twice.old["id"]) == [(5,)]
    else:
        ok(into_middle, 200)
        assert sql("SELECT DISTINCT customer_id::text FROM orders") == [(third["id"],)]
        assert sql("SELECT DISTINCT merged_into::text FROM customers WHERE merged_into IS NOT NULL") == [(third["id"],)]
    agrees(twice)


def test_two_into_one_at_once(twice: Twice, database_url: str, sql: Sql) -> None:
    third = twice.living.customer(name="Rao", login=False)
    before = twice.balance(twice.old) + twice.balance(twice.new)
    calls: list[Any] = [lambda: twice.merge(new=third), lambda: twice.merge(twice.new, third)]
    for each in at_once(database_url, "LOCK TABLE customers IN EXCLUSIVE MODE", *calls):
        ok(each, 200)
    assert twice.balance(third) == before
    assert sql("SELECT count(*) FROM invoices WHERE status = 'draft'") == [(1,)]
    agrees(twice)
