"""Vouchers and masters for Tally's import of XML.

The vouchers are the journal: Sales, Credit Note, Debit Note, Receipt, Payment for a receipt that was reversed and for a
refund (Receipt when that came back), Journal for opening balances and write-offs. A debit is an AMOUNT below 0 that is
deemed positive, as Tally itself exports it; the amounts of a voucher come to 0. REMOTEID is made of the document's own
id, so importing again changes and never doubles.

A customer's line says which bills it opens or settles, as the ledger settles them as of the day of the export.

A customer's ledger is named by the code alone, because names change and repeat while a closed month must not; the
masters give the name as its alias. A void invoice is a cancelled voucher: Tally, too, then knows its number.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy.orm import Session

from dairy_app.exports.files.streams import CHUNK_BYTES, Progress, Take, read_rows
from dairy_app.exports.gst.codes import STATES, UNIT_QUANTITY_CODES
from dairy_app.exports.registers.columns import coded
from dairy_app.exports.registers.entries import JOURNAL, JOURNAL_ORDER, VOUCHER_NO, VOUCHER_TYPES
from dairy_app.exports.registers.profiles import driver_rows
from dairy_app.exports.rules import Span

VERSION = 2

#: What XML 1.0 has no way to write.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REGISTRATIONS = {
    "registered": "Regular",
    "composition": "Composition",
    "unregistered_business": "Unregistered",
    "consumer": "Consumer",
}
_TREATMENT = coded("j.gst_treatment", _REGISTRATIONS)

# What receipts, credit notes, write-offs and advances settled as of the day, by the name that its bill has in Tally.
_SETTLED = """
settled AS MATERIALIZED (
    SELECT s.kind, s.id, jsonb_agg(jsonb_build_array(s.bill, s.amount::text) ORDER BY s.bill) AS bills
    FROM (
        SELECT CASE a.credit_kind WHEN 'payment' THEN 'receipt' WHEN 'credit_note' THEN 'credit-note'
                WHEN 'write_off' THEN 'write-off' ELSE a.credit_kind END AS kind,
            a.credit_id AS id, coalesce(i.number, n.number, 'OB/' || c.code) AS bill,
            sum(a.amount)::numeric(14,2) AS amount
        FROM applications(ARRAY(
            SELECT customer_id FROM payments WHERE received_on BETWEEN %(first)s AND %(last)s
            UNION SELECT customer_id FROM credit_notes WHERE note_date BETWEEN %(first)s AND %(last)s
            UNION SELECT customer_id FROM write_offs WHERE written_off_on BETWEEN %(first)s AND %(last)s
            UNION SELECT customer_id FROM opening_balances WHERE as_of BETWEEN %(first)s AND %(last)s),
            %(as_of)s) a
        JOIN customers c ON c.id = a.customer_id
        LEFT JOIN invoices i ON i.id = a.debit_id AND a.debit_kind = 'invoice'
        LEFT JOIN debit_notes n ON n.id = a.debit_id AND a.debit_kind = 'debit_note'
        WHERE a.debit_kind <> 'refund' GROUP BY 1, 2, 3
    ) s GROUP BY 1, 2
)"""

_VOUCHERS = f"""
WITH {_SETTLED}
SELECT j.kind, j.id, to_char(j.day, 'YYYYMMDD') AS day, {coded("j.kind", VOUCHER_TYPES)} AS voucher_type,
    {VOUCHER_NO} AS voucher_no, j.reference, j.party_code, j.party_name, j.gstin, {_TREATMENT} AS registration,
    {coded("j.place_of_supply", STATES)} AS state, j.narration, j.is_cancelled,
    coalesce(j.ledger_name, j.party_code) AS ledger, j.ledger_name IS NULL AS is_party, j.amount,
    CASE WHEN j.ledger_name IS NULL THEN b.bills END AS bills
FROM {JOURNAL}
LEFT JOIN settled b ON b.kind = j.kind AND b.id = j.id
ORDER BY {JOURNAL_ORDER}"""

_SUMS = f"""
SELECT count(DISTINCT (j.kind, j.id)) AS vouchers, coalesce(sum(greatest(j.amount, 0)), 0) AS debit,
    coalesce(sum(greatest(-j.amount, 0)), 0) AS credit
