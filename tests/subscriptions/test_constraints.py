"""The rules of standing orders hold against plain SQL."""

from typing import Any

import pytest

from dairy_app.common.errors import CODES
from dairy_app.database.constraints import code_of
from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = (
    "subscriptions",
    "subscription_overrides",
    "subscription_pauses",
    "subscription_quantities",
    "subscription_schedules",
    "credit_holds",
    "generated_days",
)
ONE, TWO, NOBODY = (f"'00000000-0000-0000-0000-00000000000{n}'" for n in (1, 2, 9))
SET_UP = f"""
INSERT INTO customers (id, name) VALUES ({ONE}, 'Asha'), ({TWO}, 'Bela');
INSERT INTO products (id, sku, name, unit, hsn_code, tax_class)
    VALUES ({ONE}, 'M1', 'Milk', 'litre', '0401', 'milk_fresh');
INSERT INTO subscriptions (id, customer_id, product_id, mode, default_quantity, start_date, legacy_id)
    VALUES ({ONE}, {ONE}, {ONE}, 'fixed_daily', 1, '2026-11-01', 'old');
INSERT INTO subscription_overrides (subscription_id, date, quantity, channel, legacy_id)
    VALUES ({ONE}, '2026-11-20', 0, 'app', 'old');
INSERT INTO subscription_pauses (subscription_id, period, channel, legacy_id, household_pause_id)
    VALUES ({ONE}, '[2026-12-01,2026-12-10)', 'app', 'old', {ONE});
INSERT INTO subscription_quantities (subscription_id, valid_from, quantity, channel)
    VALUES ({ONE}, '2026-11-10', 2, 'app');
INSERT INTO subscriptions (id, customer_id, product_id, mode, default_quantity, start_date)
    VALUES ({TWO}, {ONE}, {ONE}, 'fixed_daily', 1, '2026-11-01');
INSERT INTO subscription_schedules (subscription_id, valid, product_id, mode, default_quantity, shift)
    VALUES ({TWO}, '(,2026-12-01)', {ONE}, 'fixed_daily', 1, 'morning'),
        ({TWO}, '[2026-12-01,)', {ONE}, 'fixed_daily', NULL, 'evening');
"""


def insert(table: str, values: dict[str, str], changes: dict[str, str]) -> str:
    row = values | changes
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"


def subscription(**changes: str) -> str:
    usual = {"customer_id": ONE, "product_id": ONE, "mode": "'fixed_daily'", "start_date": "'2026-11-01'"}
    return insert("subscriptions", usual, changes)


def override(**changes: str) -> str:
    usual = {"subscription_id": ONE, "date": "'2026-11-21'", "quantity": "1", "channel": "'app'"}
    return insert("subscription_overrides", usual, changes)


def pause(**changes: str) -> str:
    usual = {"subscription_id": ONE, "period": "'[2026-12-10,2026-12-12)'", "channel": "'app'"}
    return insert("subscription_pauses", usual, changes)


def quantity(**changes: str) -> str:
    usual = {"subscription_id": ONE, "valid_from": "'2026-11-21'", "quantity": "1", "channel": "'app'"}
    return insert("subscription_quantities", usual, changes)


def schedule(**changes: str) -> str:
    usual = {"subscription_id": ONE, "valid": "'(,)'", "product_id": ONE, "mode": "'fixed_daily'", "shift": "'morning'"}
    return insert("subscription_schedules", usual | {"default_quantity": "1"}, changes)


OF_WEEKDAYS = "'{1,0,0,0,0,0,2}'"
WEEKLY = {"mode": "'weekly_pattern'", "weekly_pattern": "'{0,6}'"}


def hold(**changes: str) -> str:
    values = {
        "subscription_id": ONE,
        "day": "'2026-11-20'",
        "amount": "60",
        "exposure": "100.01",
        "credit_limit": "100",
    }
    values |= changes
    return f"INSERT INTO credit_holds ({', '.join(values)}) VALUES ({', '.join(values.values())})"


