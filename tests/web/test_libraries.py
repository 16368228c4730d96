"""What the program asks of its libraries: what they document, and nothing that begins with an underscore."""

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

import dairy_app

#: Documented although they begin with an underscore: how marshmallow is taught a field, and how Flask's proxies are
#: asked for what they stand for.
DOCUMENTED = {"_serialize", "_deserialize", "_get_current_object"}
#: Of the standard library and of named tuples.
OWN = {"_asdict", "_make", "_replace", "_fields", "_mapping", "_exit"}
#: ReportLab has no other door to the document that a canvas draws, and fonts are added to that.
WITHOUT_A_DOOR = {("documents/drawing/sheet.py", "_doc")}
CALLED = (staticmethod, classmethod, property)


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(dairy_app.__path__, "dairy_app."):
        yield import_module(found.name)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_")


def hooks_of(kind: type) -> Iterator[str]:
    """Private names of a library's class that a class of ours overrides, or calls on itself."""
    ours = [each for each in kind.__mro__ if each.__module__.startswith("dairy_app")]
    theirs = {name for each in kind.__mro__ if each not in ours for name in vars(each) if is_private(name)}
    written = {name: value for name, value in vars(kind).items() if isinstance(value, (*CALLED, FunctionType))}
    yield from theirs & written.keys()
    known = {name for each in ours for name in vars(each)}
    for value in written.values():
        function = inspect.unwrap(getattr(value, "__func__", None) or getattr(value, "fget", None) or value)
        if isinstance(function, FunctionType):
            yield from theirs & set(function.__code__.co_names) - known


def test_no_private_hook_of_a_library_is_overridden_or_called() -> None:
    found, seen = set(), 0
    for module in modules():
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__:
                seen += 1
                found |= {(f"{kind.__module__}.{kind.__name__}", name) for name in hooks_of(kind)}
    assert seen > 100
    assert {each for each in found if each[1] not in DOCUMENTED} == set()


def private_uses(source: str) -> Iterator[str]:
    """Private names that a module takes from something else: from an object that it did not make, or a library."""
    tree = ast.parse(source)
    own = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute) and of_itself(each)}
    own |= {each.name for each in ast.walk(tree) if isinstance(each, (ast.FunctionDef, ast.ClassDef))}
    own |= {each.target.id for each in ast.walk(tree) if isinstance(each, ast.AnnAssign) and named(each.target)}
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and is_private(each.attr) and not of_itself(each) and each.attr not in own:
            yield each.attr
        if isinstance(each, ast.Call) and named(each.func) and each.func.id == "getattr" and len(each.args) > 1:
            name = each.args[1]
            if isinstance(name, ast.Constant) and is_private(str(name.value)):
                yield str(name.value)
        if isinstance(each, ast.ImportFrom) and not (each.module or "").startswith("dairy_app"):
            yield from (alias.name for alias in each.names if is_private(alias.name))


def named(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def of_itself(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def test_nothing_private_of_a_library_is_used() -> None:
    folder = Path(dairy_app.__file__).parent
    found = {
        (str(path.relative_to(folder)), name)
        for path in sorted(folder.rglob("*.py"))
        for name in private_uses(path.read_text(encoding="utf-8"))
        if name not in DOCUMENTED | OWN
    }
    assert found == WITHOUT_A_DOOR
