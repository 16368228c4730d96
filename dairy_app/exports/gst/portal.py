"""GSTR-1 and GSTR-3B as the JSON that the portal takes; the sums are those of the CSV tables, to the paisa.

The form is that of the government's offline tool. A return is of a month, or of a quarter (QRMP); its ``fp`` or
``ret_period`` is the last month. Amounts are JSON numbers with two decimals.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from orjson import Fragment
from sqlalchemy.orm import Session

from dairy_app.common.errors import invalid
from dairy_app.exports.files.streams import CHUNK_BYTES, Progress, Take
from dairy_app.exports.gst.codes import HSN_DESCRIPTIONS, UNIT_QUANTITY_CODES
from dairy_app.exports.gst.gstr1 import (
    B2BA,
    B2CLA,
    B2CSA,
    DOCS,
    EXEMP,
    HSN_B2B,
    HSN_B2C,
    IN_B2CS,
    INVOICES,
    NOTE_TYPE,
    NOTES,
)
from dairy_app.exports.gst.gstr3b import OTHER_STATES
from dairy_app.exports.registers.columns import Profile, coded
from dairy_app.exports.registers.entries import DECLARED, SUPPLIES
from dairy_app.exports.registers.profiles import driver_rows
from dairy_app.exports.rules import Span

GSTR1_VERSION = GSTR3B_VERSION = 1
#: What the offline tool of today writes at the head of a file.
TOOL_VERSION = "GST3.2.4"
#: From this month on table 12 tells registered persons and consumers apart (GSTN advisory of 1 May 2025).
HSN_APART_SINCE = date(2025, 5, 1)
LONGEST_MONTHS = 3

_TAXES = "'iamt', r.igst, 'camt', r.cgst, 'samt', r.sgst, 'csamt', 0.00"
_TAXES_OF_PLACE = """'iamt', CASE WHEN r.inter_state THEN r.igst END,
    'camt', CASE WHEN NOT r.inter_state THEN r.cgst END, 'samt', CASE WHEN NOT r.inter_state THEN r.sgst END,
    'csamt', 0.00"""


def _documents(which: str, documents: str, words: str) -> str:
    """Documents with their rates, grouped by whose they are: a row of ``words`` a document, and its items."""
    return f"""
SELECT r.owner, json_strip_nulls(json_build_object({words},
    'itms', json_agg(json_build_object('num', r.rate_no, 'itm_det', json_strip_nulls(json_build_object(
        'txval', r.value, 'rt', r.gst_rate, {_TAXES_OF_PLACE}))) ORDER BY r.gst_rate)))::text
FROM (
    SELECT s.id, s.place, s.number, s.day, s.total, s.place_of_supply, s.gstin, s.inter_state, s.gst_rate,
        CASE WHEN s.to_registered THEN s.gstin ELSE s.place_of_supply END AS owner,
        row_number() OVER (PARTITION BY s.id ORDER BY s.gst_rate) AS rate_no,
        sum(s.sign * s.value)::numeric(14,2) AS value, sum(s.sign * s.igst)::numeric(14,2) AS igst,
        sum(s.sign * s.cgst)::numeric(14,2) AS cgst, sum(s.sign * s.sgst)::numeric(14,2) AS sgst
    FROM {SUPPLIES}
    WHERE {documents} AND s.gst_rate > 0 AND {which}
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
) r
GROUP BY r.owner, r.place, r.id, r.number, r.day, r.total, r.place_of_supply
ORDER BY r.owner, r.day, r.place, r.number"""


_INVOICE = "'inum', r.number, 'idt', to_char(r.day, 'DD-MM-YYYY'), 'val', r.total::numeric(14,2)"
_NOTE = f"'ntty', {NOTE_TYPE}, 'nt_num', r.number, 'nt_dt', to_char(r.day, 'DD-MM-YYYY'), 'val', r.total::numeric(14,2)"
_REGULAR = "'pos', r.place_of_supply, 'rchrg', 'N', 'inv_typ', 'R'"


def _withdrawn(profile: Profile, owner: str, words: str) -> str:
    """Withdrawn invoices with their rates, amended to nothing, grouped by ``owner``."""
    return f"""
SELECT {owner}, json_build_object('oinum', r.number, 'oidt', to_char(r.day, 'DD-MM-YYYY'),
    'inum', r.number, 'idt', to_char(r.day, 'DD-MM-YYYY'), 'val', 0.00{words},
    'itms', json_agg(json_build_object('num', r.rate_no, 'itm_det', json_strip_nulls(json_build_object(
        'txval', 0.00, 'rt', r.gst_rate, 'iamt', CASE WHEN r.inter_state THEN 0.00 END,
        'camt', CASE WHEN NOT r.inter_state THEN 0.00 END, 'samt', CASE WHEN NOT r.inter_state THEN 0.00 END,
        'csamt', 0.00))) ORDER BY r.gst_rate))::text
