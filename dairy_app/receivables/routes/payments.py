"""``/payments``, ``/write-offs``, ``/opening-balances``, ``/cash-settlements``: money that comes in or is given up."""

from typing import Any
from uuid import UUID

from dairy_app.business.queries import today
from dairy_app.receivables.models import CashSettlement, OpeningBalance, Payment, WriteOff
from dairy_app.receivables.policy import OFFICE, hidden_payment_fields
from dairy_app.receivables.queries import payments as queries
from dairy_app.receivables.queries.cash import cash_to_hand_over, settlement_list
from dairy_app.receivables.queries.opening_balances import opening_balance_list
from dairy_app.receivables.queries.write_offs import write_off_list
from dairy_app.receivables.rules import NewPayment
from dairy_app.receivables.schemas.payments import (
    AllocationsIn,
    CashExpectedOut,
    CashExpectedQuery,
    CashSettlementIn,
    CashSettlementOut,
    CashSettlementPage,
    CashSettlementQuery,
    OpeningBalancePage,
    OpeningBalanceQuery,
    PaymentIn,
    PaymentOut,
    PaymentPage,
    PaymentQuery,
    ReversalIn,
    WriteOffIn,
    WriteOffOut,
    WriteOffPage,
    WriteOffQuery,
)
from dairy_app.receivables.service import cash, opening_balances, write_offs
from dairy_app.receivables.service import payments as service
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page

payments = Blueprint("payments", __name__, description="Money that came in, and what it settles")
receivables = Blueprint("receivables", __name__, description="Opening balances, write-offs, cash handed over")


def _shown(payment: Payment) -> dict[str, Any]:
    """A payment as the caller may see it."""
    session, hidden = current_session(), hidden_payment_fields(current_actor().role)
    view = queries.payment_view(session, payment, today(session))
    return {name: value for name, value in view.items() if name not in hidden}


@payments.route("/payments", methods=["POST"])
@idempotent
@payments.arguments(PaymentIn)
@payments.response(201, PaymentOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY)
def record_payment(body: NewPayment) -> dict[str, Any]:
    """Record money that came in; delivery staff record cash of their own round, taken today."""
    return _shown(service.record_payment(current_session(), current_actor(), body))


@payments.route("/payments")
@payments.arguments(PaymentQuery, location="query")
@payments.response(200, PaymentPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, may_lag=True)
def list_payments(query: dict[str, Any]) -> Page:
    """Payments, the latest first unless `sort` says otherwise. A customer sees its own."""
    actor, limit, cursor, sort = current_actor(), query.pop("limit"), query.pop("cursor"), query.pop("sort")
    found, keys = queries.payment_list(actor, query), queries.payment_keys(sort)
    page = read_page(current_session(), found, keys, limit=limit, cursor=cursor, sort=sort)
    hidden = hidden_payment_fields(actor.role)
    shown = [{name: value for name, value in row._mapping.items() if name not in hidden} for row in page.items]
    return Page(shown, page.next_cursor)


@payments.route("/payments/<uuid:payment_id>")
@etagged
@payments.response(200, PaymentOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def read_payment(payment_id: UUID) -> dict[str, Any]:
    """One payment, with what it settles as of today."""
    return _shown(queries.get_visible_payment(current_session(), current_actor(), payment_id))


@payments.route("/payments/<uuid:payment_id>/reverse", methods=["POST"])
@idempotent
@payments.arguments(ReversalIn)
@payments.response(200, PaymentOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def reverse_payment(body: dict[str, Any], payment_id: UUID) -> dict[str, Any]:
    """Take a payment back (a cheque that bounced); its allocations are released, its row stays."""
    reason, on = body["reason"], body["reversed_on"]
    return _shown(service.reverse_payment(current_session(), current_actor(), payment_id, reason=reason, on=on))


@payments.route("/payments/<uuid:payment_id>/allocations", methods=["POST"])
@idempotent
@payments.arguments(AllocationsIn)
@payments.response(201, PaymentOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def allocate(body: dict[str, Any], payment_id: UUID) -> dict[str, Any]:
    """Choose which invoices a payment settles from today on."""
    return _shown(service.allocate(current_session(), current_actor(), payment_id, body["allocations"]))


@payments.route("/payments/<uuid:payment_id>/allocations/<uuid:allocation_id>", methods=["DELETE"])
@payments.response(204)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def release_allocation(payment_id: UUID, allocation_id: UUID) -> None:
    """Take a choice back: from today on the money settles what is oldest."""
    service.release_allocation(current_session(), current_actor(), payment_id, allocation_id)


@receivables.route("/write-offs", methods=["POST"])
@idempotent
@receivables.arguments(WriteOffIn)
@receivables.response(201, WriteOffOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def write_off(body: write_offs.NewWriteOff) -> WriteOff:
    """Give up what is open of an invoice, or of whatever a customer owes; the document stays valid."""
    return write_offs.write_off(current_session(), current_actor(), body)


@receivables.route("/write-offs")
@receivables.arguments(WriteOffQuery, location="query")
@receivables.response(200, WriteOffPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def list_write_offs(query: dict[str, Any]) -> Page:
    """Write-offs, the latest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found, keys = write_off_list(query), [WriteOff.written_off_on, WriteOff.id]
    return read_page(current_session(), found, keys, limit=limit, cursor=cursor, descending=True)


@receivables.route("/opening-balances")
@receivables.arguments(OpeningBalanceQuery, location="query")
@receivables.response(200, OpeningBalancePage)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def list_opening_balances(query: dict[str, Any]) -> Page:
    """Opening balances in the order they were entered."""
    found = opening_balance_list(query["customer_id"])
    return read_page(current_session(), found, [OpeningBalance.id], limit=query["limit"], cursor=query["cursor"])


@receivables.route("/opening-balances/<uuid:opening_id>", methods=["DELETE"])
@receivables.response(204)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def take_back_opening_balance(opening_id: UUID) -> None:
    """Take back an opening balance that was entered wrongly, while its books are open; then enter it anew."""
    opening_balances.take_back(current_session(), current_actor(), opening_id)


@receivables.route("/cash-settlements/expected")
@receivables.arguments(CashExpectedQuery, location="query")
@receivables.response(200, CashExpectedOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY)
def read_expected_cash(query: dict[str, Any]) -> dict[str, Any]:
    """Who has how much cash to hand over; delivery staff see their own."""
    session, actor = current_session(), current_actor()
    through = query["date"] or today(session)
    staff = query["staff_id"] if actor.role in OFFICE else actor.user_id
    rows = cash_to_hand_over(session, through, staff)
    return {"date": through, "items": rows, "expected": sum(row["expected"] for row in rows)}


@receivables.route("/cash-settlements", methods=["POST"])
@idempotent
@receivables.arguments(CashSettlementIn)
@receivables.response(201, CashSettlementOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def settle_cash(body: cash.CashHandover) -> CashSettlement:
    """Take over the cash that somebody collected up to a day; the difference is the variance."""
    return cash.settle_cash(current_session(), current_actor(), body)


@receivables.route("/cash-settlements")
@receivables.arguments(CashSettlementQuery, location="query")
@receivables.response(200, CashSettlementPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, may_lag=True)
def list_cash_settlements(query: dict[str, Any]) -> Page:
    """Settlements, the latest first; delivery staff see their own."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = settlement_list(current_actor(), query)
    keys = [CashSettlement.settled_for, CashSettlement.id]
    return read_page(current_session(), found, keys, limit=limit, cursor=cursor, descending=True)
