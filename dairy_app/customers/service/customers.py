"""Registering customers, changing them, and the prices agreed with them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.accounts.models import User
from dairy_app.accounts.queries import lock_user
from dairy_app.accounts.service import users as accounts
from dairy_app.catalogue.bulk import close_price, insert_price
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers import bulk, queries, rules
from dairy_app.customers.models import Area, CustomerPrice
from dairy_app.customers.policy import check_changes
from dairy_app.web.access import Actor, Role

#: Field → the role of the user it must name.
STAFF = {"delivery_boy_id": Role.DELIVERY_BOY, "marketing_staff_id": Role.MARKETING_STAFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerChange:
    """What shall be different in a customer; what is UNSET stays as it is.

    ``area`` names one, which is made when there is none; it comes instead of ``area_id``.
    """

    code: str | Unset = UNSET
    name: str | Unset = UNSET
    phone: str | Unset = UNSET
    email: str | Unset | None = UNSET
    address_line1: str | Unset = UNSET
    address_line2: str | Unset | None = UNSET
    city: str | Unset | None = UNSET
    state_code: str | Unset | None = UNSET
    pincode: str | Unset | None = UNSET
    latitude: Decimal | Unset | None = UNSET
    longitude: Decimal | Unset | None = UNSET
    map_link: str | Unset | None = UNSET
    area: str | Unset = UNSET
    area_id: UUID | Unset = UNSET
    delivery_boy_id: UUID | Unset | None = UNSET
    stop_sequence: int | Unset | None = UNSET
    marketing_staff_id: UUID | Unset | None = UNSET
    status: str | Unset = UNSET
    trial_start_date: date | Unset | None = UNSET
    billing_cycle: str | Unset = UNSET
    language: str | Unset | None = UNSET
    gstin: str | Unset | None = UNSET
    gst_treatment: str | Unset = UNSET
    payment_terms: str | Unset = UNSET
    credit_limit: Decimal | Unset | None = UNSET
    channel: str | Unset | None = UNSET
    messages_off: list[str] | Unset = UNSET
    billed_to: UUID | Unset | None = UNSET
    notes: str | Unset | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer(CustomerChange):
    """A customer to register, with an area; what is UNSET, the table says. ``login``: with its phone and e-mail."""

    name: str
    phone: str
    address_line1: str
    login: bool = True


@dataclass(frozen=True, slots=True)
class AgreedPrice:
    """A price of one product from a day on, in rupees per unit; None ends the agreed price."""

    product_id: UUID
    price: Decimal | None
    valid_from: date


@dataclass(frozen=True, slots=True)
class NewArea:
    """A part of town, below another one or not."""

    name: str
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AreaChange:
    """What shall be different in an area; what is UNSET stays as it is."""

    name: str | Unset = UNSET
    parent_id: UUID | Unset | None = UNSET


def create_customer(session: Session, actor: Actor, wanted: NewCustomer) -> dict[str, Any]:
    """A new customer and, unless its ``login`` is False, its login, in this one transaction.

    A phone or e-mail that any user already holds is refused (``already_exists``): whoever knows somebody's
    phone must not get at their login. Without a login a phone may be shared, by customers of different names. What
    marketing staff register is theirs to look after. Returns what clients see; with ``invitation_token``, for admins
    only, because it is shown once and lets its holder in.
    """
    fields = sent(wanted)
    login: bool = fields.pop("login")
    if actor.role is Role.MARKETING_STAFF:
        fields = {**fields, "marketing_staff_id": actor.user_id}
        check_changes(actor, fields.keys() - {"marketing_staff_id"})
    values = _settled(session, fields, known={})
    token = None
    _refuse_known(session, values["name"], values["phone"])
    if values.get("billed_to") is not None:
        bulk.lock_customers(session, [values["billed_to"]])
        _refuse_payer(session, actor, values["billed_to"], None)
    if login:
        person = accounts.NewUser(values["name"], Role.CUSTOMER, values.get("email"), values["phone"])
        user = accounts.create_user(session, person)
        values["user_id"] = user.id
        token = accounts.invite(session, user) if actor.role is Role.ADMIN else None
    made = bulk.insert_customer(session, values)
    seen = dict(queries.read_customer(session, actor, made)._mapping)
    return seen | ({"invitation_token": token} if token else {})


def _refuse_known(session: Session, name: str, phone: str) -> None:
    """A name at a phone is one customer, as in a file of them; two requests, or a file, at once take turns."""
    bulk.lock_imports(session)
    if rules.plain_name(name) in {rules.plain_name(there.name) for there in queries.customers_at(session, [phone])}:
        raise Problem("already_exists", "A customer with this name and this phone is registered.")


def change_customer(session: Session, actor: Actor, customer_id: UUID, asked: CustomerChange) -> Row[Any]:
    """Change what is sent; phone and e-mail of the login stay as they are.

    Takes the mutex of the customer's money: the billing cycle decides which draft a delivery joins. Who pays for it
    from now on, and who does until now, are locked with it; what is delivered until its open draft ends stays there.
    """
    changes = sent(asked)
    check_changes(actor, changes)
    if "billed_to" in changes:
        payer_now = queries.get_visible_customer(session, actor, customer_id).billed_to
        bulk.lock_customers(session, {customer_id, payer_now, changes["billed_to"]} - {None})
    customer = queries.get_visible_customer(session, actor, customer_id, lock=True)
    if changes.get("billed_to", customer.billed_to) != customer.billed_to:
        _refuse_payer(session, actor, changes["billed_to"], customer_id)
    known = {name: getattr(customer, name) for name in ("gstin", "gst_treatment", "state_code")}
    for name, value in _settled(session, changes, known).items():
        setattr(customer, name, value)
    session.flush()
    return queries.read_customer(session, actor, customer_id)


def _refuse_payer(session: Session, actor: Actor, payer_id: UUID | None, customer_id: UUID | None) -> None:
    """Raise unless a locked customer may pay for another: it pays for itself, and that one for nobody else."""
    if payer_id is None:
        return
    if payer_id == customer_id:
        raise invalid("/billed_to", "A customer cannot be billed to itself: null means that it pays for itself.")
    payer = queries.get_visible_customer(session, actor, payer_id)
    if payer.merged_into is not None:
        raise Problem("customer_merged", facts={"merged_into": str(payer.merged_into)})
    if payer.billed_to is not None:
        whose = queries.get_visible_customer(session, actor, payer.billed_to)
        raise Problem("payer_refused", f"{payer.name} is billed to {whose.name} itself: choose that one.")
    if customer_id is not None and queries.is_payer(session, customer_id):
        raise Problem("payer_refused", "Others are billed to the customer: let them be billed to somebody else first.")


def _settled(session: Session, fields: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The columns to write: area by id, staff checked, tax fields that agree with each other."""
    values = dict(fields)
    for name, role in STAFF.items():
        user_id = values.get(name)
        if user_id is not None and not queries.active_user(session, user_id, role):
            raise invalid(f"/{name}", f"Must be an active user of role {role}.", "user_not_found")
    if rules.is_reserved_code(values.get("code") or ""):
        raise invalid("/code", "Codes of this form are given out by the dairy.")
    if "area" in values:
        values["area_id"] = area_id_of(session, values.pop("area"))
    return values | rules.tax_fields(values, known)


