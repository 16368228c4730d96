"""``/invoices``: lists, single documents, voiding, the answer of the invoice portal."""

from typing import Any
from uuid import UUID

from dairy_app.billing.queries.invoices import invoice_list
from dairy_app.billing.rules.e_invoices import AnswerFile, answers_in
from dairy_app.billing.schemas.invoices import (
    EInvoiceFileIn,
    EInvoiceIn,
    EInvoicesRegistered,
    InvoiceOut,
    InvoicePage,
    InvoiceQuery,
    VoidIn,
    VoidOut,
)
from dairy_app.billing.service import invoices as service
from dairy_app.business.queries import today
from dairy_app.invoices.queries.invoices import get_visible_invoice, invoice_keys
from dairy_app.invoices.service import e_invoices
from dairy_app.receivables.queries.settled import with_settlement
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page

invoices = Blueprint("invoices", __name__, description="Invoices: drafts, issued, void")


@invoices.route("/invoices")
@invoices.arguments(InvoiceQuery, location="query")
@invoices.response(200, InvoicePage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, may_lag=True)
def list_invoices(query: dict[str, Any]) -> Page:
    """Invoices with what is paid, the latest period first unless `sort` says otherwise.

    A customer sees its own issued and void ones. Sorted by a date or a total that they have not yet, drafts stand at
    the end of their period, or at 0.
    """
    session, limit, cursor, sort = current_session(), query.pop("limit"), query.pop("cursor"), query.pop("sort")
    as_of = today(session)
    found, keys = invoice_list(current_actor(), **query, as_of=as_of), invoice_keys(sort)
    page = read_page(session, found.add_columns(*keys[:-1]), keys, limit=limit, cursor=cursor, sort=sort)
    return Page(with_settlement(session, [row._mapping for row in page.items], as_of), page.next_cursor)


@invoices.route("/invoices/<uuid:invoice_id>")
@etagged
@invoices.response(200, InvoiceOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def read_invoice(invoice_id: UUID) -> dict[str, Any]:
    """One invoice with its lines, day-wise deliveries and payments; a draft as it would be issued now."""
    return service.read_invoice(current_session(), current_actor(), invoice_id)


@invoices.route("/invoices/<uuid:invoice_id>/e-invoice", methods=["PUT"])
@invoices.arguments(EInvoiceIn)
@invoices.response(200, InvoiceOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def register_e_invoice(answer: e_invoices.PortalAnswer, invoice_id: UUID) -> dict[str, Any]:
    """Keep what the government's portal answered when this tax invoice was registered; written once."""
    session, actor = current_session(), current_actor()
    e_invoices.register_e_invoice(session, actor, invoice_id, answer)
    return service.read_invoice(session, actor, invoice_id)


@invoices.route("/invoices/e-invoices", methods=["PUT"])
@invoices.arguments(EInvoiceFileIn)
@invoices.response(200, EInvoicesRegistered)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def register_e_invoices(file: AnswerFile) -> dict[str, Any]:
    """Keep the government's portal's file of answers: IRN, receipt and QR code of many invoices and credit notes.

    All of it or nothing: of a file with a fault every line that is wrong is named. The same IRN again is no fault.
    """
    items = e_invoices.register_e_invoices(current_session(), answers_in(file))
    known = sum(each["was_known"] for each in items)
    return {"registered": len(items) - known, "known": known, "items": items}


@invoices.route("/invoices/<uuid:invoice_id>/void", methods=["POST"])
@idempotent
@invoices.arguments(VoidIn)
@invoices.response(200, VoidOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def void_invoice(asked: service.VoidRequest, invoice_id: UUID) -> dict[str, Any]:
    """Void an issued invoice; its orders go to a fresh draft, which the next run issues under a new number."""
    session, actor = current_session(), current_actor()
    fresh = service.void_invoice(session, actor, invoice_id, asked)
    voided = get_visible_invoice(session, actor, invoice_id)
    return {"id": voided.id, "number": voided.number, "status": voided.status, "replaced_by": fresh}
