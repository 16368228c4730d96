"""A round with a link to it, at ten in the morning of 20 November 2026 in Kolkata."""

from collections.abc import Iterator

import pytest
import time_machine

from tests.dairy import Dairy
from tests.deliveries.rounds import at
from tests.sharing.links import Town, make_town


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until a test moves it."""
    with time_machine.travel(at("2026-11-20 10:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def town(clock: time_machine.Traveller, dairy: Dairy) -> Town:
    return make_town(dairy)
