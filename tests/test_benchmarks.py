"""The benchmarks run: every case at the smallest size, ours and floors doing the same work. No timing is asserted."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console
from sqlalchemy import make_url

from benchmarks import cases, compare, floors, processor
from benchmarks.__main__ import by_environment, main
from benchmarks.databases import BenchDatabase, BenchServer, FloorFailed
from benchmarks.results import BARE, FUNCTION, GUARANTEED, Result, Scale, require_same_work
from benchmarks.statements import BEGIN, END, Statements, count_statements
from tests.conftest import Server

pytestmark = pytest.mark.slow

SMALLEST = Scale(confirmations=16, sets=1, reads=10, threads=(2,), rounds=1, workers=1)
WRITING = ["billing", "generate", "confirm-sets", "confirm-one-2"]
HAS_PROC = Path("/proc/self/task").exists()
#: A process tree's CPU is known to a hundredth of a second, and each process of it is rounded.
TICKS = 0.1


@pytest.fixture
def bench_server(server: Server) -> BenchServer:
    """Databases of this process's own: another may measure on the same server."""
    is_own = "TEST_DATABASE_URL" not in os.environ
    return BenchServer(make_url(server.url), is_own, base=f"dairy_bench_{os.getpid()}")


def test_every_case_runs(bench_server: BenchServer, template: str, tmp_path: Path) -> None:
    wanted = cases.keys(SMALLEST)
    results = main(bench_server, tmp_path, 20, 0, SMALLEST, wanted=wanted, name="some", template=template)
    assert [result.key for result in results] == wanted
    for result in results:
        assert list(result.floors) == ([BARE, GUARANTEED] if result.key in WRITING else [BARE]) + (
            [FUNCTION] if result.key == "confirm-one-2" else []
        )
        assert result.unit != "request" or list(result.ours.percentiles()) == ["p50", "p95", "p99"]
        assert_cpu_is_plausible(result)
        if bench_server.is_own:
            assert_statements_are_whole(result)
    if HAS_PROC and bench_server.is_own:
        served = [result.ours for result in results if result.unit == "request"]
        assert sum(sum(side.python) for side in served) > TICKS
        assert sum(sum(side.postgres) for side in served) > 0
        assert all(side.postgres for result in results for side in (result.ours, *result.floors.values()))
        assert all(result.ours.peak_mb for result in results)
    assert_written(tmp_path, results)
    left = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    assert BenchDatabase(bench_server.url).rows(left, bench_server.base) == []


def test_a_sample_too_large_to_be_copied_is_billed_itself(
    bench_server: BenchServer, template: str, tmp_path: Path
) -> None:
    wanted = ["auth", "csv", "billing", "preview"]
    results = main(bench_server, tmp_path, 20, 1, SMALLEST, wanted=wanted, template=template, copies=False)
    assert [result.key for result in results] == ["preview", "billing", "auth", "csv"]
    sides = next(result for result in results if result.key == "billing")
    assert len(sides.ours.seconds) == 1
    assert all(len(side.seconds) == SMALLEST.rounds for side in sides.floors.values())
    (month,) = json.loads((tmp_path / "results.json").read_text())["growth"]
    assert month["orders_before"] == 0
    assert month["bytes"] > 0 < month["seconds"]
    drawn = ElementTree.parse(tmp_path / "results-growth.svg")
    assert len(drawn.findall("{*}circle")) >= 3


