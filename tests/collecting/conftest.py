"""A till with an account at a payment gateway: its events as they are sent, and its API on loopback."""

import hmac
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from dairy_app.settings import Settings
from tests.dairy import Dairy, ok
from tests.receivables.conftest import Till

SECRET, FORMER = "whsec now", "whsec before"
Answer = tuple[int, Any]


@dataclass
class Api:
    """Razorpay's Payment Links as its documentation describes them. ``odd``: answers that come first, one a request."""

    url: str = ""
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    came: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    odd: list[Callable[[], Answer | None]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> Answer:
        parts = urlsplit(path)
        if (method, parts.path) == ("POST", "/v1/payment_links"):
            if any(each["reference_id"] == body["reference_id"] for each in self.links.values()):
                return 400, wrong("payment link with given reference_id already exists")
            key = f"plink_{len(self.links):014d}"
            self.links[key] = body | {"id": key, "short_url": f"https://rzp.io/rzp/{key}", "status": "created"}
            return 200, self.links[key]
        if (method, parts.path) == ("GET", "/v1/payment_links"):
            (reference,) = parse_qs(parts.query)["reference_id"]
            return 200, {"payment_links": [e for e in self.links.values() if e["reference_id"] == reference]}
        _, _, _, key, *rest = parts.path.split("/")
        link = self.links[key]
        if rest == ["cancel"]:
            if link["status"] != "created":
                return 400, wrong(f"payment link in {link['status']} state cannot be cancelled")
            link["status"] = "cancelled"
        return 200, link


def wrong(description: str) -> Any:
    return {"error": {"code": "BAD_REQUEST_ERROR", "description": description}}


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()

    class Handler(BaseHTTPRequestHandler):
        def take(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            made.came.append((self.command, self.path, dict(self.headers), body))
            answer = made.odd.pop(0)() if made.odd else None
            status, said = answer or made.answer(self.command, self.path, body)
            written = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            with suppress(BrokenPipeError):  # who asked has left
                self.wfile.write(written)

        do_GET = do_POST = take  # noqa: N815 - their names

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join(10)


@pytest.fixture
def settings(settings: Settings, api: Api) -> Settings:
    keys = {"razorpay_key_id": "rzp_test_1", "razorpay_key_secret": "s3cret", "razorpay_url": api.url}
    return replace(settings, **keys, razorpay_webhook_secret=SECRET, razorpay_webhook_secret_former=FORMER)


class Gateway:
    """What Razorpay sends, in the shape of its documentation; amounts are rupees here and paise there."""

    def __init__(self, till: Till) -> None:
        self.till, self._numbers = till, itertools.count(1)
        self.moment = datetime.now(UTC)

    def link(self, amount: str = "124.00", **fields: Any) -> Any:
        body = {"customer_id": self.till.id, "amount": amount} | fields
        return ok(self.till.admin.post("/payment-links", body), 201)

    def payment(self, link: Any = None, **fields: Any) -> dict[str, Any]:
        """A captured payment, of a link when one is given."""
        made = {
            "id": f"pay_{next(self._numbers):014d}", "entity": "payment", "amount": 12400, "currency": "INR",
            "status": "captured", "captured": True, "method": "upi", "vpa": "meera@upi", "fee": 24, "tax": 4,
            "contact": "+919876543210", "notes": {"payment_link": link["id"]} if link else [],
            "acquirer_data": {"rrn": "103608848276"}, "created_at": int(self.moment.timestamp()),
        }  # fmt: skip
        return made | fields

    def captured(self, payment: dict[str, Any]) -> dict[str, Any]:
        return self.event("payment.captured", payment=payment)

    def link_paid(self, link: Any, payment: dict[str, Any]) -> dict[str, Any]:
        entity = {"id": link["gateway_id"], "reference_id": link["id"].replace("-", ""), "status": "paid"}
        return self.event("payment_link.paid", payment_link=entity, payment=payment, order={"id": "order_1"})

    def refunded(self, payment: dict[str, Any], rupees: str, **fields: Any) -> dict[str, Any]:
        refund = {
            "id": f"rfnd_{next(self._numbers):014d}", "entity": "refund", "amount": int(rupees.replace(".", "")),
            "currency": "INR", "payment_id": payment["id"], "status": "processed", "notes": [],
            "created_at": payment["created_at"] + 1,
        }  # fmt: skip
        return self.event("refund.processed", refund=refund | fields, payment=payment)

    def event(self, kind: str, **entities: Any) -> dict[str, Any]:
        payload = {name: {"entity": entity} for name, entity in entities.items()}
        return {
            "entity": "event", "account_id": "acc_1", "event": kind, "contains": list(entities), "payload": payload,
            "created_at": int(self.moment.timestamp()) + next(self._numbers),
        }  # fmt: skip

    def send(
        self, event: Any, *, key: str | None = "", secret: str = SECRET, signature: str | None = None
    ) -> TestResponse:
        """Send an event; ``key`` is its id at the gateway, by default one of its own, None: none is told."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        headers = {"X-Razorpay-Signature": signature or hmac.digest(secret.encode(), body, "sha256").hex()}
        if key is not None:
            headers["X-Razorpay-Event-Id"] = key or f"evt_{next(self._numbers):010d}"
        nobody = self.till.dairy.nobody
        path = "/gateways/razorpay/webhook"
        return nobody.call("POST", path, data=body, content_type="application/json", headers=headers)

    def sent(self, event: Any, **options: Any) -> str:
        return str(ok(self.send(event, **options), 200)["status"])

    def events(self, **query: Any) -> list[Any]:
        """What is kept, in the order in which it came."""
        return list(ok(self.till.admin.get("/gateway-events", **query))["items"])[::-1]

    def stand(self) -> list[tuple[str, str, str | None]]:
        return [(each["kind"], each["status"], each["reason"]) for each in self.events()]

    def payments(self) -> list[tuple[str, str, str]]:
        items = ok(self.till.admin.get("/payments", sort="amount"))["items"]
        return [(each["amount"], each["method"], each["reference"]) for each in items]


@pytest.fixture
def till(dairy: Dairy, sql: Callable[..., Any]) -> Till:
    return Till(dairy, sql)


@pytest.fixture
def gateway(till: Till) -> Gateway:
    return Gateway(till)
