"""Two at once, over two real connections: whoever is second sees what the first one left."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from dairy_app.billing.bulk import issuing as bulk
from dairy_app.business.queries import today
from dairy_app.common.clock import now
from dairy_app.customers.bulk import lock_customers
from dairy_app.deliveries.rules import Confirmer, Scope
from dairy_app.deliveries.service.confirmations import confirm
from dairy_app.orders.service import cancel_order
from dairy_app.web.access import Actor, Role
from tests.dairy import ok, refused
from tests.deliveries.rounds import Round, bill, confirm_set, confirmation, leaks

Race = Callable[..., Any]


def admin(round_: Round) -> Actor:
    return Actor(UUID(round_.dairy.admin.user["id"]), "Asha Admin", Role.ADMIN)


@contextmanager
def meanwhile(round_: Round, sql: Any, first: Callable[[Session], Any], second: Race) -> Iterator[Future[Any]]:
    """Do ``first`` and hold its transaction open until ``second``, in a thread, waits for a lock of it."""
    with ThreadPoolExecutor(1) as pool:
        with round_.dairy.app.database.transaction() as session:
            first(session)
            later = pool.submit(second)
            while not later.done() and not _waiting(sql):
                pass
            assert not later.done(), "nothing waited for the first one"
        yield later


def _waiting(sql: Any) -> int:
    """How many sessions of this database wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int(sql(waiting)[0][0])


def confirming(round_: Round, order: Any, **fields: Any) -> Callable[[Session], Any]:
    body = confirmation(order_id=UUID(order["id"]), **fields)

    def run(session: Session) -> None:
        actor = admin(round_)
        (outcome,) = confirm(session, Confirmer(actor.user_id, actor.name, "admin", None, None), Scope(), [body])
        assert outcome.code is None

    return run


def issuing(round_: Round, through: str) -> Callable[[Session], Any]:
    """What a billing run does to one chunk, in a transaction that stays open."""

    def run(session: Session) -> None:
        customer = UUID(round_.customer["id"])
        lock_customers(session, [customer])
        papers = session.connection().exec_driver_sql("SELECT id FROM invoices WHERE status = 'draft'")
        day = today(session)
        drafts = bulk.lock_drafts(session, [row[0] for row in papers], day, day)
        assert str(day) == through
        bulk.cut_drafts(session, drafts, day)
        done = bulk.issue_drafts(session, drafts, today=day, at=now(), run_id=None, issued_by=None)
        assert done.invoices == 1

    return run


def test_two_that_say_the_same(round_: Round, sql: Any) -> None:
    order = round_.order()
    same = round_.items("2", "1")
    with meanwhile(
        round_, sql, confirming(round_, order, items=same), lambda: round_.dairy.confirm(order, items=same)
    ) as second:
        assert ok(second.result(), 200)["replayed"] is True
    assert sql("SELECT count(*) FROM delivery_statuses") == [(1,)]
    assert not any(leaks(sql).values())


def test_two_that_differ(round_: Round, sql: Any) -> None:
    order = round_.order()
    with meanwhile(round_, sql, confirming(round_, order), lambda: _in_part(round_, order)) as second:
        refused(second.result(), 409, "confirmed_differently")
    assert round_.read(order)["status"] == "DELIVERED"
    assert not any(leaks(sql).values())


def _in_part(round_: Round, order: Any) -> Any:
    return round_.dairy.confirm(order, items=round_.items("2", "1"))


def test_the_second_stands_when_the_first_fails(round_: Round, sql: Any) -> None:
    order = round_.order()

    def fail(session: Session) -> None:
        confirming(round_, order)(session)
        session.commit = session.rollback  # type: ignore[method-assign]

    with meanwhile(round_, sql, fail, lambda: _in_part(round_, order)) as second:
        assert ok(second.result(), 200)["replayed"] is False
    assert round_.read(order)["status"] == "PARTIALLY_DELIVERED"


def test_cancelled_first(round_: Round, sql: Any) -> None:
    order = round_.order()

    def cancel(session: Session) -> None:
        cancel_order(session, admin(round_), UUID(order["id"]), "moved away")

    with meanwhile(round_, sql, cancel, lambda: round_.dairy.confirm(order)) as second:
        refused(second.result(), 400, "order_cancelled")
    assert round_.read(order)["status"] == "CANCELLED"


def test_confirmed_first(round_: Round, sql: Any) -> None:
    order = round_.order()

    def cancel() -> Any:
        return round_.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "moved away"})

    with meanwhile(round_, sql, confirming(round_, order), cancel) as second:
        # Judged after the lock, not refused by the constraint that would have stopped it too.
        assert refused(second.result(), 409, "illegal_transition")["detail"] == "The order is DELIVERED."
    assert round_.read(order)["status"] == "DELIVERED"


