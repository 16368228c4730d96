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
from pathlib import Path
from typing import Any

import pytest

from dairy_app import connections
from dairy_app.connections import Server
from dairy_app.serving import address_of
from tests.conftest import SECRET_KEY, raw_connection
from tests.dairy import Dairy

pytestmark = pytest.mark.slow

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
    with serving(database_url, "--workers", "1") as (_, port), ExitStack() as all_of_them:  # one process holds them all
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


@pytest.mark.parametrize(
    ("family", "all_of_them", "as_bound", "own"),
    [
        (socket.AF_INET, "0.0.0.0", "0.0.0.0", "127.0.0.1"),
        pytest.param(
            socket.AF_INET6, "::", "[::]", "[::1]",
            marks=pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here"),
        ),
    ],
)  # fmt: skip
def test_an_address_that_stands_for_all_of_them_is_in_no_link(
    family: socket.AddressFamily, all_of_them: str, as_bound: str, own: str
) -> None:
    with socket.socket(family) as bound:
        bound.bind((all_of_them, 0))
        port = bound.getsockname()[1]
        assert address_of(bound) == f"http://{own}:{port}"
        assert address_of(bound, as_bound=True) == f"http://{as_bound}:{port}"


def test_a_proxy_in_front_says_who_asks(database_url: str, sql: Callable[..., Any]) -> None:
    """Only the one that is in front: what it passes on was said by the one who asks."""
    unknown = {"email": "nobody@dairy.example", "password": "wrong password"}
    passed_on = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
    with serving(database_url, "--workers", "1", DAIRY_TRUSTED_PROXIES="1") as (_, port):
        assert ask(port, "/api/v1/auth/login", unknown, headers=passed_on)[0] == 401
    assert sql("SELECT host(ip_address) FROM login_attempts") == [("203.0.113.7",)]


def test_a_process_that_dies_is_replaced_and_a_stop_finishes_what_runs(database_url: str) -> None:
    patient = {"DAIRY_LIMITS_WEB": "60,60,60"}
    with serving(database_url, "--workers", "1", **patient) as (parent, port), ExitStack() as connections_kept:
        assert ask(port)[0] == 200
        (first,) = children(parent.pid)
        os.kill(first, signal.SIGKILL)
        assert ask(port)[0] == 200
        assert children(parent.pid) != [first]
        kept = connections_kept.enter_context(socket.create_connection(("127.0.0.1", port), timeout=15))
        kept.sendall(b"GET /api/health HTTP/1.1\r\n\r\n")
        assert kept.recv(100_000).startswith(b"HTTP/1.1 200 ")
        with raw_connection(database_url) as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLE login_attempts")
            answers: list[Any] = []
            unknown = {"email": "nobody@dairy.example", "password": "wrong password"}
            waiting = threading.Thread(target=lambda: answers.append(ask(port, "/api/v1/auth/login", unknown)))
            waiting.start()
            until(lambda: waits_for_a_lock(cursor))
            parent.terminate()
            until(lambda: refuses(port))
            while kept.recv(100_000):  # who asks for nothing is not waited for
                pass
            time.sleep(3)  # who waits for an answer is
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


def test_a_stop_by_another_thread_is_no_fault_when_the_loop_has_ended_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(echo, listener, threads=1, max_body_bytes=LIMIT, keep_proxy_headers=False)
    running = threading.Thread(target=server.run)
    pull = server.pull_trigger

    def too_late() -> None:
        running.join(30)
        pull()

    monkeypatch.setattr(server, "pull_trigger", too_late)
    running.start()
    server.stop()
    assert not running.is_alive()


