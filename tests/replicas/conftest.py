"""A dairy whose database has a replica."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from dairy_app.app import create_app
from dairy_app.database import migrations
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from dairy_app.web.lagging import ReplicatedFlask
from tests.conftest import PATIENT, Server, server_dir
from tests.dairy import Client, Dairy
from tests.replication import Standby, primary_and_standby
from tests.worker_database import WorkerDatabase

#: Seconds; a busy machine replays what is not held back sooner than this.
LAG = 30

MakeApp = Callable[..., ReplicatedFlask]


@pytest.fixture(scope="session")
def pair() -> Iterator[tuple[str, Standby]]:
    with primary_and_standby(Path(server_dir() or "/tmp", f"dairy-pair-{os.getpid()}")) as found:
        migrations.upgrade(found[0])
        yield found


@pytest.fixture(scope="session")
def replicated(pair: tuple[str, Standby]) -> Iterator[WorkerDatabase]:
    database = WorkerDatabase(Server(pair[0]), str(make_url(pair[0]).database))
    yield database
    database.drop()


@pytest.fixture
def standby(pair: tuple[str, Standby]) -> Standby:
    return pair[1]


@pytest.fixture
def database_url(replicated: WorkerDatabase) -> str:
    return replicated.clean()


@pytest.fixture
def make_app(settings: Settings, database_url: str, standby: Standby) -> Iterator[MakeApp]:
    """``make_app(read_lag=2)``: a server of its own on the primary and the standby, or on other ``read_urls``."""
    made: list[ReplicatedFlask] = []

    def make(**changes: object) -> ReplicatedFlask:
        usual = {"database_url": database_url, "read_urls": (standby.url_of(database_url),), "read_lag": LAG}
        own = replace(settings, **{**usual, **changes})  # type: ignore[arg-type]
        app = create_app(own, Database(database_url, limits=PATIENT, pool_size=20))
        assert isinstance(app, ReplicatedFlask)
        made.append(app)
        return app

    yield make
    for each in made:
        each.replicas.dispose()
        each.database.dispose()


@pytest.fixture
def app(make_app: MakeApp) -> ReplicatedFlask:
    return make_app()


@pytest.fixture
def dairy(app: ReplicatedFlask, replicated: WorkerDatabase, standby: Standby) -> Dairy:
    """The dairy of the replicated server; the replica has caught up with its admin."""
    dairy = Dairy(app, replicated)
    assert dairy.admin
    return dairy


def unaware(app: ReplicatedFlask, client: Client) -> Client:
    """The same login, of a client that says nothing of what it has seen."""
    return Client(app, client.token, client.user)
