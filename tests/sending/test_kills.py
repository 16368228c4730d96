"""Processes that send are killed, again and again, wherever they happen to be."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SECRET_KEY, psycopg_dsn
from tests.sending.conftest import Mailing

pytestmark = pytest.mark.slow

MESSAGES = 60
KILLS = 10


def begin(url: str, port: int, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """``dairy outbox send``, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dairy_app.cli", "outbox", "send", *words],
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": psycopg_dsn(url),
            "DAIRY_DATA_DIR": str(folder),
            "DAIRY_SECRET_KEY": SECRET_KEY,
            "DAIRY_SMTP_URL": f"smtp://127.0.0.1:{port}?from=bills@dairy.example",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.timeout(300)
def test_killed_ten_times_each_message_is_there_once(
    mailing: Mailing, database_url: str, tmp_path: Path, sql: Any
) -> None:
    """Once for whoever knows a Message-ID again; twice at most as often as a sender died between answer and mark."""
    messages = mailing.queue(*(f"a{n}@b.example" for n in range(MESSAGES)))
    chance, post = random.Random(20261130), mailing.post
    post.slowness = 0.02  # a kill between the taking of an e-mail and the answer is as likely as any other
    for _ in range(KILLS):
        processes = [begin(database_url, post.port, tmp_path) for _ in range(2)]
        for _ in range(chance.randint(1, 4)):
            assert post.arrived.acquire(timeout=60)
        victim, other = processes
        try:
            victim.wait(chance.uniform(0, 0.05))
        except subprocess.TimeoutExpired:
            os.kill(victim.pid, signal.SIGKILL)
        other.send_signal(signal.SIGTERM)  # it ends what it has in hand
        for each in processes:
            each.communicate(timeout=60)
        assert other.returncode in (0, -signal.SIGTERM)  # the latter: it had not begun
        mailing.due()
    last = begin(database_url, post.port, tmp_path)
    said, error = last.communicate(timeout=120)
    assert last.returncode == 0, error
    assert b" 0 failed" in said
    assert sql("SELECT status, count(*) FROM outbox_messages GROUP BY 1") == [("sent", MESSAGES)]
    assert post.ids.keys() == set(messages)
    repeated = sum(post.ids.values()) - MESSAGES
    assert repeated <= KILLS, f"{repeated} e-mails were sent a second time"


@pytest.mark.timeout(120)
def test_it_watches_until_it_is_stopped_and_ends_what_it_began(
    mailing: Mailing, database_url: str, tmp_path: Path, sql: Any
) -> None:
    mailing.queue("a@b.example")
    watching = begin(database_url, mailing.post.port, tmp_path, "--watch")
    assert mailing.post.arrived.acquire(timeout=60)
    mailing.post.slowness = 0.5
    mailing.queue("b@b.example")
    assert mailing.post.arrived.acquire(timeout=60)
    watching.send_signal(signal.SIGTERM)
    said, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert sum(int(line.split()[0]) for line in said.splitlines()) == 2, said
    assert sql("SELECT DISTINCT status FROM outbox_messages") == [("sent",)]
