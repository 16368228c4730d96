"""Messages: the API's outbox as a page; who has no sender sends by hand, and says what became of it."""

from typing import Any
from urllib.parse import unquote

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.console.test_invoices import bill
from tests.console.test_month_end import office
from tests.console.visitor import Visitor
from tests.dairy import PASSWORD, ok, read

__all__ = ["bill", "living"]


def tell(living: LivingDairy, bill: Any, channel: str = "whatsapp") -> str:
    told = ok(living.admin.post(f"/invoices/{bill['id']}/share", {"queue": True, "channel": channel}))
    waiting: str = told["outbox_id"]
    return waiting


def fate(living: LivingDairy) -> list[str]:
    return [each["status"] for each in read(living.admin, "/outbox")]


def test_a_message_is_sent_by_hand(living: LivingDairy, bill: Any) -> None:
    message = tell(living, bill)
    visitor, (waiting,) = office(living), read(living.admin, "/outbox")
    page = visitor.open("/messages")
    assert f"Asha Rao {waiting['customer_code']} Bill {bill['number']} WhatsApp {waiting['recipient']}" in page.words
    assert "Waiting" in page.words
    (link,) = [each for each in page.links() if each.startswith("https://wa.me/")]
    assert link.startswith(f"https://wa.me/{waiting['recipient'].lstrip('+')}?text=")
    assert unquote(link.partition("?text=")[2]) == waiting["body"]
    done = visitor.submit(page, f"/messages/{message}/sent")
    assert "The message is marked as sent." in visitor.follow(done).words
    assert fate(living) == ["sent"]
    assert visitor.submit(page, f"/messages/{message}/withdraw").status == 409
    assert fate(living) == ["sent"]


@pytest.mark.parametrize(("channel", "scheme"), [("sms", "sms:+"), ("email", "mailto:")])
def test_every_channel_opens_where_it_is_written(living: LivingDairy, bill: Any, channel: str, scheme: str) -> None:
    ok(living.admin.patch(f"/customers/{bill['customer_id']}", {"email": "asha@home.example"}))
    tell(living, bill, channel)
    (waiting,) = read(living.admin, "/outbox")
    (link,) = [each for each in office(living).open("/messages").links() if each.startswith(scheme)]
    assert waiting["recipient"] in unquote(link)
    assert unquote(link.partition("body=")[2]) == waiting["body"]


def test_it_is_withdrawn_or_tried_again(living: LivingDairy, bill: Any) -> None:
    visitor, message = office(living), tell(living, bill)
    done = visitor.submit(visitor.open("/messages?status=queued"), f"/messages/{message}/withdraw")
    assert done.location == "/messages?status=queued"
    assert "nobody will send it" in visitor.follow(done).words
    message = tell(living, bill)
    ok(living.admin.post(f"/outbox/{message}/failed", {"error": "no such number"}))
    assert "/messages?status=failed" in visitor.open("/").links()
    page = visitor.open("/messages?status=failed")
    assert "no such number" in page.words
    ok(living.admin.patch(f"/customers/{bill['customer_id']}", {"phone": "+919800011122"}))
    done = visitor.submit(page, "/messages/again")
    assert "A new message waits" in visitor.follow(done).words
    (again,) = read(living.admin, "/outbox", status="queued")
    assert (again["recipient"], again["invoice_id"]) == ("+919800011122", bill["id"])
    assert sorted(fate(living)) == ["failed", "queued", "withdrawn"]


def test_an_accountant_does_not_say_what_was_sent(living: LivingDairy, bill: Any) -> None:
    message = tell(living, bill)
    accountant = living.staff("accountant")
    visitor = Visitor.of(living.app, accountant.user["email"], PASSWORD)
    page = visitor.open("/messages")
    assert [each.action for each in page.forms if message in each.action] == [f"/messages/{message}/withdraw"]
    visitor.submit(page, "/withdraw")
    assert fate(living) == ["withdrawn"]


def test_the_latest_come_first_and_are_filtered(living: LivingDairy, bill: Any) -> None:
    tell(living, bill, "sms")
    tell(living, bill, "whatsapp")
    visitor = office(living)
    newest, oldest = (each["id"] for each in read(living.admin, "/outbox", sort="-created_at"))
    actions = [each.action for each in visitor.open("/messages").forms if each.action.endswith("/sent")]
    assert actions == [f"/messages/{newest}/sent", f"/messages/{oldest}/sent"]
    actions = [each.action for each in visitor.open("/messages?channel=sms").forms if each.action.endswith("/sent")]
    assert actions == [f"/messages/{oldest}/sent"]
    assert "There are no messages." in visitor.open("/messages?status=sent").words


def test_what_failed_or_waits_for_its_next_try_is_tried_at_once(living: LivingDairy, bill: Any, sql: Any) -> None:
    message, visitor = tell(living, bill), office(living)
    ok(living.admin.post(f"/outbox/{message}/failed", {"error": "no network", "retry": True}))
    page = visitor.open("/messages")
    assert "try 1; next" in page.words
    done = visitor.submit(page, f"/messages/{message}/retry")
    assert "The message waits to be sent." in visitor.follow(done).words
    sql("UPDATE outbox_messages SET status = 'failed', last_error = 'no network'")
    sql(
        "INSERT INTO outbox_messages (customer_id, kind, channel, recipient, language, body, status, last_error)"
        f" VALUES ('{bill['customer_id']}', 'reminder', 'sms', '+919800000003', 'en', 'Pay', 'failed', 'no network')"
    )
    page = visitor.open("/messages?kind=reminder")
    assert visitor.submit(page, "/retry").location == "/messages?kind=reminder"
    assert fate(living) == ["failed", "queued"]
