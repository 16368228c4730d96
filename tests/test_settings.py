"""Settings: what is missing or wrong stops the start, in one line that says what to do."""

import os
from pathlib import Path
from typing import Any

import pytest

from dairy_app.app import ROUTES, Mount, create_app
from dairy_app.database.addresses import normalise_url
from dairy_app.database.transactions import RUN, Database, Limits
from dairy_app.settings import Settings, SettingsError, default_data_dir
from dairy_app.web.http import Blueprint
from tests.conftest import SECRET_KEY
from tests.dairy import Client, ok

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("key", ["", "short", "x" * 31, "é" * 15])
def test_a_missing_or_short_secret_stops_the_start(key: str) -> None:
    settings = Settings.from_environment({"DAIRY_SECRET_KEY": key, "DATABASE_URL": NOWHERE})
    with pytest.raises(SettingsError) as caught:
        create_app(settings)
    assert str(caught.value).startswith("set DAIRY_SECRET_KEY to at least 32 random bytes")
    assert "\n" not in str(caught.value)
    assert key == "" or key not in str(caught.value)


@pytest.mark.parametrize("key", ["x" * 32, "é" * 16])
def test_a_secret_of_32_bytes_is_enough(key: str) -> None:
    assert create_app(Settings.from_environment({"DAIRY_SECRET_KEY": key, "DATABASE_URL": NOWHERE}))


def test_the_secret_is_not_shown() -> None:
    assert SECRET_KEY not in repr(Settings.from_environment({"DAIRY_SECRET_KEY": SECRET_KEY}))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://root@localhost/dairy", "PostgreSQL"),
        ("sqlite:///dairy.db", "PostgreSQL"),
        ("mongodb://localhost/dairy", "PostgreSQL"),
        ("not a url", "DATABASE_URL is not a URL"),
        ("postgresql://host:port/dairy", "DATABASE_URL is not a URL"),
    ],
)
def test_anything_but_postgresql_is_refused(url: str, words: str) -> None:
    assert words in refusal({"DATABASE_URL": url})


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_psycopg2(scheme: str) -> None:
    url = normalise_url(f"{scheme}://asha:p%40ss@db.example:5433/dairy?sslmode=require")
    rendered = url.render_as_string(hide_password=False)
    assert rendered == "postgresql+psycopg2://asha:p%40ss@db.example:5433/dairy?sslmode=require"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://asha@h1:5433,h2/dairy?target_session_attrs=read-write", ("h1,h2", "5433,5432")),
        ("postgres://asha@[::1]:1,[fe80::2]/dairy?target_session_attrs=read-write", ("::1,fe80::2", "1,5432")),
        ("postgresql://asha@h1,%2Fvar%2Frun/dairy?target_session_attrs=read-write", ("h1,/var/run", "5432,5432")),
        ("postgresql://asha@/dairy?host=h1:1&host=h2:2&target_session_attrs=read-write", ("h1,h2", "1,2")),
    ],
)
def test_several_hosts_are_read_as_libpq_reads_them(url: str, hosts: tuple[str, str]) -> None:
    parsed = normalise_url(url)
    assert (parsed.username, parsed.database, parsed.host) == ("asha", "dairy", None)
    assert (parsed.query["host"], parsed.query["port"]) == hosts
    assert parsed.query["target_session_attrs"] == "read-write"
    assert normalise_url(parsed.render_as_string(hide_password=False)) == parsed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DAIRY_LIMITS_WEB", "20"),
        ("DAIRY_LIMITS_RUN", "1,2,x"),
        ("DAIRY_POOL_SIZE", "0"),
        ("DAIRY_LOG_LEVEL", "loud"),
        ("DAIRY_LOG_FORMAT", "xml"),
        ("DAIRY_TRUSTED_PROXIES", "-1"),
        ("DAIRY_TRUSTED_PROXIES", "all"),
        ("DAIRY_TRUSTED_PROXIES", "²"),
        ("DAIRY_CORS_ORIGINS", "*"),
        ("DAIRY_CORS_ORIGINS", "https://shop.example, shop.example"),
        ("DAIRY_CORS_ORIGINS", "https://shop.example/"),
    ],
)
def test_a_wrong_word_is_named(name: str, value: str) -> None:
    assert name in refusal({name: value})


def test_what_is_not_set() -> None:
    settings = Settings.from_environment({})
    assert (settings.database_url, settings.trusted_proxies, settings.log_format) == (None, 0, "text")
    assert settings.data_dir == default_data_dir().absolute()


def test_values_are_read(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "DATABASE_URL": NOWHERE,
            "DAIRY_DATA_DIR": str(tmp_path),
            "DAIRY_LOG_LEVEL": "DEBUG",
            "DAIRY_LOG_FORMAT": "JSON",
            "DAIRY_TRUSTED_PROXIES": "2",
            "DAIRY_POOL_SIZE": "3",
            "DAIRY_LIMITS_WEB": "9, 2, 0",
            "DAIRY_PUBLIC_URL": "https://dairy.example/",
        }
    )
    assert (settings.database_url, settings.data_dir) == (NOWHERE, tmp_path)
    assert (settings.log_level, settings.log_format, settings.trusted_proxies) == ("debug", "json", 2)
    assert settings.public_url == "https://dairy.example"
    assert (settings.pool_size, settings.web_limits, settings.run_limits) == (3, Limits(9, 2, 0), RUN)


def test_a_relative_data_folder_does_not_move_with_the_process() -> None:
    assert Settings.from_environment({"DAIRY_DATA_DIR": "data"}).data_dir == Path.cwd() / "data"
    assert os.fspath(Path.cwd()) == os.getcwd()  # noqa: PTH109


def test_a_route_without_a_policy_stops_the_start(settings: Settings) -> None:
    def start(*declared: Any) -> Any:
        stray = Blueprint("stray", __name__)

        def view() -> str:
            return "open to all"

        for declare in declared:
            view = declare(view)
        stray.route("/stray")(view)
        return create_app(settings, Database(NOWHERE), [*ROUTES, Mount(stray)])

    from dairy_app.web.access import allow_anyone

    assert start(allow_anyone())
    with pytest.raises(LookupError, match=r"/api/v1/stray \(stray.view\) has no policy"):
        start()


FORWARDED = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "dairy.example",
}


@pytest.mark.parametrize(
    ("proxies", "address", "secure"), [(0, "127.0.0.1", False), (1, "198.51.100.7", True), (2, "203.0.113.9", False)]
)
def test_forwarded_headers_are_believed_as_far_as_there_are_proxies(
    tmp_path: Path, database: Database, capsys: Any, proxies: int, address: str, secure: bool
) -> None:
    """The left part of X-Forwarded-For is whatever a client writes there."""
    settings = Settings(
        data_dir=tmp_path, secret_key=SECRET_KEY, log_level="info", log_format="json", trusted_proxies=proxies
    )
    answer = Client(create_app(settings, database), None).call("GET", "/api/health", headers=FORWARDED)
    ok(answer)
    assert f'"ip": "{address}"' in capsys.readouterr().err
    assert ("Strict-Transport-Security" in answer.headers) == secure
