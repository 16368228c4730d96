"""What a file is held against: customers as their codes and phones find them, products, staff who collect."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, RowMapping, text
from sqlalchemy.orm import Session

from dairy_app.catalogue.queries import all_products
from dairy_app.database.values import uuid_array
from dairy_app.importing.rules.columns import Product

# Phones are compared backwards: so the index for their last digits finds them. Code and phone of one that was merged
# lead to the other.
_FOUND = text(r"""
SELECT c.code, coalesce(c.merged_into, c.id) AS id, NULL AS phone, NULL AS name
FROM customers c WHERE c.code = ANY (:codes)
UNION ALL
SELECT c.code, coalesce(c.merged_into, c.id), c.phone, lower(trim(regexp_replace(c.name, '\s+', ' ', 'g')))
FROM customers c WHERE reverse(c.phone) = ANY (:backwards)
ORDER BY 1""")


def customers_found(session: Session, codes: Iterable[str], phones: Iterable[str]) -> Sequence[Row[Any]]:
    """Customers by code (code, id) and by phone (code, id, phone, name in small letters, single blanks)."""
    asked = {"codes": list(codes), "backwards": [phone[::-1] for phone in phones]}
    return session.execute(_FOUND, asked).all()


def customers_of(session: Session, customer_ids: Collection[UUID]) -> dict[UUID, RowMapping]:
    """Code and status of customers by their ids."""
    wanted = text("SELECT id, code, status FROM customers WHERE id = ANY (CAST(:ids AS uuid[]))")
    return {row["id"]: row for row in session.execute(wanted, {"ids": uuid_array(customer_ids)}).mappings()}


def last_given_code(session: Session) -> int:
    """The number of the last code that the dairy gave out; 0 before the first."""
    last = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM customer_codes")
    return int(session.scalars(last).one())


def products(session: Session) -> list[Product]:
    """All products as files name them."""
    return [Product(each.id, each.sku, each.name, each.unit, each.is_active) for each in all_products(session)]
