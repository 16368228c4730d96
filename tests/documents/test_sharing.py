"""Messages: what they say, whom they reach, and the outbox as a sender sees it."""

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from tests.dairy import ok, refused
from tests.documents.conftest import RADHA, Bills
from tests.races import at_once
from tests.statements import count_statements


def test_a_shared_bill_is_a_link_and_words(bills: Bills) -> None:
    invoice = bills.bill()
    shared = bills.share(invoice)
    assert shared["url"].startswith("http://127.0.0.1:8000/i/")
    assert shared["language"] == "en"
    assert shared["message"].splitlines() == [
        "Dear Meera Joshi,",
        f"your bill {invoice['number']} from Sunrise Dairy for 1 Oct 2026 to 31 Oct 2026: ₹612.00.",
        "To pay: ₹612.00 by 10 Nov 2026.",
        f"Details and payment: {shared['url']}",
    ]
    digits = bills.person["phone"].lstrip("+")
    assert shared["whatsapp_url"].startswith(f"https://wa.me/{digits}?text=Dear%20Meera%20Joshi%2C%0A")
    assert unquote(shared["whatsapp_url"].partition("text=")[2]) == shared["message"]
    assert shared["outbox_id"] is None
    assert ok(bills.admin.get("/outbox"))["items"] == []
    assert bills.share(invoice) == shared


def test_the_message_speaks_the_customers_language(bills: Bills) -> None:
    invoice = bills.bill(name=RADHA, language="hi")
    shared = bills.share(invoice)
    assert shared["language"] == "hi"
    assert shared["message"].startswith(f"प्रिय {RADHA},\nSunrise Dairy से 1 अक्टूबर 2026 से 31 अक्टूबर 2026 का आपका बिल")
    assert "देय राशि: ₹612.00, 10 नवंबर 2026 तक।" in shared["message"]
    assert bills.share(invoice, language="en")["message"].startswith(f"Dear {RADHA},")


@pytest.mark.parametrize(
    ("paid", "said"),
    [
        ("612.00", "Nothing is to be paid."),
        ("700.00", "Nothing is to be paid; your advance is ₹88.00."),
        ("12.00", "To pay: ₹600.00 by 10 Nov 2026."),
    ],
)
def test_the_message_knows_the_balance(bills: Bills, paid: str, said: str) -> None:
    invoice = bills.bill()
    bills.pay(paid)
    assert said in bills.share(invoice)["message"].splitlines()


def test_the_message_names_the_previous_balance(bills: Bills) -> None:
    bills.bill()
    milk, _ = bills.goods()
    bills.dairy.delivered(bills.person, (milk, "1"), on="2026-11-05")
    bills.dairy.go_to("2026-12-02")
    bills.dairy.bill("2026-11", confirm=True)
    later = bills.dairy.invoices(customer_id=bills.person["id"], period="2026-11")[0]
    lines = bills.share(later)["message"].splitlines()
    assert "Previous balance: ₹612.00." in lines
    assert "To pay: ₹676.00 by 10 Dec 2026." in lines


def test_two_documents_are_one_message(bills: Bills) -> None:
    bills.bill(gstin="27AAPFU0939F1ZV", gst_treatment="registered")
    one, other = (bills.share(document) for document in bills.dairy.invoices(customer_id=bills.person["id"]))
    assert one == other
    assert ": ₹612.00." in one["message"]
    assert bills.admin.post(f"/billing/runs/{bills.run['id']}/messages").get_json()["queued"] == 1


def test_who_may_not_share(bills: Bills) -> None:
    invoice = bills.bill()
    path = f"/invoices/{invoice['id']}/share"
    ok(bills.dairy.staff("accountant").post(path))
    refused(bills.dairy.staff("marketing_staff").post(path), 403, "forbidden")
    refused(bills.admin.post(path, {"channel": "pigeon"}), 422, "validation_failed")
    ok(bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}))
    refused(bills.admin.post(path), 409, "invoice_not_issued")


# ------------------------------------------------------------------------------------------------- outbox


def test_a_queued_message_waits_once_and_is_sent_once(bills: Bills) -> None:
    invoice = bills.bill(email="meera@home.example")
    first = bills.share(invoice, queue=True)
    assert bills.share(invoice, queue=True)["outbox_id"] == first["outbox_id"]
    mail = bills.share(invoice, queue=True, channel="email")
    waiting = {each["channel"]: each for each in ok(bills.admin.get("/outbox", status="queued"))["items"]}
    assert waiting["whatsapp"]["recipient"] == bills.person["phone"]
    assert waiting["whatsapp"]["body"] == first["message"]
    assert waiting["whatsapp"]["subject"] is None
    assert waiting["email"]["recipient"] == "meera@home.example"
    assert waiting["email"]["subject"] == mail["subject"] == f"Sunrise Dairy: {invoice['number']}, ₹612.00"
    sent = ok(bills.admin.post(f"/outbox/{first['outbox_id']}/sent"))
    assert (sent["status"], sent["attempts"]) == ("sent", 1)
    assert sent["sent_at"] is not None
    assert ok(bills.admin.post(f"/outbox/{first['outbox_id']}/sent")) == sent
    refused(bills.admin.post(f"/outbox/{first['outbox_id']}/failed", {"error": "late"}), 409, "illegal_transition")
    again = bills.share(invoice, queue=True)["outbox_id"]  # asked for by hand: a reminder
    assert again != first["outbox_id"]
    listed = ok(bills.admin.get("/outbox", channel="whatsapp", invoice_id=invoice["id"]))["items"]
    assert [each["status"] for each in listed] == ["sent", "queued"]


