"""Files that commands write: whole or not at all, and for their owner's eyes, for they hold names and amounts."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may look into (0700); one that is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file (0600) that takes the place of ``target`` when the block ends well, and goes away when it does not."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise click.UsageError(f"cannot write in {target.parent}: {error.strerror}") from None
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
