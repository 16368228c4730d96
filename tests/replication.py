"""A primary and a standby that streams from it, both on sockets of this machine alone."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
from sqlalchemy import make_url

from dairy_app.database import embedded_postgres
from tests.worker_database import psycopg_dsn


class Standby:
    """The copy of a primary, under way or stopped; it replays what it receives unless it is paused."""

    def __init__(self, main: Path, url: str, place: Path) -> None:
        self.main, self.place = main, place
        socket = parse_qs(urlsplit(url).query)["host"][0]
        command = [str(_tool()), "-D", str(place), "-h", socket, "-p", "5432", "-U", "dairy", "-R", "-X", "stream"]
        subprocess.run([*command, "-c", "fast"], check=True, capture_output=True)
        if not os.geteuid():
            owner = main.stat()
            for each in (place, *place.rglob("*")):
                os.chown(each, owner.st_uid, owner.st_gid)
        self.url = ""
        self.start()

    def start(self) -> None:
        self.url = embedded_postgres.start(self.place)

    def stop(self) -> None:
        embedded_postgres.stop(self.place)

    def url_of(self, primary_url: str) -> str:
        """The address here of a database of the primary."""
        database = make_url(primary_url).database
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    def ask(self, statement: str) -> object:
        """The first value of a statement, outside of every pool."""
        connection = psycopg2.connect(psycopg_dsn(self.url_of("postgresql:///postgres")))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                row = cursor.fetchone() if cursor.description else None
                return row[0] if row else None
        finally:
            connection.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It receives, and replays nothing until the end of the block."""
        self.ask("SELECT pg_wal_replay_pause()")
        try:
            while self.ask("SELECT pg_get_wal_replay_pause_state()") != "paused":
                pass
            yield
        finally:
            self.ask("SELECT pg_wal_replay_resume()")


@contextmanager
def primary_and_standby(place: Path) -> Iterator[tuple[str, Standby]]:
    """The URL of a primary, and its standby; both are stopped at the end. Skipped where nothing makes a standby."""
    if not _tool().exists():
        pytest.skip(f"there is no pg_basebackup in {_tool().parent}")
    shutil.rmtree(place, ignore_errors=True)
    main, copy = place / "main", place / "standby"
    try:
        url = embedded_postgres.start(main)
        yield url, Standby(main, url, copy)
    finally:
        for each in (copy, main):
            embedded_postgres.stop(each)
        shutil.rmtree(place, ignore_errors=True)


def _tool() -> Path:
    return embedded_postgres.bin_dir() / "pg_basebackup"
