"""``/refunds``: credit that is paid back."""

from typing import Any
from uuid import UUID

from dairy_app.receivables.models import Refund
from dairy_app.receivables.policy import hidden_refund_fields
from dairy_app.receivables.queries.refunds import get_visible_refund, refund_keys, refund_list, refund_view
from dairy_app.receivables.schemas.payments import ReversalIn
from dairy_app.receivables.schemas.refunds import RefundIn, RefundOut, RefundPage, RefundQuery
from dairy_app.receivables.service import refunds as service
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page

refunds = Blueprint("refunds", __name__, description="Credit that is paid back")


def _shown(refund: Refund) -> dict[str, Any]:
    """A refund as the caller may see it."""
    hidden = hidden_refund_fields(current_actor().role)
    return {name: value for name, value in refund_view(current_session(), refund).items() if name not in hidden}


@refunds.route("/refunds", methods=["POST"])
@idempotent
@refunds.arguments(RefundIn)
@refunds.response(201, RefundOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def pay_back(body: service.NewRefund) -> dict[str, Any]:
    """Record that a customer's credit, or a part of it, was paid back."""
    return _shown(service.pay_back(current_session(), current_actor(), body))


@refunds.route("/refunds")
@refunds.arguments(RefundQuery, location="query")
@refunds.response(200, RefundPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, may_lag=True)
def list_refunds(query: dict[str, Any]) -> Page:
    """Refunds, the latest first unless `sort` says otherwise. A customer sees its own."""
    actor, limit, cursor, sort = current_actor(), query.pop("limit"), query.pop("cursor"), query.pop("sort")
    page = read_page(
        current_session(), refund_list(actor, query), refund_keys(sort), limit=limit, cursor=cursor, sort=sort
    )
    hidden = hidden_refund_fields(actor.role)
    shown = [{name: value for name, value in row._mapping.items() if name not in hidden} for row in page.items]
    return Page(shown, page.next_cursor)


@refunds.route("/refunds/<uuid:refund_id>")
@etagged
@refunds.response(200, RefundOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def read_refund(refund_id: UUID) -> dict[str, Any]:
    """One refund."""
    return _shown(get_visible_refund(current_session(), current_actor(), refund_id))


@refunds.route("/refunds/<uuid:refund_id>/reverse", methods=["POST"])
@idempotent
@refunds.arguments(ReversalIn)
@refunds.response(200, RefundOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def reverse_refund(body: dict[str, Any], refund_id: UUID) -> dict[str, Any]:
    """Take a refund back (a transfer that came back); the customer has its credit again, the row stays."""
    reason, on = body["reason"], body["reversed_on"]
    return _shown(service.reverse_refund(current_session(), current_actor(), refund_id, reason=reason, on=on))
