"""Backup and restore with PostgreSQL's own tools, and which of the installed tools fit a server.

``pg_dump`` refuses a server newer than itself, so it is not enough to take the first one on the path.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from sqlalchemy import text

from dairy_app.database import embedded_postgres
from dairy_app.database.addresses import normalise_url
from dairy_app.database.migrations import connect, is_pooled, pool_refusal

#: How long a restore waits for tables that others use, before it gives up and changes nothing.
LOCK_TIMEOUT = "10s"


class BackupError(RuntimeError):
    """A backup or restore that cannot be done; one line that says why and what to do."""


class BackupUnderWay(BackupError):
    """Another backup is being written to the same file, or was when its program was killed."""


def libpq(url: str) -> tuple[str, dict[str, str]]:
    """The URL as psql and pg_dump take it, and an environment with the password: `ps` must not show it."""
    parsed = normalise_url(url).set(drivername="postgresql")
    environment = dict(os.environ)
    if parsed.password:
        environment["PGPASSWORD"] = str(parsed.password)
        parsed = parsed._replace(password=None)
    return parsed.render_as_string(hide_password=False), environment


def tools_for(url: str) -> Path:
    """The folder of the psql, pg_dump and pg_restore to use with a server: the first that is not older.

    Tools of the operating system come first, because the embedded ones speak no TLS.
    """
    with connect(url) as connection:
        server = int(connection.scalar(text("SHOW server_version_num"))) // 10000
    candidates = []
    if on_path := shutil.which("pg_dump"):
        candidates.append(Path(on_path).parent)
    candidates.append(embedded_postgres.bin_dir())
    for folder in candidates:
        if _major(folder / "pg_dump") >= server:
            return folder
    raise BackupError(f"the server is PostgreSQL {server}: install its client tools (pg_dump {server})")


def _major(program: Path) -> int:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    version = answer.split()[2:3]  # pg_dump (PostgreSQL) 18.6
    return int(version[0].split(".")[0]) if version else 0


def backup(url: str, target: Path) -> None:
    """Writes the whole database to ``target`` (custom format); only a complete file gets that name."""
    if target.exists():
        raise BackupError(f"{target} exists already: name another file")
    if not target.parent.is_dir():
        raise BackupError(f"there is no folder {target.parent}")
    _refuse_pool(url)
    tools = tools_for(url)
    address, environment = libpq(url)
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        unfinished.touch(mode=0o600, exist_ok=False)  # by one of two only, and before pg_dump does it by its umask
    except FileExistsError:
        raise BackupUnderWay(f"{unfinished} is being written; if nobody is at it, delete it") from None
    try:
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}"]
        _run([tools / "pg_dump", *options, address], environment)
        _run([tools / "pg_restore", "--list", unfinished], environment)
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _refuse_pool(url: str) -> None:
    """What pg_dump and a restore set for their session (no search_path) would be for whoever gets it next."""
    with connect(url) as connection:
        if is_pooled(connection):
            raise BackupError(pool_refusal("back up and restore"))


def is_empty(url: str) -> bool:
    """Whether the database has no table of anybody."""
    with connect(url) as connection:
        tables = "SELECT 1 FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') LIMIT 1"
        return connection.execute(text(tables)).first() is None


def restore(url: str, source: Path, *, replace: bool = False) -> None:
    """Fills the database from a backup, in one transaction: afterwards it is as in the backup, or untouched.

    A database that holds anything is refused, unless ``replace`` says that it may be lost.
    """
    if not source.is_file():
        raise BackupError(f"there is no file {source}")
    _refuse_pool(url)
    empty = is_empty(url)
    if not empty and not replace:
        raise BackupError("the database is not empty; --replace throws away what is in it")
    tools = tools_for(url)
    address, environment = libpq(url)
    prologue = f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';\n"
    if not empty:
        prologue += "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n"
    _replay(tools, source, prologue, address, environment)


def _replay(tools: Path, source: Path, prologue: str, address: str, environment: Mapping[str, str]) -> None:
    """Streams pg_restore into psql; COMMIT follows only after pg_restore has written everything."""
    dump: list[str | Path] = [tools / "pg_restore", "--no-owner", "--no-privileges", "--file=-", source]
    quiet = ["--no-psqlrc", "--quiet", f"--output={os.devnull}", "--set=ON_ERROR_STOP=1"]
    load: list[str | Path] = [tools / "psql", *quiet, address]
    with TemporaryFile() as errors, TemporaryFile() as more_errors:
        reading = subprocess.Popen(dump, stdout=subprocess.PIPE, stderr=more_errors)
        writing = subprocess.Popen(load, stdin=subprocess.PIPE, stderr=errors, env=environment)
        with suppress(BrokenPipeError), reading, writing:
            assert reading.stdout is not None
            assert writing.stdin is not None
            writing.stdin.write(prologue.encode())
            _copy_header(reading.stdout, writing.stdin)
            shutil.copyfileobj(reading.stdout, writing.stdin)
            if reading.wait() == 0:
                writing.stdin.write(b"\nCOMMIT;\n")
            writing.stdin.close()
        _refuse_failure("psql", writing.returncode, errors)
        _refuse_failure("pg_restore", reading.returncode, more_errors)


def _copy_header(script: IO[bytes], target: IO[bytes]) -> None:
    """Copies the settings at the top, except for one that newer tools write and PostgreSQL 15 and 16 do not know."""
    for line in script:
        if not line.startswith(b"SET transaction_timeout"):
            target.write(line)
        if line.startswith(b"SET client_encoding"):
            return


def _run(arguments: list[str | Path], environment: Mapping[str, str]) -> None:
    with TemporaryFile() as errors:
        done = subprocess.run(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=errors, check=False)
        _refuse_failure(Path(arguments[0]).name, done.returncode, errors)


def _refuse_failure(program: str, code: int, errors: IO[bytes]) -> None:
    if code != 0:
        errors.seek(0)
        lines = [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
        raise BackupError(f"{program}: {lines[0] if lines else f'ended with code {code}'}")
