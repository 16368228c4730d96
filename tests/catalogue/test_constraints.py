"""The catalogue's constraints hold against plain SQL."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("tax_classes", "tax_rates", "products", "product_prices")
SET_UP = """
INSERT INTO products (id, sku, name, unit, hsn_code, tax_class, legacy_id)
    VALUES ('00000000-0000-0000-0000-000000000001', 'M1', 'Milk', 'litre', '0401', 'milk_fresh', 'old');
INSERT INTO product_prices (product_id, price, valid)
    VALUES ('00000000-0000-0000-0000-000000000001', 60, '[2026-01-01,)');
INSERT INTO containers (id, name, deposit) VALUES ('00000000-0000-0000-0000-000000000001', 'Bottle', 30);
"""


def product(**changes: str) -> str:
    values = {"sku": "'M2'", "name": "'Curd'", "unit": "'kg'", "tax_class": "'curd_loose'"} | changes
    return f"INSERT INTO products ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def price(valid: str, amount: str = "1", product_id: str = "00000000-0000-0000-0000-000000000001") -> str:
    return f"INSERT INTO product_prices (product_id, price, valid) VALUES ('{product_id}', {amount}, '{valid}')"


def rate(
    supply_type: str = "taxable", gst_rate: str = "5", valid: str = "[2016-01-01,2017-01-01)", of: str = "cheese"
) -> str:
    return (
        "INSERT INTO tax_rates (tax_class, supply_type, gst_rate, valid, source)"
        f" VALUES ('{of}', '{supply_type}', {gst_rate}, '{valid}', 'test')"
    )


def tax_class(prefix: str, is_default: str = "false", code: str = "new") -> str:
    return f"INSERT INTO tax_classes VALUES ('{code}', 'New', {prefix}, NULL, {is_default})"


REFUSED = {
    "ck_tax_classes_code_format": tax_class("NULL", code="New class"),
    "ck_tax_classes_hsn_prefix_format": tax_class("'04O1'"),
    "uq_tax_classes_default": tax_class("NULL", "true"),
    "fk_tax_rates_tax_class": rate(of="nothing"),
    "ck_tax_rates_supply_type_known": rate("reduced", "0"),
    "ck_tax_rates_gst_rate_range": rate(gst_rate="100.01"),
    "ck_tax_rates_only_taxable_has_rate": rate("exempt"),
    "ck_tax_rates_valid_not_empty": rate(valid="[2016-01-01,2016-01-01)"),
    "ex_tax_rates_in_force": rate(valid="[2026-01-01,2026-01-02)"),
    "fk_products_tax_class": product(tax_class="'nothing'"),
    "uq_products_sku": product(sku="'M1'"),
    "uq_products_legacy_id": product(legacy_id="'old'"),
    "ck_products_unit_known": product(unit="'gallon'"),
    "ck_products_name_length": product(name="''"),
    "ck_products_sku_length": product(sku="repeat('x', 61)"),
    "ck_products_category_length": product(category="repeat('x', 101)"),
    "ck_products_packet_size_positive": product(packet_size="0"),
    "ck_products_minimum_price_not_negative": product(minimum_price="-1"),
    "ck_products_hsn_code_format": product(hsn_code="'04031'"),
    "fk_products_container_id": product(container_id="'00000000-0000-0000-0000-000000000009'", containers_per_unit="1"),
    "ck_products_container_with_number": product(containers_per_unit="1"),
    "ck_products_containers_per_unit_range": product(
        container_id="'00000000-0000-0000-0000-000000000001'", containers_per_unit="0"
    ),
    "fk_product_prices_product_id": price("[2026-01-01,)", product_id="00000000-0000-0000-0000-000000000009"),
    "ck_product_prices_price_not_negative": price("[2025-01-01,2025-02-01)", "-0.01"),
    "ck_product_prices_valid_has_start": price("(,2025-01-01)"),
    "ex_product_prices_in_force": price("[2025-12-31,2026-01-02)"),
}
ACCEPTED = [product(), price("[2025-01-01,2026-01-01)"), rate(), tax_class("'0499'")]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


@pytest.mark.parametrize("statement", ACCEPTED)
def test_the_same_rows_without_the_fault_are_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_no_constraint_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) == set(REFUSED)
