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
_FOUND = text("""
SELECT c.code, c.name, c.phone, coalesce(c.merged_into, c.id) AS id, other.name AS other_name,
       other.phone AS other_phone
FROM customers c LEFT JOIN customers other ON other.id = c.merged_into
WHERE c.code = ANY (:codes) OR reverse(c.phone) = ANY (:backwards)
ORDER BY c.code""")


def customers_found(session: Session, codes: Iterable[str], phones: Iterable[str]) -> Sequence[Row[Any]]:
    """Customers with one of these codes or phones: code, name, phone, and the id that their rows have.

    ``other_name``, ``other_phone``: of the customer that it was merged into, whose the id is then.
    """
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
