"""A laboratory beside the real routes: views that fail, wait and write on purpose."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import fields
from sqlalchemy import text

from dairy_app.app import ROUTES, Mount, create_app
from dairy_app.common.errors import Problem
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from dairy_app.web.access import Role, allow, allow_anyone
from dairy_app.web.http import Blueprint, DairyFlask, current_session, refusal
from dairy_app.web.idempotency import idempotent
from dairy_app.web.schemas import Line, Money, Strict
from tests.conftest import SECRET_KEY, Kept, Server
from tests.dairy import Dairy


class Part(Strict):
    count = fields.Integer(strict=True)


class SqlIn(Strict):
    statements = fields.List(fields.String(), required=True)


class WordQuery(Strict):
    word = fields.String(load_default="")


class NoteIn(Strict):
    name = Line(200, required=True)
    amount = Money(load_default=None)
    parts = fields.List(fields.Nested(Part))


def write(name: str) -> None:
    """One row, in a table that has a UNIQUE name."""
    current_session().execute(text("INSERT INTO areas (name) VALUES (:name)"), {"name": name})


def make_laboratory() -> Blueprint:
    lab = Blueprint("lab", __name__)

    @lab.route("/lab/write-on-get")
    @allow_anyone()
    def write_on_get() -> dict[str, Any]:
        write("written by GET")
        return {}

    @lab.route("/lab/record-on-get")
    @allow_anyone(records=True)
    def record_on_get() -> dict[str, Any]:
        write("recorded by GET")
        return {}

    @lab.route("/lab/notes", methods=["POST"])
    @idempotent
    @lab.arguments(NoteIn)
    @allow(Role.ADMIN)
    def write_note(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        write(body["name"])
        amount = body["amount"]
        return {"name": body["name"], "amount": str(amount) if amount is not None else None}, 201

    @lab.route("/lab/raise/<code>", methods=["POST"])
    @idempotent
    @allow(Role.ADMIN)
    def write_and_raise(code: str) -> None:
        write("raised")
        raise Problem(code)

    @lab.route("/lab/refuse/<code>", methods=["POST"])
    @idempotent
    @allow(Role.ADMIN)
    def write_and_refuse(code: str) -> Any:
        write("refused")
        return refusal(Problem(code))

    @lab.route("/lab/fault", methods=["POST"])
    @allow_anyone()
    def fault() -> None:
        write("before the fault")
        hidden_variable = "the password is swordfish"
        raise RuntimeError(f"broken pump, {len(hidden_variable)}")

    @lab.route("/lab/sql", methods=["POST"])
    @lab.arguments(SqlIn)
    @allow_anyone()
    def run_sql(body: dict[str, Any]) -> dict[str, Any]:
        for statement in body["statements"]:
            if statement == "SLEEP":
                time.sleep(0.2)
            else:
                current_session().execute(text(statement))
        return {}

    @lab.route("/lab/backend")
    @allow_anyone()
    def backend() -> dict[str, Any]:
        return {"pid": current_session().scalar(text("SELECT pg_backend_pid()"))}

    @lab.route("/lab/echo")
    @lab.arguments(WordQuery, location="query")
    @allow_anyone()
    def echo(query: dict[str, str]) -> dict[str, Any]:
        return {"word": current_session().scalar(text("SELECT :word"), query)}

    return lab


def with_laboratory(settings: Settings, database: Database) -> DairyFlask:
    return create_app(settings, database, [*ROUTES, Mount(make_laboratory())])


@pytest.fixture
def app(settings: Settings, database: Database, process: Kept) -> DairyFlask:
    return process.app(settings, database, with_laboratory)


@pytest.fixture
def lab(dairy: Dairy) -> Dairy:
    """The dairy whose application has the laboratory."""
    return dairy


@pytest.fixture
def one_connection(settings: Settings, database_url: str) -> Iterator[DairyFlask]:
    """An application whose pool has one connection: what one request leaves on it, the next one finds."""
    database = Database(database_url, pool_size=1)
    yield with_laboratory(settings, database)
    database.dispose()


@pytest.fixture(scope="module")
def shared_lab(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dairy]:
    """A laboratory for a whole file of refusals: each must leave it as it was."""
    url = server.create_database(template)
    database = Database(url)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("lab"), secret_key=SECRET_KEY, log_level="error", password_cost="cheapest"
    )
    yield Dairy(with_laboratory(settings, database))
    database.dispose()
    server.drop_database(url)
