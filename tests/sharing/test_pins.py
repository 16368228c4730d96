"""PINs: tried a few times, then locked for longer and longer; a right one opens this link on this phone."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from tests.dairy import ok, refused
from tests.races import at_once
from tests.sharing.links import Town


def wrong(link: Any, times: int) -> None:
    for _ in range(times):
        refused(link.unlock("0000"), 401, "wrong_pin")


def test_nothing_opens_without_the_pin(town: Town) -> None:
    link, order = town.link(pin="4711"), town.order()
    for name, answer in link.every_verb(order, town.asha).items():
        if name != "unlock":
            refused(answer, 401, "pin_required")
    for name, answer in link.every_verb(order, town.asha).items():  # the unlocking came last
        ok(answer, {"request": 201, "unlock": 204}.get(name, 200))
    assert link.events()[:4] == [(action, "pin_required") for action in ("round", "confirm", "confirm", "request")]


def test_the_cookie_is_for_this_link_only(town: Town, sql: Any) -> None:
    link, other, open_one = town.link(pin="4711"), town.link(pin="4711"), town.link()
    # Even if the hashes were not salted:
    sql("UPDATE shared_links SET pin_hash = (SELECT max(pin_hash) FROM shared_links) WHERE pin_hash IS NOT NULL")
    cookie = link.unlock("4711").headers["Set-Cookie"]
    path = f"/api/v1/shared/{link.token}"
    value = re.fullmatch(
        rf"dairy_link=([0-9a-f]{{64}}); Expires=[^;]+; Max-Age=86400; HttpOnly; Path={path}; SameSite=Strict", cookie
    )
    assert value is not None, cookie
    ok(link.round())
    refused(link.another_phone().round(), 401, "pin_required")
    ok(open_one.another_phone().round())
    other.phone = link.phone
    refused(other.round(), 401, "pin_required")
    refused(other.round_with(value[1]), 401, "pin_required")
    ok(link.round_with(value[1]))


def test_the_cookie_is_secure_over_https(town: Town) -> None:
    link = town.link(pin="4711")
    assert "Secure" not in link.unlock("4711").headers["Set-Cookie"]
    assert "; Secure;" in link.unlock("4711", base_url="https://localhost").headers["Set-Cookie"]


@pytest.mark.parametrize("change", ["pin_hash = %s", "expires_at = expires_at - interval '1 minute', name = %s"])
def test_the_cookie_ends_with_what_it_was_earned_for(town: Town, sql: Any, change: str) -> None:
    link, other = town.link(pin="4711"), town.link(pin="4712")
    ok(link.unlock("4711"), 204)
    ok(link.round())
    [(another_hash,)] = sql("SELECT pin_hash FROM shared_links WHERE id = %s", other.id)
    sql(f"UPDATE shared_links SET {change} WHERE id = %s", another_hash, link.id)
    refused(link.round(), 401, "pin_required")


def test_revoking_ends_it_too(town: Town) -> None:
    link = town.link(pin="4711")
    ok(link.unlock("4711"), 204)
    link.revoke()
    refused(link.round(), 410, "link_revoked")


@pytest.mark.parametrize(
    "pin",
    ["1234", "4321", "0000", "1111", "0123", "7890", "2468", "1212", "1122", "1112", "1985", "2026", "2580", "0852",
     "1004", "123123", "147147", "12345678", "19850412", "112233", "10041004"],
)  # fmt: skip
def test_a_pin_that_anybody_would_try_is_refused(town: Town, pin: str) -> None:
    wanted = {"kind": "round", "delivery_boy_id": town.boy.user["id"], "date": town.dairy.day(0), "pin": pin}
    problem = refused(town.dairy.admin.post("/shared-links", wanted), 422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [("/pin", "weak_pin")]


@pytest.mark.parametrize("pin", ["4711", "8052", "3907", "50718", "274196", "91837465"])
def test_other_pins_are_taken(town: Town, pin: str) -> None:
    ok(town.link(pin=pin).unlock(pin), 204)


@pytest.mark.parametrize("value", ["", "0" * 64, "x", "é", "a" * 5000])
def test_made_up_cookies_open_nothing(town: Town, value: str) -> None:
    link = town.link(pin="4711")
    refused(link.round_with(value), 401, "pin_required")


def test_five_wrong_ones_lock_it_the_next_five_for_longer(town: Town, clock: time_machine.Traveller) -> None:
    link = town.link(pin="4711")
    wrong(link, 5)
    for minutes in (15, 30, 60):
        answer = link.unlock("4711")
        refused(answer, 429, "rate_limited")
        assert answer.headers["Retry-After"] == str(minutes * 60)
        clock.shift(timedelta(minutes=minutes, microseconds=-1))
        refused(link.unlock("4711"), 429, "rate_limited")
        clock.shift(timedelta(microseconds=1))
        wrong(link, 5)
    assert link.another_phone().unlock("4711").headers["Retry-After"] == str(120 * 60)


def test_a_right_one_begins_anew(town: Town, clock: time_machine.Traveller, sql: Any) -> None:
    link = town.link(pin="4711")
    wrong(link, 5)
    clock.shift(timedelta(minutes=15))
    town.dairy.log_in_again()
    ok(link.unlock("4711"), 204)
    assert sql("SELECT failed_attempts, locked_until FROM shared_links") == [(0, None)]
    wrong(link, 4)
    ok(link.unlock("4711"), 204)
    assert link.events() == [
        *[("unlock", "wrong_pin")] * 5,
        ("unlock", "ok"),
        *[("unlock", "wrong_pin")] * 4,
        ("unlock", "ok"),
    ]


def test_who_is_in_stays_in_while_others_guess(town: Town) -> None:
    link = town.link(pin="4711")
    ok(link.unlock("4711"), 204)
    wrong(link.another_phone(), 5)
    refused(link.another_phone().unlock("4711"), 429, "rate_limited")
    ok(link.confirm(town.order()))


def test_a_link_without_a_pin_takes_any(town: Town) -> None:
    link = town.link()
    ok(link.unlock("1"), 204)
    ok(link.round())


def test_two_wrong_ones_at_the_same_moment_both_count(town: Town, database_url: str, sql: Any) -> None:
    link = town.link(pin="4711")
    wrong(link, 3)
    hold = f"SELECT FROM shared_links WHERE id = '{link.id}' FOR UPDATE"
    phones = [link.another_phone(), link.another_phone()]
    answers = at_once(database_url, hold, *((lambda phone=phone: phone.unlock("0000")) for phone in phones))
    for answer in answers:
        refused(answer, 401, "wrong_pin")
    assert sql("SELECT failed_attempts, locked_until IS NOT NULL FROM shared_links") == [(5, True)]
    refused(link.unlock("4711"), 429, "rate_limited")
