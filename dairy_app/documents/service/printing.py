"""All documents of a month as files: several processes, a few in memory at a time, taken up where it stopped."""

import hashlib
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings
from dairy_app.common.files import replacing
from dairy_app.common.words import Words
from dairy_app.database.transactions import Database
from dairy_app.documents import queries
from dairy_app.documents.drawing import pdf
from dairy_app.documents.drawing.document import Document
from dairy_app.documents.drawing.words import catalogues, choose
from dairy_app.documents.service import documents as service

#: Documents read with one set of statements.
CHUNK = 100
#: Raised when the drawing changes: kept files are then drawn anew.
DRAWING = 3


@dataclass(frozen=True, slots=True)
class Task:
    """Which documents to write where. ``language`` None: each customer's own."""

    url: str
    folder: Path
    ids: tuple[UUID, ...]
    language: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """An invoice whose file could not be made; ``name`` is its number, or its id when not even that was read."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """Files written, files that were there already with the same content, and documents that could not be drawn."""

    written: int = 0
    kept: int = 0
    failed: tuple[Failed, ...] = ()

    def __add__(self, other: "Done") -> "Done":
        return Done(self.written + other.written, self.kept + other.kept, self.failed + other.failed)

    @property
    def documents(self) -> int:
        return self.written + self.kept + len(self.failed)


def print_period(
    database: Database, url: str, period: str, folder: Path, *, jobs: int, language: str | None
) -> Iterator[Done]:
    """Write a month's documents; yields what each chunk totalled. Two chunks a process are under way at most."""
    tasks = _tasks(database, url, period, folder, language)
    if jobs == 1:
        for task in tasks:
            yield _print(database, task)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: set[Future[Done]] = set()
        for task in tasks:
            running.add(pool.submit(print_apart, task))
            if len(running) >= 2 * jobs:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in ended)
        yield from (each.result() for each in running)


def _tasks(database: Database, url: str, period: str, folder: Path, language: str | None) -> Iterator[Task]:
    after: UUID | None = None
    while True:
        position = after

        def read(session: Session) -> list[UUID]:
            return queries.documents_of_period(session, period, position, CHUNK)  # noqa: B023 - run at once

        ids = database.run(read, read_only=True)
        if not ids:
            return
        yield Task(url, folder, tuple(ids), language)
        after = ids[-1]


_own: dict[str, Database] = {}


def print_apart(task: Task) -> Done:
    """In a process of its own, which keeps its connection from chunk to chunk."""
    if task.url not in _own:
        _own[task.url] = Database(task.url, pool_size=1, application_name="dairy invoices").for_longer_work()
    return _print(_own[task.url], task)


def _print(database: Database, task: Task) -> Done:
    """A chunk's files. One that cannot be made is named and never keeps the others back.

    What no other would survive either (the database away, a full disk) is raised.
    """
    try:
        with database.transaction(read_only=True, snapshot=True) as session:
            documents = service.documents_of(session, task.ids)
            dairy = business_settings(session)
            words = [
                choose(dairy.second_language, task.language, document.language, dairy.language)
                for document in documents
            ]
    except (DBAPIError, OSError):
        raise
    except Exception as error:
        if len(task.ids) == 1:
            return Done(failed=(Failed(str(task.ids[0]), _said(error)),))
        return sum((_print(database, replace(task, ids=(each,))) for each in task.ids), Done())
    done = Done()
    for document, t in zip(documents, words, strict=True):
        try:
            done += _write(task.folder, document, t)
        except OSError:
            raise
        except Exception as error:
            done += Done(failed=(Failed(document.number, _said(error)),))
    return done


def _said(error: Exception) -> str:
    """A fault in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _write(folder: Path, document: Document, t: Words) -> Done:
    """One file, whole or not at all. One that says it has the same content is left alone."""
    target, mark = folder / document.file_name, mark_of(document, t)
    if target.exists() and _is_marked(target, mark):
        return Done(kept=1)
    with replacing(target) as file:
        # After %%EOF, where every reader stops: what the file was drawn from.
        file.write(pdf.draw(document, t) + mark)
    return Done(written=1)


def mark_of(document: Document, t: Words) -> bytes:
    """A comment at the end of a file that names its content: documents that would be drawn alike have the same one."""
    content = f"{DRAWING} {t.code} {_fingerprint_of_words()} {document!r}"
    return f"% dairy_app {hashlib.sha256(content.encode()).hexdigest()}\n".encode()


@cache
def _fingerprint_of_words() -> str:
    texts = repr([(code, sorted(words.texts.items())) for code, words in catalogues().items()])
    return hashlib.sha256(texts.encode()).hexdigest()


def _is_marked(file: Path, mark: bytes) -> bool:
    with file.open("rb") as opened:
        opened.seek(max(-len(mark), -file.stat().st_size), os.SEEK_END)
        return opened.read() == mark
