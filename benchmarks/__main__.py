"""``make bench``: build a dairy, measure, print, write. SIZE=small | large | a number of customers; HISTORY=months."""

import os
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.cases import CLONE, STANDARD, Result, Scale, run_all
from benchmarks.databases import BenchServer, running_server
from benchmarks.sample import build
from dairy_app.settings import default_data_dir

SIZES = {"small": 2_000, "large": 100_000}
BASE = "dairy_bench"


def main(server: BenchServer, folder: Path, customers: int, history: int, scale: Scale) -> list[Result]:
    """Build, measure, print, and write to ``folder``; the databases made for it are dropped."""
    console = Console(stderr=True)
    begin = time.perf_counter()
    console.print(f"Building {customers:,} customers with {history + 1} months …")
    results: list[Result] = []
    try:
        sample = build(server.create(BASE), customers, history)
        console.print(f"built in {time.perf_counter() - begin:.1f} s")
        for result in run_all(server, sample, scale):
            console.print(f"{result.case} ({result.size}): {result.ratio:.2f}")
            results.append(result)
    finally:
        server.drop(CLONE)
        server.drop(BASE)
    report.print_table(results)
    about = {"customers": customers, "history": history, "postgresql": server.version()}
    for path in report.write(folder, results, about):
        console.print(str(path))
    console.print(f"{time.perf_counter() - begin:.0f} s in all")
    return results


def size_of(text: str) -> int:
    if text not in SIZES and not text.isdecimal():
        sys.exit(f"SIZE must be small, large or a number of customers, not {text!r}")
    return SIZES.get(text) or int(text)


if __name__ == "__main__":
    bench = default_data_dir() / "bench"
    customers = size_of(os.environ.get("SIZE") or "small")
    with running_server(bench / "postgres") as server:
        main(server, bench, customers, int(os.environ.get("HISTORY") or 0), STANDARD)
