"""Links, rounds and requests as clients send and see them. What a link shows is written out here, field by field."""

from typing import Any

from marshmallow import fields, post_load, validates_schema

from dairy_app.catalogue.models import UNITS
from dairy_app.deliveries.models import DELIVERY_STATUSES
from dairy_app.deliveries.schemas.confirmations import clock_may_say
from dairy_app.deliveries.schemas.rounds import ContainerAtDoor, EmptiesAtDoor
from dairy_app.orders.models import ORDER_STATUSES
from dairy_app.sharing.models import LINK_ACTIONS, REQUEST_KINDS, REQUEST_STATUSES, SHIFTS
from dairy_app.sharing.policy import INTERNAL_FIELDS
from dairy_app.sharing.rules import links as rules
from dairy_app.sharing.service.links import NewLink
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Instant, Line, Money, PageQuery, Paragraph, Quantity, Strict, page_of
from dairy_app.web.validate import Coded, Invalid, Pattern, SeveralInvalid

_PIN = Pattern(r"^[0-9]{4,8}$", error="Must be 4 to 8 digits.")


class SharedLinkIn(Strict):
    """A new link: whose round, for when, until when."""

    makes = NewLink
    kind = Choice("round", required=True)
    delivery_boy_id = fields.UUID()
    area_id = fields.UUID(metadata={"description": "The area and all areas below it."})
    date = Day(metadata={"description": "From yesterday to the link's last day."})
    rolling = fields.Boolean(truthy={True}, falsy={False}, load_default=False)
    shift = Choice(*SHIFTS, metadata={"description": "Default: both."})
    expires_in_hours = fields.Integer(
        strict=True, load_default=rules.DEFAULT_LIFETIME, validate=validate.Range(1, rules.LONGEST_LIFETIME)
    )
    pin = fields.String(load_only=True, validate=_PIN, metadata={"example": "4711"})
    name = Line(200, metadata={"description": "Signs the confirmations."})
    not_in_example = ("delivery_boy_id", "date", "name")

    @validates_schema
    def one_round(self, data: dict[str, Any], **_: Any) -> None:
        if ("delivery_boy_id" in data) == ("area_id" in data):
            raise Invalid("Send either delivery_boy_id or area_id.", "delivery_boy_id")
        if ("date" in data) == data["rolling"]:
            raise Invalid("Send either date or rolling: true.", "date")


class SharedLinkOut(Strict):
    """A link as admins see it: never its token, PIN or their hashes."""

    id = fields.UUID()
    kind = fields.Constant("round")
    name = fields.String()
    delivery_boy_id = fields.UUID(allow_none=True)
    delivery_boy_name = fields.String(allow_none=True)
    area_id = fields.UUID(allow_none=True)
    area_name = fields.String(allow_none=True)
    date = Day(attribute="link_date", allow_none=True)
    rolling = fields.Boolean(attribute="is_rolling")
    shift = Choice(*SHIFTS, allow_none=True)
    has_pin = fields.Boolean()
    state = Choice("active", "locked", "expired", "revoked")
    expires_at = fields.DateTime()
    revoked_at = fields.DateTime(allow_none=True)
    locked_until = fields.DateTime(allow_none=True)
    use_count = fields.Integer()
    last_used_at = fields.DateTime(allow_none=True)
    created_by = fields.UUID()
    created_at = fields.DateTime()


class SharedLinkCreatedOut(SharedLinkOut):
    """A new link; its token and address are shown here and never again, also not in a repeated answer."""

    sometimes = ("token", "url")
    token = fields.String()
    url = fields.String()


class SharedLinkEventOut(Strict):
    """One use of a link."""

    id = fields.Integer()
    at = fields.DateTime()
    action = Choice(*LINK_ACTIONS)
    result = fields.String(metadata={"description": "ok, confirmed, replayed, or the code of the refusal."})
    order_id = fields.UUID(allow_none=True)
    ip = fields.String(allow_none=True)
    user_agent = fields.String(allow_none=True)


class PinIn(Strict):
    """The PIN of a link."""

    pin = fields.String(required=True, load_only=True, validate=validate.Length(1, 20), metadata={"example": "4711"})


class SharedRoundQuery(Strict):
    """Which day of a rolling link."""

    date = Day()


class SharedCustomerOut(Strict):
    """Whom to find, and how to ring."""

    id = fields.UUID()
    name = fields.String()
    phone = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    full_address = fields.String(allow_none=True)
    area = fields.String(allow_none=True)
    map_link = fields.String(allow_none=True)
    notes = fields.String(allow_none=True)


