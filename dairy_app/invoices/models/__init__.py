"""What a document is, as tables."""

from dairy_app.invoices.models.invoices import (
    ACK_NO_FORMAT,
    ADJUSTMENT_KINDS,
    DOCUMENT_TYPES,
    INVOICE_STATUSES,
    IRN_FORMAT,
    IS_NUMBERED,
    ISSUED_COLUMNS,
    LINE_SOURCES,
    SIGNED_QR_FORMAT,
    SIGNED_QR_LENGTH,
    Adjustment,
    Invoice,
    InvoiceLine,
    NumberSeries,
)
from dairy_app.invoices.models.notes import CreditNote, CreditNoteLine, DebitNote, DebitNoteLine

__all__ = [
    "ACK_NO_FORMAT",
    "ADJUSTMENT_KINDS",
    "DOCUMENT_TYPES",
    "INVOICE_STATUSES",
    "IRN_FORMAT",
    "ISSUED_COLUMNS",
    "IS_NUMBERED",
    "LINE_SOURCES",
    "SIGNED_QR_FORMAT",
    "SIGNED_QR_LENGTH",
    "Adjustment",
    "CreditNote",
    "CreditNoteLine",
    "DebitNote",
    "DebitNoteLine",
    "Invoice",
    "InvoiceLine",
    "NumberSeries",
]
