"""Commands on the application as a whole: the database (``dairy db …``), the server, the OpenAPI document."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from dairy_app.common.clock import now
from dairy_app.common.loading import loading
from dairy_app.database import backups, comments, embedded_postgres, migrations, structure
from dairy_app.database.addresses import normalise_url
from dairy_app.database.models import Base
from dairy_app.settings import Settings, SettingsError

#: Of each process that serves.
THREADS = 8


def database_url() -> str:
    """The database of the settings, as SQLAlchemy takes it; starts the embedded server if that is the one."""
    url = normalise_url(Settings.from_environment().resolve_database_url())
    return url.render_as_string(hide_password=False)


@click.group()
def db() -> None:
    """The database: DATABASE_URL, or the embedded server when that is not set.

    \b
    Examples:
      dairy db upgrade
      dairy db backup dairy-2026-11-22.dump
      dairy db psql -- -c 'SELECT count(*) FROM orders'
    """


def a_revision(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A revision of this version; refused as wrong use before a database is asked."""
    known = migrations.numbers()
    if value not in {"head", "base", *known}:
        raise click.BadParameter(f"there is no revision {value!r}; there are {known[0]} to {known[-1]}.")
    return value


@db.command()
@click.argument("revision", default="head", callback=a_revision)
def upgrade(revision: str) -> None:
    """Bring the schema to REVISION (default: newest).

    Safe to repeat, and to run from several hosts at once: one works, the others wait.

    \b
    Example: dairy db upgrade
    """
    url = database_url()
    with migrations.progress():
        migrations.upgrade(url, revision)
    click.echo(f"the database is at revision {migrations.current(url)}")


@db.command()
@click.argument("revision", callback=a_revision)
@click.option("--allow-data-loss", is_flag=True, help="Go on where data would be lost for good.")
def downgrade(revision: str, allow_data_loss: bool) -> None:
    """Take the schema back to REVISION (`base`: to nothing).

    Refused where data would be lost, unless that is allowed.

    \b
    Example: dairy db downgrade 0005
    """
    url = database_url()
    with migrations.progress():
        migrations.downgrade(url, revision, allow_data_loss=allow_data_loss)
    click.echo(f"the database is at revision {migrations.current(url) or 'base'}")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def current(ctx: click.Context, as_json: bool) -> None:
    """Show the revision of database and code. Exit code 1 when they differ.

    \b
    Example: dairy db current
    """
    at, newest = migrations.current(database_url()), migrations.head()
    if as_json:
        click.echo(json.dumps({"database": at, "code": newest}))
    else:
        click.echo(f"database {at or 'empty'}, code {newest}")
        if wrong := migrations.misfit(at):
            click.echo(f"dairy: {wrong}", err=True)
    ctx.exit(0 if at == newest else 1)