FROM (SELECT r.*, row_number() OVER (PARTITION BY r.id ORDER BY r.gst_rate) AS rate_no {profile.rows}) r
GROUP BY r.id, r.number, r.day, r.place_of_supply, r.gstin
ORDER BY {owner}, r.day, r.number"""


_B2B = _documents("s.to_registered", INVOICES, f"{_INVOICE}, {_REGULAR}")
_B2CL = _documents("s.is_large", INVOICES, _INVOICE)
_CDNR = _documents("s.to_registered", NOTES, f"{_NOTE}, {_REGULAR}")
_CDNUR = _documents("s.is_large", NOTES, f"'typ', 'B2CL', {_NOTE}, 'pos', r.place_of_supply")
_B2BA = _withdrawn(B2BA, "r.gstin", f", {_REGULAR}")
_B2CLA = _withdrawn(B2CLA, "r.place_of_supply", "")
_B2CSA = f"""
SELECT json_build_object('omon', to_char(r.last_day, 'MMYYYY'),
    'sply_ty', CASE WHEN r.inter_state THEN 'INTER' ELSE 'INTRA' END, 'pos', r.place_of_supply, 'typ', 'OE',
    'itms', json_agg(json_strip_nulls(json_build_object('rt', r.gst_rate, 'txval', r.value, {_TAXES_OF_PLACE}))
        ORDER BY r.gst_rate))::text
{B2CSA.rows}
GROUP BY r.last_day, r.inter_state, r.place_of_supply
ORDER BY r.last_day, r.place_of_supply"""
_B2CS = f"""
SELECT json_strip_nulls(json_build_object('sply_ty', CASE WHEN r.inter_state THEN 'INTER' ELSE 'INTRA' END,
    'pos', r.place_of_supply, 'typ', 'OE', 'rt', r.gst_rate, 'txval', r.value, {_TAXES_OF_PLACE}))::text
FROM (
    SELECT s.inter_state, s.place_of_supply, s.gst_rate, sum(s.value)::numeric(14,2) AS value,
        sum(s.igst)::numeric(14,2) AS igst, sum(s.cgst)::numeric(14,2) AS cgst, sum(s.sgst)::numeric(14,2) AS sgst
    FROM {SUPPLIES}
    WHERE {IN_B2CS}
    GROUP BY 1, 2, 3
) r
ORDER BY r.place_of_supply, r.gst_rate"""
_NIL = f"""
SELECT json_build_object('sply_ty', (ARRAY['INTRB2B', 'INTRAB2B', 'INTRB2C', 'INTRAB2C'])[r.place],
    'nil_amt', r.nil_rated::numeric(14,2), 'expt_amt', r.exempt::numeric(14,2),
    'ngsup_amt', r.non_gst::numeric(14,2))::text
{EXEMP.rows}
WHERE r.nil_rated <> 0 OR r.exempt <> 0 OR r.non_gst <> 0
ORDER BY r.place"""
_DOCUMENTS_ISSUED = f"""
SELECT (ARRAY[1, 5, 4])[r.place], json_build_object(
    'num', row_number() OVER (PARTITION BY r.place ORDER BY {DOCS.order}),
    'from', r.first_number, 'to', r.last_number, 'totnum', r.documents, 'cancel', r.cancelled,
    'net_issue', r.documents - r.cancelled)::text
{DOCS.rows}
ORDER BY {DOCS.order}"""


def _summary(profile: Profile, begin: int = 1) -> str:
    uqc = f"coalesce({coded('r.unit', UNIT_QUANTITY_CODES | {'service': 'NA'})}, 'OTH')"
    return f"""
SELECT json_strip_nulls(json_build_object('num', {begin} - 1 + row_number() OVER (ORDER BY {profile.order}),
    'hsn_sc', r.hsn_code, 'desc', left({coded("left(r.hsn_code, 4)", HSN_DESCRIPTIONS)}, 30), 'uqc', {uqc},
    'qty', round(r.quantity, 2), 'rt', r.gst_rate, 'txval', r.value::numeric(14,2), 'iamt', r.igst::numeric(14,2),
    'camt', r.cgst::numeric(14,2), 'samt', r.sgst::numeric(14,2), 'csamt', 0.00))::text
{profile.rows}
ORDER BY {profile.order}"""


_OF_3_1 = f"""
SELECT json_build_object(
    'osup_det', json_build_object('txval', r.taxed, {_TAXES}),
    'osup_zero', json_build_object('txval', 0.00, 'iamt', 0.00, 'csamt', 0.00),
    'osup_nil_exmp', json_build_object('txval', r.untaxed),
    'isup_rev', json_build_object('txval', 0.00, 'iamt', 0.00, 'camt', 0.00, 'samt', 0.00, 'csamt', 0.00),
    'osup_nongst', json_build_object('txval', r.non_gst))::text
