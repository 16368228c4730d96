"""``dairy create-admin``: the first user."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dairy_app import cli
from dairy_app.accounts.commands import create_admin
from dairy_app.common.errors import Problem
from dairy_app.web.http import DairyFlask
from tests.dairy import PASSWORD, Client, ok


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> "Command":
    return Command(
        {"DATABASE_URL": database_url, "DAIRY_DATA_DIR": str(tmp_path), "DAIRY_PUBLIC_URL": "https://d.example/"}
    )


class Command:
    """The command with settings of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def run(self, *arguments: str, given: str | None = None) -> Result:
        done = CliRunner().invoke(create_admin, arguments, input=given, env=self.environment)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done


def login(app: DairyFlask, email: str = "owner@dairy.example", password: str = PASSWORD) -> Client:
    answer = ok(Client(app, None).post("/auth/login", {"email": email, "password": password}))
    return Client(app, answer["access_token"], answer["user"])


def test_without_a_password_it_prints_a_link_to_choose_one(command: Command, app: DairyFlask) -> None:
    printed = command.run("--email", "Owner@Dairy.Example", "--name", "Meera").stdout.split()
    [link] = [word for word in printed if word.startswith("https://")]
    page, token = link.split("#")
    nobody = Client(app, None)
    assert page.removeprefix("https://d.example") == "/api/v1/auth/invitation"
    assert nobody.get(page.removeprefix("https://d.example")).status_code == 200
    ok(nobody.post("/auth/invitations/accept", {"token": token, "password": PASSWORD}))
    client = login(app)
    assert (client.user["role"], client.user["name"]) == ("admin", "Meera")


def test_a_password_comes_from_standard_input_and_is_not_printed(command: Command, app: DairyFlask) -> None:
    done = command.run("--email", "owner@dairy.example", "--password-stdin", given=f"{PASSWORD}\n")
    assert PASSWORD not in done.output
    assert login(app).user["role"] == "admin"


@pytest.mark.parametrize(
    ("arguments", "given", "code"),
    [
        (["--email", "no address"], None, "validation_failed"),
        (["--email", "owner@dairy.example", "--password-stdin"], "short\n", "validation_failed"),
        (["--email", "owner@dairy.example", "--password-stdin"], "", "validation_failed"),
        (["--email", "taken@dairy.example"], None, "already_exists"),
    ],
)
def test_a_refusal_leaves_nobody_behind(
    command: Command, app: DairyFlask, arguments: list[str], given: str | None, code: str
) -> None:
    command.run("--email", "taken@dairy.example", "--password-stdin", given=PASSWORD)
    with pytest.raises(Problem) as problem:
        command.run(*arguments, given=given)
    assert problem.value.code == code
    client = login(app, "taken@dairy.example")
    assert [user["email"] for user in ok(client.get("/users"))["items"]] == ["taken@dairy.example"]


def test_the_audit_log_names_the_command(
    database_url: str, sql: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is logged in on the command line: the command stands where the request's id would."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with pytest.raises(SystemExit):
        cli.main(["create-admin", "--email", "owner@dairy.example"])
    assert sql("SELECT DISTINCT table_name, request_id, actor_user_id FROM audit_log") == [
        ("users", "dairy create-admin", None)
    ]


def test_without_an_address_people_know_the_link_names_the_port_that_is_served(command: Command) -> None:
    del command.environment["DAIRY_PUBLIC_URL"]
    assert (
        "http://127.0.0.1:8432/api/v1/auth/invitation#"
        in command.run("--email", "owner@dairy.example", "--port", "8432").stdout
    )
