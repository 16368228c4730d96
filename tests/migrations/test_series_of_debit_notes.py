"""0073 gives debit notes a series that is nobody's: numbers and hashes of other documents are theirs alone."""

from collections.abc import Callable
from typing import Any

import pytest

from dairy_app.database import migrations


@pytest.mark.parametrize(
    ("before", "series"),
    [
        ("SELECT 1", "DN"),
        ("UPDATE settings SET credit_note_series = 'DN'", "DBN"),
        ("UPDATE settings SET credit_note_series = 'DN', invoice_series = 'DBN'", "DRN"),
        ("INSERT INTO number_series (series, financial_year) VALUES ('DN', '2526')", "DBN"),
    ],
)
def test_a_series_that_is_used_stays_with_whose_it_is(
    database_url: str, sql: Callable[..., Any], before: str, series: str
) -> None:
    migrations.downgrade(database_url, "0068")
    sql("INSERT INTO settings (id) VALUES (true) ON CONFLICT DO NOTHING")
    sql(before)
    migrations.upgrade(database_url)
    assert sql("SELECT debit_note_series FROM settings") == [(series,)]
