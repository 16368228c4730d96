"""What a document says, word by word, as its hash covers it."""

from collections.abc import Iterable

from dairy_app.invoices.models import CreditNote, CreditNoteLine, DebitNote, DebitNoteLine, InvoiceLine

#: Columns of an invoice's line, in the order of its table.
LINE_COLUMNS = tuple(column.name for column in InvoiceLine.__table__.c)
#: What the government's portal answers for a document, once it is registered there.
E_INVOICE_COLUMNS = ("irn", "ack_no", "ack_date", "signed_qr")
#: Columns of a note that is written; when it was is the database's to say, whose it becomes a merge's, and what
#: the portal answers comes later.
_WRITTEN_LATER = {"created_at", "updated_at", "issued_to", *E_INVOICE_COLUMNS}
NOTE_COLUMNS = tuple(column.name for column in CreditNote.__table__.c if column.name not in _WRITTEN_LATER)
NOTE_LINE_COLUMNS = tuple(column.name for column in CreditNoteLine.__table__.c)
DEBIT_NOTE_COLUMNS = tuple(column.name for column in DebitNote.__table__.c if column.name not in _WRITTEN_LATER)
DEBIT_NOTE_LINE_COLUMNS = tuple(column.name for column in DebitNoteLine.__table__.c)


def listed(columns: Iterable[str], row: str = "") -> str:
    """Names of columns for a SELECT or INSERT; ``row``: each of this row."""
    return ", ".join(f"{row}.{name}" if row else name for name in columns)


#: Of a row ``{0}`` that is there: the customer at issue, who may have been merged into another since.
ISSUED_TO = "coalesce({0}.issued_to, {0}.customer_id)"


def document_content(paper: str, lines: str, customer: str = ISSUED_TO) -> str:
    """The canonical content of a document, as an SQL expression over row ``paper`` and its ``lines`` (json).

    Version 1: json text, keys in the order below, of everything a reader of the document sees. (Not jsonb: half
    of an issue's time would go into sorting keys that are in a fixed order anyway.) ``customer``: to whom it is issued.
    """
    p = paper
    return f"""json_build_object('number', {p}.number, 'document_type', {p}.document_type,
        'customer_id', {customer.format(p)}, 'period_start', {p}.period_start, 'period_end', {p}.period_end,
        'invoice_date', {p}.invoice_date, 'due_date', {p}.due_date, 'place_of_supply', {p}.place_of_supply,
        'snapshot', {p}.snapshot, 'taxable_value', {p}.taxable_value, 'exempt_value', {p}.exempt_value,
        'cgst', {p}.cgst, 'sgst', {p}.sgst, 'igst', {p}.igst, 'round_off', {p}.round_off, 'total', {p}.total,
        'previous_balance', {p}.previous_balance, 'lines', {lines})::text"""


#: The lines of a document ``l`` as they enter the hash.
LINES_CONTENT = """json_agg(json_build_array(l.line_no, l.product_id, l.description, l.hsn_code, l.unit, l.source,
    l.prior_period, l.deliveries, l.first_date, l.last_date, l.quantity, l.unit_price, l.gross_amount, l.discount,
    l.supply_type, l.gst_rate, l.taxable_value, l.cgst, l.sgst, l.igst, l.line_total) ORDER BY l.line_no)"""


def note_content(note: str, lines: str, customer: str = ISSUED_TO) -> str:
    """The canonical content of a note, as an SQL expression over row ``note`` and its ``lines`` (json).

    Version 1: json text, keys in the order below.
    """
    n = note
    return f"""json_build_object('number', {n}.number, 'customer_id', {customer.format(n)},
        'invoice_id', {n}.invoice_id, 'note_date', {n}.note_date, 'reason', {n}.reason,
        'place_of_supply', {n}.place_of_supply, 'snapshot', {n}.snapshot, 'taxable_value', {n}.taxable_value,
        'exempt_value', {n}.exempt_value, 'cgst', {n}.cgst, 'sgst', {n}.sgst, 'igst', {n}.igst,
        'round_off', {n}.round_off, 'total', {n}.total, 'lines', {lines})::text"""


def debit_note_content(note: str, lines: str, customer: str = ISSUED_TO) -> str:
    """The canonical content of a debit note, as ``note_content``: due on a day, and never rounded."""
    n = note
    return f"""json_build_object('number', {n}.number, 'customer_id', {customer.format(n)},
        'invoice_id', {n}.invoice_id, 'note_date', {n}.note_date, 'due_date', {n}.due_date, 'reason', {n}.reason,
        'place_of_supply', {n}.place_of_supply, 'snapshot', {n}.snapshot, 'taxable_value', {n}.taxable_value,
        'exempt_value', {n}.exempt_value, 'cgst', {n}.cgst, 'sgst', {n}.sgst, 'igst', {n}.igst,
        'total', {n}.total, 'lines', {lines})::text"""


#: The lines of a note ``l`` as they enter the hash.
NOTE_LINES_CONTENT = """json_agg(json_build_array(l.line_no, l.invoice_line_no, l.quantity, l.taxable_value, l.cgst,
    l.sgst, l.igst, l.line_total) ORDER BY l.line_no)"""
