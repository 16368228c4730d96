"""The rules of links as pure functions."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

import pytest

from dairy_app.sharing.rules import links as rules

TODAY = date(2026, 11, 20)
ONE = UUID(int=1)


def test_a_rolling_link_reaches_today_and_yesterday() -> None:
    assert rules.days_of(None, TODAY) == (date(2026, 11, 19), TODAY)
    assert rules.days_of(date(2026, 11, 25), TODAY) == (date(2026, 11, 25), date(2026, 11, 25))


@pytest.mark.parametrize(
    ("failed", "minutes"),
    [(1, None), (4, None), (5, 15), (6, None), (10, 30), (15, 60), (40, 1440), (5000, 1440)],
)
def test_locks_grow_to_a_day(failed: int, minutes: int | None) -> None:
    assert rules.lock_after(failed) == (timedelta(minutes=minutes) if minutes else None)


@pytest.mark.parametrize(("life", "tries"), [(timedelta(hours=24), 35), (timedelta(hours=720), 180)])
def test_guessing_a_pin_takes_longer_than_a_link_lives(life: timedelta, tries: int) -> None:
    waited = timedelta()
    for failed in count(1):
        waited += rules.lock_after(failed) or timedelta()
        if waited >= life:
            assert failed == tries
            break


@pytest.mark.parametrize(
    ("orders", "cost"), [([1], 1), (range(49), 1), (range(50), 2), (range(1000), 21), ([1, 2, 1], 2), ([1] * 100, 102)]
)
def test_what_confirmations_spend(orders: Sequence[int], cost: int) -> None:
    assert rules.cost_of_confirmations(orders) == cost


def test_a_normal_round_is_far_from_the_limit() -> None:
    assert 30 * rules.cost_of_confirmations([1]) < rules.MOST_PER_WINDOW / 2
    assert 5 * rules.cost_of_confirmations(range(1000)) <= rules.MOST_PER_WINDOW


def test_the_first_state_that_holds() -> None:
    moment, before = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC)
    after = moment + timedelta(seconds=1)
    assert rules.state_of(moment, expires_at=before, revoked_at=before, locked_until=after) == "revoked"
    assert rules.state_of(moment, expires_at=moment, revoked_at=None, locked_until=after) == "expired"
    assert rules.state_of(moment, expires_at=after, revoked_at=None, locked_until=after) == "locked"
    assert rules.state_of(moment, expires_at=after, revoked_at=None, locked_until=moment) == "active"


def test_a_wish_reads_back_as_it_was_written() -> None:
    pause = {"from": TODAY, "to": None}
    extra = {"delivery_date": TODAY, "shift": "evening", "items": [{"product_id": ONE, "quantity": Decimal("1.500")}]}
    quantity = {"date": TODAY, "quantity": Decimal("0.000")}
    for kind, fields in {"pause": pause, "extra_item": extra, "quantity": quantity}.items():
        written = rules.payload_of(kind, {**fields, "note": "not part of it"})
        assert rules.fields_of(written) == fields
    assert rules.payload_of("quantity", {"date": TODAY, "quantity": Decimal(2)}) == {
        "date": "2026-11-20",
        "quantity": "2.000",
    }


def test_notes_lose_what_they_say_about_prices() -> None:
    notes = "Gate 3\nPrice of Milk (1 l) (0.00): Festival: free\nBeware of the dog"
    assert rules.without_prices(notes) == "Gate 3\nBeware of the dog"
    assert rules.without_prices("Price of Milk (55.00): loyal") is None
    assert rules.without_prices("Price of milk is too high, she says") == "Price of milk is too high, she says"
    assert rules.without_prices(None) is None
