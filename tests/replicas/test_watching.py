"""Who watches sees how far a replica is behind and how much it takes over; settings that are wrong are named."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from dairy_app.settings import Settings, SettingsError
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, psycopg_dsn
from tests.dairy import Client, Dairy, ok
from tests.replicas.conftest import MakeApp, unaware
from tests.replicas.test_reading import register, until
from tests.replication import Standby

TOKEN = "a token for Prometheus"


def figures(client: Client) -> dict[str, float]:
    text = client.call("GET", "/metrics", {"Authorization": f"Bearer {TOKEN}"}).get_data(as_text=True)
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("dairy_"))
    return {name.split('replica="')[0] + name.partition('",')[2]: float(value) for name, value in lines}


def test_metrics_show_lag_share_and_why_a_replica_was_passed_over(
    make_app: MakeApp, dairy: Dairy, standby: Standby
) -> None:
    app = make_app(metrics_token=TOKEN)
    reader = unaware(app, dairy.admin)
    nobody = Client(app, None)
    until(lambda: figures(nobody)["dairy_replica_lag_bytes{"] == 0)
    assert figures(nobody)["dairy_replica_up{"] == 1
    ok(reader.get("/customers"))
    register(reader, "Asha")
    with standby.paused():
        register(reader, "Bela")
        ok(reader.get("/customers"))
        found = figures(nobody)
        assert found["dairy_replica_lag_bytes{"] > 0
        assert found['dairy_lagging_reads_total{server="primary"}'] == 1
        assert found['dairy_replica_passed_over_total{reason="unseen"}'] == 1
        seconds = found["dairy_replica_lag_seconds{"]
        until(lambda: figures(nobody)["dairy_replica_lag_seconds{"] > seconds + 1)
    standby.stop()
    try:
        found = figures(nobody)
        assert found["dairy_replica_up{"] == 0 and "dairy_replica_lag_seconds{" not in found
    finally:
        standby.start()
    until(lambda: figures(nobody)["dairy_replica_up{"] == 1)


def test_the_reads_of_all_processes_are_counted_together(dairy: Dairy, make_app: MakeApp) -> None:
    app = make_app()
    pid = os.fork()
    if not pid:
        app.replicas.served_by_primary()
        os._exit(0)
    os.waitpid(pid, 0)
    app.replicas.served_by_primary()
    assert app.replicas.served()["primary"] == 2


def test_without_replicas_metrics_say_nothing_of_them(settings: Settings, dairy: Dairy, database_url: str) -> None:
    from dairy_app.app import create_app

    app = create_app(replace(settings, metrics_token=TOKEN), dairy.app.database)
    assert not [name for name in figures(Client(app, None)) if "replica" in name or "lagging" in name]


def checks(tmp_path: Path, url: str, replicas: str) -> dict[str, tuple[str, str]]:
    given = {"DATABASE_URL": psycopg_dsn(url), "DATABASE_READ_URL": replicas, "DAIRY_SECRET_KEY": SECRET_KEY}
    done = run_command("preflight", "--json", DAIRY_DATA_DIR=str(tmp_path), **given)
    return {each["name"]: (each["state"], each["detail"]) for each in json.loads(done.stdout)["checks"]}


def test_preflight_names_each_replica(tmp_path: Path, dairy: Dairy, database_url: str, standby: Standby) -> None:
    dsn = psycopg_dsn(standby.url_of(database_url))
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    found = checks(tmp_path, database_url, f"{dsn}, {nowhere},{psycopg_dsn(database_url)}")
    states = {name: state for name, (state, _) in found.items() if name.startswith("replica ")}
    assert list(states.values()) == ["ok", "warning", "failed"]
    assert found["replica 127.0.0.1:1"][1].endswith("the primary is read in its place")
    assert "nobody" not in str(states)


def test_a_replica_that_is_far_behind_is_a_warning(
    tmp_path: Path, dairy: Dairy, database_url: str, standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = psycopg_dsn(standby.url_of(database_url))
    monkeypatch.setenv("DAIRY_READ_LAG", "1")
    with standby.paused():
        register(dairy.admin, "Asha")

        def state() -> str:
            return next(state for name, (state, _) in checks(tmp_path, database_url, dsn).items() if "replica" in name)

        until(lambda: state() == "warning")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"DATABASE_READ_URL": "mysql://root@localhost/dairy"}, "DATABASE_READ_URL names 'mysql'"),
        ({"DATABASE_READ_URL": "postgresql://u@a,b/dairy"}, "each replica by a URL of its own"),
        ({"DATABASE_READ_URL": "postgresql://u@a/d,postgresql://u@a/d"}, "names a replica twice"),
        ({"DATABASE_READ_URL": "postgresql://u@a/d", "DATABASE_URL": ""}, "needs DATABASE_URL"),
        ({"DAIRY_READ_LAG": "0"}, "DAIRY_READ_LAG must be a number of seconds"),
        ({"DAIRY_READ_LAG": "soon"}, "DAIRY_READ_LAG must be a number of seconds"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        Settings.from_environment({"DATABASE_URL": "postgresql://u@h/d"} | given)
    assert "\n" not in str(caught.value)


def test_several_addresses_are_several_replicas() -> None:
    urls = "postgresql://u:a,b@h1:5433/d, postgresql://u@h2/d"
    settings = Settings.from_environment({"DATABASE_URL": "postgresql://u@h/d", "DATABASE_READ_URL": urls})
    assert [make_url(each).host for each in settings.read_urls] == ["h1", "h2"]
    assert settings.read_lag == 5 and "a,b" not in repr(settings)
    assert Settings.from_environment({"DATABASE_URL": "postgresql://u@h/d"}).read_urls == ()
