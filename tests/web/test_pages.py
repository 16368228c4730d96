"""Lists by keyset: every row once, whatever is written in between."""

from typing import Any

import pytest
from sqlalchemy import select

from dairy_app.customers.models import Area
from dairy_app.database.transactions import Database
from dairy_app.web.pages import Page, read_page
from tests.statements import count_statements

NAMES = [f"area {n}" for n in range(7)]


@pytest.fixture
def areas(sql: Any, database: Database) -> Database:
    """Seven areas of the same instant, so that only the second key tells them apart."""
    for n, name in enumerate(NAMES):
        row = f"{n:032x}", name, "2026-11-01T00:00:00.123456Z"
        sql("INSERT INTO areas (id, name, created_at) VALUES (%s, %s, %s)", *row)
    return database


def page(database: Database, limit: int, cursor: str | None, descending: bool = False) -> Page:
    query = select(Area.name, Area.created_at, Area.id)
    with database.transaction(read_only=True) as session:
        return read_page(session, query, [Area.created_at, Area.id], limit=limit, cursor=cursor, descending=descending)


def walk(database: Database, limit: int, descending: bool = False) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        found = page(database, limit, cursor, descending)
        pages.append([row.name for row in found.items])
        cursor = found.next_cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 6, 7, 8])
def test_every_row_once_and_in_order(areas: Database, limit: int, descending: bool) -> None:
    pages = walk(areas, limit, descending)
    assert [name for each in pages for name in each] == (NAMES[::-1] if descending else NAMES)
    assert [len(each) for each in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1]


def test_no_rows_no_cursor(database: Database) -> None:
    assert page(database, 10, None) == Page([], None)


def test_rows_written_and_removed_in_between_move_nothing(areas: Database, sql: Any) -> None:
    first = page(areas, 3, None)
    sql("DELETE FROM areas WHERE name IN ('area 0', 'area 2', 'area 5')")
    sql("INSERT INTO areas (name, created_at) VALUES ('before', '2026-10-31'), ('after', '2026-11-02')")
    rest = page(areas, 10, first.next_cursor)
    assert [row.name for row in rest.items] == ["area 3", "area 4", "area 6", "after"]


def test_a_page_is_one_statement(areas: Database) -> None:
    first = page(areas, 3, None)
    with count_statements(areas) as sent:
        page(areas, 3, first.next_cursor)
    assert len(sent) == 1
