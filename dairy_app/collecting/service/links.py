"""Links by which customers pay: opened here, made at the gateway with nothing locked, cancelled there and here."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.collecting.bulk import gateways as bulk
from dairy_app.collecting.gateways.gateway import Gateway, Refused, Unreachable
from dairy_app.collecting.queries.links import live_link, read_link
from dairy_app.collecting.rules.links import MadeLink, NewLink, WantedLink, ends_at
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.queries import get_visible_customer
from dairy_app.database.transactions import Database
from dairy_app.invoices.queries.invoices import get_visible_invoice
from dairy_app.receivables.queries.ledger import balance, open_of_invoice
from dairy_app.settings import Settings
from dairy_app.web.access import Actor


def gateway_of(settings: Settings) -> Gateway:
    """The gateway that the environment names. Raises ``gateway_not_configured``."""
    if not (settings.razorpay_key_id and settings.razorpay_key_secret):
        detail = "Set DAIRY_RAZORPAY_KEY_ID and DAIRY_RAZORPAY_KEY_SECRET, and start the server anew."
        raise Problem("gateway_not_configured", detail)
    from dairy_app.collecting.gateways.razorpay import Razorpay  # with TLS: not for every start of a server

    return Razorpay(settings.razorpay_url, settings.razorpay_key_id, settings.razorpay_key_secret)


def make_link(database: Database, actor: Actor, gateway: Gateway, wanted: NewLink) -> tuple[Row[Any], bool]:
    """A link for a customer, and whether it is new: for the same customer, invoice and rupees there is one at a time.

    The link is kept first, as ``creating``; then the gateway is asked, with nothing locked, and told the link's id as
    its reference. Whoever asks again after a failure gets the same link, and the gateway is asked for the same again.
    Raises ``customer_not_found``, ``invoice_not_found``, ``illegal_transition`` (the invoice), ``customer_mismatch``,
    ``allocation_exceeds_balance``, ``validation_failed``; ``gateway_unavailable``, ``gateway_refused``.
    """
    link_id, is_new = database.run(lambda session: _open(session, actor, gateway.name, wanted))
    link = database.run(lambda session: read_link(session, link_id), read_only=True)
    if link.status == "creating":
        asked = database.run(lambda session: _as_asked(session, actor, link), read_only=True)
        _make(database, gateway, asked)
        link = database.run(lambda session: read_link(session, link_id), read_only=True)
        if link.status == "cancelled" and link.gateway_id is not None:
            _cancel(database, gateway, link)  # while it was being made
    return link, is_new


def cancel_link(database: Database, gateway: Gateway, link_id: UUID) -> Row[Any]:
    """End a link at the gateway and here; said again, it changes nothing.

    Raises ``payment_link_not_found``; ``illegal_transition`` for one that was paid; ``gateway_unavailable``.
    """
    link = database.run(lambda session: read_link(session, link_id), read_only=True)
    if link.status in ("creating", "created"):
        _cancel(database, gateway, link)
        link = database.run(lambda session: read_link(session, link_id), read_only=True)
    if link.status == "paid":
        raise Problem("illegal_transition", "The link was paid.")
    return link


def _open(session: Session, actor: Actor, gateway: str, wanted: NewLink) -> tuple[UUID, bool]:
    """The row of a link that is wanted, new or the one that is there."""
    invoice = None if wanted.invoice_id is None else get_visible_invoice(session, actor, wanted.invoice_id)
    customer_id = wanted.customer_id or (invoice.customer_id if invoice is not None else None)
    if customer_id is None:
        raise invalid("/customer_id", "Name the customer or the invoice.", "required")
    if invoice is not None and invoice.customer_id != customer_id:
        raise Problem("customer_mismatch", "The invoice is another customer's.")
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    moment = now()
    bulk.expire_links(session, customer.id, moment)
    if invoice is None:
        due, about = balance(session, customer.id), customer.code
    else:
        found = open_of_invoice(session, customer.id, invoice.id, today(session))
        if found is None or found["status"] != "issued":
            raise Problem("illegal_transition", "Only an issued invoice is paid.")
        due, about = found["open"], found["number"]
        if wanted.amount is not None and wanted.amount > due:
            detail = f"{due:.2f} is open on {about}."
            errors = [FieldError("/amount", "exceeds_balance", detail)]
            raise Problem("allocation_exceeds_balance", detail, errors)
    amount = due if wanted.amount is None else wanted.amount
    if amount < 1:
        raise invalid("/amount", f"{max(due, 0):.2f} is owed; a link asks for 1.00 at least.", "range")
    row = {
        "customer_id": customer.id,
        "invoice_id": wanted.invoice_id,
        "amount": amount,
        "gateway": gateway,
        "description": f"{business_settings(session).business_name or 'Dairy'}: {about}"[:200],
        "expires_at": ends_at(wanted.expires_at, moment),
        "created_by": actor.user_id,
        "created_at": moment,
    }
    made = bulk.open_link(session, row)
    known = made or live_link(session, row)
    assert known is not None, "the customer's row is locked"
    return known, made is not None


def _as_asked(session: Session, actor: Actor, link: Row[Any]) -> WantedLink:
    customer = get_visible_customer(session, actor, link.customer_id)
    return WantedLink(
        link.id, link.amount, link.description, link.expires_at, customer.name, customer.phone, customer.email
    )


def _make(database: Database, gateway: Gateway, asked: WantedLink) -> None:
    try:
        made = gateway.make(asked)
    except Unreachable as error:
        said = str(error)
        database.run(lambda session: bulk.mark_not_made(session, asked.id, said, for_good=False))
        raise Problem("gateway_unavailable", f"{said}; ask again: it is the same link.") from None
    except Refused as error:
        said = str(error)
        database.run(lambda session: bulk.mark_not_made(session, asked.id, said, for_good=True))
        raise Problem("gateway_refused", said) from None
    status = _status(made, "created")
    database.run(lambda session: bulk.mark_made(session, asked.id, made.gateway_id, made.url, status))


def _cancel(database: Database, gateway: Gateway, link: Row[Any]) -> None:
    """End a link at the gateway, and write how it stands there. One that was never made ends here alone."""
    try:
        found = gateway.find(link.id.hex) if link.gateway_id is None else None
        gateway_id = link.gateway_id or (found.gateway_id if found is not None else None)
        ended = None if gateway_id is None else gateway.cancel(gateway_id)
    except Unreachable as error:
        raise Problem("gateway_unavailable", str(error)) from None
    except Refused as error:
        raise Problem("gateway_refused", str(error)) from None
    status = "cancelled" if ended is None else _status(ended, "created")
    if status == "created":
        raise Problem("illegal_transition", f"The gateway says that the link is {ended.status if ended else 'open'}.")
    database.run(lambda session: bulk.end_link(session, link.id, status))


def _status(made: MadeLink, otherwise: str) -> str:
    """How a link of a gateway stands here. That it was paid is told by an event, with the payment."""
    return made.status if made.status in ("cancelled", "expired") else otherwise
