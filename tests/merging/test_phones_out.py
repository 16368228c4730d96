"""A phone that was out during a merge still names the customer of before: what it brings home is the other's."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.dairy import Client, ok, refused
from tests.merging.conftest import Sql, Twice
from tests.races import at_once
from tests.sharing.links import Link


@dataclass(frozen=True)
class Out:
    """Both are on a helper's round, whose app and link were loaded; then the two were merged."""

    twice: Twice
    boy: Client
    link: Link
    order: Any
    standing: Any

    @property
    def old(self) -> str:
        return str(self.twice.old["id"])

    @property
    def new(self) -> str:
        return str(self.twice.new["id"])


@pytest.fixture
def out(twice: Twice) -> Out:
    living, admin = twice.living, twice.admin
    boy = living.staff("delivery_boy")
    for each in (twice.old, twice.new):
        ok(admin.patch(f"/customers/{each['id']}", {"delivery_boy_id": boy.user["id"]}))
    ok(admin.patch("/settings", {"cash_over_links": True}))
    order = living.order(twice.old, (twice.milk, "1"), on="2026-11-20")
    (standing,) = ok(admin.get("/subscriptions", customer_id=twice.old["id"]))["items"]
    body = {"kind": "round", "delivery_boy_id": boy.user["id"], "date": "2026-11-20"}
    link = Link(living, ok(admin.post("/shared-links", body), 201))
    ok(twice.merge())
    return Out(twice, boy, link, order, standing)


def test_a_confirmation(out: Out) -> None:
    other = out.twice.living.customer(login=False)["id"]
    refused(out.twice.living.confirm(out.order, out.boy, customer_id=other), 409, "customer_mismatch")
    told = {"customer_id": out.old, "client_event_id": str(uuid4())}
    assert ok(out.twice.living.confirm(out.order, out.boy, **told))["order_status"] == "DELIVERED"
    assert ok(out.twice.living.confirm(out.order, out.boy, **told))["replayed"] is True


def test_a_batch_of_confirmations(out: Out) -> None:
    each = {"order_id": out.order["id"], "status": "delivered", "customer_id": out.old}
    (result,) = ok(out.boy.post("/deliveries/confirmations/batch", {"confirmations": [each]}))["results"]
    assert result["outcome"] == "confirmed"


def test_a_confirmation_over_a_link(out: Out) -> None:
    assert ok(out.link.confirm(out.order, customer_id=out.old))["order_status"] == "DELIVERED"


def test_after_two_merges(out: Out) -> None:
    third = out.twice.living.customer(login=False, delivery_boy_id=out.boy.user["id"])
    ok(out.twice.merge(out.twice.new, third))
    for named in (out.old, out.new, third["id"]):
        ok(out.twice.living.confirm(out.order, out.boy, customer_id=named))


def test_cash_that_a_helper_took(out: Out) -> None:
    body = {"customer_id": out.old, "amount": "20.00", "method": "cash"}
    assert ok(out.boy.post("/payments", body), 201)["customer_id"] == out.new
    refused(out.twice.admin.post("/payments", body), 409, "customer_merged")


@pytest.mark.parametrize("what", ["cash", "goods"])
def test_what_a_helper_enters_during_the_merge(twice: Twice, database_url: str, sql: Sql, what: str) -> None:
    """He waits for it, and goes on with the other."""
    boy = twice.living.staff("delivery_boy")
    for each in (twice.old, twice.new):
        ok(twice.admin.patch(f"/customers/{each['id']}", {"delivery_boy_id": boy.user["id"]}))
    cash = {"amount": "20.00", "method": "cash"}
    items = [{"product_id": twice.curd["id"], "quantity": "1"}]
    goods = {"delivery_date": "2026-11-20", "reason": "guests", "items": items}
    path, body = {"cash": ("/payments", cash), "goods": ("/deliveries/unplanned", goods)}[what]
    entered = body | {"customer_id": twice.old["id"]}
    hold = f"SELECT FROM customers WHERE id = '{twice.old['id']}' FOR UPDATE"
    for each in at_once(database_url, hold, twice.merge, lambda: boy.post(path, entered), one_by_one=True):
        ok(each)
    whose = """SELECT (SELECT count(*) FROM payments WHERE customer_id = c.id AND collected_by IS NOT NULL),
        (SELECT count(*) FROM orders WHERE customer_id = c.id AND source = 'door') FROM customers c WHERE id = %s"""
    assert sql(whose, twice.new["id"]) == [(1, 0) if what == "cash" else (0, 1)]


def test_cash_over_a_link(out: Out, sql: Sql) -> None:
    body = {"customer_id": out.old, "amount": "20.00", "client_event_id": str(uuid4())}
    path = f"/shared/{out.link.token}/payments"
    assert [ok(out.link.phone.post(path, body), 201)["replayed"] for _ in range(2)] == [False, True]
    assert sql("SELECT customer_id::text FROM payments WHERE shared_link_id IS NOT NULL") == [(out.new,)]


def test_a_wish_over_a_link(out: Out) -> None:
    asked = {"subscription_id": out.standing["id"], "from": "2026-11-25", "client_event_id": str(uuid4())}
    answers = [ok(out.link.ask("pause", out.twice.old, **asked), 201) for _ in range(2)]
    assert [each["replayed"] for each in answers] == [False, True]
    (request,) = ok(out.twice.admin.get("/change-requests"))["items"]
    assert request["customer_id"] == out.new


def test_what_nobody_ordered(out: Out) -> None:
    items = [{"product_id": out.twice.curd["id"], "quantity": "1"}]
    body = {"customer_id": out.old, "delivery_date": "2026-11-20", "reason": "guests", "items": items}
    body["client_event_id"] = str(uuid4())
    made = ok(out.boy.post("/deliveries/unplanned", body), 201)
    assert ok(out.boy.post("/deliveries/unplanned", body), 201)["order_id"] == made["order_id"]
    assert ok(out.twice.admin.get(f"/orders/{made['order_id']}"))["customer_id"] == out.new
