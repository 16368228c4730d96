"""Going round every service: a statement of plain SQL, and the constraint that must refuse it."""

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg2
import pytest

from tests.conftest import Server, raw_connection

_NAMES = """
    SELECT conname FROM pg_constraint WHERE conrelid::regclass::text = ANY (%s) AND contype IN ('c', 'f', 'u', 'x')
    UNION
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid::regclass::text = ANY (%s) AND i.indisunique
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""


def refuses(connection: Any, set_up: str, statement: str) -> str | None:
    """The name of the constraint that refuses ``statement`` once ``set_up`` is done, None when none does."""
    with connection.cursor() as cursor:
        cursor.execute(set_up)
        try:
            cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg2.IntegrityError as error:
            return str(error.diag.constraint_name)
        finally:
            connection.rollback()
    return None


def names_of(connection: Any, tables: Iterable[str]) -> set[str]:
    """Every CHECK, foreign key, UNIQUE and EXCLUDE of the tables, as the database knows them."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, [list(tables)] * 2)
        names = {row[0] for row in cursor.fetchall()}
    connection.rollback()
    return names


@pytest.fixture(scope="module")
def bare(server: Server, template: str) -> Iterator[Any]:
    """A connection to an empty, migrated database that nothing is ever committed to."""
    url = server.create_database(template)
    with raw_connection(url) as connection:
        yield connection
    server.drop_database(url)
