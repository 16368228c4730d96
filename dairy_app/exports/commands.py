"""``dairy export``: a register for the accountant, into a file."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dairy_app.common.errors import Problem
from dairy_app.common.transactions import Database
from dairy_app.exports.profiles import PROFILES, Profile, count_of, source_of
from dairy_app.exports.span import Span, span_of
from dairy_app.settings import Settings

DAY = click.DateTime(["%Y-%m-%d"])
MONTH = "%Y-%m"


@click.command()
@click.argument("profile", type=click.Choice(list(PROFILES)))
@click.option("--period", type=click.DateTime([MONTH]), metavar="YYYY-MM", help="A whole month.")
@click.option("--from", "first", type=DAY, metavar="DATE", help="First day, with --to; at most 366 days.")
@click.option("--to", "last", type=DAY, metavar="DATE", help="Last day.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: print it.")
@click.option("--format", "form", type=click.Choice(["csv"]), default="csv", show_default=True)
def export(
    profile: str,
    period: datetime | None,
    first: datetime | None,
    last: datetime | None,
    output: Path | None,
    form: str,
) -> None:
    """Write a register for the accountant.

    The same bytes as GET /api/v1/exports/PROFILE.csv. FILE appears when it is complete, never half.

    \b
    Example: dairy export invoice-register --period 2026-10 -o register.csv
    """
    span = _span(period, first, last)
    database = Database(Settings.from_environment().resolve_database_url(), application_name="dairy export")
    try:
        if output is None:
            write_export(database, PROFILES[profile], span, sys.stdout.buffer)
        else:
            rows = export_to_file(database, PROFILES[profile], span, output)
            click.echo(f"{output}: {rows:,} rows")
    finally:
        database.dispose()


def _span(period: datetime | None, first: datetime | None, last: datetime | None) -> Span:
    days: list[date | None] = [given.date() if given else None for given in (first, last)]
    try:
        return span_of(period.strftime(MONTH) if period else None, *days)
    except Problem as problem:
        raise click.UsageError(str(problem)) from None


def export_to_file(database: Database, profile: Profile, span: Span, target: Path) -> int:
    """Write the CSV with a progress bar on stderr; returns its rows. ``target`` is replaced at the end, whole."""
    with _replacing(target) as file:
        return write_export(database, profile, span, file)


def write_export(database: Database, profile: Profile, span: Span, file: BinaryIO) -> int:
    """Write the CSV to an open file; returns its rows."""
    source = source_of(profile, span)
    with database.transaction(read_only=True, snapshot=True) as session:
        source.settle(session)
        file.write(source.prefix)
        with _progress_bar(profile.name, count_of(session, profile, span)) as advance:
            return source.copy(session, file.write, advance)


@contextmanager
def _progress_bar(name: str, rows: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=rows)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A file beside ``target`` that takes its place when the block ends well, and goes away when it does not."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise click.UsageError(f"cannot write in {target.parent}: {error.strerror}") from None
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
