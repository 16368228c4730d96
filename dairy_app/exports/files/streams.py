"""Files straight from the database, out of one snapshot and in constant memory; a CSV by server-side COPY.

The dialect is RFC 4180 with CRLF. The server writes and quotes the fields; it ends a row with a bare LF, and
hands over one row at a time (libpq, PQgetCopyData), so that a row's own end can be told from a line break
inside a quoted cell.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Any, Final, Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.database.transactions import Database, driver_cursor
from dairy_app.web.logs import log

BOM: Final = b"\xef\xbb\xbf"
CHUNK_BYTES = 64 * 1024
#: Chunks made before anybody takes them; then the database waits for the reader.
CHUNKS_AHEAD = 8
#: A reader that takes nothing for so many seconds loses its snapshot: it would hold back vacuum.
PATIENCE = 120.0
#: Nor may it last longer than this, however slowly it is read.
LONGEST = 3600.0

#: After the last chunk.
END: Final = b""
#: Rows that a cursor brings at a time.
ROWS_AT_A_TIME = 2000

#: Gets the chunks. False says that nobody wants more: then the rest may be left out.
Take = Callable[[bytes], object]
Progress = Callable[[int], object]


class Source(Protocol):
    """A file that is made while it is read, in one transaction."""

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand the file to ``take`` in chunks; returns its rows. ``progress`` gets the number so far."""
        ...


class Abandoned(Exception):
    """Nobody reads the file any more."""


def settle(session: Session) -> None:
    """Make the transaction write the same text whatever the server's settings; its first statement.

    Instants are written in the dairy's zone; dates are ISO on every connection of the driver.
    JIT would cost a second of compiling for the many expressions of a profile and save nothing.
    """
    session.execute(
        text("""
            SELECT set_config('TimeZone', (SELECT time_zone FROM settings), true),
                set_config('jit', 'off', true), set_config('work_mem', '64MB', true)""")
    )


def read_rows(session: Session, select: str, parameters: dict[str, Any], take: Take) -> Iterator[tuple[Any, ...]]:
    """The rows of a SELECT by a server-side cursor, with their own types.

    Raises Abandoned when ``take`` wants nothing more: a request to cancel finds no statement running between two
    fetches, so the reader is asked.
    """
    with driver_cursor(session, name="export") as cursor:
        cursor.itersize = ROWS_AT_A_TIME
        cursor.execute(select, parameters)
        for number, row in enumerate(cursor):
            if number % ROWS_AT_A_TIME == 0 and take(b"") is False:
                raise Abandoned
            yield row


class CsvSource:
    """A SELECT whose rows become CSV lines. All cells are text, numbers and dates as the SELECT makes them."""

    def __init__(self, header: Sequence[str], select: str, parameters: dict[str, Any], *, bom: bool) -> None:
        self.select, self.parameters = select, parameters
        self.prefix = (BOM if bom else b"") + ",".join(header).encode() + b"\r\n"

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand header and rows to ``take`` in chunks; returns the number of rows."""
        rows = _Rows(self.prefix, take, progress)
        with driver_cursor(session) as cursor:
            select = cursor.mogrify(self.select, self.parameters).decode()
            cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')", rows)
        rows.flush()
        return rows.count


class _Rows:
    """The file that COPY writes to: one call a row. ``prefix`` goes with the first rows, so that a statement that
    fails at once is refused before the first byte."""

    def __init__(self, prefix: bytes, take: Take, progress: Progress | None) -> None:
        self.count = 0
        self._prefix, self._take, self._progress = prefix, take, progress
        self._rows: list[bytes] = []
        self._size = 0

    def write(self, row: bytes) -> None:
        self._rows.append(row)
        self._size += len(row)
        if self._size >= CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        rows, self._rows, self._size = self._rows, [], 0
        self.count += len(rows)
        chunk = b"".join(rows)
        if b'"' in chunk:  # a cell with a line break is quoted
            chunk = b"".join([row[:-1] + b"\r\n" for row in rows])
        else:
            chunk = chunk.replace(b"\n", b"\r\n")
        self._take(self._prefix + chunk)
        self._prefix = b""
        if self._progress:
            self._progress(self.count)


class ExportStream:
    """The body of a response: an iterator of chunks that a thread fills from the database.

    What fails before the first byte is raised by the constructor and becomes a problem document. What fails
    later is raised by the iterator: the server then breaks the connection off, so that a file that is cut short
    never looks whole. ``close`` (the client went away) cancels the statement and gives the connection back.
    """

    def __init__(self, database: Database, source: Source, *, patience: float = PATIENCE) -> None:
        self._database, self._source, self._patience = database, source, patience
        self._ends = time.monotonic() + LONGEST
        self._chunks: Queue[bytes | BaseException] = Queue(CHUNKS_AHEAD)
        self._abandoned = Event()
        self._lock = Lock()
        self._copying: Any = None
        self._worker = Thread(target=self._produce, name="export", daemon=True)
        self._worker.start()
        self._first: bytes | None = self._next()

    def __iter__(self) -> "ExportStream":
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            chunk, self._first = self._first, None
            return chunk
        try:
            chunk = self._next()
        except BaseException as error:
            log.error("export broken off", exc_info=error)
            raise
        if chunk == END:
            raise StopIteration
        return chunk

    def _next(self) -> bytes:
        while True:
            try:
                chunk = self._chunks.get(timeout=1)
            except Empty:
                if self._abandoned.is_set():
                    raise TimeoutError("the export was stopped, because nobody read it") from None
            else:
                break
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk

    def close(self) -> None:
        """Stop the statement if it still runs; afterwards the connection is back in the pool."""
        self._abandon()
        while True:  # make room for a worker that waits to hand over
            try:
                self._chunks.get_nowait()
            except Empty:
                break
        self._worker.join()

    def _abandon(self) -> None:
        self._abandoned.set()
        self._cancel()

    def _cancel(self) -> None:
        with self._lock:  # never cancel what the connection does for somebody else afterwards
            if self._copying is not None:
                self._copying.cancel()

    def _produce(self) -> None:
        """The worker: one transaction from the first byte to the last."""
        last: bytes | BaseException = END
        try:
            with self._database.transaction(read_only=True, snapshot=True) as session:
                settle(session)
                self._copy(session)
        except BaseException as error:
            last = error
        if not self._abandoned.is_set():
            self._chunks.put(last)

    def _copy(self, session: Session) -> None:
        with self._lock:
            if self._abandoned.is_set():
                return
            self._copying = session.connection().connection.driver_connection
        try:
            self._source.copy(session, self._hand_over)
        finally:
            with self._lock:
                self._copying = None

    def _hand_over(self, chunk: bytes) -> bool:
        """Wait for the reader; False after it went away. Then rows are thrown away until the server hears of it.

        It is told again with every chunk: a cancel that arrived before the statement had begun was lost.
        """
        if self._abandoned.is_set():
            self._cancel()
            return False
        if not chunk:
            return True
        try:
            self._chunks.put(chunk, timeout=max(0.0, min(self._patience, self._ends - time.monotonic())))
        except Full:
            log.warning("export stopped: it is read too slowly")
            self._abandon()
            return False
        return True
