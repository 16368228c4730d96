"""``/imports``: files as people keep them."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Response, request

from dairy_app.importing.schemas import (
    CustomersImported,
    ImportIn,
    ImportOut,
    ImportQuery,
    OpeningBalanceIn,
    OpeningBalancesEntered,
)
from dairy_app.importing.service.importing import Import, import_file
from dairy_app.receivables.service.opening_balances import (
    SHOWN,
    Entered,
    EnteredRow,
    NewOpeningBalance,
    enter_one,
    entered,
)
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.uploads import guarded

imports = Blueprint("imports", __name__, description="Files as people keep them")

TEXT = {"type": "string"}
CSV = "text/csv"
ITEM = ("line", "code", "id", "receipt_no", "skipped")

View = TypeVar("View", bound=Callable[..., Any])


def as_csv_if_asked(view: View) -> View:
    """Of an answer only the rows, as CSV, for whoever accepts nothing else; a repeat may ask for the other form."""

    @wraps(view)
    def answering(*args: Any, **kwargs: Any) -> Any:
        response = view(*args, **kwargs)
        wanted = request.accept_mimetypes.best_match(["application/json", CSV], "application/json")
        if wanted != CSV or not isinstance(response, Response) or response.status_code >= HTTPStatus.BAD_REQUEST:
            return response
        text = io.StringIO()
        table = csv.DictWriter(text, ITEM, extrasaction="ignore")
        table.writeheader()
        for item in json.loads(response.get_data())["items"]:
            table.writerow({name: guarded(cell) if isinstance(cell, str) else cell for name, cell in item.items()})
        response.set_data(text.getvalue())
        response.content_type = "text/csv; charset=utf-8"
        return response

    return answering  # type: ignore[return-value]


def _wanted(query: dict[str, Any], body: Import) -> Import:
    """What stands in the query string goes before what stands beside the file."""
    given = {name: query[name] for name in ("dry_run", "on_existing", "confirm") if query[name] is not None}
    return replace(body, **given)


def _take(kind: str, query: dict[str, Any], body: Import) -> tuple[dict[str, Any], int]:
    wanted = _wanted(query, body)
    told = import_file(current_session(), current_actor(), kind, wanted)
    return told, HTTPStatus.OK if wanted.dry_run else HTTPStatus.CREATED


@imports.route("/imports/customers", methods=["POST"])
@as_csv_if_asked
@idempotent
@imports.arguments(ImportQuery, location="query")
@imports.arguments(ImportIn)
@imports.response(200, TEXT, content_type=CSV)
@imports.response(201, TEXT, content_type=CSV)
@imports.response(201, ImportOut)
@imports.alt_response(200, schema=ImportOut, description="Of a dry run.")
@allow(Role.ADMIN)
def import_customers(query: dict[str, Any], body: Import) -> tuple[dict[str, Any], int]:
    """Register the customers of a file, with what they get and what they owed: all rows or none.

    Columns of a customer, of a standing order (``product``, ``quantity``, ``shift`` …) or one for each product with the
    quantity a day, and ``opening_balance``. A customer may stand in several rows, one for each product.
    """
    return _take("customers", query, body)


@imports.route("/imports/standing-orders", methods=["POST"])
@as_csv_if_asked
@idempotent
@imports.arguments(ImportQuery, location="query")
@imports.arguments(ImportIn)
@imports.response(200, TEXT, content_type=CSV)
@imports.response(201, TEXT, content_type=CSV)
@imports.response(201, ImportOut)
@imports.alt_response(200, schema=ImportOut, description="Of a dry run.")
@allow(Role.ADMIN)
def import_standing_orders(query: dict[str, Any], body: Import) -> tuple[dict[str, Any], int]:
    """Begin the standing orders of a file for registered customers: all rows or none."""
    return _take("standing-orders", query, body)


@imports.route("/imports/opening-balances", methods=["POST"])
@as_csv_if_asked
@idempotent
@imports.arguments(ImportQuery, location="query")
@imports.arguments(ImportIn)
@imports.response(200, TEXT, content_type=CSV)
@imports.response(201, TEXT, content_type=CSV)
@imports.response(201, ImportOut)
@imports.alt_response(200, schema=ImportOut, description="Of a dry run.")
@allow(Role.ADMIN, Role.ACCOUNTANT)
def import_opening_balances(query: dict[str, Any], body: Import) -> tuple[dict[str, Any], int]:
    """Enter what the customers of a file owed when the books began: all rows or none."""
    return _take("opening-balances", query, body)


@imports.route("/imports/payments", methods=["POST"])
@as_csv_if_asked
@idempotent
@imports.arguments(ImportQuery, location="query")
@imports.arguments(ImportIn)
@imports.response(200, TEXT, content_type=CSV)
@imports.response(201, TEXT, content_type=CSV)
@imports.response(201, ImportOut)
@imports.alt_response(200, schema=ImportOut, description="Of a dry run.")
@allow(Role.ADMIN, Role.ACCOUNTANT)
def import_payments(query: dict[str, Any], body: Import) -> tuple[dict[str, Any], int]:
    """Book the payments of a file, each with a receipt: all rows or none. They settle what is oldest."""
    return _take("payments", query, body)


@imports.route("/customers/import", methods=["POST"])
@idempotent
@imports.arguments(ImportQuery, location="query")
@imports.arguments(ImportIn)
@imports.response(201, CustomersImported)
@allow(Role.ADMIN)
def import_customers_as_before(query: dict[str, Any], body: Import) -> dict[str, Any]:
    """``POST /imports/customers`` as it was called before. A dry run answers 201, and refuses what would be refused."""
    told = import_file(current_session(), current_actor(), "customers", _wanted(query, body), tells_faults=False)
    known = [{name: cell for name, cell in item.items() if cell is not None} for item in told["items"][:SHOWN]]
    return told | {"items": known}


@imports.route("/opening-balances", methods=["POST"])
@idempotent
@imports.arguments(ImportQuery, location="query")
@imports.arguments(OpeningBalanceIn)
@imports.response(201, OpeningBalancesEntered)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def enter_opening_balances(query: dict[str, Any], body: NewOpeningBalance | Import) -> Entered:
    """Enter what one customer owed when the books began, or a file of many: all rows or none."""
    session, actor = current_session(), current_actor()
    if isinstance(body, NewOpeningBalance):
        return enter_one(session, actor, body, dry_run=bool(query["dry_run"]))
    wanted = _wanted(query, body)
    told = import_file(session, actor, "opening-balances", wanted, tells_faults=False)
    names = [each.name for each in fields(EnteredRow)]
    rows = [EnteredRow(**{name: item[name] for name in names}) for item in told["items"] if not item["skipped"]]
    return entered(rows, dry_run=wanted.dry_run)
