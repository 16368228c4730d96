"""``dairy orders generate``: the nightly making of orders."""

import json
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from dairy_app.settings import Settings
from dairy_app.subscriptions.rules.amounts import by_area, by_product
from dairy_app.subscriptions.schemas.standing_orders import AreaMade, Blocked, ProductMade
from dairy_app.subscriptions.service import generation
from dairy_app.subscriptions.service.generation import Generated


@click.group()
def orders() -> None:
    """A day's orders.

    \b
    Example: dairy orders generate --date 2026-11-23
    """


@orders.command(epilog="Example, as a nightly cron job: 5 1 * * * dairy orders generate")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Only this day.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def generate(day: datetime | None, as_json: bool) -> None:
    """Make the orders of standing orders: of today, the days ahead (a setting), and days that were missed.

    Safe to repeat: a standing order has one order a day.
    """
    database = Settings.from_environment().open_database("dairy orders")
    done = database.run(
        lambda session: generation.generate_day(session, day.date()) if day else generation.generate_due(session)
    )
    _print(done, as_json)


def _print(done: Generated, as_json: bool) -> None:
    made: list[Any] = ProductMade().dump(by_product(done.made), many=True)
    blocked: list[Any] = Blocked().dump(done.blocked_first, many=True)
    if as_json:
        counts = {"created": done.created, "skipped_existing": done.skipped_existing}
        counts |= {"held": done.held, "blocked": done.blocked}
        lists = {
            "by_product": made,
            "by_area": AreaMade().dump(by_area(done.made), many=True),
            "blocked_first": blocked,
        }
        click.echo(json.dumps({"days": [day.isoformat() for day in done.days], **counts, **lists}, indent=2))
        return
    click.echo(f"{done.days[0]} to {done.days[-1]}: {done.created} orders made, {done.skipped_existing} were there")
    table = Table("Product", "Orders", "Quantity", "Unit")
    for row in made:
        table.add_row(row["product_name"], str(row["orders"]), row["quantity"], row["unit"])
    if made:
        Console().print(table)
    if done.held:
        click.echo(f"{done.held} orders not made: the customers are at their credit limits", err=True)
    for row in blocked:
        click.echo(f"no order on {row['date']} for standing order {row['subscription_id']}: {row['code']}", err=True)
