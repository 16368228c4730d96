"""How fast a link, and who guesses links, may go; what the log and the headers keep to themselves."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from dairy_app.accounts.rules.logins import TRIES_PER_ADDRESS
from dairy_app.app import create_app
from dairy_app.settings import Settings
from dairy_app.sharing.rules.links import MOST_PER_WINDOW
from tests.conftest import SECRET_KEY
from tests.dairy import Client, ok, refused
from tests.sharing.links import Town

pytestmark = pytest.mark.slow


def test_a_link_is_limited_per_minute(town: Town, clock: time_machine.Traveller, sql: Any) -> None:
    link, other, order = town.link(), town.link(), town.order()
    ok(link.confirm(order))
    clock.shift(timedelta(seconds=20))
    for _ in range(MOST_PER_WINDOW - 1):
        ok(link.confirm(order))
    before = sql("SELECT count(*) FROM shared_link_events")
    for _ in range(2):
        answer = link.confirm(order)
        refused(answer, 429, "rate_limited")
        assert answer.headers["Retry-After"] == "40"
    assert sql("SELECT count(*) FROM shared_link_events") == before
    ok(other.confirm(order))
    clock.shift(timedelta(seconds=40))
    ok(link.confirm(order))


def test_a_round_with_a_confirmation_every_two_seconds_is_not(town: Town, clock: time_machine.Traveller) -> None:
    link, order = town.link(), town.order()
    for turn in range(90):
        ok(link.confirm(order))
        if turn % 10 == 0:
            ok(link.round())
        clock.shift(timedelta(seconds=2))


def test_a_full_batch_and_its_resending_are_not(town: Town) -> None:
    link = town.link()
    full = [{"order_id": str(uuid4()), "status": "delivered"} for _ in range(1000)]
    for _ in range(5):
        ok(link.confirm_batch(full))
    refused(link.confirm_batch(full), 429, "rate_limited")


def test_one_order_again_and_again_is_limited_sooner(town: Town) -> None:
    """Each repeat within a batch is judged after the one before."""
    link, one = town.link(), {"order_id": str(uuid4()), "status": "delivered"}
    refused(link.confirm_batch([one] * 200), 429, "rate_limited")
    assert ok(link.confirm_batch([one] * 20))["rejected"] == 20


def test_guessing_tokens_is_limited_by_address_and_stops_nobody_else(town: Town) -> None:
    link, order = town.link(), town.order()
    for _ in range(TRIES_PER_ADDRESS):
        refused(town.dairy.nobody.get(f"/shared/{uuid4()}/round"), 404, "link_not_found")
    answer = town.dairy.nobody.post(f"/shared/{uuid4()}/unlock", {"pin": "1234"})
    refused(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == "900"
    ok(link.confirm(order))


def test_a_token_that_is_none_is_not_found(town: Town) -> None:
    for token in ("x", "%F0%9F%90%84", "%ED%A0%80", "a" * 3000, "..", "'"):
        assert town.dairy.nobody.get(f"/shared/{token}/round").status_code == 404


@pytest.fixture
def talkative(settings: Settings, town: Town) -> Client:
    """The same dairy, served by an application that logs every request as JSON."""
    loud = Settings(settings.data_dir, secret_key=SECRET_KEY, log_level="info", log_format="json")
    return Client(create_app(loud, town.dairy.app.database), None)


def test_the_log_shows_no_token_and_no_pin(town: Town, talkative: Client, capsys: pytest.CaptureFixture[str]) -> None:
    link, gone = town.link(pin="47119305"), town.link()
    gone.revoke()
    link.phone = gone.phone = talkative
    capsys.readouterr()
    answers = [link.unlock("00001111"), link.unlock("47119305"), link.round(), link.confirm(town.order()), gone.round()]
    answers.append(talkative.get(f"/shared/{link.token}x/round"))
    written = capsys.readouterr().err
    routes = [json.loads(line)["route"] for line in written.splitlines() if '"request"' in line and "shared" in line]
    assert routes[:3] == [f"/api/v1/shared/<token>/{verb}" for verb in ("unlock", "unlock", "round")]
    assert len(routes) == len(answers)
    for secret in (link.token, gone.token, "47119305", "00001111"):
        assert secret not in written
    for answer in answers:
        assert link.token not in answer.get_data(as_text=True)
        assert gone.token not in answer.get_data(as_text=True)


def test_nothing_of_it_is_kept_or_passed_on(town: Town) -> None:
    link, gone = town.link(), town.link()
    gone.revoke()
    for answer in (link.round(), link.confirm(town.order()), gone.round(), link.unlock("1")):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
