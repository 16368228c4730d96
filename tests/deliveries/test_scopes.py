"""Which orders a confirmer reaches: by boy, area, days and shift; what is out of scope does not exist for him."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from dairy_app.deliveries.queries import round_view
from dairy_app.deliveries.rules import Confirmation, Confirmer, RoundDone, Scope
from dairy_app.deliveries.service.confirmations import Outcome, complete_round, confirm
from tests.dairy import Dairy, ok
from tests.deliveries.rounds import Round, leaks
from tests.deliveries.test_rounds import make_areas

HELPER = Confirmer(None, "Link to the morning", "shared_link", "10.0.0.7", "phone " * 100)
NOVEMBER_20 = date(2026, 11, 20)


def confirm_within(dairy: Dairy, scope: Scope, order: Any, confirmer: Confirmer = HELPER) -> Outcome:
    body = Confirmation(UUID(order["id"]), "delivered")
    with dairy.app.database.transaction() as session:
        (outcome,) = confirm(session, confirmer, scope, [body])
    return outcome


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ({"delivery_boy_id": "own"}, {"delivery_boy_id": "other"}),
        ({"area_id": "own"}, {"area_id": "other"}),
        ({"area_id": "above"}, {"area_id": "unknown"}),
        ({"shift": "morning"}, {"shift": "evening"}),
        ({"first_day": NOVEMBER_20}, {"first_day": date(2026, 11, 21)}),
        ({"last_day": NOVEMBER_20}, {"last_day": date(2026, 11, 19)}),
        ({"first_day": date(2026, 11, 19), "last_day": date(2026, 11, 21)}, {"first_day": date(2027, 1, 1)}),
        ({}, {"delivery_boy_id": "own", "area_id": "own", "shift": "evening"}),
    ],
)
def test_out_of_scope_is_unknown(round_: Round, sql: Any, inside: dict[str, Any], outside: dict[str, Any]) -> None:
    above, own, other = make_areas(round_.dairy)
    boys = {"own": round_.boy.user["id"], "other": round_.dairy.staff("delivery_boy").user["id"]}
    areas = {"own": own["id"], "above": above["id"], "other": other["id"], "unknown": str(uuid4())}
    customer = round_.dairy.customer(area=own["name"], delivery_boy_id=boys["own"])
    order = round_.dairy.order(customer, (round_.milk, "1"))

    def scope(fields: dict[str, Any]) -> Scope:
        named = {"delivery_boy_id": boys, "area_id": areas}
        return Scope(**{name: UUID(named[name][value]) if name in named else value for name, value in fields.items()})

    outcome = confirm_within(round_.dairy, scope(outside), order)
    unknown = confirm_within(round_.dairy, scope(outside), {"id": str(uuid4())})
    assert (outcome.outcome, outcome.code, outcome.order_status) == ("rejected", "order_not_found", None)
    assert (unknown.outcome, unknown.code, unknown.detail) == (outcome.outcome, outcome.code, outcome.detail)
    assert sql("SELECT count(*) FROM delivery_statuses") == [(0,)]
    assert confirm_within(round_.dairy, scope(inside), order).outcome == "confirmed"
    assert not any(leaks(sql).values())


def make_link(sql: Any, round_: Round) -> UUID:
    ((made,),) = sql(
        "INSERT INTO shared_links (token_hash, name, delivery_boy_id, link_date, expires_at, created_by)"
        " VALUES (sha256('x'), 'Morning', %s, '2026-11-20', now() + interval '1 hour', %s) RETURNING id::text",
        round_.boy.user["id"],
        round_.dairy.admin.user["id"],
    )
    return UUID(made)


def test_the_link_that_confirmed_is_kept(round_: Round, sql: Any) -> None:
    link, first, second = make_link(sql, round_), round_.order(), round_.order()
    helper = Confirmer(None, "Morning", "shared_link", None, None, link)
    ok(round_.dairy.confirm(second, status="not_delivered"), 200)
    for order in (first, second):
        assert confirm_within(round_.dairy, Scope(), order, helper).outcome == "confirmed"
        status = round_.read(order)["delivery_status"]
        assert (status["shared_link_id"], status["confirmation_method"]) == (str(link), "shared_link")
        assert (status["confirmed_by_user_id"], status["confirmed_by_name"]) == (None, "Morning")
    assert confirm_within(round_.dairy, Scope(), first).outcome == "replayed"


def test_without_a_login_a_round_is_seen_and_completed_too(round_: Round, sql: Any) -> None:
    inside, evening = round_.order(), round_.order(shift="evening")
    scope = Scope(UUID(round_.boy.user["id"]), None, NOVEMBER_20, NOVEMBER_20, "morning")
    with round_.dairy.app.database.transaction() as session:
        assert complete_round(session, HELPER, scope, RoundDone())["confirmed"] == 1
        view = round_view(session, scope)
    assert [order["status"] for stop in view["stops"] for order in stop["orders"]] == ["DELIVERED"]
    assert sql("SELECT order_id::text, length(device_info) FROM delivery_statuses") == [(inside["id"], 300)]
    assert round_.read(evening)["status"] == "PENDING"
