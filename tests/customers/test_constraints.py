"""The customers' constraints hold against plain SQL."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("areas", "customers", "customer_prices", "customer_moves", "unlinked_customers")
ONE = "'00000000-0000-0000-0000-000000000001'"
OTHER = "'00000000-0000-0000-0000-000000000002'"
THIRD = "'00000000-0000-0000-0000-000000000003'"
NOBODY = "'00000000-0000-0000-0000-000000000009'"
SET_UP = f"""
INSERT INTO users (id, name, phone, role) VALUES ({ONE}, 'Kavita', '+919800000001', 'customer');
INSERT INTO areas (id, name, legacy_id) VALUES ({ONE}, 'Kothrud', 'old');
INSERT INTO customers (id, code, name, user_id, legacy_id) VALUES ({ONE}, 'K1', 'Kavita', {ONE}, 'old');
INSERT INTO products (id, sku, name, unit, tax_class) VALUES ({ONE}, 'M1', 'Milk', 'litre', 'milk_fresh');
INSERT INTO customer_prices (customer_id, product_id, price, valid) VALUES ({ONE}, {ONE}, 55, '[2026-01-01,)');
"""


def customer(**changes: str) -> str:
    values = {"name": "'Ravi'"} | changes
    return f"INSERT INTO customers ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def merged(into: str, **changes: str) -> str:
    said = {"merged_into": into, "merged_at": "now()", "merge_reason": "'registered twice'", "status": "'stopped'"}
    return customer(**said | changes)


def area(**changes: str) -> str:
    values = {"name": "'Baner'"} | changes
    return f"INSERT INTO areas ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def price(valid: str, amount: str = "1", customer_id: str = ONE, product_id: str = ONE) -> str:
    return (
        "INSERT INTO customer_prices (customer_id, product_id, price, valid)"
        f" VALUES ({customer_id}, {product_id}, {amount}, '{valid}')"
    )


def move(**changes: str) -> str:
    values = {"customer_id": ONE, "moves_on": "'2026-02-01'", "area_id": ONE, "entered_by": ONE} | changes
    return f"INSERT INTO customer_moves ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def unlinked(customer_id: str) -> str:
    return f"INSERT INTO unlinked_customers VALUES ({customer_id}, 'two users have this phone', ARRAY[{ONE}::uuid])"


REFUSED = {
    "fk_customer_moves_customer_id": move(customer_id=NOBODY),
    "fk_customer_moves_area_id": move(area_id=NOBODY),
    "fk_customer_moves_delivery_boy_id": move(delivery_boy_id=NOBODY),
    "fk_customer_moves_entered_by": move(entered_by=NOBODY),
    "uq_customer_moves_customer_id_moves_on": f"{move()}; {move()}",
    "ck_customer_moves_moves_on_finite": move(moves_on="'infinity'"),
    "ck_customer_moves_changes_something": move(area_id="NULL"),
    "ck_customer_moves_address_is_whole": move(city="'Pune'"),
    "ck_customer_moves_text_lengths": move(address_line1="repeat('x', 201)"),
    "ck_customer_moves_map_link_leads_to_a_map": move(address_line1="'x'", map_link="'https://evil.example/'"),
    "ck_customer_moves_pincode_format": move(address_line1="'x'", pincode="'011038'"),
    "fk_areas_parent_id": area(parent_id=NOBODY),
    "uq_areas_name": area(name="'KOTHRUD'"),
    "uq_areas_legacy_id": area(legacy_id="'old'"),
    "ck_areas_name_length": area(name="''"),
    "ck_areas_not_own_parent": f"UPDATE areas SET parent_id = id WHERE id = {ONE}",
    "fk_customers_user_id": customer(user_id=NOBODY),
    "fk_customers_area_id": customer(area_id=NOBODY),
    "fk_customers_delivery_boy_id": customer(delivery_boy_id=NOBODY),
    "fk_customers_marketing_staff_id": customer(marketing_staff_id=NOBODY),
    "uq_customers_code": customer(code="'K1'"),
    "uq_customers_user_id": customer(user_id=ONE),
    "uq_customers_legacy_id": customer(legacy_id="'old'"),
    "ck_customers_name_length": customer(name="repeat('x', 201)"),
    "ck_customers_code_length": customer(code="''"),
    "ck_customers_text_lengths": customer(notes="repeat('x', 2001)"),
    "ck_customers_map_link_leads_to_a_map": customer(map_link="'https://evil.example/maps.google.com/'"),
    "ck_customers_phone_format": customer(phone="'9800000001'"),
    "ck_customers_email_format": customer(email="'Ravi@home.example'"),
    "ck_customers_state_code_format": customer(state_code="'MH'"),
    "ck_customers_pincode_format": customer(pincode="'011038'"),
    "ck_customers_latitude_range": customer(latitude="90.000001"),
    "ck_customers_longitude_range": customer(longitude="-180.000001"),
    "ck_customers_gstin_format": customer(gstin="'27AAPFU0939F1Z'"),
    "ck_customers_registered_has_gstin": customer(gst_treatment="'registered'"),
    "fk_customers_merged_into": merged(NOBODY),
    "ck_customers_merged_whole": customer(merged_into=ONE, status="'stopped'"),
    "ck_customers_not_merged_into_itself": merged(OTHER, id=OTHER),
    "ck_customers_merged_is_left": merged(ONE, status="'active'"),
    "ck_customers_merge_reason_length": merged(ONE, merge_reason="'x'"),
    "ck_customers_status_known": customer(status="'gone'"),
    "ck_customers_billing_cycle_known": customer(billing_cycle="'daily'"),
    "ck_customers_gst_treatment_known": customer(gst_treatment="'foreign'"),
    "ck_customers_payment_terms_known": customer(payment_terms="'later'"),
    "ck_customers_channel_known": customer(channel="'pigeon'"),
    "ck_customers_messages_off_known": customer(messages_off="'{login_code}'"),
    "ck_customers_credit_limit_not_negative": customer(credit_limit="-0.01"),
    "fk_customers_billed_to": customer(billed_to=NOBODY),
    "uq_customers_payer_key": "ALTER TABLE customers DROP CONSTRAINT ck_customers_payer_pays_itself;"
    f" INSERT INTO customers (id, name, payer_key) VALUES ({OTHER}, 'Ravi', {ONE}), ({NOBODY}, 'Ravi', {ONE})",
    "ck_customers_payer_pays_itself": f"{customer(id=OTHER, billed_to=ONE)}; {customer(billed_to=OTHER)}",
    "ck_customers_merged_is_not_billed": merged(ONE, billed_to=ONE),
    "fk_customer_prices_customer_id": price("[2026-01-01,)", customer_id=NOBODY),
    "fk_customer_prices_product_id": price("[2026-01-01,)", product_id=NOBODY),
    "ck_customer_prices_price_not_negative": price("[2025-01-01,2025-02-01)", "-0.01"),
    "ck_customer_prices_valid_has_start": price("(,2025-01-01)"),
    "ex_customer_prices_in_force": price("[2025-12-31,2026-01-02)"),
    "fk_unlinked_customers_customer_id": unlinked(NOBODY),
}
ACCEPTED = [
    area(parent_id=ONE),
    merged(ONE),
    customer(billed_to=ONE),
    customer(
        area_id=ONE,
        delivery_boy_id=ONE,
        phone="'+919800000002'",
        email="'ravi@home.example'",
        state_code="'27'",
        pincode="'411038'",
        latitude="90",
        longitude="-180",
        gstin="'27AAPFU0939F1ZV'",
        gst_treatment="'registered'",
        channel="'email'",
        messages_off="'{reminder,bill}'",
    ),
    price("[2025-01-01,2026-01-01)", "0"),
    unlinked(ONE),
]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


@pytest.mark.parametrize("statement", ACCEPTED)
def test_the_same_rows_without_the_fault_are_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (f"UPDATE customers SET billed_to = id WHERE id = {ONE}", "fk_customers_billed_to"),
        # A payer becomes somebody's child, from below and from above; a ring of two.
        (f"UPDATE customers SET billed_to = {OTHER} WHERE id = {ONE}", "fk_customers_billed_to"),
        (f"UPDATE customers SET billed_to = {THIRD} WHERE id = {ONE}", "ck_customers_payer_pays_itself"),
        (f"UPDATE customers SET billed_to = {THIRD} WHERE id = {OTHER}", "ck_customers_payer_pays_itself"),
        (f"UPDATE customers SET payer_key = NULL WHERE id = {ONE}", "fk_customers_billed_to"),
        (f"UPDATE customers SET payer_key = id WHERE id = {THIRD}", "ck_customers_payer_pays_itself"),
    ],
)
def test_nobody_is_billed_in_two_steps(bare: Any, statement: str, name: str) -> None:
    family = f"{customer(id=OTHER)}; {customer(id=THIRD, billed_to=ONE)};"
    assert refuses(bare, SET_UP + family, statement) == name


def test_no_constraint_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) == set(REFUSED)


def test_codes_are_sequential(sql: Any) -> None:
    made = sql("INSERT INTO customers (name) VALUES ('One'), ('Two') RETURNING code")
    assert made == [("C000001",), ("C000002",)]
