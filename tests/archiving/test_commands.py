"""``dairy archive`` as a DBA calls it."""

import json
from typing import Any

import pytest

from tests.archiving.conftest import Old
from tests.command_line import run_command


@pytest.fixture
def url(closed: Old) -> str:
    return closed.living.app.database.url.render_as_string(hide_password=False)


def dairy(url: str, *arguments: str) -> Any:
    return run_command("archive", *arguments, DATABASE_URL=url)


def test_a_dairy_archives_looks_and_brings_back(closed: Old, url: str) -> None:
    would = dairy(url, "--before", "2026-11", "--dry-run", "--json")
    october = {"month": "2026-10", "orders": 6, "items": 7, "statuses": 5, "amount": "550.00", "kept": {}}
    assert (would.returncode, json.loads(would.stdout)) == (0, {"months": [october]})
    done = dairy(url, "--before", "2026-12")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines() if "2026-" in line] == [
        ["│", "2026-10", "│", "6", "│", "7", "│", "5", "│", "550.00", "│", "0", "│"],
        ["│", "2026-11", "│", "1", "│", "1", "│", "1", "│", "60.00", "│", "0", "│"],
    ]
    seen = dairy(url, "verify")
    assert (seen.returncode, seen.stdout) == (0, "5 of 5 archived days are what was archived\n")
    back = dairy(url, "bring-back", "--from", "2026-11", "--json")
    assert [each["month"] for each in json.loads(back.stdout)["months"]] == ["2026-11"]
    assert json.loads(dairy(url, "verify", "--json").stdout) == {"days": 4, "changed": []}


def test_a_changed_day_ends_with_1(closed: Old, url: str) -> None:
    assert dairy(url, "--before", "2026-11").returncode == 0
    closed.sql("ALTER TABLE archived_days DISABLE TRIGGER USER")
    closed.sql("UPDATE archived_days SET amount = 0 WHERE day = '2026-10-07'")
    closed.sql("ALTER TABLE archived_days ENABLE TRIGGER USER")
    seen = dairy(url, "verify")
    assert (seen.returncode, seen.stdout.splitlines()) == (
        1,
        ["2026-10-07: not what was archived", "3 of 4 archived days are what was archived"],
    )


def test_what_stays_is_said(closed: Old, url: str) -> None:
    closed.living.go_to("2026-11-20")
    closed.living.app.database.dispose()
    closed.sql("UPDATE settings SET books_closed_through = NULL")
    closed.living.order(closed.asha, (closed.milk, "1"))
    closed.sql("UPDATE settings SET books_closed_through = '2026-11-30'")
    closed.living.go_to("2027-02-02")
    done = dairy(url, "--before", "2026-12")
    assert done.stdout.splitlines()[-1] == "kept 1: not delivered or not billed yet"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Say which months"),
        (["--before", "2026-13"], 2, "must be a month, YYYY-MM, not '2026-13'"),
        (["--before", "2027-01"], 1, "Close the books through 2026-12-31 first"),
        (["--before", "2027-03"], 1, "Orders of 2027-02-28 can still be made"),
        (["bring-back"], 2, "--from"),
        (["bring-back", "--from", "soon"], 2, "must be a month"),
    ],
)
def test_wrong_use_is_one_line(closed: Old, url: str, arguments: list[str], code: int, said: str) -> None:
    done = dairy(url, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert said in done.stderr