FROM (
    SELECT coalesce(sum(s.value) FILTER (WHERE s.gst_rate > 0), 0)::numeric(14,2) AS taxed,
        coalesce(sum(s.igst), 0)::numeric(14,2) AS igst, coalesce(sum(s.cgst), 0)::numeric(14,2) AS cgst,
        coalesce(sum(s.sgst), 0)::numeric(14,2) AS sgst,
        coalesce(sum(s.value) FILTER (WHERE s.gst_rate = 0 AND s.supply_type <> 'non_gst'), 0)::numeric(14,2)
            AS untaxed,
        coalesce(sum(s.value) FILTER (WHERE s.gst_rate = 0 AND s.supply_type = 'non_gst'), 0)::numeric(14,2) AS non_gst
    FROM {DECLARED}
) r"""
_OF_3_2 = f"""
SELECT r.whom, json_build_object('pos', r.place_of_supply, 'txval', r.value, 'iamt', r.igst)::text
{OTHER_STATES}
ORDER BY r.whom, r.place_of_supply"""


@dataclass(frozen=True, slots=True)
class Gstr1JsonSource:
    """GSTR-1 as JSON; tables without rows are left out."""

    span: Span

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand over the file; its rows are documents, places and HSN codes. Raises validation_failed as ``_head``."""
        gstin, month = _head(session, self.span)
        tables: dict[str, list[Any]] = {
            "b2b": self._grouped(session, _B2B, "ctin", "inv"),
            "b2ba": self._grouped(session, _B2BA, "ctin", "inv"),
            "b2cl": self._grouped(session, _B2CL, "pos", "inv"),
            "b2cla": self._grouped(session, _B2CLA, "pos", "inv"),
            "b2cs": self._rows(session, _B2CS),
            "b2csa": self._rows(session, _B2CSA),
            "cdnr": self._grouped(session, _CDNR, "ctin", "nt"),
            "cdnur": self._rows(session, _CDNUR),
        }
        registered = self._rows(session, _summary(HSN_B2B))
        apart = self.span.first >= HSN_APART_SINCE
        consumers = self._rows(session, _summary(HSN_B2C, begin=1 if apart else len(registered) + 1))
        nil, issued = self._rows(session, _NIL), self._grouped(session, _DOCUMENTS_ISSUED, "doc_num", "docs")
        if apart:
            hsn = {"hsn_b2b": registered, "hsn_b2c": consumers}
        else:
            hsn = {"data": [*registered, *consumers]}
        document: dict[str, Any] = {"gstin": gstin, "fp": month, "version": TOOL_VERSION, "hash": "hash"}
        document |= {name: rows for name, rows in tables.items() if rows}
        document |= {"nil": {"inv": nil}} if nil else {}
        document |= {"hsn": hsn} if registered or consumers else {}
        document |= {"doc_issue": {"doc_det": issued}} if issued else {}
        _hand_over(document, take)
        return sum(map(len, (*tables.values(), registered, consumers)))

    def _rows(self, session: Session, sql: str) -> list[Fragment]:
        return [Fragment(row[-1]) for row in driver_rows(session, sql, self.span)]

    def _grouped(self, session: Session, sql: str, owner: str, documents: str) -> list[dict[str, Any]]:
        found: dict[Any, list[Fragment]] = {}
        for whose, row in driver_rows(session, sql, self.span):
            found.setdefault(whose, []).append(Fragment(row))
        return [{owner: whose, documents: rows} for whose, rows in found.items()]


@dataclass(frozen=True, slots=True)
class Gstr3bJsonSource:
    """What GSTR-3B asks of sales, as JSON: tables 3.1 and 3.2."""

    span: Span

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand over the file; its rows are the places of table 3.2. Raises validation_failed as ``_head``."""
        gstin, month = _head(session, self.span)
        (supplies,) = driver_rows(session, _OF_3_1, self.span)
        places: dict[str, list[Fragment]] = {"unreg": [], "comp": []}
        for whom, row in driver_rows(session, _OF_3_2, self.span):
            places[whom].append(Fragment(row))
        document = {
            "gstin": gstin,
            "ret_period": month,
            "sup_details": Fragment(supplies[0]),
            "inter_sup": {"unreg_details": places["unreg"], "comp_details": places["comp"], "uin_details": []},
        }
        _hand_over(document, take)
        return len(places["unreg"]) + len(places["comp"])


def _head(session: Session, span: Span) -> tuple[str, str]:
    """GSTIN and month of a return. Raises validation_failed: no month or quarter, a seller without GSTIN."""
    last = (span.last + timedelta(days=1)).day == 1
    months = (span.last.year - span.first.year) * 12 + span.last.month - span.first.month + 1
    if span.first.day != 1 or not last or months not in {1, LONGEST_MONTHS}:
        raise invalid("/query/period", "A return is of a month, or of the three months of a quarter.")
    gstin = driver_rows(session, "SELECT gstin FROM settings", span)[0][0]
    if gstin is None:
        raise invalid("/query/period", "A seller without GSTIN files no return.")
    return gstin, f"{span.last:%m%Y}"


def _hand_over(document: dict[str, Any], take: Take) -> None:
    written = orjson.dumps(document)
    for begin in range(0, len(written), CHUNK_BYTES):
        if take(written[begin : begin + CHUNK_BYTES]) is False:
            return
