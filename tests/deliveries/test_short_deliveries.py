"""Who brought less than was ordered, how much is missing, and why."""

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from tests.dairy import Dairy, ok, read
from tests.statements import count_statements


@pytest.fixture
def short(dairy: Dairy) -> dict[str, Any]:
    """Ravi brings two of four short, Sunil his one, nobody one; one is corrected to all of it, one is cancelled."""
    dairy.seller()
    ravi, sunil = dairy.staff("delivery_boy", "Ravi"), dairy.staff("delivery_boy", "Sunil")
    milk = dairy.product("60.10", name="Milk")
    curd = dairy.product("33.33", name="Curd", unit="packet", is_packed=True, hsn_code="0403")
    asha = dairy.customer(name="Asha", delivery_boy_id=ravi.user["id"])
    bela = dairy.customer(name="Bela", delivery_boy_id=sunil.user["id"])
    nobodys = dairy.customer(name="Nobody's")

    def brought(customer: Any, milk_came: str, **fields: Any) -> Any:
        order = dairy.order(customer, (milk, "2"), (curd, "3"))
        items = [{"product_id": milk["id"], "delivered_quantity": milk_came}]
        ok(dairy.confirm(order, items=[*items, {"product_id": curd["id"], "delivered_quantity": "3"}], **fields))
        return order

    ok(dairy.confirm(dairy.order(asha, (milk, "1"))))
    brought(asha, "0.667", reason_code="out_of_stock")
    ok(dairy.confirm(dairy.order(asha, (curd, "4")), status="not_delivered", reason_code="door_locked"))
    mended = brought(asha, "1")
    whole = [{"product_id": each["id"], "delivered_quantity": much} for each, much in ((milk, "2"), (curd, "3"))]
    ok(dairy.admin.patch(f"/deliveries/{mended['id']}", {"items": whole, "reason": "Counted again"}))
    ok(dairy.confirm(dairy.order(bela, (milk, "1")), status="not_delivered"))
    ok(dairy.confirm(dairy.order(nobodys, (milk, "1")), status="not_delivered", reason_code="refused"))
    gone = dairy.order(bela, (milk, "7"))
    ok(dairy.admin.post(f"/orders/{gone['id']}/cancel", {"reason": "Not wanted"}))
    return {"ravi": ravi.user["id"], "sunil": sunil.user["id"]}


def report(dairy: Dairy) -> Any:
    month = dairy.day(0)[:7]
    return ok(dairy.admin.get("/reports/short-deliveries", **{"from": month, "to": month}))["items"]


def test_by_hand(dairy: Dairy, short: dict[str, Any]) -> None:
    ravi, *others = report(dairy)
    assert ravi == {
        "staff_id": short["ravi"],
        "staff_name": "Ravi",
        "confirmed": 4,
        "partial": 1,
        "not_delivered": 1,
        "reasons": {"out_of_stock": 1, "door_locked": 1},
        "missing": [{"unit": "litre", "quantity": "1.333"}, {"unit": "packet", "quantity": "4.000"}],
        "amount": "213.43",  # 1.333 x 60.10 = 80.11; 4 x 33.33 = 133.32
    }
    assert {(each["staff_name"], each["amount"], *each["reasons"]) for each in others} == {
        ("Sunil", "60.10", "unknown"),
        (None, "60.10", "refused"),
    }


def test_reckoned_from_orders_and_statuses(dairy: Dairy, short: dict[str, Any]) -> None:
    orders = {each["id"]: each for each in read(dairy.admin, "/orders")}
    confirmed: Counter[Any] = Counter()
    missing: dict[Any, Decimal] = defaultdict(Decimal)
    amount: dict[Any, Decimal] = defaultdict(Decimal)
    for status in read(dairy.admin, "/delivery-statuses"):
        helper = status["delivery_boy_id"]
        confirmed[helper] += 1
        for item in orders[status["order_id"]]["items"]:
            short_by = Decimal(item["quantity"]) - Decimal(item["delivered_quantity"] or 0)
            missing[helper, item["unit"]] += short_by
            amount[helper] += round(short_by * Decimal(item["unit_price"]), 2)
    told = {each["staff_id"]: each for each in report(dairy)}
    assert {helper: each["confirmed"] for helper, each in told.items()} == dict(confirmed)
    assert {(helper, part["unit"]): Decimal(part["quantity"]) for helper, each in told.items()
            for part in each["missing"]} == {key: much for key, much in missing.items() if much}  # fmt: skip
    assert {helper: Decimal(each["amount"]) for helper, each in told.items()} == dict(amount)


def test_three_statements_by_index(dairy: Dairy, short: dict[str, Any]) -> None:
    with count_statements(dairy.app.database) as sent:
        report(dairy)
    of_report = [each for each in sent if "delivery_statuses" in each[0]]
    assert len(of_report) == 3
    among = ("ix_delivery_statuses_boy", "ix_delivery_statuses_exceptions")
    off = ("seqscan",)
    assert "ix_delivery_statuses_boy" in sent.plan(dairy.app.database, "confirmed", off=off, among=among)
    assert "ix_delivery_statuses_exceptions" in sent.plan(dairy.app.database, "w.quantity", off=off, among=among)


def test_a_first_failed_door_between_two_statements_is_no_fault(dairy: Dairy) -> None:
    """Each statement sees what is committed when it begins."""
    anil = dairy.staff("delivery_boy", "Anil")
    order = dairy.order(dairy.customer(delivery_boy_id=anil.user["id"]), (dairy.product(), "1"))
    engine, begun = dairy.app.database.engine, list[str]()

    def confirm_before_the_second(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "delivery_statuses d" in statement:
            begun.append(statement)
            if len(begun) == 2:
                with ThreadPoolExecutor(1) as another:
                    ok(another.submit(dairy.confirm, order, status="not_delivered").result(timeout=60))

    event.listen(engine, "before_cursor_execute", confirm_before_the_second)
    try:
        report(dairy)
    finally:
        event.remove(engine, "before_cursor_execute", confirm_before_the_second)
    ((confirmed, not_delivered),) = [(each["confirmed"], each["not_delivered"]) for each in report(dairy)]
    assert (confirmed, not_delivered) == (1, 1)
