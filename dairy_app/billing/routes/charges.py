"""``/charge-rules``: what every bill charges for delivery or takes off, from a day on."""

from typing import Any
from uuid import UUID

from dairy_app.billing.models import ChargeRule
from dairy_app.billing.queries.charges import charge_rule_list, get_charge_rule
from dairy_app.billing.schemas.charges import (
    ChargeRuleIn,
    ChargeRuleOut,
    ChargeRulePage,
    ChargeRulePatch,
    ChargeRuleQuery,
)
from dairy_app.billing.service import charges as service
from dairy_app.business.queries import today
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page

charges = Blueprint("charges", __name__, description="Charges for delivery and discounts that bills have by rule")


@charges.route("/charge-rules", methods=["POST"])
@idempotent
@charges.arguments(ChargeRuleIn)
@charges.response(201, ChargeRuleOut)
@allow(Role.ADMIN)
def add_charge_rule(wanted: service.NewChargeRule) -> Any:
    """Let every bill charge for delivery or give a discount from a day on; drafts have it at once."""
    session = current_session()
    return get_charge_rule(session, service.add_charge_rule(session, current_actor(), wanted))


@charges.route("/charge-rules")
@charges.arguments(ChargeRuleQuery, location="query")
@charges.response(200, ChargeRulePage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_charge_rules(query: dict[str, Any]) -> Page:
    """Rules, the latest first."""
    session, limit, cursor = current_session(), query.pop("limit"), query.pop("cursor")
    ended = query.pop("ended")
    day = None if ended is None else today(session)
    rules = charge_rule_list(ended_before=day, is_over=bool(ended), **query)
    return read_page(session, rules, [ChargeRule.id], limit=limit, cursor=cursor, descending=True)


@charges.route("/charge-rules/<uuid:charge_rule_id>")
@charges.response(200, ChargeRuleOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def read_charge_rule(charge_rule_id: UUID) -> Any:
    """One rule."""
    return get_charge_rule(current_session(), charge_rule_id)


@charges.route("/charge-rules/<uuid:charge_rule_id>", methods=["PATCH"])
@charges.arguments(ChargeRulePatch)
@charges.response(200, ChargeRuleOut)
@allow(Role.ADMIN)
def change_charge_rule(change: service.ChargeRuleChange, charge_rule_id: UUID) -> Any:
    """Give a rule its last day, let it go on, or describe it anew. Issued bills stay."""
    session = current_session()
    service.change_charge_rule(session, charge_rule_id, change)
    return get_charge_rule(session, charge_rule_id)


@charges.route("/charge-rules/<uuid:charge_rule_id>", methods=["DELETE"])
@charges.response(204)
@allow(Role.ADMIN)
def delete_charge_rule(charge_rule_id: UUID) -> None:
    """Take back a rule by which no bill was issued."""
    service.delete_charge_rule(current_session(), charge_rule_id)
