"""``dairy create-admin``: the first user, and the way back in; ``dairy purge``: what need not be kept."""

import json
import sys
from dataclasses import replace
from datetime import timedelta

import click
from sqlalchemy.orm import Session

from dairy_app.accounts.bulk.expired import KEPT, purge
from dairy_app.accounts.routes.invitation_page import invitation_link
from dairy_app.accounts.service import users as service
from dairy_app.common.clock import now
from dairy_app.outbox.bulk import give_up
from dairy_app.settings import LOCAL_HOST, LOCAL_PORT, Settings
from dairy_app.web.logs import configure_logging


@click.command("create-admin")
@click.option("--email", required=True, metavar="E", help="The e-mail address to log in with.")
@click.option("--name", default="Admin", show_default=True, help="The person's name.")
@click.option(
    "--port",
    default=LOCAL_PORT,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Of `dairy serve`, for the link; not used where DAIRY_PUBLIC_URL is set.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_admin(email: str, name: str, port: int, password_stdin: bool) -> None:
    """Make the first user. Without a password, print a link to choose one (valid for seven days, once).

    \b
    Examples:
      dairy create-admin --email owner@example.org
      dairy create-admin --email owner@example.org --password-stdin < password.txt
    """
    settings = replace(Settings.from_environment(), served_at=f"http://{LOCAL_HOST}:{port}")
    configure_logging("warning", settings.log_format)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    database = settings.open_database("dairy create-admin")

    def make(session: Session) -> tuple[str, str | None]:
        user = service.create_admin(session, email=email, password=password, name=name)
        return user.email or email, None if password_stdin else service.invite(session, user)

    login, token = database.run(make)
    if token is None:
        click.echo(f"{login} can log in as admin")
    else:
        click.echo(f"{login} is invited as admin; the password is chosen here, within seven days:")
        click.echo(invitation_link(settings, token))


@click.command("purge")
@click.option("--days", type=click.IntRange(1, 3650), default=KEPT.days, show_default=True, help="How long to keep.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def purge_ended(days: int, as_json: bool) -> None:
    """Delete what ended longer ago: logins, invitations, failed tries, remembered answers to repeated requests.

    Messages whose time is over have failed by then, so no secret outlives it, also where nothing is sent. Nothing of
    the business is touched, and nobody is logged out. Good for a nightly cron job; safe to repeat.

    \b
    Example: dairy purge --days 30
    """
    database = Settings.from_environment().open_database("dairy purge")
    database.run(give_up)
    gone = database.run(lambda session: purge(session, now() - timedelta(days=days)))
    if as_json:
        click.echo(json.dumps(gone))
    else:
        click.echo(", ".join(f"{table.replace('_', ' ')}: {rows:,}" for table, rows in gone.items()))
