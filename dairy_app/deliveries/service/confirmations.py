"""Confirming, correcting, starting and completing rounds.

The rules of one delivery are in ``sql/``, because they must be read after the lock.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem
from dairy_app.containers.rules import Empties
from dairy_app.deliveries import bulk, queries
from dairy_app.deliveries.rules import Confirmation, Confirmer, Delivered, RoundDone, Scope, Unread
from dairy_app.web.access import Actor, Role

#: A phone's clock may be this fast.
FAST_CLOCK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one confirmation: ``confirmed``, ``replayed`` or ``rejected`` with a code.

    ``order_status`` and ``delivery_status`` are as they stand now, None for an order the caller may not see.
    """

    index: int
    order_id: UUID | None
    outcome: str
    code: str | None
    detail: str | None
    order_status: str | None
    delivery_status: dict[str, Any] | None
    errors: Sequence[FieldError] = ()
    #: The order of the extra items that were confirmed with it.
    extra_order_id: UUID | None = None

    @property
    def replayed(self) -> bool:
        return self.outcome == "replayed"

    def raise_if_rejected(self) -> None:
        """Raise what a single confirmation answers; a batch lists it instead."""
        if self.code is not None:
            raise Problem(self.code, self.detail or "")


def confirm(
    session: Session, confirmer: Confirmer, scope: Scope, confirmations: Sequence[Confirmation]
) -> list[Outcome]:
    """Confirm a set of deliveries, each on its own: what one is refused for does not touch the others.

    One statement for the whole set. A confirmation of an order out of ``scope`` is order_not_found. The
    same order twice in a set is judged one after the other.
    """
    rows = bulk.confirm_deliveries(session, confirmations, confirmer, scope, at=now())
    if len(rows) != len(confirmations):
        raise LookupError("a confirmation was not judged")
    return [
        Outcome(
            index=row.item_index,
            order_id=row.order_id,
            outcome=row.outcome,
            code=row.code,
            detail=row.detail,
            order_status=row.order_status,
            delivery_status=bulk.read_status(row.delivery_status),
            extra_order_id=row.extra_order_id,
        )
        for row in rows
    ]


def confirm_batch(
    session: Session, confirmer: Confirmer, scope: Scope, batch: Sequence[Confirmation | Unread]
) -> dict[str, Any]:
    """Confirm a batch, of which some may be unreadable: counts, and a result for each in the order sent.

    As many statements as ``confirm``: what is unread is rejected as validation_failed and nothing else.
    """
    readable = [(index, each) for index, each in enumerate(batch) if not isinstance(each, Unread)]
    outcomes = confirm(session, confirmer, scope, [each for _, each in readable])
    results = [replace(outcome, index=readable[outcome.index][0]) for outcome in outcomes]
    results += [_rejected(index, each) for index, each in enumerate(batch) if isinstance(each, Unread)]
    counts = Counter(result.outcome for result in results)
    return {
        **{name: counts[name] for name in ("confirmed", "replayed", "rejected")},
        "results": sorted(results, key=lambda result: result.index),
    }


def _rejected(index: int, unread: Unread) -> Outcome:
    first = unread.errors[0]
    detail = f"{first.pointer or 'confirmation'}: {first.detail}"
    return Outcome(index, unread.order_id, "rejected", "validation_failed", detail, None, None, unread.errors)


@dataclass(frozen=True, slots=True)
class Correction:
    """What was really delivered, and why it was said otherwise: ``items``, or status ``not_delivered``.

    ``empties``: what came back after all; None: as it was told.
    """

    reason: str
    items: Sequence[Delivered] | None = None
    status: str | None = None
    empties: Sequence[Empties] | None = None


def correct(session: Session, actor: Actor, order_id: UUID, wanted: Correction) -> Outcome:
    """Say anew what was delivered of a confirmed order, with a reason, while its invoice is a draft.

    What was delivered joins or leaves the customer's draft; what is
    said already is replayed. A delivery boy corrects his own orders, on the day of the delivery only. Raises
    order_not_found, illegal_transition (not confirmed yet), forbidden, invoice_issued, product_not_in_order,
    quantity_exceeds_ordered, validation_failed (a product unnamed or named twice), container_not_found,
    more_back_than_out (also when so much is taken back that more came back than went out).
    """
    is_boy = actor.role == Role.DELIVERY_BOY
    row = bulk.correct_delivery(
        session,
        order_id,
        wanted.items,
        wanted.empties,
        wanted.reason,
        corrected_by=actor.user_id,
        boy=actor.user_id if is_boy else None,
        only_on=today(session) if is_boy else None,
        at=now(),
    )
    status = bulk.read_status(row.delivery_status)
    outcome = Outcome(0, order_id, row.outcome, row.code, row.detail, row.order_status, status)
    outcome.raise_if_rejected()
    return outcome


def complete_round(session: Session, confirmer: Confirmer, scope: Scope, wanted: RoundDone) -> dict[str, Any]:
    """Confirm every open order of one day's round in full, but the exceptions: four statements, any size.

    ``scope`` is of one day, whatever round ``wanted`` means. What is not open any more is left as it is, so that
    a repeat changes nothing; but an order that was confirmed with other empties than are told now is rejected. Raises
    delivery_date_in_future; order_not_found for an exception, or an order with empties, that is not of the round, with
    its place, and then nothing is confirmed.
    """
    at = now()
    completed_at = wanted.completed_at or at
    _refuse_future(session, scope)
    if completed_at > at + FAST_CLOCK:
        raise Problem("delivery_date_in_future", "completed_at is in the future.")
    locked = set(bulk.lock_customers_of_open_orders(session, scope))
    orders = {row.id: row for row in queries.orders_of_round(session, scope)}
    excepted = _of_round("except", wanted.excepted, orders)
    empties: dict[UUID, list[Empties]] = {}
    _of_round("empties", [each.order_id for each in wanted.empties], orders)
    for each in wanted.empties:
        empties.setdefault(each.order_id, []).append(each)
    waiting = {row.id for row in orders.values() if row.status in queries.OPEN and row.customer_id in locked}
    wanted_ids = sorted((waiting | empties.keys()) - excepted)
    done = bulk.deliver_in_full(
        session, wanted_ids, confirmer, scope, empties=empties, delivered_at=completed_at, at=at
    )
    return {
        "confirmed": done.confirmed,
        "skipped": len(waiting & excepted),
        "rejected": len(done.rejected),
        "results": done.rejected,
    }


def _of_round(field: str, named: Sequence[UUID], orders: Mapping[UUID, Any]) -> set[UUID]:
    unknown = [
        FieldError(f"/{field}/{place}", "order_not_found", "No such order in this round.")
        for place, order_id in enumerate(named)
        if order_id not in orders
    ]
    if unknown:
        raise Problem("order_not_found", f"{unknown[0].pointer}: {unknown[0].detail}", unknown)
    return set(named)


def start_round(session: Session, scope: Scope) -> dict[str, int]:
    """Send the waiting orders of one day's round out: PENDING become OUT_FOR_DELIVERY. A repeat changes nothing.

    Raises delivery_date_in_future.
    """
    _refuse_future(session, scope)
    locked = bulk.lock_customers_of_open_orders(session, scope)
    row = bulk.start_orders(session, scope, locked)
    return {"started": row.started, "already": row.already}


def _refuse_future(session: Session, scope: Scope) -> None:
    day: date | None = scope.first_day
    if day is not None and day > today(session):
        raise Problem("delivery_date_in_future", f"{day} is in the future.")
