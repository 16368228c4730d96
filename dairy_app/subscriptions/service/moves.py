"""Moves of customers that are known before: from their day on the orders follow, then the customer itself."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers import bulk as customers
from dairy_app.customers.models import CustomerMove
from dairy_app.customers.queries import active_user, customers_moving, get_move, get_visible_customer
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.service.following import follow_customers
from dairy_app.web.access import Actor, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMove:
    """What is different with a customer from the day ``first`` on; what is UNSET stays as it is.

    With ``address_line1`` second line and map are the new door's, or none. The state stays: it decides the tax.
    """

    first: date
    address_line1: str | Unset = UNSET
    address_line2: str | Unset = UNSET
    city: str | Unset = UNSET
    pincode: str | Unset = UNSET
    map_link: str | Unset = UNSET
    area_id: UUID | Unset = UNSET
    delivery_boy_id: UUID | Unset = UNSET
    stop_sequence: int | Unset = UNSET


def plan_move(session: Session, actor: Actor, customer_id: UUID, wanted: NewMove) -> CustomerMove:
    """Let a customer move on a day to come. Orders of that day and later that exist and did not start follow at once.

    Raises customer_not_found, area_not_found, already_exists for a second move on that day, validation_failed for
    today or before (then the customer itself is changed) and for somebody who is no active delivery boy.
    """
    bulk.hold_generation(session)
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    day = today(session)
    if wanted.first <= day:
        detail = f"Must be after today, {day}. What holds from today on is changed in the customer itself."
        raise invalid("/from", detail, "too_early")
    row = sent(wanted)
    row["moves_on"] = row.pop("first")
    helper = row.get("delivery_boy_id")
    if helper is not None and not active_user(session, helper, Role.DELIVERY_BOY):
        raise invalid("/delivery_boy_id", "Must be an active user of role delivery_boy.", "user_not_found")
    made = customers.insert_move(session, {"customer_id": customer.id, "entered_by": actor.user_id, **row})
    bulk.follow_moves(session, [customer.id], wanted.first, [])
    return get_move(session, customer.id, made)


def take_back(session: Session, actor: Actor, customer_id: UUID, move_id: UUID) -> None:
    """Take back a move while its day is to come; its orders go to the door of before again.

    Raises customer_not_found, move_not_found, illegal_transition from its day on.
    """
    bulk.hold_generation(session)
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    move = get_move(session, customer.id, move_id)
    if move.applied_at is not None or move.moves_on <= today(session):
        raise Problem("illegal_transition", f"The customer moved on {move.moves_on}; change the customer itself.")
    helpers = [] if move.delivery_boy_id is None else [move.delivery_boy_id]
    customers.delete_move(session, move.id)
    bulk.follow_moves(session, [customer.id], move.moves_on, helpers)


def apply_due(session: Session, day: date) -> None:
    """Give customers for good what their moves up to ``day`` say, the later over the earlier. A repeat changes nothing.

    The caller holds the lock of the generation. One statement when nobody moves, a few for any number of moves.
    """
    moving = customers_moving(session, day)
    if not moving:
        return
    customers.lock_customers(session, moving)
    applied = customers.apply_moves(session, moving, day, now())
    helpers = [each.delivery_boy_id for each in applied if each.delivery_boy_id is not None]
    bulk.follow_moves(session, moving, min((each.moves_on for each in applied), default=day), helpers)
    session.expire_all()
    follow_customers(session, moving, "The customer moved.")
