"""Reminders: what is due by the rules, once each, not in quiet hours, not of what is settled, not to who wants none."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
import time_machine

from dairy_app.sending.rules import after_quiet
from dairy_app.sending.service.sending import Done
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, psycopg_dsn
from tests.dairy import ok, read, refused
from tests.documents.conftest import Bills
from tests.races import at_once
from tests.sending.conftest import Mailing
from tests.statements import count_statements


def rule(bills: Bills, **fields: Any) -> Any:
    body = {"days_after_due": 3, "max_times": 3, "quiet_from": None, "quiet_to": None} | fields
    return ok(bills.admin.post("/reminder-rules", body), 201)


def overdue(bills: Bills, **customer: Any) -> Any:
    """A bill of October, due on 10 November; it is the day on which the first reminder is due."""
    invoice = bills.bill(**({"kinds": "milk", "email": "meera@home.example"} | customer))
    bills.dairy.go_to("2026-11-13")
    return invoice


def remind(bills: Bills) -> Any:
    return ok(bills.admin.post("/reminders"))


def waiting(bills: Bills) -> list[Any]:
    return read(bills.admin, "/outbox", kind="reminder", status="queued")


def test_a_rule_has_its_usual_values_is_changed_and_ends(bills: Bills) -> None:
    accountant = bills.dairy.staff("accountant")
    made = ok(accountant.post("/reminder-rules", {"days_after_due": 3, "max_times": 2}), 201)
    assert (made["every_days"], made["channel"], made["quiet_from"], made["quiet_to"]) == (
        7,
        None,
        "21:00:00",
        "09:00:00",
    )
    refused(bills.admin.post("/reminder-rules", {"days_after_due": 3, "max_times": 9}), 409, "already_exists")
    path = f"/reminder-rules/{made['id']}"
    changed = ok(bills.admin.patch(path, {"channel": "sms", "quiet_from": None, "quiet_to": None}))
    assert (changed["channel"], changed["quiet_from"], changed["max_times"]) == ("sms", None, 2)
    refused(bills.admin.patch(path, {"quiet_from": "21:00:00"}), 422, "validation_failed")
    refused(bills.admin.patch(path, {"max_times": 0}), 422, "validation_failed")
    assert [each["id"] for each in read(accountant, "/reminder-rules")] == [made["id"]]
    ok(bills.admin.delete(path), 204)
    refused(bills.admin.delete(path), 404, "reminder_rule_not_found")
    for role in ("marketing_staff", "delivery_boy"):
        refused(bills.dairy.staff(role).get("/reminder-rules"), 403, "forbidden")
        refused(bills.dairy.staff(role).post("/reminders"), 403, "forbidden")


def test_a_reminder_says_what_is_open_and_is_queued_once(bills: Bills) -> None:
    rule(bills)
    invoice = bills.bill(kinds="milk")
    bills.pay("92.00")
    bills.dairy.go_to("2026-11-12")
    assert remind(bills) == {"queued": 0, "without_address": 0, "off": 0}
    bills.dairy.go_to("2026-11-13")
    seen = ok(bills.admin.get("/reminders"))
    assert (seen["due"], seen["open"], seen["by_channel"]) == (1, "100.00", [{"channel": "whatsapp", "messages": 1}])
    (item,) = seen["items"]
    assert (item["invoice_number"], item["turn"], item["days_late"], item["state"]) == (invoice["number"], 1, 3, "due")
    assert waiting(bills) == []
    assert remind(bills)["queued"] == 1
    assert remind(bills)["queued"] == 0
    assert ok(bills.admin.get("/reminders"))["due"] == 0
    (message,) = waiting(bills)
    assert message["body"].splitlines() == [
        "Dear Meera Joshi,",
        f"of your bill {invoice['number']} from Sunrise Dairy of 31 Oct 2026, ₹100.00 is still open.",
        "It was due on 10 Nov 2026.",
        f"Details and payment: {bills.share(invoice)['url']}",
        "If you have paid already, thank you; please ignore this message.",
    ]


def test_times_come_after_each_other_and_missed_ones_do_not_come_together(bills: Bills) -> None:
    rule(bills, max_times=3)
    overdue(bills)
    seen = []
    for day in ("2026-11-13", "2026-11-19", "2026-11-20", "2026-12-20", "2027-02-01"):
        bills.dairy.go_to(day)
        seen.append(remind(bills)["queued"])
        for each in waiting(bills):
            ok(bills.admin.post(f"/outbox/{each['id']}/sent"))
    assert seen == [1, 0, 1, 1, 0]  # of the nights from 27 November on there was one reminder, the last
    assert len(read(bills.admin, "/outbox", kind="reminder")) == 3


def test_hindi_customers_are_reminded_in_hindi(bills: Bills) -> None:
    rule(bills)
    overdue(bills, language="hi")
    remind(bills)
    assert "अभी बाकी है" in waiting(bills)[0]["body"]


def test_the_way_is_the_rules_else_the_customers_and_without_an_address_nobody_is_told(bills: Bills) -> None:
    rule(bills)
    invoice = overdue(bills, channel="email")
    assert ok(bills.admin.get("/reminders"))["items"][0]["recipient"] == "meera@home.example"
    ok(bills.admin.patch(f"/customers/{invoice['customer_id']}", {"email": None}))
    seen = ok(bills.admin.get("/reminders"))
    assert (seen["due"], seen["without_address"], seen["items"][0]["state"]) == (0, 1, "without_address")
    assert remind(bills) == {"queued": 0, "without_address": 1, "off": 0}
    rule(bills, channel="sms")
    assert remind(bills) == {"queued": 1, "without_address": 1, "off": 0}
    assert waiting(bills)[0]["channel"] == "sms"


def test_who_wants_no_reminders_gets_none(bills: Bills) -> None:
    rule(bills)
    invoice = overdue(bills)
    ok(bills.admin.patch(f"/customers/{invoice['customer_id']}", {"messages_off": ["reminder"]}))
    assert ok(bills.admin.get("/reminders"))["items"][0]["state"] == "off"
    assert remind(bills) == {"queued": 0, "without_address": 0, "off": 1}
    ok(bills.admin.patch(f"/customers/{invoice['customer_id']}", {"messages_off": []}))
    assert remind(bills)["queued"] == 1


def test_two_documents_of_a_period_are_one_reminder(bills: Bills) -> None:
    rule(bills)
    bills.bill(gstin="27AAPFU0939F1ZV", gst_treatment="registered")
    bills.dairy.go_to("2026-11-13")
    seen = ok(bills.admin.get("/reminders"))
    assert (seen["due"], seen["open"]) == (1, "612.00")
    assert remind(bills)["queued"] == 1


@pytest.mark.parametrize("how", ["paid", "void"])
def test_what_is_settled_or_void_meanwhile_is_not_sent(billing: Mailing, bills: Bills, how: str, sql: Any) -> None:
    rule(bills, channel="email")
    invoice = overdue(bills)
    remind(bills)
    if how == "paid":
        bills.pay(invoice["total"])
    else:
        sql("UPDATE outbox_messages SET leased_until = '2026-11-01'")  # left by a sender that ended
        ok(bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}))
    assert billing.send() == Done(withdrawn=1)
    (message,) = read(bills.admin, "/outbox", kind="reminder")
    assert (message["status"], message["last_error"]) == (
        "withdrawn", "the invoice is settled" if how == "paid" else "the invoice is void"
    )  # fmt: skip
    assert billing.post.letters == []


def test_what_is_still_open_is_sent_with_the_bill(billing: Mailing, bills: Bills) -> None:
    rule(bills, channel="email")
    invoice = overdue(bills)
    bills.pay("1.00")
    remind(bills)
    assert billing.send() == Done(sent=1)
    (letter,) = billing.post.letters
    assert letter["Subject"] == f"Sunrise Dairy: reminder, {invoice['number']}, ₹191.00"
    assert [each.get_filename() for each in letter.iter_attachments()] == [f"{invoice['number'].replace('/', '-')}.pdf"]


def test_nobody_is_reminded_in_quiet_hours_by_the_clock_of_india(billing: Mailing, bills: Bills) -> None:
    rule(bills, channel="email", quiet_from="21:00:00", quiet_to="09:00:00")
    overdue(bills)
    with time_machine.travel(datetime(2026, 11, 13, 16, 0, tzinfo=UTC), tick=False):  # half past nine in the evening
        bills.dairy.log_in_again()
        remind(bills)
        assert waiting(bills)[0]["not_before"] == "2026-11-14T03:30:00+00:00"
    with time_machine.travel(datetime(2026, 11, 14, 3, 29, tzinfo=UTC), tick=False):
        assert billing.send() == Done()
    with time_machine.travel(datetime(2026, 11, 14, 16, 0, tzinfo=UTC), tick=False):  # nothing ran all day
        assert billing.send() == Done()
    with time_machine.travel(datetime(2026, 11, 15, 3, 30, tzinfo=UTC), tick=False):
        assert billing.send() == Done(sent=1)
    bills.dairy.log_in_again()


@pytest.mark.parametrize(
    ("clock", "quiet", "then"),
    [
        ("13 20:59", (21, 9), "13 20:59"),
        ("13 21:00", (21, 9), "14 09:00"),
        ("14 00:10", (21, 9), "14 09:00"),
        ("14 09:00", (21, 9), "14 09:00"),
        ("14 12:59", (13, 15), "14 12:59"),
        ("14 13:00", (13, 15), "14 15:00"),
        ("14 15:00", (13, 15), "14 15:00"),
        ("14 13:00", None, "14 13:00"),
    ],
)
def test_when_quiet_hours_end(clock: str, quiet: tuple[int, int] | None, then: str) -> None:
    def at(text: str) -> datetime:
        return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)

    span = [time(hour) for hour in quiet] if quiet else [None, None]
    assert after_quiet(at(clock), span[0], span[1]) == at(then)


def test_two_that_queue_at_once_queue_each_reminder_once(bills: Bills, database_url: str) -> None:
    rule(bills)
    overdue(bills)
    answers = at_once(
        database_url,
        "LOCK TABLE outbox_messages IN EXCLUSIVE MODE",
        lambda: remind(bills),
        lambda: remind(bills),
    )
    assert sorted(each["queued"] for each in answers) == [0, 1]
    assert len(waiting(bills)) == 1


def test_the_number_of_statements_does_not_depend_on_the_customers(bills: Bills) -> None:
    rule(bills)
    milk, _ = bills.goods()
    sent = []
    for count in (1, 4):
        for _ in range(count):
            bills.dairy.delivered(bills.dairy.customer(), (milk, "1"), on="2026-10-02")
        bills.dairy.go_to("2026-11-03")
        bills.dairy.bill("2026-10", confirm=True)
        bills.dairy.go_to("2026-11-13")
        with count_statements(bills.dairy.app.database) as statements:
            assert remind(bills)["queued"] == count
        sent.append(len(statements))
        bills.dairy.go_to("2026-11-02")
    assert sent[0] == sent[1]


def test_the_nightly_command(bills: Bills, database_url: str) -> None:
    rule(bills)
    overdue(bills)
    where = {"DATABASE_URL": psycopg_dsn(database_url), "DAIRY_SECRET_KEY": SECRET_KEY}
    assert run_command("outbox", "remind", "--dry-run", **where).stdout == (
        "would queue 1; without an address 0; not wanted 0\n"
    )
    assert waiting(bills) == []
    for queued in (1, 0):
        done = run_command("outbox", "remind", **where)
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            0,
            f"{queued} queued; without an address 0; not wanted 0",
        )
