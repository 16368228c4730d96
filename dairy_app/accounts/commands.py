"""``dairy create-admin``: the first user, and the way back in when every admin is locked out."""

import sys

import click
from sqlalchemy.orm import Session

from dairy_app.accounts import service
from dairy_app.accounts.pages import invitation_link
from dairy_app.common.logs import configure_logging
from dairy_app.common.transactions import Database
from dairy_app.settings import Settings


@click.command("create-admin")
@click.option("--email", required=True, metavar="E", help="The e-mail address to log in with.")
@click.option("--name", default="Admin", show_default=True, help="The person's name.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_admin(email: str, name: str, password_stdin: bool) -> None:
    """Make the first user. Without a password, print a link to choose one (valid for seven days, once).

    \b
    Examples:
      dairy create-admin --email owner@example.org
      dairy create-admin --email owner@example.org --password-stdin < password.txt
    """
    settings = Settings.from_environment()
    configure_logging("warning", settings.log_format)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    database = Database(settings.resolve_database_url())

    def make(session: Session) -> tuple[str, str | None]:
        user = service.create_admin(session, email=email, password=password, name=name)
        return user.email or email, None if password_stdin else service.invite(session, user)

    login, token = database.run(make)
    if token is None:
        click.echo(f"{login} can log in as admin")
    else:
        click.echo(f"{login} is invited as admin; the password is chosen here, within seven days:")
        click.echo(invitation_link(settings.public_url, token))
