"""What a dairy's days bring beside deliveries: charges, credit notes, a void invoice, pauses, who starts, who stops."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.billing.rules.crediting import LineCredit
from dairy_app.billing.service.crediting import NoteRequest, issue_credit_note
from dairy_app.billing.service.invoices import VoidRequest, void_invoice
from dairy_app.common.changes import UNSET
from dairy_app.customers.service import customers
from dairy_app.demo import queries
from dairy_app.invoices.rules import month_bounds
from dairy_app.invoices.service.adjustments import NewAdjustment, add_adjustment
from dairy_app.receivables.service.cash import CashHandover, settle_cash
from dairy_app.sharing.models import ChangeRequest
from dairy_app.sharing.rules.links import payload_of
from dairy_app.subscriptions.rules.wishes import NewClosedDay, NewPause
from dairy_app.subscriptions.service import standing_orders as subscriptions
from dairy_app.subscriptions.service.closed_days import close_day
from dairy_app.subscriptions.service.pauses import add_pause
from dairy_app.web.access import Actor

#: A holiday of the days to come, and the day that gets its milk.
FESTIVAL, FESTIVAL_EVE = timedelta(days=10), timedelta(days=9)
#: Which of the sample's customers, by their place.
LENT_A_CAN, ON_TRIAL, GONE, AWAY, ASKING = 1, 3, 4, 5, 6


def happen(session: Session, day: date, period: str, admin: Actor, boy: UUID) -> UUID | None:
    """Everything in one transaction; nothing when it is there. The customer whose bill of ``period`` was voided."""
    if queries.is_eventful(session):
        return None
    households = queries.households(session)
    _adjust(session, admin, households[LENT_A_CAN])
    _come_and_go(session, admin, households, day)
    _ask(session, households[ASKING], boy, day)
    close_day(session, admin, NewClosedDay(day + FESTIVAL, "Festival: the dairy rests", deliver_on=day + FESTIVAL_EVE))
    _hand_over(session, admin)
    return _correct(session, admin, period)


def _adjust(session: Session, admin: Actor, customer: UUID) -> None:
    can = ("charge", "Milk can, deposit", Decimal(150), "Lent a can")
    late = ("discount", "Late mornings", Decimal(-20), "The van broke down")
    for said in (can, late):
        add_adjustment(session, admin, NewAdjustment(customer, *said, tax_class="milk_fresh"))


def _come_and_go(session: Session, admin: Actor, households: list[UUID], day: date) -> None:
    begun = day - timedelta(days=2)
    for place, status, start in ((ON_TRIAL, "trial", begun), (GONE, "stopped", UNSET)):
        change = customers.CustomerChange(status=status, trial_start_date=start)
        subscriptions.change_customer(session, admin, households[place], change)
    away = NewPause(day + timedelta(days=2), day + timedelta(days=6), "A wedding in Nashik")
    add_pause(session, admin, queries.standing_order_of(session, households[AWAY]), away)


def _ask(session: Session, customer: UUID, boy: UUID, day: date) -> None:
    wanted = {"from": day + timedelta(days=3), "to": day + timedelta(days=5)}
    pause = {"kind": "pause", "customer_id": customer, "payload": payload_of("pause", wanted)}
    session.add(ChangeRequest(**pause, note="Asked at the door", asked_by_user_id=boy))
    session.flush()


def _hand_over(session: Session, admin: Actor) -> None:
    """The one who carries least hands it over, ten rupees short; the others still have theirs."""
    for cash in queries.cash_at_doors(session)[:1]:
        settle_cash(session, admin, CashHandover(cash.staff_id, cash.amount - 10, notes="Ten rupees short"))


def _correct(session: Session, admin: Actor, period: str) -> UUID | None:
    """One bill is made void, one gets a note for goods, one for an amount."""
    voided = None
    for place, bill in enumerate(queries.bills_to_correct(session, *month_bounds(period))):
        if place == 0:
            void_invoice(session, admin, bill.id, VoidRequest("Another house's milk stood on it"))
            voided = bill.customer_id
            continue
        taken = LineCredit(1, quantity=Decimal(1)) if place == 1 else LineCredit(1, amount=Decimal("12.50"))
        reason = "A litre was sour" if place == 1 else "Agreed on the telephone"
        issue_credit_note(session, admin, NoteRequest(bill.id, reason, [taken]))
    return voided
