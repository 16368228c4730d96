"""Other programs are told: signed, each event once, again when it failed, by several senders at once."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import event, make_url
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from dairy_app.database.transactions import Database
from dairy_app.events.bulk import lease
from dairy_app.events.models import KINDS
from dairy_app.events.service import telling
from dairy_app.settings import Settings
from tests.command_line import run_command
from tests.conftest import Server, raw_connection
from tests.dairy import Dairy, ok, refused
from tests.events.conftest import Reader, Receiver

NOON = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, webhooks_local=True)


@pytest.fixture
def endpoint(dairy: Dairy, reader: Reader, receiver: Receiver) -> Any:
    """The receiver is told of customers from now on."""
    reader.news()
    body = {"url": receiver.url, "kinds": ["customer.created", "customer.changed"], "description": "Shop"}
    return ok(dairy.admin.post("/webhook-endpoints", body), 201)


def tell(database: Database, reader: Reader, **options: Any) -> tuple[int, int]:
    """Send what is due; what was taken and what was not. Whatever happened before is numbered."""
    reader.news()
    told = telling.tell(database, True, **options)
    return told.delivered, told.refused


def log(dairy: Dairy, endpoint: Any, **query: Any) -> list[Any]:
    return list(ok(dairy.admin.get(f"/webhook-endpoints/{endpoint['id']}/deliveries", **query))["items"])


def test_a_message_is_signed_and_says_what_happened(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    asha = dairy.customer(name="Asha")
    dairy.product()
    ok(dairy.confirm(dairy.order(asha, (dairy.product(), "1"))))
    assert tell(database, reader) == (1, 0), "of what it wants to know"
    headers, body = receiver.got[0]
    said = Webhook(endpoint["secret"]).verify(body, headers)
    (event,) = ok(dairy.admin.get("/events", kind="customer.created"))["items"]
    assert said == {
        "type": "customer.created",
        "timestamp": said["timestamp"],
        "data": {"id": event["id"], "object_type": "customer", "object_id": asha["id"], **event["data"]},
    }
    assert datetime.fromisoformat(said["timestamp"]) == datetime.fromisoformat(event["at"])
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint["secret"]).verify(body.replace(b"customer", b"customes"), headers)
    assert tell(database, reader) == (0, 0), "once"
    (entry,) = log(dairy, endpoint)
    assert (entry["status"], entry["attempts"], entry["answer_status"]) == ("delivered", 1, 204)
    assert entry["event_id"] == event["id"]


def test_what_happened_before_is_not_told(dairy: Dairy, reader: Reader, receiver: Receiver, database: Database) -> None:
    dairy.customer()
    reader.news()
    dairy.customer()  # has no number yet
    ok(dairy.admin.post("/webhook-endpoints", {"url": receiver.url}), 201)
    bela = dairy.customer()
    assert tell(database, reader) == (1, 0)
    assert [each["data"]["object_id"] for each in receiver.said] == [bela["id"]]


@pytest.mark.parametrize("answer", [500, 302, 404, 0])
def test_what_is_not_taken_comes_again_with_the_same_name(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any, answer: int
) -> None:
    receiver.answers = [answer]
    with time_machine.travel(NOON, tick=False) as clock:
        dairy.log_in_again()
        dairy.customer()
        assert tell(database, reader) == (0, 1)
        (entry,) = log(dairy, endpoint)
        assert (entry["status"], entry["attempts"], entry["answer_status"]) == ("queued", 1, answer or None)
        assert datetime.fromisoformat(entry["due_at"]) == NOON + timedelta(minutes=1)
        assert entry["last_error"].startswith("The address answered" if answer else "The address could not be reached")
        clock.shift(timedelta(seconds=59))
        assert tell(database, reader) == (0, 0)
        clock.shift(timedelta(seconds=2))
        assert tell(database, reader) == (1, 0)
        (entry,) = log(dairy, endpoint)
        assert (entry["status"], entry["attempts"], entry["last_error"]) == ("delivered", 2, None)
    (first, _), (second, _) = receiver.got
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"], "signed for its own moment"


def test_after_a_day_and_a_half_it_is_given_up_listed_and_can_be_sent_again(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    receiver.answers = [503] * 8
    with time_machine.travel(NOON, tick=False) as clock:
        dairy.log_in_again()
        dairy.customer()
        tries = 0
        while True:
            dairy.log_in_again()
            _, refused_now = tell(database, reader)
            tries += refused_now
            (entry,) = log(dairy, endpoint)
            if entry["status"] != "queued":
                break
            clock.move_to(datetime.fromisoformat(entry["due_at"]) + timedelta(seconds=1))
        assert (tries, entry["status"], entry["attempts"]) == (8, "failed", 8)
        assert timedelta(hours=31) < datetime.now(UTC) - NOON < timedelta(hours=33)
        assert log(dairy, endpoint, status="failed") == [entry]
        clock.shift(timedelta(hours=1))
        dairy.log_in_again()
        assert tell(database, reader) == (0, 0)
        path = f"/webhook-endpoints/{endpoint['id']}/deliveries/{entry['event_id']}/retry"
        again = ok(dairy.admin.post(path))
        assert (again["status"], again["attempts"]) == ("queued", 0)
        assert tell(database, reader) == (1, 0)
        refused(dairy.admin.post(path.replace(f"/{entry['event_id']}/", "/999999/")), 404, "event_not_found")


def test_one_that_fails_rests_and_others_do_not_wait_for_it(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        dairy.log_in_again()
        dead = ok(
            dairy.admin.post("/webhook-endpoints", {"url": "http://127.0.0.1:9/", "kinds": ["customer.created"]}), 201
        )
        dairy.customer()
        assert tell(database, reader) == (1, 1)
        dairy.customer()
        assert tell(database, reader) == (1, 0), "the dead one rests"
        assert ok(dairy.admin.get(f"/webhook-endpoints/{dead['id']}"))["rests_until"] is not None
        clock.shift(timedelta(seconds=61))
        assert tell(database, reader) == (0, 2)


def test_one_that_is_gone_is_left_alone(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    receiver.answers = [410]
    with time_machine.travel(NOON, tick=False) as clock:
        dairy.log_in_again()
        dairy.customer()
        assert tell(database, reader) == (0, 1)
        assert ok(dairy.admin.get(f"/webhook-endpoints/{endpoint['id']}"))["active"] is False
        clock.shift(timedelta(hours=1))
        dairy.log_in_again()
        dairy.customer()
        assert tell(database, reader) == (0, 0)
        ok(dairy.admin.patch(f"/webhook-endpoints/{endpoint['id']}", {"active": True}))
        assert tell(database, reader) == (2, 0), "what was kept of the time between comes at once"


def test_a_new_secret_and_for_a_day_the_former_one(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        dairy.log_in_again()
        turned = ok(dairy.admin.post(f"/webhook-endpoints/{endpoint['id']}/secret"))
        assert turned["secret"] != endpoint["secret"]
        dairy.customer()
        assert tell(database, reader) == (1, 0)
        for secret in (turned["secret"], endpoint["secret"]):
            headers, body = receiver.got[-1]
            Webhook(secret).verify(body, headers)
        clock.shift(timedelta(hours=25))
        dairy.log_in_again()
        dairy.customer()
        assert tell(database, reader) == (1, 0)
        headers, body = receiver.got[-1]
        Webhook(turned["secret"]).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(endpoint["secret"]).verify(body, headers)


def test_a_secret_is_shown_once(dairy: Dairy, receiver: Receiver, sql: Callable[..., Any], endpoint: Any) -> None:
    shown = [dairy.admin.get("/webhook-endpoints"), dairy.admin.get(f"/webhook-endpoints/{endpoint['id']}"),
        dairy.admin.patch(f"/webhook-endpoints/{endpoint['id']}", {"description": "Till"}),
        dairy.admin.get("/audit-log", table_name="webhook_endpoints")]  # fmt: skip
    turned = ok(dairy.admin.post(f"/webhook-endpoints/{endpoint['id']}/secret"))
    shown.append(dairy.admin.get("/audit-log", table_name="webhook_endpoints"))
    for answer in shown:
        ok(answer)
        assert "whsec_" not in answer.get_data(as_text=True)
    assert "description" in shown[3].get_data(as_text=True)
    assert sql(
        "SELECT count(*) FROM audit_log WHERE to_jsonb(audit_log)::text LIKE %s", "%" + turned["secret"] + "%"
    ) == [(0,)]
    body = {"url": receiver.url, "kinds": []}
    first = ok(dairy.admin.post("/webhook-endpoints", body, headers={"Idempotency-Key": "k"}), 201)
    repeated = ok(dairy.admin.post("/webhook-endpoints", body, headers={"Idempotency-Key": "k"}), 201)
    assert "secret" in first
    assert "secret" not in repeated
    assert repeated["id"] == first["id"]


def test_an_endpoint_is_changed_and_deleted(dairy: Dairy, reader: Reader, database: Database, endpoint: Any) -> None:
    path = f"/webhook-endpoints/{endpoint['id']}"
    changed = ok(dairy.admin.patch(path, {"kinds": ["order.placed"], "description": None}))
    assert (changed["kinds"], changed["description"]) == (["order.placed"], None)
    assert ok(dairy.admin.patch(path, {})) == ok(dairy.admin.get(path))
    dairy.customer()
    assert tell(database, reader) == (0, 0)
    ok(dairy.admin.delete(path))
    for answer in (
        dairy.admin.get(path),
        dairy.admin.patch(path, {"active": False}),
        dairy.admin.delete(path),
        dairy.admin.post(f"{path}/secret"),
        dairy.admin.get(f"{path}/deliveries"),
        dairy.admin.post(f"{path}/deliveries/1/retry"),
    ):
        refused(answer, 404, "webhook_endpoint_not_found")


@pytest.mark.parametrize(
    "body",
    [{"url": "ftp://shop.example/"}, {"url": "https://"}, {"url": "https://a:b@shop.example/"}, {"url": "shop.example"},
     {"url": "https://shop.example/", "kinds": ["order.eaten"]}, {"url": "https://[::1/"}, {"url": "https://x:99999/"}],
)  # fmt: skip
def test_what_is_no_endpoint(dairy: Dairy, body: dict[str, Any]) -> None:
    refused(dairy.admin.post("/webhook-endpoints", body), 422, "validation_failed")


def test_several_at_once_share_the_work(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    people = [dairy.customer() for _ in range(12)]
    reader.news()
    telling.queue(database)
    with database.transaction() as one, database.transaction() as other:
        mine, theirs = lease(one, datetime.now(UTC), 5), lease(other, datetime.now(UTC), 20)
        assert (len(mine), len(theirs)) == (5, 7)
        assert not {each.event_id for each in mine} & {each.event_id for each in theirs}
        one.rollback()
        other.rollback()
    assert tell(database, reader) == (len(people), 0)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == len(receiver.got) == len(people)


@pytest.mark.slow
def test_senders_that_are_killed_lose_nothing(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any, sql: Callable[..., Any]
) -> None:
    people = [dairy.customer() for _ in range(40)]
    reader.news()
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "DAIRY_WEBHOOKS_LOCAL": "1",
    }
    command = [sys.executable, "-m", "dairy_app.cli", "webhooks", "send"]
    killed = 0
    for most in random.sample(range(1, 30), 10):
        sender = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        seen = len(receiver.got)
        while sender.poll() is None and len(receiver.got) < min(seen + most, len(people)):
            pass
        if sender.poll() is None:
            sender.send_signal(signal.SIGKILL)
            killed += 1
        sender.communicate()
        sql("UPDATE webhook_deliveries SET leased_until = leased_until - interval '61 seconds'")
    assert killed > 0
    assert tell(database, reader)[1] == 0
    told = [each["data"]["object_id"] for each in receiver.said]
    assert set(told) == {each["id"] for each in people}, "each at least once"
    names: dict[str, set[str]] = {}
    for headers, body in receiver.got:
        names.setdefault(json.loads(body)["data"]["object_id"], set()).add(headers["webhook-id"])
    assert all(len(each) == 1 for each in names.values()), "and by its name whoever has it knows it again"
    assert {each["status"] for each in log(dairy, endpoint, limit=100)} == {"delivered"}


def test_the_command_sends_and_says_so(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    dairy.customer()
    reader.news()
    url = database.url.render_as_string(hide_password=False)
    done = run_command("webhooks", "send", "--json", DATABASE_URL=url, DAIRY_WEBHOOKS_LOCAL="1")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"delivered": 1, "refused": 0}, "")
    dairy.customer()
    reader.news()
    done = run_command("webhooks", "send", "--limit", "1", DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (0, "delivered: 0, refused: 1\n"), "not inside, unless it is allowed"
    (latest, *_) = log(dairy, endpoint)
    assert latest["last_error"] == "Must begin with https://."
    assert len(receiver.got) == 1
    assert run_command("webhooks", "send", DATABASE_URL=url, DAIRY_WEBHOOKS_LOCAL="yes").returncode == 1


def test_one_that_stays_waits_for_a_database_that_is_away(
    dairy: Dairy,
    reader: Reader,
    receiver: Receiver,
    database_url: str,
    endpoint: Any,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dairy.customer()
    reader.news()
    monkeypatch.setattr(telling, "BETWEEN_LOOKS", 0.01)
    own, stop, tried = Database(database_url), threading.Event(), threading.Semaphore(0)
    event.listen(own.engine, "do_connect", lambda *_: tried.release())
    name = make_url(database_url).database
    with raw_connection(server.url) as keeper, keeper.cursor() as cursor:
        keeper.autocommit = True
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            watching = threading.Thread(target=telling.watch, args=(own, True, stop))
            watching.start()
            for _ in range(20):  # it tries, and tries again
                assert tried.acquire(timeout=60)
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    while not receiver.got and watching.is_alive():
        pass
    stop.set()
    watching.join()
    own.dispose()
    assert len(receiver.got) == 1


def test_a_command_that_stays_takes_no_limit_and_ends_when_it_is_told_to(
    dairy: Dairy, reader: Reader, receiver: Receiver, database: Database, endpoint: Any
) -> None:
    url = database.url.render_as_string(hide_password=False)
    assert run_command("webhooks", "send", "--watch", "--limit", "1", DATABASE_URL=url).returncode == 2
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "DAIRY_WEBHOOKS_LOCAL": "1"}
    command = [sys.executable, "-m", "dairy_app.cli", "webhooks", "send", "--watch", "--json"]
    sender = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    dairy.customer()
    reader.news()
    while not receiver.got and sender.poll() is None:
        pass
    sender.send_signal(signal.SIGTERM)
    said, _ = sender.communicate(timeout=60)
    assert (sender.returncode, json.loads(said)) == (0, {"delivered": 1, "refused": 0})


def test_whose_endpoint_it_is_stays_known(dairy: Dairy, endpoint: Any) -> None:
    assert UUID(endpoint["created_by"]) == UUID(dairy.admin.user["id"])


def test_the_document_of_the_api_has_every_message(dairy: Dairy) -> None:
    document = ok(dairy.nobody.get("/api/openapi.json"))
    assert list(document["webhooks"]) == list(KINDS)
    message = document["webhooks"]["order.placed"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    form = document["components"]["schemas"][message["$ref"].rpartition("/")[2]]
    assert form["required"] == ["type", "timestamp", "data"]
