"""What is deployed: `requirements.lock` satisfies setup.cfg, and what `make audit` says of it."""

import configparser
import importlib.metadata
import json
import re
import runpy
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).resolve().parent.parent.parent
audit = SimpleNamespace(**runpy.run_path(str(TOP / ".ci/audit.py")))
LOCK = (TOP / "requirements.lock").read_text(encoding="utf-8")
LOCKED = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE))


def wanted() -> list[str]:
    setup = configparser.ConfigParser()
    setup.read(TOP / "setup.cfg", encoding="utf-8")
    return [line for line in setup["options"]["install_requires"].split("\n") if line]


def unsatisfied(requirements: Iterable[str]) -> list[str]:
    """Those of some requirements that the lock does not satisfy, as they stand."""
    asked = {text: Requirement(text) for text in requirements}
    return [
        text
        for text, each in asked.items()
        if (each.marker is None or each.marker.evaluate({"extra": ""}))
        and not ((version := LOCKED.get(canonicalize_name(each.name))) and version in each.specifier)
    ]


def test_the_lock_satisfies_setup_cfg() -> None:
    assert unsatisfied(wanted()) == [], "run `make lock`"
    assert unsatisfied(["flask >=99", "no-such-package", "Flask >=3"]) == ["flask >=99", "no-such-package"]


def test_the_lock_holds_what_its_packages_need() -> None:
    for name in LOCKED:
        assert unsatisfied(importlib.metadata.requires(name) or ()) == [], name


def test_every_package_has_hashes_and_none_a_place() -> None:
    lines = [line for line in LOCK.splitlines() if line and not line.lstrip().startswith("#")]
    assert {line.split("==")[0] for line in lines if not line.startswith(" ")} == set(LOCKED)
    for entry in re.split(r"\n(?=\S)", LOCK.replace("\\\n", "")):
        assert entry.startswith("#") or re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted|\(/| /\w", LOCK)


def package(name: str, *found: str, **more: Any) -> dict[str, Any]:
    """A package as pip-audit tells of it."""
    return {"name": name, "version": "1.0", "vulns": [{"id": each, "fix_versions": ["1.1"]} for each in found], **more}


NOTHING = "The advisory service could not be asked, nothing was checked: "


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        (None, 0, [NOTHING + "no route to host"]),
        ([{"name": "a", "skip_reason": "not found"}], 0, [NOTHING + "not found"]),
        (
            [package("a"), {"name": "b", "skip_reason": "not found"}],
            0,
            [
                "1 packages checked, 0 with known vulnerabilities.",
                "Not checked, because the service does not know them: b.",
            ],
        ),
        (
            [package("a"), package("b", "CVE-1")],
            1,
            ["b 1.0: CVE-1, repaired in 1.1", "2 packages checked, 1 with known vulnerabilities."],
        ),
    ],
)  # fmt: skip
def test_an_audit_that_reached_nobody_says_so_and_fails_nothing(
    capsys: pytest.CaptureFixture[str], report: list[dict[str, Any]] | None, code: int, said: list[str]
) -> None:
    answer = "" if report is None else json.dumps({"dependencies": report})
    assert audit.say(answer, "Traceback\n  …\nno route to host\n") == code
    assert capsys.readouterr().out.splitlines() == said


def test_an_audit_that_is_called_wrongly_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """Any command that refuses its arguments: pip-audit itself is not among the development tools."""
    assert audit.ask([sys.executable, "-m", "json.tool", "--no-such-option"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, "unrecognized arguments: --no-such-option" in printed.err) == ("", True)
