"""Reading what gateways told."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from dairy_app.collecting.models import GatewayEvent, PaymentLink
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.receivables.models import Payment, Refund

_SHOWN = [each for each in GatewayEvent.__table__.c if each.name not in {"body", "body_sha256", "updated_at"}]
#: Whose it is: of whom it is booked, else who was to pay.
_CUSTOMER: ColumnElement[Any] = func.coalesce(Payment.customer_id, Refund.customer_id, PaymentLink.customer_id)


def event_list(filters: Mapping[str, Any]) -> Select[Any]:
    """Events with what they were booked as, filtered; the bodies are left out."""
    query = (
        select(
            *_SHOWN,
            _CUSTOMER.label("customer_id"),
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Payment.receipt_no,
            Refund.voucher_no,
        )
        .outerjoin(Payment, Payment.id == GatewayEvent.payment_id)
        .outerjoin(Refund, Refund.id == GatewayEvent.refund_id)
        .outerjoin(PaymentLink, PaymentLink.id == GatewayEvent.payment_link_id)
        .outerjoin(Customer, Customer.id == _CUSTOMER)
    )
    if filters.get("status") is not None:
        query = query.where(GatewayEvent.status.in_(filters["status"]))
    for name in ("gateway_payment_id", "payment_link_id", "kind"):
        if filters.get(name) is not None:
            query = query.where(getattr(GatewayEvent, name) == filters[name])
    return query


def read_event(session: Session, event_id: UUID) -> dict[str, Any]:
    """One event as clients see it, with the body as text. Raises ``gateway_event_not_found``."""
    wanted = event_list({}).add_columns(GatewayEvent.body).where(GatewayEvent.id == event_id)
    found = session.execute(wanted).mappings().one_or_none()
    if found is None:
        raise Problem("gateway_event_not_found")
    return {**found, "body": bytes(found["body"]).decode(errors="replace")}


def get_event(session: Session, event_id: UUID, *, lock: bool = False) -> GatewayEvent:
    """An event; with ``lock`` as it is once nobody else has it. Raises ``gateway_event_not_found``."""
    query = select(GatewayEvent).where(GatewayEvent.id == event_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise Problem("gateway_event_not_found")
    return found


def event_kept(session: Session, gateway: str, event_id: str, body_sha256: bytes) -> UUID:
    """The event that came before under this id, or word by word."""
    known = or_(GatewayEvent.event_id == event_id, GatewayEvent.body_sha256 == body_sha256)
    wanted = select(GatewayEvent.id).where(GatewayEvent.gateway == gateway, known).order_by(GatewayEvent.id).limit(1)
    return session.scalars(wanted).one()


def payment_booked_of(session: Session, gateway: str, gateway_payment_id: str) -> Payment | None:
    """The payment as which a payment of a gateway is booked."""
    wanted = (
        select(Payment)
        .join(GatewayEvent, GatewayEvent.payment_id == Payment.id)
        .where(
            GatewayEvent.gateway == gateway,
            GatewayEvent.gateway_payment_id == gateway_payment_id,
            GatewayEvent.object_type == "payment",
            GatewayEvent.status == "booked",
        )
        .execution_options(populate_existing=True)
    )
    return session.scalars(wanted).one_or_none()


def refund_booked_of(session: Session, gateway: str, gateway_refund_id: str) -> UUID | None:
    """The refund as which a refund of a gateway is booked."""
    wanted = select(GatewayEvent.refund_id).where(
        GatewayEvent.gateway == gateway,
        GatewayEvent.gateway_refund_id == gateway_refund_id,
        GatewayEvent.object_type == "refund",
        GatewayEvent.status == "booked",
    )
    return session.scalars(wanted).one_or_none()


def dismissal_of(session: Session, gateway: str, gateway_payment_id: str) -> str | None:
    """Why a person said that a payment of a gateway is not to be booked."""
    wanted = select(GatewayEvent.reason).where(
        GatewayEvent.gateway == gateway,
        GatewayEvent.gateway_payment_id == gateway_payment_id,
        GatewayEvent.object_type == "payment",
        GatewayEvent.status == "dismissed",
    )
    return session.scalars(wanted).first()


def payment_by_hand(session: Session, reference: str) -> Payment | None:
    """The payment that somebody booked under this reference."""
    wanted = select(Payment).where(
        func.bare_reference(Payment.reference) == func.bare_reference(reference),
        Payment.reference.is_not(None),
        Payment.status == "received",
        Payment.method.not_in(("cash", "cheque")),
    )
    return session.scalars(wanted).first()


def refunds_waiting(session: Session, gateway: str, gateway_payment_id: str) -> Sequence[UUID]:
    """The refunds of a payment that came before it, in the order in which they came."""
    wanted = (
        select(GatewayEvent.id)
        .where(
            GatewayEvent.gateway == gateway,
            GatewayEvent.gateway_payment_id == gateway_payment_id,
            GatewayEvent.object_type == "refund",
            GatewayEvent.status == "waiting",
        )
        .order_by(GatewayEvent.id)
    )
    return session.scalars(wanted).all()


def events_left(session: Session, most: int, after: UUID | None) -> Sequence[UUID]:
    """Events that may be booked by now: not judged, waiting or held, the oldest first."""
    wanted = select(GatewayEvent.id).where(GatewayEvent.status.in_(("received", "waiting", "held")))
    if after is not None:
        wanted = wanted.where(GatewayEvent.id > after)
    return session.scalars(wanted.order_by(GatewayEvent.id).limit(most)).all()
