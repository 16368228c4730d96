"""Two phones send a photo of one door at the same moment, or one is deleted meanwhile: one row, one file."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import time_machine

from dairy_app.database.transactions import Database
from dairy_app.photos import service
from dairy_app.photos.store import PhotoFiles
from tests.conftest import raw_connection
from tests.dairy import ok
from tests.deliveries.rounds import Round
from tests.photos.pictures import door, names, send
from tests.photos.test_taking import confirmed
from tests.races import at_once

T = TypeVar("T")


def hold(round_: Round) -> str:
    return f"SELECT FROM customers WHERE id = '{round_.customer['id']}' FOR UPDATE"


def test_two_photos_at_once_leave_one(round_: Round, files: PhotoFiles, database_url: str, sql: Any) -> None:
    order = confirmed(round_)
    answers = at_once(
        database_url,
        hold(round_),
        lambda: send(round_.boy, order, door((100, 100))),
        lambda: send(round_.dairy.admin, order, door((200, 100))),
    )
    assert [ok(each)["replayed"] for each in answers] == [False, False]
    assert {(name,) for name in names(files)} == set(sql("SELECT file_name FROM delivery_photos"))
    assert len(names(files)) == 1


def test_the_same_photo_twice_at_once_is_one_and_a_repeat(
    round_: Round, files: PhotoFiles, database_url: str, sql: Any
) -> None:
    order = confirmed(round_)
    answers = at_once(
        database_url, hold(round_), *(lambda: send(round_.boy, order, door()) for _ in range(3))
    )  # fmt: skip
    assert sorted(ok(each)["replayed"] for each in answers) == [False, True, True]
    assert {(name,) for name in names(files)} == set(sql("SELECT file_name FROM delivery_photos"))


def test_a_photo_that_is_replaced_while_it_is_deleted(
    round_: Round, files: PhotoFiles, database_url: str, sql: Any
) -> None:
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    path = f"/deliveries/{order['id']}/photo"
    for one_first in (True, False):
        calls = [lambda: send(round_.boy, order, door((90, 90))), lambda: round_.dairy.admin.delete(path)]
        answers = at_once(database_url, hold(round_), *(calls if one_first else calls[::-1]), one_by_one=True)
        assert sorted(each.status_code for each in answers) == [200, 204]
        assert {(name,) for name in names(files)} == set(sql("SELECT file_name FROM delivery_photos"))
        assert len(names(files)) == (0 if one_first else 1)
        ok(send(round_.boy, order, door((80, 80))))


def test_a_photo_that_is_replaced_at_night_is_not_old_any_more(
    round_: Round, files: PhotoFiles, clock: time_machine.Traveller, database: Database, database_url: str, sql: Any
) -> None:
    """The night comes to the row while it is being replaced, and waits: what it finds then is new."""
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    ok(round_.dairy.admin.patch("/settings", {"photo_days": 1, "delivery_window_days": 5}))
    clock.shift(timedelta(days=2))
    gone = at_once_with(
        database_url,
        "UPDATE delivery_photos SET uploaded_at = '2026-11-22 04:30Z'",
        lambda: service.purge(database, files),
    )
    assert (gone.old, sql("SELECT count(*) FROM delivery_photos"), len(names(files))) == (0, [(1,)], 1)


def at_once_with(url: str, change: str, call: Callable[[], T]) -> T:
    """What the call answers that runs into a change and goes on when that is committed."""
    with raw_connection(url) as changing, raw_connection(url) as watcher, ThreadPoolExecutor(1) as pool:
        watcher.autocommit = True
        with changing.cursor() as cursor, watcher.cursor() as looking:
            cursor.execute(change)
            running = pool.submit(call)
            waiting = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'"""
            while not running.done():
                looking.execute(waiting)
                if looking.fetchone()[0]:
                    break
        changing.commit()
        return running.result(timeout=60)
