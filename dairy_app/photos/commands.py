"""``dairy photos purge``: photos that need not be kept."""

import json
from dataclasses import asdict

import click

from dairy_app.photos import service
from dairy_app.photos.store import files_of
from dairy_app.settings import Settings


@click.group()
def photos() -> None:
    """Photos of deliveries.

    \b
    Example: dairy photos purge
    """


@photos.command(epilog="Example, as a nightly cron job: 30 2 * * * dairy photos purge")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def purge(as_json: bool) -> None:
    """Delete photos that are older than the setting photo_days, and files without a row in the database.

    A file is without one when its photo was replaced or deleted, or its upload was broken off. Files of the last hour
    stay: their rows may be on their way. Safe to repeat.
    """
    settings = Settings.from_environment()
    gone = service.purge(settings.open_database("dairy photos"), files_of(settings))
    if as_json:
        click.echo(json.dumps(asdict(gone)))
    else:
        click.echo(f"old photos: {gone.old:,}, files without a row: {gone.orphans:,}")
