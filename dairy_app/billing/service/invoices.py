"""One invoice in full, and voiding it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.billing.bulk.voiding import void
from dairy_app.billing.queries.invoices import computed_lines, daily_deliveries, settled_by, who_got
from dairy_app.business.queries import require_open_books, returns_filed_through, today
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.invoices.bulk import lock_invoice
from dairy_app.invoices.models import Invoice
from dairy_app.invoices.queries.invoices import customer_names, get_visible_invoice, stored_lines
from dairy_app.receivables.queries.settled import payments_of, with_settlement
from dairy_app.web.access import Actor, Role

#: By what a section is told from others.
SECTION_NAMES = ("code", "name", "address")


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """Why an invoice shall be void; also although payments settle it, or although its return is filed."""

    reason: str
    release_payments: bool = False
    after_return: bool = False


def void_invoice(session: Session, actor: Actor, invoice_id: UUID, asked: VoidRequest) -> UUID:
    """Void an issued invoice; its orders go to a fresh draft that the next run issues. Returns the draft's id.

    ``illegal_transition`` for anything but an issued document, ``period_closed`` after the books are closed,
    ``return_filed`` after the return that holds it was filed (an admin may ``after_return``) and
    ``in_use`` when a credit note or a write-off is on it (then correct by credit note). ``invoice_paid`` when
    payments settle it, unless ``release_payments``: they are then the customer's credit.
    """
    invoice = lock_invoice(session, actor, invoice_id)
    if invoice.status != "issued" or invoice.companion_of is not None:
        what = "the companion of another" if invoice.companion_of else invoice.status
        raise Problem("illegal_transition", f"The invoice is {what}; only an issued one can be voided.")
    if invoice.invoice_date is not None:
        require_open_books(session, invoice.invoice_date, "correct by credit note")
    day = today(session)
    is_filed = _is_filed(session, invoice, day)
    if is_filed and not asked.after_return:
        raise Problem(
            "return_filed",
            f"The return that holds the invoice of {invoice.invoice_date} is filed; correct by credit note"
            " (CGST Act s. 34), or as an admin with after_return.",
        )
    if asked.after_return and actor.role != Role.ADMIN:
        raise Problem("forbidden", "Only an admin may void after the return was filed.")
    settled = settled_by(session, invoice, day)
    if settled.corrected:
        raise Problem("in_use", "The invoice has a credit note or a write-off; correct it by credit note.")
    if settled.paid and not asked.release_payments:
        raise Problem(
            "invoice_paid",
            f"Payments of {settled.paid} have been applied to the invoice;"
            " with release_payments they become the customer's credit.",
            facts={"paid": f"{settled.paid:.2f}"},
        )
    fresh = void(
        session, invoice_id, reason=asked.reason, at=now(), on=day, voided_by=actor.user_id, after_return=is_filed
    )
    session.expire_all()
    return fresh


def _is_filed(session: Session, invoice: Invoice, day: date) -> bool:
    return invoice.invoice_date is not None and invoice.invoice_date <= returns_filed_through(session, day)


def read_invoice(session: Session, actor: Actor, invoice_id: UUID) -> dict[str, Any]:
    """An invoice in full, in a constant number of statements; a draft as it would be issued now.

    What is paid of it is as of today, and so are the payments that settle it.
    """
    invoice = get_visible_invoice(session, actor, invoice_id)
    document = {column.key: getattr(invoice, column.key) for column in Invoice.__table__.columns}
    if invoice.status == "draft":
        lines = computed_lines(session, invoice_id, today(session))
        document |= _computed_paper(lines[0]) if lines else {}
    else:
        lines = stored_lines(session, invoice_id)
        (document,) = with_settlement(session, [document], today(session))
        document["payments"] = payments_of(session, invoice.customer_id, invoice_id, today(session))
    document["lines"] = lines
    document["sections"] = _sections(session, lines, document["snapshot"])
    document["deliveries"] = daily_deliveries(session, invoice_id)
    return document | dict(customer_names(session, invoice.customer_id))


def _sections(session: Session, lines: Sequence[Any], snapshot: Any) -> list[dict[str, Any]]:
    """Whose deliveries are on the document beside its customer's own; of an issued one as they were named then."""
    found = []
    for customer_id, part in groupby(lines, key=lambda line: line["delivered_to"]):
        if customer_id is not None:
            own = list(part)
            ends = {"first_line": own[0]["line_no"], "last_line": own[-1]["line_no"]}
            found.append({"customer_id": customer_id, **ends, "total": sum(line["line_total"] for line in own)})
    if not found:
        return []
    named = {UUID(each["customer_id"]): each for each in (snapshot or {}).get("sections", ())}
    known = named or who_got(session, [each["customer_id"] for each in found])
    return [{**{name: known[each["customer_id"]][name] for name in SECTION_NAMES}, **each} for each in found]


def _computed_paper(line: Any) -> dict[str, Any]:
    """The totals that every computed line of a draft carries beside it."""
    names = ("invoice_date", "place_of_supply", "skip_code", "exempt_value", "round_off", "total", "previous_balance")
    sums = {name: line[f"paper_{name}"] for name in ("taxable_value", "cgst", "sgst", "igst")}
    return {name: line[name] for name in names} | sums
