"""The documents that the portal's answers are about, and what is wrong with an answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from dairy_app.invoices.service.e_invoices import DocumentAnswer

#: Numbered documents ``d`` that may be registered: invoices, and notes with the state of their invoice.
_DOCUMENTS = """(
    SELECT i.document_type, i.id, i.number, i.customer_id, i.status, i.document_type AS registered_as, i.irn
    FROM invoices i WHERE i.number = ANY (:numbers)
    UNION ALL
    SELECT 'credit_note', n.id, n.number, n.customer_id, 'issued', i.document_type, n.irn
    FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id WHERE n.number = ANY (:numbers)
    UNION ALL
    SELECT 'debit_note', n.id, n.number, n.customer_id, 'issued', i.document_type, n.irn
    FROM debit_notes n JOIN invoices i ON i.id = n.invoice_id WHERE n.number = ANY (:numbers)
) d"""

_JUDGED = f"""
SELECT w.line, w.number, d.document_type, d.id, w.irn, coalesce(d.irn = w.irn, false) AS was_known,
    coalesce(nullif(d.irn, w.irn), other.number) AS known_irn,
    CASE WHEN d.status <> 'issued' THEN d.status ELSE d.registered_as END AS state,
    CASE WHEN d.id IS NULL THEN 'document_not_found'
        WHEN d.irn = w.irn THEN NULL
        WHEN d.irn IS NOT NULL THEN 'already_exists'
        WHEN other.number IS NOT NULL THEN 'irn_of_another'
        WHEN d.status <> 'issued' OR d.registered_as <> 'tax_invoice' THEN 'illegal_transition'
        WHEN w.ack_date > :now THEN 'in_future' END AS code
FROM unnest(CAST(:lines AS integer[]), CAST(:numbers AS text[]), CAST(:irns AS text[]),
    CAST(:ack_dates AS timestamptz[])) WITH ORDINALITY AS w (line, number, irn, ack_date, place)
LEFT JOIN {_DOCUMENTS} ON d.number = w.number
LEFT JOIN LATERAL (
    SELECT i.number FROM invoices i WHERE i.irn = w.irn
    UNION ALL SELECT n.number FROM credit_notes n WHERE n.irn = w.irn
    UNION ALL SELECT n.number FROM debit_notes n WHERE n.irn = w.irn
    UNION ALL SELECT b.number FROM unnest(CAST(:numbers AS text[]), CAST(:irns AS text[]))
        WITH ORDINALITY AS b (number, irn, place) WHERE b.irn = w.irn AND b.place < w.place
    LIMIT 1
) other ON other.number <> w.number
ORDER BY w.place"""


def customers_of_documents(session: Session, numbers: Sequence[str]) -> list[UUID]:
    """The customers of the documents of these numbers."""
    found = session.scalars(text(f"SELECT DISTINCT d.customer_id FROM {_DOCUMENTS}"), {"numbers": list(numbers)})
    return list(found)


def judged_answers(session: Session, answers: Sequence["DocumentAnswer"], now: datetime) -> Sequence[RowMapping]:
    """Of each answer its document and what is wrong with it (``code``; None: nothing), in the order given."""
    given: dict[str, Any] = {
        "lines": [each.line for each in answers],
        "numbers": [each.number for each in answers],
        "irns": [each.answer.irn for each in answers],
        "ack_dates": [each.answer.ack_date for each in answers],
        "now": now,
    }
    return session.execute(text(_JUDGED), given).mappings().all()
