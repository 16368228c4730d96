"""A server that is there but does not answer (stopped, its disk gone): the wait for it ends on this side."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine, event

#: Seconds between two looks.
_EVERY = 0.5
_OPTION = "dairy_patience"


class Watch:
    """Breaks off the connection of a statement, or of a commit, that nobody has answered in time.

    PostgreSQL ends what takes too long by itself (``statement_timeout``), and TCP notices a host that is gone; neither
    helps when the host is well and the server stands still. The statement then fails like any other whose server
    went away. How long that takes is told per transaction, by ``options``.
    """

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._due: dict[Any, float] = {}
        self._thread: threading.Thread | None = None
        for name in ("before_cursor_execute", "commit", "rollback"):
            event.listen(engine, name, self._began)
        event.listen(engine, "after_cursor_execute", self._ended)
        event.listen(engine, "handle_error", self._failed)
        event.listen(engine, "checkin", self._returned)

    @staticmethod
    def options(patience: float | None, others: Mapping[str, Any]) -> dict[str, Any]:
        """Execution options of a connection: these, and how many seconds its statements are waited for."""
        return {**others, _OPTION: patience}

    @contextmanager
    def over(self, connection: Any, patience: float | None) -> Iterator[None]:
        """The same for what a driver's connection does in this block."""
        self._set(connection, patience)
        try:
            yield
        finally:
            self._clear(connection)

    def _began(self, connection: Any, *_: Any) -> None:
        if not connection.invalidated:
            self._set(connection.connection.driver_connection, connection.get_execution_options().get(_OPTION))

    def _ended(self, connection: Any, *_: Any) -> None:
        self._clear(connection.connection.driver_connection)

    def _failed(self, context: Any) -> None:
        if context.connection is not None and not context.connection.invalidated:
            self._clear(context.connection.connection.driver_connection)

    def _returned(self, connection: Any, _record: Any) -> None:
        self._clear(connection)

    def _set(self, connection: Any, patience: float | None) -> None:
        if patience is None:
            return
        with self._lock:
            self._due[connection] = time.monotonic() + patience
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="database-watch", daemon=True)
                self._thread.start()

    def _clear(self, connection: Any) -> None:
        with self._lock:
            self._due.pop(connection, None)

    def _look(self) -> None:
        while True:
            time.sleep(_EVERY)
            with self._lock:  # while it is held, what is in the list still waits: its descriptor is its own
                now = time.monotonic()
                for connection in [each for each, due in self._due.items() if due < now]:
                    del self._due[connection]
                    with suppress(Exception):  # closed meanwhile
                        _break_off(connection)


def _break_off(connection: Any) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
