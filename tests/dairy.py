"""A dairy that grows over HTTP: the shared set-up of successes and refusals alike."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import jwt
import time_machine
from flask_jwt_extended import create_access_token
from werkzeug.test import TestResponse

from dairy_app.accounts.service import users as accounts
from dairy_app.accounts.service.sessions import Grant
from dairy_app.accounts.service.tokens import PAGE_COOKIE, new_page_token
from dairy_app.business import queries as business
from dairy_app.web.http import DairyFlask
from tests.contract import contract_of
from tests.worker_database import WorkerDatabase

PASSWORD = "correct horse battery staple"
#: For how long, in seconds, a set-up that was done by the real clock is as good as new. No day begins within it.
AS_GOOD_AS_NEW = 300

F = TypeVar("F", bound=Callable[..., Any])


class Client:
    """One login's way into the API; every call returns the raw response."""

    def __init__(self, app: DairyFlask, token: str | None, user: dict[str, Any] | None = None) -> None:
        self._app = app
        self._http = app.test_client()
        self.user = user or {}
        self.carry(token)

    def carry(self, token: str | None) -> None:
        """Go on with this access token."""
        self.token = token or ""
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """``path`` starts below ``/api/v1``, unless with ``/api`` or as a page or ``/metrics`` does."""
        url = path if path.startswith(("/api", "/s/", "/i/", "/metrics")) else f"/api/v1{path}"
        answer = self._http.open(url, method=method, headers={**self._headers, **(headers or {})}, **options)
        contract_of(self._app).judge(self._app, method, url, answer)
        return answer

    def browse(self, method: str, path: str) -> TestResponse:
        """The same login in a browser: its cookie in place of the token, a form that is empty but genuine."""
        browser = self._http
        if self.token:
            claims = jwt.decode(self.token, options={"verify_signature": False})
            with self._app.app_context():
                grant = Grant(UUID(claims["sub"]), claims["ver"], UUID(claims["sid"]), uuid4())
                browser.set_cookie(PAGE_COOKIE, new_page_token(grant))
        if method == "GET":
            return browser.get(path, buffered=True)
        first = browser.get("/", follow_redirects=True).get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="(\w+)"', first)
        assert found is not None, first
        return browser.open(path, method=method, data={"csrf_token": found[1]}, buffered=True)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.call("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, json={} if body is None else body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.call("PATCH", path, json=body, **options)

    def put(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.call("PUT", path, json=body, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)


def ok(response: TestResponse, status: int | None = None) -> Any:
    """The body of an answer that must have succeeded."""
    expected = {status} if status else {200, 201, 202, 204}
    assert response.status_code in expected, f"{response.status_code}: {response.get_data(as_text=True)}"
    return response.get_json() if response.data else None


def read(client: Client, path: str, **query: Any) -> list[Any]:
    """All rows of a list, two a page."""
    page = ok(client.get(path, limit=2, **query))
    rows: list[Any] = page["items"]
    while page["next_cursor"]:
        page = ok(client.get(path, limit=2, cursor=page["next_cursor"], **query))
        rows += page["items"]
    return rows


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that must have been refused, for this reason."""
    body: dict[str, Any] = response.get_json() or {}
    assert (response.status_code, body.get("code")) == (status, code), response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    return body


def moment() -> str:
    """When a set-up is done, as far as it matters to what it makes."""
    now = datetime.now(UTC).timestamp()
    return str(now) if time_machine.escape_hatch.is_travelling() else f"real {now // AS_GOOD_AS_NEW}"


def kept(setup: F) -> F:
    """A set-up of a dairy, its first argument, that is done for real once; after that its rows come back.

    What it answers may hold the dairy and its clients. It must depend on nothing but the rows, its arguments
    and the clock; where it moves the clock, who calls it moves it there too. See ``tests/worker_database.py``.
    """

    @wraps(setup)
    def call(dairy: "Dairy", *args: Any, **kwargs: Any) -> Any:
        return dairy.keep(setup, *args, **kwargs)

    return call  # type: ignore[return-value]


@dataclass(frozen=True)
class Place:
    """Stands in a kept answer for what every test has its own of."""

    number: int


PLACES = tuple(Place(number) for number in range(100))


class Dairy:
    """A dairy with an admin. Each method makes one thing over HTTP and returns its JSON.

    With a ``memory``, a thing that was made before from the same start is not made again; its rows come back.
    """

    def __init__(self, app: DairyFlask, memory: WorkerDatabase | None = None) -> None:
        self.app = app
        self._memory = memory
        self._last_number = 0
        self._clients: list[tuple[Client, str]] = []
        self.nobody = Client(app, None)
        self.admin = self._open()

    @kept
    def _open(self) -> Client:
        with self.app.database.transaction() as session:
            accounts.create_admin(session, email="admin@dairy.example", password=PASSWORD, name="Asha Admin")
        return self.login("admin@dairy.example")

    def keep(self, setup: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The answer of ``setup(self, …)``; see ``kept``. Work that somebody counts is always done."""
        memory, listeners = self._memory, self.app.database.engine.dispatch.before_cursor_execute
        if memory is None or len(listeners) > 1 or threading.current_thread() is not threading.main_thread():
            return setup(self, *args, **kwargs)
        known = len(self._clients)

        def build() -> tuple[Any, int, list[tuple[Client, str]]]:
            self._memory = None  # one step, whatever it consists of
            try:
                return setup(self, *args, **kwargs), self._last_number, self._clients[known:]
            finally:
                self._memory = memory

        settings = replace(self.app.config["DAIRY"], data_dir=Path())
        given = repr((args, sorted(kwargs.items()), self._last_number, settings))
        asked = (moment(), setup.__module__, setup.__qualname__, given)
        own = [self, self.app, self.nobody, *(client for client, _ in self._clients)]
        put_aside = {id(each): place for each, place in zip(own, PLACES, strict=False)}
        brought_back = {id(place): each for each, place in zip(own, PLACES, strict=False)}
        answer, self._last_number, clients = memory.keep(asked, build, put_aside, brought_back)
        self._clients[known:] = clients
        return answer

    def _number(self) -> int:
        self._last_number += 1
        return self._last_number

    def login(self, email_or_phone: str, password: str = PASSWORD) -> Client:
        answer = self._log_in(email_or_phone, password)
        client = Client(self.app, answer["access_token"], answer["user"])
        self._clients.append((client, email_or_phone))
        return client

    @kept
    def _log_in(self, email_or_phone: str, password: str = PASSWORD) -> Any:
        key = "email" if "@" in email_or_phone else "phone"
        return ok(self.nobody.post("/auth/login", {key: email_or_phone, "password": password}))

    def log_in_again(self) -> None:
        """After the clock was moved: everybody's token is of another time, so each gets one of this moment."""
        with self.app.app_context():
            for client, _ in self._clients:
                claims = jwt.decode(client.token, options={"verify_signature": False})
                own = {name: claims[name] for name in ("ver", "sid", "role", "customer_v2_id")}
                client.carry(create_access_token(claims["sub"], additional_claims=own))

    def today(self) -> date:
        with self.app.database.transaction(read_only=True) as session:
            return business.today(session)

    def day(self, offset: int) -> str:
        """A date as JSON, counted from today."""
        return (self.today() + timedelta(days=offset)).isoformat()

    @kept
    def seller(self, **changes: Any) -> Any:
        """Give the dairy a name, so that it may issue invoices; ``gstin`` makes it a registered one."""
        body = {"business_name": "Sunrise Dairy", "address": "1 Milk Lane, Pune", "state_code": "27"}
        return ok(self.admin.patch("/settings", body | changes))

    @kept
    def without_cutoffs(self) -> Any:
        """Customers may change a day until it is over; by default until nine in the evening before."""
        return ok(self.admin.patch("/settings", {"cutoff_morning": None, "cutoff_evening": None}))

    @kept
    def staff(self, role: str, name: str | None = None) -> Client:
        """A logged-in member of staff who came by invitation."""
        n = self._number()
        email = f"{role}{n}@dairy.example"
        made = ok(self.admin.post("/users", {"name": name or f"{role} {n}", "role": role, "email": email}), 201)
        return self.accept(made["invitation_token"], email)

    def accept(self, invitation_token: str, login: str) -> Client:
        ok(self.nobody.post("/auth/invitations/accept", {"token": invitation_token, "password": PASSWORD}))
        return self.login(login)

    @kept
    def product(self, price: str | None = "60.00", since: str = "2020-01-01", **fields: Any) -> Any:
        """A product on sale at ``price`` rupees per unit; ``price=None`` leaves it without one."""
        n = self._number()
        body = {"sku": f"SKU{n}", "name": f"Milk {n}", "category": "milk", "unit": "litre", "hsn_code": "0401"}
        made = ok(self.admin.post("/products", body | fields), 201)
        if price is not None:
            ok(self.admin.post(f"/products/{made['id']}/prices", {"price": price, "valid_from": since}), 201)
        return made

    @kept
    def customer(self, **fields: Any) -> Any:
        n = self._number()
        body = {"name": f"Customer {n}", "phone": f"+9198{n:08d}", "address_line1": f"{n} Main Road", "area": "Kothrud"}
        return ok(self.admin.post("/customers", body | fields), 201)

    @kept
    def customer_login(self, **fields: Any) -> tuple[Any, Client]:
        """A customer and its own client."""
        made = self.customer(**fields)
        return made, self.accept(made["invitation_token"], made["phone"])

    @kept
    def order(self, customer: Any, *items: tuple[Any, str], on: str | None = None, **fields: Any) -> Any:
        """A one-time order; items are (product, quantity)."""
        body = {
            "customer_id": customer["id"],
            "delivery_date": on or self.day(0),
            "items": [{"product_id": product["id"], "quantity": quantity} for product, quantity in items],
            "confirm": True,
        }
        return ok(self.admin.post("/orders", body | fields), 201)

    @kept
    def subscription(self, customer: Any, product: Any, quantity: str = "1", **fields: Any) -> Any:
        """A standing order from today on, every day."""
        body = {
            "customer_id": customer["id"],
            "product_id": product["id"],
            "mode": "fixed_daily",
            "default_quantity": quantity,
            "start_date": self.day(0),
            "confirm": True,
        }
        return ok(self.admin.post("/subscriptions", body | fields), 201)

    def confirm(self, order: Any, by: Client | None = None, **fields: Any) -> TestResponse:
        """Confirm an order, in full unless ``items`` or ``status`` say otherwise; the raw response."""
        body = {"order_id": order["id"], "status": "delivered"}
        return (by or self.admin).post("/deliveries/confirmations", body | fields)