def area_id_of(session: Session, name: str) -> UUID:
    """The area of that name, made when there is none. Two at once get the same one."""
    for _ in range(2):
        known = queries.area_named(session, name)
        if known is not None:
            return known
        made = bulk.insert_area(session, name)
        if made is not None:
            return made
    raise Problem("already_exists", "The area is just being changed; try again.")


def link_user(session: Session, actor: Actor, customer_id: UUID, user_id: UUID) -> Row[Any]:
    """Give a customer without a login an existing one: an active user of role customer that nobody has.

    Raises ``customer_not_found``, ``user_not_found``; ``already_exists`` when either has a partner;
    ``illegal_transition`` for a user of another role or a deactivated one. The same user again: no change.
    """
    customer = queries.get_visible_customer(session, actor, customer_id, lock=True)
    user = lock_user(session, user_id)
    if customer.user_id != user_id:
        if customer.user_id is not None:
            raise Problem("already_exists", "The customer already has a login.")
        if user.role != Role.CUSTOMER or not user.is_active:
            raise Problem("illegal_transition", "Only an active user of role customer can be linked.")
        customer.user_id = user_id  # a second customer of this user is refused by uq_customers_user_id
        bulk.forget_unlinked(session, customer_id)
        session.flush()
    return queries.read_customer(session, actor, customer_id)


def login_of(session: Session, actor: Actor, customer_id: UUID) -> User:
    """The login by which a customer sees its own pages, locked. Raises ``customer_not_found``.

    ``user_not_found`` for a customer without a login, ``user_inactive`` for one whose access was ended.
    """
    customer = queries.get_visible_customer(session, actor, customer_id)
    if customer.user_id is None:
        raise Problem("user_not_found", "The customer has no login.")
    user = lock_user(session, customer.user_id)
    if not user.is_active:
        raise Problem("user_inactive")
    return user


def set_customer_price(session: Session, actor: Actor, customer_id: UUID, agreed: AgreedPrice) -> None:
    """Agree a price with a customer from a day on; the one in force ends the day before.

    ``price`` None ends the agreed price: from that day the quoted or list price counts again, until a later
    agreed one begins. The same again changes nothing; another price from the same day is ``already_exists``.
    """
    queries.get_visible_customer(session, actor, customer_id, lock=True)
    owner = {"customer_id": customer_id, "product_id": agreed.product_id}
    known = queries.customer_price_from(session, customer_id, agreed.product_id, agreed.valid_from)
    if agreed.price is None:
        if known is not None:
            bulk.delete_price(session, known.id)
        close_price(session, CustomerPrice, owner, agreed.valid_from)
    elif known is None or known.price != agreed.price:
        insert_price(session, CustomerPrice, owner, agreed.price, agreed.valid_from)


def create_area(session: Session, wanted: NewArea) -> Area:
    """A new area. Raises ``already_exists`` for a name in use, ``area_not_found`` for the parent."""
    area = Area(name=wanted.name, parent_id=wanted.parent_id)
    session.add(area)
    session.flush()
    session.refresh(area)
    return area


def change_area(session: Session, area_id: UUID, asked: AreaChange) -> Area:
    """Rename an area or put it below another. An area below itself, at any depth, is refused."""
    # One at a time: two moves at once could each be right alone and a ring together.
    bulk.lock_areas(session)
    area = queries.get_area(session, area_id)
    changes = sent(asked)
    parent = changes.get("parent_id")
    if parent is not None and parent in queries.area_ids_within(session, area_id):
        raise invalid("/parent_id", "An area cannot be below itself.")
    for name, value in changes.items():
        setattr(area, name, value)
    session.flush()
    session.refresh(area)
    return area
