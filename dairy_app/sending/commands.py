"""``dairy outbox``: messages that wait are sent, and reminders that are due are queued."""

import signal
import threading
from collections.abc import Callable, Mapping

import click

from dairy_app.documents.service.documents import links_of
from dairy_app.sending.rules import sms_gateway, smtp_server, webhook, whatsapp_account
from dairy_app.sending.senders.http import HttpSender
from dairy_app.sending.senders.letters import Sender
from dairy_app.sending.senders.smtp import SmtpSender
from dairy_app.sending.senders.whatsapp import WhatsappSender
from dairy_app.sending.service import reminders, telling
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


@outbox.command(epilog="Example, as a nightly cron job: 30 3 * * * dairy outbox remind")
@click.option("--dry-run", is_flag=True, help="Say what would be queued, and queue nothing.")
def remind(dry_run: bool) -> None:
    """Queue the reminders that are due by the rules, once for each invoice, rule and time.

    Where these kinds are on, whoever is near its limit is told, and whoever gets nothing tomorrow because the day is
    closed. Safe to repeat. Nobody is reminded in the quiet hours of a rule: the message waits for their end.
    """
    settings = Settings.from_environment()
    settings.require_secret_key()  # links to the bills are made with it
    database = settings.open_database("dairy outbox")
    try:
        if dry_run:
            found = database.run(reminders.due_reminders, read_only=True)
            click.echo(
                f"would queue {found.due:,}; without an address {found.without_address:,}; not wanted {found.off:,}"
            )
            return
        done = database.run(lambda session: reminders.queue_reminders(session, links_of(session, settings)))
        told = database.run(telling.tell_due)
    finally:
        database.dispose()
    click.echo(f"{done.queued:,} queued; without an address {done.without_address:,}; not wanted {done.off:,}")
    click.echo(f"told besides: low balance {told.low_balance:,}, no delivery {told.not_delivered:,}")


def _print(done: Done) -> None:
    click.echo(
        f"{done.sent:,} sent, {done.waiting:,} to be tried again, {done.failed:,} failed, {done.withdrawn:,} withdrawn"
    )


def senders_of(settings: Settings) -> Mapping[str, Sender]:
    """A sender for each channel whose server is named; SettingsError when none is, or one is named wrongly."""
    named: tuple[tuple[str, str, str, Callable[[str], Sender]], ...] = (
        ("email", "DAIRY_SMTP_URL", settings.smtp_url, lambda url: SmtpSender(smtp_server(url))),
        ("sms", "DAIRY_SMS_URL", settings.sms_url, lambda url: HttpSender(sms_gateway(url))),
        ("webhook", "DAIRY_MESSAGES_URL", settings.webhook_url, lambda url: HttpSender(webhook(url))),
    )
    found: dict[str, Sender] = {}
    for channel, name, url, make in named:
        if url:
            try:
                found[channel] = make(url)
            except ValueError as error:
                raise SettingsError(f"{name} {error}") from None
    if settings.whatsapp_token or settings.whatsapp_phone_id:
        try:
            account = whatsapp_account(settings.whatsapp_url, settings.whatsapp_phone_id, settings.whatsapp_token)
        except ValueError as error:
            raise SettingsError(f"WhatsApp: {error}") from None
        found["whatsapp"] = WhatsappSender(account)
    if not found:
        raise SettingsError(
            "nothing can be sent: set DAIRY_SMTP_URL, DAIRY_SMS_URL, DAIRY_MESSAGES_URL, or DAIRY_WHATSAPP_TOKEN with"
            " DAIRY_WHATSAPP_PHONE_ID, for example"
            " DAIRY_SMTP_URL=smtps://user:password@host:465?from=bills@dairy.example"
        )
    return found
