"""``/exports``: registers for accountants, streamed from one snapshot."""

from typing import Any

from flask import Response
from marshmallow import fields

from dairy_app.common.access import Role, allow
from dairy_app.common.csv_stream import CsvStream
from dairy_app.common.errors import Problem
from dairy_app.common.http import Blueprint, current_database
from dairy_app.common.schemas import Day, Money, Month, Strict
from dairy_app.exports import manifests
from dairy_app.exports.profiles import PROFILES, Profile, source_of
from dairy_app.exports.span import Span, span_of

exports = Blueprint("exports", __name__, description="CSV for accountants")

CSV_HEADERS = {
    "Content-Disposition": {"description": "File name of profile, version and days.", "schema": {"type": "string"}},
    "X-Export-Profile": {"description": "The profile.", "schema": {"type": "string"}},
    "X-Export-Version": {"description": "Raised when columns change.", "schema": {"type": "integer"}},
}


class ExportQuery(Strict):
    """Either ``period``, or ``from`` and ``to`` (both included, at most 366 days)."""

    period = Month(load_default=None, metadata={"example": "2026-10"})
    first = Day("iso", data_key="from", load_default=None)
    last = Day("iso", data_key="to", load_default=None)
    as_of = Day(
        "iso",
        load_default=None,
        metadata={"description": "The day for which balances and days overdue are told; default: the last day."},
    )
    bom = fields.Boolean(
        load_default=True, metadata={"description": "false leaves out the byte order mark that Excel wants."}
    )


class ManifestOut(Strict):
    """What a complete download must hold."""

    profile = fields.String()
    version = fields.Integer()
    first = Day(data_key="from")
    last = Day(data_key="to")
    as_of = Day()
    file_name = fields.String()
    rows = fields.Integer(metadata={"description": "Without the header."})
    bytes = fields.Integer()
    sha256 = fields.String()
    sums = fields.Dict(keys=fields.String(), values=Money(), metadata={"description": "Rupees, by column."})


@exports.route("/exports/<path:profile>.csv")
@exports.arguments(ExportQuery, location="query")
@exports.response(200, {"type": "string"}, content_type="text/csv", headers=CSV_HEADERS)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True)
def export_csv(asked: dict[str, Any], profile: str) -> Response:
    """A register as CSV: RFC 4180, CRLF, header, UTF-8 with BOM, money with two decimals.

    Profiles: ``invoice-register``, ``invoice-lines``. A text that a spreadsheet would take for a formula gets a
    leading apostrophe; numbers are never touched. An answer that ends without its closing chunk is incomplete.
    """
    chosen, span, bom = _asked(profile, **asked)
    stream = CsvStream(current_database(), source_of(chosen, span, bom=bom))
    return Response(stream, content_type="text/csv; charset=utf-8", headers=_headers(chosen, span))


@exports.route("/exports/<path:profile>.manifest.json")
@exports.arguments(ExportQuery, location="query")
@exports.response(200, ManifestOut)
@allow(Role.ACCOUNTANT, Role.ADMIN, own_transactions=True)
def read_manifest(asked: dict[str, Any], profile: str) -> dict[str, Any]:
    """Row count, sums and SHA-256 of the CSV that the same parameters give."""
    chosen, span, bom = _asked(profile, **asked)
    with current_database().transaction(read_only=True, snapshot=True) as session:
        return manifests.manifest(session, chosen, span, bom=bom)


def _asked(profile: str, *, bom: bool, **days: Any) -> tuple[Profile, Span, bool]:
    if profile not in PROFILES:
        raise Problem("profile_not_found", f"There are: {', '.join(PROFILES)}.")
    return PROFILES[profile], span_of(**days), bom


def _headers(profile: Profile, span: Span) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{profile.file_name(span)}"',
        "X-Export-Profile": profile.name,
        "X-Export-Version": str(profile.version),
        "Cache-Control": "no-store",
    }
