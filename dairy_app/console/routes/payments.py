"""Payments: many on one sheet, and one by itself, with the way to take it back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from flask import Response, g, url_for

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import customers_named
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.console.rules import sheet
from dairy_app.console.rules.sheet import Row
from dairy_app.receivables.models import PAYMENT_METHODS
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, ask, together, tried

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: What an empty row says.
USUAL_METHOD = "upi"


@dataclass(slots=True)
class Judged:
    """What became of the rows: what the API answered to those that are right, what is wrong with the others."""

    booked: dict[int, dict[str, Any]] = field(default_factory=dict)
    wrong: dict[int, dict[str, str]] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        return sum((Decimal(each["amount"]) for each in self.booked.values()), Decimal(0))


@console.route("/who-owes/payments")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def payment_sheet(query: dict[str, str]) -> Response:
    """An empty sheet."""
    del query
    rows = sheet.empty_rows(USUAL_METHOD, today(current_session()).isoformat())
    return _sheet_page(rows, str(uuid4()), sheet.EMPTY_ROWS)


@console.route("/who-owes/payments", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def book_payments(form: dict[str, str]) -> Response:
    """Look at every row, or book those that are right. Each has a key of its own: sent again, it is booked once."""
    key, given = form.get("key", ""), form.get("lines_from", "")
    if not key or len(key) > 100 or not given.isdecimal() or len(given) > 5:
        raise Problem("malformed_request")
    text, first = form.get("lines", ""), int(given)
    pasted = sheet.pasted_rows(text, first, _methods())
    rows = [*sheet.typed_rows(form), *pasted]
    if len(pasted) > sheet.MOST_LINES:
        said = frame.words()("sheet_too_long", n=sheet.MOST_LINES)
        return _sheet_page(rows[: -len(pasted)], key, first, status=422, lines=text, wrong_lines=said)
    is_booking = form.get("do") == "book"
    with together() if is_booking else tried():
        judged = _judge([row for row in rows if not row.is_empty], key)
    g.form_is_on = url_for("console.payment_sheet")
    left = [row for row in rows if not is_booking or row.number not in judged.booked]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if judged.wrong else HTTPStatus.OK
    return _sheet_page(left, key, first + len(pasted), status=status, judged=judged, is_booked=is_booking)


def _sheet_page(
    rows: Sequence[Row], key: str, lines_from: int, *, status: int = 200, judged: Judged | None = None, **names: Any
) -> Response:
    judged = judged or Judged()
    refused = frame.words()("sheet_wrong", n=len(judged.wrong)) if judged.wrong else None
    names = {"is_booked": False, "lines": "", "methods": PAYMENT_METHODS} | names
    names |= {"rows": rows, "key": key, "lines_from": lines_from, "judged": judged, "refused": refused}
    return frame.page("payment_sheet.html", status, **names)


def _judge(rows: Sequence[Row], key: str) -> Judged:
    """Book each row as the API does; what it refuses is told in words, and nothing of that row stays."""
    judged, t = Judged(), frame.words()
    for row in rows:
        found = customers_named(row.customer)
        body = {"amount": row.amount, "method": row.method, "received_on": row.received_on, "reference": row.reference}
        body = {name: value for name, value in body.items() if value}
        if len(found) == 1:
            body["customer_id"] = found[0]["id"]
        try:
            judged.booked[row.number] = act("POST", "/payments", body, key=f"{key}:{row.number}")
        except Problem as problem:
            whole, wrong = frame.refusal_in_words(problem)
            of_customer = wrong.pop("customer_id", None)
            if len(found) != 1:
                wrong["customer"] = t("sheet_several" if found else "sheet_nobody")
            elif of_customer:
                wrong["customer"] = of_customer
            if "method" in wrong:  # the API names its codes
                wrong["method"] = t("sheet_method")
            judged.wrong[row.number] = wrong or {"row": whole}
    return judged


def _methods() -> dict[str, str]:
    """Words for methods in every language, and their codes."""
    said = {method: method for method in PAYMENT_METHODS}
    for words in frame.catalogues().values():
        said |= {words(f"pay_{method}").lower(): method for method in PAYMENT_METHODS}
    return said


@console.route("/payments/<uuid:payment_id>")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def payment(query: dict[str, str], payment_id: UUID) -> Response:
    """One payment: whose, what it settles, and taking it back."""
    del query
    return _payment_page(payment_id)


def _payment_page(payment_id: UUID, **names: Any) -> Response:
    return frame.page("payment.html", payment=ask(f"/payments/{payment_id}"), **names)


@console.route("/payments/<uuid:payment_id>/reverse", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def take_back_payment(form: dict[str, str], payment_id: UUID) -> Response:
    """Take a payment back: a cheque that bounced, a slip of the hand. Its row stays."""
    address, taken = url_for("console.payment", payment_id=payment_id), {}

    def reverse() -> None:
        body = frame.fields_of(form, "reason", "reversed_on")
        taken.update(act("POST", f"/payments/{payment_id}/reverse", body, key=form.get("key")))

    refused = frame.send(reverse, lambda **names: _payment_page(payment_id, **names), address)
    return refused or frame.done(address, "pay_taken_back", number=taken["receipt_no"])
