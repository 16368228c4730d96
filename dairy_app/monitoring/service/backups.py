"""The backups that lie in a folder, and making one while the dairy goes on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.database.backups import BackupError, backup
from dairy_app.web.logs import log

#: A backup that is not done after so many seconds goes on in the background.
PATIENCE = 5.0
#: How many a folder's list shows.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup: a complete one, or one that is being written; ``size`` in bytes."""

    name: str
    size: int
    made_at: datetime
    is_complete: bool


def kept(folder: Path) -> list[Kept]:
    """The latest backups of a folder, the newest first; none when there is no folder."""
    found = []
    for file in (*folder.glob("*.dump"), *folder.glob("*.dump.unfinished")) if folder.is_dir() else ():
        try:
            seen = file.stat()
        except FileNotFoundError:  # it was finished, or cleared away, just now
            continue
        at = datetime.fromtimestamp(seen.st_mtime, UTC)
        found.append(Kept(file.name.removesuffix(".unfinished"), seen.st_size, at, file.suffix == ".dump"))
    return sorted(found, key=lambda each: each.made_at, reverse=True)[:SHOWN]


def make(url: str, folder: Path) -> str | None:
    """Back the database up into a folder, which is made when there is none; the name of the file once it is complete.

    None: it goes on in the background. Raises ``in_use`` while another is being written, ``backup_failed`` with the
    words of PostgreSQL's tools.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(not each.is_complete for each in kept(folder)):
        raise Problem("in_use", "A backup is being written just now.")
    target, failures = folder / f"dairy-{now():%Y-%m-%d-%H%M%S}.dump", list[str]()
    if target.exists():  # sent twice within a second
        return target.name
    worker = Thread(target=_write, args=(url, target, failures), name="backup")
    worker.start()
    worker.join(PATIENCE)
    if failures:
        raise Problem("backup_failed", failures[0])
    return None if worker.is_alive() else target.name


def _write(url: str, target: Path, failures: list[str]) -> None:
    try:
        backup(url, target)
        log.info("backup made", file=target.name)
    except (BackupError, OSError) as error:
        failures.append(str(error))
        log.error("backup failed", reason=str(error))
    except Exception as error:
        failures.append(type(error).__name__)
        log.exception("backup failed")
