"""Which addresses are told, and when it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from dairy_app.events import rules
from dairy_app.events.models import MOST_ATTEMPTS
from dairy_app.events.service import posting

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/hooks?x=1",
        "https://203.0.114.5/",
        "https://[2606:4700::1111]:8443/a",
        "https://xn--bcher-kva.example/",
    ],
)
def test_the_internet_is_told(url: str) -> None:
    assert rules.refuse_url(url, local=False) is None


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/", "https://localhost/", "https://a.localhost/", "https://printer.local/", "https://127.0.0.1/",
     "https://10.1.2.3/", "https://169.254.169.254/latest", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
     "https://[fe80::1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://224.0.0.1/",
     "https://0.0.0.0/", "https://100.64.0.1/", "https://user@shop.example/", "https://shop.example/#x", "file:///etc/passwd"],
)  # fmt: skip
def test_what_lies_inside_is_not(url: str) -> None:
    assert rules.refuse_url(url, local=False) is not None


@pytest.mark.parametrize("name", ["localhost", "ip6-localhost"])
def test_a_name_that_stands_for_an_address_inside_is_found_out_when_it_is_called(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "refuse_url", lambda *_: None)  # as if the name had said nothing
    outcome = posting.post(f"https://{name}/", b"{}", {}, local=False)
    assert outcome.status is None
    assert outcome.error is not None


def test_it_is_tried_again_for_a_day_and_a_half() -> None:
    moments, moment = [], NOW
    for attempts in range(1, MOST_ATTEMPTS):
        due = rules.next_try(attempts, moment)
        assert due is not None
        moments.append(due - moment)
        moment = due
    assert moments == sorted(moments)
    assert timedelta(hours=30) < moment - NOW < timedelta(hours=36)
    assert rules.next_try(MOST_ATTEMPTS, moment) is None


@pytest.mark.parametrize(
    ("status", "taken"), [(200, True), (204, True), (299, True), (199, False), (301, False), (410, False)]
)
def test_what_counts_as_taken(status: int, taken: bool) -> None:
    assert (rules.judge_status(status) is None) == taken
