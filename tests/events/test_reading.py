"""Reading on: an order without holes for who comes back, also while transactions overlap; who may; what is too old."""

from collections.abc import Callable
from typing import Any

import pytest

from dairy_app.database.transactions import Database
from dairy_app.events import queries
from dairy_app.events.service import telling
from tests.conftest import raw_connection
from tests.dairy import Dairy, ok, refused
from tests.events.conftest import Reader


def test_who_began_earlier_and_ends_later_is_not_overtaken(
    dairy: Dairy, reader: Reader, sql: Callable[..., Any], database_url: str
) -> None:
    asha, bela = dairy.customer(name="Asha"), dairy.customer(name="Bela")
    reader.news()
    with raw_connection(database_url) as slow:
        with slow.cursor() as cursor:
            cursor.execute("UPDATE customers SET notes = 'slow' WHERE id = %s", [asha["id"]])
        sql("UPDATE customers SET notes = 'quick' WHERE id = %s", bela["id"])
        page = ok(dairy.admin.get("/events", after=reader.after))
        assert page == {"items": [], "next_after": reader.after, "more": False}, "a hole would be left behind it"
        slow.commit()
    assert reader.told() == [("customer.changed", asha["id"]), ("customer.changed", bela["id"])]


def test_who_began_later_waits_for_nobody_that_only_reads(
    dairy: Dairy, reader: Reader, sql: Callable[..., Any], database_url: str
) -> None:
    asha = dairy.customer()
    reader.news()
    with raw_connection(database_url) as reading, reading.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM customers")
        sql("UPDATE customers SET notes = 'x' WHERE id = %s", asha["id"])
        assert reader.told() == [("customer.changed", asha["id"])]


def test_two_that_number_at_once_give_each_number_once(
    dairy: Dairy, reader: Reader, sql: Callable[..., Any], database_url: str
) -> None:
    dairy.customer()
    with raw_connection(database_url) as one, raw_connection(database_url) as other:
        with one.cursor() as first, other.cursor() as second:
            second.execute("SET LOCAL lock_timeout = '2s'")
            first.execute("SELECT number_events(100)")
            second.execute("SELECT number_events(100)")
            assert first.fetchone()[0] > 0
            assert second.fetchone()[0] == 0
        other.commit()
        one.commit()
    dairy.customer()
    reader.news()
    numbers = [row[0] for row in sql("SELECT id FROM events ORDER BY id")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_what_a_backup_of_another_server_brings_is_numbered(
    dairy: Dairy, reader: Reader, sql: Callable[..., Any]
) -> None:
    asha = dairy.customer()
    reader.news()
    sql("UPDATE customers SET notes = 'x' WHERE id = %s", asha["id"])
    sql("UPDATE events SET txid = '9000000000000000' WHERE id IS NULL")
    assert reader.told() == [("customer.changed", asha["id"])]


def test_pages_go_on_where_the_last_one_ended(dairy: Dairy, reader: Reader) -> None:
    people = [dairy.customer() for _ in range(5)]
    first = reader.page(limit=2)
    assert (len(first["items"]), first["more"]) == (2, True)
    second, third = reader.page(limit=2), reader.page(limit=2)
    assert (second["more"], third["more"]) == (True, False)
    got = [each["object_id"] for page in (first, second, third) for each in page["items"]]
    assert got == [each["id"] for each in people]
    assert reader.page(limit=2) == {"items": [], "next_after": third["next_after"], "more": False}


def test_a_rare_kind_is_found_without_reading_all_at_once(
    dairy: Dairy, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "LOOKED_AT", 2)
    asha, milk = dairy.customer(), dairy.product()
    for _ in range(4):
        dairy.customer()
    order = dairy.order(asha, (milk, "1"))
    got, pages = [], 0
    while True:
        page = reader.page(kind=["order.placed", "order.cancelled"])
        got += page["items"]
        pages += 1
        if not page["more"]:
            break
    assert [each["object_id"] for each in got] == [order["id"]]
    assert pages == 3, "six events, two at a time"


def test_only_admins_read_and_are_told(dairy: Dairy) -> None:
    for client in (dairy.staff("accountant"), dairy.staff("delivery_boy"), dairy.customer_login()[1]):
        refused(client.get("/events"), 403, "forbidden")
        refused(client.get("/webhook-endpoints"), 403, "forbidden")
    refused(dairy.nobody.get("/events"), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("query", "field"),
    [({"after": -1}, "after"), ({"after": "x"}, "after"), ({"kind": "order.eaten"}, "kind"), ({"limit": 1001}, "limit"),
     ({"after": 2**63}, "after"), ({"after": 10**6}, "after")],
)  # fmt: skip
def test_what_cannot_be_asked_for(dairy: Dairy, query: dict[str, Any], field: str) -> None:
    problem = refused(dairy.admin.get("/events", **query), 422, "validation_failed")
    assert problem["errors"][0]["pointer"].startswith(f"/query/{field}")


def test_who_stayed_away_too_long_is_told_so(
    dairy: Dairy, reader: Reader, sql: Callable[..., Any], database: Database
) -> None:
    for _ in range(3):
        dairy.customer()
    reader.news()
    sql("UPDATE events SET at = at - interval '31 days' WHERE id <= 2")
    dairy.customer()
    assert telling.purge_events(database) == 2
    assert sql("SELECT min(id) FROM events") == [(3,)]
    problem = refused(dairy.admin.get("/events", after=1), 410, "events_gone")
    assert problem["first"] == 3
    assert [each["id"] for each in ok(dairy.admin.get("/events", after=2))["items"]][:2] == [3, 4]
    assert ok(dairy.admin.get("/events"))["items"][0]["id"] == 3, "from the beginning: what there is"
    sql("UPDATE events SET at = at - interval '31 days'")
    telling.purge_events(database)
    refused(dairy.admin.get("/events", after=2), 410, "events_gone")
    assert ok(dairy.admin.get("/events", after=4)) == {"items": [], "next_after": 4, "more": False}
    assert ok(dairy.admin.get("/events")) == {"items": [], "next_after": 4, "more": False}


def test_what_nobody_read_is_numbered_before_it_is_deleted(
    dairy: Dairy, reader: Reader, sql: Callable[..., Any], database: Database
) -> None:
    dairy.customer()
    reader.news()
    for _ in range(3):
        dairy.customer()
    sql("UPDATE events SET at = at - interval '31 days'")
    while sql("SELECT count(*) FROM events") != [(0,)]:
        telling.purge_events(database)
    refused(dairy.admin.get("/events", after=1), 410, "events_gone")
