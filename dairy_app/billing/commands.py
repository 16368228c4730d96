"""``dairy bill``: a billing run with a progress bar. ``dairy verify-invoices``: are the documents what was issued?"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from sqlalchemy.orm import Session

from dairy_app.billing.models import BillingRun
from dairy_app.billing.schemas.runs import RunOut
from dairy_app.billing.service import runs as service
from dairy_app.billing.service.runs import RunRequest
from dairy_app.database.transactions import Database
from dairy_app.invoices.queries.verification import Series, all_series
from dairy_app.invoices.service.verification import Finding, verify
from dairy_app.settings import Settings

#: So many customers of a reason are named.
EXAMPLES = 5
#: Reasons that lie with the dairy, not with a customer.
OF_THE_DAIRY = {"missing_seller", "period_closed"}


@click.command(epilog="Example: dairy bill --period 2026-10 --dry-run")
@click.option("--period", required=True, metavar="YYYY-MM", help="Month whose drafts, and older ones, are due.")
@click.option("--through", type=click.DateTime(["%Y-%m-%d"]), help="Bill a running month up to this day.")
@click.option("--dry-run", is_flag=True, help="Show what would be issued; issue nothing.")
@click.option("--yes", is_flag=True, help="Issue although the total is unusual.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON.")
@click.pass_context
def bill(ctx: click.Context, period: str, through: datetime | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Issue the invoices of a period. Exit code 1 when there was something to issue and none of it could be."""
    asked = RunRequest(_month(period), through.date() if through else None, confirm=yes)
    database = Settings.from_environment().open_database("dairy bill")
    if dry_run:
        with database.transaction(read_only=True) as session:
            run: Any = service.dry_run(session, asked)
    else:
        started = database.run(lambda session: service.start_run(session, asked, None))
        run = _with_progress(database, started.run, asked)
    ctx.exit(_print(run, as_json))


def _month(period: str) -> str:
    try:
        date.fromisoformat(f"{period}-01")
    except ValueError:
        raise click.BadParameter(f"must be a month, YYYY-MM, not {period!r}", param_hint="--period") from None
    return period


def _with_progress(database: Database, run: BillingRun, asked: RunRequest) -> BillingRun:
    columns = (TextColumn("Billing"), BarColumn(), MofNCompleteColumn(), TextColumn("₹ {task.fields[total_rupees]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=run.customers_total, total_rupees=run.total)

        def show(row: BillingRun) -> None:
            bar.update(task, completed=row.customers_done, total_rupees=row.total)

        return service.carry_out(database, run.id, asked, None, show)


def _print(run: Any, as_json: bool) -> int:
    """Show the run; the exit code."""
    shown: dict[str, Any] = RunOut().dump(run)
    code = 1 if shown["skipped"] and not shown["invoices_issued"] else 0
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return code
    table = Table("Billing run", shown["period"])
    names = ("invoices_issued", "orders_billed", "one_time_orders_billed", "one_time_amount", "prior_period_orders")
    for name in (*names, "total"):
        table.add_row(name.replace("_", " "), str(shown[name]))
    Console().print(table)
    for line in _skipped(shown["skipped"]):
        click.echo(f"dairy: {line}", err=True)
    return code


def _skipped(skipped: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each reason: how many documents wait, what to do, whose they are unless it is everybody's."""
    for code, count in Counter(each["code"] for each in skipped).most_common():
        left = [each for each in skipped if each["code"] == code]
        whose = ", ".join(str(each["customer_id"]) for each in left[:EXAMPLES] if code not in OF_THE_DAIRY)
        more = ", …" if whose and count > EXAMPLES else ""
        yield f"{count:,} not issued [{code}]: {left[0]['detail']}" + (f" Customers: {whose}{more}" if whose else "")


@click.command(epilog="Example: dairy verify-invoices --series INV --json")
@click.option("--series", "only", metavar="NAME", help="Only this series, for example INV (default: all).")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def verify_invoices(ctx: click.Context, only: str | None, as_json: bool) -> None:
    """Prove that issued invoices and credit notes are still what was issued.

    Numbers without gaps, amounts equal to their lines, hashes, and the chain between documents. Voided documents
    count like others. Exit code 1 when something is wrong. Keep the last hashes elsewhere: they prove the rest.
    """
    database = Settings.from_environment().open_database("dairy verify-invoices")
    with database.transaction(read_only=True, snapshot=True) as session:
        series = all_series(session, only)
        if only is not None and not series:
            raise click.BadParameter(f"no document has a number of series {only!r}", param_hint="--series")
        found = _verified(session, series)
    (_print_findings_as_json if as_json else _print_findings)(series, found)
    ctx.exit(1 if found else 0)


def _verified(session: Session, series: list[Series]) -> list[Finding]:
    found: list[Finding] = []
    columns = (TextColumn("Verifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=sum(each.count for each in series))
        for each in series:
            for papers, wrong in verify(session, each):
                bar.advance(task, papers)
                found += wrong
    return found


def _print_findings_as_json(series: list[Series], found: list[Finding]) -> None:
    heads = [
        {
            "papers": each.papers,
            "series": each.series,
            "financial_year": each.financial_year,
            "count": each.count,
            "last_number": each.number(each.last_no) if each.count else None,
            "last_hash": each.last_hash,
        }
        for each in series
    ]
    wrong = [{"papers": f.papers, "number": f.number, "code": f.code, "detail": f.detail} for f in found]
    click.echo(json.dumps({"series": heads, "findings": wrong}, indent=2))


def _print_findings(series: list[Series], found: list[Finding]) -> None:
    heads = Table("Series", "Year", "Documents", "Last number", Column("Last hash", overflow="fold"))
    for each in series:
        last = each.number(each.last_no) if each.count else ""
        heads.add_row(each.series, each.financial_year, str(each.count), last, each.last_hash)
    Console().print(heads)
    if not found:
        click.echo("every document is as it was issued")
        return
    wrong = Table("Number", "Finding", "What it means")
    for finding in found:
        wrong.add_row(finding.number, finding.code, finding.detail)
    Console().print(wrong)
    click.echo(f"dairy: {len(found)} findings", err=True)
