"""``dairy import-mongo``: taking over the data of the earlier system."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dairy_app.common.files import replacing
from dairy_app.legacy_import.judging.quarantine import WaitingDocuments
from dairy_app.legacy_import.queries.report import ImportReport
from dairy_app.legacy_import.reading.dumps import Dump, UnreadableDump, open_dump
from dairy_app.legacy_import.service.importing import ImportDoesNotBalance, import_dump
from dairy_app.legacy_import.writing import staging
from dairy_app.settings import Settings, SettingsError


class _DryRun(Exception):
    """Raised at the end of a dry run, so that the transaction is rolled back."""

    def __init__(self, report: ImportReport) -> None:
        self.report = report


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), required=False)
@click.option("--retry-quarantine", is_flag=True, help="Take what waits in quarantine again, instead of a dump.")
@click.option("--dry-run", is_flag=True, help="Do everything, report, keep nothing.")
@click.option("--report", "report_file", type=click.Path(path_type=Path, dir_okay=False), help="Also as JSON.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON instead of tables.")
def import_mongo(
    path: Path | None, retry_quarantine: bool, dry_run: bool, report_file: Path | None, as_json: bool
) -> int:
    """Take over the MongoDB data of the earlier system.

    PATH is a mongodump folder (*.bson, *.bson.gz), a mongoexport folder (*.json) or the system's own one-file
    backup. People, areas, products, standing orders, orders with their deliveries, payments and opening
    balances are written; delivered and unbilled orders land on drafts; what has no home here is counted. All
    or nothing: when documents or money do not balance, nothing is kept and the exit code is 1. Safe to repeat.

    What cannot be placed waits in quarantine with its reason. Repaired there, or given what it lacks, it is
    taken again with --retry-quarantine, without PATH.

    \b
    Example: dairy import-mongo dump/ --dry-run --report import.json
    """
    if (path is None) != retry_quarantine:
        raise click.UsageError("Name either PATH or --retry-quarantine.")
    try:
        dump = None if path is None else open_dump(path)
        report = _run(dump, dry_run)
    except UnreadableDump as error:
        click.echo(f"dairy: {error}", err=True)
        return 1
    if report_file is not None:
        with replacing(report_file) as file:
            file.writelines(line.encode() for line in report.as_json())
    if as_json:
        sys.stdout.writelines(report.as_json())
    else:
        report.print(_console())
        click.echo(_conclusion(report))
    for finding in report.findings():
        click.echo(f"dairy: {finding}", err=True)
    return 1 if report.findings() else 0


def _run(dump: Dump | None, dry_run: bool) -> ImportReport:
    database = Settings.from_environment().open_database_for_import()
    steps = None
    try:
        with _progress() as progress, database.transaction() as session:
            if not staging.may_stage(session):
                raise SettingsError("the import works in temporary tables: run it with the owner's role")
            steps = _Steps(progress)
            report = import_dump(session, dump or WaitingDocuments(session), steps)
            if dry_run:
                raise _DryRun(report)
            return report
    except _DryRun as done:
        done.report.dry_run = True
        return done.report
    except ImportDoesNotBalance as error:
        return error.report
    except UnreadableDump as error:  # a broken file in the middle: what was read before it is told
        return ImportReport(steps.documents(dump) if steps and dump else {}, unreadable=str(error))
    finally:
        database.dispose()


def _console() -> Console:
    """As wide as the terminal; into a file or a pipe wide enough for every table."""
    console = Console()
    return console if console.is_terminal else Console(width=120)


def _conclusion(report: ImportReport) -> str:
    if report.unreadable is not None:
        return "The dump cannot be read to its end: nothing was kept."
    if report.findings():
        return "The import does not balance: nothing was kept."
    if report.dry_run:
        return f"Dry run: {report.written:,} documents would be written; nothing was kept."
    return f"{report.written:,} documents written; documents and money balance."


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"))
    console = Console(file=sys.stderr)
    return Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal)


class _Steps:
    """One bar per collection read, one per step after that."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._step: str | None = None
        self._done: dict[str, int] = {}

    def documents(self, dump: Dump) -> dict[str, int]:
        """How many documents of each collection of the dump were read so far."""
        return {step: done for step, done in self._done.items() if step in dump.files}

    def __call__(self, step: str, done: int) -> None:
        self._done[step] = self._done.get(step, 0) + done
        if step != self._step:
            self._finish()
            self._step = step
            self._task = self._progress.add_task(step, total=None)
        self._progress.advance(self._task, done)

    def _finish(self) -> None:
        if self._step is not None:
            completed = max(self._progress.tasks[self._task].completed, 1)
            self._progress.update(self._task, total=completed, completed=completed)