FROM {JOURNAL}"""

_LEDGERS = f"""
SELECT DISTINCT j.ledger_name AS name FROM {JOURNAL}
WHERE j.ledger_name IS NOT NULL AND NOT j.is_cancelled ORDER BY 1"""

# As the customer stands today: masters describe, they book nothing.
_PARTIES = f"""
SELECT DISTINCT ON (j.party_code) j.party_code AS code, coalesce(c.name, j.party_name) AS name,
    coalesce(c.gstin, j.gstin) AS gstin, {coded("coalesce(c.gst_treatment, j.gst_treatment)", _REGISTRATIONS)}
        AS registration,
    {coded("coalesce(c.state_code, j.place_of_supply)", STATES)} AS state, c.pincode,
    concat_ws(', ', c.address_line1, c.address_line2, c.city) AS address
FROM {JOURNAL} LEFT JOIN customers c ON c.code = j.party_code
ORDER BY j.party_code, j.day DESC, j.place, j.id, j.line"""

_COUNT_MASTERS = f"""
SELECT count(DISTINCT j.ledger_name) FILTER (WHERE NOT j.is_cancelled) + count(DISTINCT j.party_code) FROM {JOURNAL}"""

#: Tally's own group of each ledger; sales have theirs by name.
_GROUPS = {
    "Cash": "Cash-in-Hand",
    "UPI": "Bank Accounts",
    "Bank": "Bank Accounts",
    "Card": "Bank Accounts",
    "Wallet": "Bank Accounts",
    "Output CGST": "Duties & Taxes",
    "Output SGST": "Duties & Taxes",
    "Output IGST": "Duties & Taxes",
    "Round off": "Indirect Expenses",
    "Bad debts": "Indirect Expenses",
    "Opening balances": "Capital Account",
}
_RATE_OF_SALES = re.compile(r"Sales GST ([0-9.]+)%")
_UNTAXED = {"Sales exempt": "Exempt", "Sales nil-rated": "Nil Rated"}
_NO_GST = "Sales non-GST"
#: Taxable, but the bill does not show the tax, and the ledger has no rate.
_COMPOSITION = "Sales under composition"
#: GST began on that day; a ledger is for one rate for ever.
_SINCE_GST = "20170701"
#: Vouchers that open a bill.
_OPENING = ("sales", "debit-note", "opening")
_DUTY_HEADS = {"Output CGST": "Central Tax", "Output SGST": "State Tax", "Output IGST": "Integrated Tax"}

_BEGIN = """<?xml version="1.0" encoding="UTF-8"?>
<ENVELOPE>
<HEADER><TALLYREQUEST>Import Data</TALLYREQUEST></HEADER>
<BODY><IMPORTDATA><REQUESTDESC><REPORTNAME>{report}</REPORTNAME></REQUESTDESC>
<REQUESTDATA>
"""
_END = "</REQUESTDATA>\n</IMPORTDATA></BODY>\n</ENVELOPE>\n"


@dataclass(frozen=True, slots=True)
class VouchersSource:
    """The journal of some days as Tally's vouchers."""

    span: Span

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand the XML to ``take`` in chunks; returns the number of vouchers."""
        rows = read_rows(session, _VOUCHERS, self.span.parameters, take)
        fields = _named(rows)
        vouchers = (_voucher(list(lines)) for _, lines in groupby(fields, key=lambda row: (row["kind"], row["id"])))
        return _envelope("Vouchers", vouchers, take, progress)


@dataclass(frozen=True, slots=True)
class MastersSource:
    """The ledgers and units that the vouchers of some days need: to be imported first."""

    span: Span

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand the XML to ``take`` in chunks; returns the number of masters."""
        return _envelope("All Masters", self._masters(session, take), take, progress)

    def _masters(self, session: Session, take: Take) -> Iterator[str]:
        yield from (_unit(unit, code) for unit, code in UNIT_QUANTITY_CODES.items())
        for row in driver_rows(session, _LEDGERS, self.span):
            yield _ledger(row.name)
        for party in read_rows(session, _PARTIES, self.span.parameters, take):
            yield _party(*party)


_VOUCHER_FIELDS = (
    "kind", "id", "day", "voucher_type", "voucher_no", "reference", "party_code", "party_name", "gstin",
    "registration", "state", "narration", "is_cancelled", "ledger", "is_party", "amount", "bills",
)  # fmt: skip


