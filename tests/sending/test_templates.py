"""The dairy's own words for bills and reminders: which are taken when, and which are refused."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses
from tests.dairy import ok, read, refused
from tests.documents.conftest import Bills

__all__ = ["bare"]


def template(bills: Bills, **fields: Any) -> Any:
    body = {"kind": "bill", "language": "en", "body": "Dear {name}: {number}, {total}, {link}"} | fields
    return ok(bills.admin.post("/message-templates", body), 201)


def test_the_narrowest_words_for_language_and_channel_are_taken(bills: Bills) -> None:
    invoice = bills.bill(kinds="milk", email="meera@home.example", language="hi")
    usual = {name: bills.share(invoice, channel=name)["message"] for name in ("sms", "email")}
    template(bills, body="Only English {name}")
    assert bills.share(invoice, channel="sms")["message"] == usual["sms"]
    assert bills.share(invoice, channel="sms", language="en")["message"] == "Only English Meera Joshi"
    mine = template(bills, language="hi", body="{name}: {number}, {total}, {amount_due}, {due_date}\n{link}")
    template(bills, language="hi", channel="email", subject="{dairy}: {number}", body="{period}; {previous_balance}")
    shared = bills.share(invoice, channel="sms")
    assert shared["message"] == (f"Meera Joshi: {invoice['number']}, ₹192.00, ₹192.00, 10 नवंबर 2026\n{shared['url']}")
    mail = bills.share(invoice, channel="email", queue=True)
    assert mail["subject"] == f"Sunrise Dairy: {invoice['number']}"
    assert mail["message"] == "1 अक्टूबर 2026 से 31 अक्टूबर 2026; ₹0.00"
    (waiting,) = read(bills.admin, "/outbox")
    assert (waiting["subject"], waiting["body"]) == (mail["subject"], mail["message"])
    path = f"/message-templates/{mine['id']}"
    assert ok(bills.admin.patch(path, {"body": "{number}"}))["body"] == "{number}"
    assert bills.share(invoice, channel="sms")["message"] == invoice["number"]
    ok(bills.admin.delete(path), 204)
    assert bills.share(invoice, channel="sms")["message"] == usual["sms"]
    refused(bills.admin.delete(path), 404, "message_template_not_found")


def test_a_run_and_a_reminder_speak_the_dairys_words(bills: Bills) -> None:
    template(bills)
    template(bills, kind="reminder", body="{name}: {open} of {number}, {invoice_date}, since {due_date}")
    invoice = bills.bill(kinds="milk")
    ok(bills.admin.post(f"/billing/runs/{bills.run['id']}/messages", {"channel": "sms"}))
    (message,) = read(bills.admin, "/outbox", kind="bill")
    assert message["body"].startswith(f"Dear Meera Joshi: {invoice['number']}, ₹192.00, http")
    ok(bills.admin.post("/reminder-rules", {"days_after_due": 3, "max_times": 1}), 201)
    bills.dairy.go_to("2026-11-13")
    ok(bills.admin.post("/reminders"))
    (message,) = read(bills.admin, "/outbox", kind="reminder")
    assert message["body"] == f"Meera Joshi: ₹192.00 of {invoice['number']}, 31 Oct 2026, since 10 Nov 2026"


def test_a_name_of_a_customer_with_braces_stays_a_name(bills: Bills) -> None:
    template(bills, body="{name} {total}")
    assert bills.share(bills.bill(kinds="milk", name="{total} {x"))["message"] == "{total} {x ₹192.00"


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"body": "Dear {nmae}"}, "/body", "There is no {nmae} in this kind of message; there are {name}, {dairy}"),
        ({"body": "Dear {name"}, "/body", "A brace is open"),
        ({"body": "Dear {{name}}"}, "/body", "A brace is open"),
        ({"body": "{}"}, "/body", "There is no {}"),
        ({"kind": "reminder", "body": "{total}"}, "/body", "There is no {total}"),
        ({"subject": "{link!r}"}, "/subject", "There is no {link!r}"),
    ],
)
def test_an_unknown_name_is_told(bills: Bills, fields: Any, pointer: str, said: str) -> None:
    body = {"kind": "bill", "language": "en", "body": "x"} | fields
    for path in ("/message-templates", "/message-templates/preview"):
        problem = refused(bills.admin.post(path, body), 422, "validation_failed")
        (error,) = problem["errors"]
        assert (error["pointer"], error["code"]) == (pointer, "unknown_name")
        assert error["detail"].startswith(said)
    made = template(bills)
    if "body" in fields and "kind" not in fields:
        refused(bills.admin.patch(f"/message-templates/{made['id']}", fields), 422, "validation_failed")


def test_a_preview_stores_nothing(bills: Bills) -> None:
    accountant = bills.dairy.staff("accountant")
    body = {"kind": "reminder", "language": "en", "subject": "{dairy}", "body": "{name}: {open}"}
    assert ok(accountant.post("/message-templates/preview", body)) == {
        "subject": "Sunrise Dairy", "body": "Meera Joshi: ₹240.00", "characters": 20, "whatsapp_body": None,
        "message_id": None,
    }  # fmt: skip
    assert read(accountant, "/message-templates") == []
    refused(accountant.post("/message-templates", body), 403, "forbidden")
    refused(bills.admin.post("/message-templates", body | {"channel": "sms"}), 422, "validation_failed")
    template(bills)
    refused(
        bills.admin.post("/message-templates", {"kind": "bill", "language": "en", "body": "x"}), 409, "already_exists"
    )


def words(**changes: str) -> str:
    row = {"kind": "'bill'", "language": "'en'", "body": "'x'"} | changes
    return f"INSERT INTO message_templates ({', '.join(row)}) VALUES ({', '.join(row.values())})"


def there(**changes: str) -> str:
    """Words that WhatsApp approved."""
    return words(**({"channel": "'whatsapp'", "whatsapp_name": "'a'", "whatsapp_language": "'en_US'"} | changes))


CASES = [
    (words(kind="'gossip'"), "ck_message_templates_kind_known"),
    (words(channel="'pigeon'"), "ck_message_templates_channel_known"),
    (words(language="'Hindi'"), "ck_message_templates_language_format"),
    (words(channel="'sms'", subject="'x'"), "ck_message_templates_subject_of_email"),
    (words(subject="''"), "ck_message_templates_subject_length"),
    (words(body="''"), "ck_message_templates_body_length"),
    (words(whatsapp_name="'a'", whatsapp_language="'en'"), "ck_message_templates_approved_by_whatsapp"),
    (there(whatsapp_name="'A b'"), "ck_message_templates_whatsapp_name_format"),
    (there(whatsapp_language="'english'"), "ck_message_templates_whatsapp_language_format"),
    (there(whatsapp_name="NULL"), "ck_message_templates_whatsapp_name_has_language"),
    (words(whatsapp_numbered="true"), "ck_message_templates_whatsapp_options_of_name"),
    (there(kind="'low_balance'", whatsapp_document="true"), "ck_message_templates_whatsapp_document_of_bill"),
    (words() + ";" + words(), "uq_message_templates_same"),
]


@pytest.mark.parametrize(("statement", "name"), CASES)
def test_plain_sql_is_refused_by_name(bare: Any, statement: str, name: str) -> None:
    assert refuses(bare, "SELECT", statement) == name
    assert names_of(bare, ["message_templates"]) <= {name for _, name in CASES}


def test_what_is_refused_is_otherwise_taken(bare: Any) -> None:
    assert refuses(bare, "SELECT", words() + ";" + words(channel="'email'", subject="'x'")) is None
    assert refuses(bare, "SELECT", there(whatsapp_numbered="true", whatsapp_document="true")) is None
