"""The exports as data: which columns, in which order, from where. A change of columns is a new version.

A profile is a table of columns and a FROM clause; ``source_of`` makes the one statement that any of them needs.
A paper that was made void keeps its row and its number, with all values 0: so the columns can be summed as they
stand, and Σ register = Σ lines + round-off holds without a filter. What the void paper said is in the invoice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.common.csv_stream import CsvSource
from dairy_app.exports.gst_codes import STATES, UNIT_QUANTITY_CODES
from dairy_app.exports.span import Span

#: The zone in which instants are written.
_TIME_ZONE = "(SELECT time_zone FROM settings)"


class Kind(Enum):
    """What a column holds, and so how it is written."""

    #: Guarded: a spreadsheet must not take it for a formula.
    TEXT = "text"
    #: Text out of our own closed lists and formats: cannot look like a formula.
    WORD = "word"
    #: Rupees: two decimals; what manifests sum up.
    MONEY = "money"
    #: Counts, quantities, per cent, unit prices.
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and the SQL expression of its cells."""

    name: str
    sql: str
    kind: Kind

    def cell(self) -> str:
        """The SQL of a cell. A text that after spaces starts with = + - @ TAB CR gets an apostrophe."""
        if self.kind is Kind.TEXT:
            return rf"regexp_replace({self.sql}, '^( *[=+@\t\r-])', '''\1')"
        return self.sql


@dataclass(frozen=True, slots=True)
class Profile:
    """One export: name and version stand in file name and headers.

    ``rows`` is the FROM and WHERE, with parameters ``first``, ``last`` (days) and ``as_of``; ``order`` is total.
    """

    name: str
    version: int
    title: str
    columns: tuple[Column, ...]
    rows: str
    order: str

    def file_name(self, span: Span) -> str:
        return f"{self.name.replace('/', '-')}-v{self.version}-{span.label}.csv"


def _text(name: str, sql: str) -> Column:
    return Column(name, sql, Kind.TEXT)


def _word(name: str, sql: str) -> Column:
    return Column(name, sql, Kind.WORD)


def _number(name: str, sql: str) -> Column:
    return Column(name, sql, Kind.NUMBER)


def _money(name: str, sql: str) -> Column:
    return Column(name, sql, Kind.MONEY)


def _date(name: str, sql: str) -> Column:
    return Column(name, sql, Kind.DATE)


def _coded(sql: str, codes: Mapping[str, str]) -> str:
    """A CASE that looks ``sql`` up in a closed list; NULL for what is not in it."""
    whens = " ".join(f"WHEN '{key}' THEN '{value}'" for key, value in codes.items())
    return f"CASE {sql} {whens} END"


def _buyer(key: str) -> str:
    return f"i.snapshot #>> '{{buyer,{key}}}'"


def _valued(sql: str) -> str:
    """An amount of a paper; 0 when the paper is void."""
    return f"CASE i.status WHEN 'issued' THEN {sql} ELSE 0 END::numeric(14,2)"


# Nil-rated and non-GST value are not stored on the paper; what is left of its untaxed value is exempt.
_REGISTER_ROWS = """
FROM invoices i
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.line_total) FILTER (WHERE l.supply_type = 'nil_rated'), 0) AS nil_rated,
        coalesce(sum(l.line_total) FILTER (WHERE l.supply_type = 'non_gst'), 0) AS non_gst
    FROM invoice_lines l WHERE l.invoice_id = i.id AND l.gst_rate = 0
) untaxed
WHERE i.status IN ('issued', 'void') AND i.invoice_date BETWEEN %(first)s AND %(last)s"""

#: No payments yet: everything issued is open.
_BALANCE_DUE = _valued("i.total")

