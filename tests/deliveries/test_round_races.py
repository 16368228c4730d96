"""Batches, completed rounds and corrections beside each other and beside a billing run, over real connections."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.customers.bulk import lock_customers
from dairy_app.deliveries.rules import Confirmer, RoundDone, Scope
from dairy_app.deliveries.service.confirmations import Correction, complete_round, correct
from tests.dairy import ok, refused
from tests.deliveries.rounds import Round, bill, leaks
from tests.deliveries.test_races import admin, confirming, issuing, meanwhile
from tests.races import at_once

TODAY = "2026-11-20"


def correcting(round_: Round, order: Any, **fields: Any) -> Any:
    def run(session: Session) -> None:
        correct(session, admin(round_), UUID(order["id"]), Correction("x", **fields))

    return run


def ask(round_: Round, order: Any) -> Any:
    body = {"items": round_.items("1", "1"), "reason": "miscounted"}
    return round_.dairy.admin.patch(f"/deliveries/{order['id']}", body)


def test_overlapping_batches_with_a_run_in_between(round_: Round, sql: Any) -> None:
    """In opposite order, all three stopped at the same customer: nobody waits in a circle, nothing is billed twice."""
    round_.dairy.seller()
    customers = [round_.customer, *(round_.dairy.customer() for _ in range(5))]
    early = [round_.dairy.order(customer, (round_.milk, "1")) for customer in customers]
    orders = [round_.dairy.order(customer, (round_.milk, "1")) for customer in customers * 2]
    for order in early:
        ok(round_.dairy.confirm(order), 200)
    bodies = [{"order_id": order["id"], "status": "delivered"} for order in orders]
    middle = sorted(customer["id"] for customer in customers)[2]

    def send(batch: list[Any]) -> Any:
        return ok(round_.dairy.admin.post("/deliveries/confirmations/batch", {"confirmations": batch}), 200)

    one, run, two = at_once(
        round_.dairy.app.database.url.render_as_string(hide_password=False),
        f"SELECT FROM customers WHERE id = '{middle}' FOR UPDATE",
        lambda: send(bodies),
        lambda: bill(round_.dairy, "2026-11", through=TODAY),
        lambda: send(bodies[::-1]),
    )
    assert (one["rejected"], two["rejected"]) == (0, 0)
    assert one["confirmed"] + two["confirmed"] == len(orders)
    assert run["invoices_issued"] == len(customers)
    assert not any(leaks(sql).values())
    assert sql("SELECT count(*) FROM orders WHERE invoice_id IS NULL") == [(0,)]


def test_issued_before_the_correction(round_: Round, sql: Any) -> None:
    round_.dairy.seller()
    order = round_.order()
    ok(round_.dairy.confirm(order), 200)
    with meanwhile(round_, sql, issuing(round_, TODAY), lambda: ask(round_, order)) as second:
        refused(second.result(), 409, "invoice_issued")
    assert round_.read(order)["status"] == "DELIVERED"
    assert not any(leaks(sql).values())


def test_corrected_before_the_run(round_: Round, sql: Any) -> None:
    """The run waits and bills what the correction left."""
    round_.dairy.seller()
    order, other = round_.order(), round_.order()
    for each in (order, other):
        ok(round_.dairy.confirm(each), 200)
    first = correcting(round_, order, status="not_delivered")
    with meanwhile(round_, sql, first, lambda: bill(round_.dairy, "2026-11", through=TODAY)) as second:
        assert second.result()["orders_billed"] == 1
    assert round_.read(order)["invoice"] is None
    assert not any(leaks(sql).values())


def test_corrected_while_confirmed(round_: Round, sql: Any) -> None:
    order = round_.order()
    with meanwhile(round_, sql, confirming(round_, order), lambda: ask(round_, order)) as second:
        assert ok(second.result(), 200)["order_status"] == "PARTIALLY_DELIVERED"
    assert not any(leaks(sql).values())


def test_brought_after_all_while_another_opens_the_draft(round_: Round, sql: Any) -> None:
    """Both need the customer's first draft of the month: the second one waits and joins it."""
    missed, brought = round_.order(), round_.order()
    ok(round_.dairy.confirm(missed, status="not_delivered"), 200)
    with meanwhile(round_, sql, confirming(round_, brought), lambda: ask(round_, missed)) as second:
        assert ok(second.result(), 200)["order_status"] == "PARTIALLY_DELIVERED"
    assert round_.read(missed)["invoice"] == round_.read(brought)["invoice"]
    assert not any(leaks(sql).values())


def test_completed_while_one_door_was_closed(round_: Round, sql: Any) -> None:
    """What is told of one door while the rest is completed stays told."""
    missed, brought = round_.order(), round_.order()
    first = confirming(round_, missed, status="not_delivered")
    body = {"delivery_date": TODAY}
    with meanwhile(round_, sql, first, lambda: round_.boy.post("/deliveries/complete", body)) as second:
        assert ok(second.result(), 200)["confirmed"] == 1
    assert [round_.read(order)["status"] for order in (missed, brought)] == ["NOT_DELIVERED", "DELIVERED"]
    assert not any(leaks(sql).values())


def test_cancelled_while_completed(round_: Round, sql: Any) -> None:
    order = round_.order()

    def complete(session: Session) -> None:
        boy = Confirmer(UUID(round_.boy.user["id"]), "Bala Boy", "delivery_boy", None, None)
        assert complete_round(session, boy, Scope(boy.user_id), RoundDone())["confirmed"] == 1

    path = f"/orders/{order['id']}/cancel"
    with meanwhile(round_, sql, complete, lambda: round_.dairy.admin.post(path, {"reason": "away"})) as second:
        refused(second.result(), 409, "illegal_transition")


def test_completed_twice_at_once(round_: Round, sql: Any) -> None:
    neighbours = [round_.dairy.customer(delivery_boy_id=round_.boy.user["id"]) for _ in range(3)]
    for customer in [round_.customer, *neighbours]:
        round_.dairy.order(customer, (round_.milk, "1"))
    with round_.dairy.app.database.transaction() as session, ThreadPoolExecutor(2) as pool:
        lock_customers(session, [UUID(round_.customer["id"])])
        both = [pool.submit(round_.boy.post, "/deliveries/complete", {"delivery_date": TODAY}) for _ in range(2)]
        session.commit()
        answers = [ok(each.result(), 200)["confirmed"] for each in both]
    assert sorted(answers) == [0, 4]
    assert not any(leaks(sql).values())
