"""Importing a dump that a test wrote."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from dairy_app.database.transactions import Database
from dairy_app.legacy_import.commands import import_mongo
from dairy_app.legacy_import.queries.report import ImportReport
from dairy_app.legacy_import.reading.dumps import open_dump
from dairy_app.legacy_import.service.importing import import_dump
from dairy_app.legacy_import.writing import passwords
from tests.conftest import Server
from tests.legacy_import.cases import Imported, command
from tests.legacy_import.dumps import WrittenDump

Import = Callable[[WrittenDump], ImportReport]


@pytest.fixture(scope="session", autouse=True)
def _hashes_are_tried_once() -> Iterator[None]:
    """All forms of a dump hold the same password hashes, and a try takes a quarter of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "is_default", cache(passwords.is_default))
        yield


@pytest.fixture
def dump() -> WrittenDump:
    return WrittenDump()


@pytest.fixture
def take(database: Database, tmp_path: Path) -> Import:
    """Import the dump as it stands now; what was written is committed."""

    def take(dump: WrittenDump) -> ImportReport:
        with database.transaction() as session:
            return import_dump(session, open_dump(dump.write(tmp_path)))

    return take


@pytest.fixture(scope="session")
def imported(
    request: pytest.FixtureRequest, server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Imported]:
    """The parameter's case, imported once: pytest puts the tests of a case one after another, of whatever module."""
    make, form = request.param
    case = make(tmp_path_factory.mktemp("dump"), form)
    url = server.create_database(template)
    yield Imported(case, url, json.loads(command(import_mongo, str(case.path), "--json", url=url)))
    server.drop_database(url)
