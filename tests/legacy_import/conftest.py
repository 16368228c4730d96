"""Importing a dump that a test wrote."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dairy_app.common.transactions import Database
from dairy_app.legacy_import.reader import open_dump
from dairy_app.legacy_import.report import ImportReport
from dairy_app.legacy_import.service import import_dump
from tests.legacy_import.dumps import WrittenDump

Import = Callable[[WrittenDump], ImportReport]


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
