"""``make bench``: build a dairy, measure, print, write.

SIZE=small | large | a number of customers; HISTORY=months before the one that is measured; CASE=a case or how some
begin; COMPARE=the results.json of an earlier run.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import cases, compare, report
from benchmarks.databases import BenchServer, running_server
from benchmarks.processor import postmaster_of
from benchmarks.results import Bench, Result, Scale
from benchmarks.sample import build
from benchmarks.words import seconds_text
from dairy_app.settings import default_data_dir

SIZES = {"small": 2_000, "large": 100_000}


def main(
    server: BenchServer,
    folder: Path,
    customers: int,
    history: int,
    scale: Scale,
    *,
    wanted: Sequence[str],
    name: str = "results",
    template: str | None = None,
    copies: bool | None = None,
) -> list[Result]:
    """Build, measure, print, and write ``name`` into ``folder``; the databases made for it are dropped.

    ``template`` is a database that is migrated already. Without a word about ``copies``, the room on the disk decides.
    """
    console = Console(stderr=True)
    begin = time.perf_counter()
    console.print(f"Building {customers:,} customers with {history + 1} months …")
    results: list[Result] = []
    try:
        sample = build(
            server.create(server.base, template),
            customers,
            history,
            lambda month: console.print(f"{month.period} issued in {seconds_text(month.seconds)}"),
        )
        console.print(f"built in {time.perf_counter() - begin:.1f} s")
        copies = server.has_room_for_a_copy() if copies is None else copies
        if not copies:
            console.print("no room for a copy: the sample itself is billed, once, and the floors are rolled back")
        bench = Bench(server, sample, scale, postmaster_of(sample.database), copies)
        for result in cases.run(bench, wanted):
            console.print(f"{result.key} ({result.size}): {seconds_text(result.ours.seconds_each)} each")
            results.append(result)
    finally:
        server.drop(server.clone)
        server.drop(server.base)
    report.print_tables(results, sample.growth)
    facts = {"customers": customers, "history": history, "postgresql": server.version(), **report.machine()}
    for path in report.write(folder, name, results, facts, sample.growth):
        console.print(str(path))
    console.print(f"{time.perf_counter() - begin:.0f} s in all")
    return results


def size_of(text: str) -> int:
    if text not in SIZES and not text.isdecimal():
        sys.exit(f"SIZE must be small, large or a number of customers, not {text!r}")
    return SIZES.get(text) or int(text)


def by_environment(folder: Path) -> None:
    """What is asked for in the environment. Whatever is wrong with it is said before anything is measured."""
    customers, case = size_of(os.environ.get("SIZE") or "small"), os.environ.get("CASE") or ""
    wanted = cases.chosen(case, cases.STANDARD)
    earlier = compare.read(Path(os.environ["COMPARE"])) if os.environ.get("COMPARE") else None
    name = f"results-{case}" if case else "results"
    with running_server(folder / "postgres") as server:
        main(server, folder, customers, int(os.environ.get("HISTORY") or 0), cases.STANDARD, wanted=wanted, name=name)
    if earlier is not None:
        compare.print_comparison(earlier, compare.read(folder / f"{name}.json"))


if __name__ == "__main__":
    by_environment(default_data_dir() / "bench")
