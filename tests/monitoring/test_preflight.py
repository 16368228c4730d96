"""`dairy preflight`: each thing it looks at is seen when it is wrong, and it ends with 1 only then."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import make_url

from dairy_app.database import migrations
from dairy_app.monitoring.service import preflight
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, Server, psycopg_dsn

#: What the test server is on purpose: fast, and asked by a superuser.
OF_THE_TEST_SERVER = {"durability", "rights", "public URL"}

Flight = Callable[..., tuple[int, dict[str, tuple[str, str]]]]


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    (tmp_path / "dairy-2026-11-22.dump").write_bytes(b"x" * 2_000_000)
    return tmp_path


@pytest.fixture
def flight(database_url: str, backups: Path) -> Flight:
    """``flight("--structure", DAIRY_SECRET_KEY="")`` → (exit code, {check: (state, detail)})."""

    def fly(*arguments: str, **changes: str) -> tuple[int, dict[str, tuple[str, str]]]:
        given = {"DATABASE_URL": psycopg_dsn(database_url), "DAIRY_SECRET_KEY": SECRET_KEY} | changes
        given.setdefault("DAIRY_BACKUP_DIR", str(backups))
        given.setdefault("DAIRY_DATA_DIR", str(backups))
        done = run_command("preflight", "--json", *arguments, **given)
        assert done.stderr == ""
        return done.returncode, {
            each["name"]: (each["state"], each["detail"]) for each in json.loads(done.stdout)["checks"]
        }

    return fly


def test_what_is_in_order_is_ok(flight: Flight) -> None:
    _, found = flight()
    wrong = {name: each for name, each in found.items() if each[0] != "ok" and name not in OF_THE_TEST_SERVER}
    assert wrong == {}
    assert list(found) == [
        "secret key", "public URL", "proxies", "database", "connection", "server", "extensions", "durability", "rights",
        "archiving", "connections", "clock", "revision", "time zone", "data", "disk", "files", "backup",
    ]  # fmt: skip
    assert found["revision"] == ("ok", str(migrations.head()))
    assert found["backup"][1].startswith("dairy-2026-11-22.dump, 2.0 MB, 0.0 hours old")
    assert "may change the schema" in found["rights"][1]
    assert found["archiving"][1] == "off: what came after the last backup is lost with the server's disk"


def test_it_ends_with_0_unless_something_failed(flight: Flight, sql: Any) -> None:
    failed = [name for name, (state, _) in flight()[1].items() if state == "failed"]
    assert flight()[0] == (1 if failed else 0)
    assert set(failed) <= {"durability"}
    assert flight(DAIRY_SECRET_KEY="short")[0] == 1


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({"DAIRY_SECRET_KEY": "short"}, "secret key", "failed", "set DAIRY_SECRET_KEY to at least 32"),
        ({"DAIRY_PUBLIC_URL": "http://dairy.example"}, "public URL", "warning", "not https"),
        ({"DAIRY_PUBLIC_URL": "https://dairy.example"}, "public URL", "ok", "https://dairy.example"),
        ({"DAIRY_PUBLIC_URL": "https://dairy.example"}, "proxies", "warning", "set DAIRY_TRUSTED_PROXIES"),
        (
            {"DAIRY_PUBLIC_URL": "https://dairy.example", "DAIRY_TRUSTED_PROXIES": "1"},
            "proxies",
            "ok",
            "1 in front",
        ),
        ({"DAIRY_BACKUP_DIR": "/nowhere"}, "backup", "failed", "no *.dump in /nowhere"),
        ({"DAIRY_BACKUP_DIR": ""}, "backup", "warning", "name the folder with --backups"),
    ],
)
def test_settings_are_looked_at(flight: Flight, changes: dict[str, str], name: str, state: str, words: str) -> None:
    found = flight(**changes)[1]
    assert found[name][0] == state
    assert words in found[name][1]


def test_an_old_backup_is_a_missed_one(flight: Flight, backups: Path) -> None:
    old = time.time() - 3600 * (preflight.BACKUP_HOURS + 1)
    os.utime(backups / "dairy-2026-11-22.dump", (old, old))
    code, found = flight()
    assert code == 1
    assert found["backup"] == ("failed", "dairy-2026-11-22.dump, 2.0 MB, 27.0 hours old")


def test_a_clock_that_is_wrong_is_seen(flight: Flight) -> None:
    for off, state in ((10, "warning"), (600, "failed")):
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=off)):
            found = flight()[1]
        assert found["clock"][0] == state
        assert abs(float(found["clock"][1].split()[0]) - off) < 2


def test_data_that_contradicts_itself_stops_a_deployment(flight: Flight, sql: Any) -> None:
    sql("INSERT INTO customers (name) VALUES ('Without a login')")
    assert flight()[1]["data"] == ("ok", "customers_without_login 1 (medium): see `dairy check-data`")
    sql("INSERT INTO number_series (series, financial_year, next_no) VALUES ('INV', '2627', 3)")
    code, found = flight()
    assert (code, found["data"][0]) == (1, "failed")
    assert "number_gaps 2 (critical)" in found["data"][1]


def test_a_time_zone_that_one_side_does_not_know(flight: Flight, sql: Any) -> None:
    sql("UPDATE settings SET time_zone = 'Asia/Poona'")
    assert flight()[1]["time zone"] == ("failed", "Asia/Poona is not known on both sides")


def test_a_database_that_is_behind_or_away(server: Server, flight: Flight, database_url: str) -> None:
    url = server.create_database()
    code, found = flight(DATABASE_URL=psycopg_dsn(url))
    assert (code, found["extensions"][0]) == (1, "failed")
    assert found["revision"][1] == f"the database is at none of {migrations.head()}: run `dairy db upgrade`"
    assert "data" not in found
    server.drop_database(url)
    gone = make_url(psycopg_dsn(database_url)).set(database="nobody").render_as_string(hide_password=False)
    code, found = flight(DATABASE_URL=gone)
    assert (code, found["connection"][0]) == (1, "failed")
    assert 'database "nobody" does not exist' in found["connection"][1]
    assert found["backup"][0] == "ok"


@pytest.mark.parametrize(
    ("url", "proxies", "state", "words"),
    [
        ("https://dairy.example", "0", "warning", "set DAIRY_TRUSTED_PROXIES"),
        ("https://dairy.example", "1", "ok", "1 in front"),
        ("http://10.0.0.2:8000", "0", "ok", "none"),
    ],
)
def test_proxies_are_asked_for(flight: Flight, url: str, proxies: str, state: str, words: str) -> None:
    _, found = flight(DAIRY_PUBLIC_URL=url, DAIRY_TRUSTED_PROXIES=proxies)
    assert found["proxies"][0] == state
    assert words in found["proxies"][1]


def test_half_of_what_a_service_needs_is_told(flight: Flight) -> None:
    none = flight()[1]
    assert not {"Razorpay", "WhatsApp"} & none.keys()
    keys = {"DAIRY_RAZORPAY_KEY_ID": "rzp_test_1", "DAIRY_RAZORPAY_KEY_SECRET": "s3cret"}
    _, half = flight(**keys, DAIRY_WHATSAPP_TOKEN="t0ken", DAIRY_WHATSAPP_PHONE_ID="1055")
    assert half["Razorpay"][0] == half["WhatsApp"][0] == "warning"
    assert half["Razorpay"][1].endswith(": set DAIRY_RAZORPAY_WEBHOOK_SECRET")
    assert half["WhatsApp"][1].endswith(": set DAIRY_WHATSAPP_APP_SECRET, DAIRY_WHATSAPP_VERIFY_TOKEN")
    assert "s3cret" not in str(half)
    _, whole = flight(**keys, DAIRY_RAZORPAY_WEBHOOK_SECRET="wh")
    assert whole["Razorpay"] == ("ok", "set up")


def test_connections_of_all_hosts_must_fit(flight: Flight, sql: Any) -> None:
    ((there,),) = sql("""
        SELECT sum(setting::int * CASE name WHEN 'max_connections' THEN 1 ELSE -1 END)::int FROM pg_settings
        WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')""")
    one = ("--workers", "2", "--threads", "8")
    assert flight(*one)[1]["connections"] == ("ok", f"1 x 2 processes x 10 and 5 for commands: 25 of {there}")
    assert flight("--hosts", "2", *one, DAIRY_POOL_SIZE="3")[1]["connections"][1].startswith(
        "2 x 2 processes x 5 and 5 for commands: 25 of"
    )
    code, found = flight("--hosts", "400", *one)
    assert (code, found["connections"]) == (
        flight(*one)[0],
        (
            "warning",
            f"400 x 2 processes x 10 and 5 for commands: 8005, but the server has {there}: raise max_connections, "
            "set DAIRY_POOL_SIZE, or use a pool",
        ),
    )


