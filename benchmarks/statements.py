"""How many statements a piece of work sends: counted by the server, in its own log.

Only on the embedded server, whose settings are ours to change and whose log we can read.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.databases import BenchDatabase, BenchServer

BEGIN, END = "SELECT 'the counted work begins'", "SELECT 'the counted work ends'"
_PREFIX = "counted in %d: "
_SETTINGS = {"log_statement": "all", "log_line_prefix": _PREFIX}
#: BEGIN and COMMIT are round trips too, but no work.
_BRACKETS = ("BEGIN", "COMMIT", "ROLLBACK", "START", "END")


@dataclass(frozen=True, slots=True)
class Statements:
    """Statements, and beside them those that only begin and end transactions."""

    working: int
    brackets: int


def count_statements(server: BenchServer, database: BenchDatabase, work: Callable[[], object]) -> Statements | None:
    """Do ``work`` and count what it sends to ``database`` between ``BEGIN`` and ``END``, which it sends itself.

    None, the work done all the same, on a server that is not ours.
    """
    if not server.is_own:
        work()
        return None
    before = _log_size(server)
    _log_statements(server, True)
    try:
        work()
    finally:
        _log_statements(server, False)
    written = server.value("SELECT pg_read_binary_file('server.log', %s, %s)", before, _log_size(server) - before)
    return read_log(bytes(written).decode(errors="replace"), database.name)


def read_log(log: str, name: str) -> Statements:
    """Count the statements of one database between the two marks."""
    sent = re.findall(f"^{re.escape(_PREFIX.replace('%d', name))}LOG:  (?:statement|execute [^:]*): (.*)", log, re.M)
    between = sent[sent.index(BEGIN) + 1 : sent.index(END)]
    brackets = sum(each.partition(" ")[0].rstrip(";").upper() in _BRACKETS for each in between)
    return Statements(len(between) - brackets, brackets)


def _log_size(server: BenchServer) -> int:
    return int(server.value("SELECT size FROM pg_stat_file('server.log')"))


def _log_statements(server: BenchServer, wanted: bool) -> None:
    """Begin or stop logging in every session, also those that are open, and wait until it is done."""
    for name, value in _SETTINGS.items():
        server.run(f"ALTER SYSTEM SET {name} = '{value}'" if wanted else f"ALTER SYSTEM RESET {name}")
    server.run("SELECT pg_reload_conf()")
    deadline = time.monotonic() + 10
    # A new session gets its settings from the postmaster, which has told all others by then.
    while (server.value("SHOW log_statement") == "all") != wanted:
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not take its new settings")
        time.sleep(0.01)
