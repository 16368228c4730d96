"""Serving the application: gunicorn with threads, or waitress where gunicorn does not run (Windows)."""

import errno
import os
import socket
import sys
from typing import Any

from dairy_app.settings import Settings, SettingsError

#: Connections that wait while all threads are busy.
BACKLOG = 2048


def default_workers() -> int:
    """One process per usable core, at most four: the database needs its share of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 4)


def serve(settings: Settings, host: str, port: int, workers: int, threads: int) -> None:
    """Serve until stopped by a signal. Each worker makes the application itself, after the fork.

    Raises SettingsError when the address cannot be listened on.
    """
    settings.require_secret_key()
    settings.resolve_database_url()  # one line now, instead of one traceback per worker
    listener = listen(host, port)
    if sys.platform == "win32":
        _serve_with_waitress(settings, listener, threads)
    else:
        _serve_with_gunicorn(settings, listener, workers, threads)


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


def _serve_with_gunicorn(settings: Settings, listener: socket.socket, workers: int, threads: int) -> None:
    from gunicorn.app.base import BaseApplication

    from dairy_app.app import create_app

    class Server(BaseApplication):
        def load_config(self) -> None:
            options: dict[str, Any] = {
                "bind": f"fd://{listener.detach()}",
                "worker_class": "gthread",
                "workers": workers,
                "threads": threads,
                "control_socket_disable": True,  # else it opens one in the home directory
                "loglevel": "warning" if settings.log_level == "info" else settings.log_level,
                "proc_name": "dairy",
                "when_ready": _say_where,
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return create_app(settings)

    Server().run()


def _say_where(arbiter: Any) -> None:
    """Connections are taken from now on; with port 0 this is where one learns the real one."""
    for listener in arbiter.LISTENERS:
        host, port = listener.sock.getsockname()[:2]
        print(f"serving at http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201


def _serve_with_waitress(settings: Settings, listener: socket.socket, threads: int) -> None:
    from waitress import serve as waitress_serve

    from dairy_app.app import create_app

    waitress_serve(create_app(settings), sockets=[listener], threads=threads)
