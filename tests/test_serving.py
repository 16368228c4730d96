"""`dairy serve` among strangers: slow, idle and rude connections, a process that dies, an end that cuts nothing off."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from dairy_app import connections
from dairy_app.connections import Server
from dairy_app.serving import address_of
from tests.conftest import SECRET_KEY, raw_connection
from tests.dairy import Dairy

LIMIT = 100_000


@contextmanager
def serving(url: str, *options: str, **settings: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """The command, as its own processes; gives the parent and the port."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "DATABASE_URL": url, "DAIRY_SECRET_KEY": SECRET_KEY}
    command = [sys.executable, "-m", "dairy_app.cli", "serve", "--port", "0", *options]
    with subprocess.Popen(command, env=environment | settings, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            yield parent, int(parent.stdout.readline().rpartition(":")[2])
        finally:
            parent.terminate()
            assert parent.wait(30) == 0


def ask(
    port: int, path: str = "/api/health", body: Any = None, timeout: float = 30, headers: Any = None
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, path, content, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_eleven_hundred_slow_connections_stop_nobody(database_url: str) -> None:
    beginnings = {
        b"GET /api/health HTTP/1.1\r\n": 300,
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n{": 300,
        b"": 500,
    }
    with serving(database_url) as (_, port), ExitStack() as all_of_them:
        assert ask(port)[0] == 200
        slow = []
        for beginning, count in beginnings.items():
            for _ in range(count):
                connection = all_of_them.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
                connection.sendall(beginning)
                slow.append((connection, beginning))
        for _ in range(5):
            for connection, beginning in slow:
                if beginning:
                    connection.sendall(b"A: b\r\n" if beginning.startswith(b"GET") else b" ")
            began = time.perf_counter()
            assert ask(port)[0] == 200
            assert time.perf_counter() - began < 1


def test_links_begin_with_the_address_that_is_served(database_url: str, dairy: Dairy) -> None:
    """Never with what the request calls us."""
    asked = {"kind": "round", "delivery_boy_id": dairy.staff("delivery_boy").user["id"], "rolling": True}
    who = {"Authorization": f"Bearer {dairy.admin.token}", "Host": "evil.example"}
    with serving(database_url, "--workers", "1") as (_, port):
        status, made = ask(port, "/api/v1/shared-links", asked, headers=who)
    assert (status, made.get("url", "").partition("/s/")[0]) == (201, f"http://127.0.0.1:{port}"), made


def test_an_address_that_stands_for_all_of_them_is_in_no_link() -> None:
    with socket.socket() as bound:
        bound.bind(("0.0.0.0", 0))
        port = bound.getsockname()[1]
        assert address_of(bound) == f"http://127.0.0.1:{port}"
        assert address_of(bound, as_bound=True) == f"http://0.0.0.0:{port}"


def test_a_process_that_dies_is_replaced_and_a_stop_finishes_what_runs(database_url: str) -> None:
    with serving(database_url, "--workers", "1") as (parent, port):
        assert ask(port)[0] == 200
        (first,) = children(parent.pid)
        os.kill(first, signal.SIGKILL)
        assert ask(port)[0] == 200
        assert children(parent.pid) != [first]
        with raw_connection(database_url) as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLE login_attempts")
            answers: list[Any] = []
            unknown = {"email": "nobody@dairy.example", "password": "wrong password"}
            waiting = threading.Thread(target=lambda: answers.append(ask(port, "/api/v1/auth/login", unknown)))
            waiting.start()
            until(lambda: waits_for_a_lock(cursor))
            parent.terminate()
            until(lambda: refuses(port))
            assert parent.poll() is None
            other.commit()
        waiting.join(30)
        assert [(status, problem["code"]) for status, problem in answers] == [(401, "bad_credentials")]
        assert parent.wait(30) == 0


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in found.stdout.split()]


def waits_for_a_lock(cursor: Any) -> bool:
    cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    return bool(cursor.fetchone()[0])


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def until(happened: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# One process of it, with an application of a few lines.


@contextmanager
def within(application: Callable[..., Any], *, keep_proxy_headers: bool = False) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = Server(application, listener, threads=2, max_body_bytes=LIMIT, keep_proxy_headers=keep_proxy_headers)
    running = threading.Thread(target=server.run)
    running.start()
    try:
        yield port
    finally:
        server.stop()
        running.join(30)


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    seen["body"] = len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


def say(port: int, *words: bytes) -> tuple[int, str, Any]:
    """Status, media type and body of what is answered to these bytes, all of which are sent first."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for each in words:
            connection.sendall(each)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers["Content-Type"], json.loads(answer.read())


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ([b"hello\r\n\r\n"], 400, "malformed_request"),
        ([b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"], 400, "malformed_request"),
        ([b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n"], 400, "malformed_request"),
        ([b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n"], 431, "headers_too_large"),
        ([b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"], 501, "not_implemented"),
        ([b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], 400, "malformed_request"),
        ([b"POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n", *[b"x" * 90_000] * 100], 413, "payload_too_large"),
        (
            [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 99],
            413,
            "payload_too_large",
        ),
    ],
)
def test_what_the_server_refuses_is_a_problem(words: list[bytes], status: int, code: str) -> None:
    """Also to a client that sends all it has before it reads."""
    with within(echo) as port:
        answered, media_type, problem = say(port, *words)
        assert (answered, media_type, problem["code"]) == (status, "application/problem+json", code)
        assert re.fullmatch(r"urn:request:[0-9a-f]{32}", problem["instance"])
        whole = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (LIMIT, b"x" * LIMIT)
        assert say(port, whole)[2]["body"] == LIMIT


def test_what_proxies_say_counts_only_behind_proxies() -> None:
    words = (
        b"GET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.2\r\nForwarded: for=10.0.0.3\r\n\r\n"
    )
    with within(echo) as port:
        seen = say(port, words)[2]
        assert not {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"} & set(seen)
        assert seen["REMOTE_ADDR"] == "127.0.0.1"
    with within(echo, keep_proxy_headers=True) as port:
        assert say(port, words)[2]["HTTP_X_FORWARDED_FOR"] == "10.0.0.1"


def test_health_has_threads_of_its_own() -> None:
    free = threading.Event()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/api/health":
            free.wait(30)
        start_response("200 OK", [])
        return [b"{}"]

    with within(application) as port:
        others = [threading.Thread(target=ask, args=(port, "/api/v1/orders")) for _ in range(10)]
        for each in others:
            each.start()
        began = time.perf_counter()
        assert ask(port, timeout=10)[0] == 200
        assert time.perf_counter() - began < 2
        free.set()
        for each in others:
            each.join()


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n"])
def test_who_never_finishes_asking_is_cut_off(beginning: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "REQUEST_SECONDS", "IDLE_SECONDS"):
        monkeypatch.setattr(connections, name, 1)
    monkeypatch.setattr(connections, "CHECK_SECONDS", 1)
    with within(echo) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        slow.sendall(beginning)
        if beginning:  # activity is no excuse
            with pytest.raises(OSError, match=r"reset|pipe"):
                for _ in range(100):
                    slow.sendall(b"A")
                    time.sleep(0.1)
        else:
            assert slow.recv(1) == b""


def test_who_hardly_reads_is_cut_off_and_what_made_the_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export behind the answer holds a snapshot of the database until it is closed."""
    closed = threading.Event()

    def endless(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 1_000_000
        finally:
            closed.set()

    monkeypatch.setattr(connections, "SLOW_SECONDS", 1)
    monkeypatch.setattr(connections, "CHECK_SECONDS", 1)
    with within(endless) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\n\r\n")
        end = time.monotonic() + 20
        while not closed.wait(0.3):
            slow.recv(10)
            assert time.monotonic() < end
