"""``/exports``: files for accountants, streamed from one snapshot."""

from datetime import date
from typing import Any

from flask import Response

from dairy_app.business.queries import today
from dairy_app.customers.queries import get_visible_customer
from dairy_app.exports.files import manifests
from dairy_app.exports.files.downloads import MEDIA_TYPES, Download, download_of
from dairy_app.exports.files.monthly_sheet import MonthlySheet
from dairy_app.exports.files.streams import ExportStream
from dairy_app.exports.gst.registration import require_completeness
from dairy_app.exports.gst.schemes import require_regular
from dairy_app.exports.gst.self_checks import require_agreement, self_checks
from dairy_app.exports.policy import check_export
from dairy_app.exports.rules import Span
from dairy_app.exports.schemas import (
    CsvQuery,
    ManifestOut,
    ManifestQuery,
    MonthlySheetQuery,
    ReturnQuery,
    SetQuery,
    SpanQuery,
)
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_database

exports = Blueprint("exports", __name__, description="CSV, XLSX, GSTR-1, Tally and Zoho for accountants")

HEADERS = {
    "Content-Disposition": {"description": "File name of profile, version and days.", "schema": {"type": "string"}},
    "X-Export-Profile": {"description": "The profile.", "schema": {"type": "string"}},
    "X-Export-Version": {"description": "Raised when columns change.", "schema": {"type": "integer"}},
}
TEXT = {"type": "string"}
BINARY = {"type": "string", "format": "binary"}
OBJECT = {"type": "object"}
OBJECTS = {"type": "array", "items": OBJECT}