@pytest.mark.parametrize("before", ["queued", "accepted", "kept"])
def test_a_request_that_is_on_its_way_when_the_server_stops_is_answered(before: str) -> None:
    """A proxy has connected, or keeps a connection, and its request comes a moment after the stop."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(echo, listener, threads=1, max_body_bytes=LIMIT, keep_proxy_headers=False)
    running = threading.Thread(target=server.run)
    if before == "queued":
        server.stopping = True  # so that nothing is accepted before it stops
    else:
        running.start()
    with socket.create_connection(listener.getsockname(), timeout=15) as proxy:
        if before == "queued":
            running.start()
        elif before == "kept":
            assert b" 200 " in asked(proxy)
        else:
            until(lambda: len(server.active_channels) == 1)
        server.stop()
        until(lambda: server.socket is None or server.socket.fileno() < 0)
        answer = asked(proxy)
        assert b" 200 " in answer and b"connection: close" in answer.lower()
        assert proxy.recv(1000) == b""
    running.join(30)
    assert not running.is_alive()


def asked(connection: socket.socket) -> bytes:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        came = connection.recv(100_000)
        assert came, f"the server has hung up after {answer!r}"
        answer += came
    return answer


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
        ([b"POST / HTTP/1.1\r\nContent-Length: 100001\r\n\r\n"], 413, "payload_too_large"),
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
        if code == "payload_too_large":
            assert problem["detail"] == "At most 100,000 bytes."
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


@pytest.mark.parametrize("path", ["/api/health", "/api/health/live", "/api/health/ready"])
def test_health_has_threads_of_its_own(path: str) -> None:
    free = threading.Event()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != path:
            free.wait(30)
        start_response("200 OK", [])
        return [b"{}"]

    with within(application) as port:
        others = [threading.Thread(target=ask, args=(port, "/api/v1/orders")) for _ in range(10)]
        for each in others:
            each.start()
        began = time.perf_counter()
        assert ask(port, path, timeout=10)[0] == 200
        assert time.perf_counter() - began < 2
        free.set()
        for each in others:
            each.join()


@pytest.mark.parametrize(
    ("deadline", "beginning"),
    [
        ("IDLE_SECONDS", b""),
        ("HEAD_SECONDS", b"GET / HTTP/1.1\r\n"),
        ("REQUEST_SECONDS", b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"),
        ("LINGER_SECONDS", b"not a request\r\n\r\n"),
    ],
)
def test_who_never_finishes_asking_is_cut_off(deadline: str, beginning: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by a deadline of its own: the others are too far away."""
    for name in ("HEAD_SECONDS", "REQUEST_SECONDS", "IDLE_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(connections, name, 1 if name == deadline else 300)
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


def test_each_request_of_a_connection_has_all_the_time_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 2)
    monkeypatch.setattr(connections, "CHECK_SECONDS", 0)  # looks in each round of the loop
    with within(echo) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for pause in (0, 2.5):
            time.sleep(pause)
            connection.sendall(b"GET / HTTP/1.1\r\n")
            time.sleep(0.1)  # so that it arrives in two pieces
            connection.sendall(b"\r\n")
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, json.loads(answer.read())["PATH_INFO"]) == (200, "/")


def endless(chunks: list[bool], closed: threading.Event) -> Callable[..., Iterator[bytes]]:
    """An application whose answer has no end; it tells of each megabyte, and of being closed."""

    def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                chunks.append(True)
                yield b"x" * 1_000_000
        finally:
            closed.set()

    return application


def test_who_hardly_reads_is_cut_off_and_what_made_the_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export behind the answer holds a snapshot of the database until it is closed."""
    chunks: list[bool] = []
    closed = threading.Event()
    monkeypatch.setattr(connections, "SLOW_SECONDS", 1)
    monkeypatch.setattr(connections, "CHECK_SECONDS", 1)
    with (
        within(endless(chunks, closed)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\n\r\n")
        end = time.monotonic() + 20
        while not closed.wait(0.3):
            slow.recv(10)
            assert time.monotonic() < end
    assert len(chunks) < 50, "what makes the answer waits for the reader, too"


def test_who_reads_without_haste_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = threading.Event()
    monkeypatch.setattr(connections, "SLOW_SECONDS", 1)
    monkeypatch.setattr(connections, "CHECK_SECONDS", 1)
    with within(endless([], closed)) as port, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # else the system takes most of it, not we
        reader.settimeout(10)
        reader.connect(("127.0.0.1", port))
        reader.sendall(b"GET / HTTP/1.1\r\n\r\n")
        end = time.monotonic() + 4
        while time.monotonic() < end:
            assert reader.recv(1 << 16)
            time.sleep(0.02)
        assert not closed.is_set()
    assert closed.wait(20)
