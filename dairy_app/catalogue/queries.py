"""Products, list prices and tax classes, read."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Row, ScalarSelect, Select, cast, func, literal, null, or_, select
from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.catalogue.models import Product, ProductPrice, TaxClass, TaxRate
from dairy_app.common.errors import Problem
from dairy_app.web.pages import Page, read_page


def in_force(valid: Any, on_date: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Whether a range of days holds ``on_date``; the GiST indexes of dated prices answer it."""
    day = cast(on_date, Date) if isinstance(on_date, date) else on_date
    held: ColumnElement[bool] = valid.contains(day)
    return held


def valid_from(valid: Any) -> ColumnElement[date]:
    """The first day of a range."""
    return func.lower(valid, type_=Date)


def valid_to(valid: Any) -> ColumnElement[date]:
    """The last day of a range, NULL when it is open."""
    return func.upper(valid, type_=Date) - literal(1)


def seen_price(table: Any) -> list[ColumnElement[Any]]:
    """The columns of a dated price as clients see them: both days included."""
    return [
        table.id,
        table.product_id,
        table.price,
        valid_from(table.valid).label("valid_from"),
        valid_to(table.valid).label("valid_to"),
    ]


def list_price(product_id: Any, on_date: date | ColumnElement[date]) -> ScalarSelect[Decimal]:
    """The list price of a product on a day, in rupees per unit; NULL when it has none."""
    return (
        select(ProductPrice.price)
        .where(ProductPrice.product_id == product_id, in_force(ProductPrice.valid, on_date))
        .scalar_subquery()
    )


def default_tax_class(hsn_code: Any, is_packed: Any) -> ColumnElement[str]:
    """The tax class of goods nobody classified by hand: the longest HSN prefix that fits their packing.

    A class for just this packing beats one for both; goods that fit none get the default class. Revision 0006
    classed the products of its day by the same rule. Takes values or columns.
    """
    code = literal(hsn_code) if hsn_code is None or isinstance(hsn_code, str) else hsn_code
    fitting = (
        select(TaxClass.code)
        .where(code.like(TaxClass.hsn_prefix + "%"))
        .where(or_(TaxClass.is_packed.is_(None), TaxClass.is_packed == is_packed))
        .order_by(func.length(TaxClass.hsn_prefix).desc(), TaxClass.is_packed.nulls_last())
        .limit(1)
        .scalar_subquery()
    )
    fallback = select(TaxClass.code).where(TaxClass.is_default).scalar_subquery()
    return func.coalesce(fitting, fallback)


def list_tax_classes(session: Session) -> list[dict[str, Any]]:
    """Every class by code, with its rates past and to come. Two statements."""
    rates: dict[str, list[Any]] = {}
    columns = (TaxRate.supply_type, TaxRate.gst_rate, TaxRate.source)
    days = (valid_from(TaxRate.valid).label("valid_from"), valid_to(TaxRate.valid).label("valid_to"))
    for rate in session.execute(select(TaxRate.tax_class, *columns, *days).order_by(TaxRate.valid)):
        rates.setdefault(rate.tax_class, []).append(rate)
    classes = session.scalars(select(TaxClass).order_by(TaxClass.code))
    seen = ("code", "description", "hsn_prefix", "is_packed", "is_default")
    return [{**{name: getattr(found, name) for name in seen}, "rates": rates.get(found.code, [])} for found in classes]


def get_tax_class(session: Session, code: str) -> dict[str, Any]:
    """One class with its rates. Raises ``tax_class_not_found``."""
    found = next((each for each in list_tax_classes(session) if each["code"] == code), None)
    if found is None:
        raise Problem("tax_class_not_found")
    return found


def is_unrated(session: Session, tax_class: str, on_date: date) -> bool:
    """Whether this is a class without a rate on that day, so that a registered dairy can bill nothing of it."""
    rated = select(TaxRate.id).where(TaxRate.tax_class == TaxClass.code, in_force(TaxRate.valid, on_date)).exists()
    return session.scalars(select(TaxClass.code).where(TaxClass.code == tax_class, ~rated)).first() is not None


def is_uncoded(session: Session, tax_class: str, on_date: date) -> bool:
    """Whether this class is taxed on that day and nobody knows its HSN code: neither itself nor a product of it."""
    rated = select(TaxRate.id).where(
        TaxRate.tax_class == TaxClass.code, in_force(TaxRate.valid, on_date), TaxRate.gst_rate > 0
    )
    coded = select(Product.id).where(Product.tax_class == TaxClass.code, Product.hsn_code.is_not(None))
    wanted = select(TaxClass.code).where(TaxClass.code == tax_class, TaxClass.hsn_prefix.is_(None))
    return session.scalars(wanted.where(rated.exists(), ~coded.exists())).first() is not None


def _products(on_date: date, floor: bool) -> Select[Any]:
    hidden = {"legacy_id", "minimum_price"}
    columns = [column for column in Product.__table__.columns if column.key not in hidden]
    columns.append((Product.minimum_price if floor else null()).label("minimum_price"))
    return select(*columns, list_price(Product.id, on_date).label("current_price"))


def list_products(
    session: Session,
    *,
    limit: int,
    cursor: str | None,
    is_active: bool | None = None,
    category: str | None = None,
    updated_since: datetime | None = None,
    floor: bool = True,
) -> Page:
    """Products by SKU, each with today's list price. Two statements, however many. The ``floor`` is not everybody's."""
    select = _products(today(session), floor)
    if is_active is not None:
        select = select.where(Product.is_active == is_active)
    if category is not None:
        select = select.where(Product.category == category)
    if updated_since is not None:
        select = select.where(Product.updated_at >= updated_since)
    return read_page(session, select, [Product.__table__.c.sku], limit=limit, cursor=cursor)


def minimum_price(session: Session, product_id: UUID | None) -> Decimal | None:
    """What staff may quote at least for a product; None: anything."""
    return session.scalar(select(Product.minimum_price).where(Product.id == product_id))


def get_product(session: Session, product_id: UUID, *, floor: bool = True) -> Row[Any]:
    """One product with today's list price. Raises ``product_not_found``."""
    found = session.execute(_products(today(session), floor).where(Product.id == product_id)).one_or_none()
    if found is None:
        raise Problem("product_not_found")
    return found


def list_prices(session: Session, product_id: UUID, *, limit: int, cursor: str | None) -> Page:
    """A product's list prices, past and to come, in order of their first day."""
    prices = select(*seen_price(ProductPrice)).where(ProductPrice.product_id == product_id)
    start = valid_from(ProductPrice.valid).label("valid_from")
    return read_page(session, prices, [start], limit=limit, cursor=cursor)


def product_row(session: Session, product_id: UUID) -> Product | None:
    """A product's own row, None when there is none."""
    return session.get(Product, product_id)


def all_products(session: Session) -> Sequence[Product]:
    """Every product that is or was sold, by SKU."""
    return session.scalars(select(Product).order_by(Product.sku)).all()


def unit_of(session: Session, product_id: UUID) -> str:
    """The unit in which a product is counted."""
    return session.get_one(Product, product_id).unit
