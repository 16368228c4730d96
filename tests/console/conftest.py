"""Everybody who may sign in, in a browser."""

from collections.abc import Callable

import pytest

from tests.console.visitor import Visitor
from tests.dairy import Dairy

SignIn = Callable[[str], Visitor]


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
