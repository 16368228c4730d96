"""Connections and threads of one serving process: waitress, with deadlines.

One loop reads and writes all connections, so a slow one costs a descriptor and not a thread; a thread works only on
requests that have arrived whole. What waitress leaves open and is closed here: a request that never arrives whole,
an answer that is hardly read (a stream behind it would hold its snapshot), an end that cuts answers short.
Its own refusals are problem documents, and ``/api/health`` never waits behind other requests.
"""

import json
import logging
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from dairy_app.common.errors import Problem, code_of_http_status

#: Connections that wait to be accepted.
BACKLOG = 2048
#: Each round of the loop looks at all connections, so it pays to accept several in one.
ACCEPTED_AT_ONCE = 8
#: Open connections of one process, where the system allows so many descriptors.
MOST_CONNECTIONS = 4000
#: Descriptors for all else: the database, files, large bodies.
OTHER_DESCRIPTORS = 200
MAX_HEADER_BYTES = 32 * 1024
#: Seconds for the head of a request, for all of it, and between two requests.
HEAD_SECONDS, REQUEST_SECONDS, IDLE_SECONDS = 20, 300, 75
#: So much of a streamed answer waits for its reader; then what makes it waits, too.
MAX_WAITING_BYTES = 1024 * 1024
#: Who takes less than this of a waiting answer is taken for gone.
MIN_BYTES_A_SECOND, SLOW_SECONDS = 4096, 60
#: After a refusal the rest of what the client sends is thrown away so long, else it would never read why.
LINGER_SECONDS = 5
#: Seconds for running requests when the process is told to stop, and for a request that is on its way then: over a
#: connection that is new or was used a moment ago.
GRACE_SECONDS, ON_ITS_WAY_SECONDS = 30, 1
#: Seconds between two looks at the deadlines.
CHECK_SECONDS = 5
HEALTH = {"/api/health", "/api/health/live", "/api/health/ready"}
HEALTH_THREADS = 2
#: Without poll (Windows) select takes at most 512 sockets.
_HAS_POLL = hasattr(select, "poll")


class Refusal(ErrorTask):
    """What the server itself refuses (a request that cannot be read, one that is too large), as a problem document."""

    def execute(self) -> None:
        error = self.request.error
        code = code_of_http_status(error.code)
        problem = Problem(code, self._detail(code, str(error.body)))
        identity = uuid4().hex
        body = json.dumps(problem.document(f"urn:request:{identity}")).encode()
        self.status = f"{problem.status} {error.reason}"
        self.response_headers += [
            ("Content-Type", "application/problem+json"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Request-Id", identity),
        ]
        self.content_length = len(body)
        self.set_close_on_finish()
        self.channel.refused = True
        self.write(body)

    def _detail(self, code: str, body: str) -> str:
        limits = self.channel.adj
        known = {
            "payload_too_large": f"At most {limits.max_request_body_size - 1:,} bytes.",
            "headers_too_large": f"At most {limits.max_request_header_size:,} bytes of headers, the address included.",
            "internal_error": "",
        }
        return known.get(code, f"{body.rstrip('.')}.")


class Channel(HTTPChannel):
    """One connection."""

    error_task_class = Refusal
    #: The server itself refused what came here; the connection ends with that …
    refused = False
    #: … after some seconds in which the rest of what is sent is thrown away.
    lingers_since: float | None = None
    #: Since when a request arrives; None between two.
    arrives_since: float | None = None
    #: Since when an answer waits to be read, and what was taken of it since.
    waits_since: float | None = None
    taken = 0

    def received(self, data: bytes) -> bool:
        read: bool = super().received(data)
        if self.request is None:
            self.arrives_since = None
        elif self.arrives_since is None:
            self.arrives_since = time.time()
        return read

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close=do_close)
        self.taken += sent
        return sent

    def handle_read(self) -> None:
        if self.lingers_since is None:
            super().handle_read()
        else:
            self.recv(self.adj.recv_bytes)

    def handle_close(self) -> None:
        if self.refused and self.lingers_since is None:
            with suppress(OSError):  # it is gone
                self.socket.shutdown(socket.SHUT_WR)
                self.lingers_since = time.time()
                self.will_close = self.close_when_flushed = False
                return
        super().handle_close()

    def is_overdue(self, now: float) -> bool:
        """Whether one of the deadlines has passed."""
        if self.lingers_since is not None:
            return now - self.lingers_since > LINGER_SECONDS
        if self.total_outbufs_len:
            return self._is_hardly_read(now)
        self.waits_since = None
        if self.requests:
            return False
        if self.arrives_since is None or self.request is None:
            return bool(now - self.last_activity > IDLE_SECONDS)
        arrived = self.request.headers_finished
        return bool(now - self.arrives_since > (REQUEST_SECONDS if arrived else HEAD_SECONDS))

    def is_quiet(self, now: float) -> bool:
        """Whether a server that stops may hang up: nothing is answered, and nothing came for a moment."""
        since = self.last_activity if self.arrives_since is None else self.arrives_since
        return not self.requests and not self.total_outbufs_len and now - since > ON_ITS_WAY_SECONDS

    def _is_hardly_read(self, now: float) -> bool:
        if self.waits_since is not None and now - self.waits_since < SLOW_SECONDS:
            return False
        slow = self.waits_since is not None and self.taken < MIN_BYTES_A_SECOND * (now - self.waits_since)
        self.waits_since, self.taken = now, 0
        return slow