class SharedItemOut(Strict):
    """What to hand over."""

    product_id = fields.UUID()
    name = fields.String()
    unit = Choice(*UNITS)
    quantity = Quantity()
    packets = fields.Integer(allow_none=True)
    delivered_quantity = Quantity(allow_none=True)


class SharedStatusOut(Strict):
    """What happened at the door, without who said so."""

    status = Choice(*DELIVERY_STATUSES)
    delivered_at = fields.DateTime(allow_none=True)
    delivery_date = Day()
    reason_code = fields.String(allow_none=True)


class SharedOrderOut(Strict):
    """One order at a door."""

    order_id = fields.UUID()
    status = Choice(*ORDER_STATUSES)
    shift = Choice(*SHIFTS)
    is_extra = fields.Boolean(metadata={"description": "Handed over without having been ordered."})
    notes = fields.String(allow_none=True)
    items = fields.List(fields.Nested(SharedItemOut))
    empties = fields.List(fields.Nested(EmptiesAtDoor), metadata={"description": "What came back with it."})
    delivery_status = fields.Nested(SharedStatusOut, allow_none=True)


class SharedStopOut(Strict):
    """One door; ``due_amount`` with the setting ``show_due_at_door``, ``cash_taken`` with ``cash_over_links``."""

    sometimes = ("due_amount", "cash_taken")
    cash_taken = Money(metadata={"description": "Rupees in cash that were taken here on that day."})
    due_amount = Money(
        allow_none=True,
        metadata={"description": "Rupees that the customer owes; null: nothing is to be collected."},
    )
    sequence = fields.Integer(allow_none=True)
    customer = fields.Nested(SharedCustomerOut)
    containers = fields.List(
        fields.Nested(ContainerAtDoor), metadata={"description": "What the customer has; of what was counted by now."}
    )
    orders = fields.List(fields.Nested(SharedOrderOut))


class SharedLoadOut(Strict):
    """How much of one product to load."""

    product_id = fields.UUID()
    name = fields.String()
    unit = Choice(*UNITS)
    quantity = Quantity()
    packets = fields.Integer(allow_none=True)


class SharedProductOut(Strict):
    """What may be handed over besides what was ordered."""

    product_id = fields.UUID()
    name = fields.String()
    unit = Choice(*UNITS)


class SharedRoundOut(Strict):
    """The round of one day, with what a delivery needs and no more.

    ``extra_products`` only when the setting ``door_extras`` takes extra items over links.
    """

    sometimes = ("extra_products", "cash_taken")
    cash_taken = Money(
        metadata={"description": "Rupees in cash taken on that day; there when cash may be noted over the link."}
    )
    extra_products = fields.List(
        fields.Nested(SharedProductOut), metadata={"description": "What extra_items of a confirmation may name."}
    )
    name = fields.String()
    delivery_date = Day()
    shift = Choice(*SHIFTS, allow_none=True)
    stops = fields.List(fields.Nested(SharedStopOut))
    loading_sheet = fields.List(fields.Nested(SharedLoadOut))


class SharedConfirmationOut(Strict):
    """What a confirmation came to."""

    order_id = fields.UUID()
    order_status = Choice(*ORDER_STATUSES)
    delivery_status = fields.Nested(SharedStatusOut)
    replayed = fields.Boolean(metadata={"description": "The same was confirmed before; nothing changed."})
    extra_order_id = fields.UUID(allow_none=True, metadata={"description": "The order of the extra items."})


class CashIn(Strict):
    """Cash that was taken at a door."""

    makes = rules.CashTaken
    customer_id = fields.UUID(required=True)
    amount = Money(required=True, above=True, validate=validate.Range(max=rules.MOST_CASH))
    client_event_id = fields.UUID(required=True, metadata={"description": "Sent again, it is the same cash."})
    taken_at = Instant(
        validate=clock_may_say,
        metadata={
            "description": "By the phone's clock: it may be sent later. Its day counts where the link reaches it and"
            " the books are open; else today."
        },
    )


class CashOut(Strict):
    """What was noted, with the number of its receipt."""

    id = fields.UUID()
    receipt_no = fields.String()
    customer_id = fields.UUID()
    amount = Money()
    replayed = fields.Boolean(metadata={"description": "It was noted before; nothing changed."})


class SharedPhotoOut(Strict):
    """A photo that was kept; whoever holds the link is told no more of it."""

    order_id = fields.UUID()
    size = fields.Integer()
    replayed = fields.Boolean(metadata={"description": "It was here before; nothing changed."})


class WantedItem(Strict):
    """One product asked for."""

    makes = rules.AskedItem
    product_id = fields.UUID(required=True)
    quantity = Quantity(required=True, above=True)


