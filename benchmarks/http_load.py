"""The application served as in production, and clients that keep their connection and do nothing else.

The clients are one epoll loop over plain sockets with requests made beforehand: they take little of the processor
that the server needs.
"""

import json
import os
import re
import selectors
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

from benchmarks.databases import BenchDatabase
from benchmarks.processor import PROC, children_of
from benchmarks.sample import ADMIN, PASSWORD

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Download:
    """An answer in pieces, with seconds in all and to the first byte of its body."""

    seconds: float
    first_byte: float
    chunks: list[bytes]


@dataclass(frozen=True)
class Served:
    """A running server and somebody logged in."""

    pid: int
    port: int
    token: str

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        """A request as it goes over the wire."""
        content = json.dumps(body).encode() if body is not None else b""
        head = (
            f"{method} {API}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    def page(self, path: str) -> bytes:
        """A page of the console as a browser in which somebody has signed in asks for it."""
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: text/html\r\n"
            f"Accept-Encoding: gzip\r\nCookie: {self.cookies}\r\n\r\n"
        )
        return head.encode()

    @cached_property
    def cookies(self) -> str:
        """What such a browser holds."""
        cookies = CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
        with browser.open(f"http://127.0.0.1:{self.port}/") as form:
            token = re.findall(r'name="csrf_token" value="(\w+)"', form.read().decode())[0]
        sent = urlencode({"login": ADMIN, "password": PASSWORD, "csrf_token": token}).encode()
        with browser.open(f"http://127.0.0.1:{self.port}/sign-in", sent) as page:
            page.read()
        return "; ".join(f"{each.name}={each.value}" for each in cookies)

    def load(self, requests: Sequence[bytes], clients: int, latencies: list[float] | None = None) -> float:
        """Send all requests by so many clients; seconds in all, those of each into ``latencies``.

        Raises on any answer but 2xx.
        """
        return _Clients(self.port, requests, [] if latencies is None else latencies).run(clients)

    def download(self, path: str) -> Download:
        """Get a streamed answer."""
        url = f"http://127.0.0.1:{self.port}{API}{path}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"})
        begin = time.perf_counter()
        with urllib.request.urlopen(asked) as answer:
            chunks, first = [answer.read(1)], time.perf_counter() - begin
            while chunk := answer.read(1 << 18):
                chunks.append(chunk)
        return Download(time.perf_counter() - begin, first, chunks)

    def peak_memory(self) -> float | None:
        """The highest resident memory of a worker since ``forget_peak``, in MB; None where there is no /proc."""
        try:
            states = [(PROC / f"{worker}/status").read_text() for worker in children_of(self.pid)]
        except OSError:
            return None
        return max(int(re.findall(r"VmHWM:\s+(\d+) kB", state)[0]) for state in states) / 1024

    def forget_peak(self) -> None:
        """Let the highest memory begin anew, at what each worker holds now; where the system lets us."""
        with suppress(OSError):
            for worker in children_of(self.pid):
                (PROC / f"{worker}/clear_refs").write_text("5")


@contextmanager
def serve(database: BenchDatabase, *, workers: int, threads: int) -> Iterator[Served]:
    """`dairy serve` on a free port of loopback, stopped at the end."""
    environment = {
        **os.environ,
        "DATABASE_URL": database.text,
        "DAIRY_SECRET_KEY": "benchmarks sign with this and nobody else",
        "DAIRY_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "dairy_app.cli", "serve", "--port", "0"]
    command += ["--workers", str(workers), "--threads", str(threads)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rsplit(":", 1)[1])
            yield Served(process.pid, port, _log_in(port))
        finally:
            process.terminate()


def _log_in(port: int) -> str:
    body = json.dumps({"email": ADMIN, "password": PASSWORD}).encode()
    url = f"http://127.0.0.1:{port}{API}/auth/login"
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return str(json.load(answer)["access_token"])


class _Clients:
    def __init__(self, port: int, requests: Sequence[bytes], durations: list[float]) -> None:
        self.port, self.todo, self.durations = port, iter(requests), durations
        self.selector = selectors.DefaultSelector()

    def run(self, clients: int) -> float:
        begin = time.perf_counter()
        for _ in range(clients):
            client = socket.create_connection(("127.0.0.1", self.port))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._send(client)
        while self.selector.get_map():
            for key, _ in self.selector.select():
                self._receive(key)
        self.selector.close()
        return time.perf_counter() - begin

    def _send(self, client: socket.socket) -> None:
        request = next(self.todo, None)
        if request is None:
            client.close()
            return
        client.sendall(request)
        self.selector.register(client, selectors.EVENT_READ, (time.perf_counter(), bytearray()))

    def _receive(self, key: selectors.SelectorKey) -> None:
        client, (begun, answer) = key.fileobj, key.data
        assert isinstance(client, socket.socket)
        part = client.recv(1 << 16)
        answer += part
        if part and not _is_complete(answer):
            return
        self.selector.unregister(client)
        if not answer.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"the server answered {bytes(answer[:600])!r}")
        self.durations.append(time.perf_counter() - begun)
        if b"connection: close" in answer[:1000].lower():
            client.close()
            client = socket.create_connection(("127.0.0.1", self.port))
        self._send(client)


def _is_complete(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = re.search(rb"(?i)content-length: (\d+)", answer[:end])
    assert length is not None, bytes(answer[:end])
    return len(answer) >= end + 4 + int(length[1])
