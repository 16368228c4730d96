"""``dairy bill`` on the command line: the same run, for people and for cron."""

import json
from typing import Any

import pytest

from dairy_app import cli
from tests.billing.conftest import LivingDairy


@pytest.fixture
def run(living: LivingDairy, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """``run("--period", …)`` → (exit code, standard output, standard error)."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(["bill", *arguments])
        out = capsys.readouterr()
        return int(end.value.code or 0), out.out, out.err

    return call


def october(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1.5"), on="2026-10-05")
    living.go_to("2026-11-01")


def test_dry_run_then_run_then_nothing_more(living: LivingDairy, run: Any) -> None:
    october(living)
    code, out, _ = run("--period", "2026-10", "--dry-run", "--json")
    shown = json.loads(out)
    assert (code, shown["dry_run"], shown["invoices_issued"], shown["total"]) == (0, True, 1, "90.00")
    assert living.invoices(status="issued") == []
    code, out, _ = run("--period", "2026-10", "--json")
    assert (code, json.loads(out)["invoices_issued"], json.loads(out)["total"]) == (0, 1, "90.00")
    code, out, _ = run("--period", "2026-10")
    assert code == 0 and "invoices issued" in out
    assert len(living.invoices(status="issued")) == 1


@pytest.mark.parametrize("how", ["--dry-run", "--yes"])
def test_nothing_could_be_issued(living: LivingDairy, run: Any, sql: Any, how: str) -> None:
    """One line for a reason that holds for everybody, and an exit code that cron sees."""
    milk = living.product("60.00")
    for _ in range(3):
        living.delivered(living.customer(), (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    sql("UPDATE settings SET business_name = NULL")
    code, out, err = run("--period", "2026-10", how)
    said = [line for line in err.splitlines() if line.startswith("dairy: ")]
    assert (code, out.count("skipped"), len(said)) == (1, 0, 1)
    assert said[0] == "dairy: 3 not issued [missing_seller]: Give the dairy a business name in the settings."
    code, out, _ = run("--period", "2026-10", how, "--json")
    assert (code, len(json.loads(out)["skipped"])) == (1, 3)


def test_what_could_not_be_issued_is_named(living: LivingDairy, run: Any, sql: Any) -> None:
    milk, cheap = living.product("60.00"), living.product("1.00")
    asha, ravi = living.customer(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(ravi, (cheap, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    sql("UPDATE order_items SET unit_price = 0 WHERE product_id = %s", cheap["id"])
    code, _, err = run("--period", "2026-10")
    said = [line for line in err.splitlines() if line.startswith("dairy: ")]
    assert (code, len(said)) == (0, 1)
    assert said[0].startswith("dairy: 1 not issued [zero_price]: ")
    assert said[0].endswith(f" Customers: {ravi['id']}")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--period", "banana"), 2, "YYYY-MM"),
        ((), 2, "--period"),
        (("--period", "2026-10", "--through", "2026-12-01"), 2, "through"),
        (("--period", "2026-10", "--through", "tomorrow"), 2, "--through"),
    ],
)
def test_wrong_use_is_one_line_and_an_exit_code(
    living: LivingDairy, run: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    october(living)
    got, out, err = run(*arguments)
    assert (got, out) == (code, "")
    assert words in err.strip().splitlines()[-1]
    assert living.invoices(status="issued") == []
    assert run("--period", "2026-10")[0] == 0


def test_a_dry_run_is_refused_as_the_run_is(living: LivingDairy, run: Any) -> None:
    october(living)
    living.go_to("2026-10-20")
    for how in ((), ("--dry-run",)):
        code, out, err = run("--period", "2026-10", *how)
        assert (code, out) != (0, "") and "period_not_ended" in err + out, how
