"""Losing the network at every bad moment: what was tapped is kept, shown and sent, once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.browser.conftest import Phone
from tests.browser.rounds import HOSTILE, Round
from tests.browser.test_round import door, send_now
from tests.dairy import ok

BATCH = "**/confirmations/batch"


def deliver(page: Page, name: str) -> None:
    door(page, name).get_by_role("button", name="Delivered").first.tap()
    expect(door(page, name)).to_contain_text("Not yet sent")


def test_offline_then_online(phone: Phone, round_: Round, shot: Any) -> None:
    page = phone.open(round_.link())
    phone.keeps_the_page()
    phone.offline()
    deliver(page, "Asha Patil")
    deliver(page, HOSTILE)
    expect(page.locator("#net")).to_have_text("Offline. Not yet sent: 2")
    page.evaluate("scrollTo(0, 0)")
    page.locator("#unsent summary").tap()
    expect(page.locator("#unsent li")).to_have_count(2)
    shot(page, "offline")
    assert round_.states() == ["PENDING"] * 4

    page.reload()  # the page itself opens without a network
    expect(page.locator("#counted")).to_have_text("2 of 4 done")
    expect(page.locator("#net")).to_have_text("Offline. Not yet sent: 2")
    deliver(page, "राधा देशपांडे")
    shot(page, "offline-reloaded")

    phone.offline(False)
    expect(page.locator("#net")).to_have_text("All sent", timeout=20_000)
    assert round_.states() == ["DELIVERED", "DELIVERED", "DELIVERED", "PENDING"]


def test_undo_without_a_network(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    phone.offline()
    deliver(page, "Asha Patil")
    page.locator("#unsent summary").tap()
    page.locator("#unsent").get_by_role("button", name="Undo, Asha Patil").tap()
    expect(page.locator("#counted")).to_have_text("0 of 4 done")
    phone.offline(False)
    expect(page.locator("#net")).to_have_text("All sent")
    assert round_.states()[0] == "PENDING"


def test_the_answer_is_lost_after_the_server_committed(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    sent: list[Any] = []

    def lose_the_first(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or ""))
        answer = route.fetch()
        if len(sent) == 1:
            assert answer.ok
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    phone.context.route(BATCH, lose_the_first)
    deliver(page, "Asha Patil")
    page.get_by_role("button", name="Send now").tap()
    expect(page.locator("#trouble")).to_contain_text("Trying again by itself")
    assert round_.states()[0] == "DELIVERED"
    first = round_.status("Asha Patil")["delivery_status"]
    send_now(page)
    assert len(sent) == 2
    assert sent[0] == sent[1]  # the same event, word by word
    assert round_.status("Asha Patil")["delivery_status"] == first
    expect(page.locator("#rejected")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "body"), [(200, "<h1>Buy our Wi-Fi</h1>"), (200, '{"results": "soon"}'), (404, "{}"), (410, "Gone")]
)
def test_a_captive_portal_is_no_answer(phone: Phone, round_: Round, status: int, body: str) -> None:
    page = phone.open(round_.link())
    phone.context.route(BATCH, lambda route: route.fulfill(status=status, body=body))
    deliver(page, "Asha Patil")
    page.get_by_role("button", name="Send now").tap()
    expect(page.locator("#trouble")).to_contain_text("Trying again by itself")
    expect(page.locator("#net")).to_have_text("Not yet sent: 1")
    phone.context.unroute(BATCH)
    send_now(page)
    assert round_.states()[0] == "DELIVERED"


def test_the_page_is_closed_before_anything_was_sent(phone: Phone, round_: Round) -> None:
    token = round_.link()
    page = phone.open(token)
    phone.context.route(BATCH, lambda route: route.abort())
    deliver(page, "Asha Patil")
    page.close()
    phone.context.unroute(BATCH)
    phone.page = phone.context.new_page()
    page = phone.open(token)
    expect(page.locator("#counted")).to_have_text("1 of 4 done")
    send_now_or_sent(page)
    assert round_.states()[0] == "DELIVERED"


def send_now_or_sent(page: Page) -> None:
    """Opening the page sends what its time to undo is over for; the rest follows by itself."""
    expect(page.locator("#net")).to_have_text("All sent", timeout=15_000)


def test_more_than_a_batch_holds_is_sent_in_several(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    sizes: list[int] = []
    phone.context.route(BATCH, lambda route: (sizes.append(count(route)), route.continue_())[1])
    page.evaluate(
        """async (real) => {
            const prefix = `dairy-round:${document.body.dataset.link}:`;
            for (let n = 0; n < 250; n += 1) {
                const id = n ? crypto.randomUUID() : real;
                localStorage.setItem(prefix + id, JSON.stringify({
                    key: id, type: "confirmation", state: "waiting", what: "delivered",
                    at: n, hold: 0, name: `Door ${n}`,
                    body: {order_id: id, status: "delivered", client_event_id: crypto.randomUUID()},
                }));
            }
        }""",
        round_.orders["Asha Patil"]["id"],
    )
    page.reload()
    expect(page.locator("#rejected-title")).to_have_text("Please check: 249", timeout=30_000)
    expect(page.locator("#net")).to_have_text("All sent")
    assert sizes == [200, 50]
    assert round_.states() == ["DELIVERED", "PENDING", "PENDING", "PENDING"]


def count(route: Route) -> int:
    return len(json.loads(route.request.post_data or "")["confirmations"])


def test_an_order_cancelled_meanwhile_is_shown_and_dismissed(phone: Phone, round_: Round, shot: Any) -> None:
    page = phone.open(round_.link())
    order = round_.orders["Asha Patil"]
    ok(round_.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "Moved away"}))
    deliver(page, "Asha Patil")
    deliver(page, HOSTILE)
    page.get_by_role("button", name="Send now").tap()
    rejected = page.get_by_role("region", name="Please check: 1")
    expect(rejected).to_contain_text("The order was cancelled in the meantime.")
    expect(page.locator("#net")).to_have_text("All sent")
    page.get_by_role("button", name="Please check: 1").tap()
    expect(page.locator("#rejected-title")).to_be_focused()
    expect(page.locator("#rejected-title")).to_be_in_viewport()
    shot(page, "rejected")
    assert round_.states()[:2] == ["CANCELLED", "DELIVERED"]
    page.reload()
    page.get_by_role("button", name="OK, remove, Asha Patil").tap()
    expect(page.locator("#rejected")).to_be_hidden()
    page.reload()
    expect(page.locator("#rejected")).to_be_hidden()


def test_a_refused_quantity_is_entered_again(phone: Phone, round_: Round) -> None:
    """The order was made smaller after the page was loaded, here by a page that says more than there is."""
    page = phone.open(round_.link())
    page.evaluate("""document.querySelector("#list [data-product]").dataset.ordered = "5" """)
    door(page, "Asha Patil").get_by_role("button", name="Partly").tap()
    page.get_by_label("Delivered quantity of Cow milk").fill("4.5")
    page.get_by_role("button", name="Save").tap()
    page.get_by_role("button", name="Send now").tap()
    expect(page.get_by_role("region", name="Please check: 1")).to_contain_text("More than was ordered.")
    page.reload()
    page.get_by_role("button", name="Change, Asha Patil").tap()
    page.get_by_label("Delivered quantity of Cow milk").fill("1")
    page.get_by_role("button", name="Save").tap()
    expect(page.locator("#rejected")).to_be_hidden()
    send_now(page)
    assert round_.states()[0] == "PARTIALLY_DELIVERED"


def test_somebody_else_said_otherwise(phone: Phone, round_: Round) -> None:
    page = phone.open(round_.link())
    order = round_.orders["Asha Patil"]
    amounts = [{"product_id": each["product_id"], "delivered_quantity": "1"} for each in order["items"]]
    ok(round_.dairy.confirm(order, items=amounts))
    deliver(page, "Asha Patil")
    page.get_by_role("button", name="Send now").tap()
    expect(page.get_by_role("region", name="Please check: 1")).to_contain_text("Already confirmed")
    expect(door(page, "Asha Patil")).to_contain_text("1 of 2 L")  # what the dairy has
    page.get_by_role("button", name="OK, remove, Asha Patil").tap()
    assert round_.states()[0] == "PARTIALLY_DELIVERED"


def test_what_an_earlier_link_left_unsent_goes_with_the_new_one(phone: Phone, round_: Round, sql: Any) -> None:
    first, second = round_.link(), round_.link()
    page = phone.open(first)
    phone.offline()
    deliver(page, "Asha Patil")
    ok(round_.dairy.admin.delete(f"/shared-links/{round_.links[first]['id']}"), 204)
    page.close()
    phone.offline(False)
    phone.page = phone.context.new_page()
    page = phone.open(second)
    send_now_or_sent(page)
    assert round_.states()[0] == "DELIVERED"


def test_a_phone_that_cannot_keep_anything_says_so(phone: Phone, round_: Round) -> None:
    phone.page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); }")
    page = phone.open(round_.link())
    deliver(page, "Asha Patil")
    expect(page.locator("#trouble")).to_contain_text("Do not close the page")
    send_now(page)
    assert round_.states()[0] == "DELIVERED"


def test_the_kept_page_is_this_links_alone(new_phone: Callable[..., Phone], round_: Round) -> None:
    phone = new_phone()
    first, second = round_.link(), round_.link()
    phone.open(first)
    phone.keeps_the_page()
    kept = phone.page.evaluate(
        """async () => {
            const found = [];
            for (const name of await caches.keys())
                for (const kept of await (await caches.open(name)).keys()) found.push(name + " " + kept.url);
            return [...found, ...Object.keys(localStorage)].join("\\n");
        }"""
    )
    assert first not in kept
    phone.offline()
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        phone.open(second)
