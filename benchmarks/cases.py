"""Which cases there are, and running those that are wanted: each on the database that it needs."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import reading, writing
from benchmarks.databases import BenchDatabase
from benchmarks.http_load import Served, serve
from benchmarks.results import Bench, Result, Scale

STANDARD = Scale(confirmations=800, sets=2, reads=200, threads=(2, 4, 8))
CONFIRM_ONE = "confirm-one-"

#: On a copy whose month is billed; from light to heavy, because workers keep some of the memory that they had.
_BILLED: Mapping[str, Callable[[Bench, BenchDatabase, Served], Result]] = {
    "auth": reading.auth,
    "ledger": reading.ledger,
    "round": reading.round_of_helper,
    "orders": reading.orders,
    "ageing": reading.ageing,
    "page-today": reading.page_today,
    "page-customer": reading.page_customer,
    "page-who-owes": reading.page_who_owes,
    "csv": reading.csv,
    "xlsx": reading.xlsx,
}
#: In processes of their own. The first writes into copies, the others into the sample.
_WRITING: Mapping[str, Callable[[Bench], Result]] = {
    "billing": writing.billing,
    "generate": writing.generate,
    "confirm-sets": writing.confirm_sets,
}


def keys(scale: Scale) -> list[str]:
    """The cases' short names, in the order in which they are run."""
    return [*_BILLED, *_WRITING, "preview", *(f"{CONFIRM_ONE}{threads}" for threads in scale.threads)]


def chosen(prefix: str, scale: Scale) -> list[str]:
    """The cases whose names begin so; ends the program with the names that exist when there is none."""
    wanted = [key for key in keys(scale) if key.startswith(prefix)]
    if not wanted:
        sys.exit(f"CASE must be a case or how some begin, not {prefix!r}. There are: {', '.join(keys(scale))}")
    return wanted


def run(bench: Bench, wanted: Sequence[str]) -> Iterator[Result]:
    """Every case that is wanted."""
    billed = [key for key in _BILLED if key in wanted]
    writing_ones = [key for key in _WRITING if key in wanted]
    if bench.copies:
        yield from _read_what_is_billed(bench, billed)
        yield from (_WRITING[key](bench) for key in writing_ones)
        yield from _serve_the_sample(bench, wanted)
    else:  # what bills the sample itself comes after all that need its month on drafts
        yield from _serve_the_sample(bench, wanted)
        yield from (_WRITING[key](bench) for key in reversed(writing_ones))
        yield from _read_what_is_billed(bench, billed)


def _read_what_is_billed(bench: Bench, wanted: Sequence[str]) -> Iterator[Result]:
    if not wanted:
        return
    database = bench.sample.database
    if bench.copies:
        database = bench.server.create(bench.server.clone, database.name)
    if bench.sample.is_open_in(database):
        writing.bill(bench, database)
    database.psql("VACUUM ANALYZE;")
    with serve(database, workers=bench.scale.workers, threads=8) as served:
        for key in wanted:
            yield _BILLED[key](bench, database, served)
    if bench.copies:
        bench.server.drop(bench.server.clone)


def _serve_the_sample(bench: Bench, wanted: Sequence[str]) -> Iterator[Result]:
    """Its month is on drafts, its orders of today are open; what is confirmed with how many threads."""
    reads = "preview" in wanted
    for threads in bench.scale.threads:
        confirms = f"{CONFIRM_ONE}{threads}" in wanted
        if reads or confirms:
            with serve(bench.sample.database, workers=bench.scale.workers, threads=threads) as served:
                if reads:
                    yield reading.preview(bench, served)
                if confirms:
                    yield writing.confirm_one(bench, served, threads)
            reads = False
