"""CSV straight from the database: server-side COPY out of one snapshot, in constant memory.

The dialect is RFC 4180 with CRLF. The server writes and quotes the fields; it ends a row with a bare LF, and
hands over one row at a time (libpq, PQgetCopyData), so that a row's own end can be told from a line break
inside a quoted cell.
"""

from collections.abc import Callable, Sequence
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.common.logs import log
from dairy_app.common.transactions import Database

BOM: Final = b"\xef\xbb\xbf"
CHUNK_BYTES = 64 * 1024
#: Chunks made before anybody takes them; then the database waits for the reader.
CHUNKS_AHEAD = 8
#: A reader that takes nothing for so many seconds loses its snapshot: it would hold back vacuum.
PATIENCE = 120.0

#: After the last chunk.
END: Final = b""

Take = Callable[[bytes], object]


class CsvSource:
    """A SELECT whose rows become CSV lines. All cells are text, numbers and dates as the SELECT makes them.

    ``time_zone``: an SQL expression; instants are written in that zone.
    """

    def __init__(
        self, header: Sequence[str], select: str, parameters: dict[str, Any], *, bom: bool, time_zone: str
    ) -> None:
        self.select, self.parameters, self._time_zone = select, parameters, time_zone
        self.prefix = (BOM if bom else b"") + ",".join(header).encode() + b"\r\n"

    def settle(self, session: Session) -> None:
        """Make the transaction write the same text whatever the server's settings; its first statement.

        Dates are ISO on every connection of the driver.
        JIT would cost a second of compiling for the many expressions of a profile and save nothing.
        """
        session.execute(
            text(f"""
                SELECT set_config('TimeZone', {self._time_zone}, true),
                    set_config('jit', 'off', true), set_config('work_mem', '64MB', true)""")
        )

    def copy(self, session: Session, take: Take, progress: Callable[[int], object] | None = None) -> int:
        """Hand the rows to ``take`` in chunks; returns their number. ``progress`` gets the number so far."""
        with driver_connection(session).cursor() as cursor:
            select = cursor.mogrify(self.select, self.parameters).decode()
            rows = _Rows(take, progress)
            cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')", rows)
        rows.flush()
        return rows.count


def driver_connection(session: Session) -> Any:
    """The psycopg2 connection under a session."""
    return session.connection().connection.driver_connection


class _Rows:
    """The file that COPY writes to: one call a row."""

    def __init__(self, take: Take, progress: Callable[[int], object] | None) -> None:
        self.count = 0
        self._take, self._progress = take, progress
        self._buffer = bytearray()

    def write(self, row: bytes) -> None:
        self.count += 1
        buffer = self._buffer
        buffer += row
        buffer[-1:] = b"\r\n"
        if len(buffer) >= CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        chunk, self._buffer = bytes(self._buffer), bytearray()
        self._take(chunk)
        if self._progress:
            self._progress(self.count)


class CsvStream:
    """The body of a response: an iterator of chunks that a thread fills from the database.

    What fails before the first byte is raised by the constructor and becomes a problem document. What fails
    later is raised by the iterator: the server then breaks the connection off, so that a CSV that is cut short
    never looks whole. ``close`` (the client went away) cancels the COPY and gives the connection back.
    """

    def __init__(self, database: Database, source: CsvSource, *, patience: float = PATIENCE) -> None:
        self._database, self._source, self._patience = database, source, patience
        self._chunks: Queue[bytes | BaseException] = Queue(CHUNKS_AHEAD)
        self._abandoned = Event()
        self._lock = Lock()
        self._copying: Any = None
        self._worker = Thread(target=self._produce, name="csv", daemon=True)
        self._worker.start()
        self._first: bytes | None = self._next()

    def __iter__(self) -> "CsvStream":
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
        """Stop the COPY if it still runs; afterwards the connection is back in the pool."""
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
                self._source.settle(session)
                self._hand_over(self._source.prefix)
                self._copy(session)
        except BaseException as error:
            last = error
        if not self._abandoned.is_set():
            self._chunks.put(last)

    def _copy(self, session: Session) -> None:
        with self._lock:
            if self._abandoned.is_set():
                return
            self._copying = driver_connection(session)
        try:
            self._source.copy(session, self._hand_over)
        finally:
            with self._lock:
                self._copying = None

    def _hand_over(self, chunk: bytes) -> None:
        """Wait for the reader. After it went away rows are thrown away until the server hears of it.

        It is told again with every chunk: a cancel that arrived before the COPY had begun was lost.
        """
        if self._abandoned.is_set():
            self._cancel()
            return
        if not chunk:
            return
        try:
            self._chunks.put(chunk, timeout=self._patience)
        except Full:
            log.warning("export stopped: nobody reads it", seconds=self._patience)
            self._abandon()
