"""Who may record, see and settle which money."""

from datetime import date

from sqlalchemy import ColumnElement, false, true

from dairy_app.common.errors import FieldError, Problem
from dairy_app.receivables.models import CashSettlement, Payment, Refund
from dairy_app.receivables.rules import NewPayment
from dairy_app.web.access import Actor, Role

OFFICE = frozenset({Role.ADMIN, Role.ACCOUNTANT})
#: Roles whose people stand at a door and may take cash there.
COLLECTORS = frozenset({Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.MARKETING_STAFF})
#: What the office notes about a payment is not the customer's business.
INTERNAL_FIELDS = frozenset(
    {"notes", "recorded_by", "reversed_by", "collected_by", "cash_settlement_id", "shared_link_id"}
)
INTERNAL_REFUND_FIELDS = frozenset({"recorded_by", "reversed_by", "paid_by", "cash_settlement_id"})
#: A delivery boy sees what he took, not how the customer stands.
LEDGER_FIELDS = frozenset({"allocations", "applications", "unapplied"})


def visible_payments(actor: Actor) -> ColumnElement[bool]:
    """The rows of ``payments`` an actor may see: the office all, a customer its own."""
    if actor.role in OFFICE:
        return true()
    if actor.role is Role.CUSTOMER and actor.customer_id is not None:
        return Payment.customer_id == actor.customer_id
    return false()


def visible_refunds(actor: Actor) -> ColumnElement[bool]:
    """The rows of ``refunds`` an actor may see: the office all, a customer its own."""
    if actor.role in OFFICE:
        return true()
    if actor.role is Role.CUSTOMER and actor.customer_id is not None:
        return Refund.customer_id == actor.customer_id
    return false()


def visible_settlements(actor: Actor) -> ColumnElement[bool]:
    """The rows of ``cash_settlements`` an actor may see: the office all, staff their own."""
    return true() if actor.role in OFFICE else CashSettlement.staff_id == actor.user_id


def hidden_payment_fields(role: Role) -> frozenset[str]:
    """The fields of a payment that ``role`` does not get."""
    if role in OFFICE:
        return frozenset()
    return LEDGER_FIELDS if role is Role.DELIVERY_BOY else INTERNAL_FIELDS


def hidden_refund_fields(role: Role) -> frozenset[str]:
    """The fields of a refund that ``role`` does not get."""
    return frozenset() if role in OFFICE else INTERNAL_REFUND_FIELDS


def check_payment(actor: Actor, wanted: NewPayment, today: date) -> None:
    """A delivery boy records cash that he took today himself, and does not choose what it settles.

    Raises ``forbidden``, naming the fields. Whose cash it is, is judged by whom he may see.
    """
    if actor.role in OFFICE:
        return
    errors = []
    if wanted.method != "cash":
        errors.append(FieldError("/method", "forbidden", "You may record cash only."))
    if wanted.received_on not in {None, today}:
        errors.append(FieldError("/received_on", "forbidden", f"You may record what you collected today, {today}."))
    if wanted.collected_by not in {None, actor.user_id}:
        errors.append(FieldError("/collected_by", "forbidden", "You may record what you collected yourself."))
    if wanted.allocations:
        errors.append(FieldError("/allocations", "forbidden", "The office chooses what a payment settles."))
    if errors:
        raise Problem("forbidden", " ".join(each.detail for each in errors), errors)
