"""The house around the code: what ships, what the command line offers, how it fails."""

import configparser
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from dairy_app import cli, serving
from tests.command_line import run_command
from tests.conftest import psycopg_dsn

TOP = Path(__file__).resolve().parent.parent


def declared_packages() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(TOP / "setup.cfg", encoding="utf-8")
    return set(setup["options"]["packages"].split())


def test_every_package_is_shipped() -> None:
    folders = {each.parent.relative_to(TOP) for each in (TOP / "dairy_app").rglob("__init__.py")}
    revisions = {"dairy_app.migrations", "dairy_app.migrations.versions"}
    assert declared_packages() == {".".join(folder.parts) for folder in folders} | revisions


def test_the_folder_of_revisions_does_not_shadow_the_library() -> None:
    assert not list((TOP / "alembic").rglob("__init__.py"))


def all_commands() -> list[tuple[str, click.Command]]:
    """Every command and sub-command with its full name."""
    context = click.Context(cli.root)
    found = []
    for name in cli.root.list_commands(context):
        command = cli.root.get_command(context, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", each) for sub, each in command.commands.items()]
    return found


def test_every_command_exists_and_shows_an_example() -> None:
    without = [name for name, command in all_commands() if f"dairy {name}" not in f"{command.help} {command.epilog}"]
    assert without == []


def test_help_loads_no_command() -> None:
    code = "import sys; from dairy_app import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in sys.modules if m.split('.')[0] in ('sqlalchemy', 'flask', 'alembic')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("nope", "No such command 'nope'. See `dairy --help`."),
        ("--nope", "No such option '--nope'. See `dairy --help`."),
        ("db nope", "No such command 'nope'. See `dairy db --help`."),
        ("db downgrade", "Missing argument 'REVISION'. See `dairy db downgrade --help`."),
        ("db upgrade 9999", "there is no revision '9999'; there are 0001 to "),
        ("db downgrade yesterday", "there is no revision 'yesterday'"),
        ("db sql --from 9999", "there is no revision '9999'"),
        ("serve --port x", "'x' is not a valid integer range. See `dairy serve --help`."),
        ("export nope", "'nope' is not one of 'invoice-register'"),
        ("import-mongo /nowhere", "'/nowhere' does not exist. See `dairy import-mongo --help`."),
        ("bill --period 2026-13", "must be a month, YYYY-MM"),
    ],
)
def test_wrong_use_is_exit_code_2_and_one_line_that_says_what_to_do(arguments: str, words: str) -> None:
    done = run_command(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dairy: ") and done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_value_that_a_service_refuses_is_wrong_use_too(database_url: str) -> None:
    def made(login: str) -> tuple[int, str]:
        done = run_command("create-admin", "--email", login, DATABASE_URL=database_url)
        return done.returncode, done.stderr

    assert made("no address") == (2, "dairy: email: not an e-mail address. [validation_failed]\n")
    assert made("owner@dairy.example") == (0, "")
    assert made("owner@dairy.example") == (1, "dairy: Another login has this e-mail address. [already_exists]\n")


def test_no_command_at_all_shows_the_help() -> None:
    done = run_command()
    assert (done.returncode, done.stdout) == (2, "")
    assert "create-admin" in done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be reached"),
        ({"DATABASE_URL": "postgresql:///x?host=/nonexistent"}, "cannot be reached"),
        ({"DATABASE_URL": "mysql://root@localhost/dairy"}, "PostgreSQL"),
        ({"DATABASE_URL": "not a url"}, "DATABASE_URL"),
        ({"DAIRY_LOG_LEVEL": "loud"}, "DAIRY_LOG_LEVEL"),
    ],
)
def test_an_operators_mistake_is_one_line_on_stderr(settings: dict[str, str], words: str) -> None:
    done = run_command("db", "current", **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_serving_without_a_secret_key_is_refused() -> None:
    done = run_command("serve", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stderr.startswith("dairy: set DAIRY_SECRET_KEY")


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f'"{sys.executable}" -m dairy_app.cli db sql | head -n 1'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.startswith("SET lock_timeout")


def test_a_server_that_is_not_ours_is_neither_started_nor_stopped() -> None:
    for action in ("start", "stop"):
        done = run_command("db", action, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
        assert done.returncode == 1
        assert "its own tools" in done.stderr


def serve(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dairy_app.cli", "serve", "--workers", "1", *(arguments or ("--port", "0"))],
        env={"PATH": "/usr/bin:/bin", "DATABASE_URL": psycopg_dsn(url), "DAIRY_SECRET_KEY": "k" * 32},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_the_server_says_where_it_is_answers_and_stops_when_told(database_url: str) -> None:
    server = serve(database_url)
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        assert said.startswith("serving at http://127.0.0.1:")
        with urllib.request.urlopen(f"{said.split()[-1]}/api/health", timeout=30) as answer:
            assert answer.status == 200
    finally:
        server.terminate()
        _, errors = server.communicate(timeout=30)
    assert server.returncode == 0, errors


@pytest.mark.slow
@pytest.mark.parametrize("others", ["listening", "address"])
def test_an_address_that_cannot_be_had_is_one_line(database_url: str, others: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = serve(database_url, *(["--port", str(port)] if others == "listening" else ["--host", "192.0.2.1"]))
        _, errors = server.communicate(timeout=60)
    assert (server.returncode, errors.count("\n")) == (1, 1), errors
    said = f"port {port} of 127.0.0.1 is in use" if others == "listening" else "cannot listen on port 8000 of 192.0.2.1"
    assert errors.startswith(f"dairy: {said}")


@pytest.fixture
def serve_here(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], subprocess.CompletedProcess[str]]:
    """`dairy serve` as far as its first fork: a database that it refuses, it refuses before."""

    def forks(_: Any) -> None:
        raise AssertionError("it serves")

    monkeypatch.setattr(serving.Workers, "run", forks)
    settings = {"DATABASE_URL": psycopg_dsn(database_url), "DAIRY_SECRET_KEY": "k" * 32}

    return lambda: run_command("serve", "--workers", "1", "--port", "0", **settings)


@pytest.mark.parametrize(("revision", "words"), [("0001", "run `dairy db upgrade`"), ("9999", "which this version")])
def test_a_database_of_another_version_is_not_served(
    serve_here: Callable[[], subprocess.CompletedProcess[str]],
    database_url: str,
    sql: Callable[..., Any],
    revision: str,
    words: str,
) -> None:
    sql("UPDATE alembic_version SET version_num = %s", revision)
    served = serve_here()
    assert served.returncode == 1
    assert words in served.stderr
    assert served.stderr.count("\n") == 1
    for command in ("db", "current"), ("preflight", "--json"):
        done = run_command(*command, DATABASE_URL=database_url)
        said = done.stdout + done.stderr
        assert (done.returncode, words in said, "db upgrade" in said) == (1, True, revision == "0001"), command


def test_what_alembic_refuses_is_one_line(database_url: str, sql: Callable[..., Any]) -> None:
    sql("UPDATE alembic_version SET version_num = '9999'")
    done = run_command("db", "upgrade", DATABASE_URL=database_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "dairy: Can't locate revision identified by '9999'\n"
