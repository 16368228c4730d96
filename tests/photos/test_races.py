"""Two phones send a photo of one door at the same moment, or one is deleted meanwhile: one row, one file."""

from typing import Any

from dairy_app.photos.store import PhotoFiles
from tests.dairy import ok
from tests.deliveries.rounds import Round
from tests.photos.pictures import door, names, send
from tests.photos.test_taking import confirmed
from tests.races import at_once


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