def test_other_work_is_seen_before_it_is_rolled_back(
    bench_server: BenchServer, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = floors.BILLING.replace("{issued} + row_number()", "{issued} + 1 + row_number()")
    monkeypatch.setattr(floors, "BILLING", shifted)
    with pytest.raises(AssertionError, match="billing: ours and the floors did not do the same work"):
        main(bench_server, tmp_path, 20, 0, SMALLEST, wanted=["billing"], template=template, copies=False)


def test_room_for_a_copy(bench_server: BenchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    size = bench_server.value("SELECT pg_database_size('postgres')")
    server = BenchServer(bench_server.url, is_own=True, base="postgres")
    for free, has_room in ((size, False), (2 * size, True)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert server.has_room_for_a_copy() is has_room
    assert BenchServer(bench_server.url, is_own=False, base="postgres").has_room_for_a_copy()


def assert_cpu_is_plausible(result: Result) -> None:
    """No more than all cores could have given; without /proc or far away it is not known, never a guess."""
    given = sum(result.ours.seconds) * (os.cpu_count() or 1) + TICKS
    assert 0 <= sum(result.ours.python) <= given
    for side in (result.ours, *result.floors.values()):
        assert sum(side.postgres) >= 0
    if result.key in WRITING[:3]:  # counted within the process, finer than the ticks of /proc
        assert result.python_each is not None
        assert 0 < result.python_each * result.ours.units <= given


def assert_statements_are_whole(result: Result) -> None:
    """Each request sends the same; some begin and end a transaction."""
    assert result.statements is not None and result.brackets is not None
    assert result.statements == int(result.statements) >= 1
    assert result.brackets == int(result.brackets) >= 1


def assert_written(folder: Path, results: list[Result]) -> None:
    written = json.loads((folder / "some.json").read_text())
    assert set(written["facts"]) >= {"cores", "processor", "python", "postgresql", "customers", "history"}
    for result, each in zip(results, written["results"], strict=True):
        assert each["ours"]["python_cpu_each"] == pytest.approx(result.python_each, abs=1e-7)
        assert each["ours"]["statements"] == result.statements
        ratios = {name: floor["ratio"] for name, floor in each["floors"].items()}
        assert ratios == pytest.approx({name: result.ratio(name) for name in result.floors}, abs=1e-7)
    picture = (folder / "some.svg").read_text()
    bars = sum(len(result.floors) + 2 * (result.postgres_each is not None) for result in results)
    assert len(ElementTree.fromstring(picture).findall("{*}rect")) == 1 + bars
    assert picture.count("statements") == sum(result.statements is not None for result in results)
    assert compare.differences(written, written) == []


def test_only_the_bare_floor_may_leave_half_undone(
    bench_server: BenchServer, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = re.sub(r"UPDATE order_items .*?;", "", floors.CONFIRM_SET, flags=re.S)
    monkeypatch.setattr(floors, "CONFIRM_SET", half)
    with pytest.raises(FloorFailed, match="disagree about what was delivered"):
        main(bench_server, tmp_path, 20, 0, SMALLEST, wanted=["confirm-sets"], template=template)


def test_other_work_is_refused() -> None:
    require_same_work("billing", {"ours": {("20", "1.00")}, BARE: {("20", "1.00")}})
    with pytest.raises(AssertionError, match="billing: ours and the floors did not do the same work"):
        require_same_work("billing", {"ours": {("20", "1.00")}, BARE: {("20", "2.00")}})
    with pytest.raises(AssertionError):
        require_same_work("billing", {"ours": {(1,), (2,)}, BARE: {(1,), (2,)}})


def test_statements_are_counted_by_the_server(bench_server: BenchServer, database_url: str) -> None:
    if not bench_server.is_own:
        pytest.skip("counts only in the log of an embedded server")
    database = BenchDatabase(make_url(database_url))

    def work() -> None:
        with database.connected() as cursor:
            for statement in ("SELECT 0", BEGIN, "BEGIN", "SELECT 1,\n 2", "COPY settings TO STDOUT", "COMMIT", END):
                if statement.startswith("COPY"):
                    with Path(os.devnull).open("w") as nowhere:
                        cursor.copy_expert(statement, nowhere)
                else:
                    cursor.execute(statement)

    assert count_statements(bench_server, database, work) == Statements(working=2, brackets=2)
    assert bench_server.value("SHOW log_statement") == "none"
    elsewhere = BenchServer(bench_server.url, is_own=False)
    assert count_statements(elsewhere, database, work) is None


def test_cpu_of_a_tree_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with one that lives, which waited for one of its own, and with one that ended."""

    def process(pid: int, name: str, ticks: tuple[int, int, int, int], children: str) -> None:
        (tmp_path / f"{pid}/task/{pid}").mkdir(parents=True)
        (tmp_path / f"{pid}/task/{pid}/children").write_text(children)
        user, system, reaped_user, reaped_system = ticks
        fields = f"S 1 1 1 0 -1 0 0 0 0 0 {user} {system} {reaped_user} {reaped_system} 20 0 1"
        (tmp_path / f"{pid}/stat").write_text(f"{pid} ({name}) {fields}")

    process(10, "postgres", (1, 2, 100, 200), "11 12")
    process(11, "a) b (c", (10, 20, 1000, 2000), "")
    monkeypatch.setattr(processor, "PROC", tmp_path)  # 12 has ended since it was listed
    assert processor.tree_seconds(10) == pytest.approx(3333 / processor.TICKS)
    assert processor.tree_seconds(13) is None
    assert processor.tree_seconds(None) is None


@pytest.mark.skipif(not HAS_PROC, reason="CPU of other processes comes from /proc")
def test_cpu_of_a_child_that_ended_is_not_lost() -> None:
    burn = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print('done', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        used = processor.tree_seconds(parent.pid)
        parent.communicate(b"\n")
    assert used is not None
    assert 0.2 - TICKS <= used < 1


def test_a_server_elsewhere_has_no_cpu() -> None:
    assert processor.postmaster_of(BenchDatabase(make_url("postgresql://db.example/dairy"))) is None


def test_case_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cases.chosen("confirm", cases.STANDARD) == [
        "confirm-sets",
        "confirm-one-2",
        "confirm-one-4",
        "confirm-one-8",
    ]
    assert cases.chosen("", SMALLEST) == cases.keys(SMALLEST)
    monkeypatch.setenv("CASE", "confrim")
    with pytest.raises(SystemExit, match=r"'confrim'. There are: auth, ledger, .*, confirm-one-8$"):
        by_environment(tmp_path)


def test_one_case_runs_alone(bench_server: BenchServer, template: str, tmp_path: Path) -> None:
    results = main(bench_server, tmp_path, 20, 0, SMALLEST, wanted=["generate"], name="one", template=template)
    assert [result.key for result in results] == ["generate"]


def run_of(ratio: float, cpu: float | None, key: str = "auth", **facts: Any) -> dict[str, Any]:
    ours = {"python_cpu_each": cpu, "postgres_cpu_each": 0.001}
    return {"facts": {"cores": 2, **facts}, "results": [{"key": key, "ours": ours, "floors": {BARE: {"ratio": ratio}}}]}


def test_compare_shows_before_and_after() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(compare.table(run_of(2.0, 0.002), run_of(1.0, 0.003)))
    said = console.export_text()
    assert "2.00 → 1.00 (−50 %)" in said
    assert "2.0 ms → 3.0 ms (+50 %)" in said
    assert "1.0 ms → 1.0 ms (+0 %)" in said
    assert compare.differences(run_of(1, 1), run_of(1, 1, cores=4)) == ["not the same cores: 2 before, 4 after"]
    assert compare.differences(run_of(1, 1), run_of(1, 1, "csv")) == ["not measured before: csv"]
    console.print(compare.table(run_of(2.0, None), run_of(1.0, 0.003)))  # measured where CPU was not known


@pytest.mark.parametrize(
    "spoil", [lambda path: None, lambda path: path.write_text("{"), lambda path: path.write_text("{}")]
)
def test_compare_says_what_is_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]
) -> None:
    spoil(tmp_path / "results.json")
    monkeypatch.setenv("COMPARE", str(tmp_path / "results.json"))
    with pytest.raises(SystemExit, match=r"results\.json has no results of `make bench`"):
        by_environment(tmp_path)
