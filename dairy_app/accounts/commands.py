"""``dairy create-admin``: the first user, and the way back in."""

import sys
from dataclasses import replace

import click
from sqlalchemy.orm import Session

from dairy_app.accounts.routes.invitation_page import invitation_link
from dairy_app.accounts.service import users as service
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
