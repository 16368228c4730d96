"""What must agree before GSTR-1 is filed; the portal warns of the first two itself. A failed check is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.exports.gst.gstr1 import B2B, B2CL, B2CS, CDNR, CDNUR, EXEMP, HSN_B2B, HSN_B2C
from dairy_app.exports.registers.documents import INVOICE_LINES, INVOICE_REGISTER
from dairy_app.exports.registers.entries import DOCUMENTS, SUPPLIES, WITHDRAWN, WITHDRAWN_DOCUMENTS
from dairy_app.exports.registers.profiles import driver_rows, totals_of
from dairy_app.exports.rules import Span

_UNTAXED = f"""
SELECT coalesce(sum(r.nil_rated + r.exempt + r.non_gst) FILTER (WHERE r.to_registered), 0) AS registered,
    coalesce(sum(r.nil_rated + r.exempt + r.non_gst) FILTER (WHERE NOT r.to_registered), 0) AS consumers
{EXEMP.rows}"""

#: What notes come to: those of credit below 0.
_OF_NOTES = "SELECT coalesce(sum(CASE r.place WHEN 2 THEN -r.value ELSE r.value END), 0) AS value {rows}"

#: By how much the amendments to returns filed before change what they declared: never more than 0.
_CHANGED = f"""
SELECT coalesce(sum(s.value) FILTER (WHERE s.to_registered), 0) AS registered,
    coalesce(sum(s.value) FILTER (WHERE NOT s.to_registered), 0) AS consumers
FROM {WITHDRAWN} WHERE s.gst_rate > 0"""

_OF_DOCUMENTS = f"""
SELECT coalesce(sum(r.value), 0) AS value FROM (
    SELECT d.filed_sign * (d.total - d.round_off) AS value FROM {DOCUMENTS} WHERE d.of_gst
    UNION ALL
    SELECT d.filed_sign * (d.total - d.round_off) FROM {WITHDRAWN_DOCUMENTS} WHERE d.of_gst
) r"""

_NUMBERS = f"""
SELECT coalesce(sum(r.given), 0) AS given, coalesce(sum(r.numbers), 0) AS numbers
FROM (SELECT count(*) AS given, max(d.sequence_no) - min(d.sequence_no) + 1 AS numbers
    FROM {DOCUMENTS} GROUP BY d.place, d.series, d.financial_year) r"""

_WITHOUT_HSN = f"SELECT count(*) AS lines FROM {SUPPLIES} WHERE s.hsn_code IS NULL"


@dataclass(frozen=True, slots=True)
class Check:
    """Two sums that must be equal, in rupees unless it counts something."""

    name: str
    what: str
    left: Decimal
    right: Decimal

    @property
    def difference(self) -> Decimal:
        return self.left - self.right

    @property
    def passed(self) -> bool:
        return self.left == self.right

    def facts(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "what": self.what,
            "left": str(self.left),
            "right": str(self.right),
            "difference": str(self.difference),
            "passed": self.passed,
        }


def self_checks(session: Session, span: Span) -> Sequence[Check]:
    """The checks of the documents of some days, all of them, whether they pass or not."""
    taxed = {each.name: totals_of(session, each, span)["Taxable Value"] for each in (B2B, B2CL, B2CS, HSN_B2B, HSN_B2C)}
    notes = {each.name: driver_rows(session, _OF_NOTES.format(rows=each.rows), span)[0].value for each in (CDNR, CDNUR)}
    untaxed = driver_rows(session, _UNTAXED, span)[0]
    changed = driver_rows(session, _CHANGED, span)[0]
    return [
        Check(
            "hsn_b2b",
            "HSN b2b = b2b + change by b2ba - cdnr (C) + cdnr (D) + untaxed supplies to registered persons",
            taxed[HSN_B2B.name],
            taxed[B2B.name] + changed.registered + notes[CDNR.name] + untaxed.registered,
        ),
        Check(
            "hsn_b2c",
            "HSN b2c = b2cs + b2cl + change by b2csa, b2cla - cdnur (C) + cdnur (D) + untaxed supplies to consumers",
            taxed[HSN_B2C.name],
            taxed[B2CS.name] + taxed[B2CL.name] + changed.consumers + notes[CDNUR.name] + untaxed.consumers,
        ),
        *_of_registers(session, span),
        *_of_papers(session, span),
    ]


def _of_registers(session: Session, span: Span) -> Sequence[Check]:
    register, lines = (totals_of(session, each, span) for each in (INVOICE_REGISTER, INVOICE_LINES))
    summaries = [totals_of(session, each, span) for each in (HSN_B2B, HSN_B2C)]
    return [
        Check(
            "register",
            "invoice-register total = invoice-lines total + round-off",
            register["total_amount"],
            lines["line_total"] + register["round_off"],
        ),
        Check(
            "hsn_total",
            "HSN value with tax = documents without round-off, less those withdrawn from returns filed before",
            sum((each["Total Value"] for each in summaries), Decimal("0.00")),
            driver_rows(session, _OF_DOCUMENTS, span)[0].value,
        ),
        Check(
            "hsn_taxes",
            "HSN taxes + value = HSN total",
            sum((_with_taxes(each) for each in summaries), Decimal("0.00")),
            sum((each["Total Value"] for each in summaries), Decimal("0.00")),
        ),
    ]


def _with_taxes(sums: Mapping[str, Decimal]) -> Decimal:
    taxes = ("Integrated Tax Amount", "Central Tax Amount", "State/UT Tax Amount", "Cess Amount")
    return sums["Taxable Value"] + sum(sums[name] for name in taxes)


def _of_papers(session: Session, span: Span) -> Sequence[Check]:
    numbers = driver_rows(session, _NUMBERS, span)[0]
    without_hsn = driver_rows(session, _WITHOUT_HSN, span)[0].lines
    return [
        Check(
            "numbers", "documents = numbers from the first to the last of each series", numbers.given, numbers.numbers
        ),
        Check("hsn_codes", "lines without an HSN code = 0", Decimal(without_hsn), Decimal(0)),
    ]


def require_agreement(checks: Sequence[Check]) -> None:
    """Raise ``self_check_failed`` when tables do not agree: they are not to be filed by mistake."""
    failed = [check for check in checks if not check.passed]
    if failed:
        found = "; ".join(f"{check.what}: {check.left} and {check.right}" for check in failed)
        raise Problem("self_check_failed", found, facts={"checks": [check.facts() for check in failed]})
