"""Charges and discounts on a draft, before it is issued."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, require_open_books, today
from dairy_app.catalogue.queries import is_unrated
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.queries import get_visible_customer
from dairy_app.invoices.bulk import delete_row, draft_of
from dairy_app.invoices.models import Adjustment
from dairy_app.invoices.queries.adjustments import end_of_running_period, get_adjustment
from dairy_app.web.access import Actor

#: An older day is a slip in the year: it would open, and number, a document of a year long filed.
OLDEST_ADJUSTMENT = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class NewAdjustment:
    """A charge (above 0), a discount (below 0) or a correction, in rupees; ``adjusted_on`` None: today."""

    customer_id: UUID
    kind: str
    description: str
    amount: Decimal
    reason: str
    tax_class: str | None = None
    adjusted_on: date | None = None


def add_adjustment(session: Session, actor: Actor, wanted: NewAdjustment) -> dict[str, Any]:
    """Put a charge or a discount on the customer's draft of a day, which is opened when there is none.

    Any day up to the end of the billing period that runs; one of an issued document joins the next draft, as a late
    delivery does. ``period_closed`` in closed books; ``payer_refused`` for whom another pays: what is charged or taken
    off by hand is on that one's document.
    """
    customer = get_visible_customer(session, actor, wanted.customer_id, lock=True)
    if customer.billed_to is not None:
        payer = get_visible_customer(session, actor, customer.billed_to)
        raise Problem("payer_refused", f"{customer.name} is billed to {payer.name} ({payer.code}): put it there.")
    current = today(session)
    day = wanted.adjusted_on or current
    _refuse_day(session, customer.id, day, current)
    _require_class(session, wanted.tax_class, day, current)
    draft = draft_of(session, customer.id, day)
    row = Adjustment(
        customer_id=customer.id,
        kind=wanted.kind,
        description=wanted.description,
        amount=wanted.amount,
        tax_class=wanted.tax_class,
        adjusted_on=day,
        reason=wanted.reason,
        invoice_id=draft,
        created_by=actor.user_id,
    )
    session.add(row)
    session.flush()
    return get_adjustment(session, row.id)


def _require_class(session: Session, named: str | None, day: date, current: date) -> None:
    """What is charged or taken off follows goods, whose class says the tax: the one named, else the settings'.

    One without a rate would hold back all of the customer's bill. Where the invoice's date decides, which is not known
    yet, the rate must be in force today.
    """
    dairy = business_settings(session)
    chosen = named or dairy.default_adjustment_class
    if dairy.gst_scheme != "regular":
        return
    if chosen is None:
        raise invalid("/tax_class", "Name the tax class of the goods, or set default_adjustment_class.", "required")
    rate_day = day if dairy.tax_rate_date == "delivery_date" else max(day, current)
    if is_unrated(session, chosen, rate_day):
        detail = f"{chosen} has no rate on {rate_day}: name the class of the goods, or enter its rate."
        raise invalid("/tax_class", detail)


def _refuse_day(session: Session, customer_id: UUID, day: date, current: date) -> None:
    last = end_of_running_period(session, customer_id, current)
    if not current - OLDEST_ADJUSTMENT <= day <= last:
        raise invalid("/adjusted_on", f"Must be between {current - OLDEST_ADJUSTMENT} and {last}.")
    require_open_books(session, day)


def delete_adjustment(session: Session, adjustment_id: UUID) -> None:
    """Take an adjustment off a draft; ``invoice_issued`` once its document has a number."""
    found = get_adjustment(session, adjustment_id)
    lock_customers(session, [found["customer_id"]])
    status = get_adjustment(session, adjustment_id)["invoice_status"]
    if status != "draft":
        raise Problem("invoice_issued", "The adjustment is on an issued invoice; correct it by credit note.")
    delete_row(session, adjustment_id)
