"""Files of photos: written whole or not at all, in a folder that only its owner may look into.

A file has a random name and lies in the folder of its first two letters, so that no folder grows long. Another process,
or another server of the same database, may do all of this at the same time.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from dairy_app.common.errors import Problem
from dairy_app.common.files import make_private_folder
from dairy_app.photos.rules import FILE_NAME
from dairy_app.settings import Settings
from dairy_app.web.logs import log

FOLDER = "photos"
#: A file that is not complete yet; one that stays was broken off.
_UNFINISHED = ".unfinished"


class Found(NamedTuple):
    """A file that is there: bytes, and when it was written. One that is no photo has a name that no row has."""

    name: str
    size: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class PhotoFiles:
    """The folder of photos."""

    folder: Path

    def write(self, content: bytes) -> str:
        """Keep a picture; its new name. When this returns, it survives a power cut.

        Raises ``files_unavailable`` when the folder cannot be written to, or is full.
        """
        name = f"{secrets.token_hex(16)}.jpg"
        target = self._place(name)
        unfinished = target.with_name(f"{name}{_UNFINISHED}")
        try:
            for folder in (self.folder.parent, self.folder, target.parent):
                make_private_folder(folder)
            try:
                with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.rename(target)
            except OSError:
                with suppress(OSError):
                    unfinished.unlink(missing_ok=True)
                raise
            _settle(target.parent)
        except OSError as error:
            log.error("photo not stored", folder=str(self.folder), reason=error.strerror)
            raise Problem("files_unavailable", "The photo could not be stored.") from error
        return name

    def read(self, name: str) -> bytes | None:
        """The content of a file; None when there is none. Raises ``files_unavailable``."""
        try:
            return self._place(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.error("photo not read", folder=str(self.folder), reason=error.strerror)
            raise Problem("files_unavailable", "The photo could not be read.") from error

    def size_of(self, name: str) -> int | None:
        """The bytes of a file; None when there is none that can be reached."""
        try:
            return self._place(name).stat().st_size
        except OSError:
            return None

    def remove(self, name: str) -> bool:
        """Delete a file that no row has any more; what fails is left to the nightly command. Whether it was there."""
        try:
            self._place(name).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            log.error("photo not deleted", folder=str(self.folder), reason=error.strerror)
            return False
        return True

    def parts(self) -> Iterator[list[Found]]:
        """Every file that is there, folder by folder. Nothing when there is no folder yet; raises OSError."""
        if not self.folder.exists():
            return
        for part in sorted(self.folder.iterdir()):
            if part.is_dir():
                yield list(_files_in(part))

    def fault(self) -> str | None:
        """Why photos cannot be stored here; None: they can be. The folder is made with the first photo."""
        place = self.folder
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            return f"{place} is not a folder"
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            return f"{place} cannot be written to"
        return None

    def _place(self, name: str) -> Path:
        """Where a file lies. A name that is none of ours leads nowhere."""
        if not FILE_NAME.fullmatch(name.removesuffix(_UNFINISHED)):
            raise FileNotFoundError(name)
        return self.folder / name[:2] / name


def files_of(settings: Settings) -> PhotoFiles:
    """The photos of a process's settings."""
    return PhotoFiles(settings.files / FOLDER)


def _files_in(folder: Path) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # it was deleted, or completed, just now
                if entry.is_file(follow_symlinks=False):
                    seen = entry.stat(follow_symlinks=False)
                    yield Found(entry.name, seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC))


def _settle(folder: Path) -> None:
    """Have the names in a folder survive a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
