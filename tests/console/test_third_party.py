"""Libraries of others in the pages: which, under which licence, and unchanged since they were taken."""

import configparser
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import dairy_app
from dairy_app.console.routes.frame import FILES
from dairy_app.web.http import DairyFlask

PRODUCT = Path(dairy_app.__file__).parent
FOLDER = PRODUCT / "console" / "static" / "third_party"
LIST = FOLDER / "libraries.json"


def libraries() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(LIST.read_text(encoding="utf-8"))
    return listed


def test_every_file_is_listed_once_and_as_it_was_taken() -> None:
    listed = [(name, digest) for library in libraries() for name, digest in library["files"].items()]
    there = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.is_file() and path != LIST}
    assert sorted(name for name, _ in listed) == sorted(there)
    changed = [name for name, digest in listed if hashlib.sha256(there[name].read_bytes()).hexdigest() != digest]
    assert changed == [], "files of others are replaced as a whole, never changed"


def test_every_library_has_a_version_and_its_licence() -> None:
    for library in libraries():
        assert library.keys() == {"name", "version", "licence", "licence_text", "home", "files"}
        assert library["version"].count(".") == 2
        assert library["licence_text"] in library["files"]
        assert len((FOLDER / library["licence_text"]).read_text(encoding="utf-8")) > 300
        scripts = [FOLDER / name for name in library["files"] if name.endswith(".js")]
        assert any(library["version"] in path.read_text(encoding="utf-8") for path in scripts), library["name"]


def test_every_file_of_the_pages_is_shipped() -> None:
    setup = configparser.ConfigParser()
    setup.read(PRODUCT.parent / "setup.cfg", encoding="utf-8")
    patterns = setup["options.package_data"]["*"].replace(",", " ").split()
    shipped = {path for pattern in patterns for path in (PRODUCT / "console").glob(pattern)}
    assert {PRODUCT / "console" / "static" / name for name in FILES.names} <= shipped


@pytest.mark.parametrize("name", ["third_party/uplot/uPlot.iife.min.js", "third_party/uplot/LICENSE.txt", "console.js"])
def test_a_file_in_a_folder_is_answered_under_its_version(app: DairyFlask, name: str) -> None:
    answer = app.test_client().get(f"/static/{FILES.version}/{name}")
    assert answer.status_code == 200
    assert answer.get_data() == (FOLDER.parent / name).read_bytes()
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["third_party", "third_party/", "third_party/../console.js", "../words/frame/en.json"])
def test_what_is_no_file_of_the_pages_is_not_found(app: DairyFlask, name: str) -> None:
    assert app.test_client().get(f"/static/{FILES.version}/{name}").status_code == 404
