"""Credit of a customer: a discount, or a charge, on the next bill, or what is given up. What it does is told first."""

from typing import Any
from uuid import UUID

from flask import Response, g, url_for

from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask, tried
from dairy_app.web.schemas import Day

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: Bills to choose from, and credits that are told.
BILLS, TOLD = 24, 20
#: What the next bill can be given; a correction may have either sign, which a form would have to explain.
KINDS = ("discount", "charge")


class CreditQuery(PageQuery):
    """For which day, when it comes from a draft: whoever closes a month means the bill of that month."""

    on = Day()


@console.route("/customers/<uuid:customer_id>/credit")
@console.arguments(CreditQuery, location="query")
@allow(*WHO, page=True)
def credit(query: dict[str, Any], customer_id: UUID) -> Response:
    """What credit a customer has, and the ways of giving some: on the next bill, or of one that is out."""
    return _credit_page(customer_id, on=query.get("on"))


@console.route("/customers/<uuid:customer_id>/credit", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def adjust_next_bill(form: dict[str, str], customer_id: UUID) -> Response:
    """Look at what a discount or a charge on the next bill does, or give what was looked at as it is typed now."""
    typed, found = frame.as_typed(form), dict[str, Any]()
    body = {"kind": KINDS[0], **frame.fields_of(form, "kind", "description", "reason", "tax_class", "adjusted_on")}
    sign = "-" if body["kind"] == "discount" else ""
    body |= {"customer_id": str(customer_id), "amount": f"{sign}{form.get('amount', '').strip()}"}

    def is_as_seen() -> bool:
        return form.get("do") == "give" and (form.get("looked"), form.get("after")) == (typed, found["after"])

    def adjust() -> None:
        with tried(unless=is_as_seen):
            made = act("POST", "/adjustments", body, key=form.get("key"))
            draft = ask(f"/invoices/{made['invoice_id']}")
            found.update(made=made, draft=draft, after=str(draft["total"] or "0.00"))
        found["before"] = _total(made["invoice_id"])

    address = url_for("console.credit", customer_id=customer_id)
    refused = frame.send(adjust, lambda **names: _credit_page(customer_id, **names), address)
    if refused is not None:
        return refused
    if not is_as_seen():
        g.form_is_on = address
        return _credit_page(customer_id, form=form, looked=typed, effect=found)
    say, draft = frame.figures(), found["draft"]
    amount, after = say.rupees(found["made"]["amount"].removeprefix("-")), say.rupees(draft["total"])
    days = {"first": say.day(draft["period_start"]), "last": say.day(draft["period_end"])}
    return frame.done(address, f"credit_{body['kind']}", amount=amount, after=after, **days)


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


@console.route("/customers/<uuid:customer_id>/write-offs", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def write_off_account(form: dict[str, str], customer_id: UUID) -> Response:
    """Give up what a customer owes, or a part of it: the oldest first, also what no bill here holds."""
    address, found = url_for("console.credit", customer_id=customer_id), dict[str, Any]()

    def give_up() -> None:
        body = {"customer_id": str(customer_id), **frame.fields_of(form, "amount", "reason")}
        found.update(act("POST", "/write-offs", body, key=form.get("key")), balance=balance_of(customer_id))

    refused = frame.send(give_up, lambda **names: _credit_page(customer_id, opened="write-off", **names), address)
    if refused is not None:
        return refused
    rupees = frame.figures().rupees
    return frame.done(address, "account_written_off", amount=rupees(found["amount"]), after=rupees(found["balance"]))


def _credit_page(customer_id: UUID, **names: Any) -> Response:
    names |= {"customer": ask(f"/customers/{customer_id}"), "balance": balance_of(customer_id), "kinds": KINDS}
    mine = {"customer_id": customer_id}
    names["waiting"] = ask("/adjustments", invoice_status="draft", limit=TOLD, **mine)["items"]
    names["notes"] = ask("/credit-notes", limit=TOLD, **mine)["items"]
    names["bills"] = ask("/invoices", status="issued", limit=BILLS, **mine)["items"]
    names["classes"] = ask("/tax-classes")["items"]
    return frame.page("credit.html", **names)


def balance_of(customer_id: UUID | str) -> str:
    """What a customer owes, in rupees; below 0 it is credit."""
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
