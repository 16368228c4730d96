"""WhatsApp's Cloud API: what it is asked, what its answers mean, and what its receipts say, against a real receiver."""

import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from dairy_app.sending.rules import whatsapp_account
from dairy_app.sending.senders.whatsapp import WhatsappSender
from dairy_app.sending.service.sending import Done, Emptying
from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.dairy import ok, read, refused
from tests.documents.conftest import Bills
from tests.sending.conftest import Mailing
from tests.sending.test_http import Receiver, answers, receiver

__all__ = ["receiver"]

SECRET, WORD, PATH = "app-s3cret", "milk-4711", "/gateways/whatsapp/webhook"
TOLD = {
    "name": "Meera  Joshi\n",
    "dairy": "Sunrise Dairy",
    "number": "INV/1",
    "total": "₹240.00",
    "link": "http://x/i/A",
}


def takes(name: str = "wamid.A") -> Callable[[str], bytes]:
    """How the Cloud API says yes."""
    made = {"messaging_product": "whatsapp", "contacts": [{"input": "x", "wa_id": "x"}], "messages": [{"id": name}]}
    return answers("200 OK", json.dumps(made))


def refuses(status: str, code: int, details: str = "because") -> Callable[[str], bytes]:
    error = {"message": f"(#{code}) No", "type": "OAuthException", "code": code, "error_data": {"details": details}}
    return answers(status, json.dumps({"error": error}))


@pytest.fixture
def approved(mailing: Mailing) -> dict[str, Any]:
    """Words for bills that WhatsApp approved."""
    body = {"kind": "bill", "channel": "whatsapp", "language": "en", "body": "{name}: {total} of {number}. {name}!"}
    body |= {"whatsapp_name": "bill_1", "whatsapp_language": "en_US"}
    made: dict[str, Any] = ok(mailing.dairy.admin.post("/message-templates", body), 201)
    return made


def tell_bill(mailing: Mailing, *recipients: str, **fields: Any) -> list[str]:
    given = {"kind": "bill", "channel": "whatsapp", "subject": None, "told": TOLD} | fields
    return mailing.queue(*(recipients or ("+919812345678",)), **given)


def send(mailing: Mailing, receiver: Receiver) -> Done:
    account = whatsapp_account(f"http://127.0.0.1:{receiver.port}/v24.0/", "1055", "t0ken")
    return Emptying(mailing.dairy.app.database, {"whatsapp": WhatsappSender(account, answer=5.0)}).send_due()


def test_a_template_is_filled_with_what_the_message_tells(
    mailing: Mailing, receiver: Receiver, approved: dict[str, Any]
) -> None:
    receiver.answer = takes()
    (message,) = tell_bill(mailing)
    assert send(mailing, receiver) == Done(sent=1)
    ((method, path, headers, body),) = receiver.came
    assert (method, path) == ("POST", "/v24.0/1055/messages")
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer t0ken", "application/json")
    named = [("name", "Meera Joshi"), ("total", "₹240.00"), ("number", "INV/1")]
    assert json.loads(body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "919812345678",
        "type": "template",
        "template": {
            "name": "bill_1",
            "language": {"code": "en_US"},
            "components": [
                {
                    "type": "body",
                    "parameters": [{"type": "text", "parameter_name": name, "text": text} for name, text in named],
                }
            ],
        },
        "biz_opaque_callback_data": message,
    }
    told = mailing.message(message)
    assert (told["status"], told["provider_id"]) == ("sent", "wamid.A")


