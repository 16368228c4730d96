"""Everybody who may sign in, in a browser."""

from collections.abc import Callable, Iterator

import pytest
import time_machine

from tests.console.visitor import Visitor
from tests.dairy import Dairy
from tests.deliveries.rounds import at

SignIn = Callable[[str], Visitor]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until a test moves it."""
    with time_machine.travel(at("2026-11-20 10:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def admin(dairy: Dairy) -> Visitor:
    return Visitor.of(dairy.app, "admin@dairy.example")


@pytest.fixture
def sign_in(dairy: Dairy) -> SignIn:
    """A browser of somebody with a role; a customer is made for ``customer``."""

    def of(role: str) -> Visitor:
        if role == "admin":
            return Visitor.of(dairy.app, "admin@dairy.example")
        if role == "customer":
            return Visitor.of(dairy.app, dairy.customer_login()[0]["phone"])
        return Visitor.of(dairy.app, dairy.staff(role).user["email"])

    return of
