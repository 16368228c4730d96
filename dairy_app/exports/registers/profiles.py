"""The exports as data: which profiles there are, and the one statement that any of them needs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.exports.books.zoho import ZOHO_CREDIT_NOTES, ZOHO_INVOICES, ZOHO_PAYMENTS
from dairy_app.exports.files.streams import CsvSource
from dairy_app.exports.gst.composition import CMP08
from dairy_app.exports.gst.einvoice import EINVOICE
from dairy_app.exports.gst.gstr1 import GSTR1
from dairy_app.exports.gst.gstr3b import GSTR3B
from dairy_app.exports.registers.columns import Kind, Profile
from dairy_app.exports.registers.day_to_day import DAY_TO_DAY
from dairy_app.exports.registers.documents import DELIVERIES, INVOICE_LINES, INVOICE_REGISTER, UNBILLED
from dairy_app.exports.registers.findings import EXCEPTIONS
from dairy_app.exports.registers.lists import CUSTOMERS, STANDING_ORDERS
from dairy_app.exports.registers.money import AGEING, ALLOCATIONS, CREDIT, LEDGER, RECEIPTS, STATEMENT
from dairy_app.exports.registers.reports import REPORTS
from dairy_app.exports.rules import Span

PROFILES = {
    profile.name: profile
    for profile in (
        INVOICE_REGISTER,
        INVOICE_LINES,
        DELIVERIES,
        RECEIPTS,
        ALLOCATIONS,
        LEDGER,
        AGEING,
        CREDIT,
        STATEMENT,
        UNBILLED,
        EXCEPTIONS,
        *GSTR1,
        GSTR3B,
        EINVOICE,
        CMP08,
        ZOHO_INVOICES,
        ZOHO_CREDIT_NOTES,
        ZOHO_PAYMENTS,
        *REPORTS,
        *DAY_TO_DAY,
        CUSTOMERS,
        STANDING_ORDERS,
    )
}


def select_of(profile: Profile, cells: Sequence[str]) -> str:
    """The statement of a profile. Headings may hold a per cent sign, which the driver would take for a parameter."""
    named = ",\n    ".join(f"{cell} AS c{place}" for place, cell in enumerate(cells))
    return f"SELECT {named}{profile.rows}\nORDER BY {profile.order}"


def csv_of(profile: Profile, span: Span, *, bom: bool = True) -> CsvSource:
    """The rows of a profile over some days, ready to be streamed."""
    return CsvSource(
        header=[column.name for column in profile.columns],
        select=select_of(profile, [column.cell() for column in profile.columns]),
        parameters=span.parameters,
        bom=bom,
    )


def count_of(session: Session, profile: Profile, span: Span) -> int:
    """How many rows an export has."""
    return int(driver_rows(session, f"SELECT count(*){profile.rows}", span)[0][0])


def totals_of(session: Session, profile: Profile, span: Span) -> dict[str, Decimal]:
    """The sums of the money columns, in rupees."""
    amounts = [column for column in profile.columns if column.kind is Kind.MONEY]
    if not amounts:
        return {}
    sums = ", ".join(f"coalesce(sum({column.sql}), 0)" for column in amounts)
    row = driver_rows(session, f"SELECT {sums}{profile.rows}", span)[0]
    return {column.name: total for column, total in zip(amounts, row, strict=True)}


def driver_rows(session: Session, sql: str, span: Span) -> Sequence[Any]:
    """The profiles are written with the driver's own parameters, because COPY knows no others."""
    return session.connection().exec_driver_sql(sql, span.parameters).all()
