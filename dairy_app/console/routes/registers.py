"""Bills, payments and credit notes of all customers: found by number, by customer, by month and by state."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flask import Response
from marshmallow import fields

from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import customers_found
from dairy_app.console.routes.frame import ListQuery, console
from dairy_app.invoices.models import INVOICE_STATUSES
from dairy_app.invoices.rules import month_bounds
from dairy_app.receivables.models import PAYMENT_METHODS, PAYMENT_STATUSES
from dairy_app.receivables.rules import PAYMENT_STATES
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import ask

WHO = (Role.ADMIN, Role.ACCOUNTANT)
ROWS = 50
#: A bill in any state.
ANY = "any"


class RegisterQuery(ListQuery):
    """Which month; all of them when none is named."""

    period = fields.String(validate=validate.Pattern(r"^(20[0-9]{2}-(0[1-9]|1[0-2]))?$"))


class BillsQuery(RegisterQuery):
    """Which bills: also by what is left to pay of them. Drafts and void ones come when they are asked for."""

    status = fields.String(validate=validate.OneOf(["", ANY, *INVOICE_STATUSES]))
    payment_status = fields.String(validate=validate.OneOf(["", *PAYMENT_STATES]))


class PaymentsQuery(RegisterQuery):
    """Which payments."""

    status = fields.String(validate=validate.OneOf(["", *PAYMENT_STATUSES]))
    by = fields.String(validate=validate.OneOf(["", *PAYMENT_METHODS]))


@console.route("/invoices")
@console.arguments(BillsQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def bills(query: dict[str, str]) -> Response:
    """Every bill, the latest month first. Issued ones, unless others are asked for or something is looked for."""
    query["status"] = query.get("status") or (ANY if query.get("q") else "issued")
    wanted = {name: query.get(name) or None for name in ("period", "payment_status")}
    wanted["status"] = query["status"] if query["status"] != ANY else None
    states = {"states": INVOICE_STATUSES, "payment_states": PAYMENT_STATES}
    return register("bills.html", "/invoices", ["number"], query, wanted, **states)


@console.route("/payments")
@console.arguments(PaymentsQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def payments(query: dict[str, str]) -> Response:
    """Every payment, also those that were taken back, the latest first; found by a bank's reference, too."""
    wanted: dict[str, Any] = {"status": query.get("status") or None, "method": query.get("by") or None}
    if query.get("period"):
        wanted["received_on[gte]"], wanted["received_on[lte]"] = month_bounds(query["period"])
    states = {"states": PAYMENT_STATUSES, "methods": PAYMENT_METHODS}
    return register("payments.html", "/payments", ["receipt_no", "reference"], query, wanted, **states)


@console.route("/credit-notes")
@console.arguments(RegisterQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def credit_notes(query: dict[str, str]) -> Response:
    """Every credit note, the latest first."""
    wanted = {"period": query.get("period") or None}
    return register("credit_notes.html", "/credit-notes", ["number"], query, wanted)


@console.route("/debit-notes")
@console.arguments(RegisterQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def debit_notes(query: dict[str, str]) -> Response:
    """Every debit note, the latest first."""
    wanted = {"period": query.get("period") or None}
    return register("debit_notes.html", "/debit-notes", ["number"], query, wanted)


def register(
    template: str, path: str, numbers: Sequence[str], query: dict[str, str], wanted: dict[str, Any], **names: Any
) -> Response:
    """The page of a list with its filters. ``numbers``: the API's filters that a number in the search may be."""
    typed = query.get("q", "").strip()
    sought, is_wide = _sought(path, numbers, typed) if typed else ({}, False)
    if sought is None:
        return frame.page(template, found={"items": []}, query=query, is_wide=False, **names)
    asked = wanted | sought | {"sort": query.get("sort"), "cursor": query.get("cursor")}
    found, said = frame.asked(path, limit=ROWS, **asked)
    return frame.page(template, said.pop("status"), found=found, query=query, is_wide=is_wide, **names, **said)


def _sought(path: str, numbers: Sequence[str], typed: str) -> tuple[dict[str, Any] | None, bool]:
    """What was typed as a filter: a number that some document has, else the customers whom its words find.

    None when it is nobody's. And whether only the first customers are looked through, of more that it finds.
    """
    for name in numbers if any(each.isdigit() for each in typed) else ():
        as_number = {name: typed.upper()}
        with suppress(Problem):  # what no number can be is none
            if ask(path, limit=1, **as_number)["items"]:
                return as_number, False
    whose, is_wide = customers_found(typed)
    return ({"customer_id": whose} if whose else None), is_wide
