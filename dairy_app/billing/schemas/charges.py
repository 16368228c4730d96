"""Charge rules as clients send and see them."""

from typing import Any

from marshmallow import Schema, fields, validates_schema

from dairy_app.billing.models import CHARGE_BASES, CHARGE_KINDS
from dairy_app.billing.service.charges import ChargeRuleChange, NewChargeRule
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Strict, page_of
from dairy_app.web.validate import Invalid


class ChargeRuleIn(Strict):
    """A charge for delivery or a discount that every bill has by itself, from a day on.

    For one customer, for an area with all areas below it, or for all; of a product, or of all goods. The most narrow
    one counts: `amount` 0 frees a customer or an area of what holds for all.
    """

    makes = NewChargeRule
    not_in_example = ("customer_id", "area_id", "product_id", "tax_class", "valid_to")
    kind = Choice(*CHARGE_KINDS, required=True)
    basis = Choice(*CHARGE_BASES, required=True)
    amount = Money(required=True)
    description = Line(200, required=True)
    valid_from = Day(required=True)
    valid_to = Day(allow_none=True, load_default=None)
    customer_id = fields.UUID(allow_none=True, load_default=None)
    area_id = fields.UUID(allow_none=True, load_default=None)
    product_id = fields.UUID(allow_none=True, load_default=None)
    tax_class = Line(60, allow_none=True, load_default=None)

    @validates_schema
    def makes_sense(self, data: dict[str, Any], **_: Any) -> None:
        if data["basis"] == "percent" and data["amount"] > 100:
            raise Invalid("At most 100 per cent.", "amount")
        if data["customer_id"] and data["area_id"]:
            raise Invalid("Send customer_id or area_id, not both.", "area_id")


class ChargeRulePatch(Strict):
    """What may change: the last day (null: till further notice) and the description. Anything else is a new rule."""

    makes = ChargeRuleChange
    valid_to = Day(allow_none=True)
    description = Line(200)


class ChargeRuleQuery(PageQuery):
    """Which rules. ``on``: those that hold on a day; ``ended``: those whose last day is gone, or the others."""

    customer_id = fields.UUID(load_default=None)
    area_id = fields.UUID(load_default=None)
    product_id = fields.UUID(load_default=None)
    kind = Choice(*CHARGE_KINDS, load_default=None)
    on = Day(load_default=None)
    ended = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})


class ChargeRuleOut(Schema):
    """A rule by which bills charge or give a discount."""

    id = fields.UUID()
    kind = Choice(*CHARGE_KINDS)
    basis = Choice(*CHARGE_BASES)
    amount = Money()
    description = fields.String()
    valid_from = Day()
    valid_to = Day(allow_none=True)
    customer_id = fields.UUID(allow_none=True)
    customer_code = fields.String(allow_none=True)
    customer_name = fields.String(allow_none=True)
    area_id = fields.UUID(allow_none=True)
    area = fields.String(allow_none=True)
    product_id = fields.UUID(allow_none=True)
    product_name = fields.String(allow_none=True)
    tax_class = fields.String(allow_none=True)
    is_billed = fields.Boolean()
    replaced_at = fields.DateTime(allow_none=True)
    created_by = fields.UUID()
    created_at = fields.DateTime()


ChargeRulePage = page_of(ChargeRuleOut, "ChargeRulePage")