def test_a_template_with_numbers_and_a_document(mailing: Mailing, receiver: Receiver, approved: dict[str, Any]) -> None:
    change = {"whatsapp_numbered": True, "whatsapp_document": True}
    ok(mailing.dairy.admin.patch(f"/message-templates/{approved['id']}", change))
    receiver.answer = takes()
    tell_bill(mailing, told={"name": "", "number": "INV/1", "total": "₹240.00", "link": "http://x/i/A"})
    assert send(mailing, receiver) == Done(sent=1)
    document = {"link": "http://x/i/A/pdf", "filename": "INV-1.pdf"}
    assert json.loads(receiver.came[0][3])["template"]["components"] == [
        {"type": "header", "parameters": [{"type": "document", "document": document}]},
        {"type": "body", "parameters": [{"type": "text", "text": each} for each in ("–", "₹240.00", "INV/1")]},
    ]
    body = {"kind": "bill", "channel": "whatsapp", "language": "en", "body": "{total} {name} {total}"}
    body |= {"whatsapp_name": "bill", "whatsapp_language": "en", "whatsapp_numbered": True}
    shown = ok(mailing.dairy.admin.post("/message-templates/preview", body))
    assert shown["whatsapp_body"] == "{{1}} {{2}} {{1}}"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"channel": None}, "/whatsapp_name"),
        ({"whatsapp_language": None}, "/whatsapp_language"),
        ({"whatsapp_name": None, "whatsapp_language": None, "whatsapp_numbered": True}, "/whatsapp_name"),
        ({"whatsapp_name": "Bill!"}, "/whatsapp_name"),
        ({"whatsapp_language": "english"}, "/whatsapp_language"),
    ],
)
def test_what_does_not_fit_a_template_is_told(mailing: Mailing, fields: dict[str, Any], pointer: str) -> None:
    body = {"kind": "bill", "channel": "whatsapp", "language": "en", "body": "x", "whatsapp_name": "bill"}
    body |= {"whatsapp_language": "en"} | fields
    problem = refused(mailing.dairy.admin.post("/message-templates", body), 422, "validation_failed")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


def test_a_bill_and_a_reminder_tell_what_fills_them(billing: Mailing, bills: Bills, receiver: Receiver) -> None:
    body = {"kind": "bill", "channel": "whatsapp", "language": "en", "body": "{name}, {total}, {amount_due}: {link}"}
    body |= {"whatsapp_name": "bill", "whatsapp_language": "en", "whatsapp_document": True}
    ok(bills.admin.post("/message-templates", body), 201)
    invoice = bills.bill(kinds="milk")
    shared = bills.share(invoice, channel="whatsapp", queue=True)
    receiver.answer = takes()
    assert send(billing, receiver) == Done(sent=1)
    header, filled = json.loads(receiver.came[0][3])["template"]["components"]
    assert [each["text"] for each in filled["parameters"]] == ["Meera Joshi", "₹192.00", "₹192.00", shared["url"]]
    document = header["parameters"][0]["document"]
    assert document == {"link": f"{shared['url']}/pdf", "filename": f"{invoice['number'].replace('/', '-')}.pdf"}
    path = document["link"].partition("/i/")[2]
    assert bills.dairy.app.test_client().get(f"/i/{path}").mimetype == "application/pdf"


def test_without_a_template_or_what_fills_it_a_message_fails_at_once(
    mailing: Mailing, receiver: Receiver, approved: dict[str, Any]
) -> None:
    (hindi,), (old,) = tell_bill(mailing, language="hi"), tell_bill(mailing, told=None)
    assert send(mailing, receiver) == Done(failed=2)
    assert receiver.came == []
    assert mailing.message(hindi)["last_error"] == (
        "no template that WhatsApp approved for bill, hi: name it on the page Words"
    )
    assert mailing.message(old)["last_error"].startswith("it was queued without what a template needs")


