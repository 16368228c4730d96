"""``dairy export``: a file for the accountant."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.common.files import replacing
from dairy_app.customers.queries import customer_exists
from dairy_app.database.transactions import Database
from dairy_app.exports.files.downloads import MEDIA_TYPES, NAMES, Download, download_of
from dairy_app.exports.files.streams import settle
from dairy_app.exports.gst.schemes import require_regular
from dairy_app.exports.gst.self_checks import require_agreement
from dairy_app.exports.rules import Span
from dairy_app.settings import Settings

DAY = click.DateTime(["%Y-%m-%d"])
MONTH = "%Y-%m"


@click.command()
@click.argument("profile", type=click.Choice(NAMES), metavar="PROFILE")
@click.option("--period", type=click.DateTime([MONTH]), metavar="YYYY-MM", help="A whole month.")
@click.option("--from", "first", type=DAY, metavar="DATE", help="First day, with --to; at most 366 days.")
@click.option("--to", "last", type=DAY, metavar="DATE", help="Last day.")
@click.option("--as-of", type=DAY, metavar="DATE", help="The day of balances and days overdue. Default: the last day.")
@click.option("--customer-id", type=click.UUID, metavar="ID", help="For a statement: whose.")
@click.option(
    "--format", "form", type=click.Choice(list(MEDIA_TYPES)), help="Default: csv, zip for gstr1, xml for tally."
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: print it.")
@click.option("--despite-findings", is_flag=True, help="For gstr1: write the set although its tables do not agree.")
def export(
    profile: str,
    period: datetime | None,
    first: datetime | None,
    last: datetime | None,
    as_of: datetime | None,
    customer_id: UUID | None,
    form: str | None,
    output: Path | None,
    despite_findings: bool,
) -> None:
    """Write a file for the accountant: a register, the GSTR-1 set (gstr1), Tally's XML (tally, tally-masters).

    The same bytes as GET /api/v1/exports/PROFILE.csv. FILE appears when it is complete, never half. The set of
    GSTR-1 is not written while its self-checks fail, unless --despite-findings.

    \b
    Profiles: invoice-register, invoice-lines, deliveries, receipts, allocations, ledger, ageing, credit, statement,
      unbilled, exceptions, zoho-invoices, zoho-credit-notes, zoho-payments, gstr1/b2b and its other tables, gstr1,
      gstr3b, einvoice, cmp08, tally, tally-masters,
      refunds, containers, container-movements, closed-days, and the figures (sales-by-product, …);
      as it stands, without days: customers, standing-orders, credit, charge-rules
    Examples: dairy export invoice-register --period 2026-10 -o register.csv
              dairy export ledger --period 2026-10 --format xlsx -o ledger.xlsx
              dairy export gstr1 --period 2026-10 -o gstr1.zip
              dairy export gstr1 --period 2026-10 --format json -o gstr1.json
    """
    download, span = _asked(profile, form, period, (first, last, as_of), customer_id)
    database = _open_database()
    try:
        _require_customer(database, customer_id)
        if output is None:
            write_export(database, download, span, sys.stdout.buffer, despite_findings=despite_findings)
        else:
            rows = export_to_file(database, download, span, output, despite_findings=despite_findings)
            click.echo(f"{output}: {rows:,} rows")
        _tell_failed_checks(database, download, span)
    finally:
        database.dispose()


def _open_database() -> Database:
    return Settings.from_environment().open_database("dairy export")


def _today() -> date:
    """Asked only for a list that is as it stands: other days are named."""
    database = _open_database()
    try:
        with database.transaction(read_only=True) as session:
            return today(session)
    finally:
        database.dispose()


def _asked(
    profile: str,
    form: str | None,
    period: datetime | None,
    days: tuple[datetime | None, datetime | None, datetime | None],
    customer_id: UUID | None,
) -> tuple[Download, Span]:
    first, last, as_of = (_day(given) for given in days)
    month = period.strftime(MONTH) if period else None
    try:
        download = download_of(profile, form)
        span = download.span(month, first, last, as_of, customer_id, today=_today)
        download.require(span)
    except Problem as problem:
        raise click.UsageError(str(problem)) from None
    return download, span


def _require_customer(database: Database, customer_id: UUID | None) -> None:
    with database.transaction(read_only=True) as session:
        if customer_id is not None and not customer_exists(session, customer_id):
            raise Problem("customer_not_found")


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


def _tell_failed_checks(database: Database, download: Download, span: Span) -> None:
    """What the set's self-checks found, on stderr: the file itself says it, too."""
    with database.transaction(read_only=True, snapshot=True) as session:
        failed = [check for check in download.checks(session, span) if not check.passed]
    for check in failed:
        click.echo(f"self-check failed: {check.what}: {check.left} and {check.right}", err=True)


def export_to_file(
    database: Database, download: Download, span: Span, target: Path, *, despite_findings: bool = False
) -> int:
    """Write the file with a progress bar on stderr; returns its rows. ``target`` is replaced at the end, whole."""
    with replacing(target) as file:
        return write_export(database, download, span, file, despite_findings=despite_findings)


def write_export(
    database: Database, download: Download, span: Span, file: BinaryIO, *, despite_findings: bool = False
) -> int:
    """Write to an open file; returns the rows. ``self_check_failed`` for a set that does not agree.

    ``under_composition`` for a return that a composition dealer does not file.
    """
    source = download.source(span, True)
    with database.transaction(read_only=True, snapshot=True) as session:
        settle(session)
        if download.of_regular:
            require_regular(session, span)
        if not despite_findings:
            require_agreement(download.checks(session, span))
        with _progress_bar(download.name, download.count(session, span)) as advance:
            return source.copy(session, file.write, advance)


@contextmanager
def _progress_bar(name: str, rows: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=rows)
        yield lambda done: bar.update(task, completed=done)
