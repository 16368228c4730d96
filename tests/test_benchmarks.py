"""The benchmarks run: every case at the smallest size, ours and floor doing the same work. No timing is asserted."""

import json
from pathlib import Path

import pytest
from sqlalchemy import make_url

from benchmarks.__main__ import main
from benchmarks.cases import Scale
from benchmarks.databases import BenchDatabase, BenchServer
from tests.conftest import Server

pytestmark = pytest.mark.slow

SMALLEST = Scale(confirmations=16, sets=1, reads=10, threads=(2,), rounds=1, workers=1)


def test_every_case_runs(server: Server, tmp_path: Path) -> None:
    results = main(BenchServer(make_url(server.url)), tmp_path, 20, 0, SMALLEST)
    assert [result.case for result in results] == [
        "billing run",
        "CSV of invoice lines",
        "preview over HTTP",
        "order list over HTTP",
        "generate a day",
        "confirm in sets of 1,000",
        "confirm one, same function",
        "confirm one, unlocked minimum",
    ]
    written = json.loads((tmp_path / "results.json").read_text())
    assert [each["case"] for each in written["results"]] == [result.case for result in results]
    assert (tmp_path / "results.svg").read_text().count("<rect") == 1 + len(results)
    assert server_databases(server) == []


def server_databases(server: Server) -> list[str]:
    """Databases of the benchmark that were left behind."""
    rows = BenchDatabase(make_url(server.url)).rows("SELECT datname FROM pg_database WHERE datname LIKE 'dairy_bench%'")
    return [name for (name,) in rows]
