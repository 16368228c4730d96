"""E-invoices to be registered as one file, and what is left out of it: never silently."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.exports.files.streams import CHUNK_BYTES, Progress, Take
from dairy_app.exports.gst.einvoice import E_INVOICE_DOCUMENTS, E_INVOICE_ORDER, E_INVOICES
from dairy_app.exports.gst.self_checks import Check
from dairy_app.exports.registers.profiles import driver_rows
from dairy_app.exports.rules import Span

_LACKING = f"SELECT r.number, r.missing{E_INVOICES} WHERE r.missing <> '{{}}' ORDER BY {E_INVOICE_ORDER}"
_SUMS = f"""
SELECT count(*) AS documents, coalesce(sum(r.taxable_value), 0) AS taxable_value,
    coalesce(sum(r.total), 0) AS total_amount
{E_INVOICES} WHERE r.missing = '{{}}'"""


@dataclass(frozen=True, slots=True)
class EInvoiceSource:
    """The documents that lack nothing, as one array of the portal's form."""

    span: Span

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand over the array, a document a line; returns how many there are."""
        rows = driver_rows(session, E_INVOICE_DOCUMENTS, self.span)
        written = ("[" + ",".join(f"\n{row[0]}" for row in rows) + "\n]\n").encode()
        for begin in range(0, len(written), CHUNK_BYTES):
            if take(written[begin : begin + CHUNK_BYTES]) is False:
                break
        if progress:
            progress(len(rows))
        return len(rows)


def count_of_e_invoices(session: Session, span: Span) -> int:
    """How many documents the file of some days has."""
    return int(driver_rows(session, _SUMS, span)[0].documents)


def sums_of_e_invoices(session: Session, span: Span) -> dict[str, Decimal]:
    """What the documents in the file come to, in rupees."""
    row = driver_rows(session, _SUMS, span)[0]
    return {"taxable_value": row.taxable_value, "total_amount": row.total_amount}


def lacking(session: Session, span: Span) -> Sequence[Any]:
    """The documents that are not in the file: number, and what is missing of each."""
    return driver_rows(session, _LACKING, span)


def completeness(session: Session, span: Span) -> Sequence[Check]:
    """Whether all that want an IRN are in the file; those that are not are named."""
    left_out, there = lacking(session, span), count_of_e_invoices(session, span)
    named = "; ".join(f"{row.number} lacks {', '.join(row.missing)}" for row in left_out)
    what = "documents in the file = documents without IRN to registered buyers"
    return [Check("e_invoices", f"{what} ({named})" if named else what, Decimal(there), Decimal(there + len(left_out)))]


def require_completeness(session: Session, span: Span) -> None:
    """Raise ``e_invoices_incomplete`` while a document lacks something: it would be forgotten."""
    left_out = lacking(session, span)
    if left_out:
        named = "; ".join(f"{row.number}: {', '.join(row.missing)}" for row in left_out)
        documents = [{"number": row.number, "missing": row.missing} for row in left_out]
        raise Problem("e_invoices_incomplete", f"Missing for the portal: {named}.", facts={"documents": documents})
