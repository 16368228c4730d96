"""Customers, areas and agreed prices as clients see them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from marshmallow import fields, post_load, validates_schema

from dairy_app.accounts.rules.logins import ACCOUNT_LINK_HOURS, MOST_ACCOUNT_LINK_HOURS, normalise_email
from dairy_app.business.rules import is_gstin
from dairy_app.catalogue.schemas import PriceOut
from dairy_app.common.phones import normalise_phone
from dairy_app.customers.models import BILLING_CYCLES, CUSTOMER_STATUSES, GST_TREATMENTS, PAYMENT_TERMS
from dairy_app.customers.rules import MAP_LINK
from dairy_app.customers.service.customers import AgreedPrice, AreaChange, CustomerChange, NewArea, NewCustomer
from dairy_app.outbox.models import CHANNELS, TO_CUSTOMERS
from dairy_app.web import validate
from dairy_app.web.schemas import (
    Choice,
    Day,
    Line,
    Money,
    PageQuery,
    Paragraph,
    Quantity,
    Several,
    Sort,
    Strict,
    UpdatedSince,
)
from dairy_app.web.validate import Invalid, Pattern

#: integer ends here.
MAX_SEQUENCE = 2_147_483_647


class Latitude(Quantity):
    """Degrees north, six places."""

    places = 6
    largest = Decimal(90)
    example = "18.507400"


class Longitude(Latitude):
    """Degrees east, six places."""

    largest = Decimal(180)
    example = "73.807700"


class Phone(Line):
    """A phone number as people write it; kept and shown in E.164."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return _read(normalise_phone, super()._deserialize(value, attr, data, **kwargs))


class Email(Line):
    """An e-mail address; kept and shown in lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return _read(normalise_email, super()._deserialize(value, attr, data, **kwargs))


def _read(normalise: Callable[[str], str], written: str) -> str:
    try:
        return normalise(written)
    except ValueError as error:
        raise Invalid(f"{error}.") from None


class Gstin(fields.String):
    """A GST registration number; small letters are taken as capitals."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip().upper()


def _digits(pattern: str, error: str) -> Pattern:
    return Pattern(rf"^{pattern}$", error=error)


class CustomerFields(Strict):
    """What describes a customer, whether new or changed."""

    #: Instead of ``area``; and staff whose ids nobody has.
    not_in_example = ("area_id", "delivery_boy_id", "marketing_staff_id", "billed_to")
    code = Line(40)
    name = Line(200)
    phone = Phone(40)
    email = Email(254, allow_none=True)
    address_line1 = Line(200)
    address_line2 = Line(200, allow_none=True)
    city = Line(100, allow_none=True)
    state_code = fields.String(allow_none=True, validate=_digits("[0-9]{2}", "Must be two digits."))
    pincode = fields.String(allow_none=True, validate=_digits("[1-9][0-9]{5}", "Must be six digits."))
    latitude = Latitude(low=-90, allow_none=True)
    longitude = Longitude(low=-180, allow_none=True)
    map_link = fields.String(
        allow_none=True,
        validate=[
            validate.Length(max=1000),
            Pattern(MAP_LINK, error="Must be the https address of a map."),
        ],
        metadata={"description": "The https address of a map.", "example": "https://maps.app.goo.gl/x"},
    )
    area = Line(200, metadata={"description": "Name of the area, made if new. Instead of area_id."})
    area_id = fields.UUID()
    delivery_boy_id = fields.UUID(allow_none=True)
    stop_sequence = fields.Integer(strict=True, allow_none=True, validate=validate.Range(0, MAX_SEQUENCE))
    marketing_staff_id = fields.UUID(allow_none=True)
    status = Choice(*CUSTOMER_STATUSES)
    trial_start_date = Day(allow_none=True)
    billing_cycle = Choice(*BILLING_CYCLES)
    language = Line(10, allow_none=True)
    gstin = Gstin(allow_none=True, validate=is_gstin)
    gst_treatment = Choice(*GST_TREATMENTS)
    payment_terms = Choice(*PAYMENT_TERMS)
    credit_limit = Money(allow_none=True, metadata={"example": "2000.00"})
    channel = Choice(*CHANNELS, allow_none=True)
    messages_off = fields.List(
        Choice(*TO_CUSTOMERS),
        validate=validate.Length(max=len(TO_CUSTOMERS)),
        metadata={"example": ["reminder"]},
    )
    billed_to: fields.Field[Any] = fields.UUID(allow_none=True)
    notes = Paragraph(2000, allow_none=True)

    @validates_schema
    def one_area(self, data: dict[str, Any], **_: Any) -> None:
        if "area" in data and "area_id" in data:
            raise Invalid("Send area or area_id, not both.", "area")


class CustomerIn(CustomerFields):
    """A new customer. With ``login`` (the default) it gets a login with its phone and e-mail."""

    makes: type | None = NewCustomer
    name = Line(200, required=True)
    phone = Phone(40, required=True)
    address_line1 = Line(200, required=True)
    login = fields.Boolean(load_default=True, truthy={True}, falsy={False})

    @validates_schema
    def some_area(self, data: dict[str, Any], **_: Any) -> None:
        if "area" not in data and "area_id" not in data:
            raise Invalid("Missing data for required field: area or area_id.", "area")


