"""What the government's invoice portal answered for a document that was registered there.

A seller above the turnover that the law names sends each tax invoice to a registered buyer to the portal, which
answers with a number (IRN), a receipt and a signed QR code; the document must bear them (CGST Rules r. 46 (r), 48 (4)).
Sending is a provider's work; its answer is kept here.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.invoices.bulk import lock_invoice
from dairy_app.web.access import Actor


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
