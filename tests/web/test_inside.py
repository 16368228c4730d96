"""Routes asked from within a request: their policies hold, and what is refused is undone alone."""

from typing import Any

import pytest
from flask import g
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dairy_app.common.errors import Problem
from dairy_app.web import inside
from dairy_app.web.access import Actor, Role
from tests.dairy import Dairy, ok, read


@pytest.fixture
def within(dairy: Dairy) -> Any:
    """Does something as a page of a role would: ``within(role, work)``."""

    def run(role: Role, work: Any) -> Any:
        user = dairy.admin.user["id"]
        with dairy.app.test_request_context("/"), dairy.app.database.transaction() as session:
            g.session, g.actor, g.request_id = session, Actor(user, "Asha", role), "test"
            return work(session)

    return run


def test_a_route_is_asked_with_its_policy(dairy: Dairy, within: Any) -> None:
    milk = dairy.product("60.00")
    assert within(Role.ADMIN, lambda _: inside.ask("/products"))["items"][0]["id"] == milk["id"]
    assert within(Role.ADMIN, lambda _: inside.admits("/products", "POST"))
    assert not within(Role.ACCOUNTANT, lambda _: inside.admits("/products", "POST"))
    for work in (lambda _: inside.ask("/users"), lambda _: inside.act("POST", "/products", {"name": "x"})):
        with pytest.raises(Problem) as caught:
            within(Role.ACCOUNTANT, work)
        assert caught.value.code == "forbidden"


def test_what_is_refused_is_undone_and_the_rest_stays(dairy: Dairy, within: Any) -> None:
    def work(_: Any) -> list[str]:
        made = inside.act("POST", "/areas", {"name": "Kothrud"})
        codes = []
        for body in ({"name": "Kothrud"}, {"name": ""}, {"nonsense": 1}):
            with pytest.raises(Problem) as caught:
                inside.act("POST", "/areas", body)
            codes.append(caught.value.code)
        inside.act("PATCH", f"/areas/{made['id']}", {"name": "Kothrud West"})
        return codes

    assert within(Role.ADMIN, work) == ["already_exists", "validation_failed", "validation_failed"]
    assert [each["name"] for each in read(dairy.admin, "/areas")] == ["Kothrud West"]


def test_what_only_the_commit_would_refuse_is_refused_at_once(dairy: Dairy, within: Any) -> None:
    order = dairy.order(dairy.customer(), (dairy.product("60.00"), "1"))

    lie = text("""
        INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, confirmed_at,
            confirmation_method, confirmed_by_user_id)
        SELECT id, customer_id, delivery_date, 'delivered', now(), now(), 'admin', :user FROM orders WHERE id = :id""")

    def work(session: Any) -> None:
        with pytest.raises(DBAPIError), inside.together():
            session.execute(lie, {"id": order["id"], "user": dairy.admin.user["id"]})
            session.execute(text("SELECT 1"))  # nothing refuses it before the end
        inside.act("POST", "/areas", {"name": "Baner"})

    within(Role.ADMIN, work)
    assert ok(dairy.admin.get(f"/orders/{order['id']}"))["status"] == "PENDING"
    assert "Baner" in [each["name"] for each in read(dairy.admin, "/areas")]


def test_several_acts_are_one(dairy: Dairy, within: Any) -> None:
    def work(_: Any) -> None:
        with pytest.raises(Problem), inside.together():
            inside.act("POST", "/areas", {"name": "Baner"})
            inside.act("POST", "/areas", {"name": "Baner"})

    within(Role.ADMIN, work)
    assert read(dairy.admin, "/areas") == []


def test_the_same_key_does_it_once(dairy: Dairy, within: Any) -> None:
    def work(_: Any) -> None:
        for _turn in range(2):
            inside.act("POST", "/areas", {"name": "Baner"}, key="a form's")

    within(Role.ADMIN, work)
    assert len(read(dairy.admin, "/areas")) == 1


def test_what_needs_transactions_of_its_own_cannot_be_asked(within: Any) -> None:
    with pytest.raises(AssertionError, match="/billing/runs"):
        within(Role.ADMIN, lambda _: inside.act("POST", "/billing/runs", {"period": "2026-10"}))
