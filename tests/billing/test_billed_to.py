"""Deliveries that another customer pays for: on whose bill they are, whatever changes meanwhile and whoever asks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from tests.billing.conftest import LivingDairy
from tests.conftest import psycopg_dsn
from tests.dairy import Client, kept, ok, refused
from tests.deliveries.rounds import leaks
from tests.races import at_once

Sql = Callable[..., Any]
NOVEMBER = ("2026-11-01", "2026-11-30")
DECEMBER = ("2026-12-01", "2026-12-31")


@dataclass(frozen=True)
class Family:
    """A shop with a branch, and a neighbour; milk costs 60. It is the morning of 10 November."""

    living: LivingDairy
    shop: Any
    branch: Any
    branch_login: Client
    other: Any
    milk: Any

    @property
    def admin(self) -> Client:
        return self.living.admin

    def bill_to(self, customer: Any, payer: Any, by: Client | None = None) -> Any:
        body = {"billed_to": payer and payer["id"]}
        return (by or self.admin).patch(f"/customers/{customer['id']}", body)

    def deliver(self, customer: Any, on: str, litres: str = "1") -> Any:
        return self.living.delivered(customer, (self.milk, litres), on=on)

    def late(self, customer: Any, on: str, litres: str = "1") -> Any:
        """What was delivered on a day that is over, written down now."""
        body = {
            "customer_id": customer["id"],
            "delivery_date": on,
            "items": [{"product_id": self.milk["id"], "quantity": litres}],
            "reason": "was forgotten",
        }
        return ok(self.admin.post("/deliveries/unplanned", body), 201)

    def paper_of(self, order: Any) -> tuple[str, str, str]:
        """Whose document an order is on, and of which days."""
        paper = self.living.invoice(ok(self.admin.get(f"/orders/{order['id']}"))["invoice"]["id"])
        names = {each["id"]: name for name, each in (("shop", self.shop), ("branch", self.branch))}
        return names.get(paper["customer_id"], "other"), paper["period_start"], paper["period_end"]


@kept
def make_family(living: LivingDairy) -> Family:
    living.without_cutoffs()
    milk = living.product("60.00")
    shop = living.customer(name="Shree Sweets")
    branch, login = living.customer_login(name="Shree Sweets, Baner", area="Baner")
    return Family(living, shop, branch, login, living.customer(name="Neighbour"), milk)


@pytest.fixture
def family(living: LivingDairy, sql: Sql) -> Family:
    made: Family = living.keep(make_family)
    sql("UPDATE customers SET created_at = '2026-10-01 09:00+05:30'")
    living.go_to("2026-11-10")
    return made


# -------------------------------------------------------------------------------------- on whose bill


def test_what_the_branch_gets_is_on_the_bill_of_the_shop(family: Family, sql: Sql) -> None:
    ok(family.bill_to(family.branch, family.shop))
    order = family.deliver(family.branch, "2026-11-11", "2")
    family.deliver(family.shop, "2026-11-12")
    assert family.paper_of(order) == ("shop", *NOVEMBER)
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    (bill,) = family.living.invoices()
    assert (bill["customer_id"], bill["total"]) == (family.shop["id"], "180.00")
    balances = [ok(family.admin.get(f"/customers/{c['id']}/balance"))["balance"] for c in (family.shop, family.branch)]
    assert balances == ["180.00", "0.00"]
    assert not any(leaks(sql).values())


def test_a_change_holds_from_the_next_draft(family: Family, sql: Sql) -> None:
    """What the open draft has stays, and so does what is delivered until it ends; then it is the new payer's."""
    own = family.deliver(family.branch, "2026-11-10")
    ok(family.bill_to(family.branch, family.shop))
    family.deliver(family.shop, "2026-11-11")
    until_end = family.deliver(family.branch, "2026-11-30")
    of_december = family.deliver(family.branch, "2026-12-01")
    assert family.paper_of(own) == family.paper_of(until_end) == ("branch", *NOVEMBER)
    assert family.paper_of(of_december) == ("shop", *DECEMBER)
    family.living.bill("2026-11")  # and then nothing of the old one is open: what comes late is the new payer's
    late = family.late(family.branch, "2026-11-29")
    assert family.paper_of({"id": late["order_id"]}) == ("shop", *DECEMBER)
    ok(family.bill_to(family.branch, family.other))
    assert family.paper_of(family.deliver(family.branch, "2026-12-31")) == ("shop", *DECEMBER)
    assert family.paper_of(family.deliver(family.branch, "2027-01-01"))[0] == "other"
    ok(family.bill_to(family.branch, None))
    assert family.paper_of(family.deliver(family.branch, "2027-01-31"))[0] == "other"
    assert family.paper_of(family.deliver(family.branch, "2027-02-01")) == ("branch", "2027-02-01", "2027-02-28")
    assert not any(leaks(sql).values())


