"""A dump that comes again after two of its customers were merged: what is new of the old one is the other's."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import WrittenDump

pytestmark = pytest.mark.slow


def test_what_comes_later_is_of_the_one_who_is_left(dump: WrittenDump, take: Import, dairy: Dairy, sql: Any) -> None:
    dump.customer("c1", user="u1", previous_balance=50)
    dump.customer("c2", user="u2")
    dump.order("ord_1", "c1")
    take(dump)
    ids = dict(sql("SELECT legacy_id, id::text FROM customers"))
    ok(dairy.admin.post(f"/customers/{ids['c1']}/merge", {"into": ids["c2"], "reason": "registered twice"}))
    dump.order("ord_2", "c1")
    report = take(dump)
    assert [each for each in report.findings() if "order" in str(each)] == []
    rows = sql("SELECT legacy_id, customer_id::text FROM orders ORDER BY 1")
    assert rows == [("ord_1", ids["c2"]), ("ord_2", ids["c2"])]
    assert sql("SELECT customer_id::text FROM opening_balances") == [(ids["c2"],)]