def test_a_failure_waits_on_or_is_given_up(bills: Bills) -> None:
    path = f"/outbox/{bills.share(bills.bill(), queue=True)['outbox_id']}"
    tried = ok(bills.admin.post(f"{path}/failed", {"error": "no network", "retry": True}))
    assert (tried["status"], tried["attempts"], tried["error"]) == ("queued", 1, "no network")
    given_up = ok(bills.admin.post(f"{path}/failed", {"error": "no such number"}))
    assert (given_up["status"], given_up["attempts"], given_up["error"]) == ("failed", 2, "no such number")
    refused(bills.admin.post(f"{path}/sent"), 409, "illegal_transition")
    refused(bills.admin.post(f"{path}/failed", {"error": "again"}), 409, "illegal_transition")
    refused(bills.admin.post("/outbox/00000000-0000-7000-8000-000000000000/sent"), 404, "message_not_found")


def test_without_an_address_nothing_is_queued(bills: Bills) -> None:
    invoice = bills.bill()
    refused(
        bills.admin.post(f"/invoices/{invoice['id']}/share", {"queue": True, "channel": "email"}),
        422,
        "validation_failed",
    )
    assert ok(bills.admin.get("/outbox"))["items"] == []


def test_nobody_is_asked_to_pay_a_void_document(bills: Bills) -> None:
    invoice = bills.bill()
    bills.share(invoice, queue=True)
    ok(bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}))
    (message,) = ok(bills.admin.get("/outbox"))["items"]
    assert (message["status"], message["last_error"]) == ("withdrawn", "the invoice is void")


def many(bills: Bills, count: int) -> Any:
    """A run of ``count`` more bills."""
    milk, _ = bills.goods()
    people = [bills.dairy.customer() for _ in range(count)]
    for person in people:
        bills.dairy.delivered(person, (milk, "1"), on="2026-10-02")
    bills.person = people[0]
    bills.issue()
    return bills.run


def test_a_run_is_queued_as_a_set_and_only_once(bills: Bills) -> None:
    database = bills.dairy.app.database
    sent = []
    for count in (2, 4):
        run = many(bills, count)
        path = f"/billing/runs/{run['id']}/messages"
        with count_statements(database) as statements:
            assert ok(bills.admin.post(path)) == {"queued": count, "already": 0, "without_address": 0, "paid": 0}
        sent.append(len(statements))
        assert ok(bills.admin.post(path)) == {"queued": 0, "already": count, "without_address": 0, "paid": 0}
        assert ok(bills.admin.post(path, {"channel": "email"})) == {
            "queued": 0, "already": 0, "without_address": count, "paid": 0
        }  # fmt: skip
    assert sent[0] == sent[1]
    messages = ok(bills.admin.get("/outbox"))["items"]
    assert len(messages) == len({each["body"] for each in messages}) == 6
    ok(bills.admin.post(f"/outbox/{messages[-1]['id']}/sent"))
    assert ok(bills.admin.post(path))["queued"] == 0
    refused(bills.admin.post(f"/billing/runs/{messages[0]['id']}/messages"), 404, "billing_run_not_found")


def test_only_open_bills_are_queued_where_that_is_asked(bills: Bills) -> None:
    run = many(bills, 3)
    first = bills.dairy.invoices(customer_id=bills.person["id"], status="issued")[0]
    bills.pay(first["total"])
    path = f"/billing/runs/{run['id']}/messages"
    told = {"queued": 2, "already": 0, "without_address": 0, "paid": 1}
    assert ok(bills.admin.post(path, {"only_open": True})) == told
    assert first["id"] not in {each["invoice_id"] for each in ok(bills.admin.get("/outbox"))["items"]}
    assert ok(bills.admin.post(path)) == {"queued": 1, "already": 2, "without_address": 0, "paid": 0}