@db.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Compare database, revisions and models. Exit code 1 on differences.

    Every definition counts: columns, defaults, constraints, indexes, triggers, functions, views. Needs a role
    that may create databases: the comparison builds two of its own on the same server and drops them.

    \b
    Example: dairy db check
    """
    found = schema_differences(database_url())
    if as_json:
        click.echo(json.dumps({"differences": found}, indent=2))
    elif found:
        click.echo("\n".join(found))
        click.echo(f"dairy: {len(found)} differences", err=True)
    else:
        click.echo("the database, the revisions and the models agree")
    ctx.exit(1 if found else 0)


def schema_differences(url: str) -> list[str]:
    """What differs between the database and its revision, and between the newest revision and the models."""
    found = []
    at = migrations.current(url)
    with structure.scratch_database(url) as by_revisions, structure.scratch_database(url) as by_models:
        if at is None:
            found.append("the database is empty: run `dairy db upgrade`")
        else:
            migrations.upgrade(by_revisions, at)
            wanted = structure.read_from(by_revisions)
            found += structure.differences(structure.read_from(url), "database", wanted, f"revision {at}")
        if at != migrations.head() and at is not None:
            found.append(f"the database is at revision {at} of {migrations.head()}: run `dairy db upgrade`")
        migrations.upgrade(by_revisions)
        with migrations.connect(by_models) as connection:
            create_from_models(connection)
        wanted = structure.read_from(by_models)
        found += structure.differences(structure.read_from(by_revisions), "revisions", wanted, "models")
    return found


def create_from_models(connection: Connection) -> None:
    """Makes every table, function and trigger as the models say, in an empty database."""
    import dairy_app.models  # noqa: F401 - fills Base.metadata: a third of a second, and only `db check` needs it

    comments.attach(Base).create_all(connection)
    connection.commit()


@db.command()
@click.option("--from", "first", default="base", callback=a_revision, help="Where the database is (default: base).")
@click.option("--to", "last", default="head", callback=a_revision, help="The revision to reach (default: head).")
def sql(first: str, last: str) -> None:
    """Print the SQL of an upgrade. Nothing is run, no database is needed.

    \b
    Example: dairy db sql --from 0005 | psql -v ON_ERROR_STOP=1 "$DATABASE_URL"
    """
    click.echo(migrations.sql(first, last), nl=False)


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def psql(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Open psql on the database. What stands after -- goes to psql.

    \b
    Example: dairy db psql -- -c 'TABLE alembic_version'
    """
    url = database_url()
    address, environment = backups.libpq(url)
    done = subprocess.run([backups.tools_for(url) / "psql", address, *arguments], env=environment, check=False)
    ctx.exit(done.returncode)


@db.command()
@click.option("--prefix", default="dairy", show_default=True, help="Of the roles' names.")
def roles(prefix: str) -> None:
    """Print the SQL that makes three roles: owner, application, reports. Nothing is run.

    A superuser runs it in the database, before the first upgrade and after every one.

    \b
    Example: dairy db roles | psql -d dairy
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", prefix):
        raise click.BadParameter("small letters, digits and _ only", param_hint="--prefix")
    statements = (Path(__file__).parent / "database" / "roles.sql").read_text(encoding="utf-8")
    click.echo(re.sub(r"\bdairy_(owner|app|read)\b", rf"{prefix}_\1", statements), nl=False)


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write the whole database to FILE, while it is in use. FILE must not exist yet.

    \b
    Example: dairy db backup /backup/dairy-$(date +%F).dump
    """
    backups.backup(database_url(), file)
    click.echo(f"{file}: {file.stat().st_size / 1_000_000:,.1f} MB")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Throw away what the database holds now.")
def restore(file: Path, replace: bool) -> None:
    """Fill the database from a backup.

    All of it, or nothing is changed. Stop the servers first.

    \b
    Example: dairy db restore /backup/dairy-2026-11-21.dump --replace
    """
    url = database_url()
    backups.restore(url, file, replace=replace)
    at, newest = migrations.current(url), migrations.head()
    click.echo(f"restored; the database is at revision {at}")
    if at != newest:
        click.echo(f"dairy: this version needs revision {newest}: run `dairy db upgrade`", err=True)


def embedded_data_dir() -> Path:
    """The folder of the embedded server; refused when DATABASE_URL names a server that is not ours to run."""
    settings = Settings.from_environment()
    if settings.database_url:
        raise SettingsError("DATABASE_URL is set: start and stop that server with its own tools")
    return settings.data_dir / "postgres"


@db.command()
def start() -> None:
    """Start the embedded server, print its URL.

    The other commands start it by themselves.

    \b
    Example: dairy db start
    """
    embedded_data_dir()
    click.echo(database_url())


@db.command()
def stop() -> None:
    """Stop the embedded server.

    \b
    Example: dairy db stop
    """
    stopped = embedded_postgres.stop(embedded_data_dir())
    click.echo("stopped" if stopped else "no embedded server was running")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes (default: one per core, at most 4).")
@click.option("--threads", default=THREADS, show_default=True, type=click.IntRange(1, 256), help="Per process.")
def serve(host: str, port: int, workers: int | None, threads: int) -> None:
    """Serve the API and the pages. Stop with Ctrl-C or SIGTERM: running requests are finished.

    \b
    Example: dairy serve --port 8080 --workers 4
    """
    settings = Settings.from_environment()
    settings.require_secret_key()
    require_newest_revision()
    with loading():
        from dairy_app import serving
    serving.serve(settings, host, port, workers or serving.default_workers(), threads)


