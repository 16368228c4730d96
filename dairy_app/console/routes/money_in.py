"""Money that comes in by itself: statements of the bank, and online payments that need a person."""

import io
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, current_app, request, url_for
from marshmallow import fields
from werkzeug.datastructures import FileStorage

from dairy_app.collecting.rules.links import NewLink
from dairy_app.collecting.schemas.links import PaymentLinkIn
from dairy_app.collecting.service import links as service
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import customers_named
from dairy_app.console.routes.frame import Form, ListQuery, PageQuery, console
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_actor, current_database
from dairy_app.web.inside import act, ask

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: What a page of these shows at most; the rest is on the next one.
LINES, EVENTS, LINKS = 200, 100, 50
#: How a payment came in; cash comes in otherwise.
METHODS = ("upi", "card", "bank_transfer", "wallet")


class LinesQuery(ListQuery):
    """Which lines: those that wait, or all."""

    show = fields.String(validate=validate.OneOf(("all",)))


@console.route("/bank-statements")
@console.arguments(ListQuery, location="query")
@allow(*WHO, page=True)
def bank_statements(query: dict[str, str]) -> Response:
    """The statements, and the form for another."""
    return _statements(query)


def _statements(query: Mapping[str, str], **names: Any) -> Response:
    found = ask("/bank-statements", limit=50, cursor=query.get("cursor"))
    return frame.page("bank_statements.html", found=found, query=query, **names)