@pytest.mark.parametrize(
    ("status", "code", "done", "rest"),
    [
        ("400 Bad Request", 131026, Done(failed=2), 0),
        ("404 Not Found", 132001, Done(failed=2), 0),
        ("400 Bad Request", 132000, Done(failed=2), 0),
        ("400 Bad Request", 131047, Done(failed=2), 0),
        ("400 Bad Request", 999999, Done(failed=2), 0),
        ("400 Bad Request", 131056, Done(waiting=2), 0),
        ("500 Internal Server Error", 131000, Done(waiting=2), 0),
        ("429 Too Many Requests", 130429, Done(waiting=1), 1),
        ("400 Bad Request", 130429, Done(waiting=1), 1),
        ("400 Bad Request", 80007, Done(waiting=1), 1),
        ("401 Unauthorized", 190, Done(waiting=1), 1),
        ("403 Forbidden", 131031, Done(waiting=1), 1),
    ],
)
def test_what_is_answered_decides(
    mailing: Mailing, receiver: Receiver, approved: Any, status: str, code: int, done: Done, rest: int
) -> None:
    first, second = tell_bill(mailing, "+919812345678", "+919812345679")
    receiver.answer = refuses(status, code)
    assert send(mailing, receiver) == done
    told = mailing.message(first)
    assert told["last_error"] == f"{code} No: because"
    assert mailing.message(second)["attempts"] == 1 - rest
    assert "t0ken" not in repr(told)


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        (answers("200 OK", "<html>"), Done(waiting=1)),
        (answers("200 OK", '{"messages": []}'), Done(waiting=1)),
        (answers("400 Bad", "[]"), Done(failed=1)),
        (answers("503 Closed", "x"), Done(waiting=1)),
        (answers("401 No", "x"), Done(waiting=1)),
        (lambda _: b"", Done(waiting=1)),
    ],
)
def test_what_is_no_answer_is_asked_again(
    mailing: Mailing, receiver: Receiver, approved: Any, answer: Any, done: Done
) -> None:
    tell_bill(mailing)
    receiver.answer = answer
    assert send(mailing, receiver) == done


def test_the_command_sends_by_whatsapp(mailing: Mailing, receiver: Receiver, approved: Any, database_url: str) -> None:
    receiver.answer = takes()
    tell_bill(mailing)
    names = {"DAIRY_WHATSAPP_URL": f"http://127.0.0.1:{receiver.port}/v24.0", "DAIRY_WHATSAPP_TOKEN": "t0ken"}
    names["DATABASE_URL"] = psycopg_dsn(database_url)
    done = run_command("outbox", "send", **names)
    assert (done.returncode, "DAIRY_WHATSAPP_PHONE_ID must be the id" in done.stderr) == (1, True)
    done = run_command("outbox", "send", DAIRY_WHATSAPP_PHONE_ID="1055", **names)
    assert (done.returncode, done.stdout) == (0, "1 sent, 0 to be tried again, 0 failed, 0 withdrawn\n")


@pytest.mark.parametrize(
    ("url", "phone_id", "token"),
    [
        ("http://graph.example/v24.0", "1055", "s3cret"),
        ("https://graph.example/v24.0?x=1", "1055", "s3cret"),
        ("https://graph.example/v24.0", "+91 98", "s3cret"),
        ("https://graph.example/v24.0", "1055", "s3cret\r\nX: y"),
        ("https://graph.example/v24.0", "1055", ""),
    ],
)
def test_a_wrong_account_is_refused_without_its_token(url: str, phone_id: str, token: str) -> None:
    with pytest.raises(ValueError, match=r"^DAIRY_WHATSAPP_") as caught:
        whatsapp_account(url, phone_id, token)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(whatsapp_account("https://graph.example/v24.0", "1055", "s3cret"))


# ------------------------------------------------------------------------------------------- receipts


@pytest.fixture
def told(mailing: Mailing) -> Mailing:
    """A dairy that knows how WhatsApp signs."""
    app = mailing.dairy.app
    known = {"whatsapp_app_secret": SECRET, "whatsapp_verify_token": WORD}
    app.config["DAIRY"] = replace(app.config["DAIRY"], **known)
    return mailing


def post(mailing: Mailing, body: bytes, signature: str | None = None) -> Any:
    right = "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    headers = {"X-Hub-Signature-256": right if signature is None else signature, "Content-Type": "application/json"}
    return mailing.dairy.app.test_client().post(f"/api/v1{PATH}", data=body, headers=headers)


