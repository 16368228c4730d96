"""Revision 0010 with rows in place: taken back only when told, and run again."""

from collections.abc import Iterator

import pytest

from dairy_app.database import migrations
from tests.conftest import Server, raw_connection
from tests.sharing.test_constraints import ONE, SET_UP, status

#: What the downgrade would lose, and what it leaves alone.
KEPT = {
    "which link confirmed": f"UPDATE change_requests SET status = 'approved', decided_at = now(), decided_by = id;"
    f"{status()}",
    "a request that waits": "",
}


@pytest.fixture
def at_0010(server: Server) -> Iterator[str]:
    url = server.create_database()
    migrations.upgrade(url, "0010")
    yield url
    server.drop_database(url)


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with raw_connection(url) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("case", KEPT)
def test_it_is_taken_back_only_when_told(at_0010: str, case: str) -> None:
    run(at_0010, SET_UP + KEPT[case])
    with pytest.raises(migrations.MigrationFailed, match="would lose which links confirmed"):
        migrations.downgrade(at_0010, "0009")
    assert migrations.current(at_0010) == "0010"
    migrations.downgrade(at_0010, "0009", allow_data_loss=True)
    migrations.upgrade(at_0010, "head")
    assert run(at_0010, "SELECT count(*) FROM shared_links") == [(0,)]


def test_what_is_over_does_not_hold_it_back(at_0010: str) -> None:
    """Deliveries that a link of the earlier system confirmed keep their method; decided requests were applied."""
    over = f"UPDATE change_requests SET status = 'approved', decided_at = now(), decided_by = '{ONE}';"
    run(at_0010, SET_UP + over + status(shared_link_id="NULL"))
    migrations.downgrade(at_0010, "0009")
    migrations.upgrade(at_0010, "head")
    methods = run(at_0010, "SELECT confirmation_method, shared_link_id FROM delivery_statuses")
    assert methods == [("shared_link", None)]
