"""Giving credit: on the next bill as a discount, or on an issued bill by a credit note. What it does is shown first."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.common.errors import FieldError, Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask, together

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: Bills to choose from, and credits that are told.
BILLS, TOLD = 24, 20
#: What the field for an amount of a line is called before its number.
LINE = "line-"
#: Fields that a browser's form has besides what is given.
_OF_THE_FORM = frozenset({"csrf_token", "key", "looked", "do"})


class CreditQuery(PageQuery):
    """Which bill's lines are shown to be credited."""

    bill = fields.UUID()


class _OnlyLooked(Exception):
    """The effect is known; nothing of it shall stay."""


@console.route("/customers/<uuid:customer_id>/credit")
@console.arguments(CreditQuery, location="query")
@allow(*WHO, page=True)
def credit(query: dict[str, Any], customer_id: UUID) -> Response:
    """What credit a customer has, and the two ways of giving some."""
    return _credit_page(customer_id, query.get("bill"))


@console.route("/customers/<uuid:customer_id>/credit", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def give_discount(form: dict[str, str], customer_id: UUID) -> Response:
    """Look at what a discount on the next bill does, or give it."""

    def give() -> dict[str, Any]:
        body = frame.fields_of(form, "description", "reason", "tax_class")
        body |= {"customer_id": str(customer_id), "kind": "discount", "amount": f"-{form.get('amount', '').strip()}"}
        made: dict[str, Any] = act("POST", "/adjustments", body, key=form.get("key"))
        return made

    def after(made: Mapping[str, Any]) -> str:
        return _total(made["invoice_id"])

    return _look_or_give(form, customer_id, None, give, after, "credit_discount")


@console.route("/invoices/<uuid:invoice_id>/credit", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def give_credit_note(form: dict[str, str], invoice_id: UUID) -> Response:
    """Look at what a credit note on a bill does, or issue it."""
    customer_id = UUID(ask(f"/invoices/{invoice_id}")["customer_id"])
    lines = _lines(form)

    def give() -> dict[str, Any]:
        body: dict[str, Any] = {"invoice_id": str(invoice_id), **frame.fields_of(form, "reason")}
        if not form.get("all"):
            if not lines:
                raise Problem("validation_failed", errors=[FieldError("/lines", "required", "Say how much of what.")])
            body["lines"] = [{"line_no": number, "amount": amount} for number, amount in lines]
        try:
            made: dict[str, Any] = act("POST", "/credit-notes", body, key=form.get("key"))
        except Problem as problem:
            raise _at_the_lines(problem, lines) from problem
        return made

    def after(made: Mapping[str, Any]) -> str:
        del made
        return _balance(customer_id)

    return _look_or_give(form, customer_id, invoice_id, give, after, "credit_note")


@console.route("/customers/<uuid:customer_id>/credit/<uuid:adjustment_id>/take-back", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def take_back_discount(form: dict[str, str], customer_id: UUID, adjustment_id: UUID) -> Response:
    """Take a discount off the next bill again, as long as that is a draft."""
    del form
    address = url_for("console.credit", customer_id=customer_id)

    def take_back() -> None:
        act("DELETE", f"/adjustments/{adjustment_id}")

    refused = frame.send(take_back, lambda **names: _credit_page(customer_id, **names), address)
    return refused or frame.done(address, "credit_taken_back")


def _credit_page(customer_id: UUID, bill: UUID | None = None, **names: Any) -> Response:
    names |= {"customer": ask(f"/customers/{customer_id}"), "balance": _balance(customer_id)}
    mine = {"customer_id": customer_id}
    names["waiting"] = ask("/adjustments", invoice_status="draft", limit=TOLD, **mine)["items"]
    names["notes"] = ask("/credit-notes", limit=TOLD, **mine)["items"]
    names["bills"] = ask("/invoices", status="issued", limit=BILLS, **mine)["items"]
    names["classes"] = ask("/tax-classes")["items"]
    if bill is not None:
        names["bill"] = ask(f"/invoices/{bill}")
        if names["bill"]["customer_id"] != str(customer_id):
            raise Problem("invoice_not_found")
    return frame.page("credit.html", **names)


def _look_or_give(
    form: Mapping[str, str],
    customer_id: UUID,
    bill: UUID | None,
    give: Callable[[], dict[str, Any]],
    after: Callable[[Mapping[str, Any]], str],
    said: str,
) -> Response:
    """Give what was looked at as it is typed now; anything else is only looked at.

    ``after``: what of the customer's figures is another one then.
    """
    typed = json.dumps(sorted((name, text.strip()) for name, text in form.items() if name not in _OF_THE_FORM))
    is_given, found = form.get("do") == "give" and form.get("looked") == typed, dict[str, Any]()

    def do() -> None:
        try:
            with together():
                made = give()
                found.update(made=made, after=after(made))
                if not is_given:
                    raise _OnlyLooked
        except _OnlyLooked:
            found["before"] = after(found["made"])

    def again(**names: Any) -> Response:
        return _credit_page(customer_id, bill, **names)

    refused = frame.send(do, again, url_for("console.credit", customer_id=customer_id, bill=bill))
    if refused is not None:
        return refused
    if not is_given:
        return again(form=form, looked=typed, effect=found)
    rupees, made = frame.figures().rupees, found["made"]
    values = {"amount": rupees(made.get("total") or made["amount"].removeprefix("-")), "after": rupees(found["after"])}
    address = url_for("console.credit", customer_id=customer_id)
    return frame.done(address, said, number=made.get("number"), **values)


def _lines(form: Mapping[str, str]) -> list[tuple[int, str]]:
    """The lines of a bill for which an amount is typed."""
    found = {name.removeprefix(LINE): text.strip() for name, text in form.items() if name.startswith(LINE)}
    return sorted((int(number), text) for number, text in found.items() if text and number.isdecimal())


def _at_the_lines(problem: Problem, lines: list[tuple[int, str]]) -> Problem:
    """The problem with its errors at the fields of the page: the API counts the lines that are sent."""
    names = {f"/lines/{place}": f"/{LINE}{number}" for place, (number, _) in enumerate(lines)}
    errors = [
        FieldError(names.get("/".join(each.pointer.split("/")[:3]), each.pointer), each.code, each.detail)
        for each in problem.errors
    ]
    return Problem(problem.code, problem.detail, errors)


def _balance(customer_id: UUID) -> str:
    found: str = ask(f"/customers/{customer_id}/balance")["balance"]
    return found


def _total(invoice_id: str) -> str:
    """What a draft comes to now; nothing for one that is not there."""
    try:
        return str(ask(f"/invoices/{invoice_id}")["total"] or "0.00")
    except Problem as problem:
        if problem.code != "invoice_not_found":
            raise
        return "0.00"