REFUSED = {
    "fk_credit_holds_subscription_id": hold(subscription_id=NOBODY),
    "ck_credit_holds_day_finite": hold(day="'infinity'"),
    "ck_credit_holds_over_the_limit": hold(exposure="100"),
    "fk_subscriptions_customer_id": subscription(customer_id=NOBODY),
    "fk_subscriptions_product_id": subscription(product_id=NOBODY),
    "fk_subscriptions_requested_by": subscription(requested_by=NOBODY),
    "ck_subscriptions_channel_known": subscription(channel="'fax'"),
    "ck_subscriptions_change_reason_length": subscription(change_reason="repeat('x', 501)"),
    "uq_subscriptions_legacy_id": subscription(legacy_id="'old'"),
    "ck_subscriptions_mode_known": subscription(mode="'one_time'"),
    "ck_subscriptions_shift_known": subscription(shift="'both'"),
    "ck_subscriptions_status_known": subscription(status="'ended'"),
    "ck_subscriptions_default_quantity_not_negative": subscription(default_quantity="-1"),
    "ck_subscriptions_price_per_unit_not_negative": subscription(price_per_unit="-1"),
    "ck_subscriptions_weekly_pattern_fits_mode": subscription(weekly_pattern="'{1}'"),
    "ck_subscriptions_weekly_quantities_fit_pattern": subscription(weekly_quantities=OF_WEEKDAYS),
    "ck_subscriptions_interval_fits_mode": subscription(interval_days="2", anchor_date="'2026-11-01'"),
    "ck_subscriptions_stop_after_start": subscription(stop_date="'2026-10-31'"),
    "ck_subscriptions_values_finite": subscription(default_quantity="'NaN'"),
    "fk_subscription_overrides_subscription_id": override(subscription_id=NOBODY),
    "fk_subscription_overrides_requested_by": override(requested_by=NOBODY),
    "uq_subscription_overrides_subscription_id_date": override(date="'2026-11-20'"),
    "uq_subscription_overrides_legacy_id": override(legacy_id="'old'"),
    "ck_subscription_overrides_kind_known": override(kind="'guess'"),
    "ck_subscription_overrides_shift_known": override(shift="'both'"),
    "ck_subscription_overrides_channel_known": override(channel="'fax'"),
    "ck_subscription_overrides_quantity_not_negative": override(quantity="-0.001"),
    "ck_subscription_overrides_date_finite": override(date="'infinity'"),
    "ck_subscription_overrides_note_length": override(note="repeat('x', 501)"),
    "fk_subscription_pauses_subscription_id": pause(subscription_id=NOBODY),
    "fk_subscription_pauses_requested_by": pause(requested_by=NOBODY),
    "uq_subscription_pauses_legacy_id": pause(legacy_id="'old'"),
    "ck_subscription_pauses_channel_known": pause(channel="'fax'"),
    "ck_subscription_pauses_period_has_start": pause(period="'(,2026-11-01)'"),
    "uq_subscription_pauses_household": pause(household_pause_id=ONE),
    "ck_subscription_pauses_reason_length": pause(reason="repeat('x', 501)"),
    "ex_subscription_pauses_period": pause(period="'[2026-12-09,)'"),
    "fk_subscription_quantities_subscription_id": quantity(subscription_id=NOBODY),
    "fk_subscription_quantities_requested_by": quantity(requested_by=NOBODY),
    "uq_subscription_quantities_subscription_id_valid_from": quantity(valid_from="'2026-11-10'"),
    "ck_subscription_quantities_channel_known": quantity(channel="'fax'"),
    "ck_subscription_quantities_quantity_not_negative": quantity(quantity="'NaN'"),
    "ck_subscription_quantities_valid_from_finite": quantity(valid_from="'-infinity'"),
    "ck_subscription_quantities_reason_length": quantity(reason="repeat('x', 501)"),
    "fk_subscription_schedules_subscription_id": schedule(subscription_id=NOBODY),
    "fk_subscription_schedules_product_id": schedule(product_id=NOBODY),
    "fk_subscription_schedules_requested_by": schedule(requested_by=NOBODY),
    "ck_subscription_schedules_mode_known": schedule(mode="'one_time'"),
    "ck_subscription_schedules_shift_known": schedule(shift="'both'"),
    "ck_subscription_schedules_channel_known": schedule(channel="'fax'"),
    "ck_subscription_schedules_reason_length": schedule(reason="repeat('x', 501)"),
    "ck_subscription_schedules_weekly_pattern_fits_mode": schedule(weekly_pattern="'{1}'"),
    "ck_subscription_schedules_weekly_quantities_fit_pattern": schedule(weekly_quantities=OF_WEEKDAYS),
    "ck_subscription_schedules_interval_fits_mode": schedule(interval_days="2", anchor_date="'2026-11-01'"),
    "ck_subscription_schedules_values_not_negative": schedule(default_quantity="-1"),
    "ck_subscription_schedules_days_finite": schedule(valid="'[2026-11-01,infinity)'"),
    "ck_subscription_schedules_first_has_quantity": schedule(default_quantity="NULL"),
    "ex_subscription_schedules_valid": schedule(subscription_id=TWO, valid="'[2026-11-30,2026-12-02)'"),
    "ck_generated_days_date_finite": "INSERT INTO generated_days VALUES ('infinity')",
}

