"""What is moved, what stays, and that everything is there afterwards."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from dairy_app.archiving import bulk, queries, service
from dairy_app.common.errors import Problem
from tests.archiving.conftest import DECEMBER, NOVEMBER, TABLES, Old
from tests.conftest import raw_connection
from tests.dairy import ok, read, refused


def test_months_before_one_are_moved_with_all_that_belongs_to_them(closed: Old) -> None:
    before = closed.rows()
    moved = closed.archive()
    after = closed.rows()
    assert [(each.day.isoformat(), each.orders, each.items, each.statuses, each.amount) for each in moved] == [
        ("2026-10-06", 2, 3, 2, Decimal("340.00")),
        ("2026-10-07", 1, 1, 1, Decimal("60.00")),
        ("2026-10-08", 2, 2, 2, Decimal("150.00")),
        ("2026-10-12", 1, 1, 0, Decimal("0")),
    ]
    for name in TABLES:
        assert sorted(after[name] + after[f"archived_{name}"]) == before[name], name
    assert len(after["archived_orders"]) == 6
    assert {json.loads(each)["delivery_date"][:7] for each in after["orders"]} == {"2026-11", "2027-02"}
    assert closed.changed() == []


def test_what_is_moved_comes_back_byte_by_byte(closed: Old) -> None:
    before = closed.rows()
    closed.archive(DECEMBER)
    assert ok(closed.admin.get("/settings"))["archived_before"] == "2026-12-01"
    closed.bring_back(NOVEMBER)
    assert ok(closed.admin.get("/settings"))["archived_before"] == "2026-11-01"
    assert closed.sql("SELECT max(day) FROM archived_days") == [(date(2026, 10, 12),)]
    assert closed.changed() == []
    closed.bring_back(date(2026, 10, 1))
    assert closed.rows() == before
    assert closed.sql("SELECT count(*) FROM archived_days") == [(0,)]
    assert ok(closed.admin.get("/settings"))["archived_before"] is None


def test_a_second_time_nothing_is_moved_and_nothing_told(closed: Old) -> None:
    told: list[Any] = []
    service.archive(closed.living.app.database, NOVEMBER, told.append)
    assert len(told) == 4
    again = closed.rows()
    assert closed.archive() == []
    assert closed.rows() == again


def test_a_move_tells_nobody_and_writes_no_audit_entries(closed: Old) -> None:
    count = (
        "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM outbox_messages),"
        " (SELECT count(*) FROM audit_log WHERE table_name <> 'settings')"
    )
    before = closed.sql(count)
    closed.archive(DECEMBER)
    closed.bring_back(date(2026, 10, 1))
    assert closed.sql(count) == before


def test_triggers_are_on_again_afterwards(closed: Old) -> None:
    off = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'"
    closed.archive()
    closed.bring_back(date(2026, 10, 1))
    assert closed.sql(off) == []


def test_a_preview_moves_nothing_and_says_the_same(closed: Old) -> None:
    before = closed.rows()
    seen = service.preview(closed.living.app.database, NOVEMBER)
    assert closed.rows() == before
    assert closed.archive() == seen


def test_the_books_must_be_closed(old: Old) -> None:
    with pytest.raises(Problem, match="Close the books through 2026-10-31 first"):
        old.archive()
    ok(old.admin.patch("/settings", {"books_closed_through": "2026-10-30"}))
    with pytest.raises(Problem, match="Close the books through 2026-10-31 first"):
        old.archive()
    ok(old.admin.patch("/settings", {"books_closed_through": "2026-10-31"}))
    assert sum(each.orders for each in old.archive()) == 6


def test_what_is_not_settled_stays(closed: Old) -> None:
    living = closed.living
    living.go_to("2026-10-20")
    ok(closed.admin.patch("/settings", {"books_closed_through": None}))
    waiting = living.order(closed.asha, (closed.milk, "1"))
    draft = living.delivered(closed.asha, (closed.milk, "1"), on="2026-10-21")
    living.go_to("2027-02-02")
    ok(closed.admin.patch("/settings", {"books_closed_through": "2026-11-30"}))
    moved = closed.archive()
    assert {each.day.isoformat(): dict(each.kept) for each in moved if each.kept} == {
        "2026-10-20": {"open": 1},
        "2026-10-21": {"open": 1},
    }
    assert [ok(closed.admin.get(f"/orders/{each['id']}"))["status"] for each in (waiting, draft)] == [
        "PENDING",
        "DELIVERED",
    ]


def test_what_something_points_to_stays(closed: Old) -> None:
    (first,) = [row[0] for row in closed.sql("SELECT id FROM orders WHERE delivery_date = '2026-10-07'")]
    closed.sql(
        """INSERT INTO change_requests (customer_id, kind, payload, status, applied_order_id, asked_by_user_id,
            decided_at, decided_by)
        SELECT o.customer_id, 'extra_item', '{}', 'approved', o.id, u.id, now(), u.id
        FROM orders o CROSS JOIN (SELECT id FROM users LIMIT 1) u WHERE o.id = :id""",
        id=first,
    )
    assert {each.day.isoformat(): dict(each.kept) for each in closed.archive() if each.kept} == {
        "2026-10-07": {"change_request": 1}
    }
    assert ok(closed.admin.get(f"/orders/{first}"))["status"] == "DELIVERED"


@pytest.mark.parametrize(
    ("reason", "pointing"),
    [
        (
            "photo",
            """INSERT INTO delivery_photos (order_id, customer_id, file_name, size, width, height, sha256, sent_sha256,
                uploaded_at, taken_by, taken_by_name)
            SELECT o.id, o.customer_id, repeat('a', 32) || '.jpg', 1000, 1600, 1200, sha256('a'), sha256('b'), now(),
                (SELECT id FROM users LIMIT 1), 'Kavita'""",
        ),
        (
            "containers",
            """INSERT INTO containers (name, deposit) VALUES ('Bottle', 30);
            INSERT INTO container_movements (customer_id, container_id, order_id, day, back)
            SELECT o.customer_id, (SELECT id FROM containers), o.id, o.delivery_date, 1""",
        ),
        (
            "imported_bill",
            "INSERT INTO imported_bills (order_id, legacy_id, amount, is_paid) SELECT o.id, 'bill-1', 60, false",
        ),
    ],
)
def test_photos_containers_and_imported_bills_keep_their_order(closed: Old, reason: str, pointing: str) -> None:
    whose = "FROM orders o WHERE o.delivery_date = '2026-10-07'"
    closed.sql(f"SET LOCAL session_replication_role = replica; {pointing} {whose}")
    kept = {each.day.isoformat(): dict(each.kept) for each in closed.archive() if each.kept}
    assert kept == {"2026-10-07": {reason: 1}}


def test_lists_do_not_know_it_any_more_and_say_so_where_they_would_be_wrong(closed: Old) -> None:
    assert len(read(closed.admin, "/orders", delivery_date="2026-10-06")) == 2
    (order,) = closed.sql("SELECT id FROM orders WHERE delivery_date = '2026-10-07'")
    closed.archive()
    assert read(closed.admin, "/orders", delivery_date="2026-10-06") == []
    refused(closed.admin.get(f"/orders/{order[0]}"), 404, "order_not_found")
    refused(closed.admin.get("/reports/short-deliveries", **{"from": "2026-10", "to": "2026-12"}), 409, "archived")
    ok(closed.admin.get("/reports/short-deliveries", **{"from": "2026-11", "to": "2026-12"}))


def test_what_was_handed_over_besides_goes_with_the_order_and_stays_with_it(old: Old) -> None:
    living = old.living
    living.go_to("2026-12-20")
    extra = [{"product_id": old.curd["id"], "quantity": "1"}]
    ids = []
    for _ in range(2):
        order = living.order(old.asha, (old.milk, "1"))
        ok(living.confirm(order, extra_items=extra))
        ids.append(order["id"])
    living.go_to("2027-01-01")
    living.bill("2026-12", confirm=True)
    living.go_to("2027-02-02")
    ok(old.admin.patch("/settings", {"books_closed_through": "2026-12-31"}))
    before = old.rows()
    old.sql(
        """INSERT INTO change_requests (customer_id, kind, payload, status, applied_order_id, asked_by_user_id,
            decided_at, decided_by)
        SELECT o.customer_id, 'extra_item', '{}', 'approved', o.id, u.id, now(), u.id
        FROM orders o CROSS JOIN (SELECT id FROM users LIMIT 1) u WHERE o.placed_at_door_of = :id""",
        id=ids[0],
    )
    (day,) = [each for each in old.archive(date(2027, 1, 1)) if each.day == date(2026, 12, 20)]
    assert (day.orders, dict(day.kept)) == (2, {"change_request": 2})
    assert old.sql("SELECT placed_at_door_of::text FROM archived_orders WHERE placed_at_door_of IS NOT NULL") == [
        (ids[1],)
    ]
    old.bring_back(date(2026, 10, 1))
    assert old.rows() == before


def test_an_event_of_a_link_says_again_which_order_it_was_about(closed: Old) -> None:
    boy = closed.living.staff("delivery_boy")
    body = {"kind": "round", "delivery_boy_id": boy.user["id"], "date": "2027-02-02"}
    ok(closed.admin.post("/shared-links", body), 201)
    closed.sql(
        """INSERT INTO shared_link_events (link_id, action, result, order_id)
        SELECT (SELECT id FROM shared_links), 'confirm', 'ok', id FROM orders WHERE delivery_date = '2026-10-07'"""
    )
    said = closed.sql("SELECT * FROM shared_link_events")
    closed.archive()
    assert closed.sql("SELECT * FROM shared_link_events") != said
    closed.bring_back(date(2026, 10, 1))
    assert closed.sql("SELECT * FROM shared_link_events") == said


def test_in_small_batches_it_is_the_same(closed: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "BATCH", 1)
    before = closed.rows()
    moved = closed.archive(DECEMBER)
    assert sum(each.orders for each in moved) == 7
    assert closed.changed() == []
    closed.bring_back(date(2026, 10, 1))
    assert closed.rows() == before


def test_what_is_broken_off_is_whole_and_goes_on(closed: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle of a day: what is committed is what is written down, and the rest is taken later."""
    monkeypatch.setattr(queries, "BATCH", 1)
    before, calls = closed.rows(), []

    def delete(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        really(*given)

    really = bulk.delete
    monkeypatch.setattr(bulk, "delete", delete)
    with pytest.raises(KeyboardInterrupt):
        closed.archive()
    assert closed.changed() == []
    half = closed.rows()
    assert len(half["archived_orders"]) == 1
    assert sorted(half["orders"] + half["archived_orders"]) == before["orders"]
    assert sum(each.orders for each in closed.archive()) == 5
    assert closed.changed() == []
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        closed.bring_back(date(2026, 10, 1))
    assert closed.changed() == []
    closed.bring_back(date(2026, 10, 1))
    assert closed.rows() == before


def test_a_copy_that_differs_is_not_kept(closed: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    before = closed.rows()

    def copy(session: Any, origin: Any, target: Any, ids: Any) -> None:
        really(session, origin, target, ids)
        session.execute(text(f"UPDATE {target.items} SET delivered_quantity = 0"))

    really = bulk.copy
    monkeypatch.setattr(bulk, "copy", copy)
    with pytest.raises(service.Differs):
        closed.archive()
    assert closed.rows() == before


def test_who_writes_waits_and_whoever_holds_a_table_is_waited_for(closed: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BETWEEN_TRIES", 0.2)
    url = closed.living.app.database.url.render_as_string(hide_password=False)
    with raw_connection(url) as connection, connection.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("UPDATE orders SET notes = 'x' WHERE delivery_date = '2027-02-01'")
        moving = pool.submit(closed.archive)
        with pytest.raises(TimeoutError):
            moving.result(timeout=3)  # it has asked, given up and asked again
        connection.commit()
        assert sum(each.orders for each in moving.result(timeout=30)) == 6
    assert closed.changed() == []


def test_a_merge_and_a_move_at_once(closed: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds what the other wants: one of them is done again, and both are done."""
    monkeypatch.setattr(queries, "BATCH", 1)
    ok(closed.admin.patch(f"/customers/{closed.chitra['id']}", {"billed_to": None}))
    body = {"into": closed.chitra["id"], "reason": "registered twice"}
    with ThreadPoolExecutor(2) as pool:
        moving = pool.submit(closed.archive, DECEMBER)
        merging = pool.submit(closed.admin.post, f"/customers/{closed.bela['id']}/merge", body)
        assert sum(each.orders for each in moving.result(timeout=60)) == 7
        ok(merging.result(timeout=60))
    assert closed.changed() == []
    left = """SELECT count(*) FROM (SELECT customer_id, payer_id FROM orders UNION ALL
        SELECT customer_id, payer_id FROM archived_orders) o WHERE :was IN (customer_id, payer_id)"""
    assert closed.sql(left, was=closed.bela["id"]) == [(0,)]
    told = ok(closed.admin.get("/monitoring/consistency"))
    assert [each["name"] for each in told["reports"] if each["count"]] == []


def test_two_moves_at_once(closed: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "BATCH", 1)
    before = closed.rows()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(closed.archive, DECEMBER) for _ in range(2)]
        assert sum(each.orders for moved in both for each in moved.result(timeout=60)) == 7
    assert closed.changed() == []
    after = closed.rows()
    for name in TABLES:
        assert sorted(after[name] + after[f"archived_{name}"]) == before[name], name
