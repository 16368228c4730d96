"""Who reads what happened, and who is told of it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.billing.conftest import living
from tests.constraints import bare
from tests.dairy import Dairy, ok

__all__ = ["bare", "living"]

#: Somebody else on the same server may hold the numbers back for a moment.
PATIENCE_SECONDS = 60


@dataclass
class Reader:
    """Another program that reads on from where it was."""

    dairy: Dairy
    sql: Callable[..., Any]
    after: int = 0

    def page(self, **query: Any) -> Any:
        """What is there behind the last page, once everything that happened is numbered."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            page = ok(self.dairy.admin.get("/events", **{"after": self.after, **query}))
            if self.sql("SELECT count(*) FROM events WHERE id IS NULL") == [(0,)]:
                page = ok(self.dairy.admin.get("/events", **{"after": self.after, **query}))
                self.after = page["next_after"]
                return page
        raise AssertionError("an event was never numbered")

    def news(self, **query: Any) -> list[Any]:
        return list(self.page(**query)["items"])

    def told(self, **query: Any) -> list[tuple[str, str]]:
        """Kind and object of what is new."""
        return [(each["kind"], each["object_id"]) for each in self.news(**query)]


@pytest.fixture
def reader(dairy: Dairy, sql: Callable[..., Any]) -> Reader:
    return Reader(dairy, sql)


@dataclass
class Receiver:
    """A real HTTP server on this machine, which takes messages and answers as it is told, then always 204."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def said(self) -> list[Any]:
        """The messages that came, as JSON."""
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taking = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if len(body) < int(self.headers["content-length"]):  # who sent it was killed
                return
            with lock:
                taking.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                answer = taking.answers.pop(0) if taking.answers else 204
            if answer == 0:  # hangs up without a word
                return
            self.send_response(answer)
            if answer == 302:
                self.send_header("location", f"{taking.url}elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taking.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield taking
    server.shutdown()
    thread.join()
    server.server_close()
