"""Serving the application: processes that share one listening socket, and a parent that replaces those that die.

Where a process cannot fork (Windows) there is one, without a parent.
"""

import errno
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from dairy_app.app import MAX_BODY_BYTES, create_app
from dairy_app.connections import BACKLOG, GRACE_SECONDS, Server
from dairy_app.database.models import Base
from dairy_app.settings import Settings, SettingsError
from dairy_app.web.logs import configure_logging, log

#: A process that ends sooner than this is not replaced at once: it would be a loop of nothing but starts.
SHORT_LIFE = 2.0
#: Exit code of a process that could not make the application; another one could not, either.
CANNOT_START = 3
_STOPS = (signal.SIGINT, signal.SIGTERM)


def default_workers() -> int:
    """One process per usable core, at most four: the database needs its share of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 4)


def serve(settings: Settings, host: str, port: int, workers: int, threads: int) -> None:
    """Serve until stopped by a signal.

    The application is made before the fork, so that the workers share it and answer at once. Making it opens no
    connection and starts no thread: those are each worker's own, from its first request.
    Raises SettingsError when the address cannot be listened on, or when no worker can start.
    """
    settings.require_secret_key()
    settings = replace(settings, pool_size=settings.pool_size or threads)
    settings.resolve_database_url()  # one line now, instead of one traceback per worker
    configure_logging(settings.log_level, settings.log_format)
    listener = listen(host, port)
    settings = replace(settings, served_at=address_of(listener))

    app = create_app(settings)
    Base.registry.configure()  # what the ORM makes of the models: else each worker would, in its first request

    def make() -> Server:
        return Server(
            app,
            listener,
            threads=threads,
            max_body_bytes=MAX_BODY_BYTES,
            keep_proxy_headers=settings.trusted_proxies > 0,
        )

    print(f"serving at {address_of(listener, as_bound=True)}", flush=True)  # noqa: T201
    if hasattr(os, "fork"):
        Workers(make, listener, workers).run()
    else:
        server = make()
        _stop_by_signal(server.stop)
        server.run()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there: ours from here on, so that no second server finds out later."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        if sys.platform != "win32":  # there it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(f"port {port} of {host} is in use: choose another with --port") from None
        reason = error.strerror or str(error)
        raise SettingsError(f"cannot listen on port {port} of {host} ({reason}): see --host and --port") from None
    return listener


def address_of(listener: socket.socket, *, as_bound: bool = False) -> str:
    """Where one finds it; with port 0 this is where one learns the real one.

    Nobody can visit the address that stands for all of a machine's (``0.0.0.0``, ``::``): unless ``as_bound`` it is
    that of the machine itself.
    """
    host, port = listener.getsockname()[:2]
    if not as_bound:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _stop_by_signal(stop: Callable[[], None]) -> None:
    for number in _STOPS:
        signal.signal(number, lambda *_: stop())


class Workers:
    """The parent: starts so many processes that serve, replaces those that end, ends with them.

    SIGTERM and SIGINT are passed on; what does not end in time is killed. A process whose parent is gone ends itself.
    """

    def __init__(self, make: Callable[[], Server], listener: socket.socket, count: int) -> None:
        self._make, self._listener, self._count = make, listener, count
        #: Process → when it was started.
        self._began: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Until the last process has ended. Raises SettingsError when one could not start."""
        gc.freeze()  # the collectors of the processes would write to what they share with us
        _stop_by_signal(self._stop)
        signal.signal(signal.SIGALRM, lambda *_: self._signal(signal.SIGKILL))
        failed = False
        while self._began or not self._stopping:
            while not self._stopping and len(self._began) < self._count:
                self._start()
            pid, status = os.wait()
            began = self._began.pop(pid, None)
            if began is None or self._stopping:  # None: a stranger's, where this is the first process of a container
                continue
            if os.waitstatus_to_exitcode(status) == CANNOT_START:
                failed = True
                self._stop()
                continue
            log.error("a serving process ended; another one takes its place", pid=pid, status=status)
            if time.monotonic() - began < SHORT_LIFE:
                time.sleep(SHORT_LIFE)
        signal.alarm(0)
        if failed:
            raise SettingsError("the application could not be started: see the lines above")

    def _start(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # until it is known, here and there, what they shall do
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            os._exit(self._serve(parent))
        self._began[pid] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)

    def _serve(self, parent: int) -> int:
        """What a process does; its exit code."""
        code = CANNOT_START
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            server = self._make()
            code = 1
            _stop_by_signal(server.stop)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            server.run(lambda: os.getppid() != parent)
            for thread in threading.enumerate():  # a billing run that outlived its request
                if not thread.daemon and thread is not threading.main_thread():
                    thread.join(GRACE_SECONDS)
        except BaseException as error:
            log.error("a serving process failed", exc_info=error)
            return code
        return 0

    def _stop(self) -> None:
        self._stopping = True
        self._listener.close()
        self._signal(signal.SIGTERM)
        signal.alarm(GRACE_SECONDS + 5)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._began:
            os.kill(pid, number)
