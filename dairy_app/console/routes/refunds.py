"""Paying a customer's credit back: what it does is told first. And every refund, with the way to take it back."""

from typing import Any
from uuid import UUID

from flask import Response, g, url_for
from marshmallow import fields

from dairy_app.console.routes import frame
from dairy_app.console.routes.credits import balance_of
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.console.routes.registers import RegisterQuery, register
from dairy_app.invoices.rules import month_bounds
from dairy_app.receivables.models import PAYMENT_METHODS, REFUND_STATUSES
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits, ask, tried

WHO = (Role.ADMIN, Role.ACCOUNTANT)


class RefundsQuery(RegisterQuery):
    """Which refunds."""

    status = fields.String(validate=validate.OneOf(["", *REFUND_STATUSES]))
    by = fields.String(validate=validate.OneOf(["", *PAYMENT_METHODS]))


@console.route("/customers/<uuid:customer_id>/pay-back")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def pay_back(query: dict[str, Any], customer_id: UUID) -> Response:
    """What a customer has in credit, and paying it back."""
    del query
    return _pay_back_page(customer_id)


@console.route("/customers/<uuid:customer_id>/pay-back", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def enter_refund(form: dict[str, str], customer_id: UUID) -> Response:
    """Look at what a refund does, or enter what was looked at as it is typed now."""
    typed, found, before = frame.as_typed(form), dict[str, Any](), balance_of(customer_id)
    body = {
        "customer_id": str(customer_id),
        **frame.fields_of(form, "amount", "method", "paid_by", "paid_on", "reference", "reason"),
    }

    def is_as_seen() -> bool:
        return form.get("do") == "give" and (form.get("looked"), form.get("after")) == (typed, found["after"])

    def give() -> None:
        with tried(unless=is_as_seen):
            found["made"] = act("POST", "/refunds", body, key=form.get("key"))
            found["after"] = balance_of(customer_id)

    address = url_for("console.pay_back", customer_id=customer_id)
    refused = frame.send(give, lambda **names: _pay_back_page(customer_id, **names), address)
    if refused is not None:
        return refused
    if not is_as_seen():
        g.form_is_on = address
        return _pay_back_page(customer_id, form=form, looked=typed, effect=found | {"before": before})
    rupees, made = frame.figures().rupees, found["made"]
    amounts = {"amount": rupees(made["amount"]), "after": rupees(credit_in(found["after"]))}
    customer = url_for("console.customer", customer_id=customer_id)
    return frame.done(f"{customer}#ledger", "refund", number=made["voucher_no"], **amounts)


def credit_in(balance: str) -> str:
    """The credit that a balance below 0 is, in rupees."""
    return balance.removeprefix("-") if balance.startswith("-") else "0.00"


def _pay_back_page(customer_id: UUID, **names: Any) -> Response:
    names |= {"customer": ask(f"/customers/{customer_id}"), "credit": credit_in(balance_of(customer_id))}
    if admits("/users"):
        helpers = ask("/users", role=Role.DELIVERY_BOY.value, is_active="true", limit=200)["items"]
        names["collectors"] = [(each["id"], each["name"]) for each in helpers]
    return frame.page("pay_back.html", methods=PAYMENT_METHODS, credit_in=credit_in, **names)


@console.route("/refunds")
@console.arguments(RefundsQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def refunds(query: dict[str, str]) -> Response:
    """Every refund, also those that were taken back, the latest first; found by a bank's reference, too."""
    wanted: dict[str, Any] = {"status": query.get("status") or None, "method": query.get("by") or None}
    if query.get("period"):
        wanted["paid_on[gte]"], wanted["paid_on[lte]"] = month_bounds(query["period"])
    states = {"states": REFUND_STATUSES, "methods": PAYMENT_METHODS}
    return register("refunds.html", "/refunds", ["voucher_no", "reference"], query, wanted, **states)


@console.route("/refunds/<uuid:refund_id>")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def refund(query: dict[str, str], refund_id: UUID) -> Response:
    """One refund: whose, why, and taking it back."""
    del query
    return _refund_page(refund_id)


def _refund_page(refund_id: UUID, **names: Any) -> Response:
    return frame.page("refund.html", refund=ask(f"/refunds/{refund_id}"), **names)


@console.route("/refunds/<uuid:refund_id>/reverse", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def take_back_refund(form: dict[str, str], refund_id: UUID) -> Response:
    """Take a refund back: the money came back, a slip of the hand. Its row stays."""
    address, taken = url_for("console.refund", refund_id=refund_id), {}

    def reverse() -> None:
        body = frame.fields_of(form, "reason", "reversed_on")
        taken.update(act("POST", f"/refunds/{refund_id}/reverse", body, key=form.get("key")))

    refused = frame.send(reverse, lambda **names: _refund_page(refund_id, **names), address)
    return refused or frame.done(address, "refund_taken_back", number=taken["voucher_no"])