@exports.route("/exports/<path:profile>.csv")
@exports.arguments(CsvQuery, location="query")
@exports.response(200, TEXT, content_type="text/csv", headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_csv(asked: dict[str, Any], profile: str) -> Response:
    """A register as CSV: RFC 4180, CRLF, header, UTF-8 with BOM, money with two decimals.

    Profiles: ``invoice-register``, ``invoice-lines``, ``deliveries``, ``receipts``, ``allocations``, ``ledger``,
    ``ageing``, ``credit``, ``statement``, ``unbilled``, ``exceptions``, ``zoho-invoices``, ``zoho-credit-notes``,
    ``zoho-payments``; reports:
    ``sales-by-product``, ``sales-by-area``, ``sales-by-month``, ``sales-by-customer``, ``customer-changes``,
    ``short-deliveries``, ``containers``; of the day ``refunds``, ``container-movements``, ``closed-days``,
    ``charge-rules`` (without days); lists that need no days and that ``POST /imports/…`` takes back:
    ``customers``, ``standing-orders`` (for admins); for the return ``gstr1/b2b``, ``b2cl``, ``b2cs``, ``cdnr``,
    ``cdnur``, ``exemp``, ``hsn-b2b``, ``hsn-b2c``, ``docs``, what amends returns filed before in ``gstr1/b2ba``,
    ``b2cla``, ``b2csa``, ``cdnra``, and ``gstr3b``; for e-invoices ``einvoice``; of a composition dealer ``cmp08``,
    who has none of those of the return (``under_composition``).
    A text that a spreadsheet would take for a formula gets a leading apostrophe; numbers are never touched. An answer
    that ends without its closing chunk is incomplete.
    """
    return stream(download_of(profile, "csv"), **asked)


@exports.route("/exports/<path:profile>.xlsx")
@exports.arguments(SpanQuery, location="query")
@exports.response(200, BINARY, content_type=MEDIA_TYPES["xlsx"], headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_xlsx(asked: dict[str, Any], profile: str) -> Response:
    """The same profiles as a workbook: texts (HSN, pincode) as text, numbers and dates as such, never a formula."""
    return stream(download_of(profile, "xlsx"), **asked)


@exports.route("/exports/gstr1.zip")
@exports.arguments(SetQuery, location="query")
@exports.response(200, BINARY, content_type="application/zip", headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_gstr1(asked: dict[str, Any]) -> Response:
    """The GSTR-1 set: a CSV per table, manifest.json, and self-checks.json and .csv that say whether it agrees.

    ``self_check_failed`` while it does not, unless ``despite_findings``.
    """
    return stream_set(**asked)


@exports.route("/exports/gstr1.json")
@exports.arguments(ReturnQuery, location="query")
@exports.response(200, OBJECT, headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_gstr1_json(asked: dict[str, Any]) -> Response:
    """GSTR-1 as the JSON that the portal takes; its sums are those of the set, to the paisa.

    Of a month, or of a quarter's three months. ``self_check_failed`` while the tables do not agree, unless
    ``despite_findings``.
    """
    return stream_set("json", **asked)


@exports.route("/exports/gstr3b.json")
@exports.arguments(SpanQuery, location="query")
@exports.response(200, OBJECT, headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_gstr3b_json(asked: dict[str, Any]) -> Response:
    """What GSTR-3B asks of sales: tables 3.1 and 3.2, in the portal's form; ``gstr3b.csv`` has the same figures."""
    return stream(download_of("gstr3b", "json"), **asked)


@exports.route("/exports/einvoice.json")
@exports.arguments(ReturnQuery, location="query")
@exports.response(200, OBJECTS, headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_e_invoices(asked: dict[str, Any]) -> Response:
    """Tax invoices to registered buyers, and their credit notes, without an IRN: INV-01 as the portal takes it in bulk.

    ``e_invoices_incomplete`` while documents lack something, named with what it is; with ``despite_findings`` those are
    left out. ``einvoice.csv`` lists all, with what is missing.
    """
    return stream_e_invoices(**asked)


@exports.route("/exports/tally.xml")
@exports.arguments(SpanQuery, location="query")
@exports.response(200, TEXT, content_type="application/xml", headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_tally(asked: dict[str, Any]) -> Response:
    """Vouchers for Tally's import: sales, credit notes, receipts and what corrected them.

    Import ``tally-masters.xml`` of the same days first: vouchers name ledgers that must exist.
    """
    return stream(download_of("tally"), **asked)


@exports.route("/exports/tally-masters.xml")
@exports.arguments(SpanQuery, location="query")
@exports.response(200, TEXT, content_type="application/xml", headers=HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def export_tally_masters(asked: dict[str, Any]) -> Response:
    """The ledgers, customers and units that the vouchers of the same days name."""
    return stream(download_of("tally-masters"), **asked)


@exports.route("/exports/<path:profile>.manifest.json")
@exports.arguments(ManifestQuery, location="query")
@exports.response(200, ManifestOut)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True, may_lag=True)
def read_manifest(asked: dict[str, Any], profile: str) -> dict[str, Any]:
    """Row count, sums and SHA-256 of the file that the same parameters give; ``format`` chooses which.

    Also of ``gstr1`` (with its self-checks), ``tally`` and ``tally-masters``.
    """
    download = download_of(profile, asked.pop("form"))
    span, bom = _span(download, **asked)
    with current_database().for_longer_work().transaction(read_only=True, snapshot=True) as session:
        return manifests.manifest(session, download, span, bom=bom)


@exports.route("/billing/monthly-view.xlsx")
@exports.arguments(MonthlySheetQuery, location="query")
@exports.response(200, BINARY, content_type=MEDIA_TYPES["xlsx"])
@allow(Role.ACCOUNTANT, Role.ADMIN, Role.MARKETING_STAFF, own_transactions=True, may_lag=True)
def export_monthly_view(asked: dict[str, Any]) -> Response:
    """The month's grid as a workbook; marketing staff get their own customers, without payments."""
    actor, period = current_actor(), asked.pop("period")
    is_marketing = actor.role == Role.MARKETING_STAFF
    if is_marketing:
        asked["marketing_staff_id"] = actor.user_id
    sheet = MonthlySheet(period, asked, with_payments=not is_marketing)
    headers = {"Content-Disposition": f'attachment; filename="monthly-view-{period}.xlsx"', "Cache-Control": "no-store"}
    return Response(
        ExportStream(current_database().for_longer_work(), sheet), content_type=MEDIA_TYPES["xlsx"], headers=headers
    )


def stream_set(form: str = "zip", *, despite_findings: bool = False, **asked: Any) -> Response:
    """The GSTR-1 set; ``self_check_failed`` while its tables do not agree, unless ``despite_findings``."""
    download = download_of("gstr1", form)
    if not despite_findings:
        with current_database().transaction(read_only=True, snapshot=True) as session:
            require_agreement(self_checks(session, _span(download, **asked)[0]))
    return stream(download, **asked)


def stream_e_invoices(*, despite_findings: bool = False, **asked: Any) -> Response:
    """The documents to be registered; ``e_invoices_incomplete`` while one lacks something, unless told otherwise."""
    download = download_of("einvoice", "json")
    if not despite_findings:
        span = _span(download, **asked)[0]
        with current_database().for_longer_work().transaction(read_only=True, snapshot=True) as session:
            require_completeness(session, span)
    return stream(download, **asked)


def stream(download: Download, **asked: Any) -> Response:
    """A file as the answer of a view that has ``own_transactions``; ``asked``: what ``CsvQuery`` reads."""
    span, bom = _span(download, **asked)
    stream = ExportStream(current_database().for_longer_work(), download.source(span, bom))
    headers = {
        "Content-Disposition": f'attachment; filename="{download.file_name(span)}"',
        "X-Export-Profile": download.name,
        "X-Export-Version": str(download.version),
        "Cache-Control": "no-store",
    }
    return Response(stream, content_type=download.media_type, headers=headers)


def _today() -> date:
    with current_database().transaction(read_only=True) as session:
        return today(session)


def _span(download: Download, *, bom: bool = True, **asked: Any) -> tuple[Span, bool]:
    """Raises validation_failed for days or a customer that do not fit, customer_not_found, and under_composition for a
    return that a composition dealer does not file."""
    check_export(current_actor(), download)
    span = download.span(**asked, today=_today)
    download.require(span)
    if span.customer_id is not None:
        with current_database().for_longer_work().transaction(read_only=True) as session:
            get_visible_customer(session, current_actor(), span.customer_id)
    if download.of_regular:
        with current_database().for_longer_work().transaction(read_only=True) as session:
            require_regular(session, span)
    return span, bom
