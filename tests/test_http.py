"""The application at its edges, as a client on the network meets it."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from dairy_app import __version__
from dairy_app.app import MAX_BODY_BYTES, create_app
from dairy_app.database import migrations
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from dairy_app.web.http import DairyFlask
from tests.conftest import SECRET_KEY
from tests.dairy import Client, ok, refused


@pytest.fixture
def nobody(app: DairyFlask) -> Client:
    return Client(app, None)


def test_health(nobody: Client) -> None:
    assert ok(nobody.get("/api/health"), 200) == {
        "status": "ok",
        "database": "ok",
        "migration": migrations.head(),
        "version": __version__,
    }


def test_probes(nobody: Client, sql: Any) -> None:
    assert ok(nobody.get("/api/health/ready")) == ok(nobody.get("/api/health"))
    assert ok(nobody.get("/api/health/live")) == {"status": "ok", "version": __version__}
    sql("UPDATE alembic_version SET version_num = '0008'")
    refused(nobody.get("/api/health/ready"), 503, "database_outdated")
    ok(nobody.get("/api/health/live"))
    sql("UPDATE alembic_version SET version_num = %s", migrations.head())


def test_health_of_an_empty_database(settings: Settings, server: Any) -> None:
    url = server.create_database()
    database = Database(url)
    problem = refused(Client(create_app(settings, database), None).get("/api/health"), 503, "database_outdated")
    assert (problem["migration"], problem["needed"]) == (None, migrations.head())
    database.dispose()
    server.drop_database(url)


def test_a_program_ahead_of_its_database_gets_no_traffic(nobody: Client, sql: Any) -> None:
    sql("UPDATE alembic_version SET version_num = '0008'")
    problem = refused(nobody.get("/api/health"), 503, "database_outdated")
    assert (problem["migration"], problem["needed"]) == ("0008", migrations.head())
    sql("UPDATE alembic_version SET version_num = %s", migrations.head())
    assert ok(nobody.get("/api/health"), 200)["status"] == "ok"


def test_a_database_ahead_of_the_program_is_served_and_seen(nobody: Client, sql: Any) -> None:
    """Half-way through an upgrade, all programs are older than the database: nobody must be cut off."""
    sql("UPDATE alembic_version SET version_num = '9999'")
    health = ok(nobody.get("/api/health"), 200)
    assert (health["status"], health["database"], health["migration"]) == ("degraded", "ok", "9999")


def test_a_database_that_only_reads_gets_no_traffic(nobody: Client, sql: Any, database: Database) -> None:
    """As after a failover to the wrong server: what writes says why it does not, and so does health."""
    name = database.url.database
    sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    database.dispose()
    try:
        for answer in (
            nobody.get("/api/health"),
            nobody.post("/auth/login", {"email": "a@b.example", "password": "x"}),
        ):
            refused(answer, 503, "database_read_only")
            assert answer.headers["Retry-After"] == "5"
    finally:
        sql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        database.dispose()
    ok(nobody.get("/api/health"), 200)


def test_the_database_is_away(settings: Settings) -> None:
    """Every route that needs it says so in the same words; the documentation needs none."""
    nobody = Client(create_app(settings, Database("postgresql://nobody@127.0.0.1:1/none")), None)
    for answer in (nobody.get("/api/health"), nobody.post("/auth/login", {"email": "a@b.example", "password": "x"})):
        problem = refused(answer, 503, "database_unavailable")
        assert answer.headers["Retry-After"] == "5"
        assert "127.0.0.1" not in str(problem)
    ok(nobody.get("/api/openapi.json"))


@pytest.mark.parametrize(
    "path",
    ["/x", "/api", "/api/v1", "/api/v2/orders", "/api/v1/orders/", "/api/v1/orders/7", "/api/v1/order%73/%ff", "/%00"],
)
def test_an_address_that_is_none(nobody: Client, path: str) -> None:
    answer = nobody._http.get(path)
    refused(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/health", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/v1/orders", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/api/v1/auth/login", "OPTIONS, POST"),
        ("BREW", "/api/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/api/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_an_address_does_not_take(nobody: Client, method: str, path: str, allowed: str) -> None:
    answer = nobody.call(method, path)
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


def test_head_is_get_without_the_body(nobody: Client) -> None:
    get, head = nobody.get("/api/health"), nobody.call("HEAD", "/api/health")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    refusal = nobody.call("HEAD", "/orders")
    assert (refusal.status_code, refusal.data) == (401, b"")


def test_options_names_the_methods_without_a_login(nobody: Client) -> None:
    answer = nobody.call("OPTIONS", "/orders")
    assert (answer.status_code, answer.data) == (200, b"")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.fixture
def port(database_url: str) -> Iterator[int]:
    """`dairy serve` on a free port of the loopback, as its own process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "DATABASE_URL": database_url}
    command = [sys.executable, "-m", "dairy_app.cli", "serve", "--port", str(port), "--workers", "1", "--threads", "4"]
    server = subprocess.Popen(command, env={**environment, "DAIRY_SECRET_KEY": SECRET_KEY})
    try:
        until_listening(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def until_listening(server: "subprocess.Popen[bytes]", port: int) -> None:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the server ended with {server.wait(timeout=0.05)}")


@pytest.mark.slow
def test_over_the_network(port: int) -> None:
    """What only a real server shows: bodies in chunks, and one that is too large."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        connection.request(method, path, body, {"Content-Type": "application/json"}, **options)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    assert ask("GET", "/api/health")[0] == 200
    good = b'{"email": "a@dairy.example", "password": "wrong password"}'
    assert ask("POST", "/api/v1/auth/login", good)[1]["code"] == "bad_credentials"
    assert ask("POST", "/api/v1/auth/login", iter([good[:20], good[20:]]), encode_chunked=True)[0] == 401
    assert ask("POST", "/api/v1/auth/login", b"{")[1]["code"] == "malformed_request"
    large = iter([b'{"email": "', *[b"x" * 65536] * (MAX_BODY_BYTES // 65536)])
    assert ask("POST", "/api/v1/auth/login", large, encode_chunked=True)[1]["code"] == "payload_too_large"
    connection.close()
    assert ask("GET", "/api/health")[0] == 200
    connection.close()