def test_a_change_without_an_open_draft_holds_at_once(family: Family) -> None:
    ok(family.bill_to(family.branch, family.other))
    ok(family.bill_to(family.branch, family.shop))
    family.deliver(family.branch, "2026-11-11")
    ok(family.bill_to(family.branch, None))
    assert family.paper_of(family.deliver(family.branch, "2026-11-12"))[0] == "shop"


def test_every_way_of_delivering_leads_to_the_payer(family: Family, sql: Sql) -> None:
    ok(family.bill_to(family.branch, family.shop))
    milk = {"product_id": family.milk["id"], "quantity": "1"}
    order = family.living.order(family.branch, (family.milk, "2"))
    done = ok(family.living.confirm(order, extra_items=[milk]), 200)
    refused_first = family.living.order(family.branch, (family.milk, "2"))
    ok(family.living.confirm(refused_first, status="not_delivered"), 200)
    given = [{"product_id": family.milk["id"], "delivered_quantity": "1"}]
    ok(family.admin.patch(f"/deliveries/{refused_first['id']}", {"reason": "came later", "items": given}))
    wrong_door = family.living.order(family.other, (family.milk, "3"))
    ok(family.living.confirm(wrong_door), 200)
    body = {"to_customer_id": family.branch["id"], "reason": "was brought next door"}
    ok(family.admin.post(f"/deliveries/{wrong_door['id']}/moved", body), 201)
    family.late(family.branch, "2026-11-09")
    family.living.order(family.branch, (family.milk, "1"))
    ok(family.admin.post("/deliveries/complete", {"delivery_date": "2026-11-10"}), 200)
    rows = sql(
        "SELECT count(*), count(DISTINCT invoice_id), bool_and(payer_id = %s) FROM orders"
        " WHERE customer_id = %s AND invoice_id IS NOT NULL",
        family.shop["id"],
        family.branch["id"],
    )
    assert rows == [(6, 1, True)]
    assert done["extra_order_id"]
    assert not any(leaks(sql).values())


def test_back_to_the_wrong_door_and_off_the_bill(family: Family) -> None:
    ok(family.bill_to(family.branch, family.shop))
    order = family.deliver(family.branch, "2026-11-11")
    body = {"reason": "was not brought", "status": "not_delivered"}
    ok(family.admin.patch(f"/deliveries/{order['id']}", body))
    assert ok(family.admin.get(f"/orders/{order['id']}"))["invoice"] is None


def test_a_bill_that_is_voided_is_made_anew_for_whom_it_was(family: Family, sql: Sql) -> None:
    ok(family.bill_to(family.branch, family.shop))
    order = family.deliver(family.branch, "2026-11-11")
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    ok(family.bill_to(family.branch, family.other))
    (bill,) = family.living.invoices()
    ok(family.admin.post(f"/invoices/{bill['id']}/void", {"reason": "wrong date"}))
    assert family.paper_of(order) == ("shop", *NOVEMBER)
    family.living.bill("2026-11")
    assert family.paper_of(order) == ("shop", *NOVEMBER)
    assert not any(leaks(sql).values())


