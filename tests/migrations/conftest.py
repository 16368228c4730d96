"""Tests that change structures get a clone each: what they change, emptying would not undo."""

from collections.abc import Iterator

import pytest

from tests.conftest import Server


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    url = server.create_database(template)
    yield url
    server.drop_database(url)