def receipt(status: str, name: str = "wamid.A", ours: str | None = None, code: int | None = None) -> dict[str, Any]:
    """One receipt, as WhatsApp writes it."""
    told = {"id": name, "status": status, "timestamp": "1780000000", "recipient_id": "919812345678"}
    told |= {"conversation": {"id": "x"}, "pricing": {"billable": True}}
    if ours:
        told["biz_opaque_callback_data"] = ours
    if code:
        told["errors"] = [{"code": code, "title": "Undeliverable", "error_data": {"details": "No WhatsApp there"}}]
    return told


def tell(mailing: Mailing, *receipts: dict[str, Any]) -> int:
    metadata = {"display_phone_number": "16505551111", "phone_number_id": "1055"}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": list(receipts)}
    entry = [{"id": "1", "changes": [{"value": value, "field": "messages"}]}]
    body = {"object": "whatsapp_business_account", "entry": entry, "new": 1}
    changed: int = ok(post(mailing, json.dumps(body, ensure_ascii=False).encode()))["messages"]
    return changed


def sent(mailing: Mailing, sql: Any, name: str = "wamid.A") -> str:
    (message,) = tell_bill(mailing)
    change = "UPDATE outbox_messages SET status = 'sent', sent_at = now(), attempts = 1, provider_id = %s WHERE id = %s"
    sql(change, name, message)
    return message


FAILED = receipt("failed", code=131026)


@pytest.mark.parametrize(
    "order", list(permutations([receipt("sent"), receipt("delivered"), receipt("read"), FAILED], 3))
)
def test_receipts_end_in_the_same_state_in_any_order(told: Mailing, sql: Any, order: Any) -> None:
    message = sent(told, sql)
    for each in (*order, *order):
        tell(told, each)
    last = told.message(message)
    if any(each["status"] in ("delivered", "read") for each in order):
        assert (last["status"], last["last_error"]) == ("delivered", None)
    else:
        assert (last["status"], last["last_error"]) == ("failed", "131026 Undeliverable: No WhatsApp there")
    assert tell(told, *order) == 0


def test_what_was_not_delivered_says_why_and_may_be_tried_again(told: Mailing, sql: Any) -> None:
    message, other = sent(told, sql), sent(told, sql, "wamid.B")
    assert tell(told, FAILED) == 1
    last = told.message(message)
    assert (last["status"], last["sent_at"]) == ("failed", None)
    assert last["last_error"] == "131026 Undeliverable: No WhatsApp there"
    assert told.message(other)["status"] == "sent"
    ok(told.dairy.admin.post(f"/outbox/{message}/retry"))
    assert tell(told, FAILED) == 0  # of the try before
    assert tell(told, receipt("failed", ours=message, code=131026)) == 0
    assert told.message(message)["status"] == "queued"
    again = "UPDATE outbox_messages SET status = 'sent', sent_at = now(), provider_id = 'wamid.Z' WHERE id = %s"
    sql(again, message)
    assert tell(told, receipt("failed", ours=message, code=131026)) == 0
    assert told.message(message)["status"] == "sent"
    assert tell(told, receipt("delivered", "wamid.C"), receipt("delivered", "wamid.B")) == 1
    assert [each["id"] for each in read(told.dairy.admin, "/outbox", status="delivered")] == [other]


def test_a_receipt_of_too_much_at_once_lets_the_message_wait(told: Mailing, sql: Any) -> None:
    message = sent(told, sql)
    limit = receipt("failed", code=131056)
    assert (tell(told, limit), tell(told, limit)) == (1, 0)
    last = told.message(message)
    assert (last["status"], last["not_before"] > last["created_at"]) == ("queued", True)
    sql("UPDATE outbox_messages SET attempts = 8, status = 'sent', sent_at = now(), provider_id = 'wamid.D'")
    assert tell(told, receipt("failed", "wamid.D", code=130429)) == 1
    assert told.message(message)["status"] == "failed"


