"""Who goes which round, and in which order: the places of customers, and stand-ins of a day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.queries import active_user
from dairy_app.deliveries import bulk, queries
from dairy_app.web.access import Actor, Role


def put_in_sequence(session: Session, actor: Actor, customer_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Give the customers the places 10, 20, 30 … of their round; others keep theirs.

    Raises customer_not_found for a customer who is unknown or not on the actor's round, with its place, and then
    nothing is written.
    """
    lock_customers(session, customer_ids)
    _refuse_strangers(customer_ids, queries.visible_customer_ids(session, actor, customer_ids))
    bulk.put_in_sequence(session, customer_ids)
    return [
        {"customer_id": customer_id, "stop_sequence": 10 * place} for place, customer_id in enumerate(customer_ids, 1)
    ]


def put_round_in_sequence(
    session: Session, actor: Actor, delivery_boy_id: UUID, customer_ids: Sequence[UUID]
) -> Sequence[Mapping[str, Any]]:
    """The same for one delivery boy's round: what it is then. As many statements for many customers as for few.

    Raises user_not_found; customer_not_found for a customer who is not on this round, with its place.
    """
    bulk.lock_round(session, delivery_boy_id)
    there = queries.sequence_of(session, actor, delivery_boy_id)
    _refuse_strangers(customer_ids, {each["customer_id"] for each in there})
    bulk.put_in_sequence(session, customer_ids)
    return queries.sequence_of(session, actor, delivery_boy_id)


def join_round(
    session: Session, actor: Actor, delivery_boy_id: UUID, customer_ids: Sequence[UUID]
) -> Sequence[Mapping[str, Any]]:
    """Let customers join a delivery boy's round for good, behind those he has; the round as it is then.

    Their orders come with them, but for those that are out or given to somebody for the day. Raises
    user_not_found for somebody who is no active delivery boy; customer_not_found, with its place, and then nothing is
    written.
    """
    if not active_user(session, delivery_boy_id, Role.DELIVERY_BOY):
        raise Problem("user_not_found")
    lock_customers(session, customer_ids)
    _refuse_strangers(customer_ids, queries.visible_customer_ids(session, actor, customer_ids))
    bulk.join_round(session, delivery_boy_id, customer_ids)
    return queries.sequence_of(session, actor, delivery_boy_id)


def _refuse_strangers(customer_ids: Sequence[UUID], known: Collection[UUID]) -> None:
    unknown = [
        FieldError(f"/customer_ids/{place}", "customer_not_found", "No such customer on this round.")
        for place, customer_id in enumerate(customer_ids)
        if customer_id not in known
    ]
    if unknown:
        raise Problem("customer_not_found", f"{unknown[0].pointer}: {unknown[0].detail}", unknown)


@dataclass(frozen=True, slots=True)
class StandIn:
    """Who goes a round on one day in place of its delivery boy; None: he himself again."""

    delivery_boy_id: UUID
    stand_in_id: UUID | None
    delivery_date: date
    shift: str | None = None


def set_stand_in(session: Session, wanted: StandIn) -> dict[str, Any]:
    """Give the open orders of a round's customers on one day to a stand-in, or back. A repeat changes nothing.

    What is confirmed stays with whoever confirmed it; the customers stay with their delivery boy, and so do orders
    placed later. Raises validation_failed for a stand-in who is no active delivery boy.
    """
    if wanted.stand_in_id is not None and not active_user(session, wanted.stand_in_id, Role.DELIVERY_BOY):
        raise invalid("/stand_in_id", "Must be an active user of role delivery_boy.", "user_not_found")
    bulk.lock_round(session, wanted.delivery_boy_id)
    given = bulk.give_to_stand_in(
        session, wanted.delivery_boy_id, wanted.delivery_date, wanted.shift, wanted.stand_in_id
    )
    return {"customers": given.customers, "orders": given.orders}
