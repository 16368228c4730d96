"""``dairy webhooks``: telling other programs of events."""

import json
import signal
from threading import Event as Flag
from typing import Any

import click

from dairy_app.events.service import telling
from dairy_app.settings import Settings

#: Between two looks of a sender that stays.
LOOK_EVERY_SECONDS = 2.0


@click.group(invoke_without_command=True)
@click.pass_context
def webhooks(context: click.Context) -> None:
    """Messages to other programs of what happened.

    \b
    Example: dairy webhooks send --watch
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@webhooks.command("send")
@click.option("--watch", is_flag=True, help="Stay, and send what comes; ended by SIGTERM or Ctrl+C.")
@click.option("--limit", type=click.IntRange(min=1), help="Send at most so many messages.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def send_webhooks(watch: bool, limit: int | None, as_json: bool) -> None:
    """Send what is due to the addresses that want to be told of events. Several at once share the work.

    Only addresses on the internet and with TLS are told, unless DAIRY_WEBHOOKS_LOCAL=1. What is not taken is tried
    again for a day and a half; then it is listed as failed.

    \b
    Example: dairy webhooks send --limit 100
    """
    settings = Settings.from_environment()
    database = settings.open_database("dairy webhooks")
    ended = Flag()
    if watch:
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
    all_told = telling.Told()
    while True:
        told = telling.tell(database, settings.webhooks_local, limit)
        all_told.delivered += told.delivered
        all_told.refused += told.refused
        if not watch or ended.wait(LOOK_EVERY_SECONDS):
            break
    said: dict[str, Any] = {"delivered": all_told.delivered, "refused": all_told.refused}
    click.echo(json.dumps(said) if as_json else f"delivered: {said['delivered']:,}, refused: {said['refused']:,}")
