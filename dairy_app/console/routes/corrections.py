"""What corrects bills: notes and write-offs of issued ones, and taking a charge or a discount off a draft."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, g, url_for

from dairy_app.common.errors import FieldError, Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.credits import balance_of
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.console.routes.invoices import WHO_SEES, invoice_page
from dairy_app.documents.schemas import LanguageQuery
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask, fetch, tried

WHO = (Role.ADMIN, Role.ACCOUNTANT)


@console.route("/credit-notes/<uuid:credit_note_id>")
@console.arguments(PageQuery, location="query")
@allow(*WHO_SEES, page=True)
def credit_note(query: dict[str, str], credit_note_id: UUID) -> Response:
    """A credit note with its lines. A customer sees its own."""
    del query
    return frame.page("credit_note.html", note=ask(f"/credit-notes/{credit_note_id}"))


@console.route("/credit-notes/<uuid:credit_note_id>/pdf")
@console.arguments(LanguageQuery, location="query")
@allow(*WHO_SEES, page=True)
def credit_note_pdf(query: dict[str, Any], credit_note_id: UUID) -> Response:
    """The document as the customer gets it."""
    return fetch(f"/credit-notes/{credit_note_id}/pdf", language=query["lang"])


@console.route("/debit-notes/<uuid:debit_note_id>")
@console.arguments(PageQuery, location="query")
@allow(*WHO_SEES, page=True)
def debit_note(query: dict[str, str], debit_note_id: UUID) -> Response:
    """A debit note with its lines. A customer sees its own."""
    del query
    return frame.page("debit_note.html", note=ask(f"/debit-notes/{debit_note_id}"))


@console.route("/debit-notes/<uuid:debit_note_id>/pdf")
@console.arguments(LanguageQuery, location="query")
@allow(*WHO_SEES, page=True)
def debit_note_pdf(query: dict[str, Any], debit_note_id: UUID) -> Response:
    """The document as the customer gets it."""
    return fetch(f"/debit-notes/{debit_note_id}/pdf", language=query["lang"])


@console.route("/invoices/<uuid:invoice_id>/credit-notes", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def credit_bill(form: dict[str, str], invoice_id: UUID) -> Response:
    """Take back a part or all of a bill. First it says what that comes to; only what was seen is issued."""
    return _correct(form, invoice_id, "credit", takes_all=bool(form.get("everything")))


@console.route("/invoices/<uuid:invoice_id>/debit-notes", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def debit_bill(form: dict[str, str], invoice_id: UUID) -> Response:
    """Charge more on a bill. First it says what that comes to; only what was seen is issued."""
    return _correct(form, invoice_id, "debit")


def _correct(form: dict[str, str], invoice_id: UUID, kind: str, *, takes_all: bool = False) -> Response:
    """Issue a note of a kind, credit or debit, or show what it would come to."""
    lines = [name.removeprefix("quantity_") for name in form if name.startswith("quantity_")]
    body = {"invoice_id": str(invoice_id), **frame.fields_of(form, "reason", "note_date")}
    named = [{"line_no": int(line), **_of_line(form, line)} for line in lines if line.isdecimal()]
    wanted = [each for each in named if len(each) > 1]
    if not takes_all:
        body["lines"] = wanted
    typed, found = frame.as_typed(form), dict[str, Any]()
    whose = ask(f"/invoices/{invoice_id}")["customer_id"]

    def is_as_seen() -> bool:
        return form.get("do") == "give" and (form.get("looked"), form.get("after")) == (typed, found["seen"])

    def issue() -> None:
        if "lines" in body and not wanted:
            raise Problem("validation_failed", errors=[FieldError("", "nothing", frame.words()(f"{kind}_nothing"))])
        with frame.told_at(_fields(wanted)), tried(unless=is_as_seen):
            found.update(note=act("POST", f"/{kind}-notes", body, key=form.get("key")), after=balance_of(whose))
            # All that is left may be less by now, and leave the same balance.
            found["seen"] = f"{found['note']['total']} {found['after']}"
        found["before"] = balance_of(whose)

    address = url_for("console.invoice", invoice_id=invoice_id)
    again = partial(invoice_page, invoice_id, opened=kind)
    refused = frame.send(issue, again, address)
    if refused is not None:
        return refused
    if not is_as_seen():
        g.form_is_on = address
        return again(form=form, looked=typed, effect=found)
    note, rupees = found["note"], frame.figures().rupees
    address = url_for(f"console.{kind}_note", **{f"{kind}_note_id": note["id"]})
    said = {"number": note["number"], "amount": rupees(note["total"]), "after": rupees(found["after"])}
    return frame.done(address, f"{kind}ed", **said)


def _of_line(form: dict[str, str], line: str) -> dict[str, str]:
    """What of one line is taken back or charged: the API refuses a line for which both were typed."""
    typed = {name: form.get(f"{name}_{line}", "").strip() for name in ("quantity", "amount")}
    return {name: value for name, value in typed.items() if value}


def _fields(credits: list[dict[str, Any]]) -> dict[str, str]:
    """The fields of each line of a body, by the number of its line on the bill."""
    lines = {f"/lines/{place}": credit["line_no"] for place, credit in enumerate(credits)}
    amounts = {f"{line}/amount": f"/amount_{number}" for line, number in lines.items()}
    return {line: f"/quantity_{number}" for line, number in lines.items()} | amounts


@console.route("/invoices/<uuid:invoice_id>/write-offs", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def write_off_bill(form: dict[str, str], invoice_id: UUID) -> Response:
    """Give up what is open of a bill, or a part of it."""
    address = url_for("console.invoice", invoice_id=invoice_id)

    def give_up() -> None:
        whose = ask(f"/invoices/{invoice_id}")["customer_id"]
        body = {"invoice_id": str(invoice_id), "customer_id": whose}
        act("POST", "/write-offs", body | frame.fields_of(form, "amount", "reason"), key=form.get("key"))

    refused = frame.send(give_up, lambda **names: invoice_page(invoice_id, opened="write-off", **names), address)
    return refused or frame.done(address, "written_off", amount=frame.figures().rupees(form["amount"].strip()))


@console.route("/invoices/<uuid:invoice_id>/adjustments/<uuid:adjustment_id>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def remove_adjustment(form: dict[str, str], invoice_id: UUID, adjustment_id: UUID) -> Response:
    """Take a charge or a discount off a draft again."""
    address = url_for("console.invoice", invoice_id=invoice_id)
    refused = frame.send(
        lambda: act("DELETE", f"/adjustments/{adjustment_id}"),
        lambda **names: invoice_page(invoice_id, **names),
        address,
    )
    return refused or frame.done(address, "adjustment_removed", what=form.get("what", ""))
