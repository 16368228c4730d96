"""``/invoices``: lists, single papers, voiding, the answer of the invoice portal."""

from typing import Any
from uuid import UUID

from dairy_app.billing import e_invoices, queries, service
from dairy_app.billing.models import Invoice
from dairy_app.billing.schemas import EInvoiceIn, InvoiceOut, InvoicePage, InvoiceQuery, VoidIn, VoidOut
from dairy_app.billing.settlement import with_settlement
from dairy_app.business.queries import today
from dairy_app.common.access import Role, allow
from dairy_app.common.etags import etagged
from dairy_app.common.http import Blueprint, current_actor, current_session
from dairy_app.common.idempotency import idempotent
from dairy_app.common.pages import Page, read_page

invoices = Blueprint("invoices", __name__, description="Papers: drafts, issued, void")


@invoices.route("/invoices")
@invoices.arguments(InvoiceQuery, location="query")
@invoices.response(200, InvoicePage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def list_invoices(query: dict[str, Any]) -> Page:
    """Invoices, the latest period first, with what is paid. A customer sees its own issued and void ones."""
    session, limit, cursor = current_session(), query.pop("limit"), query.pop("cursor")
    found = queries.invoice_list(current_actor(), **query)
    keys = [Invoice.period_start, Invoice.id]
    page = read_page(session, found, keys, limit=limit, cursor=cursor, descending=True)
    return Page(with_settlement(session, [row._mapping for row in page.items], today(session)), page.next_cursor)


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
def register_e_invoice(body: dict[str, Any], invoice_id: UUID) -> dict[str, Any]:
    """Keep what the government's portal answered when this tax invoice was registered; written once."""
    session, actor = current_session(), current_actor()
    e_invoices.register_e_invoice(session, actor, invoice_id, body)
    return service.read_invoice(session, actor, invoice_id)


@invoices.route("/invoices/<uuid:invoice_id>/void", methods=["POST"])
@idempotent
@invoices.arguments(VoidIn)
@invoices.response(200, VoidOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def void_invoice(body: dict[str, Any], invoice_id: UUID) -> dict[str, Any]:
    """Void an issued invoice; its orders go to a fresh draft, which the next run issues under a new number."""
    session, actor = current_session(), current_actor()
    fresh = service.void_invoice(session, actor, invoice_id, **body)
    voided = queries.get_visible_invoice(session, actor, invoice_id)
    return {"id": voided.id, "number": voided.number, "status": voided.status, "replaced_by": fresh}
