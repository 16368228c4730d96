"""Razorpay's Payment Links API over HTTP: a request at a time, with an end, never behind a redirect."""

import base64
import http.client
import json
import socket
import ssl
from contextlib import suppress
from threading import Timer
from typing import Any
from urllib.parse import quote, urlsplit

from dairy_app.collecting.gateways.gateway import Refused, Unreachable
from dairy_app.collecting.rules.links import MadeLink, WantedLink
from dairy_app.collecting.rules.razorpay import body_of, found_link, read_link, said_error

#: Seconds for each step, and for one request in all: a person waits for it.
STEP_SECONDS, ALL_SECONDS = 8.0, 12.0
#: More of an answer is not read.
_READ = 1_000_000


class Razorpay:
    """One account of Razorpay, named by its key."""

    name = "razorpay"

    def __init__(self, url: str, key_id: str, key_secret: str, *, patience: float = ALL_SECONDS) -> None:
        self._parts, self._patience = urlsplit(url), patience
        self._proof = base64.b64encode(f"{key_id}:{key_secret}".encode()).decode()

    def make(self, wanted: WantedLink) -> MadeLink:
        """Make a link. Its reference is unique at Razorpay, which refuses a second one: then the first is meant."""
        try:
            made = read_link(self._ask("POST", "/v1/payment_links", body_of(wanted)))
        except Refused:
            made = self.find(wanted.id.hex)
            if made is None:
                raise
        if made is None:
            raise Unreachable("the gateway's answer is no link")
        return made

    def find(self, wanted_id: str) -> MadeLink | None:
        """The link of this reference."""
        return found_link(self._ask("GET", f"/v1/payment_links?reference_id={quote(wanted_id)}"), wanted_id)

    def cancel(self, gateway_id: str) -> MadeLink:
        """End a link. One that was paid or has ended cannot be cancelled: then it stands as it does."""
        place = f"/v1/payment_links/{quote(gateway_id, safe='')}"
        try:
            ended = read_link(self._ask("POST", f"{place}/cancel"))
        except Refused:
            ended = read_link(self._ask("GET", place))
        if ended is None:
            raise Unreachable("the gateway's answer is no link")
        return ended

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What is answered, as JSON."""
        connection = self._connection()
        timer = Timer(self._patience, _cut_off, (connection,))
        timer.daemon = True
        timer.start()
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Basic {self._proof}", "User-Agent": "dairy_app", "Connection": "close"}
        try:
            path = self._parts.path.rstrip("/") + path
            connection.request(method, path, sent, headers | ({"Content-Type": "application/json"} if sent else {}))
            answer = connection.getresponse()
            status, said = answer.status, _read(answer.read(_READ))
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(_reason(error)) from None
        finally:
            timer.cancel()
            connection.close()
        if 200 <= status < 300:
            return said
        if status in (408, 409, 425, 429) or not 400 <= status < 500:
            raise Unreachable(f"the gateway answers {status}")
        raise Refused(f"{status} {said_error(said)}".strip())

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port or 443, timeout=STEP_SECONDS, context=context)
        return http.client.HTTPConnection(host, port or 80, timeout=STEP_SECONDS)


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _cut_off(connection: http.client.HTTPConnection) -> None:
    """Whoever answers a byte now and then is left at last."""
    open_socket = connection.sock
    if open_socket is not None:
        with suppress(OSError):
            open_socket.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    """Why there was no answer, in words that hold nothing of the keys."""
    if isinstance(error, TimeoutError):
        return "the gateway did not answer in time"
    if isinstance(error, ssl.SSLError):
        return f"no protected connection to the gateway: {error.reason or 'refused'}"
    if isinstance(error, socket.gaierror):
        return "the gateway's name is not known"
    if isinstance(error, OSError) and error.strerror:
        return f"the gateway: {error.strerror}"
    return "the gateway ended the connection, or its answer is none"
