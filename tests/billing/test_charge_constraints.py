"""Constraints and triggers of charge rules hold against plain SQL."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

ONE, OTHER, MERGED, NOBODY = (f"'00000000-0000-0000-0000-00000000000{number}'" for number in (1, 2, 3, 9))
#: Two customers of one area, a third that was merged into the first, and a rule for all.
SET_UP = f"""
SET LOCAL session_replication_role = replica;
INSERT INTO users (id, name, phone, role) VALUES ({ONE}, 'Kavita', '+919800000001', 'admin');
INSERT INTO areas (id, name) VALUES ({ONE}, 'Kothrud');
INSERT INTO customers (id, code, name) VALUES ({ONE}, 'K1', 'Asha'), ({OTHER}, 'K2', 'Ravi');
INSERT INTO customers (id, code, name, status, merged_into, merged_at, merge_reason)
    VALUES ({MERGED}, 'K3', 'Asha', 'stopped', {ONE}, now(), 'registered twice');
INSERT INTO charge_rules (id, kind, basis, amount, valid, description, created_by)
    VALUES ({ONE}, 'discount', 'percent', 5, '[2026-02-01,)', 'Thanks', {ONE});
SET LOCAL session_replication_role = origin;
"""
RULE = {
    "kind": "'delivery_charge'",
    "basis": "'per_month'",
    "amount": "50",
    "valid": "'[2026-02-01,)'",
    "description": "'Delivery'",
    "created_by": ONE,
}
THE_SAME = {"kind": "'discount'", "basis": "'percent'", "amount": "5"}


def rule(**changes: str) -> str:
    values = RULE | changes
    return f"INSERT INTO charge_rules ({', '.join(values)}) VALUES ({', '.join(values.values())})"


REFUSED = {
    "ck_charge_rules_kind_known": rule(kind="'tip'"),
    "ck_charge_rules_basis_known": rule(basis="'per_litre'"),
    "ck_charge_rules_amount_not_negative": rule(amount="-0.01"),
    "ck_charge_rules_percent_at_most_100": rule(basis="'percent'", amount="100.01"),
    "ck_charge_rules_one_scope": rule(customer_id=ONE, area_id=ONE),
    "ck_charge_rules_valid_has_start": rule(valid="'(,2026-02-01)'"),
    "ck_charge_rules_description_length": rule(description="''"),
    "ex_charge_rules_in_force": rule(**THE_SAME, valid="'[2026-12-01,2026-12-02)'"),
    "fk_charge_rules_customer_id": rule(customer_id=NOBODY),
    "fk_charge_rules_area_id": rule(area_id=NOBODY),
    "fk_charge_rules_product_id": rule(product_id=NOBODY),
    "fk_charge_rules_tax_class": rule(tax_class="'gold'"),
    "fk_charge_rules_created_by": rule(created_by=NOBODY),
}
TAKEN = [
    rule(customer_id=ONE),
    rule(amount="0", area_id=ONE),
    rule(**THE_SAME, customer_id=OTHER),
    rule(**THE_SAME, valid="'[2026-01-01,2026-02-01)'"),
    f"UPDATE charge_rules SET valid = '[2026-02-01,2026-02-02)', description = 'Thank you' WHERE id = {ONE}",
    f"DELETE FROM charge_rules WHERE id = {ONE}",
]
TRIGGERS = [
    ("tr_rows_of_living_customers", rule(customer_id=MERGED)),
    ("tr_charge_rules_only_end", f"UPDATE charge_rules SET amount = 6 WHERE id = {ONE}"),
    ("tr_charge_rules_only_end", f"UPDATE charge_rules SET customer_id = {ONE} WHERE id = {ONE}"),
    ("tr_charge_rules_only_end", f"UPDATE charge_rules SET valid = '[2026-01-31,)' WHERE id = {ONE}"),
]


@pytest.mark.parametrize(("name", "statement"), REFUSED.items())
def test_constraints_refuse(bare: Any, name: str, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) == name


@pytest.mark.parametrize(("name", "statement"), TRIGGERS)
def test_triggers_refuse(bare: Any, name: str, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) == name


@pytest.mark.parametrize("statement", TAKEN)
def test_what_is_right_is_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_no_constraint_is_forgotten(bare: Any) -> None:
    assert names_of(bare, ("charge_rules",)) == set(REFUSED)
