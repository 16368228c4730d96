"""What an answer costs in Python, counted in calls of functions: a busy machine counts the same as an idle one.

Whoever raises a bound says in the commit what is had for it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dairy_app.web.http import DairyFlask
from tests.dairy import Client, Dairy, ok


@contextmanager
def counting_calls(app: DairyFlask) -> Iterator[list[int]]:
    """The calls that each request makes within the application, C's included."""
    counts: list[int] = []
    inner = app.wsgi_app

    def counted(environ: Any, start_response: Any) -> Any:
        seen = 0

        def see(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal seen
            seen += event in {"call", "c_call"}

        sys.setprofile(see)
        try:
            return inner(environ, start_response)
        finally:
            sys.setprofile(None)
            counts.append(seen)

    app.wsgi_app = counted  # type: ignore[method-assign]
    try:
        yield counts
    finally:
        app.wsgi_app = inner  # type: ignore[method-assign]


def calls_of(app: DairyFlask, ask: Callable[[], Any]) -> int:
    """The calls of one request, when what is made once has been made.

    The fewest of three: a slow run may meet what is done once in a while, and that is no cost of the answer.
    """
    ask()
    with counting_calls(app) as counts:
        for _ in range(3):
            ask()
    return min(counts)


def test_a_request_that_only_says_who_asks(dairy: Dairy) -> None:
    assert calls_of(dairy.app, lambda: ok(dairy.admin.get("/auth/me"))) < 1500


def test_a_confirmation(dairy: Dairy) -> None:
    milk = dairy.product("60.00")
    orders = iter([dairy.order(dairy.customer(), (milk, "1"), on=dairy.day(0)) for _ in range(4)])
    assert calls_of(dairy.app, lambda: ok(dairy.confirm(next(orders)), 200)) < 1900


@pytest.mark.parametrize(
    ("path", "each"),
    [("/customers", 30), ("/orders", 100), ("/delivery-statuses", 27), ("/subscriptions", 27), ("/products", 29)],
)
def test_a_row_of_a_list(dairy: Dairy, path: str, each: int) -> None:
    milk = dairy.product("60.00")
    for n in range(8):
        customer = dairy.customer()
        standing = {"customer_id": customer["id"], "product_id": milk["id"], "mode": "fixed_daily"}
        ok(dairy.admin.post("/subscriptions", standing | {"default_quantity": "1", "start_date": dairy.day(1)}), 201)
        ok(dairy.confirm(dairy.order(customer, (milk, "1"), on=dairy.day(0))), 200)
        dairy.product(f"{50 + n}.00")
    few, many = (calls_of(dairy.app, lambda limit=limit: listed(dairy.admin, path, limit)) for limit in (2, 7))
    assert (many - few) / 5 < each


def listed(client: Client, path: str, limit: int) -> None:
    assert len(ok(client.get(path, limit=limit))["items"]) == limit
