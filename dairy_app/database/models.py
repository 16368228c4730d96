"""The declarative base, the naming of constraints, and the columns every table has.

Every constraint that a caller can run into is made by one of the functions below, which demand the
error code it stands for (``common.errors``): a refusal by the database then reads like one by a service.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import Uuid

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ex": "ex_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

#: Rupees with paise. Never a float.
Money = Annotated[Decimal, mapped_column(Numeric(12, 2))]
#: Litres, kilograms, pieces or packets, to the gram or millilitre.
Quantity = Annotated[Decimal, mapped_column(Numeric(10, 3))]
#: Per cent, as a tax rate.
Percent = Annotated[Decimal, mapped_column(Numeric(5, 2))]


class Base(DeclarativeBase):
    """Base of all tables. Text is ``text``, instants are ``timestamptz``, keys are ``uuid``."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {str: Text(), datetime: DateTime(timezone=True), UUID: Uuid()}


class Timestamps:
    """When the row was written and last changed."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=900)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now(), sort_order=901)


class Identified(Timestamps):
    """A row with a key of its own: time-ordered, so inserts stay at the end of the index."""

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuid7()"), sort_order=-100)


class Imported(Identified):
    """A row that the import of the earlier system may have written; ``legacy_id`` is its key there."""

    legacy_id: Mapped[str | None] = mapped_column(unique=True, sort_order=899)


def check(name: str, condition: str, code: str = "validation_failed") -> CheckConstraint:
    """A named CHECK; ``code`` is the error a caller gets when it refuses a row."""
    return CheckConstraint(condition, name=name, info={"code": code})


def one_of(column: str, values: Sequence[str], name: str | None = None) -> CheckConstraint:
    """A text column that holds one of a closed list of words."""
    words = ", ".join(f"'{value}'" for value in values)
    return check(name or f"{column}_known", f"{column} IN ({words})")


def unique(*columns: str, name: str | None = None, code: str = "already_exists") -> UniqueConstraint:
    """A UNIQUE key with the error code of a second row."""
    return UniqueConstraint(*columns, name=name, info={"code": code})


def unique_index(name: str, *expressions: Any, where: str | None = None, code: str = "already_exists") -> Index:
    """A unique index, for keys that are partial or over an expression."""
    condition = text(where) if where else None
    return Index(name, *expressions, unique=True, postgresql_where=condition, info={"code": code})


def references(
    columns: str | Sequence[str],
    target: str | Sequence[str],
    code: str,
    *,
    name: str | None = None,
    ondelete: str | None = None,
    deferrable: bool = False,
) -> ForeignKeyConstraint:
    """A foreign key with the error code for a missing target, for example ``order_not_found``.

    ``deferrable``: checked at once, as the others are, but at the commit in a transaction that asks for it.
    """
    own = [columns] if isinstance(columns, str) else list(columns)
    other = [target] if isinstance(target, str) else list(target)
    deferring: dict[str, Any] = {"deferrable": True, "initially": "IMMEDIATE"} if deferrable else {}
    return ForeignKeyConstraint(own, other, name=name, ondelete=ondelete, info={"code": code}, **deferring)


def no_overlap(name: str, *elements: tuple[Any, str], where: str | None = None) -> ExcludeConstraint:
    """An EXCLUDE constraint over a GiST index; a second row that overlaps is ``overlaps``."""
    constraint = ExcludeConstraint(*elements, name=name, using="gist", where=text(where) if where else None)
    constraint.info["code"] = "overlaps"
    return constraint
