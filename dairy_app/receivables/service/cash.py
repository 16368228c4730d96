"""Handing over the cash of a day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.receivables import bulk
from dairy_app.receivables.models import CashSettlement
from dairy_app.receivables.queries.cash import is_collector
from dairy_app.receivables.rules import check_day
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class CashHandover:
    """Cash that somebody hands over, collected up to the day ``settled_for`` (None: today)."""

    staff_id: UUID
    handed_over: Decimal
    settled_for: date | None = None
    notes: str | None = None


def settle_cash(session: Session, actor: Actor, wanted: CashHandover) -> CashSettlement:
    """Somebody hands over the cash of a day: everything collected up to it and not handed over before, less what he
    paid back to customers out of it.

    ``expected`` is summed under the lock of those payments and refunds. Raises ``user_not_found``, ``already_exists``
    when nothing is left to hand over (somebody else was first, or the button was pressed twice), ``in_use`` when more
    was paid back than collected: that waits for the next cash.
    """
    if not is_collector(session, wanted.staff_id):
        raise Problem("user_not_found", "No such member of staff.")
    day = today(session)
    settled_for = wanted.settled_for or day
    check_day("settled_for", settled_for, day, None)
    cash = bulk.lock_cash(session, wanted.staff_id, settled_for)
    paid_back = bulk.lock_paid_back(session, wanted.staff_id, settled_for)
    if not cash and not paid_back:
        raise Problem("already_exists", f"Everything collected up to {settled_for} has been handed over.")
    expected = sum(cash.values(), Decimal(0)) - sum(paid_back.values(), Decimal(0))
    if expected < 0:
        raise Problem("in_use", f"{-expected:.2f} more was paid back than collected; it is set off against later cash.")
    row = CashSettlement(
        staff_id=wanted.staff_id,
        settled_for=settled_for,
        expected=expected,
        handed_over=wanted.handed_over,
        notes=wanted.notes,
        settled_by=actor.user_id,
    )
    session.add(row)
    session.flush()
    bulk.settle_cash(session, row.id, list(cash), list(paid_back))
    return row
