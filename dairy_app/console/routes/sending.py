"""Sending one bill: the message is shown first, then it waits in the outbox, from which it can be taken back."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, console
from dairy_app.console.routes.invoices import invoice_page
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act

WHO = (Role.ADMIN, Role.ACCOUNTANT)


@console.route("/invoices/<uuid:invoice_id>/send", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def send_bill(form: dict[str, str], invoice_id: UUID) -> Response:
    """Show the message to a customer about a bill, or put it into the outbox."""
    address, told = url_for("console.invoice", invoice_id=invoice_id), dict[str, Any]()
    body = {"queue": form.get("do") == "queue", **frame.fields_of(form, "channel", "language")}

    def tell() -> None:
        told.update(act("POST", f"/invoices/{invoice_id}/share", body))

    refused = frame.send(tell, lambda **names: invoice_page(invoice_id, **names), address)
    if refused is not None:
        return refused
    if not body["queue"]:
        return invoice_page(invoice_id, told=told, form=form)
    return frame.done(f"{address}#send", "bill_queued")


@console.route("/invoices/<uuid:invoice_id>/messages/<uuid:message_id>/withdraw", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def take_back_message(form: dict[str, str], invoice_id: UUID, message_id: UUID) -> Response:
    """Take back a message that waits still."""
    del form
    address = url_for("console.invoice", invoice_id=invoice_id)

    def withdraw() -> None:
        act("POST", f"/outbox/{message_id}/withdraw")

    refused = frame.send(withdraw, lambda **names: invoice_page(invoice_id, **names), address)
    return refused or frame.done(f"{address}#send", "bill_withdrawn")
