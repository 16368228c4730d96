"""Files for accountants by plain links: what the API's exports give for a token, for the session of a browser."""

from typing import Any

from flask import Response

from dairy_app.common.errors import Problem
from dairy_app.console.routes.frame import console
from dairy_app.exports import routes as exports
from dairy_app.exports.files.downloads import download_of
from dairy_app.exports.schemas import CsvQuery, ReturnQuery, SetQuery, SpanQuery
from dairy_app.web.access import Role, allow

WHO = (Role.ADMIN, Role.ACCOUNTANT)


@console.route("/downloads/<path:profile>.csv")
@console.arguments(CsvQuery, location="query")
@allow(*WHO, page=True, own_transactions=True, may_lag=True)
def download_csv(asked: dict[str, Any], profile: str) -> Response:
    """A register as CSV."""
    return exports.stream(download_of(profile, "csv"), **asked)


@console.route("/downloads/<path:profile>.xlsx")
@console.arguments(SpanQuery, location="query")
@allow(*WHO, page=True, own_transactions=True, may_lag=True)
def download_xlsx(asked: dict[str, Any], profile: str) -> Response:
    """A register as a workbook."""
    return exports.stream(download_of(profile, "xlsx"), **asked)


@console.route("/downloads/<path:profile>.zip")
@console.arguments(SetQuery, location="query")
@allow(*WHO, page=True, own_transactions=True, may_lag=True)
def download_set(asked: dict[str, Any], profile: str) -> Response:
    """The set for GSTR-1; refused while its tables do not agree, unless that is wanted."""
    if profile != "gstr1":
        raise Problem("profile_not_found")
    return exports.stream_set(**asked)


@console.route("/downloads/<path:profile>.json")
@console.arguments(ReturnQuery, location="query")
@allow(*WHO, page=True, own_transactions=True, may_lag=True)
def download_return(asked: dict[str, Any], profile: str) -> Response:
    """A return as the portal takes it; refused while its tables do not agree, unless that is wanted."""
    if profile == "gstr1":
        return exports.stream_set("json", **asked)
    if profile == "einvoice":
        return exports.stream_e_invoices(**asked)
    del asked["despite_findings"]
    return exports.stream(download_of(profile, "json"), **asked)


@console.route("/downloads/<path:profile>.xml")
@console.arguments(SpanQuery, location="query")
@allow(*WHO, page=True, own_transactions=True, may_lag=True)
def download_xml(asked: dict[str, Any], profile: str) -> Response:
    """Vouchers or masters for Tally."""
    return exports.stream(download_of(profile, "xml"), **asked)
