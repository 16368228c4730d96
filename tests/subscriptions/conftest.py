"""A customer with a product at ₹60 a litre; it is ten in the morning of Friday, 20 November 2026."""

from collections.abc import Callable, Iterator

import pytest
import time_machine

from dairy_app import cli
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
    return dairy.keep(Household)


@pytest.fixture
def nightly(
    household: Household, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """``dairy orders generate``: exit code, standard output, standard error."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(["orders", "generate", *arguments])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return call
