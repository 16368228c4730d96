"""SMS by a gateway, and messages to a program of the dairy's own, by HTTP; and how any server is asked once.

Each message is a request of its own, with its id as ``Idempotency-Key``: the same at every try.
"""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from dairy_app.sending.rules import Gateway, asked
from dairy_app.sending.senders.letters import ANSWER, PATIENCE, NotNow, Outgoing, Refused, said

#: Of an answer so many bytes are read: it is only told to people.
_READ = 2000
#: Whoever answers so would answer so to any other: the key is wrong, or there were too many.
_OF_ALL = {401, 403, 404, 405, 429}
#: Not well now; 409 says of an id that is in hand already.
_LATER = {408, 409, 425, 429}


@dataclass(frozen=True, slots=True)
class Asking:
    """How long, in seconds, a request may last in all, and how long one answer may take."""

    patience: float = PATIENCE
    answer: float = ANSWER

    def ask(
        self, server: Gateway, method: str, path: str, body: bytes | None, headers: Mapping[str, str], most: int = _READ
    ) -> tuple[int, bytes]:
        """Ask once: the status, and at most so many bytes of the answer. Raises NotNow when there is none in time."""
        connection = self._connection(server)
        timer = threading.Timer(self.patience, _cut_off, (connection,))
        timer.daemon = True
        timer.start()
        try:
            connection.request(method, path, body, {"User-Agent": "dairy_app", "Connection": "close", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read(most)
        except (OSError, http.client.HTTPException) as error:
            raise NotNow(_reason(error), is_down=True) from None
        finally:
            timer.cancel()
            connection.close()

    def _connection(self, server: Gateway) -> http.client.HTTPConnection:
        if server.protected:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(server.host, server.port, timeout=self.answer, context=context)
        return http.client.HTTPConnection(server.host, server.port, timeout=self.answer)


class HttpSender:
    """One gateway, or one webhook."""

    def __init__(self, gateway: Gateway, *, patience: float = PATIENCE, answer: float = ANSWER) -> None:
        self._gateway, self._asking = gateway, Asking(patience, answer)

    def send(self, letter: Outgoing) -> None:
        """Ask once, within the time that it may take."""
        method, path, body, kind = self._request(letter)
        headers = {"Idempotency-Key": str(letter.id)} | ({"Content-Type": kind} if kind else {})
        code, text = self._asking.ask(self._gateway, method, path, body, headers)
        if 200 <= code < 300:
            return
        if code in _OF_ALL or not 400 <= code < 500:
            raise NotNow(said(letter, code, text), is_down=True)
        raise NotNow(said(letter, code, text)) if code in _LATER else Refused(said(letter, code, text))

    def close(self) -> None:
        """Nothing stays open."""

    def _request(self, letter: Outgoing) -> tuple[str, str, bytes | None, str | None]:
        gateway = self._gateway
        if not gateway.fields:
            told = {"id": str(letter.id), "kind": letter.kind, "recipient": letter.recipient}
            told |= {"language": letter.language, "body": letter.body, "dairy": letter.dairy}
            return "POST", gateway.path, json.dumps(told).encode(), "application/json"
        values = {"to": letter.recipient, "number": letter.recipient.lstrip("+"), "text": letter.body}
        fields = asked(gateway, values | {"id": str(letter.id)})
        if gateway.way == "json":
            return "POST", gateway.path, json.dumps(dict(fields)).encode(), "application/json"
        if gateway.way == "get":
            return "GET", f"{gateway.path}?{urlencode(fields)}", None, None
        return "POST", gateway.path, urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _cut_off(connection: http.client.HTTPConnection) -> None:
    """Whoever answers a byte now and then is left at last."""
    open_socket = connection.sock
    if open_socket is not None:
        with suppress(OSError):
            open_socket.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    """Why there was no answer, in words that hold nothing of the URL."""
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    if isinstance(error, ssl.SSLError):
        return f"no protected connection to the server: {error.reason or 'refused'}"
    if isinstance(error, socket.gaierror):
        return "the server's name is not known"
    if isinstance(error, OSError) and error.strerror:
        return f"the server: {error.strerror}"
    return "the server ended the connection, or its answer is none"