INVOICE_REGISTER = Profile(
    name="invoice-register",
    version=1,
    title="One row per document, by series, financial year and number. The dates choose the invoice date.",
    columns=(
        _word("document_type", "i.document_type"),
        _text("series", "i.series"),
        _text("number", "i.number"),
        _word("financial_year", "i.financial_year"),
        _date("invoice_date", "i.invoice_date"),
        _date("period_from", "i.period_start"),
        _date("period_to", "i.period_end"),
        _word("status", "i.status"),
        _text("original_document_number", "NULL::text"),
        _text("reason", "i.void_reason"),
        _text("customer_code", _buyer("code")),
        _text("customer_name", _buyer("name")),
        _text("customer_gstin", _buyer("gstin")),
        _text("gst_treatment", _buyer("gst_treatment")),
        _text("billing_address", _buyer("address")),
        _text("pincode", _buyer("pincode")),
        _text("place_of_supply_code", "i.place_of_supply"),
        _word("place_of_supply_name", _coded("i.place_of_supply", STATES)),
        _text("supplier_gstin", "i.snapshot #>> '{seller,gstin}'"),
        _text("area", _buyer("area")),
        _word("currency", "'INR'"),
        _money("exempt_value", _valued("i.exempt_value - untaxed.nil_rated - untaxed.non_gst")),
        _money("nil_rated_value", _valued("untaxed.nil_rated")),
        _money("non_gst_value", _valued("untaxed.non_gst")),
        _money("taxable_value", _valued("i.taxable_value")),
        _money("cgst_amount", _valued("i.cgst")),
        _money("sgst_amount", _valued("i.sgst")),
        _money("igst_amount", _valued("i.igst")),
        _money("round_off", _valued("i.round_off")),
        _money("total_amount", _valued("i.total")),
        _money("amount_paid", "0.00"),
        _money("credit_applied", "0.00"),
        _money("balance_due", _BALANCE_DUE),
        _date("due_date", "i.due_date"),
        _number("days_overdue", f"CASE WHEN {_BALANCE_DUE} > 0 THEN greatest(%(as_of)s - i.due_date, 0) ELSE 0 END"),
        _word("issued_at", """to_char(i.issued_at, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM')"""),
        _word("document_hash", "i.document_hash"),
    ),
    rows=_REGISTER_ROWS,
    order="i.series, i.financial_year, i.sequence_no",
)

# The papers are sorted, not their lines: seven times fewer rows, and the first line comes out before the last is
# read. OFFSET 0 keeps the planner from joining first and sorting everything afterwards.
_LINES_ROWS = """
FROM (SELECT * FROM invoices
    WHERE status = 'issued' AND invoice_date BETWEEN %(first)s AND %(last)s
    ORDER BY series, financial_year, sequence_no) i
CROSS JOIN LATERAL (SELECT * FROM invoice_lines WHERE invoice_id = i.id ORDER BY line_no OFFSET 0) l"""

INVOICE_LINES = Profile(
    name="invoice-lines",
    version=1,
    title="One row per line of an issued invoice, in the order of the register; no lines of void papers.",
    columns=(
        _text("number", "i.number"),
        _date("invoice_date", "i.invoice_date"),
        _text("customer_code", _buyer("code")),
        _text("customer_name", _buyer("name")),
        _number("line_no", "l.line_no"),
        _word("source", "l.source"),
        _word("prior_period", "l.prior_period::text"),
        _date("first_date", "l.first_date"),
        _date("last_date", "l.last_date"),
        _text("product_sku", "(SELECT p.sku FROM products p WHERE p.id = l.product_id)"),
        _text("description", "l.description"),
        _text("hsn", "l.hsn_code"),
        _word("supply_type", "l.supply_type"),
        _number("quantity", "trim_scale(l.quantity)"),
        _word("uqc", _coded("l.unit", UNIT_QUANTITY_CODES)),
        _number("unit_price", "l.unit_price"),
        _money("gross_amount", "l.gross_amount"),
        _money("discount_amount", "l.discount"),
        _money("taxable_value", "l.taxable_value"),
        _number("gst_rate", "l.gst_rate"),
        _money("cgst", "l.cgst"),
        _money("sgst", "l.sgst"),
        _money("igst", "l.igst"),
        _money("line_total", "l.line_total"),
    ),
    rows=_LINES_ROWS,
    order="i.series, i.financial_year, i.sequence_no, l.line_no",
)

PROFILES = {profile.name: profile for profile in (INVOICE_REGISTER, INVOICE_LINES)}


def source_of(profile: Profile, span: Span, *, bom: bool = True) -> CsvSource:
    """The rows of a profile over some days, ready to be streamed."""
    cells = ",\n    ".join(f"{column.cell()} AS {column.name}" for column in profile.columns)
    return CsvSource(
        header=[column.name for column in profile.columns],
        select=f"SELECT {cells}{profile.rows}\nORDER BY {profile.order}",
        parameters=span.parameters,
        bom=bom,
        time_zone=_TIME_ZONE,
    )


def count_of(session: Session, profile: Profile, span: Span) -> int:
    """How many rows an export has."""
    return int(_driver_rows(session, f"SELECT count(*){profile.rows}", span)[0][0])


def totals_of(session: Session, profile: Profile, span: Span) -> dict[str, Decimal]:
    """The sums of the money columns, in rupees."""
    amounts = [column for column in profile.columns if column.kind is Kind.MONEY]
    sums = ", ".join(f"coalesce(sum({column.sql}), 0)" for column in amounts)
    row = _driver_rows(session, f"SELECT {sums}{profile.rows}", span)[0]
    return {column.name: total for column, total in zip(amounts, row, strict=True)}


def _driver_rows(session: Session, sql: str, span: Span) -> Sequence[Any]:
    """The profiles are written with the driver's own parameters, because COPY knows no others."""
    return session.connection().exec_driver_sql(sql, span.parameters).all()
