"""``dairy demo``: what `make demo` runs."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from dairy_app.common.loading import loading
from dairy_app.database import migrations
from dairy_app.database.transactions import RUN, Database
from dairy_app.demo import filling, people, queries, sample
from dairy_app.demo.progress import bars, console
from dairy_app.demo.state import State, read_state
from dairy_app.settings import Settings, SettingsError
from dairy_app.web.logs import configure_logging

HOST = "127.0.0.1"


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-serve", is_flag=True, help="End after the table.")
@click.option("--customers", default=sample.CUSTOMERS, show_default=True, type=click.IntRange(20, 900))
def demo(port: int, no_serve: bool, customers: int) -> None:
    """Fill a sample dairy, bill its last two months, and serve it.

    The same people and numbers every time; a second call serves what is there. Only an empty database is filled.

    \b
    Example: dairy demo --port 8080
    """
    settings = Settings.from_environment()
    if not no_serve:
        refuse_used_port(port)
    configure_logging("warning", "text")
    key, is_new = people.secret_key(settings.data_dir)
    with console.status("Starting PostgreSQL …"):
        url = settings.resolve_database_url()
        state = read_state(url)
    database = Database(url, limits=RUN, application_name="dairy demo")
    try:
        state = prepare(database, url, state, customers, people.password_of(key), new_password=is_new)
        show(database, settings.data_dir / "exports", state)
        address = f"http://{HOST}:{port}"
        served = replace(settings, secret_key=settings.secret_key or key, served_at=address)
        addresses(
            Console(), served, people.password_of(key), None if no_serve else filling.open_pages(database, served)
        )
    finally:
        database.dispose()
    if not no_serve:
        serve(served, port)


def refuse_used_port(port: int) -> None:
    """Say so before a minute of filling, not after it."""
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise SettingsError(f"port {port} is in use: choose another, `dairy demo --port 8080`") from None


def prepare(database: Database, url: str, state: State, customers: int, password: str, *, new_password: bool) -> State:
    """Bring the database to the newest revision and the sample to its end, from wherever it is."""
    if migrations.current(url) != migrations.head():
        with console.status("Making the tables …"):
            migrations.upgrade(url)
    if state.day is not None and new_password:
        with database.transaction() as session:
            people.set_passwords(session, password)
    if state.is_ready:
        return state
    with bars() as steps:
        if state.day is None:
            state = filling.begin(database, customers, password, steps)
        assert state.day is not None
        filling.deliver(database, state.day, steps)
        filling.bill(database, state.day, steps)
        filling.happen(database, state.day)
    return filling.finish(database, state)


def show(database: Database, exports: Path, state: State) -> None:
    """The table and the files, on standard output."""
    assert state.day is not None
    files = filling.export_registers(database, exports, state.day)
    with database.transaction(read_only=True) as session:
        sums = queries.summary(session)
    first_day = queries.first_day_of(state.day)
    table = Table(title="Sahyadri Dairy (sample)", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("days", f"{first_day} – {state.day}")
    table.add_row("customers", f"{sums['customers']:,}")
    table.add_row("orders", f"{sums['orders']:,}")
    table.add_row("  one-time", f"{sums['one_time_orders']:,}")
    table.add_row("delivered", f"{sums['delivered']:,}")
    table.add_row("  of them in part", f"{sums['partial']:,}")
    table.add_row("not delivered, cancelled", f"{sums['not_delivered']:,}, {sums['cancelled']:,}")
    table.add_row("still open (today, tomorrow)", f"{sums['pending']:,}")
    table.add_row("one-time revenue recovered", f"₹ {sums['one_time_amount']:,.2f}")
    table.add_row("invoices", f"{sums['invoices']:,}")
    table.add_row("total", f"₹ {sums['total']:,.2f}")
    table.add_row("paid", f"₹ {sums['paid']:,.2f}")
    table.add_row("open", f"₹ {sums['open']:,.2f}")
    out = Console()
    out.print(table)
    for file in files:
        out.print(f"CSV   {shown(file)}", soft_wrap=True, highlight=False, markup=False)


def shown(file: Path) -> Path:
    """A path as short as it can be said from here."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def addresses(out: Console, settings: Settings, password: str, pages: filling.Pages | None) -> None:
    """Where to look, and the logins. The link to a round lasts a day and is shown this once."""
    out.print(f"Pages {settings.links_begin_with}/  (sign in with a login below)", highlight=False)
    out.print(f"API   {settings.links_begin_with}/api/v1", highlight=False)
    out.print(f"Docs  {settings.links_begin_with}/api/docs", highlight=False)
    if pages is not None:
        for words in (
            f"Round {settings.links_begin_with}/s/{pages.round_token}  ({sample.BOYS[0]}'s, for a phone, no login)",
            f"Bill  {settings.links_begin_with}/i/{pages.bill_token}  (what a customer gets, no login)",
        ):
            out.print(words, highlight=False, soft_wrap=True)
    logins = Table("role", "login", "password", title="Logins (this data folder only)")
    seen = set()
    for login in people.LOGINS:
        if login.role not in seen:
            logins.add_row(login.role.value, login.email, password)
        seen.add(login.role)
    logins.add_row("customer", people.CUSTOMER_EMAIL, password)
    out.print(logins)


def serve(settings: Settings, port: int) -> None:
    """Serve the sample dairy on a port of this machine until it is stopped."""
    with loading():
        from dairy_app import serving

    serving.serve(settings, HOST, port, serving.default_workers(), 8)