def test_a_bill_that_is_cut_leaves_the_rest_with_the_payer(family: Family, sql: Sql) -> None:
    ok(family.bill_to(family.branch, family.shop))
    family.deliver(family.branch, "2026-11-11")
    order = family.deliver(family.branch, "2026-11-20")
    ok(family.bill_to(family.branch, family.other))
    family.living.bill("2026-11", through="2026-11-15")
    assert family.paper_of(order) == ("shop", "2026-11-16", "2026-11-30")
    assert not any(leaks(sql).values())


# -------------------------------------------------------------------------------------- kept apart


def test_each_has_its_lines_on_the_bill(family: Family, sql: Sql) -> None:
    """Preview, draft and bill say the same: who pays first, then each of the others, and what they come to."""
    second = family.living.customer(name="Shree Sweets, Aundh", billed_to=family.shop["id"])
    ok(family.bill_to(family.branch, family.shop))
    for customer, litres in ((second, "5"), (family.branch, "2"), (family.shop, "1"), (family.branch, "3")):
        family.deliver(customer, "2026-11-11", litres)
    (draft,) = family.living.invoices()
    on_screen = family.living.invoice(draft["id"])
    wanted = [(None, "60.00"), (family.branch["id"], "300.00"), (second["id"], "300.00")]
    assert [(each["delivered_to"], each["line_total"]) for each in on_screen["lines"]] == wanted
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    bill = family.living.invoice(draft["id"])
    assert bill["lines"] == on_screen["lines"]
    sections = [
        {
            "customer_id": each["id"],
            "code": each["code"],
            "name": each["name"],
            "address": each["address_line1"],
            "first_line": line,
            "last_line": line,
            "total": "300.00",
        }
        for line, each in ((2, family.branch), (3, second))
    ]
    assert bill["sections"] == on_screen["sections"] == sections
    ((snapshot,),) = sql("SELECT snapshot -> 'sections' FROM invoices")  # in the hash, and as it was then
    assert [{**each, "total": f"{each['total']:.2f}"} for each in snapshot] == sections
    ok(family.admin.patch(f"/customers/{second['id']}", {"name": "Another name"}))
    assert family.living.invoice(draft["id"])["sections"] == sections


def test_a_bill_of_one_alone_has_no_sections(family: Family, sql: Sql) -> None:
    family.deliver(family.shop, "2026-11-11")
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    (bill,) = family.living.invoices()
    assert family.living.invoice(bill["id"])["sections"] == []
    assert sql("SELECT snapshot ? 'sections' FROM invoices") == [(False,)]


def rule(family: Family, **fields: Any) -> Any:
    body = {"kind": "delivery_charge", "basis": "per_delivery_day", "amount": "10.00", "description": "Delivery"}
    return ok(family.admin.post("/charge-rules", body | {"valid_from": "2026-11-10"} | fields), 201)


def charges(family: Family) -> list[tuple[Any, str, str]]:
    """Whose, how often and how much of every line that a rule made, on all documents."""
    lines = [line for paper in family.living.invoices() for line in family.living.invoice(paper["id"])["lines"]]
    return [(x["delivered_to"], x["quantity"], x["line_total"]) for x in lines if x["source"] == "charge"]


def test_each_door_is_charged_for_itself(family: Family) -> None:
    """A charge for a day, a month and in per cent, of all and of an area: as if each had a bill of its own."""
    ok(family.bill_to(family.branch, family.shop))
    baner = family.branch["area_id"]
    rule(family)
    rule(family, area_id=baner, amount="15.00")
    rule(family, basis="per_month", amount="50.00")
    rule(family, kind="discount", basis="percent", amount="10.00", customer_id=family.branch["id"])
    for day in ("2026-11-11", "2026-11-12"):
        family.deliver(family.branch, day)
    family.deliver(family.shop, "2026-11-12")
    branch = family.branch["id"]
    wanted = {
        (None, "1.000", "10.00"),
        (None, "1.000", "50.00"),
        (branch, "2.000", "30.00"),
        (branch, "1.000", "50.00"),
        (branch, "1.000", "-12.00"),
    }
    assert set(charges(family)) == wanted
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    assert set(charges(family)) == wanted
    assert len(charges(family)) == 5


