"""What is measured of a case, and what comes of it."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.databases import BenchDatabase, BenchServer
from benchmarks.processor import tree_seconds
from benchmarks.sample import Sample
from benchmarks.statements import Statements

#: The floors: own triggers off; triggers, constraints and locks on; our own function without HTTP and Python.
BARE, GUARANTEED, FUNCTION = "bare", "guarantees", "same function"
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything is done in one round."""

    confirmations: int
    sets: int
    reads: int
    #: Per worker of the server; each is measured.
    threads: tuple[int, ...]
    #: Fewer would not be a median.
    rounds: int = 3
    #: Processes of the server.
    workers: int = 2


@dataclass(slots=True)
class Side:
    """One way of doing the work, ours or a floor: figures of each round, in which ``units`` units are done."""

    units: int
    seconds: list[float] = field(default_factory=list)
    #: CPU seconds of the processes of each; empty where the operating system does not tell them.
    python: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)
    #: Of single requests.
    latencies: list[float] = field(default_factory=list)
    statements: Statements | None = None
    peak_mb: float | None = None
    notes: dict[str, float] = field(default_factory=dict)

    def add(self, seconds: float, python: float | None, postgres: float | None) -> None:
        self.seconds.append(seconds)
        if python is not None:
            self.python.append(python)
        if postgres is not None:
            self.postgres.append(postgres)

    @property
    def seconds_each(self) -> float:
        """The median round's, for one unit."""
        return statistics.median(self.seconds) / self.units

    def cpu_each(self, figures: Sequence[float]) -> float | None:
        """CPU seconds of a unit, of ``python`` or ``postgres``; None where they are not known."""
        # The system counts in hundredths of a second: the mean of all rounds is off by less than each.
        return sum(figures) / len(figures) / self.units if figures else None

    def percentiles(self) -> dict[str, float]:
        """Seconds of single requests, by ``p50`` and so on; empty where there are no requests."""
        if not self.latencies:
            return {}
        cuts = statistics.quantiles(self.latencies, n=100, method="inclusive")
        return {f"p{each}": cuts[each - 1] for each in PERCENTILES}


@dataclass(frozen=True, slots=True)
class Result:
    """One case: ours and its floors."""

    key: str
    case: str
    size: str
    #: What a unit is: an invoice, a request.
    unit: str
    ours: Side
    #: By name, ``BARE`` first.
    floors: Mapping[str, Side]
    #: The most that ours may take, in times of the floor of that name.
    targets: Mapping[str, float] = field(default_factory=dict)
    #: ``statements`` are those of so many requests, sets or runs.
    counted: int = 1

    def ratio(self, floor: str) -> float | None:
        """Our time in times of a floor's; None when the case has no such floor."""
        return self.ours.seconds_each / self.floors[floor].seconds_each if floor in self.floors else None

    def misses(self, floor: str) -> bool:
        """Whether the floor has a target and ours does not reach it."""
        ratio = self.ratio(floor)
        return ratio is not None and floor in self.targets and ratio > self.targets[floor]

    @property
    def fairest(self) -> str:
        """The floor that keeps what ours keeps: where something is written, the one with the same guarantees."""
        return GUARANTEED if GUARANTEED in self.floors else BARE

    @property
    def python_each(self) -> float | None:
        return self.ours.cpu_each(self.ours.python)

    @property
    def postgres_each(self) -> float | None:
        return self.ours.cpu_each(self.ours.postgres)

    @property
    def statements(self) -> float | None:
        """Statements of one request, set or run, without those that ``brackets`` counts: BEGIN and COMMIT."""
        return self.ours.statements.working / self.counted if self.ours.statements else None

    @property
    def brackets(self) -> float | None:
        return self.ours.statements.brackets / self.counted if self.ours.statements else None


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything is measured."""

    server: BenchServer
    sample: Sample
    scale: Scale
    #: The server's first process, when it is on this machine.
    postmaster: int | None
    #: Whether the sample is small enough to be copied for cases that spoil it.
    copies: bool = True

    def measure(self, side: Side, work: Callable[[], float], server: int | None = None) -> None:
        """One round: ``work`` says how long it took. ``server``: the process of ours that is asked to do it."""
        python, postgres = tree_seconds(server), tree_seconds(self.postmaster)
        seconds = work()
        postgres_after, python_after = tree_seconds(self.postmaster), tree_seconds(server)
        side.add(seconds, difference(python, python_after), difference(postgres, postgres_after))

    def in_turns(self, *ways: Callable[[int], Any]) -> None:
        """Ours and the floors one after the other, as often as the scale says; who begins changes too."""
        for turn in range(self.scale.rounds):
            for each in ways if turn % 2 == 0 else reversed(ways):
                each(turn)


def difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def require_same_work(case: str, done: Mapping[str, set[Any]]) -> None:
    """Raise unless ours and all floors came to the same."""
    if len({frozenset(each) for each in done.values()}) != 1 or any(len(each) != 1 for each in done.values()):
        raise AssertionError(f"{case}: ours and the floors did not do the same work: {dict(done)}")


def facts_of(database: BenchDatabase, statement: str, *parameters: Any) -> tuple[str, ...]:
    """One row, as text: what a piece of work came to."""
    return tuple(str(each) for each in database.rows(statement, *parameters)[0])
