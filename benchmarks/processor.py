"""CPU seconds of a process and all that it started, as the operating system counts them in /proc.

Times on a machine that others use too are noise; what the processor did for us is hardly any.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import BenchDatabase

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
#: A process that starts and ends others all the time is never seen at rest; the last look must do then.
LOOKS = 50
LOCAL = (None, "", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class _Counted:
    """One process: its name, its parent, and ticks of its own and of children that ended and were waited for."""

    name: str
    parent: int
    own: int
    reaped: int


def tree_seconds(pid: int | None) -> float | None:
    """User and system seconds of a process and everything below it, living or ended; None where nobody can say."""
    if pid is None:
        return None
    try:
        return _ticks(pid) / TICKS
    except OSError:
        return None


def postmaster_of(database: BenchDatabase) -> int | None:
    """The process of this machine that all of the server's belong to; None when the server runs elsewhere."""
    host = database.url.query.get("host", database.url.host)
    if host not in LOCAL and not str(host).startswith("/"):
        return None
    with database.connected() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        try:
            ours = _read(cursor.fetchone()[0])
            # The number may be that of a server in a container, and here somebody else's.
            return ours.parent if {ours.name, _read(ours.parent).name} == {"postgres"} else None
        except OSError:
            return None


def children_of(pid: int) -> list[int]:
    """The living processes that a process started."""
    return [int(each) for each in (PROC / f"{pid}/task/{pid}/children").read_text().split()]


def _ticks(pid: int) -> int:
    """Each tick once: when a child ends, its ticks move to its parent, and then we look again."""
    for _ in range(LOOKS):
        before = _read(pid).reaped
        below = sum(_ticks_if_there(child) for child in children_of(pid))
        now = _read(pid)
        if now.reaped == before:
            break
    return now.own + now.reaped + below


def _ticks_if_there(pid: int) -> int:
    try:
        return _ticks(pid)
    except OSError:
        return 0


def _read(pid: int) -> _Counted:
    text = (PROC / str(pid) / "stat").read_text()
    name, after = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    user, system, reaped_user, reaped_system = map(int, after[11:15])
    return _Counted(name, int(after[1]), user + system, reaped_user + reaped_system)
