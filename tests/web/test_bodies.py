"""Bodies and parameters: what cannot be read in one way only is refused, and nothing is written."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import text

from dairy_app.app import MAX_BODY_BYTES
from tests.dairy import Dairy, ok, refused

JSON = {"content_type": "application/json"}
GOOD = b'{"name": "Kothrud"}'


def send(lab: Dairy, raw: bytes, **options: Any) -> Any:
    return lab.admin.call("POST", "/lab/notes", data=raw, **{**JSON, **options})


@pytest.fixture
def lab(shared_lab: Dairy) -> Dairy:
    return shared_lab


@pytest.fixture
def nothing_written(lab: Dairy) -> Iterator[None]:
    """Afterwards nothing may be there; and the same route does write when it is asked properly."""
    before = count_areas(lab)
    yield
    assert count_areas(lab) == before
    ok(send(lab, b'{"name": "Proper %d"}' % before), 201)
    assert count_areas(lab) == before + 1


def count_areas(lab: Dairy) -> int:
    with lab.app.database.transaction(read_only=True) as session:
        return session.scalar(text("SELECT count(*) FROM areas")) or 0


MALFORMED = {
    "cut off": b'{"name": "Koth',
    "single quotes": b"{'name': 'Kothrud'}",
    "trailing comma": b'{"name": "Kothrud",}',
    "two values": b'{"name": "a"} {"name": "b"}',
    "NaN": b'{"name": "Kothrud", "amount": NaN}',
    "Infinity": b'{"name": "Kothrud", "amount": -Infinity}',
    "the same name twice": b'{"name": "Kothrud", "name": "Baner"}',
    "the same name twice inside": b'{"name": "Kothrud", "parts": [{"count": 1, "count": 2}]}',
    "not UTF-8": b'{"name": "Kothr\xfcd"}',
    "UTF-16": '{"name": "Kothrud"}'.encode("utf-16"),
    "a raw NUL": b'{"name": "Koth\x00rud"}',
    "nested deeply": b'{"name": ' + b"[" * 21 + b"]" * 21 + b"}",
    "nested beyond the stack": b"[" * 200_000,
    "only a blank": b" ",
}


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_not_json(lab: Dairy, raw: bytes) -> None:
    refused(send(lab, raw), 400, "malformed_request")


INVALID = {
    "no object": (b"[]", "", "invalid"),
    "null": (b"null", "", "invalid"),
    "a number": (b"7", "", "invalid"),
    "a missing field": (b"{}", "/name", "required"),
    "an unknown field": (b'{"name": "Kothrud", "nmae": "x"}', "/nmae", "unknown_field"),
    "an unknown field inside": (b'{"name": "Kothrud", "parts": [{"a/b": 1}]}', "/parts/0/a~1b", "unknown_field"),
    "null where none may be": (b'{"name": null}', "/name", "null"),
    "another type": (b'{"name": ["Kothrud"]}', "/name", "invalid"),
    "a NUL escape": (b'{"name": "Koth\\u0000rud"}', "/name", "invalid"),
    "half a surrogate pair": (b'{"name": "Koth\\ud83drud"}', "/name", "invalid"),
    "a NUL in a field's name": (b'{"na\\u0000me": 1}', "", "invalid"),
    "a control character": (b'{"name": "Koth\\nrud"}', "/name", "invalid"),
    "only blanks": (b'{"name": "  "}', "/name", "invalid"),
    "too many decimals": (b'{"name": "Kothrud", "amount": 1.005}', "/amount", "invalid"),
    "more decimals than a float holds": (b'{"name": "Kothrud", "amount": 1.000000000000000001}', "/amount", "invalid"),
    "an exponent": (b'{"name": "Kothrud", "amount": 1e3}', "/amount", "invalid"),
    "money that is a boolean": (b'{"name": "Kothrud", "amount": true}', "/amount", "invalid"),
    "money below zero": (b'{"name": "Kothrud", "amount": "-0.01"}', "/amount", "invalid"),
    "money beyond the column": (b'{"name": "Kothrud", "amount": "10000000000.00"}', "/amount", "invalid"),
    "other digits": ('{"name": "Kothrud", "amount": "१०"}'.encode(), "/amount", "invalid"),
    "a fraction for a count": (b'{"name": "Kothrud", "parts": [{"count": 1.5}]}', "/parts/0/count", "invalid"),
    "a boolean for a count": (b'{"name": "Kothrud", "parts": [{"count": true}]}', "/parts/0/count", "invalid"),
}


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(("raw", "pointer", "code"), INVALID.values(), ids=INVALID)
def test_a_body_that_is_not_valid(lab: Dairy, raw: bytes, pointer: str, code: str) -> None:
    errors = refused(send(lab, raw), 422, "validation_failed")["errors"]
    assert (errors[0]["pointer"], errors[0]["code"]) == (pointer, code)
    assert errors[0]["detail"]


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("number", [b"9" * 20, b"9" * 100_000, b"1e999999999", b"-1e-999999999", b"0." + b"0" * 50])
def test_a_number_beyond_every_column(lab: Dairy, number: bytes) -> None:
    refused(send(lab, b'{"name": "Kothrud", "amount": %s}' % number), 422, "validation_failed")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'"1240.50"', "1240.50"),
        (b"1240.5", "1240.5"),
        (b"0.1", "0.1"),
        (b"9999999999.99", "9999999999.99"),
        (b"7", "7"),
    ],
)
def test_money_is_read_exactly(lab: Dairy, written: bytes, read: str) -> None:
    body = b'{"name": "Costs %s", "amount": %s}' % (written.strip(b'"'), written)
    assert ok(send(lab, body), 201)["amount"] == read


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_a_body_of_another_medium(lab: Dairy, media: str) -> None:
    refused(send(lab, GOOD, content_type=media), 415, "unsupported_media_type")


@pytest.mark.usefixtures("nothing_written")
def test_a_compressed_body(lab: Dairy) -> None:
    answer = send(lab, GOOD, headers={"Content-Encoding": "gzip"})
    refused(answer, 415, "unsupported_media_type")


def test_json_with_parameters_and_a_suffix_is_json(lab: Dairy) -> None:
    ok(send(lab, b'{"name": "Charset"}', content_type="application/json; charset=utf-8"), 201)
    ok(send(lab, b'{"name": "Suffix"}', content_type="application/merge-patch+json"), 201)


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("length", [MAX_BODY_BYTES + 1, 10_000_000])
def test_a_large_body(lab: Dairy, length: int) -> None:
    raw = b'{"name": "%s"}' % (b"x" * length)
    refused(send(lab, raw), 413, "payload_too_large")


@pytest.mark.usefixtures("nothing_written")
def test_a_large_body_of_unknown_length(lab: Dairy) -> None:
    stream = BytesIO(b'{"name": "%s"}' % (b"x" * 10_000_000))
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = lab.admin.call("POST", "/lab/notes", input_stream=stream, environ_overrides=chunked, **JSON)
    refused(answer, 413, "payload_too_large")


def test_a_large_body_for_a_route_that_reads_none(lab: Dairy) -> None:
    for method, path in [("GET", "/api/health"), ("POST", "/lab/fault"), ("POST", "/auth/logout")]:
        refused(lab.nobody.call(method, path, data=b"x" * 10_000_000), 413, "payload_too_large")


def test_a_body_for_a_route_that_takes_none(lab: Dairy) -> None:
    refused(lab.nobody.post("/lab/fault", {"speed": 3}), 422, "validation_failed")
    refused(lab.nobody.call("POST", "/lab/fault", data=b"{", **JSON), 400, "malformed_request")
    for nothing in (b"", b"{}"):
        refused(lab.nobody.call("POST", "/lab/fault", data=nothing, **JSON), 500, "internal_error")  # it ran


def test_thousands_of_unknown_fields_get_a_short_answer(lab: Dairy) -> None:
    raw = b"{" + b",".join(b'"%d": 1' % n for n in range(30_000)) + b"}"
    answer = send(lab, raw)
    assert len(refused(answer, 422, "validation_failed")["errors"]) == 100
    assert len(answer.data) < 20_000


QUERIES = {
    "unknown": ("/customers?colour=blue", "/query/colour"),
    "unknown on a route without parameters": ("/lab/backend?colour=blue", "/query/colour"),
    "given twice": ("/customers?limit=1&limit=2", "/query/limit"),
    "another type": ("/customers?limit=many", "/query/limit"),
    "out of range": ("/customers?limit=201", "/query/limit"),
    "zero": ("/customers?limit=0", "/query/limit"),
    "NUL": ("/lab/echo?word=a%00b", "/query/word"),
    "a cursor of another make": ("/customers?cursor=abc", "/query/cursor"),
    "a cursor with a NUL": ("/customers?cursor=WyJcdTAwMDAiXQ", "/query/cursor"),
    "a cursor of numbers": ("/customers?cursor=WzUsNV0", "/query/cursor"),
    "a cursor beyond the alphabet": ("/customers?cursor=%F0%9F%90%84", "/query/cursor"),
}


@pytest.mark.parametrize(("path", "pointer"), QUERIES.values(), ids=QUERIES)
def test_parameters(lab: Dairy, path: str, pointer: str) -> None:
    ok(lab.admin.call("GET", path.partition("?")[0]))
    errors = refused(lab.admin.call("GET", path), 422, "validation_failed")["errors"]
    assert errors[0]["pointer"] == pointer
