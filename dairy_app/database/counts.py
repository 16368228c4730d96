"""Numbers that the processes of one server count together, in memory that a fork shares."""

import mmap
import os
import threading
from collections.abc import Sequence

#: Each process counts in a row of its own, chosen by its number. What two of the same row add at once may be lost.
_ROWS = 1024
_BYTES = 8


class Counts:
    """Counters by name, from 0 at the start of the server. They only rise, also when a process ends."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: place for place, name in enumerate(names)}
        self._numbers = memoryview(mmap.mmap(-1, _ROWS * len(names) * _BYTES)).cast("Q")
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """One more."""
        place = os.getpid() % _ROWS * len(self._names) + self._names[name]
        with self._lock:
            self._numbers[place] += 1

    def totals(self) -> dict[str, int]:
        """All of them, of all processes."""
        return {name: sum(self._numbers[place :: len(self._names)]) for name, place in self._names.items()}
