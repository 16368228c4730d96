"""Loading modules without looking for garbage meanwhile."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Import in this block what the process keeps until it ends.

    While modules are loaded there is next to no garbage, but the collector looks for it through everything that is
    loaded already, and once more at the exit: together a quarter of what a command's start costs. What is loaded here
    is frozen, that is never looked through; nothing is where all of it was loaded before.
    """
    collecting, known = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        if collecting:
            gc.enable()
