"""What the government's invoice portal answered for a document that was registered there.

A seller above the turnover that the law names sends each tax invoice to a registered buyer to the portal, which
answers with a number (IRN), a receipt and a signed QR code; the document must bear them (CGST Rules r. 46 (r), 48 (4)).
Sending is a provider's work; its answer is kept here.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.invoices.bulk import keep_answers, lock_invoice
from dairy_app.invoices.queries.e_invoices import customers_of_documents, judged_answers
from dairy_app.web.access import Actor
from dairy_app.web.uploads import fault, refuse_file


@dataclass(frozen=True, slots=True)
class PortalAnswer:
    """The number of a registered document (IRN), the receipt of it, and the signed text of its QR code."""

    irn: str
    ack_no: str
    ack_date: datetime
    signed_qr: str


def register_e_invoice(session: Session, actor: Actor, invoice_id: UUID, answer: PortalAnswer) -> None:
    """Keep the portal's answer on an issued tax invoice; the same again changes nothing.

    ``illegal_transition`` for any other document, ``already_exists`` when another answer stands there or the IRN is
    another document's.
    """
    invoice = lock_invoice(session, actor, invoice_id)
    columns = asdict(answer)
    known = {column: getattr(invoice, column) for column in columns}
    if known == columns:
        return
    if known["irn"] is not None:
        raise Problem("already_exists", f"The invoice already has another answer, with the IRN {known['irn']}.")
    if invoice.status != "issued" or invoice.document_type != "tax_invoice":
        what = invoice.status if invoice.status != "issued" else invoice.document_type
        raise Problem("illegal_transition", f"The invoice is {what}; only an issued tax invoice is registered.")
    if answer.ack_date > now():
        raise invalid("/ack_date", "The receipt cannot be in the future.")
    for column, value in columns.items():
        setattr(invoice, column, value)
    session.flush()


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """The portal's answer for the document of a number, and in which line of the file it is."""

    line: int
    number: str
    answer: PortalAnswer


#: What is wrong with an answer → what it means; ``{}`` is filled with what is known of the document.
_REFUSALS = {
    "document_not_found": "There is no issued document {number}.",
    "already_exists": "{number} already has another IRN, {known_irn}.",
    "irn_of_another": "The IRN is that of {known_irn} already.",
    "illegal_transition": "{number} is {state}; only issued tax invoices and their notes are registered.",
    "in_future": "The receipt of {number} is in the future.",
}
_CONFLICTS = frozenset({"already_exists", "irn_of_another"})


def register_e_invoices(session: Session, answers: Sequence[DocumentAnswer]) -> list[dict[str, Any]]:
    """Keep the portal's answers on invoices and credit notes, found by their numbers: all of them or none.

    Returns of each in the order given line, number, document_type, id, irn and was_known. The same IRN again changes
    nothing. Raises ``already_exists`` where one has another IRN or the IRN is another document's, ``invoice_not_found``
    where nothing else is wrong than that there is no such document, else ``validation_failed``; each names every line
    that is wrong.
    """
    lock_customers(session, customers_of_documents(session, [each.number for each in answers]))
    judged = judged_answers(session, answers, now())
    wrong = [row for row in judged if row["code"] is not None]
    if wrong:
        found = refuse_file(
            [
                fault(row["line"], "irn" if row["code"] in _CONFLICTS else "number", row["code"], _said(row))
                for row in wrong
            ]
        )
        codes = {row["code"] for row in wrong}
        of_all = "invoice_not_found" if codes == {"document_not_found"} else "validation_failed"
        raise Problem("already_exists" if codes & _CONFLICTS else of_all, found.detail, found.errors)
    keep_answers(session, [each for each, row in zip(answers, judged, strict=True) if not row["was_known"]])
    kept = ("line", "number", "document_type", "id", "irn", "was_known")
    return [{name: row[name] for name in kept} for row in judged]


def _said(row: Any) -> str:
    return _REFUSALS[row["code"]].format(**row)
