"""``/invoices/{id}/pdf`` and ``/share``, the PDF of notes, and the messages of a run."""

from typing import Any
from uuid import UUID

from flask import Response, current_app

from dairy_app.common.words import Words
from dairy_app.documents import queries
from dairy_app.documents.drawing.document import Document
from dairy_app.documents.schemas import (
    LanguageQuery,
    PayLinksOut,
    RunMessagesIn,
    RunMessagesOut,
    ShareIn,
    ShareOut,
)
from dairy_app.documents.service import documents as service
from dairy_app.documents.service.invoice_links import Links
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent

documents = Blueprint("documents", __name__, description="Documents for people, and how they reach them")

PDF = {"type": "string", "format": "binary"}


@documents.route("/invoices/<uuid:invoice_id>/pdf")
@etagged
@documents.arguments(LanguageQuery, location="query")
@documents.response(200, PDF, content_type="application/pdf")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def invoice_pdf(query: dict[str, Any], invoice_id: UUID) -> Response:
    """The document of an issued or void invoice, with what is due today. Equal content is equal bytes."""
    document = service.invoice_document(current_session(), current_actor(), invoice_id)
    return pdf_of(document, service.words_for(current_session(), query["lang"], document.language))


@documents.route("/invoices/<uuid:invoice_id>/pay-links")
@documents.response(200, PayLinksOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def read_pay_links(invoice_id: UUID) -> service.PayLinks:
    """UPI links for all that the customer owes, and for what is open of this invoice alone when that is less."""
    return service.pay_links(current_session(), current_actor(), invoice_id)


@documents.route("/credit-notes/<uuid:credit_note_id>/pdf")
@etagged
@documents.arguments(LanguageQuery, location="query")
@documents.response(200, PDF, content_type="application/pdf")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def credit_note_pdf(query: dict[str, Any], credit_note_id: UUID) -> Response:
    """The document of a credit note."""
    document = queries.read_note(current_session(), current_actor(), credit_note_id)
    return pdf_of(document, service.words_for(current_session(), query["lang"], document.language))


@documents.route("/debit-notes/<uuid:debit_note_id>/pdf")
@etagged
@documents.arguments(LanguageQuery, location="query")
@documents.response(200, PDF, content_type="application/pdf")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def debit_note_pdf(query: dict[str, Any], debit_note_id: UUID) -> Response:
    """The document of a debit note."""
    document = queries.read_note(current_session(), current_actor(), debit_note_id, "debit_note")
    return pdf_of(document, service.words_for(current_session(), query["lang"], document.language))


def pdf_of(document: Document, t: Words) -> Response:
    """A document as a file that browsers show."""
    from dairy_app.documents.drawing import pdf  # with ReportLab, HarfBuzz and Pillow: not for every start of a server

    response = Response(pdf.draw(document, t), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{document.file_name}"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@documents.route("/invoices/<uuid:invoice_id>/share", methods=["POST"])
@documents.arguments(ShareIn)
@documents.response(200, ShareOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def share_invoice(how: service.Telling, invoice_id: UUID) -> service.Shared:
    """The customer's link to an issued invoice, with a message in the customer's language."""
    session = current_session()
    return service.share(session, current_actor(), _links(), invoice_id, how)


@documents.route("/invoices/<uuid:invoice_id>/share/revoke", methods=["POST"])
@documents.response(204)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def revoke_links(invoice_id: UUID) -> None:
    """End every link that was given out to an invoice; shared again it gets a new one."""
    service.revoke_links(current_session(), current_actor(), invoice_id)


@documents.route("/billing/runs/<uuid:run_id>/messages", methods=["POST"])
@idempotent
@documents.arguments(RunMessagesIn)
@documents.response(200, RunMessagesOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def queue_run_messages(how: service.RunTelling, run_id: UUID) -> service.Queued:
    """Put a message for every invoice of a billing run into the outbox; asked again, it adds none."""
    return service.queue_run(current_session(), _links(), run_id, how)


def _links() -> Links:
    return service.links_of(current_session(), current_app.config["DAIRY"])