@console.route("/bank-statements", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def upload_statement(form: dict[str, str]) -> Response:
    """Keep a statement: all of it, or nothing."""
    made: dict[str, Any] = {}

    def keep() -> None:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise invalid("/file", frame.words()("bs_choose"), "required")
        given = frame.fields_of(form, "account", "sheet")
        sent = FileStorage(io.BytesIO(file.read()), file.filename)
        made.update(act("POST", "/bank-statements", key=form.get("key"), file=sent, **given))

    refused = frame.send(keep, lambda **names: _statements({}, **names), url_for("console.bank_statements"))
    if refused is not None:
        return refused
    address = url_for("console.bank_statement", statement_id=made["id"])
    return frame.done(address, "statement_kept", n=made["line_count"], fresh=made["new_lines"])


@console.route("/bank-statements/<uuid:statement_id>")
@console.arguments(LinesQuery, location="query")
@allow(*WHO, page=True)
def bank_statement(query: dict[str, str], statement_id: UUID) -> Response:
    """The lines that wait, each with whose payment it may be; or all lines."""
    return _lines(statement_id, query)


def _lines(statement_id: UUID, query: Mapping[str, str], **names: Any) -> Response:
    path, only_open = f"/bank-statements/{statement_id}", None if query.get("show") == "all" else "true"
    found = ask(f"{path}/lines", limit=LINES, cursor=query.get("cursor"), open=only_open)
    return frame.page("bank_statement.html", statement=ask(path), found=found, query=query, **names)


@console.route("/bank-statements/<uuid:statement_id>/accept", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def accept_lines(form: dict[str, str], statement_id: UUID) -> Response:
    """Book the lines that are ticked, each for the customer that is typed beside it: all of them or none."""
    booked: list[Any] = []
    address = url_for("console.bank_statement", statement_id=statement_id)

    def accept() -> None:
        ticked = _ticked(form)
        if not ticked:
            raise Problem("validation_failed", frame.words()("bs_none_ticked"))
        chosen = {each: _customer(form, each) for each in ticked}
        wrong = [each for each in chosen.values() if isinstance(each, FieldError)]
        if wrong:
            raise Problem("validation_failed", errors=wrong)
        lines = [{"line": line, "customer_id": customer} for line, customer in chosen.items()]
        told = {f"/lines/{place}": f"/{each}" for place, each in enumerate(ticked)}
        with frame.told_at(told):
            path = f"/bank-statements/{statement_id}/accept"
            booked.extend(act("POST", path, {"lines": lines}, key=form.get("key"))["items"])

    refused = frame.send(accept, lambda **names: _lines(statement_id, {}, **names), address)
    return refused or frame.done(address, "lines_booked", n=len(booked))


@console.route("/bank-statements/<uuid:statement_id>/dismiss", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def dismiss_lines(form: dict[str, str], statement_id: UUID) -> Response:
    """Say that the lines that are ticked are no customer's payments: all of them or none."""
    address, lines = url_for("console.bank_statement", statement_id=statement_id), _ticked(form)

    def dismiss() -> None:
        if not lines:
            raise Problem("validation_failed", frame.words()("bs_none_ticked"))
        body = {"lines": lines, **frame.fields_of(form, "reason")}
        with frame.told_at({f"/lines/{place}": f"/{each}" for place, each in enumerate(lines)}):
            act("POST", f"/bank-statements/{statement_id}/dismiss", body, key=form.get("key"))

    refused = frame.send(dismiss, lambda **names: _lines(statement_id, {}, **names), address)
    return refused or frame.done(address, "lines_dismissed", n=len(lines))


def _ticked(form: Mapping[str, str]) -> list[str]:
    """The ids of the lines that are ticked."""
    return [name.removeprefix("take-") for name in form if name.startswith("take-")]


def _customer(form: Mapping[str, str], line: str) -> str | FieldError:
    """The id of the customer that is typed beside a line; what is wrong with that."""
    found, t = customers_named(form.get(f"customer-{line}", "").strip()), frame.words()
    if len(found) == 1:
        return str(found[0]["id"])
    return FieldError(f"/{line}", "customer", t("sheet_several" if found else "sheet_nobody"))


@console.route("/online-payments")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def online_payments(query: dict[str, str]) -> Response:
    """Online payments that need a person, and the latest links."""
    del query
    return _online()


def _online(**names: Any) -> Response:
    found = ask("/gateway-events", limit=EVENTS, status=["held", "waiting"])
    links = ask("/payment-links", limit=LINKS)["items"]
    return frame.page("online_payments.html", found=found, links=links, methods=METHODS, **names)


@console.route("/online-payments/<uuid:event_id>/book", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def book_online_payment(form: dict[str, str], event_id: UUID) -> Response:
    """Book what was held: for the customer that is typed, or as it is."""

    def book() -> None:
        body = frame.fields_of(form, "received_on", "method")
        if typed := form.get("customer", "").strip():
            found = customers_named(typed)
            if len(found) != 1:
                raise invalid("/customer", frame.words()("sheet_several" if found else "sheet_nobody"), "customer")
            body["customer_id"] = found[0]["id"]
        with frame.told_at({"/customer_id": "/customer"}):
            act("POST", f"/gateway-events/{event_id}/book", body, key=form.get("key"))

    return _decided(form, event_id, book, "event_booked")


@console.route("/online-payments/<uuid:event_id>/dismiss", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def dismiss_online_payment(form: dict[str, str], event_id: UUID) -> Response:
    """Say that it is not to be booked."""
    body = frame.fields_of(form, "reason")
    path = f"/gateway-events/{event_id}/dismiss"
    return _decided(form, event_id, lambda: act("POST", path, body, key=form.get("key")), "event_dismissed")


def _decided(form: Mapping[str, str], event_id: UUID, work: Any, said: str) -> Response:
    del form
    address = url_for("console.online_payments")
    refused = frame.send(work, lambda **names: _online(at=str(event_id), **names), address)
    return refused or frame.done(address, said)


@console.route("/online-payments/links", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True, own_transactions=True)
def make_payment_link(form: dict[str, str]) -> Response:
    """Make a link for a customer or an invoice; the gateway is asked while nothing is locked."""

    def make() -> None:
        given = frame.fields_of(form, "customer_id", "invoice_id", "amount")
        wrong = PaymentLinkIn().validate(given)
        if wrong:
            name = next(iter(wrong))
            raise invalid(f"/{name}", str(wrong[name][0]))
        wanted: NewLink = PaymentLinkIn().load(given)
        gateway = service.gateway_of(current_app.config["DAIRY"])
        service.make_link(current_database(), current_actor(), gateway, wanted)

    return _with_gateway(make, "link_made")


@console.route("/online-payments/links/<uuid:payment_link_id>/cancel", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True, own_transactions=True)
def cancel_payment_link(form: dict[str, str], payment_link_id: UUID) -> Response:
    """End a link at the gateway and here."""
    del form

    def cancel() -> None:
        gateway = service.gateway_of(current_app.config["DAIRY"])
        service.cancel_link(current_database(), gateway, payment_link_id)

    return _with_gateway(cancel, "link_cancelled")


def _with_gateway(work: Any, said: str) -> Response:
    address = url_for("console.online_payments")

    def again(**names: Any) -> Response:
        with frame.reading():
            return _online(**names)

    refused = frame.send(work, again, address)
    return refused or frame.done(f"{address}#links", said)