def test_an_accountant_takes_back_what_waits(bills: Bills) -> None:
    accountant, invoice = bills.dairy.staff("accountant"), bills.bill()
    path = f"/outbox/{bills.share(invoice, queue=True)['outbox_id']}"
    (waiting,) = ok(accountant.get("/outbox", status="queued"))["items"]
    taken_back = ok(accountant.post(f"{path}/withdraw"))
    assert (taken_back["id"], taken_back["status"], taken_back["sent_at"]) == (waiting["id"], "withdrawn", None)
    assert ok(accountant.post(f"{path}/withdraw")) == taken_back
    names = {name: waiting[name] for name in ("customer_code", "customer_name", "user_name", "invoice_number")}
    assert names["invoice_number"] == invoice["number"]
    assert ok(accountant.get("/outbox", status="withdrawn"))["items"] == [taken_back | names]
    for said, body in (("sent", None), ("failed", {"error": "late"})):
        refused(bills.admin.post(f"{path}/{said}", body), 409, "illegal_transition")
    path = f"/outbox/{bills.share(invoice, queue=True)['outbox_id']}"  # it may be asked for again
    refused(accountant.post(f"{path}/sent"), 403, "forbidden")
    ok(bills.admin.post(f"{path}/sent"))
    refused(accountant.post(f"{path}/withdraw"), 409, "illegal_transition")


def test_only_the_office_reads_the_outbox(bills: Bills) -> None:
    for role in ("delivery_boy", "marketing_staff"):
        refused(bills.dairy.staff(role).get("/outbox"), 403, "forbidden")


@pytest.mark.parametrize("how", ["share", "run"])
def test_a_bill_made_void_while_it_is_queued_is_not_sent(bills: Bills, database_url: str, how: str) -> None:
    invoice = bills.bill()
    path = f"/invoices/{invoice['id']}/share" if how == "share" else f"/billing/runs/{bills.run['id']}/messages"
    # Queuing waits for a message that somebody else is about to queue and then does not.
    other = f"""INSERT INTO outbox_messages (invoice_id, customer_id, channel, recipient, language, body)
        SELECT id, customer_id, 'whatsapp', '+919812345678', 'en', 'x' FROM invoices WHERE id = '{invoice["id"]}'"""
    queued, void = at_once(
        database_url,
        other,
        lambda: bills.admin.post(path, {"queue": True} if how == "share" else {}),
        lambda: bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}),
        one_by_one=True,
    )
    ok(queued, 200), ok(void, 200)
    (message,) = ok(bills.admin.get("/outbox"))["items"]
    assert (message["status"], message["last_error"]) == ("withdrawn", "the invoice is void")


# ----------------------------------------------------------------------------------------------- paying a bill


def test_a_bill_is_paid_in_all_or_alone_as_its_page_says(bills: Bills) -> None:
    bills.seller()
    invoice = bills.bill(kinds="milk")
    path = f"/invoices/{invoice['id']}/pay-links"
    invited = ok(bills.admin.post(f"/users/{bills.person['user_id']}/invitation"))
    login = bills.dairy.accept(invited["invitation_token"], bills.person["phone"])
    found = ok(login.get(path))
    assert (found["balance"], found["balance_due"], found["own_link"]) == (invoice["total"], invoice["total"], None)
    assert f"am={invoice['total']}&" in found["balance_link"]
    assert "pa=sunrise@upi" in found["balance_link"]
    assert found == ok(bills.admin.get(path))
    owed = {"customer_id": bills.person["id"], "amount": "100.00", "as_of": "2026-09-30"}
    ok(bills.admin.post("/opening-balances", owed), 201)
    found = ok(login.get(path))
    assert Decimal(found["balance"]) == Decimal(invoice["total"]) + 100
    assert f"am={found['balance']}&" in found["balance_link"]
    assert f"am={invoice['total']}&" in found["own_link"]
    bills.pay(found["balance"])
    found = ok(login.get(path))
    assert (found["balance"], found["balance_link"], found["own_link"]) == ("0.00", None, None)


def test_nobody_pays_a_draft_a_void_bill_or_somebody_elses(bills: Bills) -> None:
    bills.seller()
    invoice = bills.bill(kinds="milk")
    path = f"/invoices/{invoice['id']}/pay-links"
    _, stranger = bills.dairy.customer_login()
    refused(stranger.get(path), 404, "invoice_not_found")
    refused(bills.dairy.staff("marketing_staff").get(path), 403, "forbidden")
    ok(bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong"}))
    refused(bills.admin.get(path), 409, "invoice_not_issued")
    (draft,) = bills.dairy.invoices(status="draft")
    refused(bills.admin.get(f"/invoices/{draft['id']}/pay-links"), 409, "invoice_not_issued")


def test_the_latest_messages_come_first_when_asked(bills: Bills) -> None:
    bills.seller()
    invoice = bills.bill(kinds="milk", email="meera@home.example")
    made = [bills.share(invoice, queue=True, channel=each)["outbox_id"] for each in ("whatsapp", "sms", "email")]
    assert [each["id"] for each in ok(bills.admin.get("/outbox"))["items"]] == made
    seen, cursor = list[str](), None
    for _ in made:
        query = {"sort": "-created_at", "customer_id": bills.person["id"], "limit": 1}
        page = ok(bills.admin.get("/outbox", **query, **({"cursor": cursor} if cursor else {})))
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    assert cursor is None
