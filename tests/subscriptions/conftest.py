"""A customer with a product at ₹60 a litre; it is ten in the morning of Friday, 20 November 2026."""

from collections.abc import Iterator

import pytest
import time_machine

from tests.dairy import Dairy
from tests.deliveries.rounds import at
from tests.subscriptions.household import Household


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until a test moves it."""
    with time_machine.travel(at("2026-11-20 10:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def household(clock: time_machine.Traveller, dairy: Dairy) -> Household:
    return Household(dairy)
