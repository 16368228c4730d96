"""Merging two customers, and what it would come to."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.accounts.service import users as accounts
from dairy_app.business.queries import today
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.bulk import lock_to_merge
from dairy_app.merging import bulk, queries, rules
from dairy_app.receivables.queries.ledger import balances
from dairy_app.subscriptions.bulk.orders import follow_moves, lock_generation
from dairy_app.subscriptions.service.following import follow_customers


@dataclass(frozen=True, slots=True)
class Merge:
    """Into whom a customer shall be merged, and why."""

    into: UUID
    reason: str


def preview(session: Session, customer_id: UUID, into: UUID) -> dict[str, Any]:
    """What merging the first customer into the second would move and come to, and what stands in its way.

    Raises ``customer_not_found``, and ``validation_failed`` for one and the same customer.
    """
    customer, other = _both(session, customer_id, into)
    told = _told(session, customer, other)
    return told | {"refusals": _refusals(session, customer, other, told["balance_together"])}


def merge(session: Session, customer_id: UUID, wanted: Merge) -> dict[str, Any]:
    """Make everything of one customer the other's, for good. The same merge again is replayed and changes nothing.

    A login of the customer is kept by the other, if that one has none; else it ends: one household, one login. Raises
    ``customer_not_found``, ``validation_failed`` (one and the same), ``merge_refused`` with the ``reasons``.
    """
    lock_generation(session)  # before the customers, as whoever changes a standing order
    lock_to_merge(session, customer_id, wanted.into, *queries.billed_to(session, customer_id))
    customer, other = _both(session, customer_id, wanted.into)
    if customer["merged_into"] == wanted.into:
        return _told(session, customer, other) | {"refusals": [], "replayed": True}
    done = _told(session, customer, other) | {"refusals": []}
    refusals = _refusals(session, customer, other, done["balance_together"])
    if refusals:
        told = [{"code": each.code, "about": each.about, "detail": each.detail} for each in refusals]
        raise Problem("merge_refused", " ".join(each.detail for each in refusals), facts={"reasons": told})
    login = rules.login_after(customer, other)
    bulk.move(
        session,
        customer,
        other,
        user_id=customer["user_id"] if login == "kept" else other["user_id"],
        reason=wanted.reason,
        at=now(),
    )
    follow_customers(session, [wanted.into], "The customers were merged.")
    follow_moves(session, [wanted.into], today(session), [])
    if login == "ended":
        accounts.change_user(session, customer["user_id"], accounts.UserChange(is_active=False))
    merged = queries.customers_of(session, customer_id)[customer_id]
    return done | {"customer": merged, "replayed": False}


def _both(session: Session, customer_id: UUID, into: UUID) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    found = queries.customers_of(session, customer_id, into)
    if customer_id not in found or into not in found:
        raise Problem("customer_not_found")
    if customer_id == into:
        raise invalid("/into", "A customer cannot be merged into itself.")
    return found[customer_id], found[into]


def _refusals(
    session: Session, customer: Mapping[str, Any], other: Mapping[str, Any], together: Decimal
) -> list[rules.Refusal]:
    by_state = rules.refused_by_state(customer, other)
    if by_state:
        return by_state
    found = queries.hindrances(session, customer["id"], other["id"], today(session))
    return found + rules.refused_by_balance(together)


def _told(session: Session, customer: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    owed = balances(session, [customer["id"], other["id"]])
    before, others = owed.get(customer["id"], Decimal(0)), owed.get(other["id"], Decimal(0))
    return {
        "customer": customer,
        "into": other,
        "moving": queries.moving(session, customer["id"]),
        "balance": before,
        "balance_of_other": others,
        "balance_together": before + others,
        "login": rules.login_after(customer, other),
        "duplicates": queries.duplicates(session, customer["id"], other["id"], today(session)),
        "prices_that_yield": queries.prices_that_yield(session, customer["id"], other["id"]),
        "replayed": False,
    }
