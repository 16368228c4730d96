"""Tests that change structures get a clone each: what they change, emptying would not undo."""

from collections.abc import Iterator

import pytest
from alembic.script import ScriptDirectory

from dairy_app.database import migrations
from tests.conftest import Server


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    url = server.create_database(template)
    yield url
    server.drop_database(url)


@pytest.fixture
def revisions_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else Alembic reads all of them for each step of a walk."""
    read = ScriptDirectory.from_config(migrations.configuration())
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda _: read)