class Server(TcpWSGIServer):
    """Serves the application on a socket that listens, until ``stop``; other processes may share the socket."""

    channel_class = Channel

    def __init__(
        self,
        application: Callable[..., Any],
        listener: socket.socket,
        *,
        threads: int,
        max_body_bytes: int,
        keep_proxy_headers: bool,
    ) -> None:
        self.stopping = False
        self.health_dispatcher = ThreadedTaskDispatcher()
        self.health_dispatcher.set_thread_count(HEALTH_THREADS)
        ThreadedTaskDispatcher.queue_logger.setLevel(logging.ERROR)  # a line for each request that waits
        super().__init__(
            application,
            {},
            _sock=listener,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            adj=Adjustments(
                sockets=[listener],
                threads=threads,
                backlog=BACKLOG,
                connection_limit=_most_connections(),
                asyncore_use_poll=_HAS_POLL,
                cleanup_interval=CHECK_SECONDS,
                outbuf_high_watermark=MAX_WAITING_BYTES,
                max_request_header_size=MAX_HEADER_BYTES,
                max_request_body_size=max_body_bytes + 1,
                # What proxies say is for the application, which knows how many to believe; else nobody's word counts.
                clear_untrusted_proxy_headers=not keep_proxy_headers,
                log_socket_errors=False,
                ident="",
            ),
        )

    def handle_accept(self) -> None:
        """Take some of those that wait, not all: the other processes shall have theirs."""
        for _ in range(ACCEPTED_AT_ONCE):
            known = len(self._map)
            super().handle_accept()
            if len(self._map) == known:
                return

    def _accept_all(self) -> None:
        """Take whoever has connected and waits: closing the socket would hang up on them."""
        known = -1
        while known < len(self._map):
            known = len(self._map)
            self.handle_accept()

    def add_task(self, task: Channel) -> None:
        """Give a request that has arrived to a thread; those of health have their own."""
        if self.stopping and hasattr(task.requests[0], "headers"):
            task.requests[0].headers["CONNECTION"] = "close"  # so that the next one is sent elsewhere
        if getattr(task.requests[0], "path", None) in HEALTH:
            self.health_dispatcher.add_task(task)
        else:
            super().add_task(task)

    def maintenance(self, now: float) -> None:
        """Close what is past a deadline; at once, because who does not read is never ready to be written to."""
        for channel in list(self.active_channels.values()):
            if channel.is_overdue(now):
                channel.handle_close()

    def stop(self) -> None:
        """Take no more connections, finish what runs. May be called by a signal, or by another thread."""
        self.stopping = True
        with suppress(OSError):  # the other thread saw it and has closed everything
            self.pull_trigger()

    def run(self, is_alone: Callable[[], bool] = lambda: False) -> None:
        """Serve until ``stop``, or until ``is_alone`` says that who started this process is gone."""
        while not (self.stopping or is_alone()):
            wasyncore.loop(1, _HAS_POLL, self._map, count=1)
        self._accept_all()
        wasyncore.dispatcher.close(self)  # the socket, not the trigger that tells of answers
        end = time.monotonic() + GRACE_SECONDS
        while self.active_channels and time.monotonic() < end:
            for channel in list(self.active_channels.values()):
                if channel.is_quiet(time.time()):
                    channel.handle_close()
            wasyncore.loop(0.1, _HAS_POLL, self._map, count=1)
        for dispatcher in (self.task_dispatcher, self.health_dispatcher):
            dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map)


def _most_connections() -> int:
    if not _HAS_POLL:
        return 500
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft - OTHER_DESCRIPTORS)
