"""The rules of the house: rooms of a package, who executes SQL, who commits, how long a module may be."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path
from types import FunctionType
from typing import Any, get_args

import pytest

import dairy_app
from dairy_app.database.models import Base
from tests.test_ownership import owners

PRODUCT = Path(dairy_app.__file__).parent
TOP = PRODUCT.parent
#: What may lie in a package; a folder of one of these names holds subjects of its own choice.
ROOMS = {"models", "rules", "queries", "bulk", "service", "policy", "schemas", "routes", "commands", "sql"}
#: Packages without a domain's rooms: what they are about is in the names of their modules.
WITHOUT_ROOMS = {"common", "database", "web", "demo"}
#: Rooms that a package has besides, and why.
OWN_ROOMS = {
    "documents/drawing": "how a document looks, whoever asks for it",
    "exports/registers": "columns and SQL of the registers",
    "exports/gst": "the files of GSTR-1 and GSTR-3B",
    "exports/books": "the files of other bookkeeping programs",
    "exports/files": "how rows become a file",
    "legacy_import/reading": "files of the earlier system",
    "legacy_import/shaping": "a document as rows to stage",
    "legacy_import/judging": "what becomes of what was staged, in SQL",
    "legacy_import/writing": "what was staged into the tables, in SQL",
    "collecting/gateways": "how a payment gateway is asked; nothing of the database",
    "sending/senders": "how a message reaches another server; nothing of the database",
    "photos/pictures": "pictures from anywhere, read with care and written anew",
    "photos/store": "files of photos: written whole, read, deleted",
    "monitoring/audit_triggers": "triggers that follow from the columns of the models",
}
#: These decide and call; SQL is in queries, bulk and sql.
WITHOUT_SQL = {"rules", "service", "policy", "schemas", "routes", "commands"}
EXECUTING = {"execute", "scalar", "scalars", "get", "get_one", "exec_driver_sql"}
BUILDING = {"text", "select", "insert", "update", "delete"}
LONGEST_MODULE = 450
#: A table of words is as long as there are fields.
LONGER = {"field_words.py"}


def modules() -> Iterator[Path]:
    return (path.relative_to(PRODUCT) for path in sorted(PRODUCT.rglob("*.py")))


def trees() -> Iterator[tuple[Path, ast.Module]]:
    return ((path, ast.parse((PRODUCT / path).read_text(encoding="utf-8"))) for path in modules())


def room_of(path: Path) -> str:
    """The room of a module in a package: ``service`` for accounts/service/users.py."""
    return path.parts[1].removesuffix(".py") if len(path.parts) > 1 else ""


def test_every_module_of_a_domain_is_in_a_room() -> None:
    astray = {
        str(path)
        for path in modules()
        if len(path.parts) > 1
        and path.parts[0] not in WITHOUT_ROOMS
        and room_of(path) not in ROOMS | {"__init__"}
        and f"{path.parts[0]}/{room_of(path)}" not in OWN_ROOMS
    }
    assert astray == set()


def test_every_room_of_its_own_is_still_there() -> None:
    assert [room for room in OWN_ROOMS if not (PRODUCT / room).is_dir() and not (PRODUCT / f"{room}.py").exists()] == []


def sql_in(tree: ast.Module) -> Iterator[int]:
    """The lines that build or execute a statement; adding an object to the session is neither."""
    built = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name in BUILDING
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id in built) or (
                isinstance(called, ast.Attribute)
                and called.attr in EXECUTING
                and isinstance(called.value, (ast.Name, ast.Attribute))
                and re.search("session|connection", ast.unparse(called.value))
            ):
                yield node.lineno


def test_services_routes_rules_and_commands_execute_no_sql() -> None:
    found = [
        f"{path}:{line}"
        for path, tree in trees()
        if room_of(path) in WITHOUT_SQL and path.parts[0] not in WITHOUT_ROOMS and "policy" not in path.name
        for line in sql_in(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("session.execute(statement)", [1]),
        ("from sqlalchemy import text\nx = text('SELECT 1')", [2]),
        ("session.scalar(x)\nself.session.scalars(y)", [1, 2]),
        ("session.add(row)\nsession.flush()\ntext('hello')\ncache.get(1)", []),
    ],
)
def test_what_counts_as_executing(source: str, lines: list[int]) -> None:
    assert sorted(sql_in(ast.parse(source))) == lines


def holds_any(annotation: Any) -> bool:
    """Whether a type says "anything" anywhere: ``Any``, ``dict[str, Any]``, a name for one of these."""
    inner = annotation if isinstance(annotation, list) else get_args(annotation)
    return annotation is Any or any(holds_any(each) for each in inner)


def public_functions(names: Mapping[str, Any], module: str) -> Iterator[tuple[str, FunctionType]]:
    """The functions and methods of a module that others call, with their names."""
    for name, value in names.items():
        if name.startswith("_") or getattr(value, "__module__", None) != module:
            continue
        if isfunction(value):
            yield name, value
        elif isclass(value):
            yield from ((f"{name}.{inner}", each) for inner, each in public_functions(vars(value), module))


def loose_parameters(names: Mapping[str, Any], module: str) -> list[str]:
    """Parameters of public functions that take anything."""
    return [
        f"{module}.{name}: {parameter}"
        for name, function in public_functions(names, module)
        for parameter, annotation in function.__annotations__.items()
        if parameter != "return" and holds_any(annotation)
    ]


def test_what_goes_into_a_service_has_a_type() -> None:
    found, seen = [], 0
    for path in modules():
        if room_of(path) == "service":
            module = import_module(f"dairy_app.{'.'.join(path.with_suffix('').parts)}".removesuffix(".__init__"))
            seen += len(list(public_functions(vars(module), module.__name__)))
            found += loose_parameters(vars(module), module.__name__)
    assert seen > 80
    assert found == []


def test_what_counts_as_taking_anything() -> None:
    def strict(a: int, b: list[str] | None) -> Any: ...
    def plain(a: Any) -> None: ...
    def inside(a: int, b: list[Mapping[str, Any]] | None) -> None: ...
    def called(a: Callable[[Any], int]) -> None: ...
    def _private(a: Any) -> None: ...

    class Works:
        def method(self, a: dict[str, Any]) -> None: ...

    here = locals()
    assert loose_parameters(here, __name__) == [
        f"{__name__}.plain: a",
        f"{__name__}.inside: b",
        f"{__name__}.called: a",
        f"{__name__}.Works.method: a",
    ]


def test_only_transactions_begins_and_ends_transactions() -> None:
    ending = {"commit", "rollback", "begin", "begin_nested"}
    found = {
        f"{path}:{node.lineno}"
        for path, tree in trees()
        if str(path) != "database/transactions.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ending
        and re.search("session|connection|engine", ast.unparse(node.func.value))
    }
    # `dairy db check` makes tables in a scratch database of its own.
    assert {place for place in found if not place.startswith("commands.py:")} == set()


def test_no_module_is_longer_than_one_can_read() -> None:
    long = {
        f"{path}: {lines} lines"
        for path in modules()
        if path.name not in LONGER
        and (lines := len((PRODUCT / path).read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }
    assert long == set()


def test_architecture_names_the_tables_that_each_package_owns() -> None:
    table = (TOP / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Packages", 1)[1].split("```", 1)[0]
    written = {}
    for package, tables in re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", table, re.MULTILINE):
        written |= dict.fromkeys(re.findall(r"`(\w+)`", tables), package)
    assert written == {name: package for name, package in owners().items() if name in written}
    assert written.keys() == Base.metadata.tables.keys()
