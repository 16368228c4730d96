"""One bill: what it is for, what is paid of it, its document, and voiding it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.documents.drawing.codes import code_of, runs
from dairy_app.documents.schemas import LanguageQuery
from dairy_app.outbox.models import CHANNELS
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits, ask, fetch

#: What a box of the form answers; the API's own words name its fields.
ASKED_BACK = frozenset({"invoice_paid", "return_filed"})
#: Credit notes or write-offs of a bill, or adjustments of a draft, that its page shows.
NOTES = 200
#: The latest messages about a bill.
MESSAGES = 20
WHO_SEES = (Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)


@console.route("/invoices/<uuid:invoice_id>")
@console.arguments(PageQuery, location="query")
@allow(*WHO_SEES, page=True)
def invoice(query: dict[str, str], invoice_id: UUID) -> Response:
    """A bill with its lines, deliveries and payments; a draft as it would be made now. A customer sees its own."""
    del query
    return invoice_page(invoice_id)


def invoice_page(invoice_id: UUID, opened: str | None = None, **names: Any) -> Response:
    """The page of a bill, with how it is paid and the messages about it.

    ``opened``: the form on it that was refused, or says what it would do.
    """
    own = f"/invoices/{invoice_id}"
    bill = ask(own)
    if bill["status"] == "issued":
        names["credit_notes"] = ask("/credit-notes", invoice_id=invoice_id, limit=NOTES)["items"]
        names["debit_notes"] = ask("/debit-notes", invoice_id=invoice_id, limit=NOTES)["items"]
        names["pay"] = ask(f"{own}/pay-links")
        names["codes"] = {name: _code(names["pay"][name]) for name in ("balance_link", "own_link")}
        if Decimal(bill["credit_applied"]) and admits("/write-offs"):
            names["write_offs"] = ask("/write-offs", invoice_id=invoice_id, limit=NOTES)["items"]
        if admits("/outbox"):
            names["messages"] = ask("/outbox", invoice_id=invoice_id, sort="-created_at", limit=MESSAGES)["items"]
            names["channels"] = CHANNELS
    elif bill["status"] == "draft" and admits("/adjustments"):
        names["adjustments"] = ask("/adjustments", invoice_id=invoice_id, limit=NOTES)["items"]
    return frame.page("invoice.html", invoice=bill, opened=opened, **names)


def _code(link: str | None) -> list[list[tuple[int, int]]]:
    """A link as rows of runs, to be drawn as a code to scan; nothing for none."""
    return [list(runs(row)) for row in code_of(link)] if link else []


@console.route("/invoices/<uuid:invoice_id>/pdf")
@console.arguments(LanguageQuery, location="query")
@allow(*WHO_SEES, page=True)
def invoice_pdf(query: dict[str, Any], invoice_id: UUID) -> Response:
    """The document as the customer gets it."""
    return fetch(f"/invoices/{invoice_id}/pdf", language=query["lang"])


@console.route("/invoices/<uuid:invoice_id>/void", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True)
def void_invoice(form: dict[str, str], invoice_id: UUID) -> Response:
    """Void a bill; what was delivered waits on a draft again."""
    address, voided = url_for("console.invoice", invoice_id=invoice_id), {}

    def void() -> None:
        ticked = {name: True for name in ("release_payments", "after_return") if form.get(name)}
        body = {**frame.fields_of(form, "reason"), **ticked}
        try:
            voided.update(act("POST", f"/invoices/{invoice_id}/void", body, key=form.get("key")))
        except Problem as problem:
            if problem.code not in ASKED_BACK:
                raise
            raise Problem(problem.code) from problem

    refused = frame.send(void, lambda **names: invoice_page(invoice_id, opened="void", **names), address)
    return refused or frame.done(address, "bill_voided", number=voided["number"])
