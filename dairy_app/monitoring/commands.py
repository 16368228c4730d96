"""``dairy check-data``: does the data agree with itself?"""

import json
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Column, Table

from dairy_app.monitoring.queries import consistency
from dairy_app.monitoring.schemas import FindingOut
from dairy_app.monitoring.service import files
from dairy_app.settings import Settings

_COLOURS = {"critical": "red", "high": "yellow", "medium": "cyan"}


@click.command(epilog="Example: dairy check-data --json")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def check_data(ctx: click.Context, as_json: bool) -> None:
    """Look for data that contradicts itself; change nothing.

    Orders forgotten or unbilled, links that lead nowhere, shared phones, gaps in the numbers, the ledger against
    invoices and payments, photos and their files, what an import left over. Exit code 1 on critical findings.
    """
    settings = Settings.from_environment()
    with settings.open_database("dairy check-data").transaction(read_only=True) as session:
        found = consistency.find(session) + files.find(session, settings)
    if as_json:
        items = FindingOut(many=True).dump(found)
        click.echo(json.dumps({"items": items, "reports": items}, indent=2))  # the second is the old name
    else:
        _print(found)
    ctx.exit(1 if consistency.is_critical(found) else 0)


def _print(found: Sequence[consistency.Finding]) -> None:
    table = Table(
        Column("Report", no_wrap=True), "Severity", "Rows", Column("What it means, and examples", overflow="fold")
    )
    for each in found:
        style = _COLOURS[each.severity] if each.count else "dim"
        lines = "\n".join((each.means, *each.examples))
        table.add_row(each.name, each.severity, f"{each.count:,}", lines, style=style)
    Console().print(table)
    wrong = sum(1 for each in found if each.count)
    click.echo(f"dairy: {wrong} of {len(found)} reports found something" if wrong else "nothing contradicts itself")