class _Wish(Strict):
    """What may be wanted; which of it, the kind of the request says."""

    from_ = Day(data_key="from", attribute="from", metadata={"description": "pause: the first day."})
    to = Day(allow_none=True, metadata={"description": "pause: the last day; null: until resumed."})
    stop_date = Day(metadata={"description": "stop: the first day without delivery."})
    delivery_date = Day(metadata={"description": "extra_item."})
    shift = Choice(*SHIFTS, metadata={"description": "extra_item; default: the link's, else morning."})
    items = fields.List(
        fields.Nested(WantedItem),
        validate=validate.Length(min=1, max=20),
        metadata={"description": "extra_item."},
    )
    date = Day(metadata={"description": "quantity: the day."})
    quantity = Quantity(metadata={"description": "quantity: of that day; 0: nothing."})

    @validates_schema
    def days_in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("to") is not None and "from" in data and data["to"] < data["from"]:
            raise Invalid("Must not be before from.", "to")

    @validates_schema
    def products_differ(self, data: dict[str, Any], **_: Any) -> None:
        named = [item.product_id for item in data.get("items", [])]
        if len(set(named)) < len(named):
            raise Invalid("A product is listed twice.", "items")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Any:
        said = {("from_" if name == "from" else name): value for name, value in data.items()}
        return said if self.makes is None else self.makes(**said)


class ChangeRequestIn(_Wish):
    """A change asked for at a door. Each kind has its own fields."""

    makes = rules.NewRequest
    kind = Choice(*REQUEST_KINDS, required=True)
    customer_id = fields.UUID(required=True)
    subscription_id = fields.UUID(metadata={"description": "pause, stop: default all; quantity: needed."})
    note = Paragraph(2000)
    client_event_id = fields.UUID(metadata={"description": "Sent again, it is the same request."})
    not_in_example = ("stop_date", "delivery_date", "shift", "items", "date", "quantity")

    @validates_schema
    def fits_kind(self, data: dict[str, Any], **_: Any) -> None:
        wrong = rules.misfits(data["kind"], data)
        if data["kind"] == "quantity" and "subscription_id" not in data:
            wrong["subscription_id"] = [validate.MISSING]
        if data["kind"] == "extra_item" and "subscription_id" in data:
            wrong["subscription_id"] = [Coded("Not a field of extra_item.")]
        if wrong:
            raise SeveralInvalid(wrong)


class ChangeRequestMadeOut(Strict):
    """A request as whoever asked sees it."""

    id = fields.UUID()
    kind = Choice(*REQUEST_KINDS)
    customer_id = fields.UUID()
    status = Choice(*REQUEST_STATUSES)
    replayed = fields.Boolean(metadata={"description": "It had been asked for before; nothing changed."})


class ChangeRequestQuery(PageQuery):
    """Which requests."""

    status = Choice(*REQUEST_STATUSES)
    customer_id = fields.UUID()
    kind = Choice(*REQUEST_KINDS)


class ApproveIn(_Wish):
    """Why, and what shall be done instead of what was asked for."""

    makes = rules.Approval
    reason = Line(500)
    not_in_example = ("from_", "to", "stop_date", "delivery_date", "shift", "items", "date", "quantity")


class RejectIn(Strict):
    """Why not."""

    reason = Line(500, required=True)


class ChangeRequestOut(Strict):
    """A request; a customer does not see who of the dairy asked, decided and noted."""

    sometimes = INTERNAL_FIELDS
    id = fields.UUID()
    kind = Choice(*REQUEST_KINDS)
    status = Choice(*REQUEST_STATUSES)
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    subscription_id = fields.UUID(allow_none=True)
    payload = fields.Dict(metadata={"description": "What was asked for, by the kind's fields."})
    applied_payload = fields.Dict(allow_none=True, metadata={"description": "What was done, where staff changed it."})
    note = fields.String(allow_none=True)
    asked_by_link_id = fields.UUID(allow_none=True)
    asked_by_user_id = fields.UUID(allow_none=True)
    asked_by_name = fields.String()
    created_at = fields.DateTime()
    decided_by = fields.UUID(allow_none=True)
    decided_by_name = fields.String(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)
    decision_reason = fields.String(allow_none=True)
    applied_order_id = fields.UUID(allow_none=True)


SharedLinkPage = page_of(SharedLinkOut, "SharedLinkPage")
SharedLinkEventPage = page_of(SharedLinkEventOut, "SharedLinkEventPage")
ChangeRequestPage = page_of(ChangeRequestOut, "ChangeRequestPage")