def test_a_month_is_charged_once_whoever_pays(family: Family) -> None:
    """Billed with the shop until the middle of the month, on its own from then: the month was charged for."""
    rule(family, basis="per_month", amount="50.00")
    ok(family.bill_to(family.branch, family.shop))
    family.deliver(family.branch, "2026-11-11")
    family.living.go_to("2026-11-16")
    family.living.bill("2026-11", through="2026-11-15")
    ok(family.bill_to(family.branch, None))
    family.deliver(family.branch, "2026-11-20")
    family.deliver(family.shop, "2026-11-20")
    assert sorted(charges(family), key=str) == sorted(
        [(family.branch["id"], "1.000", "50.00"), (None, "1.000", "50.00")], key=str
    )


# -------------------------------------------------------------------------------------- what is refused


def test_nobody_is_billed_in_two_steps(family: Family) -> None:
    ok(family.bill_to(family.branch, family.shop))
    third = family.living.customer()
    told = refused(family.bill_to(third, family.branch), 409, "payer_refused")
    assert told["detail"] == "Shree Sweets, Baner is billed to Shree Sweets itself: choose that one."
    told = refused(family.bill_to(family.shop, third), 409, "payer_refused")
    assert told["detail"] == "Others are billed to the customer: let them be billed to somebody else first."
    refused(family.bill_to(family.shop, family.branch), 409, "payer_refused")
    told = refused(family.bill_to(third, third), 422, "validation_failed")
    assert told["errors"][0]["pointer"] == "/billed_to"
    refused(family.bill_to(third, {"id": str(uuid4())}), 404, "customer_not_found")
    new = {"name": "New", "phone": "+919812345678", "address_line1": "1", "area": "Baner"}
    refused(family.admin.post("/customers", new | {"billed_to": family.branch["id"]}), 409, "payer_refused")
    made = ok(family.admin.post("/customers", new | {"billed_to": family.shop["id"]}), 201)
    assert made["billed_to"] == family.shop["id"]
    ok(family.bill_to(family.branch, None))
    ok(family.bill_to(made, None))
    ok(family.bill_to(family.shop, third))  # it pays for nobody any more
    listed = ok(family.admin.get("/customers", billed_to=third["id"]))["items"]
    assert [each["id"] for each in listed] == [family.shop["id"]]


def test_who_may_say_who_pays(family: Family) -> None:
    for by in (family.branch_login, family.living.staff("marketing_staff")):
        answer = family.bill_to(family.branch, family.shop, by)
        assert answer.status_code in (403, 404)
    told = refused(family.bill_to(family.branch, family.shop, family.branch_login), 403, "forbidden")
    assert told["errors"][0]["pointer"] == "/billed_to"


def test_the_change_asks_for_the_state_that_was_read(family: Family) -> None:
    path = f"/customers/{family.branch['id']}"
    etag = family.admin.get(path).headers["ETag"]
    ok(family.bill_to(family.branch, family.shop))
    told = family.admin.patch(path, {"billed_to": None}, headers={"If-Match": etag})
    refused(told, 412, "precondition_failed")


