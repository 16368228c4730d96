"""Rules of reminders against plain SQL: each constraint refuses by its name."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

SET_UP = "INSERT INTO reminder_rules (days_after_due, max_times) VALUES (3, 3);"


def rule(**changes: str) -> str:
    row = {"days_after_due": "5", "every_days": "7", "max_times": "3", "quiet_from": "'21:00'", "quiet_to": "'9:00'"}
    row |= changes
    return f"INSERT INTO reminder_rules ({', '.join(row)}) VALUES ({', '.join(row.values())})"


CASES = [
    (rule(days_after_due="-1"), "ck_reminder_rules_days_after_due_range"),
    (rule(every_days="0"), "ck_reminder_rules_every_days_range"),
    (rule(max_times="0"), "ck_reminder_rules_max_times_range"),
    (rule(channel="'pigeon'"), "ck_reminder_rules_channel_known"),
    (rule(quiet_to="NULL"), "ck_reminder_rules_quiet_is_a_span"),
    (rule(quiet_to="'21:00'"), "ck_reminder_rules_quiet_is_a_span"),
    (rule(days_after_due="3"), "uq_reminder_rules_same"),
]


@pytest.mark.parametrize(("statement", "name"), CASES)
def test_plain_sql_is_refused_by_name(bare: Any, statement: str, name: str) -> None:
    assert refuses(bare, SET_UP, statement) == name


@pytest.mark.parametrize(
    "statement", [rule(), rule(days_after_due="3", channel="'sms'"), rule(quiet_from="NULL", quiet_to="NULL")]
)
def test_what_is_refused_is_otherwise_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_every_constraint_of_rules_is_tried(bare: Any) -> None:
    assert names_of(bare, ["reminder_rules"]) <= {name for _, name in CASES}
