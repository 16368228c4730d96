"""A round on which photos are taken, at ten in the morning of 20 November 2026 in Kolkata."""

from collections.abc import Iterator

import pytest
import time_machine

from dairy_app.photos.store import PhotoFiles, files_of
from dairy_app.settings import Settings
from tests.dairy import Dairy
from tests.deliveries.rounds import Round, at, make_round


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until a test moves it."""
    with time_machine.travel(at("2026-11-20 10:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def round_(clock: time_machine.Traveller, dairy: Dairy) -> Round:
    return make_round(dairy)


@pytest.fixture
def files(settings: Settings) -> PhotoFiles:
    return files_of(settings)
