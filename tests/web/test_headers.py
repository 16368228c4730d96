"""What every answer carries, compression, the request's id and the log line."""

import gzip
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from dairy_app.web import headers
from dairy_app.web.http import DairyFlask
from tests.conftest import Kept
from tests.dairy import Client, Dairy, ok, refused

GZIP = {"Accept-Encoding": "gzip, deflate"}


@pytest.fixture
def lab(shared_lab: Dairy) -> Dairy:
    return shared_lab


@pytest.fixture
def json_logged(settings: Settings, database: Database, process: Kept) -> DairyFlask:
    return process.app(replace(settings, log_level="info", log_format="json"), database)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/health", 200),
        ("HEAD", "/api/health", 200),
        ("OPTIONS", "/api/health", 200),
        ("GET", "/api/openapi.json", 200),
        ("GET", "/api/docs", 200),
        ("GET", "/api/docs/swagger-ui.css", 200),
        ("GET", "/api/v1/orders", 401),
        ("GET", "/nowhere", 404),
        ("PUT", "/api/health", 405),
        ("POST", "/lab/fault", 500),
    ],
)
def test_every_answer_is_locked_down(lab: Dairy, method: str, path: str, status: int) -> None:
    answer = lab.nobody.call(method, path)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert "Strict-Transport-Security" not in answer.headers
    kept = path.startswith(("/api/docs", "/api/openapi"))
    assert answer.headers["Cache-Control"] == ("no-cache" if kept else "no-store")


def test_https_is_remembered(lab: Dairy) -> None:
    answer = lab.nobody.call("GET", "/api/health", base_url="https://dairy.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def unpacked(answer: TestResponse) -> Any:
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return json.loads(gzip.decompress(answer.data))


def test_a_large_answer_is_compressed_for_those_who_can_read_it(lab: Dairy) -> None:
    plain = lab.nobody.get("/api/openapi.json")
    assert "Content-Encoding" not in plain.headers
    packed = lab.nobody.call("GET", "/api/openapi.json", headers=GZIP)
    assert unpacked(packed) == plain.get_json()
    assert len(packed.data) < len(plain.data) / 4
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    refusing = lab.nobody.call("GET", "/api/openapi.json", headers={"Accept-Encoding": "gzip;q=0, br"})
    assert refusing.data == plain.data


def test_a_small_answer_is_not_compressed(lab: Dairy) -> None:
    answer = lab.nobody.call("GET", "/api/health", headers=GZIP)
    assert len(answer.data) < headers.MIN_GZIP_BYTES
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


def test_the_compressed_answer_has_its_own_tag_and_both_tags_are_known(lab: Dairy) -> None:
    plain = lab.nobody.get("/api/openapi.json").headers["ETag"]
    packed = lab.nobody.call("GET", "/api/openapi.json", headers=GZIP).headers["ETag"]
    assert packed == plain[:-1] + '-gzip"'
    for tag in (plain, packed, f"W/{plain}", '"other", ' + packed):
        assert lab.nobody.call("GET", "/api/openapi.json", headers={**GZIP, "If-None-Match": tag}).status_code == 304
    assert lab.nobody.call("GET", "/api/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200


class Source:
    """A thousand parts of a stream, and whether its end was announced."""

    def __init__(self) -> None:
        self.given, self.closed = 0, False

    def __iter__(self) -> "Source":
        return self

    def __next__(self) -> str:
        if self.given == 1000:
            raise StopIteration
        self.given += 1
        return f"{self.given},{self.given * 7919 % 1000}\n" * 500

    def close(self) -> None:
        self.closed = True


def test_a_stream_is_compressed_as_it_comes() -> None:
    """Constant memory: nothing is read ahead."""
    source = Source()
    packed = headers._gzip_stream(source)
    first = next(packed)
    assert source.given < 50
    rest = b"".join(packed)
    assert gzip.decompress(first + rest).decode().splitlines()[-1] == f"1000,{7919 * 1000 % 1000}"
    assert source.closed


def test_a_reader_that_leaves_closes_the_source() -> None:
    source = Source()
    packed = headers._gzip_stream(source)
    next(packed)
    packed.close()  # type: ignore[attr-defined]
    assert source.closed


def test_the_clients_request_id_is_used(lab: Dairy) -> None:
    answer = lab.nobody.call("GET", "/nowhere", headers={"X-Request-Id": "round-7.a_b"})
    assert answer.headers["X-Request-Id"] == "round-7.a_b"
    assert refused(answer, 404, "not_found")["instance"] == "urn:request:round-7.a_b"


@pytest.mark.parametrize("given", ["", "a b", "x" * 101, "a;b", 'a"b', "é"])
def test_a_request_id_that_would_spoil_a_log_is_replaced(lab: Dairy, given: str) -> None:
    answer = lab.nobody.call("GET", "/api/health", headers={"X-Request-Id": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_one_json_line_a_request(json_logged: DairyFlask, capsys: pytest.CaptureFixture[str]) -> None:
    dairy = Dairy(json_logged)
    capsys.readouterr()
    answer = dairy.admin.call("GET", "/customers", query_string={"limit": "7"})
    ok(answer)
    (line,) = lines(capsys)
    assert line.pop("milliseconds") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/api/v1/customers",
        "status": 200,
        "user_id": dairy.admin.user["id"],
        "ip": "127.0.0.1",
        "request_id": answer.headers["X-Request-Id"],
    }


def test_no_secret_reaches_the_log(json_logged: DairyFlask, capsys: pytest.CaptureFixture[str]) -> None:
    """Passwords and tokens in bodies, headers, paths and query strings."""
    client = Client(json_logged, "bearer-of-secret")
    client.post("/auth/login", {"email": "a@dairy.example", "password": "body-of-secret"})
    client.get("/customers")
    client.get("/path-of-secret")
    client.get("/customers", token="query-of-secret")
    client.post("/auth/invitations/accept", {"token": "token-of-secret", "password": "another-secret-word"})
    written = capsys.readouterr().err
    assert written.count('"event": "request"') == 5
    assert "secret" not in written


def test_a_fault_is_logged_with_the_id_the_client_sees(
    json_logged: DairyFlask, sql: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sql("DROP TABLE alembic_version")
    sql("CREATE VIEW alembic_version AS SELECT 1 / 0 AS version_num")
    answer = Client(json_logged, None).get("/api/health")
    refused(answer, 500, "internal_error")
    fault, access = lines(capsys)
    assert fault["event"] == "database fault"
    assert "division by zero" in fault["exception"]
    assert fault["request_id"] == access["request_id"] == answer.headers["X-Request-Id"]
