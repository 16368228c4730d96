"""``dairy bill``: a billing run with a progress bar."""

import json
from datetime import date, datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dairy_app.billing import service
from dairy_app.billing.models import BillingRun
from dairy_app.billing.schemas import RunOut
from dairy_app.billing.service import RunRequest
from dairy_app.common.transactions import Database
from dairy_app.settings import Settings


@click.command(epilog="Example: dairy bill --period 2026-10 --dry-run")
@click.option("--period", required=True, metavar="YYYY-MM", help="Month whose drafts, and older ones, are due.")
@click.option("--through", type=click.DateTime(["%Y-%m-%d"]), help="Bill a running month up to this day.")
@click.option("--dry-run", is_flag=True, help="Show what would be issued; issue nothing.")
@click.option("--yes", is_flag=True, help="Issue although the total is unusual.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON.")
def bill(period: str, through: datetime | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Issue the invoices of a period."""
    asked = RunRequest(_month(period), through.date() if through else None, confirm=yes)
    database = Database(Settings.from_environment().resolve_database_url())
    if dry_run:
        with database.transaction(read_only=True) as session:
            _print(service.dry_run(session, asked), as_json)
        return
    started = database.run(lambda session: service.start_run(session, asked, None))
    _print(_with_progress(database, started.run, asked), as_json)


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


def _print(run: Any, as_json: bool) -> None:
    shown: dict[str, Any] = RunOut().dump(run)
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    table = Table("Billing run", shown["period"])
    names = ("invoices_issued", "orders_billed", "one_time_orders_billed", "one_time_amount", "prior_period_orders")
    for name in (*names, "total"):
        table.add_row(name.replace("_", " "), str(shown[name]))
    for skipped in shown["skipped"]:
        table.add_row(f"skipped: {skipped['code']}", skipped["customer_id"])
    Console().print(table)
