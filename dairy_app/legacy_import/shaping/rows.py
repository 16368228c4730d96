"""The rows that documents are staged as. Field names are the columns of the staging tables.

Every row of a document ends with ``reason`` (why the document alone shows that it cannot be placed: the code
that goes to quarantine), ``detail`` in words, ``remarks`` (what was repaired or left out: for the report) and
the whole ``document`` as JSON text.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID


class UserRow(NamedTuple):
    """One login. ``object_id`` is its ``_id``: some references use that instead of ``id``."""

    collection: str
    line: int
    key: str
    id: UUID
    object_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    role: str | None
    is_active: bool
    password_hash: str | None
    customer_key: str | None
    created_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class CustomerRow(NamedTuple):
    """One customer of ``customers_v2`` or of the older ``customers``."""

    collection: str
    line: int
    key: str
    id: UUID
    user_key: str | None
    name: str | None
    phone: str | None
    email: str | None
    address: str | None
    area: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    map_link: str | None
    delivery_boy_key: str | None
    marketing_staff_key: str | None
    status: str | None
    trial_start_date: date | None
    previous_balance: Decimal | None
    notes: str | None
    created_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class CustomerPriceRow(NamedTuple):
    """One entry of a customer's ``custom_product_prices``."""

    customer_id: UUID
    product_key: str
    price: Decimal


class ProductRow(NamedTuple):
    """One product; ``price`` is its ``default_price``, else its ``price``, else none."""

    collection: str
    line: int
    key: str
    id: UUID
    name: str | None
    category: str | None
    unit: str | None
    packet_size: Decimal | None
    price: Decimal | None
    is_active: bool
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class OrderRow(NamedTuple):
    """One order. ``status`` is folded; an order that is not ``is_one_time`` is one day of a standing order."""

    collection: str
    line: int
    key: str
    id: UUID
    customer_ref: str | None
    user_ref: str | None
    is_one_time: bool
    subscription_key: str | None
    status: str | None
    is_confirmed: bool
    is_billed: bool
    billed_month: str | None
    delivery_date: date | None
    delivered_on: date | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    shift: str
    delivery_boy_key: str | None
    address: str | None
    notes: str | None
    created_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class ItemRow(NamedTuple):
    """One item of an order, quantity and price as written (not yet rounded). ``unit`` None: it names none we know."""

    order_line: int
    line_no: int
    product_key: str | None
    product_name: str | None
    unit: str | None
    quantity: Decimal
    price: Decimal


class DeliveryRow(NamedTuple):
    """One row of ``delivery_statuses`` or ``delivery_status``. ``written_at`` decides which is the latest."""

    collection: str
    line: int
    key: str
    id: UUID
    order_key: str | None
    customer_ref: str | None
    delivery_date: date | None
    status: str | None
    delivered_at: datetime | None
    delivery_boy_key: str | None
    confirmed_by_key: str | None
    confirmed_by_name: str | None
    confirmed_at: datetime | None
    written_at: datetime | None
    device_info: str | None
    notes: str | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class DeliveredRow(NamedTuple):
    """A delivered quantity recorded beside an order; NULL: the product stands there without one.

    ``packets``: how many packets the order's quantity was taken for there; ``unit``: in what it was counted.
    """

    collection: str
    delivery_line: int
    order_key: str
    product_key: str | None
    product_name: str | None
    quantity: Decimal | None
    packets: Decimal | None
    unit: str | None


class SubscriptionRow(NamedTuple):
    """One standing order of any generation. ``order_date``: it is a single delivery, so it becomes an order."""

    collection: str
    line: int
    key: str
    id: UUID
    customer_ref: str | None
    product_key: str | None
    mode: str | None
    quantity: Decimal
    weekly_pattern: list[str] | None
    interval_days: int | None
    anchor_date: date | None
    shift: str
    in_both_shifts: bool
    price: Decimal | None
    start_date: date | None
    stop_date: date | None
    order_date: date | None
    status: str | None
    auto_start: bool
    change_reason: str | None
    created_at: datetime | None
    changed_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class EntryRow(NamedTuple):
    """What a standing order says about some days: kind quantity, shift, or pause (``last_day`` NULL: open)."""

    subscription_line: int
    place: int
    kind: str
    first_day: date
    last_day: date | None
    quantity: Decimal | None
    shift: str | None
    is_irregular: bool
    note: str | None


class SideRow(NamedTuple):
    """One document beside the standing orders: quantity, shift, pause or extra of a day, or a log (done)."""

    collection: str
    line: int
    key: str
    id: UUID
    kind: str
    subscription_key: str | None
    customer_ref: str | None
    product_key: str | None
    day: date | None
    quantity: Decimal | None
    shift: str | None
    note: str | None
    written_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class PaymentRow(NamedTuple):
    """One payment of a customer."""

    collection: str
    line: int
    key: str
    id: UUID
    customer_ref: str | None
    amount: Decimal | None
    method: str
    received_on: date | None
    notes: str | None
    recorded_by_key: str | None
    created_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class WalletRow(NamedTuple):
    """What a customer has in its wallet: paid in advance."""

    collection: str
    line: int
    key: str
    id: UUID
    customer_ref: str | None
    balance: Decimal | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class AreaRow(NamedTuple):
    """One area: ``name`` is what customers name, ``main_area`` the one that it lies in."""

    collection: str
    line: int
    key: str
    id: UUID
    name: str | None
    main_area: str | None
    delivery_boy_keys: list[str]
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class SettingsRow(NamedTuple):
    """What the earlier system knew of the dairy itself."""

    collection: str
    line: int
    key: str
    id: UUID
    business_name: str | None
    phone: str | None
    upi_id: str | None
    address: str | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class AddressRow(NamedTuple):
    """One address of a customer, beside the text in the customer itself."""

    collection: str
    line: int
    key: str
    id: UUID
    customer_ref: str | None
    line1: str | None
    line2: str | None
    city: str | None
    pincode: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    is_default: bool
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class BillRow(NamedTuple):
    """One bill record about one order."""

    collection: str
    line: int
    key: str
    id: UUID
    order_key: str | None
    amount: Decimal | None
    billed_month: str | None
    is_paid: bool
    created_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class LinkRow(NamedTuple):
    """One shared link, without its token."""

    collection: str
    line: int
    key: str
    id: UUID
    link_key: str | None
    name: str
    delivery_boy_key: str | None
    area: str | None
    link_date: date | None
    shift: str | None
    created_by_key: str | None
    made_at: datetime | None
    expires_at: datetime | None
    use_count: int
    last_used_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str


class RequestRow(NamedTuple):
    """One change that somebody asked for; ``kind`` None: there is no such request here."""

    collection: str
    line: int
    key: str
    id: UUID
    kind: str | None
    customer_ref: str | None
    product_key: str | None
    day: date | None
    until: date | None
    quantity: Decimal | None
    shift: str
    link_key: str | None
    asked_by_key: str | None
    note: str | None
    status: str | None
    decided_by_key: str | None
    decided_at: datetime | None
    decision_reason: str | None
    asked_at: datetime | None
    reason: str | None
    detail: str | None
    remarks: list[str]
    document: str