def test_issued_first(round_: Round, sql: Any) -> None:
    """The confirmation waits for the run and then joins the next draft, not the paper just issued."""
    round_.dairy.seller()
    early, late = round_.order(), round_.order()
    ok(round_.dairy.confirm(early), 200)
    with meanwhile(round_, sql, issuing(round_, "2026-11-20"), lambda: round_.dairy.confirm(late)) as second:
        ok(second.result(), 200)
    assert round_.read(early)["invoice"]["status"] == "issued"
    assert round_.read(late)["invoice"]["status"] == "draft"
    assert not any(leaks(sql).values())


def test_confirmed_before_the_run(round_: Round, sql: Any) -> None:
    """The run waits for the confirmation and then bills it too."""
    round_.dairy.seller()
    early, late = round_.order(), round_.order()
    ok(round_.dairy.confirm(early), 200)

    def run() -> Any:
        return bill(round_.dairy, "2026-11", through="2026-11-20")

    with meanwhile(round_, sql, confirming(round_, late), run) as second:
        assert second.result()["orders_billed"] == 2
    assert round_.read(late)["invoice"]["status"] == "issued"
    assert not any(leaks(sql).values())


def test_overlapping_sets_in_opposite_order(round_: Round, sql: Any) -> None:
    """Neither waits for the other in a circle, and each order is confirmed by exactly one of them."""
    customers = [round_.customer, *(round_.dairy.customer() for _ in range(3))]
    middle = sorted(UUID(customer["id"]) for customer in customers)[1]
    orders = [round_.dairy.order(customer, (round_.milk, "1")) for customer in customers * 2]
    bodies = [{"order_id": UUID(order["id"])} for order in orders]
    with ThreadPoolExecutor(2) as pool:
        # Both are held up half-way, each with what it has locked so far.
        with round_.dairy.app.database.transaction() as session:
            lock_customers(session, [middle])
            one, two = (pool.submit(confirm_set, round_.dairy, chosen) for chosen in (bodies, bodies[::-1]))
            while _waiting(sql) < 2:
                assert not one.done()
                assert not two.done()
        pairs = zip(one.result(), two.result()[::-1], strict=True)
    assert all(sorted([a.outcome, b.outcome]) == ["confirmed", "replayed"] for a, b in pairs)
    assert sql("SELECT count(*) FROM delivery_statuses") == [(8,)]
    assert not any(leaks(sql).values())


def _outcomes(round_: Round, order: Any, chance: random.Random) -> Iterator[Any]:
    """A day of one order: tries, repeats, cancellations, in an order that nobody planned."""
    path = f"/orders/{order['id']}/cancel"
    for _ in range(4):
        yield chance.choice(
            [
                lambda: round_.dairy.confirm(order),
                lambda: round_.dairy.confirm(order, items=round_.items("1", "0.5")),
                lambda: round_.dairy.confirm(order, status="not_delivered"),
                lambda: round_.dairy.confirm(order, by=round_.boy),
                lambda: round_.dairy.admin.post(path, {"reason": "x"}),
            ]
        )()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_eight_at_once(round_: Round, sql: Any) -> None:
    """Confirmations, cancellations, runs and voids of the same orders from eight threads: nothing leaks."""
    round_.dairy.seller()
    orders = [round_.order() for _ in range(16)]
    neighbour = round_.dairy.customer(delivery_boy_id=round_.boy.user["id"])
    orders += [round_.dairy.order(neighbour, (round_.milk, "2"), (round_.curd, "1.5")) for _ in range(8)]

    def bill_and_void() -> list[int]:
        answers = []
        for _ in range(6):
            run = {"period": "2026-11", "through": "2026-11-20", "confirm": True}
            answers.append(round_.dairy.admin.post("/billing/runs", run).status_code)
            for paper in ok(round_.dairy.admin.get("/invoices", status="issued"))["items"][:1]:
                void = round_.dairy.admin.post(f"/invoices/{paper['id']}/void", {"reason": "wrong"})
                answers.append(void.status_code)
        return answers

    def deliver(seed: int) -> list[int]:
        chance = random.Random(seed)
        mixed = chance.sample(orders, len(orders))
        return [answer.status_code for order in mixed for answer in _outcomes(round_, order, chance)]

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(deliver, seed) for seed in range(7)] + [pool.submit(bill_and_void)]
        answers = [status for each in done for status in each.result()]
    assert set(answers) <= {200, 201, 400, 409}
    assert {name: broken for name, broken in leaks(sql).items() if broken} == {}
    assert sql("SELECT count(*) FROM orders WHERE status = 'PENDING'") == [(0,)]
    # Whatever is still on a draft is billed by the last run; nothing delivered is left over.
    bill(round_.dairy, "2026-11", through="2026-11-20")
    assert {name: broken for name, broken in leaks(sql).items() if broken} == {}
    assert sql(
        "SELECT count(*) FROM orders o JOIN invoices i ON i.id = o.invoice_id WHERE o.delivered_on <= '2026-11-20'"
        " AND i.status <> 'issued' AND i.period_end <= '2026-11-20'"
    ) == [(0,)]
    numbers = sql("SELECT array_agg(sequence_no ORDER BY sequence_no), count(*) FROM invoices WHERE number <> ''")
    assert numbers[0][0] == list(range(1, numbers[0][1] + 1))
