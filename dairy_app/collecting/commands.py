"""``dairy gateways``: what gateways told and could not be booked is tried again."""

import click

from dairy_app.collecting.service.events import judge_again
from dairy_app.settings import Settings


@click.group()
def gateways() -> None:
    """Payment gateways.

    \b
    Example: dairy gateways book
    """


@gateways.command(epilog="Example, as a nightly cron job: 15 4 * * * dairy gateways book")
def book() -> None:
    """Book the events that wait or are held, where that can be done by now: the books are open again, say.

    Safe to repeat. What still cannot be booked stays in the list of the office.
    """
    database = Settings.from_environment().open_database("dairy gateways")
    try:
        booked, left = judge_again(database)
    finally:
        database.dispose()
    click.echo(f"{booked:,} booked, {left:,} still need a person")