def _named(rows: Iterable[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(_VOUCHER_FIELDS, row, strict=True)) for row in rows)


def sums_of_vouchers(session: Session, span: Span) -> dict[str, Decimal]:
    """Debits and credits of all vouchers, in rupees."""
    row = driver_rows(session, _SUMS, span)[0]
    return {"debit": row.debit, "credit": row.credit}


def count_of_vouchers(session: Session, span: Span) -> int:
    """How many vouchers the file of a span has."""
    return int(driver_rows(session, _SUMS, span)[0].vouchers)


def count_of_masters(session: Session, span: Span) -> int:
    """How many masters the file of a span has."""
    return len(UNIT_QUANTITY_CODES) + int(driver_rows(session, _COUNT_MASTERS, span)[0][0])


def _envelope(report: str, messages: Iterator[str], take: Take, progress: Progress | None) -> int:
    written, size, count = [_BEGIN.format(report=report)], 0, 0
    for message in messages:
        count += 1
        written.append(message)
        size += len(message)
        if size >= CHUNK_BYTES:
            take("".join(written).encode())
            written, size = [], 0
            if progress:
                progress(count)
    take("".join([*written, _END]).encode())
    if progress:
        progress(count)
    return count


def _voucher(lines: list[dict[str, Any]]) -> str:
    head = lines[0]
    kind = _safe(head["voucher_type"])
    entries = [] if head["is_cancelled"] else [_entry(line) for line in lines]
    return "".join([
        '<TALLYMESSAGE xmlns:UDF="TallyUDF">\n',
        f'<VOUCHER REMOTEID="dairy-{head["kind"]}-{head["id"]}" VCHTYPE="{kind}" ACTION="Create"'
        ' OBJVIEW="Accounting Voucher View">\n',
        _tag("DATE", head["day"]),
        _tag("EFFECTIVEDATE", head["day"]),
        _tag("VOUCHERTYPENAME", kind),
        _tag("VOUCHERNUMBER", head["voucher_no"]),
        _tag("REFERENCE", head["reference"]),
        _tag("PARTYLEDGERNAME", head["party_code"]),
        _tag("PARTYNAME", head["party_name"]),
        _tag("PARTYGSTIN", head["gstin"]),
        _tag("GSTREGISTRATIONTYPE", head["registration"]),
        _tag("PLACEOFSUPPLY", head["state"]),
        _tag("NARRATION", head["narration"]),
        _tag("PERSISTEDVIEW", "Accounting Voucher View"),
        _tag("ISINVOICE", "No"),
        _tag("ISCANCELLED", "Yes" if head["is_cancelled"] else "No"),
        *entries,
        "</VOUCHER>\n</TALLYMESSAGE>\n",
    ])  # fmt: skip


def _entry(line: dict[str, Any]) -> str:
    positive = line["amount"] > 0 or (line["amount"] == 0 and line["is_party"])
    return (
        "<ALLLEDGERENTRIES.LIST>\n"
        + _tag("LEDGERNAME", line["ledger"])
        + _tag("ISPARTYLEDGER", "Yes" if line["is_party"] else "No")
        + _tag("ISDEEMEDPOSITIVE", "Yes" if positive else "No")
        + _tag("AMOUNT", _signed(line["amount"]))
        + ("".join(_bill(*each) for each in _bills(line)) if line["is_party"] else "")
        + "</ALLLEDGERENTRIES.LIST>\n"
    )


def _signed(amount: Decimal) -> str:
    """As Tally writes it: a debit below 0."""
    return str(-amount if amount else amount)


def _bills(line: dict[str, Any]) -> Iterator[tuple[str, str | None, Decimal]]:
    """Which bills a customer's line opens or settles: kind, name, and an amount, together that of the line.

    An invoice, a debit note, and an opening balance that is owed, opens one; what settles some names each, as the
    ledger settles them; whatever is left is on account, and so is money that goes back.
    """
    left: Decimal = line["amount"]
    if line["kind"] in _OPENING and left > 0:
        yield "New Ref", line["voucher_no"], left
        return
    for name, amount in line["bills"] or ():
        yield "Agst Ref", name, -Decimal(amount)
        left += Decimal(amount)
    if left:
        yield "On Account", None, left


