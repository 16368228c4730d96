"""Kinds of containers, and what the office enters of them. The customer's row is locked first."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.changes import sent
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.containers.bulk import insert_container, insert_movement, update_container
from dairy_app.containers.queries import balance_of, get_container, movement_view
from dairy_app.containers.rules import ContainerChange, Entry, Loss, NewContainer
from dairy_app.customers.queries import get_visible_customer
from dairy_app.invoices.service.adjustments import NewAdjustment, add_adjustment
from dairy_app.orders.bulk import lock_with_payers
from dairy_app.web.access import Actor

#: An older day is a slip in the year.
OLDEST_ENTRY = timedelta(days=366)


def create_container(session: Session, wanted: NewContainer) -> Row[Any]:
    """A new kind of container. Raises ``already_exists``."""
    made = insert_container(session, {"name": wanted.name, "deposit": wanted.deposit})
    return get_container(session, made)


def change_container(session: Session, container_id: UUID, asked: ContainerChange) -> Row[Any]:
    """Change name or deposit; what was charged stays. Raises ``container_not_found``, ``already_exists``."""
    get_container(session, container_id)
    changes = sent(asked)
    if changes:
        update_container(session, container_id, changes)
    return get_container(session, container_id)


def enter_back(session: Session, actor: Actor, customer_id: UUID, wanted: Entry) -> dict[str, Any]:
    """Containers that came back without a delivery.

    Raises ``customer_not_found``, ``container_not_found``, ``more_back_than_out``, ``validation_failed`` (the day).
    """
    get_visible_customer(session, actor, customer_id, lock=True)
    get_container(session, wanted.container_id)
    _require_there(session, customer_id, wanted.container_id, wanted.count)
    return _enter(session, actor, customer_id, wanted, back=wanted.count)


def enter_out(session: Session, actor: Actor, customer_id: UUID, wanted: Entry) -> dict[str, Any]:
    """Containers that a customer has without a counted delivery: from before they were counted, or found again."""
    get_visible_customer(session, actor, customer_id, lock=True)
    get_container(session, wanted.container_id)
    return _enter(session, actor, customer_id, wanted, out=wanted.count)


def enter_lost(session: Session, actor: Actor, customer_id: UUID, wanted: Loss) -> dict[str, Any]:
    """Containers that will not come back: off the balance, and their deposits onto the draft of who pays.

    In one transaction. Raises what ``enter_back`` and ``add_adjustment`` raise; ``validation_failed`` for a charge of a
    container without a deposit.
    """
    get_visible_customer(session, actor, customer_id)
    lock_with_payers(session, [customer_id])
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    container = get_container(session, wanted.container_id)
    _require_there(session, customer_id, wanted.container_id, wanted.count)
    adjustment_id = None
    if wanted.charge:
        if container.deposit == 0:
            raise invalid("/charge", f"{container.name} has no deposit to charge.")
        charge = NewAdjustment(
            customer_id=customer.billed_to or customer_id,
            kind="charge",
            description=f"{wanted.count} × {container.name}" + (f", {customer.name}" if customer.billed_to else ""),
            amount=wanted.count * container.deposit,
            reason=wanted.reason,
            tax_class=wanted.tax_class,
            adjusted_on=wanted.day,
        )
        adjustment_id = add_adjustment(session, actor, charge)["id"]
    entry = Entry(wanted.container_id, wanted.count, wanted.reason, wanted.day)
    return _enter(session, actor, customer_id, entry, lost=wanted.count, adjustment_id=adjustment_id)


def _require_there(session: Session, customer_id: UUID, container_id: UUID, count: int) -> None:
    there = balance_of(session, customer_id, container_id)
    if count > there:
        detail = f"The customer has {there}."
        raise Problem("more_back_than_out", detail, [FieldError("/count", "more_back_than_out", detail)])


def _enter(session: Session, actor: Actor, customer_id: UUID, entry: Entry, **counts: Any) -> dict[str, Any]:
    row = {
        "customer_id": customer_id,
        "container_id": entry.container_id,
        "day": _day(session, entry.day),
        "by": actor.user_id,
        "reason": entry.reason,
    }
    return movement_view(session, insert_movement(session, row | counts))


def _day(session: Session, wanted: date | None) -> date:
    current = today(session)
    if wanted is not None and not current - OLDEST_ENTRY <= wanted <= current:
        raise invalid("/day", f"Must be between {current - OLDEST_ENTRY} and {current}.")
    return wanted or current
