"""``/credit-notes``, ``/debit-notes`` and ``/adjustments``: what corrects bills after and before they are issued."""

from typing import Any
from uuid import UUID

from dairy_app.billing.schemas.corrections import (
    AdjustmentIn,
    AdjustmentOut,
    AdjustmentPage,
    AdjustmentQuery,
    CreditNoteIn,
    CreditNoteOut,
    CreditNotePage,
    CreditNoteQuery,
    DebitNoteIn,
    DebitNoteOut,
    DebitNotePage,
    DebitNoteQuery,
)
from dairy_app.billing.service import crediting as service
from dairy_app.billing.service import debiting
from dairy_app.invoices.models import Adjustment, CreditNote, DebitNote
from dairy_app.invoices.queries.adjustments import adjustment_list
from dairy_app.invoices.queries.credit_notes import note_list
from dairy_app.invoices.service import adjustments
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page

corrections = Blueprint(
    "corrections", __name__, description="Credit and debit notes on issued bills, adjustments on drafts"
)


@corrections.route("/credit-notes", methods=["POST"])
@idempotent
@corrections.arguments(CreditNoteIn)
@corrections.response(201, CreditNoteOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def issue_credit_note(asked: service.NoteRequest) -> dict[str, Any]:
    """Take back lines of an issued invoice, by quantity or by amount, or all that is left of it."""
    return service.issue_credit_note(current_session(), current_actor(), asked)


@corrections.route("/credit-notes")
@corrections.arguments(CreditNoteQuery, location="query")
@corrections.response(200, CreditNotePage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, may_lag=True)
def list_credit_notes(query: dict[str, Any]) -> Page:
    """Credit notes, the latest first. A customer sees its own."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return read_page(
        current_session(),
        note_list(current_actor(), **query),
        [CreditNote.note_date, CreditNote.id],
        limit=limit,
        cursor=cursor,
        descending=True,
    )


@corrections.route("/credit-notes/<uuid:credit_note_id>")
@etagged
@corrections.response(200, CreditNoteOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def read_credit_note(credit_note_id: UUID) -> dict[str, Any]:
    """One credit note with its lines."""
    return service.read_credit_note(current_session(), current_actor(), credit_note_id)


@corrections.route("/debit-notes", methods=["POST"])
@idempotent
@corrections.arguments(DebitNoteIn)
@corrections.response(201, DebitNoteOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def issue_debit_note(asked: debiting.DebitRequest) -> dict[str, Any]:
    """Charge more on lines of an issued invoice, by quantity or by amount, at the rates of the invoice."""
    return debiting.issue_debit_note(current_session(), current_actor(), asked)


@corrections.route("/debit-notes")
@corrections.arguments(DebitNoteQuery, location="query")
@corrections.response(200, DebitNotePage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, may_lag=True)
def list_debit_notes(query: dict[str, Any]) -> Page:
    """Debit notes, the latest first. A customer sees its own."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return read_page(
        current_session(),
        note_list(current_actor(), DebitNote, **query),
        [DebitNote.note_date, DebitNote.id],
        limit=limit,
        cursor=cursor,
        descending=True,
    )


@corrections.route("/debit-notes/<uuid:debit_note_id>")
@etagged
@corrections.response(200, DebitNoteOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def read_debit_note(debit_note_id: UUID) -> dict[str, Any]:
    """One debit note with its lines."""
    return debiting.read_debit_note(current_session(), current_actor(), debit_note_id)


@corrections.route("/adjustments", methods=["POST"])
@idempotent
@corrections.arguments(AdjustmentIn)
@corrections.response(201, AdjustmentOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def add_adjustment(wanted: adjustments.NewAdjustment) -> dict[str, Any]:
    """Put a charge or a discount on the customer's draft; it becomes a line when the draft is issued."""
    return adjustments.add_adjustment(current_session(), current_actor(), wanted)


@corrections.route("/adjustments")
@corrections.arguments(AdjustmentQuery, location="query")
@corrections.response(200, AdjustmentPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def list_adjustments(query: dict[str, Any]) -> Page:
    """Adjustments, the latest day first."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return read_page(
        current_session(),
        adjustment_list(**query),
        [Adjustment.adjusted_on, Adjustment.id],
        limit=limit,
        cursor=cursor,
        descending=True,
    )


@corrections.route("/adjustments/<uuid:adjustment_id>", methods=["DELETE"])
@corrections.response(204)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def delete_adjustment(adjustment_id: UUID) -> None:
    """Take an adjustment off its draft; one on an issued invoice stays."""
    adjustments.delete_adjustment(current_session(), adjustment_id)