MORE = [
    ("ck_subscriptions_weekly_pattern_fits_mode", subscription(mode="'weekly_pattern'")),
    ("ck_subscriptions_weekly_pattern_fits_mode", subscription(mode="'weekly_pattern'", weekly_pattern="'{7}'")),
    ("ck_subscriptions_weekly_pattern_fits_mode", subscription(mode="'weekly_pattern'", weekly_pattern="'{}'")),
    ("ck_subscriptions_interval_fits_mode", subscription(mode="'alternate_days'")),
    ("ck_subscriptions_values_finite", subscription(price_per_unit="'NaN'")),
    ("ck_subscriptions_values_finite", subscription(stop_date="'infinity'")),
    *(
        ("ck_subscriptions_weekly_quantities_fit_pattern", subscription(**WEEKLY, weekly_quantities=wrong))
        for wrong in (
            "'{1,0,0,0,0,2}'",
            "'{1,0,0,0,0,0,0}'",
            "'{1,0,-1,0,0,0,2}'",
            "'{1,0,NaN,0,0,0,2}'",
            "'{1,0,NULL,0,0,0,2}'",
            "'[0:6]={1,0,0,0,0,0,2}'",
            "'{{1,0,0,0,0,0,2}}'",
        )
    ),
    ("ck_subscription_schedules_values_not_negative", schedule(price_per_unit="'NaN'")),
    ("ck_subscription_schedules_days_finite", schedule(valid="'empty'")),
    ("tr_schedules_cover_all_days", schedule(valid="'[2026-11-01,)'")),
    ("tr_schedules_cover_all_days", "DELETE FROM subscription_schedules WHERE lower_inf(valid)"),
    ("tr_schedules_cover_all_days", f"UPDATE subscription_schedules SET subscription_id = {ONE}"),
    ("ck_subscription_overrides_quantity_not_negative", override(quantity="'NaN'")),
    ("ck_subscription_pauses_period_has_start", pause(period="'empty'")),
    ("ck_subscription_pauses_period_has_start", pause(period="'[2026-12-20,infinity)'")),
]

ALLOWED = [
    subscription(mode="'weekly_pattern'", weekly_pattern="'{0,6}'"),
    subscription(mode="'alternate_days'", interval_days="2", anchor_date="'2026-11-01'"),
    subscription(**WEEKLY, weekly_quantities=OF_WEEKDAYS),
    schedule(),
    "DELETE FROM subscription_schedules",
    override(quantity="0"),
    pause(),
    pause(period="'[2026-12-10,)'"),
    pause(household_pause_id=TWO),
    hold(),
    quantity(quantity="0"),
]


@pytest.mark.parametrize(("name", "statement"), [*REFUSED.items(), *MORE])
def test_refused_by_name(bare: Any, name: str, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) == name
    assert code_of(name) in CODES


@pytest.mark.parametrize("statement", ALLOWED)
def test_the_like_of_it_is_allowed(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_no_rule_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) - {"uq_subscriptions_id_customer_id"} == set(REFUSED)
