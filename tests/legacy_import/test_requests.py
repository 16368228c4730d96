"""Shared links arrive as history, and what was asked for waits for whoever decides."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok
from tests.legacy_import.conftest import Import
from tests.legacy_import.dumps import WrittenDump


@pytest.fixture
def dump() -> WrittenDump:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    dump.user("boy", role="delivery_boy")
    dump.user("boss", role="admin")
    dump.subscription("sub", "c1")
    common = {"created_by": "boss", "created_at": "2026-08-31T06:30:00", "expires_at": "2026-12-30T06:30:00"}
    dump.add("shared_delivery_links", {"link_id": "secret", "name": "Round", "delivery_boy_id": "boy", "shift": "all",
                                       "access_count": 7, "auto_renew_daily": True} | common)  # fmt: skip
    dump.add("shared_delivery_links", {"link_id": "all", "name": "All areas", "area": None} | common)
    return dump


ASKED = {"customer_id": "c1", "requested_at": "2026-09-07T05:13:07.725996", "link_id": "secret", "status": "pending"}
REQUESTS = """
SELECT kind, status, payload - 'items', asked_by_link_id IS NOT NULL, decision_reason FROM change_requests ORDER BY 1, 2
"""


def test_a_link_is_history_and_nobody_comes_in_with_it(dairy: Dairy, dump: WrittenDump, take: Import, sql: Any) -> None:
    report = take(dump)
    assert sql("""SELECT l.name, u.legacy_id, l.is_rolling, l.use_count,
        l.expires_at <= l.created_at + interval '30 days', l.revoked_at IS NOT NULL,
        l.token_hash = sha256('secret') FROM shared_links l
        JOIN users u ON u.id = l.delivery_boy_id""") == [("Round", "boy", True, 7, True, True, False)]
    assert dairy.nobody.get("/shared/secret/round").status_code == 404
    assert (report.fates["shared_delivery_links", "written"], report.fates["shared_delivery_links", "no_home"]) == (
        1,
        1,
    )
    again = take(dump)
    assert (again.written, again.findings()) == (0, [])


def test_wishes_wait_as_they_stood(dump: WrittenDump, take: Import, sql: Any) -> None:
    dump.add("pause_requests", ASKED | {"reason": "Away"})
    dump.add("stop_requests", ASKED | {"link_id": "deleted"})
    wish = {"product_id": "prd_eggs", "quantity": 2.0, "delivery_date": "2026-09-13"}
    dump.add("product_requests", ASKED | wish)
    dump.add("product_requests", ASKED | wish)  # the same wish again
    boy = {"id": "pr", "customer_id": "c1", "product_id": "prd_eggs", "quantity_packets": 1, "requested_by": "boy"}
    dump.add("product_requests", boy | {"tentative_date": "2026-09-27", "status": "rejected", "admin_notes": "Out"})
    dump.add("product_requests", boy | {"tentative_date": "2026-09-29", "status": "rejected"})  # its key again
    dump.add("product_requests", boy | {"id": "done", "tentative_date": "2026-09-28", "status": "approved"})
    dump.add("product_requests", {"customer_id": "c1", "product_name": "Goat Milk", "votes": 1, "status": "PENDING"})
    data = {"customer_id": "c1", "product_id": "prd_milk", "date": "2026-10-08", "quantity": 3}
    for key, kind in (("q", "quantity_change"), ("d", "delivery_boy_change")):
        dump.add("pending_approvals", {"id": key, "change_type": kind, "change_data": data, "status": "pending",
                                       "submitted_by": {"id": "boss"}})  # fmt: skip
    dump.add("pause_requests", ASKED | {"customer_id": "gone"})
    dump.add("pause_requests", ASKED | {"status": "banana"})
    report = take(dump)
    assert sql(REQUESTS) == [
        ("extra_item", "pending", {"delivery_date": "2026-09-13", "shift": "morning"}, True, None),
        ("extra_item", "rejected", {"delivery_date": "2026-09-27", "shift": "morning"}, False, "Out"),
        ("pause", "pending", {"from": "2026-09-07", "to": None}, True, None),
        ("quantity", "pending", {"date": "2026-10-08", "quantity": "3.000"}, False, None),
        ("stop", "pending", {"stop_date": "2026-09-07"}, False, None),
    ]
    assert sorted(sql("SELECT collection, reason FROM import_quarantine")) == [
        ("pause_requests", "customer_unresolved"), ("pause_requests", "status_unknown"),
        ("product_requests", "duplicate_id"),
    ]  # fmt: skip
    assert (report.fates["product_requests", "merged"], report.fates["product_requests", "no_home"]) == (2, 1)
    assert report.findings() == []
    again = take(dump)
    assert (again.written, again.findings(), len(sql(REQUESTS))) == (0, [], 5)


def test_an_imported_wish_can_be_approved(dairy: Dairy, dump: WrittenDump, take: Import, sql: Any) -> None:
    tomorrow = dairy.day(1)
    dump.add("product_requests", ASKED | {"product_id": "prd_eggs", "quantity": 2.0, "delivery_date": tomorrow})
    take(dump)
    (waiting,) = ok(dairy.admin.get("/change-requests"))["items"]
    ok(dairy.admin.post(f"/change-requests/{waiting['id']}/approve"))
    assert sql("SELECT delivery_date::text, source FROM orders") == [(tomorrow, "shared_link")]