def require_newest_revision() -> None:
    """Refuses a database that this version does not fit, before the first request finds out."""
    if wrong := migrations.misfit(migrations.current(database_url())):
        raise SettingsError(wrong)


@click.command(epilog="Example: dairy preflight --backups /backup")
@click.option("--backups", type=click.Path(path_type=Path), envvar="DAIRY_BACKUP_DIR", help="Where the backups are.")
@click.option("--structure", is_flag=True, help="Compare the structure too; needs CREATEDB.")
@click.option("--hosts", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many hosts serve.")
@click.option("--workers", type=click.IntRange(1, 64), help="As for `dairy serve`, on each of them.")
@click.option("--threads", default=THREADS, show_default=True, type=click.IntRange(1, 256), help="The same.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def preflight(
    ctx: click.Context,
    backups: Path | None,
    structure: bool,
    hosts: int,
    workers: int | None,
    threads: int,
    as_json: bool,
) -> None:
    """Check everything that a deployment needs, before it and after it; change nothing.

    Settings, server and its connections, clock, revision, rights, disk, the age of the last backup, the data itself.
    Exit code 1 when something failed.
    """
    # All of the application for the one, and what draws the table; the other commands of this file need neither.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dairy_app.monitoring.service import preflight as flight
    from dairy_app.serving import default_workers

    compare = schema_differences if structure else None
    serving = flight.Hosts(hosts, workers or default_workers(), threads)
    done = list(flight.run(Settings.from_environment(), backups, compare, serving))
    if as_json:
        click.echo(json.dumps({"checks": [asdict(each) for each in done]}, indent=2))
    else:
        colours = {flight.OK: "green", flight.WARNING: "yellow", flight.FAILED: "red"}
        table = Table("Check", "State", "Found")
        for each in done:
            table.add_row(each.name, f"[{colours[each.state]}]{each.state}[/]", Text(each.detail))
        Console().print(table)
    ctx.exit(1 if any(each.state == flight.FAILED for each in done) else 0)


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: print it.")
def openapi(output: Path | None) -> None:
    """Write the OpenAPI document of this version.

    \b
    Example: dairy openapi -o openapi.json
    """
    text = json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def openapi_document() -> dict[str, Any]:
    """The document of this version's API. The application is made for it, but no database is asked."""
    with loading():
        from dairy_app.app import create_app

    nowhere = Settings(data_dir=Path(), database_url="postgresql:///", secret_key="never signs anything" * 2)
    document: dict[str, Any] = create_app(nowhere).extensions["openapi"]()
    return document


#: Days: longer than any app keeps a request that it could not send.
KEPT_DAYS = 30


@click.command("purge")
@click.option("--days", type=click.IntRange(1, 3650), default=KEPT_DAYS, show_default=True, help="How long to keep.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def purge_ended(days: int, as_json: bool) -> None:
    """Delete what is kept for a while only.

    What ended so many days ago: logins, invitations, failed tries, remembered answers to repeated requests. Events that
    are older than the settings keep them (event_days). Messages whose time is over have failed by then, so no secret
    outlives it, also where nothing is sent. Nothing of the business is touched, and nobody is logged out. Good for a
    nightly cron job; safe to repeat.

    \b
    Example: dairy purge --days 30
    """
    from dairy_app.accounts.bulk.expired import purge
    from dairy_app.events.service.telling import purge_events
    from dairy_app.outbox.bulk import give_up

    database = Settings.from_environment().open_database("dairy purge")
    database.run(give_up)
    gone = database.run(lambda session: purge(session, now() - timedelta(days=days)))
    gone["events"] = purge_events(database)
    if as_json:
        click.echo(json.dumps(gone))
    else:
        click.echo(", ".join(f"{table.replace('_', ' ')}: {rows:,}" for table, rows in gone.items()))
