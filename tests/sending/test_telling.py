"""Messages that are sent by themselves: of payments, pauses, changes, closed days and low balances, once each."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dairy_app.catalogue.models import UNITS
from dairy_app.documents.drawing.speech import day_of
from dairy_app.documents.drawing.words import catalogues
from dairy_app.documents.rules import indian
from dairy_app.outbox.rules import BY_THEMSELVES, NAMES, check_names, filled
from dairy_app.sending.service.templates import EXAMPLES
from tests.command_line import run_command
from tests.conftest import psycopg_dsn, raw_connection
from tests.constraints import bare, names_of, refuses
from tests.dairy import Dairy, ok, read, refused

__all__ = ["bare"]


@dataclass
class Telling:
    """A dairy that tells everything."""

    dairy: Dairy
    sql: Any

    @property
    def admin(self) -> Any:
        return self.dairy.admin

    def told(self, kind: str) -> list[Any]:
        return read(self.admin, "/outbox", kind=kind)

    def bodies(self, kind: str) -> list[str]:
        return [each["body"] for each in self.told(kind) if each["status"] == "queued"]

    def since_long(self, customer: Any, product: Any, quantity: str = "1", **fields: Any) -> Any:
        """A standing order that was there before."""
        made = self.dairy.subscription(customer, product, quantity, **fields)
        self.sql("UPDATE subscriptions SET created_at = created_at - interval '1 day'")
        return made

    def day(self, offset: int, language: str = "en") -> str:
        return day_of(catalogues()[language], date.fromisoformat(self.dairy.day(offset)))


@pytest.fixture
def telling(dairy: Dairy, sql: Any) -> Telling:
    dairy.seller()
    for kind in BY_THEMSELVES:
        ok(dairy.admin.patch(f"/message-kinds/{kind}", {"is_on": True}))
    return Telling(dairy, sql)


def pay(telling: Telling, customer: Any, amount: str = "1240", **fields: Any) -> Any:
    body = {"customer_id": customer["id"], "amount": amount, "method": "cash"} | fields
    return ok(telling.admin.post("/payments", body), 201)


def test_nothing_is_told_before_the_dairy_wants_it(dairy: Dairy, sql: Any) -> None:
    dairy.seller()
    kinds = read(dairy.admin, "/message-kinds")
    assert [each["kind"] for each in kinds] == sorted(BY_THEMSELVES)
    assert {(each["is_on"], each["quiet_from"], each["quiet_to"]) for each in kinds} == {
        (False, "21:00:00", "07:00:00")
    }
    assert {each["kind"]: each["below"] for each in kinds if each["below"]} == {"low_balance": "200.00"}
    telling, customer, milk = Telling(dairy, sql), dairy.customer(credit_limit="0"), dairy.product()
    standing = telling.since_long(customer, milk)
    pay(telling, customer)
    ok(dairy.admin.post(f"/subscriptions/{standing['id']}/pauses", {"from": dairy.day(3)}), 201)
    ok(dairy.admin.put(f"/subscriptions/{standing['id']}/overrides/{dairy.day(2)}", {"quantity": "2"}))
    ok(dairy.admin.post("/closed-days", {"day": dairy.day(1), "reason": "Diwali"}), 201)
    assert run_command("outbox", "remind", DATABASE_URL=psycopg_dsn(dairy.app.database.url), DAIRY_SECRET_KEY="x" * 32)
    assert read(dairy.admin, "/outbox") == []


def test_a_payment_is_told_with_what_is_still_to_pay(telling: Telling) -> None:
    customer = telling.dairy.customer(name="Meera {Joshi}")
    opening = {"customer_id": customer["id"], "amount": "150000", "as_of": telling.dairy.day(-10)}
    ok(telling.admin.post("/opening-balances", opening), 201)
    payment = pay(telling, customer)
    (message,) = telling.told("payment_received")
    assert message["body"] == (
        f"Dear Meera {{Joshi}}, thank you: Sunrise Dairy has received ₹1,240.00 on {telling.day(0)}, receipt"
        f" {payment['receipt_no']}. Still to pay: ₹1,48,760.00."
    )
    assert (message["channel"], message["recipient"]) == ("whatsapp", customer["phone"])
    ok(telling.admin.post(f"/payments/{payment['id']}/reverse", {"reason": "bounced"}))
    (message,) = telling.told("payment_received")
    assert (message["status"], message["last_error"]) == ("withdrawn", "the payment was reversed")
    pay(telling, customer, received_on=telling.dairy.day(-8))
    assert len(telling.told("payment_received")) == 1


def test_the_customers_way_language_and_wishes_are_kept(telling: Telling) -> None:
    dairy = telling.dairy
    asha = dairy.customer(name="आशा", email="asha@home.example", channel="email", language="hi")
    unreached, unwilling = dairy.customer(channel="email"), dairy.customer()
    ok(telling.admin.patch(f"/customers/{unwilling['id']}", {"messages_off": ["payment_received"]}))
    for each in (asha, unreached, unwilling):
        payment = pay(telling, each, "5")
        if each is asha:
            receipt = payment["receipt_no"]
    (message,) = telling.told("payment_received")
    assert (message["recipient"], message["language"], message["subject"]) == (
        "asha@home.example", "hi", "Sunrise Dairy: ₹5.00 मिले"
    )  # fmt: skip
    assert message["body"] == (
        f"प्रिय आशा, धन्यवाद: Sunrise Dairy को {telling.day(0, 'hi')} को ₹5.00 मिले, रसीद {receipt}। अब देय: ₹0.00।"
    )


def test_the_dairys_own_words_are_taken(telling: Telling) -> None:
    for fields in ({"body": "{amount}, {name}"}, {"channel": "whatsapp", "body": "{name}: {amount} ({balance})"}):
        body = {"kind": "payment_received", "language": "en"} | fields
        ok(telling.admin.post("/message-templates", body), 201)
    customer = telling.dairy.customer(name="{amount} {x")
    pay(telling, customer, "5")
    assert telling.bodies("payment_received") == ["{amount} {x: ₹5.00 (₹0.00)"]
    body = {"kind": "payment_received", "language": "en", "body": "{total}"}
    assert (
        refused(telling.admin.post("/message-templates/preview", body), 422, "validation_failed")["errors"][0]["code"]
        == "unknown_name"
    )
    assert telling.sql("SELECT told ->> 'amount' FROM outbox_messages") == [("₹5.00",)]


def test_a_pause_is_told_once_for_all_standing_orders_and_anew_when_it_changes(telling: Telling) -> None:
    dairy, customer = telling.dairy, telling.dairy.customer(name="Meera")
    for name in ("Cow milk", "Curd"):
        telling.since_long(customer, dairy.product(name=name))
    away = {"from": dairy.day(3), "to": dairy.day(5)}
    pause = ok(telling.admin.post(f"/customers/{customer['id']}/pauses", away), 201)
    span = f"from {telling.day(3)} to {telling.day(5)}"
    assert telling.bodies("pause_confirmed") == [
        f"Dear Meera, noted: {span} this does not come: Cow milk, Curd. Sunrise Dairy"
    ]
    path = f"/customers/{customer['id']}/pauses/{pause['household_pause_id']}"
    ok(telling.admin.patch(path, {"to": None}))
    assert telling.bodies("pause_confirmed") == [
        f"Dear Meera, noted: from {telling.day(3)} on this does not come: Cow milk, Curd. Sunrise Dairy"
    ]
    first = min(telling.told("pause_confirmed"), key=lambda each: each["id"])
    assert (first["status"], first["last_error"]) == ("withdrawn", "the pause has changed")
    ok(telling.admin.delete(path), 204)
    assert telling.bodies("pause_confirmed") == []
    span = f"from {telling.day(3)} on"
    assert telling.bodies("change_confirmed") == [
        f"Dear Meera, noted: {span}: Cow milk as usual; {span}: Curd as usual. Sunrise Dairy"
    ]


def test_a_change_of_a_day_is_told_and_so_is_the_usual_again(telling: Telling) -> None:
    dairy, customer = telling.dairy, telling.dairy.customer(name="Meera")
    standing = telling.since_long(customer, dairy.product(name="Cow milk"))
    path = f"/subscriptions/{standing['id']}/overrides/{dairy.day(2)}"
    ok(telling.admin.put(path, {"quantity": "2.5"}))
    ok(telling.admin.put(path, {"quantity": "2.5", "note": "guests"}))
    day = f"Dear Meera, noted: {telling.day(2)}: Cow milk"
    assert telling.bodies("change_confirmed") == [f"{day} 2.5 L. Sunrise Dairy"]
    ok(telling.admin.put(path, {"quantity": "0"}))
    ok(telling.admin.delete(path), 204)
    assert telling.bodies("change_confirmed") == [
        f"{day} 2.5 L. Sunrise Dairy", f"{day} 0 L. Sunrise Dairy", f"{day} as usual. Sunrise Dairy"
    ]  # fmt: skip
    fresh = dairy.subscription(customer, dairy.product())
    telling.sql("UPDATE subscriptions SET created_at = now() + interval '1 minute' WHERE id = %s", fresh["id"])
    ok(telling.admin.put(f"/subscriptions/{fresh['id']}/overrides/{dairy.day(3)}", {"quantity": "2"}))
    assert len(telling.bodies("change_confirmed")) == 3


def test_a_kind_that_is_off_is_not_told_beside_another(telling: Telling) -> None:
    dairy, customer = telling.dairy, telling.dairy.customer()
    standing = telling.since_long(customer, dairy.product())
    pause = ok(telling.admin.post(f"/subscriptions/{standing['id']}/pauses", {"from": dairy.day(3)}), 201)
    for kind in BY_THEMSELVES:
        ok(telling.admin.patch(f"/message-kinds/{kind}", {"is_on": False}))
    ok(telling.admin.delete(f"/subscriptions/{standing['id']}/pauses/{pause['id']}"), 204)
    assert [(each["kind"], each["status"]) for each in read(telling.admin, "/outbox")] == [
        ("pause_confirmed", "withdrawn")
    ]


def test_several_days_are_one_message_and_a_note_is_none(telling: Telling) -> None:
    dairy, customer = telling.dairy, telling.dairy.customer()
    standing = telling.since_long(customer, dairy.product(name="Curd"))
    for offset in (2, 3):
        path = f"/subscriptions/{standing['id']}/overrides/{dairy.day(offset)}"
        ok(telling.admin.put(path, {"quantity": "2"}))
    telling.sql("UPDATE subscription_overrides SET note = 'guests'")
    assert len(telling.told("change_confirmed")) == 2
    telling.sql("UPDATE subscription_overrides SET quantity = 3")
    telling.sql("DELETE FROM subscription_overrides")
    days = [telling.day(2), telling.day(3)]
    told = [body.partition("noted: ")[2] for body in telling.bodies("change_confirmed")][2:]
    assert told == [
        f"{days[0]}: Curd 3 L; {days[1]}: Curd 3 L. Sunrise Dairy",
        f"{days[0]}: Curd as usual; {days[1]}: Curd as usual. Sunrise Dairy",
    ]


def remind(telling: Telling) -> str:
    url = psycopg_dsn(telling.dairy.app.database.url)
    done = run_command("outbox", "remind", DATABASE_URL=url, DAIRY_SECRET_KEY="x" * 32)
    assert done.returncode == 0
    return done.stdout.splitlines()[-1]


def test_a_closed_day_is_told_to_whom_something_would_have_come(telling: Telling) -> None:
    dairy, milk = telling.dairy, telling.dairy.product()
    daily, paused, never, elsewhere, once = (
        dairy.customer(name=name, area=area)
        for name, area in (("Daily", "A"), ("Paused", "A"), ("Never", "A"), ("Elsewhere", "B"), ("Once", "A"))
    )
    telling.since_long(daily, milk)
    other = telling.since_long(paused, milk)
    telling.since_long(elsewhere, milk)
    rhythm = {"mode": "alternate_days", "interval_days": 2, "anchor_date": dairy.day(0)}
    telling.since_long(never, milk, **rhythm)
    ok(telling.admin.post(f"/subscriptions/{other['id']}/pauses", {"from": dairy.day(1)}), 201)
    dairy.order(once, (milk, "1"), on=dairy.day(1))
    area = next(each["id"] for each in read(telling.admin, "/areas") if each["name"] == "A")
    wanted = {"day": dairy.day(1), "reason": "Diwali", "area_id": area, "deliver_on": dairy.day(3)}
    closed = ok(telling.admin.post("/closed-days", wanted), 201)
    assert [each["customer_name"] for each in telling.told("not_delivered")] == ["Once"]  # other orders are not there
    assert remind(telling) == "told besides: low balance 0, no delivery 1"
    assert remind(telling) == "told besides: low balance 0, no delivery 0"
    assert sorted(each["customer_name"] for each in telling.told("not_delivered")) == ["Daily", "Once"]
    assert (
        f"Dear Daily, on {telling.day(1)} Sunrise Dairy brings nothing: Diwali. It comes on {telling.day(3)} instead."
        in (telling.bodies("not_delivered"))
    )
    ok(telling.admin.delete(f"/closed-days/{closed['id']}"), 204)
    assert {(each["status"], each["last_error"]) for each in telling.told("not_delivered")} == {
        ("withdrawn", "the day was opened again")
    }


def test_a_day_that_is_closed_when_its_orders_are_there_is_told_at_once(telling: Telling) -> None:
    dairy, milk = telling.dairy, telling.dairy.product()
    for name in ("Asha", "Balu"):
        telling.since_long(dairy.customer(name=name), milk)
    ok(telling.admin.post("/orders/generate", {"delivery_date": dairy.day(1)}))
    ok(telling.admin.post("/closed-days", {"day": dairy.day(1), "reason": "Strike"}), 201)
    told = telling.told("not_delivered")
    assert sorted(each["customer_name"] for each in told) == ["Asha", "Balu"]
    assert {each["body"].partition(", on")[2].partition("brings ")[2] for each in told} == {
        "nothing: Strike. Nothing comes instead."
    }
    assert all(each["expires_at"] > each["not_before"] for each in told)
    assert remind(telling) == "told besides: low balance 0, no delivery 0"


def test_a_closed_day_far_ahead_waits_for_its_eve(telling: Telling) -> None:
    dairy, milk = telling.dairy, telling.dairy.product()
    dairy.order(dairy.customer(), (milk, "1"), on=dairy.day(9))
    ok(telling.admin.post("/closed-days", {"day": dairy.day(9), "reason": "Strike"}), 201)
    (message,) = telling.told("not_delivered")
    eve = date.fromisoformat(dairy.day(8)) - timedelta(days=1)
    assert message["not_before"].startswith(f"{eve}T18:30:00")  # midnight there
    assert remind(telling).endswith("no delivery 0")


def test_a_low_balance_is_told_once_until_somebody_pays(telling: Telling) -> None:
    dairy, milk = telling.dairy, telling.dairy.product("100.00")
    prepaid = dairy.customer(name="Meera", payment_terms="prepaid")
    dairy.customer(name="Free")
    pay(telling, prepaid, "450")
    assert remind(telling).startswith("told besides: low balance 0")
    dairy.order(prepaid, (milk, "3"), on=dairy.day(1))
    assert remind(telling).startswith("told besides: low balance 1")
    assert telling.bodies("low_balance") == [
        "Dear Meera, with Sunrise Dairy ₹150.00 is left until your limit is reached. Please pay soon, so that nothing"
        " is held back."
    ]
    assert remind(telling).startswith("told besides: low balance 0")
    ok(telling.admin.patch("/message-kinds/low_balance", {"below": "500"}))
    pay(telling, prepaid, "100")
    assert remind(telling).startswith("told besides: low balance 1")


def test_nobody_is_told_in_quiet_hours(telling: Telling) -> None:
    change = {"quiet_from": "20:00:00", "quiet_to": "08:30:00"}
    assert ok(telling.admin.patch("/message-kinds/payment_received", change))["quiet_to"] == "08:30:00"
    pay(telling, telling.dairy.customer())
    assert [tuple(map(str, row)) for row in telling.sql("SELECT quiet_from, quiet_to FROM outbox_messages")] == [
        ("20:00:00", "08:30:00")
    ]


def test_what_is_rolled_back_says_nothing(telling: Telling, database_url: str) -> None:
    customer = telling.dairy.customer()
    with raw_connection(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments (receipt_no, customer_id, amount, method, received_on)"
            " VALUES ('R1', %s, 5, 'cash', current_date)",
            (customer["id"],),
        )
        cursor.execute("SELECT count(*) FROM outbox_messages")
        assert cursor.fetchone() == (1,)
        connection.rollback()
    assert telling.told("payment_received") == []


def test_kinds_are_the_admins_and_there_are_no_others(telling: Telling) -> None:
    accountant = telling.dairy.staff("accountant")
    assert len(read(accountant, "/message-kinds")) == len(BY_THEMSELVES)
    refused(accountant.patch("/message-kinds/low_balance", {"is_on": False}), 403, "forbidden")
    refused(telling.admin.patch("/message-kinds/bill", {"is_on": True}), 404, "message_kind_not_found")
    refused(telling.admin.patch("/message-kinds/not_delivered", {"below": "5"}), 422, "validation_failed")
    refused(telling.admin.patch("/message-kinds/low_balance", {"quiet_from": None}), 422, "validation_failed")
    assert telling.sql("SELECT count(*) FROM audit_log WHERE table_name = 'message_kinds' AND action = 'UPDATE'") == [
        (len(BY_THEMSELVES),)
    ]


@pytest.mark.parametrize("language", ["en", "hi"])
def test_the_database_words_as_documents_do(sql: Any, language: str) -> None:
    t = catalogues()[language]
    for month in range(1, 13):
        day = date(2026, month, month * 2)
        assert sql("SELECT worded_day(%s, %s)", day, language) == [(day_of(t, day),)]
    for unit in UNITS:
        for quantity in (Decimal("1.000"), Decimal("2.500"), Decimal("20.000"), Decimal("0.000")):
            assert sql("SELECT worded_quantity(%s, %s, %s)", quantity, unit, language) == [
                (t.quantity(quantity, unit),)
            ]
    for amount in ("0", "0.5", "12", "999.99", "1000", "123456.7", "-1234567.89", "9999999999.99"):
        assert sql("SELECT worded_amount(%s)", Decimal(amount)) == [(f"₹{indian(Decimal(amount))}",)]
    words = {
        kind: (subject, body)
        for kind, spoken, subject, body in sql("SELECT * FROM usual_words()")
        if spoken == language
    }
    assert words.keys() == set(BY_THEMSELVES)
    for kind, texts in words.items():
        for each in texts:
            check_names(kind, each)


@pytest.mark.parametrize("text", ["", "x", "{a}", "{a}{b} {a}", "a {c} b", "दूध {a}।\n{b}", "{b}x"])
def test_the_database_fills_names_as_the_program_does(sql: Any, text: str) -> None:
    values = {"a": "{b} \\1", "b": ""}
    assert sql("SELECT filled_words(%s, %s::jsonb)", text, '{"a": "{b} \\\\1", "b": ""}') == [(filled(text, values),)]


def test_many_changes_are_cut(sql: Any) -> None:
    made = "SELECT jsonb_agg(jsonb_build_object('day', '2026-11-01'::date + n, 'product', 'Milk', 'quantity', n,"
    (told,) = sql(f"SELECT worded_changes(({made} 'unit', 'kg')) FROM generate_series(1, 11) n), 'en')")[0]
    assert (told.count("Milk"), told[-3:]) == (10, "; …")


def kind(**changes: str) -> str:
    return f"UPDATE message_kinds SET {', '.join(f'{name} = {value}' for name, value in changes.items())}"


CASES = [
    ("INSERT INTO message_kinds (kind) VALUES ('gossip')", "ck_message_kinds_kind_known"),
    (kind(quiet_from="NULL"), "ck_message_kinds_quiet_is_a_span"),
    (kind(below="NULL"), "ck_message_kinds_below_of_low_balance"),
    (kind(below="5"), "ck_message_kinds_below_of_low_balance"),
    (kind(below="-1") + " WHERE kind = 'low_balance'", "ck_message_kinds_below_not_negative"),
]


@pytest.mark.parametrize(("statement", "name"), CASES)
def test_plain_sql_is_refused_by_name(bare: Any, statement: str, name: str) -> None:
    assert refuses(bare, "SELECT", statement) == name
    assert names_of(bare, ["message_kinds"]) <= {name for _, name in CASES}
    assert refuses(bare, "SELECT", kind(quiet_from="NULL", quiet_to="NULL")) is None


def test_every_name_has_an_example() -> None:
    assert {name for names in NAMES.values() for name in names} == EXAMPLES.keys()
