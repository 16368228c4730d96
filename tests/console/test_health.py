"""Health: the API's figures, what a check finds, and backups that PostgreSQL's own tools can read."""

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import text

from dairy_app.common import clock
from dairy_app.database.backups import tools_for
from dairy_app.monitoring.service import backups
from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok


@pytest.fixture
def folder(dairy: Dairy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this dairy's backups are said to lie; nothing is there yet."""
    url = dairy.app.database.url.render_as_string(hide_password=False)
    settings = replace(dairy.app.config["DAIRY"], backup_dir=tmp_path / "backups", database_url=url)
    monkeypatch.setitem(dairy.app.config, "DAIRY", settings)
    return tmp_path / "backups"


def make(admin: Visitor) -> Page:
    return admin.submit(admin.open("/health"), "/health/backups")


def test_figures_are_those_of_the_api(dairy: Dairy, admin: Visitor) -> None:
    milk = dairy.product("60.00")
    ok(dairy.confirm(dairy.order(dairy.customer(), (milk, "1"), on=dairy.day(0))))
    dairy.order(dairy.customer(), (milk, "1"), on=dairy.day(0))
    stats, words = ok(dairy.admin.get("/monitoring/stats")), admin.open("/health").words
    assert (stats["orders_today"], stats["confirmations_today"]) == (2, 1)
    assert "Deliveries planned today 2" in words
    assert "Deliveries confirmed today 1" in words
    assert "Delivered without a bill: must be none 0" in words


def test_everything_is_checked_only_when_it_is_asked_for(dairy: Dairy, admin: Visitor, folder: Path) -> None:
    assert "secret key" not in admin.open("/health").words
    page = admin.open("/health?check=yes")
    assert page.status == 200
    assert "secret key in order long enough" in page.words
    assert f"backup must be mended no *.dump in {folder}" in page.words
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dairy preflight'"
    with dairy.app.database.transaction() as session:
        assert session.scalar(text(busy)) == 0
    make(admin)
    assert "backup in order dairy-" in admin.open("/health?check=yes").words


def test_a_backup_is_whole_and_only_for_its_owner(dairy: Dairy, admin: Visitor, folder: Path) -> None:
    customer = dairy.customer(name="Kept Forever")
    page = admin.follow(make(admin))
    (file,) = folder.iterdir()
    assert f"The backup {file.name} is complete." in page.words
    assert file.name in page.words.split("In the folder")[1]
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    url = dairy.app.database.url.render_as_string(hide_password=False)
    read = [tools_for(url) / "pg_restore", "--data-only", "--table=customers", "--file=-", file]
    assert customer["id"] in subprocess.run(read, capture_output=True, text=True, check=True).stdout


def test_one_is_written_at_a_time_and_a_long_one_goes_on(
    dairy: Dairy, admin: Visitor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, finished, real = threading.Event(), threading.Event(), backups.backup

    def slow(url: str, target: Path) -> None:
        begun = target.with_name(f"{target.name}.unfinished")
        begun.touch()
        may_go_on.wait(30)
        begun.unlink()
        real(url, target)
        finished.set()

    monkeypatch.setattr(backups, "backup", slow)
    monkeypatch.setattr(backups, "PATIENCE", 0.1)
    page = admin.follow(make(admin))
    assert "The backup is being written." in page.words
    assert "being written" in page.words.split("In the folder")[1]
    refused = make(admin)
    assert (refused.status, "A backup is being written just now." in refused.words) == (409, True)
    admin.open("/health?lang=hi")
    assert "अभी एक बैकअप लिखा जा रहा है।" in make(admin).words
    may_go_on.set()
    assert finished.wait(30)
    (file,) = folder.iterdir()
    assert file.suffix == ".dump"


def test_sent_twice_within_a_second_it_is_made_once(dairy: Dairy, admin: Visitor, folder: Path) -> None:
    with time_machine.travel(clock.now(), tick=False):
        pages = [make(admin) for _ in range(2)]
    assert [page.status for page in pages] == [303, 303]
    assert len(list(folder.iterdir())) == 1


def test_of_several_sent_at_the_same_moment_one_is_made(dairy: Dairy, admin: Visitor, folder: Path) -> None:
    browsers = [admin, *(Visitor.of(dairy.app, "admin@dairy.example") for _ in range(3))]
    pages = [each.open("/health") for each in browsers]
    with time_machine.travel(clock.now(), tick=False), ThreadPoolExecutor(len(browsers)) as pool:
        sent = [pool.submit(each.submit, page, "/health/backups") for each, page in zip(browsers, pages, strict=True)]
        told = [each.result(timeout=60).status for each in sent]
    assert 303 in told
    assert set(told) <= {303, 409}
    (file,) = folder.iterdir()
    url = dairy.app.database.url.render_as_string(hide_password=False)
    read = [tools_for(url) / "pg_restore", "--file=-", file]
    assert "admin@dairy.example" in subprocess.run(read, capture_output=True, text=True, check=True).stdout


def test_what_a_killed_program_left_stops_no_other(admin: Visitor, folder: Path) -> None:
    folder.mkdir()
    left = folder / "dairy-2026-01-01-030000.dump.unfinished"
    left.touch()
    assert make(admin).status == 409
    hour_ago = clock.now().timestamp() - 3_601
    os.utime(left, (hour_ago, hour_ago))
    page = admin.follow(make(admin))
    assert "is complete." in page.words
    assert "being written" not in page.words


def test_a_folder_that_is_none_is_told(admin: Visitor, folder: Path) -> None:
    folder.write_text("a file")
    refused = make(admin)
    assert (refused.status, str(folder) in refused.words) == (503, True)
    assert admin.open("/health").status == 200


def test_a_backup_that_cannot_be_made_says_why(
    dairy: Dairy, admin: Visitor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(url: str, target: Path) -> None:
        raise backups.BackupError("no space left on device")

    monkeypatch.setattr(backups, "backup", broken)
    refused = make(admin)
    assert refused.status == 503
    assert "no space left on device" in refused.words
    assert admin.open("/health").status == 200


def test_without_a_folder_nothing_is_offered(dairy: Dairy, admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = replace(dairy.app.config["DAIRY"], database_url="postgresql://db.example/dairy")
    monkeypatch.setitem(dairy.app.config, "DAIRY", elsewhere)
    page = admin.open("/health")
    assert "DAIRY_BACKUP_DIR" in page.words
    assert [each.action for each in page.forms if each.action.endswith("/backups")] == []
    token = page.form("/sign-out").fields["csrf_token"]
    assert admin.http.post("/health/backups", data={"csrf_token": token}).status_code == 404


@pytest.mark.parametrize("role", ["accountant", "delivery_boy", "marketing_staff", "customer"])
def test_it_is_for_owners(sign_in: SignIn, role: str) -> None:
    visitor = sign_in(role)
    assert visitor.open("/health").status == 403
    first = visitor.open("/")
    token = (visitor.follow(first) if first.status == 303 else first).form("/sign-out").fields["csrf_token"]
    assert visitor.http.post("/health/backups", data={"csrf_token": token}).status_code == 403


def test_the_embedded_server_has_its_own_folder(dairy: Dairy, tmp_path: Path) -> None:
    settings = replace(dairy.app.config["DAIRY"], database_url=None, data_dir=tmp_path)
    assert settings.backups == tmp_path / "backups"
    assert replace(settings, backup_dir=Path("/mnt/usb")).backups == Path("/mnt/usb")
    assert backups.kept(tmp_path / "backups") == []


def test_the_latest_come_first_and_other_files_are_none(tmp_path: Path) -> None:
    latest = clock.now().timestamp()
    for age, name in enumerate(("new.dump", "old.dump", "notes.txt", "next.dump.unfinished")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (latest - age, latest - age))
    found = [(each.name, each.is_complete) for each in backups.kept(tmp_path)]
    assert found == [("new.dump", True), ("old.dump", True), ("next.dump", False)]
