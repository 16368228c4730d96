"""Charges for delivery and discounts that bills have by rule: what holds, a new one, its end. What one does is told
first."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, g, url_for
from marshmallow import fields

from dairy_app.billing.models import CHARGE_BASES, CHARGE_KINDS
from dairy_app.business.queries import today
from dairy_app.common.errors import invalid
from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import customers_named
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.invoices.rules import month_shifted
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, admits, ask, tried
from dairy_app.web.schemas import LONGEST_CURSOR

#: Rules on a page, and of those that have ended how many are folded below them.
ROWS, ENDED = 50, 20
FIELDS = (
    "kind", "basis", "amount", "description", "valid_from", "valid_to", "area_id", "product_id", "tax_class",
)  # fmt: skip
#: Where the form has what the API calls otherwise.
AT = {"/customer_id": "/customer"}


class ChargesQuery(PageQuery):
    """Which rules: those that ``ended``, or the others. ``customer``: whose code the form for a new one begins with."""

    ended = fields.Boolean(load_default=False)
    customer = fields.String(validate=validate.Length(max=100))
    cursor = fields.String(validate=validate.Length(max=LONGEST_CURSOR))


@console.route("/charges")
@console.arguments(ChargesQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True)
def charges(query: dict[str, Any]) -> Response:
    """The rules that hold or will hold, the latest first; those that have ended, folded, or on pages of their own."""
    return _charges(query["ended"], query.get("cursor"), form={"customer": query.get("customer", "")})


def _charges(is_over: bool = False, cursor: str | None = None, **names: Any) -> Response:
    names["found"] = ask("/charge-rules", ended=str(is_over).lower(), limit=ROWS, cursor=cursor)
    names |= {"is_over": is_over, "kinds": CHARGE_KINDS, "bases": CHARGE_BASES}
    if not is_over:
        names["over"] = ask("/charge-rules", ended="true", limit=ENDED)
    names["classes"] = ask("/tax-classes")["items"]
    names["may_change"] = admits("/charge-rules", "POST")
    if names["may_change"]:
        names["areas"] = [(each["id"], each["name"]) for each in ask("/areas", limit=200)["items"]]
        names["goods"] = [(each["id"], each["name"]) for each in ask("/products", limit=200)["items"]]
        names["tax_choices"] = [(each["code"], each["description"]) for each in names["classes"]]
    return frame.page("charges.html", **names)


@console.route("/charges", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def new_charge(form: dict[str, str]) -> Response:
    """Look at what a rule does to the bills that are drafts, or enter it as it was looked at."""
    typed, made, told = frame.as_typed(form), dict[str, Any](), list[dict[str, Any]]()
    # Every delivery changes what drafts come to, so that is not compared with what was seen: only what was typed.
    is_as_seen = form.get("do") == "enter" and form.get("looked") == typed

    def enter() -> None:
        with frame.told_at(AT):
            body = _body(form)
            with tried(unless=lambda: is_as_seen):
                made.update(act("POST", "/charge-rules", body, key=form.get("key")))
                if not is_as_seen:
                    told.extend(_drafts(made))
            for month, before in zip(told, _drafts(made) if told else (), strict=True):
                month["before"] = before

    address = url_for("console.charges")
    refused = frame.send(enter, lambda **names: _charges(**names), address)
    if refused is not None:
        return refused
    if not is_as_seen:
        g.form_is_on = address
        return _charges(form=form, looked=typed, made=made, effect=told)
    return frame.done(address, "charge_rule", what=made["description"], day=frame.figures().day(made["valid_from"]))


def _body(form: Mapping[str, str]) -> dict[str, Any]:
    body = frame.fields_of(form, *FIELDS)
    typed = form.get("customer", "").strip()
    if typed:
        found = customers_named(typed)
        if len(found) != 1:
            code = "ambiguous" if found else "customer_not_found"
            raise invalid("/customer", frame.words()("sheet_several" if found else "sheet_nobody"), code)
        body["customer_id"] = found[0]["id"]
    return body


def _drafts(rule: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the drafts of this month come to, and of the month before when the rule holds in it, too.

    Of the one customer whom it concerns, else all: as dear as opening the month's end, which asks the same.
    """
    this = today(current_session()).replace(day=1)
    first = date.fromisoformat(rule["valid_from"])
    months = [each for each in (month_shifted(this, -1), this) if month_shifted(each, 1) > first]
    found = []
    for each in months:
        period = f"{each:%Y-%m}"
        preview = ask("/billing/preview", period=period, customer_id=rule["customer_id"], limit=1)
        kept_back = sum(1 for warning in preview["warnings"] if warning["customer_id"])
        sums = preview["totals"]
        found.append({"month": period, "bills": sums["invoices"], "total": sums["total"], "kept_back": kept_back})
    return found


@console.route("/charges/<uuid:charge_rule_id>/end", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def end_charge(form: dict[str, str], charge_rule_id: UUID) -> Response:
    """Give a rule its last day, or none. Issued bills stay."""
    address, made = url_for("console.charges"), dict[str, Any]()
    last = form.get("valid_to", "").strip() or None

    def end() -> None:
        made.update(act("PATCH", f"/charge-rules/{charge_rule_id}", {"valid_to": last}))

    refused = frame.send(end, lambda **names: _charges(ending=str(charge_rule_id), **names), address)
    if refused is not None:
        return refused
    said = "charge_rule_ends" if made["valid_to"] else "charge_rule_goes_on"
    return frame.done(address, said, what=made["description"], day=frame.figures().day(made["valid_to"]))


@console.route("/charges/<uuid:charge_rule_id>/take-back", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def take_back_charge(form: dict[str, str], charge_rule_id: UUID) -> Response:
    """Take back a rule by which no bill was issued."""
    address = url_for("console.charges")
    refused = frame.send(
        lambda: act("DELETE", f"/charge-rules/{charge_rule_id}"), lambda **names: _charges(**names), address
    )
    return refused or frame.done(address, "charge_rule_taken_back", what=form.get("what", ""))
