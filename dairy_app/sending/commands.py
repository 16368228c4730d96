"""``dairy outbox send``: messages that wait are sent."""

import signal
import threading
from collections.abc import Mapping
from typing import Any

import click

from dairy_app.sending.rules import smtp_server
from dairy_app.sending.senders.letters import Sender
from dairy_app.sending.senders.smtp import SmtpSender
from dairy_app.sending.service.sending import Done, Emptying
from dairy_app.settings import Settings, SettingsError
from dairy_app.web.logs import configure_logging


@click.group()
def outbox() -> None:
    """Messages to customers and logins.

    \b
    Example: dairy outbox send --watch
    """


@outbox.command(epilog="Example: dairy outbox send --watch")
@click.option("--watch", is_flag=True, help="Go on until stopped, and send what comes.")
@click.option("--limit", type=click.IntRange(min=1), help="Take at most so many messages in hand.")
def send(watch: bool, limit: int | None) -> None:
    """Send the messages that are due, by each channel whose server the environment names.

    Several may run at once. A message that is not taken is tried again after 1, 2, 4 … minutes, eight times in all.
    Exit code 1 when one has failed for good.
    """
    if watch and limit:
        raise click.UsageError("--watch goes on until it is stopped: leave out --limit")
    settings = Settings.from_environment()
    configure_logging(settings.log_level if watch else "error", settings.log_format)
    senders = senders_of(settings)
    database, stop = settings.open_database("dairy outbox"), threading.Event()
    emptying = Emptying(database, senders, stop)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    try:
        if watch:
            emptying.watch(_print)
            return
        done = emptying.send_due(limit)
    finally:
        database.dispose()
    _print(done)
    if done.failed:
        raise SystemExit(1)


def _print(done: Done) -> None:
    click.echo(
        f"{done.sent:,} sent, {done.waiting:,} to be tried again, {done.failed:,} failed, {done.withdrawn:,} withdrawn"
    )


def senders_of(settings: Settings) -> Mapping[str, Sender]:
    """A sender for each channel whose server is named; SettingsError when none is, or one is named wrongly."""
    found: dict[str, Any] = {}
    if settings.smtp_url:
        try:
            found["email"] = SmtpSender(smtp_server(settings.smtp_url))
        except ValueError as error:
            raise SettingsError(f"DAIRY_SMTP_URL {error}") from None
    if not found:
        raise SettingsError(
            "nothing can be sent: set DAIRY_SMTP_URL, for example smtps://user:password@host:465?from=bills@dairy.example"
        )
    return found
