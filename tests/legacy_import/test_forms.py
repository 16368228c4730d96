"""The same dump in another form is the same dump: nothing is written twice, nothing waits twice."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from dairy_app.database.transactions import Database
from dairy_app.legacy_import.queries.report import ImportReport
from dairy_app.legacy_import.reading.dumps import open_dump
from dairy_app.legacy_import.service.importing import import_dump
from tests.legacy_import.cases import SAMPLE
from tests.legacy_import.dumps import MILK, WrittenDump, item

pytestmark = pytest.mark.slow

#: What came of each document, by its key as far as every form has it.
WAITING = """
SELECT collection, reason, document - '_id', resolved_at FROM import_quarantine
ORDER BY collection, (document - '_id')::text
"""


@pytest.fixture
def take_from(database: Database) -> Callable[[Path], ImportReport]:
    def take_from(path: Path) -> ImportReport:
        with database.transaction() as session:
            return import_dump(session, open_dump(path))

    return take_from


def written(folder: Path) -> dict[str, Path]:
    """A dump with links, and with documents of every kind of key in quarantine, in each form."""
    dump = WrittenDump()
    dump.user("boss", role="admin")
    dump.user("boy", role="delivery_boy")
    dump.customer("c1", user="u1")
    dump.order("ord_1", "u1", item(MILK, 2))
    dump.order("ord_2", "gone")
    dump.delivery("ord_9", "c1")
    dump.delivery("ord_2", "c1", by_link=True)  # without an id of its own
    dump.add("wallets", {"customer_id": "nobody", "balance": 12.0})
    link = {"name": "Round", "delivery_boy_id": "boy", "created_by": "boss", "created_at": "2026-08-31T06:30:00"}
    dump.add("shared_delivery_links", {"link_id": "one"} | link)
    dump.add("shared_delivery_links", {"link_id": "two"} | link)
    dump.add("pause_requests", {"customer_id": "c1", "requested_at": "2026-09-07T05:13:07.7", "status": "pending"})
    return {
        "mongodump": dump.write(folder),
        "mongoexport": dump.write_export(folder),
        "backup": dump.write_backup(folder),
    }


@pytest.mark.parametrize("order", list(permutations(("mongodump", "mongoexport", "backup"))), ids=" ".join)
def test_one_form_after_the_other(order: Any, take_from: Any, tmp_path: Path, sql: Any) -> None:
    forms = written(tmp_path)
    first = take_from(forms[order[0]])
    assert sql("SELECT count(*) FROM shared_links") == [(2,)]
    waiting = sql(WAITING)
    assert [row[:2] for row in waiting] == [
        ("delivery_status", "order_quarantined"), ("delivery_statuses", "order_missing"),
        ("orders", "customer_unresolved"), ("wallets", "customer_unresolved"),
    ]  # fmt: skip
    for form in order[1:]:
        again = take_from(forms[form])
        assert (again.written, again.findings(), sql(WAITING)) == (0, [], waiting)
        assert again.reasons == first.reasons


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample stands beside a checkout")
def test_the_sample_in_three_forms(take_from: Any, sql: Any) -> None:
    take_from(SAMPLE / "mongodump")
    waiting = sql("SELECT collection, count(*) FROM import_quarantine GROUP BY 1 ORDER BY 1")
    for form in ("backup-json", "mongoexport"):
        again = take_from(SAMPLE / form)
        assert (again.written, again.findings()) == (0, [])
        assert sql("SELECT collection, count(*) FROM import_quarantine GROUP BY 1 ORDER BY 1") == waiting