def test_who_was_merged_pays_for_nobody(family: Family) -> None:
    gone = family.living.customer()
    ok(family.admin.post(f"/customers/{gone['id']}/merge", {"into": family.other["id"], "reason": "twice"}))
    refused(family.bill_to(family.branch, gone), 409, "customer_merged")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        # Onto the draft of somebody who does not pay for it, of itself while another pays, and under another name.
        (
            "UPDATE orders SET invoice_id = {others}, payer_id = {other} WHERE id = {order}",
            "tr_orders_on_invoice_of_payer",
        ),
        ("UPDATE orders SET invoice_id = {own} WHERE id = {order}", "tr_orders_on_invoice_of_payer"),
        ("UPDATE orders SET customer_id = {other} WHERE id = {order}", "tr_orders_on_invoice_of_payer"),
        ("UPDATE orders SET customer_id = {branch} WHERE id = {order_of_other}", "tr_orders_on_invoice_of_payer"),
        ("UPDATE orders SET payer_id = {other} WHERE id = {billed}", "tr_orders_touch_only_drafts"),
        ("UPDATE orders SET customer_id = {shop} WHERE id = {billed}", "tr_orders_touch_only_drafts"),
        ("UPDATE customers SET billed_to = {branch} WHERE id = {other}", "ck_customers_payer_pays_itself"),
    ],
)
def test_plain_sql_is_refused(family: Family, sql: Sql, statement: str, name: str) -> None:
    ok(family.bill_to(family.branch, family.shop))
    billed = family.deliver(family.branch, "2026-10-31")
    family.living.go_to("2026-11-10")
    family.living.bill("2026-10")
    order = family.deliver(family.branch, "2026-11-11")
    of_other = family.deliver(family.other, "2026-11-11")
    (own,) = sql(
        "INSERT INTO invoices (customer_id, period_start, period_end) VALUES (%s, '2026-11-01', '2026-11-30')"
        " RETURNING id",
        family.branch["id"],
    )
    named = {
        name: each["id"] for name, each in (("shop", family.shop), ("branch", family.branch), ("other", family.other))
    }
    named |= {"order": order["id"], "billed": billed["id"], "order_of_other": of_other["id"], "own": own[0]}
    named |= {"others": of_other["invoice"]["id"]}
    with pytest.raises(psycopg2.IntegrityError) as refusal:
        sql(statement.format(**{key: f"'{value}'" for key, value in named.items()}))
    assert refusal.value.diag.constraint_name == name


def test_what_sql_says_of_the_payer_of_a_draft_does_not_count(family: Family, sql: Sql) -> None:
    ok(family.bill_to(family.branch, family.shop))
    order = family.deliver(family.branch, "2026-11-11")
    sql("UPDATE orders SET payer_id = %s WHERE id = %s", family.other["id"], order["id"])
    assert sql("SELECT payer_id FROM orders WHERE id = %s", order["id"]) == [(family.shop["id"],)]


# -------------------------------------------------------------------------------------- at once


def test_two_changes_at_once_make_no_chain(family: Family, database_url: str, sql: Sql) -> None:
    """The branch to the shop and the shop to the neighbour: one of them is refused, whichever comes first."""
    first, second = at_once(
        database_url,
        "SELECT FROM customers FOR UPDATE",
        lambda: family.bill_to(family.branch, family.shop).status_code,
        lambda: family.bill_to(family.shop, family.other).status_code,
    )
    assert sorted((first, second)) == [200, 409]
    assert sql(
        "SELECT count(*) FROM customers c JOIN customers p ON p.id = c.billed_to WHERE p.billed_to IS NOT NULL"
    ) == [(0,)]


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_two_transactions_of_plain_sql_make_no_chain(family: Family, database_url: str, sql: Sql, level: str) -> None:
    """Each has read before the other changes anything: no snapshot of before lets a chain through."""
    with psycopg2.connect(psycopg_dsn(database_url)) as one, psycopg2.connect(psycopg_dsn(database_url)) as other:
        for connection in (one, other):
            connection.set_session(isolation_level=level)
            connection.cursor().execute("SELECT count(*) FROM customers")
        one.cursor().execute(
            "UPDATE customers SET billed_to = %s WHERE id = %s", (family.shop["id"], family.branch["id"])
        )
        one.commit()
        with pytest.raises(psycopg2.Error) as refusal:
            other.cursor().execute(
                "UPDATE customers SET billed_to = %s WHERE id = %s", (family.other["id"], family.shop["id"])
            )
        assert refusal.value.pgcode in ("23503", "40001")
        other.rollback()
    assert sql("SELECT count(*) FROM customers WHERE billed_to IS NOT NULL") == [(1,)]