class YesOrNo(fields.Boolean):
    """A cell that says yes or no."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(truthy={"yes", "y", "true", "1"}, falsy={"no", "n", "false", "0"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value.lower(), attr, data, **kwargs)


class StaffName(Line):
    """Who of the staff is meant: by e-mail address or phone number, as it is kept, or by name."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        written = super()._deserialize(value, attr, data, **kwargs)
        if not any(each == "@" or each.isdigit() for each in written):
            return written
        return _read(normalise_email if "@" in written else normalise_phone, written)


class CustomerRow(CustomerIn):
    """One line of a file of customers: cells are texts; staff are named by e-mail, phone or name, who pays by code."""

    makes = None
    stop_sequence = fields.Integer(validate=validate.Range(0, MAX_SEQUENCE))
    login = YesOrNo(load_default=True)
    delivery_boy = StaffName(254)
    marketing_staff = StaffName(254)
    billed_to = Line(40)

    class Meta:
        exclude = ("area_id", "delivery_boy_id", "marketing_staff_id", "messages_off")


class CustomerPatch(CustomerFields):
    """Only what is sent changes. Phone and e-mail of the login stay as they are."""

    makes = CustomerChange


class CustomerOut(Strict):
    """A customer."""

    id = fields.UUID()
    code = fields.String()
    user_id = fields.UUID(allow_none=True)
    name = fields.String()
    phone = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    address_line1 = fields.String(allow_none=True)
    address_line2 = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    state_code = fields.String(allow_none=True)
    pincode = fields.String(allow_none=True)
    latitude = Latitude(allow_none=True)
    longitude = Longitude(allow_none=True)
    map_link = fields.String(allow_none=True)
    area = fields.String(allow_none=True)
    area_id = fields.UUID(allow_none=True)
    delivery_boy_id = fields.UUID(allow_none=True)
    stop_sequence = fields.Integer(allow_none=True)
    marketing_staff_id = fields.UUID(allow_none=True)
    status = Choice(*CUSTOMER_STATUSES)
    trial_start_date = Day(allow_none=True)
    billing_cycle = Choice(*BILLING_CYCLES)
    language = fields.String(allow_none=True)
    gstin = fields.String(allow_none=True)
    gst_treatment = Choice(*GST_TREATMENTS)
    payment_terms = Choice(*PAYMENT_TERMS)
    credit_limit = Money(allow_none=True)
    channel = Choice(*CHANNELS, allow_none=True)
    messages_off = fields.List(Choice(*TO_CUSTOMERS))
    billed_to = fields.UUID(allow_none=True)
    notes = fields.String(allow_none=True)
    merged_into = fields.UUID(allow_none=True)
    merged_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class NewCustomerOut(CustomerOut):
    """A customer just registered."""

    sometimes = ("invitation_token",)
    invitation_token = fields.String(metadata={"description": "To admins only, and only this once."})


class CustomersQuery(PageQuery):
    """Which customers."""

    status = Several(Choice(*CUSTOMER_STATUSES))
    area_id = Several(fields.UUID(), metadata={"description": "With the areas below it."})
    delivery_boy_id = Several(fields.UUID())
    billed_to = fields.UUID(load_default=None, metadata={"description": "Who is billed to this customer."})
    code = Line(
        40,
        load_default=None,
        metadata={"description": "Exactly this code; of one that was merged, the customer it was merged into."},
    )
    with_merged = fields.Boolean(load_default=False, truthy={"true"}, falsy={"false"})
    updated_since = UpdatedSince(load_default=None)
    sort = Sort("code", "name", "created_at", default="code")
    search = Line(
        100,
        load_default=None,
        metadata={
            "description": "Beginnings of words of the name, the code or the address, in any order, or the end of the"
            " phone number.",
            "example": "joshi b-12",
        },
    )
    q = Line(100, load_default=None, metadata={"description": "The same as `search`.", "deprecated": True})

    @post_load
    def _one_word(self, query: dict[str, Any], **_: Any) -> dict[str, Any]:
        q = query.pop("q")
        return {**query, "search": query["search"] or q}


class LinkUserIn(Strict):
    """The login that a customer gets."""

    user_id = fields.UUID(required=True)


class AccountLinkIn(Strict):
    """How long the link shall be good."""

    expires_in_hours = fields.Integer(
        strict=True, load_default=ACCOUNT_LINK_HOURS, validate=validate.Range(1, MOST_ACCOUNT_LINK_HOURS)
    )


class AccountLinkOut(Strict):
    """A link that opens the customer's own pages without a password."""

    url = fields.String(metadata={"example": "https://milk.dairy.example/account/eyJhbGciOiJIUzI1NiJ9.e30.c2ln"})
    expires_at = fields.AwareDateTime()


class CustomerPriceIn(Strict):
    """A price agreed from a day on; null ends the agreed price on that day."""

    makes = AgreedPrice
    product_id = fields.UUID(required=True)
    price = Money(required=True, allow_none=True)
    valid_from = Day(required=True)


class CustomerPriceOut(PriceOut):
    """A price agreed with one customer."""

    product_name = fields.String()


class CustomerPricesQuery(PageQuery):
    """Which agreed prices."""

    product_id = fields.UUID(load_default=None)


class AreaPatch(Strict):
    """Only what is sent changes."""

    makes: type | None = AreaChange
    name = Line(200)
    parent_id = fields.UUID(allow_none=True)


class AreaIn(AreaPatch):
    """A new area."""

    makes = NewArea
    name = Line(200, required=True)


class AreaOut(Strict):
    """A part of town; ``parent_id`` is the area around it."""

    id = fields.UUID()
    name = fields.String()
    parent_id = fields.UUID(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
