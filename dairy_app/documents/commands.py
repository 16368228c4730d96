"""``dairy invoices``: documents as files, messages into the outbox."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dairy_app.common.files import make_private_folder
from dairy_app.documents import queries
from dairy_app.documents.service import printing
from dairy_app.settings import Settings


@click.group(invoke_without_command=True)
@click.pass_context
def invoices(context: click.Context) -> None:
    """Documents of issued invoices, for printing.

    \b
    Example: dairy invoices pdf --period 2026-10 -o invoices
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@invoices.command("pdf")
@click.option(
    "--period",
    required=True,
    type=click.DateTime(["%Y-%m"]),
    metavar="YYYY-MM",
    help="Invoices whose period ends in this month.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the files; made when it is not there.",
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes (default: one per core, at most 4).")
@click.option("--language", help="Instead of each customer's own: en, or the second language of the settings.")
def invoice_pdfs(period: datetime, folder: Path, jobs: int | None, language: str | None) -> None:
    """Write a PDF for every invoice of a month, one file a number.

    Files that are there with the same content are left alone, so a run that was broken off goes on where it stopped.
    What is due is told as of today: tomorrow's files are others. An invoice that cannot be drawn is named, the others
    are written, and the exit code is 1.

    \b
    Example: dairy invoices pdf --period 2026-10 -o invoices --jobs 2
    """
    asked = period.strftime("%Y-%m")
    settings = Settings.from_environment()
    url = settings.resolve_database_url()
    database = settings.open_database("dairy invoices")
    try:
        total = database.run(lambda session: queries.count_of_period(session, asked), read_only=True)
        _make(folder)
        processes = jobs or min(os.cpu_count() or 1, 4)
        processes = min(processes, -(-total // printing.CHUNK)) or 1
        done = printing.Done()
        with _bar(total) as advance:
            for part in printing.print_period(database, url, asked, folder, jobs=processes, language=language):
                done += part
                advance(part.documents)
    finally:
        database.dispose()
    click.echo(f"{folder}: {done.written:,} written, {done.kept:,} were there")
    for each in done.failed:
        click.echo(f"{each.name} could not be drawn: {each.reason}", err=True)
    if done.failed:
        raise SystemExit(1)


def _make(folder: Path) -> None:
    try:
        make_private_folder(folder)
    except OSError as error:
        raise click.UsageError(f"cannot make {folder}: {error.strerror}") from None


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("Documents"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda by: progress.advance(task, by)
