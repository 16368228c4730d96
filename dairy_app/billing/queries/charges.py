"""Reading the rules by which bills charge for delivery and give discounts."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, func, literal, or_, select, text
from sqlalchemy.orm import Session

from dairy_app.billing.models import ChargeRule
from dairy_app.catalogue.models import Product
from dairy_app.catalogue.queries import valid_from, valid_to
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Area, Customer
from dairy_app.invoices.models import Invoice, InvoiceLine

_HAS_RULES = text("SELECT EXISTS (SELECT FROM charge_rules WHERE replaced_at IS NULL)")


def charge_rules() -> Select[Any]:
    """All rules, with the names of what they concern and whether an issued bill was made by them."""
    columns = [each for each in ChargeRule.__table__.columns if each.name != "valid"]
    lines = (
        select(InvoiceLine.line_no)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(InvoiceLine.charge_rule_id == ChargeRule.id, Invoice.status == "issued")
    )
    return (
        select(
            *columns,
            valid_from(ChargeRule.valid).label("valid_from"),
            valid_to(ChargeRule.valid).label("valid_to"),
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Area.name.label("area"),
            Product.name.label("product_name"),
            lines.exists().label("is_billed"),
        )
        .outerjoin(Customer, Customer.id == ChargeRule.customer_id)
        .outerjoin(Area, Area.id == ChargeRule.area_id)
        .outerjoin(Product, Product.id == ChargeRule.product_id)
    )


def charge_rule_list(on: date | None, ended_before: date | None, is_over: bool, **wanted: Any) -> Select[Any]:
    """The rules with the columns that are ``wanted`` (None: any); ``on``: those that hold on a day.

    ``ended_before``: of ``is_over`` those whose last day is before it, else all others; None: both.
    """
    query = charge_rules().where(*(ChargeRule.__table__.c[name] == each for name, each in wanted.items() if each))
    if on is not None:
        holds: ColumnElement[bool] = ChargeRule.valid.contains(literal(on))
        query = query.where(holds, ChargeRule.replaced_at.is_(None))
    if ended_before is not None:
        ended = func.coalesce(func.upper(ChargeRule.valid) <= ended_before, False)
        over = or_(ended, ChargeRule.replaced_at.is_not(None))
        query = query.where(over if is_over else ~over)
    return query


def get_charge_rule(session: Session, charge_rule_id: UUID) -> RowMapping:
    """One rule with its names. Raises ``charge_rule_not_found``."""
    found = session.execute(charge_rules().where(ChargeRule.id == charge_rule_id)).mappings().one_or_none()
    if found is None:
        raise Problem("charge_rule_not_found")
    return found


def has_rules(session: Session) -> bool:
    """Whether any rule holds on some day, so that a draft may have lines by it."""
    return bool(session.scalar(_HAS_RULES))


def has_lines(session: Session, charge_rule_id: UUID) -> bool:
    """Whether any document was made by a rule, void ones included."""
    lines = select(InvoiceLine.line_no).where(InvoiceLine.charge_rule_id == charge_rule_id)
    return session.scalar(lines.limit(1)) is not None
