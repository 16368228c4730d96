"""What confirming costs, how its records are listed, and that a failed commit leaves nothing."""

from typing import Any

import time_machine

from tests.dairy import Dairy, ok, refused
from tests.deliveries.rounds import Round, counts, statements


def test_one_confirmation_is_one_statement_after_the_login(round_: Round) -> None:
    """Whatever it comes to; the login costs one more."""
    small = round_.dairy.order(round_.customer, (round_.milk, "1"))
    products = [round_.dairy.product() for _ in range(6)]
    large = round_.dairy.order(round_.customer, *((product, "1") for product in products))
    cancelled = round_.order()
    ok(round_.dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "moved away"}))
    sent = {}
    for name, order in (("small", small), ("large", large), ("repeat", small), ("refused", cancelled)):
        with statements(round_.dairy.app) as seen:
            round_.dairy.confirm(order, by=round_.boy)
        sent[name] = len(seen)
    assert sent == {"small": 2, "large": 2, "repeat": 2, "refused": 2}


def test_delivery_statuses_are_listed(round_: Round, clock: time_machine.Traveller) -> None:
    orders = [round_.order() for _ in range(3)]
    ok(round_.dairy.confirm(orders[0], by=round_.boy, delivery_date="2026-11-19"), 200)
    ok(round_.dairy.confirm(orders[1], by=round_.boy, status="not_delivered"), 200)
    other = round_.dairy.order(round_.dairy.customer(), (round_.milk, "1"))
    ok(
        round_.dairy.confirm(other, items=[{"product_id": round_.milk["id"], "delivered_quantity": "0.5"}]),
        200,
    )
    accountant = round_.dairy.staff("accountant")

    def listed(**query: str) -> list[str]:
        return [item["order_id"] for item in ok(accountant.get("/delivery-statuses", **query))["items"]]

    assert listed() == [other["id"], orders[1]["id"], orders[0]["id"]]
    assert listed(status="partially_delivered") == [other["id"]]
    assert listed(confirmation_method="delivery_boy") == [orders[1]["id"], orders[0]["id"]]
    assert listed(delivery_boy_id=round_.boy.user["id"]) == [orders[1]["id"], orders[0]["id"]]
    assert listed(delivery_date="2026-11-19") == [orders[0]["id"]]
    assert listed(**{"delivery_date[gte]": "2026-11-20"}) == [other["id"], orders[1]["id"]]
    assert listed(**{"delivery_date[lte]": "2026-11-19"}) == [orders[0]["id"]]
    first = ok(accountant.get("/delivery-statuses", limit=2))
    rest = ok(accountant.get("/delivery-statuses", limit=2, cursor=first["next_cursor"]))
    assert [item["order_id"] for item in first["items"] + rest["items"]] == listed()
    assert rest["next_cursor"] is None
    assert first["items"][0]["ip_address"] == "127.0.0.1"
    refused(accountant.get("/delivery-statuses", boy="x"), 422, "validation_failed")
    refused(round_.boy.get("/delivery-statuses"), 403, "forbidden")


def test_the_list_of_statuses_costs_the_same_at_any_length(round_: Round) -> None:
    sent = {}
    for size in (3, 6):
        while len(ok(round_.dairy.admin.get("/delivery-statuses"))["items"]) < size:
            ok(round_.dairy.confirm(round_.order()), 200)
        with statements(round_.dairy.app) as seen:
            ok(round_.dairy.admin.get("/delivery-statuses"))
        sent[size] = len(seen)
    assert sent == {3: 2, 6: 2}


def test_nothing_is_written_when_the_commit_fails(round_: Round, sql: Any, dairy: Dairy) -> None:
    """The last step of a confirmation fails: everything before it is undone, and the client learns nothing."""
    order = round_.order()
    sql(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'disk full at /secret/path'; END $$;"
        " CREATE CONSTRAINT TRIGGER tr_full_disk AFTER INSERT ON delivery_statuses DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
    before = counts(sql)
    problem = refused(dairy.confirm(order), 500, "internal_error")
    assert "disk" not in str(problem)
    assert counts(sql) == before
    assert round_.read(order)["status"] == "PENDING"
    sql("DROP TRIGGER tr_full_disk ON delivery_statuses")
    ok(dairy.confirm(order), 200)
