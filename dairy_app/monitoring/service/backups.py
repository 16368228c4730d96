"""The backups that lie in a folder, and making one while the dairy goes on."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.database.backups import BackupError, BackupUnderWay, backup
from dairy_app.web.logs import log

#: A backup that is not done after so many seconds goes on in the background.
PATIENCE = 5.0
#: How many a folder's list shows.
SHOWN = 10
#: One that nobody has written to for so long was given up: its program was killed.
GIVEN_UP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup: a complete one, or one that is being written; ``size`` in bytes."""

    name: str
    size: int
    made_at: datetime
    is_complete: bool


def kept(folder: Path) -> list[Kept]:
    """The latest backups of a folder, the newest first; none when there is no folder, or it may not be read."""
    found = []
    for file in (*folder.glob("*.dump"), *folder.glob("*.dump.unfinished")):
        try:
            seen = file.stat()
        except OSError:  # it was finished, or cleared away, just now
            continue
        at, is_complete = datetime.fromtimestamp(seen.st_mtime, UTC), file.suffix == ".dump"
        if is_complete or now() - at < GIVEN_UP:
            found.append(Kept(file.name.removesuffix(".unfinished"), seen.st_size, at, is_complete))
    return sorted(found, key=lambda each: each.made_at, reverse=True)[:SHOWN]


def make(url: str, folder: Path) -> str | None:
    """Back the database up into a folder, which is made when there is none; the name of the file once it is complete.

    None: it goes on in the background. Raises ``backup_under_way`` while another is being written, ``backup_failed``
    with the words of the system or of PostgreSQL's tools.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Problem("backup_failed", str(error)) from error
    if any(not each.is_complete for each in kept(folder)):
        raise Problem("backup_under_way")
    target, failures = folder / f"dairy-{now():%Y-%m-%d-%H%M%S}.dump", list[Problem]()
    if target.exists():  # sent twice within a second
        return target.name
    worker = Thread(target=_write, args=(url, target, failures), name="backup")
    worker.start()
    worker.join(PATIENCE)
    if failures:
        raise failures[0]
    return None if worker.is_alive() else target.name


def _write(url: str, target: Path, failures: list[Problem]) -> None:
    try:
        backup(url, target)
        log.info("backup made", file=target.name)
    except BackupUnderWay:
        failures.append(Problem("backup_under_way"))
    except (BackupError, OSError) as error:
        failures.append(Problem("backup_failed", str(error)))
        log.error("backup failed", reason=str(error))
    except Exception as error:  # a thread's end is seen by nobody: without this the page would say that it was made
        failures.append(Problem("backup_failed", type(error).__name__))
        log.exception("backup failed")
