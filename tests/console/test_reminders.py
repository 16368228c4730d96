"""The page of reminders: who would get what, the button that queues it, and the rules; in English and Hindi."""

from typing import Any

from tests.console.test_month_end import office
from tests.console.visitor import Visitor
from tests.dairy import PASSWORD, ok, read
from tests.documents.conftest import Bills, bills, living

__all__ = ["bills", "living"]


def late(bills: Bills, **customer: Any) -> Any:
    invoice = bills.bill(kinds="milk", **customer)
    bills.dairy.go_to("2026-11-13")
    return invoice


def test_an_accountant_enters_a_rule_looks_and_reminds(bills: Bills) -> None:
    late(bills)
    accountant = bills.dairy.staff("accountant")
    visitor = Visitor.of(bills.dairy.app, accountant.user["email"], PASSWORD)
    assert "/reminders" in visitor.open("/who-owes").links()
    page = visitor.open("/reminders")
    assert "There is no rule yet" in page.words
    done = visitor.submit(page, "/reminders/rules", days_after_due="3", quiet_from="", quiet_to="")
    assert "The rule is saved" in visitor.follow(done).words
    page = visitor.open("/reminders")
    assert "Messages: 1" in page.words
    assert "192.00 · WhatsApp: 1" in page.words
    assert f"192.00 3 days; reminder 1 WhatsApp {bills.person['phone']}" in page.words
    assert "3 days after the due date, then every 7 days; at most 3 times" in page.words
    assert read(bills.admin, "/outbox") == []
    assert "Reminders queued: 1." in visitor.follow(visitor.submit(page, "/reminders")).words
    assert [each["kind"] for each in read(bills.admin, "/outbox")] == ["reminder"]
    assert "Nobody is to be reminded now." in visitor.open("/reminders").words


def test_who_has_no_address_or_wants_none_is_named(bills: Bills) -> None:
    ok(bills.admin.post("/reminder-rules", {"days_after_due": 3, "max_times": 1, "channel": "email"}), 201)
    invoice = late(bills)
    visitor = office(bills.dairy)
    page = visitor.open("/reminders")
    assert "Without an address for the way of the rule: 1." in page.words
    assert f"/customers/{invoice['customer_id']}/change#contact" in page.links()
    form = visitor.open(f"/customers/{invoice['customer_id']}/change")
    assert visitor.submit(form, "/change", channel="sms", messages_off="reminder").status == 303
    customer = ok(bills.admin.get(f"/customers/{invoice['customer_id']}"))
    assert (customer["channel"], customer["messages_off"]) == ("sms", ["reminder"])
    assert "Do not want reminders: 1." in visitor.open("/reminders").words
    form = visitor.open(f"/customers/{invoice['customer_id']}/change")
    assert visitor.submit(form, "/change", messages_off="").status == 303
    assert ok(bills.admin.get(f"/customers/{invoice['customer_id']}"))["messages_off"] == []


def test_a_rule_is_changed_and_ended(bills: Bills) -> None:
    made = ok(bills.admin.post("/reminder-rules", {"days_after_due": 3, "max_times": 1}), 201)
    visitor, path = office(bills.dairy), f"/reminders/rules/{made['id']}"
    page = visitor.open("/reminders")
    assert "not from 21:00 to 09:00" in page.words
    wrong = visitor.submit(page, path, max_times="often")
    assert wrong.status == 422
    wrong = visitor.submit(page, path, quiet_to="")
    assert wrong.status == 422
    visitor.submit(page, path, max_times="5", channel="sms", days_after_due="0")
    (rule,) = read(bills.admin, "/reminder-rules")
    assert (rule["max_times"], rule["channel"], rule["days_after_due"]) == (5, "sms", 0)
    assert "The rule has ended." in visitor.follow(visitor.submit(visitor.open("/reminders"), f"{path}/end")).words
    assert read(bills.admin, "/reminder-rules") == []


def test_it_speaks_hindi(bills: Bills) -> None:
    ok(bills.admin.post("/reminder-rules", {"days_after_due": 3, "max_times": 1}), 201)
    late(bills)
    page = office(bills.dairy).open("/reminders?lang=hi")
    assert "इन बिलों पर बाकी" in page.words
    assert "3 दिन; बार 1" in page.words
