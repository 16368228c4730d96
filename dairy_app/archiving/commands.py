"""``dairy archive``: old months out of the way, their proof, and the way back."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from sqlalchemy.exc import DBAPIError

from dairy_app.archiving import service
from dairy_app.archiving.service import Moved
from dairy_app.database.transactions import sqlstate
from dairy_app.settings import Settings, SettingsError

#: The SQLSTATE of a role that may not.
NO_RIGHT = "42501"

#: Why orders stay where they are.
REASONS = {
    "open": "not delivered or not billed yet",
    "later": "handed over with one of a later month",
    "photo": "a photo is kept of them",
    "containers": "containers went out or came back with them",
    "change_request": "a request of a customer led to them",
    "imported_bill": "a bill of the earlier system names them",
}


def first_of_month(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    """A month, YYYY-MM, as its first day; refused as wrong use before a database is asked."""
    if value is None:
        return None
    try:
        return date.fromisoformat(f"{value}-01")
    except ValueError:
        raise click.BadParameter(f"must be a month, YYYY-MM, not {value!r}.") from None


@click.group(invoke_without_command=True)
@click.option(
    "--before", callback=first_of_month, metavar="YYYY-MM", help="Archive what was planned before this month."
)
@click.option("--dry-run", is_flag=True, help="Show what would be archived; move nothing.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def archive(ctx: click.Context, before: date | None, dry_run: bool, as_json: bool) -> None:
    """Move old orders, with their items and deliveries, out of the way of the daily work.

    The books must be closed through the month before. Bills, exports and checks still know what is archived; lists of
    orders do not. Runs as the owner of the tables, beside the dairy's work: whoever writes waits for a second now and
    then, so choose a quiet hour. Safe to repeat, and to break off.

    \b
    Examples:
      dairy archive --before 2024-04 --dry-run
      dairy archive --before 2024-04
      dairy archive verify
      dairy archive bring-back --from 2024-03
    """
    if ctx.invoked_subcommand is not None:
        return
    if before is None:
        raise click.UsageError("Say which months: --before YYYY-MM.", ctx)
    database = Settings.from_environment().open_database("dairy archive")
    if dry_run:
        _print(service.preview(database, before), as_json)
    else:
        _print(_watched(lambda told: service.archive(database, before, told)), as_json)


@archive.command("bring-back", epilog="Example: dairy archive bring-back --from 2024-03")
@click.option("--from", "first", callback=first_of_month, metavar="YYYY-MM", required=True, help="The first month.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def bring_back(first: date, as_json: bool) -> None:
    """Bring back all months from one on. Safe to repeat, and to break off."""
    database = Settings.from_environment().open_database("dairy archive")
    _print(_watched(lambda told: service.bring_back(database, first, told)), as_json)


@archive.command("verify", epilog="Example: dairy archive verify")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Verify that what is archived is what was archived. Exit code 1 when a day is not."""
    database = Settings.from_environment().open_database("dairy archive")
    days = 0

    def told(_: date) -> None:
        nonlocal days
        days += 1

    wrong = service.verify(database, told)
    if as_json:
        click.echo(json.dumps({"days": days, "changed": [day.isoformat() for day in wrong]}))
    else:
        for day in wrong:
            click.echo(f"{day}: not what was archived")
        click.echo(f"{days - len(wrong):,} of {days:,} archived days are what was archived")
    ctx.exit(1 if wrong else 0)


def _watched(work: Callable[[Callable[[Moved], None]], list[Moved]]) -> list[Moved]:
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} orders"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:

        def told(day: Moved) -> None:
            task = bar.task_ids[0] if bar.task_ids else bar.add_task("", total=None)
            bar.update(task, description=str(day.day), advance=day.orders)

        try:
            return work(told)
        except DBAPIError as error:
            if sqlstate(error) == NO_RIGHT:
                raise SettingsError("a move switches triggers off: run it with the owner's role") from error
            raise


def _print(days: Sequence[Moved], as_json: bool) -> None:
    months: dict[date, Moved] = {}
    for each in days:
        month = each.day.replace(day=1)
        months.setdefault(month, Moved(month)).add(each)
    if as_json:
        click.echo(json.dumps({"months": [_for_programs(each) for each in months.values()]}, indent=2))
        return
    table = Table("Month", *(Column(name, justify="right") for name in ("Orders", "Items", "Deliveries", "₹", "Kept")))
    for each in months.values():
        counts = (each.orders, each.items, each.statuses, each.amount, each.kept.total())
        table.add_row(f"{each.day:%Y-%m}", *(f"{count:,}" for count in counts))
    Console().print(table)
    kept: dict[str, int] = defaultdict(int)
    for each in months.values():
        for reason, count in each.kept.items():
            kept[reason] += count
    for reason, count in sorted(kept.items()):
        click.echo(f"kept {count:,}: {REASONS[reason]}")


def _for_programs(month: Moved) -> dict[str, Any]:
    return {
        "month": f"{month.day:%Y-%m}",
        "orders": month.orders,
        "items": month.items,
        "statuses": month.statuses,
        "amount": str(month.amount),
        "kept": dict(month.kept),
    }
