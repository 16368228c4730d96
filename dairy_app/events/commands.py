"""``dairy webhooks``: telling other programs of events."""

import json
import signal
from threading import Event as Flag

import click

from dairy_app.events.service import telling
from dairy_app.settings import Settings
from dairy_app.web.logs import configure_logging


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
    if watch and limit:
        raise click.UsageError("--watch goes on until it is stopped: leave out --limit")
    settings = Settings.from_environment()
    configure_logging(settings.log_level if watch else "error", settings.log_format)
    database, stop = settings.open_database("dairy webhooks"), Flag()
    if watch:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        told = telling.watch(database, settings.webhooks_local, stop)
    else:
        told = telling.tell(database, settings.webhooks_local, limit)
    said = {"delivered": told.delivered, "refused": told.refused}
    click.echo(json.dumps(said) if as_json else f"delivered: {told.delivered:,}, refused: {told.refused:,}")