def test_a_delivery_and_a_change_at_once(family: Family, database_url: str, sql: Sql) -> None:
    """Whichever comes first, the delivery is on one bill, and everybody who may pay is waited for."""
    order = family.living.order(family.branch, (family.milk, "1"))
    again = family.living.order(family.branch, (family.milk, "1"))
    done = at_once(
        database_url,
        f"SELECT FROM customers WHERE id = '{family.branch['id']}' FOR UPDATE",
        lambda: family.living.confirm(order).status_code,
        lambda: family.bill_to(family.branch, family.shop).status_code,
        lambda: family.living.confirm(again).status_code,
        one_by_one=True,
    )
    assert done == [200, 200, 200]
    assert {family.paper_of(each) for each in (order, again)} == {("branch", *NOVEMBER)}
    assert not any(leaks(sql).values())


def test_a_change_before_the_delivery_is_known_to_it(family: Family, database_url: str, sql: Sql) -> None:
    order = family.living.order(family.branch, (family.milk, "1"))
    done = at_once(
        database_url,
        f"SELECT FROM customers WHERE id = '{family.branch['id']}' FOR UPDATE",
        lambda: family.bill_to(family.branch, family.shop).status_code,
        lambda: family.living.confirm(order).status_code,
        one_by_one=True,
    )
    assert done == [200, 200]
    assert family.paper_of(order) == ("shop", *NOVEMBER)
    assert not any(leaks(sql).values())


def test_branches_that_are_confirmed_at_once_open_one_draft(family: Family, database_url: str, sql: Sql) -> None:
    branches = [family.branch, *(family.living.customer(billed_to=family.shop["id"]) for _ in range(3))]
    ok(family.bill_to(family.branch, family.shop))
    orders = [family.living.order(each, (family.milk, "1")) for each in branches]
    done = at_once(
        database_url,
        f"SELECT FROM customers WHERE id = '{family.shop['id']}' FOR UPDATE",
        *(lambda order=order: family.living.confirm(order).status_code for order in orders),  # type: ignore[misc]
    )
    assert done == [200] * 4
    assert sql("SELECT customer_id FROM invoices") == [(family.shop["id"],)]
    assert not any(leaks(sql).values())


@pytest.mark.parametrize("way", ["confirmation", "unplanned", "correction"])
def test_who_came_to_pay_while_one_waited_is_waited_for(family: Family, database_url: str, sql: Sql, way: str) -> None:
    """The change was not known when the delivery asked for its locks: it asks anew, for the new payer's, too."""
    ok(family.bill_to(family.living.customer(), family.shop))
    order = family.living.order(family.branch, (family.milk, "1"))
    if way == "correction":
        ok(family.living.confirm(order, status="not_delivered"), 200)

    def deliver() -> int:
        if way == "unplanned":
            return int(bool(family.late(family.branch, "2026-11-10")) and 200)
        if way == "correction":
            items = [{"product_id": family.milk["id"], "delivered_quantity": "1"}]
            return family.admin.patch(f"/deliveries/{order['id']}", {"reason": "came", "items": items}).status_code
        return family.living.confirm(order).status_code

    held = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
    with (
        psycopg2.connect(psycopg_dsn(database_url)) as changing,
        psycopg2.connect(psycopg_dsn(database_url)) as holding,
        ThreadPoolExecutor(1) as pool,
    ):
        holding.cursor().execute("SELECT FROM customers WHERE id = %s FOR NO KEY UPDATE", (family.shop["id"],))
        changing.cursor().execute(
            "UPDATE customers SET billed_to = %s WHERE id = %s", (family.shop["id"], family.branch["id"])
        )
        later = pool.submit(deliver)
        while not later.done() and sql(held, changing.info.backend_pid) == [(0,)]:
            pass
        changing.commit()
        while not later.done() and sql(held, holding.info.backend_pid) == [(0,)]:
            pass
        assert not later.done(), "nobody waited for who pays now"
        holding.rollback()
        assert later.result(timeout=60) == 200
    assert sql("SELECT customer_id FROM invoices") == [(family.shop["id"],)]
    assert not any(leaks(sql).values())


# -------------------------------------------------------------------------------------- what is charged by hand


