"""``dairy outbox send`` as its user sees it."""

import json
from typing import Any

import pytest

from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.sending.conftest import Mailing


def run(url: str, port: int, *words: str, **environment: str) -> Any:
    where = {"DAIRY_SMTP_URL": f"smtp://127.0.0.1:{port}?from=bills@dairy.example"}
    return run_command("outbox", "send", *words, DATABASE_URL=psycopg_dsn(url), **(where | environment))


def test_it_says_what_was_sent_and_ends_with_1_when_something_failed(mailing: Mailing, database_url: str) -> None:
    mailing.queue("a@b.example", "bad@b.example")
    mailing.post.at_rcpt = lambda to: "550 No" if to == "bad@b.example" else None
    done = run(database_url, mailing.post.port)
    assert (done.returncode, done.stdout) == (1, "1 sent, 0 to be tried again, 1 failed, 0 withdrawn\n")
    assert run(database_url, mailing.post.port, "--limit", "1").returncode == 0


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "nothing can be sent: set DAIRY_SMTP_URL"),
        ("smtp://me:sEcret@mail.example", "DAIRY_SMTP_URL must say who the e-mails are from"),
    ],
)
def test_a_server_that_is_not_named_or_wrongly_is_told_in_one_line(database_url: str, address: str, said: str) -> None:
    done = run(database_url, 1, DAIRY_SMTP_URL=address)
    assert done.returncode != 0
    assert said in done.stderr
    assert "sEcret" not in done.stderr + done.stdout
    assert done.stderr.count("\n") == 1


def test_no_log_holds_a_text_or_a_password(mailing: Mailing, capfd: pytest.CaptureFixture[str]) -> None:
    from dairy_app.web.logs import configure_logging

    configure_logging("debug", "json")
    mailing.queue("a@b.example", "bad@b.example", body="words for nobody else")
    mailing.post.at_rcpt = lambda to: "550 No" if to == "bad@b.example" else None
    mailing.send()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(each["event"], each["channel"]) for each in lines if each["event"].startswith("outbox")] == [
        ("outbox_sent", "email"),
        ("outbox_not_sent", "email"),
    ]
    assert "words for nobody else" not in repr(lines)
    assert "b.example" not in repr(lines)