def _bill(kind: str, name: str | None, amount: Decimal) -> str:
    body = _tag("NAME", name) + _tag("BILLTYPE", kind) + _tag("AMOUNT", _signed(amount))
    return f"<BILLALLOCATIONS.LIST>\n{body}</BILLALLOCATIONS.LIST>\n"


def _unit(name: str, code: str) -> str:
    body = _tag("NAME", code) + _tag("ORIGINALNAME", name) + _tag("ISSIMPLEUNIT", "Yes") + _tag("DECIMALPLACES", "3")
    return _master("UNIT", code, body)


def _ledger(name: str) -> str:
    group = _GROUPS.get(name, "Sales Accounts")
    body = _names(name) + _tag("PARENT", group)
    if name in _DUTY_HEADS:
        body += _tag("TAXTYPE", "GST") + _tag("GSTDUTYHEAD", _DUTY_HEADS[name])
    elif group == "Sales Accounts":
        body += _gst_of_sales(name)
    return _master("LEDGER", name, body)


def _gst_of_sales(name: str) -> str:
    """What GST takes of the sales in a ledger: there is one for each rate, and for each way of being untaxed.

    Vouchers hold no stock, so Tally's returns find taxability and rate in the ledger and nowhere else.
    """
    taxed = _RATE_OF_SALES.fullmatch(name)
    told = _tag("APPLICABLEFROM", _SINCE_GST) + _tag(
        "TAXABILITY", "Taxable" if taxed or name == _COMPOSITION else _UNTAXED.get(name)
    )
    if taxed:
        rate = Decimal(taxed[1])
        rates = (("CGST", rate / 2), ("SGST/UTGST", rate / 2), ("IGST", rate))
        told += "<STATEWISEDETAILS.LIST>\n" + _tag("STATENAME", "Any")
        for head, of_head in rates:
            body = _tag("GSTRATEDUTYHEAD", head) + _tag("GSTRATEVALUATIONTYPE", "Based on Value")
            told += f"<RATEDETAILS.LIST>\n{body}{_tag('GSTRATE', f'{of_head.normalize():f}')}</RATEDETAILS.LIST>\n"
        told += "</STATEWISEDETAILS.LIST>\n"
    applies = "Not Applicable" if name == _NO_GST else "Applicable"
    body = _tag("GSTAPPLICABLE", applies) + _tag("GSTTYPEOFSUPPLY", "Goods")
    return body if name == _NO_GST else f"{body}<GSTDETAILS.LIST>\n{told}</GSTDETAILS.LIST>\n"


def _party(
    code: str,
    name: str,
    gstin: str | None,
    registration: str | None,
    state: str | None,
    pincode: str | None,
    address: str | None,
) -> str:
    body = _names(code, f"{name} ({code})")
    body += _tag("PARENT", "Sundry Debtors") + _tag("ISBILLWISEON", "Yes") + _tag("MAILINGNAME", name)
    if address:
        body += f"<ADDRESS.LIST>\n{_tag('ADDRESS', address)}</ADDRESS.LIST>\n"
    body += _tag("PINCODE", pincode) + _tag("COUNTRYNAME", "India") + _tag("LEDSTATENAME", state)
    return _master("LEDGER", code, body + _tag("GSTREGISTRATIONTYPE", registration) + _tag("PARTYGSTIN", gstin))


def _names(*names: str) -> str:
    """A master's name and its aliases."""
    listed = "".join(_tag("NAME", each) for each in names)
    return f"<LANGUAGENAME.LIST><NAME.LIST>\n{listed}</NAME.LIST></LANGUAGENAME.LIST>\n"


def _master(kind: str, name: str, body: str) -> str:
    return (
        f'<TALLYMESSAGE xmlns:UDF="TallyUDF">\n<{kind} NAME="{_safe(name)}" ACTION="Create">\n'
        f"{body}</{kind}>\n</TALLYMESSAGE>\n"
    )


def _tag(name: str, value: str | None) -> str:
    """One element, nothing when there is no value."""
    return "" if value is None or value == "" else f"<{name}>{_safe(value)}</{name}>\n"


def _safe(value: str) -> str:
    """Escaped for text and attributes; a character that XML cannot hold becomes U+FFFD."""
    return escape(_NOT_IN_XML.sub("\ufffd", value), {'"': "&quot;", "\r": "&#13;"})
