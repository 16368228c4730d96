"""A dairy that grows over HTTP: the shared set-up of successes and refusals alike."""

from datetime import date, timedelta
from itertools import count
from typing import Any

from werkzeug.test import TestResponse

from dairy_app.accounts import service as accounts
from dairy_app.business import queries as business
from dairy_app.common.http import DairyFlask

PASSWORD = "correct horse battery staple"


class Client:
    """One login's way into the API; every call returns the raw response."""

    def __init__(self, app: DairyFlask, token: str | None, user: dict[str, Any] | None = None) -> None:
        self._http = app.test_client()
        self.user = user or {}
        self.carry(token)

    def carry(self, token: str | None) -> None:
        """Go on with this access token."""
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """``path`` starts below ``/api/v1`` unless it starts with ``/api`` or is a page's (``/s/``)."""
        url = path if path.startswith(("/api", "/s/")) else f"/api/v1{path}"
        return self._http.open(url, method=method, headers={**self._headers, **(headers or {})}, **options)

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


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that must have been refused, for this reason."""
    body: dict[str, Any] = response.get_json() or {}
    assert (response.status_code, body.get("code")) == (status, code), response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    return body


class Dairy:
    """A dairy with an admin. Each method makes one thing over HTTP and returns its JSON."""

    def __init__(self, app: DairyFlask) -> None:
        self.app = app
        self._numbers = count(1)
        self._clients: list[tuple[Client, str]] = []
        with app.database.transaction() as session:
            accounts.create_admin(session, email="admin@dairy.example", password=PASSWORD, name="Asha Admin")
        self.nobody = Client(app, None)
        self.admin = self.login("admin@dairy.example")

    def login(self, email_or_phone: str, password: str = PASSWORD) -> Client:
        answer = self._log_in(email_or_phone, password)
        client = Client(self.app, answer["access_token"], answer["user"])
        self._clients.append((client, email_or_phone))
        return client

    def _log_in(self, email_or_phone: str, password: str = PASSWORD) -> Any:
        key = "email" if "@" in email_or_phone else "phone"
        return ok(self.nobody.post("/auth/login", {key: email_or_phone, "password": password}))

    def log_in_again(self) -> None:
        """After the clock was moved: everybody's token is of another time."""
        for client, login in self._clients:
            client.carry(self._log_in(login)["access_token"])

    def today(self) -> date:
        with self.app.database.transaction(read_only=True) as session:
            return business.today(session)

    def day(self, offset: int) -> str:
        """A date as JSON, counted from today."""
        return (self.today() + timedelta(days=offset)).isoformat()

    def seller(self, **changes: Any) -> Any:
        """Give the dairy a name, so that it may issue invoices; ``gstin`` makes it a registered one."""
        body = {"business_name": "Sunrise Dairy", "address": "1 Milk Lane, Pune", "state_code": "27"}
        return ok(self.admin.patch("/settings", body | changes))

    def staff(self, role: str, name: str | None = None) -> Client:
        """A logged-in member of staff who came by invitation."""
        n = next(self._numbers)
        email = f"{role}{n}@dairy.example"
        made = ok(self.admin.post("/users", {"name": name or f"{role} {n}", "role": role, "email": email}), 201)
        return self.accept(made["invitation_token"], email)

    def accept(self, invitation_token: str, login: str) -> Client:
        ok(self.nobody.post("/auth/invitations/accept", {"token": invitation_token, "password": PASSWORD}))
        return self.login(login)

    def product(self, price: str | None = "60.00", since: str = "2020-01-01", **fields: Any) -> Any:
        """A product on sale at ``price`` rupees per unit; ``price=None`` leaves it without one."""
        n = next(self._numbers)
        body = {"sku": f"SKU{n}", "name": f"Milk {n}", "category": "milk", "unit": "litre", "hsn_code": "0401"}
        made = ok(self.admin.post("/products", body | fields), 201)
        if price is not None:
            ok(self.admin.post(f"/products/{made['id']}/prices", {"price": price, "valid_from": since}), 201)
        return made

    def customer(self, **fields: Any) -> Any:
        n = next(self._numbers)
        body = {"name": f"Customer {n}", "phone": f"+9198{n:08d}", "address_line1": f"{n} Main Road", "area": "Kothrud"}
        return ok(self.admin.post("/customers", body | fields), 201)

    def customer_login(self, **fields: Any) -> tuple[Any, Client]:
        """A customer and its own client."""
        made = self.customer(**fields)
        return made, self.accept(made["invitation_token"], made["phone"])

    def order(self, customer: Any, *items: tuple[Any, str], on: str | None = None, **fields: Any) -> Any:
        """A one-time order; items are (product, quantity)."""
        body = {
            "customer_id": customer["id"],
            "delivery_date": on or self.day(0),
            "items": [{"product_id": product["id"], "quantity": quantity} for product, quantity in items],
        }
        return ok(self.admin.post("/orders", body | fields), 201)

    def confirm(self, order: Any, by: Client | None = None, **fields: Any) -> TestResponse:
        """Confirm an order, in full unless ``items`` or ``status`` say otherwise; the raw response."""
        body = {"order_id": order["id"], "status": "delivered"}
        return (by or self.admin).post("/deliveries/confirmations", body | fields)