def test_a_receipt_may_be_faster_than_the_answer(told: Mailing, receiver: Receiver, approved: Any, sql: Any) -> None:
    (message,) = tell_bill(told)

    def answer(body: str) -> bytes:
        early = receipt("delivered", ours=json.loads(body)["biz_opaque_callback_data"])
        assert tell(told, early | {"timestamp": "99999999999"}) == 1
        return takes()(body)

    receiver.answer = answer
    assert send(told, receiver) == Done(sent=1)
    last = told.message(message)
    assert (last["status"], last["provider_id"], last["sent_at"][:4]) == ("delivered", "wamid.A", "2026")


def test_a_message_whose_answer_was_lost_is_not_sent_twice(told: Mailing, receiver: Receiver, approved: Any) -> None:
    (message,) = tell_bill(told)
    receiver.answer = lambda _: b""
    assert send(told, receiver) == Done(waiting=1)
    assert tell(told, receipt("sent", ours=message)) == 1
    told.due()
    assert send(told, receiver) == Done()
    assert (told.message(message)["status"], len(receiver.came)) == ("sent", 1)


def test_what_the_office_took_back_or_nobody_sent_stays(told: Mailing, sql: Any) -> None:
    (taken, fresh) = tell_bill(told, "+919812345678", "+919812345679")
    ok(told.dairy.admin.post(f"/outbox/{taken}/withdraw"))
    (mail,) = told.queue("a@b.example")
    sql("UPDATE outbox_messages SET attempts = 1 WHERE id = %s", mail)
    for each in (taken, fresh, mail):
        assert tell(told, *(receipt(status, f"wamid.{each}", each) for status in ("sent", "delivered", "failed"))) == 0


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=x", "é"])
def test_what_is_not_signed_is_not_read(told: Mailing, sql: Any, signature: str) -> None:
    message = sent(told, sql)
    body = b'{"object": "whatsapp_business_account", "entry": []}'
    for each in (body, b"{", b""):
        refused(post(told, each, signature.encode().decode("latin-1")), 400, "bad_signature")
    right = "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    assert post(told, body, right).status_code == 200
    refused(post(told, body + b" ", right), 400, "bad_signature")
    app = told.dairy.app
    app.config["DAIRY"] = replace(app.config["DAIRY"], whatsapp_app_secret="")
    empty = "sha256=" + hmac.new(b"", body, "sha256").hexdigest()
    refused(post(told, body, empty), 400, "bad_signature")
    assert told.message(message)["status"] == "sent"


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        {"messages": [{"from": "919812345678", "text": {"body": "Two litres more"}}]},
        {
            "statuses": [
                None,
                {},
                {"id": 1, "status": "sent"},
                {"id": "x", "status": "dreamt"},
                {"id": "", "status": "read"},
            ]
        },
        {"statuses": {"id": "x"}},
        {
            "statuses": [
                {"id": "x", "status": "failed", "errors": "?", "timestamp": -1, "biz_opaque_callback_data": "?"}
            ]
        },
    ],
)
def test_what_is_no_receipt_is_left_alone(told: Mailing, value: Any) -> None:
    for body in ({"entry": [{"changes": [{"value": value}]}]}, {"entry": [{"changes": value}]}, {}, {"entry": [{}]}):
        assert ok(post(told, json.dumps(body).encode())) == {"messages": 0}
    assert post(told, b"[1]").status_code == 422


def test_whatsapp_asks_where_receipts_go(told: Mailing) -> None:
    client = told.dairy.app.test_client()
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": WORD}
    answer = client.get(f"/api/v1{PATH}", query_string=query)
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/plain", b"1158201444")
    refused(client.get(f"/api/v1{PATH}", query_string=query | {"hub.verify_token": "x"}), 400, "bad_signature")
    refused(client.get(f"/api/v1{PATH}", query_string=query | {"hub.challenge": "<b>"}), 422, "validation_failed")
    app = told.dairy.app
    app.config["DAIRY"] = replace(app.config["DAIRY"], whatsapp_verify_token="")
    refused(client.get(f"/api/v1{PATH}", query_string=query | {"hub.verify_token": ""}), 400, "bad_signature")
