"""The ``dairy`` command. A package's commands are loaded when one of them is called, so help is instant."""

import importlib
import os
import sys
from typing import Any

import click

from dairy_app.common.loading import loading

#: name → (where the click command is, what `dairy --help` says about it)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("dairy_app.demo.commands:demo", "Fill and serve a sample dairy."),
    "serve": ("dairy_app.commands:serve", "Serve the API and the pages."),
    "db": ("dairy_app.commands:db", "The database: upgrade, check, back up, restore, start, stop."),
    "create-admin": ("dairy_app.accounts.commands:create_admin", "Make the first user."),
    "orders": ("dairy_app.subscriptions.commands:orders", "Make the orders of a day (for a nightly cron job)."),
    "photos": (
        "dairy_app.photos.commands:photos",
        "Delete photos of deliveries that are old (for a nightly cron job).",
    ),
    "bill": ("dairy_app.billing.commands:bill", "Issue the invoices of a period."),
    "verify-invoices": ("dairy_app.billing.commands:verify_invoices", "Verify that issued documents are unchanged."),
    "invoices": ("dairy_app.documents.commands:invoices", "Write the invoices of a month as PDF."),
    "webhooks": ("dairy_app.events.commands:webhooks", "Tell other programs of what happened."),
    "outbox": ("dairy_app.sending.commands:outbox", "Send the messages that wait; queue reminders."),
    "gateways": ("dairy_app.collecting.commands:gateways", "Book what payment gateways told and waits."),
    "export": ("dairy_app.exports.commands:export", "Write a register for the accountant."),
    "import-mongo": ("dairy_app.legacy_import.commands:import_mongo", "Take over the earlier system's data."),
    "check-data": ("dairy_app.monitoring.commands:check_data", "Look for data that contradicts itself."),
    "archive": ("dairy_app.archiving.commands:archive", "Move old months of deliveries out of the way."),
    "preflight": ("dairy_app.commands:preflight", "Check what a deployment needs, before and after it."),
    "purge": ("dairy_app.commands:purge_ended", "Delete what is kept for a while only."),
    "openapi": ("dairy_app.commands:openapi", "Print the OpenAPI document."),
}

EXAMPLES = """\b
Examples:
  dairy demo
  dairy db upgrade
  dairy create-admin --email owner@example.org
  dairy bill --period 2026-10 --dry-run
"""


#: Their requests say themselves who acts; the others are named in the audit log.
SERVING = {"serve", "demo"}

#: These write no row by the models, or load them when they need them.
WITHOUT_ROWS = {"db", "preflight"}

#: SQLSTATEs for a table, column or function that is not there …
OTHER_SCHEMA = {"42P01", "42703", "42883"}
#: … and for RAISE EXCEPTION in a revision and for missing rights.
REFUSED = {"P0001", "42501"}


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        with loading():
            found: click.Command = getattr(importlib.import_module(module), attribute)
            if cmd_name not in WITHOUT_ROWS:  # a foreign key must find its table, also in a package that is not asked
                importlib.import_module("dairy_app.models")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dairy-app", prog_name="dairy")
@click.pass_context
def root(ctx: click.Context) -> None:
    """A dairy's back office: standing orders, rounds, bills and money.

    Settings come from the environment; without DATABASE_URL an embedded PostgreSQL is used.
    `dairy COMMAND --help` shows each command's options and an example.
    """
    if ctx.invoked_subcommand not in SERVING:
        from dairy_app.database.audit import Attribution, acting

        ctx.with_resource(acting(Attribution(request_id=f"dairy {ctx.invoked_subcommand}")))


FAILED, WRONG_USE = 1, 2


def misuse(error: click.ClickException) -> str:
    """One line for what click refuses, with where to read on."""
    line = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{line} See `{context.command_path} --help`." if context else line


def explain(error: Exception) -> tuple[int, str] | None:
    """Exit code and one line for a failure that the operator can do something about; None for a fault of ours."""
    from dairy_app.common.errors import Problem

    if isinstance(error, Problem):
        where = f"{error.errors[0].pointer.strip('/')}: " if error.errors else ""
        wrong = error.code == "validation_failed"
        return WRONG_USE if wrong else FAILED, f"{where}{error} [{error.code}]"
    line = explain_failure(error)
    return None if line is None else (FAILED, line)


def explain_failure(error: Exception) -> str | None:
    """One line for what the settings, the database or a revision refused; None for a fault of ours."""
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

    from dairy_app.database.backups import BackupError
    from dairy_app.database.embedded_postgres import EmbeddedPostgresError
    from dairy_app.database.migrations import MigrationFailed, MissingRights
    from dairy_app.database.structure import NoScratchDatabase
    from dairy_app.database.transactions import sqlstate
    from dairy_app.settings import SettingsError

    one_line = (SettingsError, EmbeddedPostgresError, BackupError, MigrationFailed, MissingRights, NoScratchDatabase)
    if isinstance(error, one_line):
        return str(error)
    if not isinstance(error, DBAPIError):
        return None
    message = str(error.orig).strip().split("\n")[0]
    state = sqlstate(error)
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return f"the connection to the database broke: {message}; nothing of this step was kept"
    if isinstance(error, OperationalError) and state is None:
        return f"the database cannot be reached: {message}; check DATABASE_URL"
    if state in OTHER_SCHEMA | REFUSED and (missing := missing_rights()):
        return missing
    if state in OTHER_SCHEMA:
        return f"the database does not fit this version ({message}): run `dairy db upgrade`"
    if isinstance(error, OperationalError) or state in REFUSED:
        return f"the database refused: {message}"
    return None


def missing_rights() -> str | None:
    """What a role without rights sees looks like an older schema; which of the two it is."""
    from dairy_app.database import migrations
    from dairy_app.settings import Settings

    try:
        migrations.current(Settings.from_environment().resolve_database_url())
    except migrations.MissingRights as error:
        return str(error)
    except Exception:  # the fault that is being explained is told in any case
        return None
    return None


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Exit code 0: fine, 1: findings or failure, 2: wrong use."""
    try:
        outcome: Any = root.main(args=arguments, prog_name="dairy", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"dairy: {misuse(error)}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(1)
    except BrokenPipeError:  # `dairy db sql | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        code, line = explained
        click.echo(f"dairy: {line}", err=True)
        sys.exit(code)


if __name__ == "__main__":
    main()
