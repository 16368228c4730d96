"""What the office sees and says of messages: secrets stay secret, what failed is tried again."""

from datetime import timedelta
from typing import Any

from dairy_app.common.clock import now
from dairy_app.outbox.bulk import Letter, queue
from tests.console.visitor import Visitor
from tests.dairy import PASSWORD, Dairy, ok, read, refused

CODE = "Your code is 777-000"


def to_login(dairy: Dairy, **changes: Any) -> str:
    """A secret message to the admin's login, queued as a service queues it."""
    given: dict[str, Any] = {"kind": "login_code", "channel": "sms", "recipient": "+919812345678", "language": "en"}
    with dairy.app.database.transaction() as session:
        given |= {"body": CODE, "user_id": dairy.admin.user["id"], "secret": True}
        given |= {"expires_at": now() + timedelta(minutes=10)} | changes
        made = queue(session, [Letter(**given)])
    return str(made[0]) if made else ""


def test_the_text_of_a_secret_message_is_shown_to_nobody(dairy: Dairy, sql: Any) -> None:
    message = to_login(dairy)
    one, (listed,) = ok(dairy.admin.get(f"/outbox/{message}")), read(dairy.admin, "/outbox")
    assert one == listed
    assert (one["kind"], one["secret"], one["body"], one["user_name"]) == ("login_code", True, None, "Asha Admin")
    assert (one["customer_id"], one["customer_name"], one["expires_at"] > one["created_at"]) == (None, None, True)
    page = Visitor.of(dairy.app, "admin@dairy.example", PASSWORD).open("/messages")
    assert "Code to sign in" in page.words
    assert "Asha Admin" in page.words
    said = [ok(dairy.admin.post(f"/outbox/{message}/failed", {"error": "no such number"}))]
    assert said[0]["body"] is None
    refused(dairy.admin.post(f"/outbox/{message}/retry"), 409, "illegal_transition")
    assert "777-000" not in page.response.get_data(as_text=True) + repr(one) + repr(said)
    assert sql("SELECT body, status FROM outbox_messages") == [(None, "failed")]
    assert sql("SELECT count(*) FROM audit_log WHERE table_name = 'outbox_messages'") == [(0,)]


def test_a_message_with_a_key_is_queued_once_ever(dairy: Dairy) -> None:
    first = to_login(dairy, dedupe_key="reset:1")
    assert first
    assert to_login(dairy, dedupe_key="reset:1") == ""
    ok(dairy.admin.post(f"/outbox/{first}/sent"))
    assert to_login(dairy, dedupe_key="reset:1") == ""
    assert to_login(dairy, dedupe_key="reset:2")


def test_what_failed_waits_again_as_a_new_one(dairy: Dairy, sql: Any) -> None:
    accountant = dairy.staff("accountant")
    customer = dairy.customer()
    message = to_login(dairy, secret=False, user_id=None, customer_id=customer["id"], kind="not_delivered")
    path = f"/outbox/{message}"
    assert ok(accountant.get(path))["body"] == CODE
    sql("UPDATE outbox_messages SET attempts = 7, not_before = now() + interval '9 minutes', last_error = 'x'")
    ok(dairy.admin.post(f"{path}/failed", {"error": "no such number"}))
    again = ok(accountant.post(f"{path}/retry"))
    assert (again["status"], again["attempts"], again["last_error"]) == ("queued", 0, "no such number")
    assert ok(accountant.post(f"{path}/retry"))["status"] == "queued"
    sql("UPDATE outbox_messages SET leased_until = now() + interval '1 minute'")
    for act, client in (("withdraw", accountant), ("retry", accountant), ("sent", dairy.admin)):
        refused(client.post(f"{path}/{act}"), 409, "illegal_transition")
    sql("UPDATE outbox_messages SET leased_until = now() - interval '1 second'")
    ok(accountant.post(f"{path}/withdraw"))
    refused(accountant.post(f"{path}/retry"), 409, "illegal_transition")
    refused(dairy.staff("marketing_staff").get(path), 403, "forbidden")
    refused(accountant.get(f"/outbox/{customer['id']}"), 404, "message_not_found")


def test_what_expired_is_not_tried_again(dairy: Dairy, sql: Any) -> None:
    message = to_login(dairy, secret=False)
    sql("ALTER TABLE outbox_messages DISABLE TRIGGER tr_outbox_messages_stand")
    sql("UPDATE outbox_messages SET not_before = now() - interval '2 hours', expires_at = now() - interval '1 hour'")
    sql("ALTER TABLE outbox_messages ENABLE TRIGGER tr_outbox_messages_stand")
    refused(dairy.admin.post(f"/outbox/{message}/retry"), 409, "illegal_transition")


def test_messages_are_found_by_kind_and_login(dairy: Dairy) -> None:
    message, customer = to_login(dairy), dairy.customer()
    to_login(dairy, secret=False, user_id=None, customer_id=customer["id"], kind="reminder")
    for query in ({"kind": "login_code"}, {"user_id": dairy.admin.user["id"]}):
        assert [each["id"] for each in read(dairy.admin, "/outbox", **query)] == [message]