@pytest.mark.slow
def test_the_structure_is_compared_when_asked(flight: Flight, server: Server, template: str) -> None:
    url = server.create_database(template)
    assert flight("--structure", DATABASE_URL=psycopg_dsn(url))[1]["structure"] == ("ok", "as its revision made it")
    server.drop_database(url)


def test_the_table_is_for_people(database_url: str, backups: Path) -> None:
    done = run_command("preflight", "--backups", str(backups), DATABASE_URL=psycopg_dsn(database_url))
    assert done.returncode == 1
    assert "secret key" in done.stdout
    assert "failed" in done.stdout


def test_the_folder_of_photos_is_looked_at(flight: Flight, tmp_path: Path) -> None:
    place = tmp_path / "photos of the dairy"
    assert flight()[1]["files"] == ("ok", "the folder of photos is made with the first one")
    state, said = flight(DAIRY_FILES_DIR=str(place))[1]["files"]
    assert (state, f"{place} was set: is its disk mounted?" in said) == ("warning", True)
    assert not place.exists()
    place.mkdir()
    state, said = flight(DAIRY_FILES_DIR=str(place))[1]["files"]
    assert (state, said) == ("ok", f"{place} can be written to; no backup of the database has it")
    place.rmdir()
    place.write_text("no folder")
    code, found = flight(DAIRY_FILES_DIR=str(place))
    assert (code, found["files"]) == (1, ("failed", f"{place} is not a folder: photos of deliveries are refused"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_photos_that_cannot_be_written_to_fails(flight: Flight, tmp_path: Path) -> None:
    place = tmp_path / "read only"
    place.mkdir(mode=0o500)
    assert flight(DAIRY_FILES_DIR=str(place))[1]["files"][0] == "failed"
