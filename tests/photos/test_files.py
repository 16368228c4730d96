"""Rows and files: which is written first, what a fault leaves behind, and what goes by itself at night."""

import contextlib
import json
import os
import stat
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from dairy_app.common.clock import now
from dairy_app.database.transactions import Database, after_commit, undone_if_refused
from dairy_app.photos import bulk, service
from dairy_app.photos.store import PhotoFiles
from dairy_app.settings import Settings
from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.dairy import ok, refused
from tests.deliveries.rounds import Round
from tests.photos.pictures import door, names, send
from tests.photos.test_taking import confirmed


def age(files: PhotoFiles, name: str, by: timedelta, moment: float) -> None:
    then = moment - by.total_seconds()
    os.utime(files.folder / name[:2] / name, (then, then))


def stray(files: PhotoFiles, name: str) -> str:
    """A file that no row knows."""
    folder = files.folder / name[:2]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"left behind")
    return name


def test_files_are_for_their_owners_eyes_only(round_: Round, files: PhotoFiles, settings: Settings) -> None:
    ok(send(round_.boy, confirmed(round_), door()))
    (name,) = names(files)
    assert files.folder == settings.data_dir / "files" / "photos"
    file = files.folder / name[:2] / name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (file.parent, files.folder, files.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0, folder


def test_what_fails_after_the_file_was_written_leaves_neither(
    round_: Round, files: PhotoFiles, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the photo that was there stays, with its file."""
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    before, rows = names(files), sql("SELECT * FROM delivery_photos")

    def fail(*_: Any) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(bulk, "put_photo", fail)
    refused(send(round_.boy, order, door((100, 100))), 500, "internal_error")
    assert (names(files), sql("SELECT * FROM delivery_photos")) == (before, rows)


def test_a_file_goes_only_after_the_commit(round_: Round, files: PhotoFiles, sql: Any) -> None:
    """A deferred refusal comes at the very end: the row stays, and so does its file."""
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    before = names(files)
    sql("""CREATE FUNCTION pg_temp_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'not today' USING ERRCODE = 'check_violation'; END $$""")
    sql("""CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE OR DELETE ON delivery_photos DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION pg_temp_refuse()""")
    try:
        assert round_.boy.delete(f"/deliveries/{order['id']}/photo").status_code >= 400
        assert send(round_.boy, order, door((100, 100))).status_code >= 400
        assert before <= names(files)
        assert sql("SELECT count(*) FROM delivery_photos") == [(1,)]
        assert round_.boy.get(f"/deliveries/{order['id']}/photo").status_code == 200
    finally:
        sql("DROP TRIGGER refuse ON delivery_photos")
        sql("DROP FUNCTION pg_temp_refuse()")


def test_what_was_asked_in_an_undone_part_of_a_transaction_is_not_done(database: Database) -> None:
    done: list[str] = []
    with database.transaction() as session:
        after_commit(session, lambda: done.append("the whole"))
        with contextlib.suppress(ZeroDivisionError), undone_if_refused(session):
            after_commit(session, lambda: done.append("undone"))
            raise ZeroDivisionError
        with undone_if_refused(session):
            after_commit(session, lambda: done.append("a part"))
        assert done == []
    assert done == ["the whole", "a part"]
    with contextlib.suppress(ZeroDivisionError), database.transaction() as session:
        after_commit(session, lambda: done.append("undone"))
        raise ZeroDivisionError
    assert done == ["the whole", "a part"]


def test_a_file_that_is_gone_is_told_and_can_be_sent_again(round_: Round, files: PhotoFiles) -> None:
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    (name,) = names(files)
    files.remove(name)
    refused(round_.boy.get(f"/deliveries/{order['id']}/photo"), 404, "photo_not_found")
    assert ok(send(round_.boy, order, door()))["replayed"] is False
    assert round_.boy.get(f"/deliveries/{order['id']}/photo").status_code == 200
    assert ok(send(round_.boy, order, door()))["replayed"] is True


@pytest.mark.parametrize(
    "name", ["../secret.jpg", "../../../etc/passwd", "..", "a" * 32, f"{'a' * 32}.png", f"{'A' * 32}.jpg", ""]
)
def test_a_name_that_is_none_of_ours_leads_nowhere(files: PhotoFiles, name: str) -> None:
    files.folder.mkdir(parents=True)
    (files.folder.parent.parent / "secret.jpg").write_text("not for everybody")
    assert files.read(name) is None
    assert files.size_of(name) is None
    assert files.remove(name) is False


def purge(database: Database, files: PhotoFiles) -> tuple[int, int]:
    gone = service.purge(database, files)
    return gone.old, gone.orphans


def test_at_night_old_photos_go_and_others_stay(
    round_: Round, files: PhotoFiles, clock: time_machine.Traveller, database: Database, sql: Any
) -> None:
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    clock.shift(timedelta(days=90))
    assert purge(database, files) == (0, 0)
    ok(round_.dairy.login("admin@dairy.example").patch("/settings", {"photo_days": None}))
    clock.shift(timedelta(days=9))
    assert purge(database, files) == (0, 0)
    ok(round_.dairy.login("admin@dairy.example").patch("/settings", {"photo_days": 98}))
    assert purge(database, files) == (1, 0)
    assert (names(files), sql("SELECT count(*) FROM delivery_photos")) == (set(), [(0,)])
    assert purge(database, files) == (0, 0)


def test_old_photos_go_chunk_by_chunk(
    round_: Round, files: PhotoFiles, clock: time_machine.Traveller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CHUNK", 2)
    for _ in range(5):
        ok(send(round_.boy, confirmed(round_), door((20, 20))))
    clock.shift(timedelta(days=91))
    assert purge(database, files) == (5, 0)
    assert names(files) == set()


def test_files_without_a_row_go_when_they_are_an_hour_old(
    round_: Round, files: PhotoFiles, clock: time_machine.Traveller, database: Database
) -> None:
    ok(send(round_.boy, confirmed(round_), door()))
    (kept,) = names(files)
    old, young = stray(files, f"{'0' * 32}.jpg"), stray(files, f"{'1' * 32}.jpg")
    broken_off = stray(files, f"{'2' * 32}.jpg.unfinished")
    moment = now().timestamp()
    for name in (kept, old, broken_off):
        age(files, name, timedelta(hours=2), moment)
    age(files, young, timedelta(minutes=59), moment)
    assert purge(database, files) == (0, 2)
    assert names(files) == {kept, young}


def test_the_command_of_the_night(
    round_: Round, files: PhotoFiles, clock: time_machine.Traveller, database_url: str, settings: Settings
) -> None:
    ok(send(round_.boy, confirmed(round_), door()))
    clock.shift(timedelta(days=91))
    given = {"DATABASE_URL": psycopg_dsn(database_url), "DAIRY_DATA_DIR": str(settings.data_dir)}
    done = run_command("photos", "purge", "--json", **given)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"old": 1, "orphans": 0})
    assert run_command("photos", "purge", **given).stdout == "old photos: 0, files without a row: 0\n"
    assert names(files) == set()


def test_where_files_lie_is_a_setting(tmp_path: Any) -> None:
    given = {"DAIRY_DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql:///dairy"}
    assert Settings.from_environment(given).files == tmp_path / "files"
    other = Settings.from_environment({**given, "DAIRY_FILES_DIR": str(tmp_path / "disk")})
    assert other.files == tmp_path / "disk"
