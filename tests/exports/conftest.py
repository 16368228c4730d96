"""Books to export, as ``books.py`` and ``accounts.py`` fill them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine

from tests.dairy import Dairy
from tests.exports.accounts import fill_accounts
from tests.exports.books import KOLKATA, NOVEMBER, OCTOBER, Books, fill


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(OCTOBER, tick=False) as traveller:
        yield traveller


@pytest.fixture
def books(clock: Any, dairy: Dairy) -> Books:
    """Five customers, each with milk and ghee on two days of October; billed in November."""
    made = Books(dairy, clock)
    made.customers, made.products = dairy.keep(lambda _dairy: fill(made))
    made.travel(NOVEMBER)
    return made


@pytest.fixture
def accounts(clock: Any, dairy: Dairy) -> Books:
    """Everything that accountants meet, reckoned by hand in ``accounts.py``; it is 12 November."""
    made = Books(dairy, clock)
    made.customers, made.products = dairy.keep(lambda _dairy: fill_accounts(made))
    made.travel(datetime(2026, 11, 12, 9, 0, tzinfo=KOLKATA))
    return made
