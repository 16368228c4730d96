"""The table of error codes: complete, used, and what every constraint and trigger of the database leads to."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint

import dairy_app
import dairy_app.models
from dairy_app.common.errors import CODES, FieldError, Problem, code_of_http_status
from dairy_app.database import constraints, ddl
from dairy_app.database.models import Base

SOURCES = sorted(Path(dairy_app.__file__).parent.rglob("*.py"))
#: What the notes on the API promise to clients.
PROMISED = {
    400: "order_cancelled delivery_date_in_future delivery_date_outside_window",
    401: "not_authenticated token_expired token_revoked bad_credentials",
    403: "forbidden user_inactive",
    404: "not_found order_not_found",
    409: "illegal_transition confirmed_differently customer_mismatch invoice_issued period_not_ended period_closed"
    " unusual_total already_exists overlaps in_use",
    410: "link_expired link_revoked",
    412: "precondition_failed",
    413: "payload_too_large",
    422: "validation_failed quantity_exceeds_ordered product_not_in_order cutoff_passed idempotency_key_reused"
    " allocation_exceeds_balance",
    429: "rate_limited",
    500: "internal_error",
    503: "database_unavailable database_busy timed_out database_read_only database_outdated",
}


def raised_codes() -> Iterator[tuple[str, str]]:
    """Each literal code that the source hands to a Problem or a constraint, and where."""
    positions = {"Problem": 0, "references": 2, "check": 2, "unique_index": 99, "unique": 99}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            keywords = {each.arg: each.value for each in node.keywords}
            at = positions.get(str(name))
            given = None
            if at is not None:
                given = node.args[at] if len(node.args) > at else keywords.get("code")
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield given.value, f"{source.name}:{node.lineno}"


def test_every_raised_code_is_in_the_table() -> None:
    found = list(raised_codes())
    assert len(found) > 20
    assert [each for each in found if each[0] not in CODES] == []


@pytest.mark.parametrize(("status", "codes"), PROMISED.items())
def test_promised_codes_keep_their_status(status: int, codes: str) -> None:
    assert {code: CODES[code][0] for code in codes.split()} == dict.fromkeys(codes.split(), status)


def test_codes_are_well_formed() -> None:
    for code, (status, title) in CODES.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
        assert 400 <= status <= 507
        assert title[0].isupper()
        assert not title.endswith(".")


def test_a_code_outside_the_table_cannot_be_raised() -> None:
    with pytest.raises(LookupError, match="no_such_code"):
        Problem("no_such_code")


def test_every_status_of_the_framework_has_a_code() -> None:
    for status in range(400, 600):
        assert code_of_http_status(status) in CODES


def test_the_shape_of_a_problem() -> None:
    problem = Problem(
        "validation_failed", "Too long.", [FieldError("/name", "invalid", "Too long.")], facts={"limit": 5}
    )
    assert problem.document("urn:request:7") == {
        "type": "urn:dairy:problem:validation_failed",
        "title": "Some fields are not valid",
        "status": 422,
        "code": "validation_failed",
        "detail": "Too long.",
        "instance": "urn:request:7",
        "errors": [{"pointer": "/name", "code": "invalid", "detail": "Too long."}],
        "limit": 5,
    }


def guards() -> list[str]:
    """Every constraint and unique index that can refuse a row, by the name the database reports."""
    kinds = (CheckConstraint, ForeignKeyConstraint, UniqueConstraint, ExcludeConstraint)
    found = []
    for table in Base.metadata.tables.values():
        found += [str(each.name) for each in table.constraints if isinstance(each, kinds)]
        found += [str(each.name) for each in table.indexes if each.unique]
    return found


def raised_by_triggers() -> set[str]:
    return {name for each in ddl.files() for name in re.findall(r"CONSTRAINT = '(\w+)'", each.sql)}


def test_every_guard_of_the_database_has_a_code() -> None:
    assert len(guards()) > 100
    without = [name for name in guards() if constraints.code_of(name) not in CODES]
    assert without == []


def test_every_trigger_has_a_code_and_every_declared_trigger_exists() -> None:
    raised = raised_by_triggers()
    assert len(raised) >= 8
    assert {name for name in raised if constraints.code_of(name) not in CODES} == set()
    assert set(constraints.TRIGGER_CODES) == raised


def test_the_names_are_those_of_the_database(sql: Any) -> None:
    """A name that PostgreSQL cut at 63 characters, or that a revision spells otherwise, would answer 500."""
    rows = sql(
        "SELECT conname FROM pg_constraint JOIN pg_namespace n ON n.oid = connamespace"
        " WHERE contype IN ('c', 'f', 'u', 'x') AND nspname = 'public'"
        " UNION SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE i.indisunique AND NOT i.indisprimary AND nspname = 'public'"
    )
    assert {row[0] for row in rows} == set(guards())
