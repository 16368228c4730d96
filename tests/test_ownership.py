"""A package's SQL names only its own and lower tables, views and functions, as its imports name only lower packages."""

import ast
import configparser
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import dairy_app.models  # noqa: F401 - fills Base.metadata
from dairy_app.database import ddl
from dairy_app.database.models import Base

PRODUCT = Path(ddl.__file__).parent.parent
TOP = PRODUCT.parent
#: A table or a view behind one of these; a function before its bracket.
TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|ONLY|COPY|ON|LOCK|TRUNCATE)\s+(?:ONLY\s+)?([a-z_0-9]+)\b")
LISTED = re.compile(
    r"\bFROM\s+[a-z_0-9]+(?:\s+(?:AS\s+)?[a-z_0-9]+)?((?:\s*,\s*[a-z_0-9]+(?:\s+(?:AS\s+)?[a-z_0-9]+)?)+)"
)
CALL = re.compile(r"\b([a-z_0-9]+)\s*\(")
IS_SQL = re.compile(
    r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN|EXISTS|COPY|CREATE|LOCK|TRUNCATE|RETURNING)\b"
)


@cache
def ranks() -> dict[str, int]:
    """Package or module → how high it is; those in one line may name each other's neither."""
    setup = configparser.ConfigParser()
    setup.read(TOP / "setup.cfg", encoding="utf-8")
    lines = setup["importlinter:contract:layers"]["layers"].split("\n")
    found = {}
    for height, line in enumerate(reversed([each for each in lines if each.strip()])):
        for position, name in enumerate(reversed(re.split(r"[|:]", line))):
            found[name.strip()] = 100 * height + (position if ":" in line else 0)
    return found


@cache
def owners() -> dict[str, str]:
    """Table, view or function → the package that owns it."""
    of_tables = {each.class_.__tablename__: each.class_.__module__.split(".")[1] for each in Base.registry.mappers}
    of_tables |= {name: "web" for name in Base.metadata.tables if name == "idempotency_keys"}
    return of_tables | {name: each.package for each in ddl.files() for name in each.made}


def named(sql: str) -> set[str]:
    """The tables, views and functions of ours that a piece of SQL names."""
    listed = " ".join(LISTED.findall(sql))
    words = {*TABLE.findall(sql), *CALL.findall(sql), *re.findall(r",\s*([a-z_0-9]+)", listed)}
    return words & owners().keys()


def texts(path: Path) -> Iterator[str]:
    """The SQL in a module: its text constants, f-strings whole, docstrings not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            inside |= set(ast.walk(node)) - {node}
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else " _ " for each in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.value


def places() -> Iterator[tuple[str, str, str]]:
    """(package, where, SQL) of every file of SQL and every piece of SQL in Python."""
    for each in ddl.files():
        yield each.package, f"{each.package}/sql/{each.name}.sql", each.sql
    for path in sorted(PRODUCT.rglob("*.py")):
        where = path.relative_to(PRODUCT)
        for sql in texts(path):
            if IS_SQL.search(sql):
                yield where.parts[0].removesuffix(".py"), str(where), sql


def test_every_table_belongs_to_a_package() -> None:
    assert Base.metadata.tables.keys() <= owners().keys()
    assert set(owners().values()) <= ranks().keys()


#: Released revisions import ``common.revisions``, so what it does in batches of customers stays there.
ARGUED = {"common/revisions.py names customers of customers"}


def test_sql_names_only_own_and_lower_tables_views_and_functions() -> None:
    higher = {
        f"{where} names {name} of {owners()[name]}"
        for package, where, sql in places()
        for name in named(sql)
        if owners()[name] != package and ranks()[owners()[name]] >= ranks()[package]
    }
    assert higher == ARGUED


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1 FROM orders o JOIN invoices i ON true", {"orders", "invoices"}),
        ("UPDATE invoices SET status = 'void'", {"invoices"}),
        ("SELECT * FROM customers c, payments p", {"customers", "payments"}),
        ("SELECT draft_for(o.customer_id, o.delivered_on)", {"draft_for"}),
        ("SELECT sum(b.debit) FROM customer_ledger b", {"customer_ledger"}),
        (
            "CREATE TRIGGER x BEFORE TRUNCATE ON payments EXECUTE FUNCTION never_truncated()",
            {"payments", "never_truncated"},
        ),
        ("WITH orders_due AS (SELECT 1) SELECT FROM orders_due", set()),
    ],
)
def test_what_a_piece_of_sql_names(sql: str, names: set[str]) -> None:
    assert named(sql) == names


def used() -> dict[str, set[str]]:
    """Package → the packages whose modules it imports or whose tables and functions its SQL names."""
    found: dict[str, set[str]] = {}
    for path in sorted(PRODUCT.rglob("*.py")):
        where = path.relative_to(PRODUCT).parts
        if len(where) > 1:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dairy_app."):
                    found.setdefault(where[0], set()).add(str(node.module).split(".")[1])
    for package, _, sql in places():
        if package in found:
            found[package] |= {owners()[name] for name in named(sql)}
    everywhere = {"common", "database", "web"}
    return {package: names - everywhere - {package} for package, names in found.items() if package not in everywhere}


def test_architecture_says_what_each_package_uses() -> None:
    section = (
        (TOP / "ARCHITECTURE.md").read_text(encoding="utf-8").split("| package | uses |", 1)[1].split("\n\n", 1)[0]
    )
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    assert {package: set(re.findall(r"`(\w+)`", names)) for package, names in rows} == used()