def test_what_is_charged_by_hand_is_on_the_bill_of_who_pays(family: Family) -> None:
    ok(family.bill_to(family.branch, family.shop))
    body = {"kind": "charge", "description": "Party tent", "amount": "50.00", "reason": "was agreed"}
    told = refused(family.admin.post("/adjustments", body | {"customer_id": family.branch["id"]}), 409, "payer_refused")
    assert f"Shree Sweets ({family.shop['code']})" in told["detail"]
    ok(family.admin.post("/adjustments", body | {"customer_id": family.shop["id"]}), 201)
    bottle = ok(family.admin.post("/containers", {"name": "Bottle", "deposit": "30"}), 201)
    counted = {"container_id": bottle["id"], "count": 2, "reason": "fell down"}
    ok(family.admin.post(f"/customers/{family.branch['id']}/containers/out", counted), 201)
    ok(family.admin.post(f"/customers/{family.branch['id']}/containers/lost", counted | {"charge": True}), 201)
    (draft,) = family.living.invoices()
    assert draft["customer_id"] == family.shop["id"]
    lines = [(each["description"], each["line_total"]) for each in family.living.invoice(draft["id"])["lines"]]
    assert lines == [("Party tent", "50.00"), ("2 × Bottle, Shree Sweets, Baner", "60.00")]


# -------------------------------------------------------------------------------------- who sees what


def test_a_branch_sees_its_deliveries_and_not_the_bill(family: Family) -> None:
    ok(family.bill_to(family.branch, family.shop))
    order = family.deliver(family.branch, "2026-11-11", "2")
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    (bill,) = family.living.invoices()
    own = ok(family.branch_login.get(f"/orders/{order['id']}"))
    assert (own["status"], own["invoice"]) == ("DELIVERED", None)
    assert [each["invoice"] for each in ok(family.branch_login.get("/orders"))["items"]] == [None]
    assert ok(family.branch_login.get("/invoices"))["items"] == []
    refused(family.branch_login.get(f"/invoices/{bill['id']}"), 404, "invoice_not_found")
    path = f"/customers/{family.branch['id']}"
    assert ok(family.branch_login.get(f"{path}/balance"))["balance"] == "0.00"
    assert ok(family.branch_login.get(f"{path}/ledger"))["items"] == []
    refused(family.branch_login.get(f"/customers/{family.shop['id']}/balance"), 404, "customer_not_found")


def test_who_pays_sees_the_bill_with_all_of_it(family: Family) -> None:
    shop, login = family.living.customer_login(name="Head office")
    ok(family.bill_to(family.branch, shop))
    order = family.deliver(family.branch, "2026-11-11", "2")
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    (bill,) = ok(login.get("/invoices"))["items"]
    seen = ok(login.get(f"/invoices/{bill['id']}"))
    assert [each["name"] for each in seen["sections"]] == ["Shree Sweets, Baner"]
    assert [each["delivered_to"] for each in seen["deliveries"]] == [family.branch["id"]]
    refused(login.get(f"/orders/{order['id']}"), 404, "order_not_found")


def test_at_the_door_of_a_branch_nobody_is_told_what_who_pays_owes(family: Family) -> None:
    ok(family.bill_to(family.branch, family.shop))
    family.deliver(family.branch, "2026-11-11", "2")
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    ok(family.admin.patch("/settings", {"show_due_at_door": True}))
    for customer in (family.branch, family.shop):
        family.living.order(customer, (family.milk, "1"))
    stops = ok(family.admin.get("/deliveries/round", delivery_date="2026-12-01"))["stops"]
    due = {stop["customer"]["id"]: stop["due_amount"] for stop in stops}
    assert due == {family.branch["id"]: None, family.shop["id"]: "120.00"}


def test_the_grid_has_the_goods_of_the_branch_and_the_money_of_who_pays(family: Family) -> None:
    ok(family.bill_to(family.branch, family.shop))
    family.deliver(family.branch, "2026-11-11", "2")
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    rows = ok(family.admin.get("/billing/monthly-view", period="2026-11"))["items"]
    assert {row["customer_id"]: (len(row["products"]), row["bill"]) for row in rows} == {
        family.branch["id"]: (1, "0.00"),
        family.shop["id"]: (0, "120.00"),
    }
