"""The rules by which bills charge for delivery and give discounts: made, ended, taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from dairy_app.billing.bulk import charges as bulk
from dairy_app.billing.models import ChargeRule
from dairy_app.billing.queries.charges import get_charge_rule, has_lines
from dairy_app.business.queries import business_settings, today
from dairy_app.catalogue.queries import is_uncoded, is_unrated
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.web.access import Actor

#: An older day is a slip in the year.
OLDEST_START = timedelta(days=366)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewChargeRule:
    """A charge or a discount that every bill has from a day on. ``amount``: rupees, or per cent of the goods.

    ``valid_to``: the last day, None: till further notice. ``tax_class`` None: taxed as the goods.
    """

    kind: str
    basis: str
    amount: Decimal
    description: str
    valid_from: date
    valid_to: date | None = None
    customer_id: UUID | None = None
    area_id: UUID | None = None
    product_id: UUID | None = None
    tax_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRuleChange:
    """What may change of a rule: its last day, and how bills that are still drafts describe it."""

    valid_to: date | Unset | None = UNSET
    description: str | Unset = UNSET


def add_charge_rule(session: Session, actor: Actor, wanted: NewChargeRule) -> UUID:
    """A new rule; its id. Bills that are issued stay what they are, drafts have it from ``valid_from`` on.

    Raises validation_failed (days in the wrong order, a day of long ago, a tax class without rate or code), overlaps (a
    rule of the same kind, basis and scope holds on one of its days), customer_not_found, customer_merged,
    area_not_found, product_not_found, tax_class_not_found.
    """
    current = today(session)
    if wanted.valid_from < current - OLDEST_START:
        raise invalid("/valid_from", f"Must not be before {current - OLDEST_START}.", "too_early")
    _require_order(wanted.valid_from, wanted.valid_to)
    if wanted.tax_class is not None and business_settings(session).gst_scheme == "regular":
        _require_taxable(session, wanted.tax_class, sorted({wanted.valid_from, max(wanted.valid_from, current)}))
    rule = ChargeRule(
        kind=wanted.kind,
        basis=wanted.basis,
        amount=wanted.amount,
        description=wanted.description,
        valid=func.daterange(wanted.valid_from, wanted.valid_to, "[]"),
        customer_id=wanted.customer_id,
        area_id=wanted.area_id,
        product_id=wanted.product_id,
        tax_class=wanted.tax_class,
        created_by=actor.user_id,
    )
    session.add(rule)
    session.flush()
    return rule.id


def change_charge_rule(session: Session, charge_rule_id: UUID, change: ChargeRuleChange) -> None:
    """End a rule, let it go on, or describe it anew; what is issued by it stays.

    Raises charge_rule_not_found, validation_failed (it ends before it begins), overlaps (another one holds by then).
    """
    row = sent(change)
    first = get_charge_rule(session, charge_rule_id)["valid_from"]  # which never changes
    if "valid_to" in row:
        last = row.pop("valid_to")
        _require_order(first, last)
        row["valid"] = func.daterange(first, last, "[]")
    if row:
        bulk.write_charge_rule(session, charge_rule_id, {**row, "updated_at": func.now()})


def delete_charge_rule(session: Session, charge_rule_id: UUID) -> None:
    """Take back a rule by which no bill is issued; what explains void ones stays, and counts no more.

    Raises charge_rule_not_found; in_use: end it instead.
    """
    bulk.lock_charging(session)
    rule = get_charge_rule(session, charge_rule_id)
    if rule["is_billed"]:
        raise Problem("in_use", "Bills were issued by this rule: give it a last day instead.")
    if not has_lines(session, charge_rule_id):
        bulk.delete_charge_rule(session, charge_rule_id)
    elif rule["replaced_at"] is None:
        bulk.write_charge_rule(session, charge_rule_id, {"replaced_at": now(), "updated_at": func.now()})


def _require_taxable(session: Session, tax_class: str, days: Sequence[date]) -> None:
    """A class without a rate, or with one but no HSN code, would hold back every bill: raise ``validation_failed``."""
    for day in days:
        if is_unrated(session, tax_class, day):
            detail = f"{tax_class} has no rate on {day}: name another class, or enter its rate."
            raise invalid("/tax_class", detail)
        if is_uncoded(session, tax_class, day):
            detail = f"{tax_class} has no HSN code: name another class, or give a product of it one."
            raise invalid("/tax_class", detail)


def _require_order(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise invalid("/valid_to", f"Must not be before {first}.", "too_early")
    if date.max in (first, last):
        raise invalid("/valid_to" if last == date.max else "/valid_from", "There is no day after it.")
