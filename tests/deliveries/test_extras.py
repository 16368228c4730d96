"""Extra items told with a confirmation: an order made at the door, billed with the rest, told twice or once."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from dairy_app.catalogue.models import Product
from dairy_app.common.errors import CODES
from dairy_app.customers.queries import with_price
from dairy_app.deliveries.rules import ExtraItem
from tests.dairy import ok, refused
from tests.deliveries.rounds import Round, at, bill, confirm_set, leaks
from tests.races import at_once


def extra(product: Any, quantity: str = "1") -> dict[str, str]:
    return {"product_id": product["id"], "quantity": quantity}


def settle(round_: Round, **settings: Any) -> None:
    ok(round_.dairy.admin.patch("/settings", settings))


def worth(round_: Round) -> list[tuple[str, str]]:
    """What the customer's draft bills: quantity and amount of each line."""
    drafts = ok(round_.dairy.admin.get("/invoices", status="draft", customer_id=round_.customer["id"]))["items"]
    lines = [ok(round_.dairy.admin.get(f"/invoices/{draft['id']}"))["lines"] for draft in drafts]
    return sorted((line["quantity"], line["gross_amount"]) for each in lines for line in each)


def test_what_nobody_ordered_is_an_order_made_at_the_door(round_: Round, sql: Any) -> None:
    order, ghee = round_.order(shift="evening"), round_.dairy.product("650.00", name="Ghee")
    answer = ok(round_.dairy.confirm(order, by=round_.boy, extra_items=[extra(ghee, "0.5"), extra(round_.milk)]), 200)
    made = round_.read({"id": answer["extra_order_id"]})
    assert (made["order_type"], made["source"], made["shift"]) == ("one_time", "door", "evening")
    assert (made["status"], made["delivery_date"], made["delivered_on"]) == ("DELIVERED", "2026-11-20", "2026-11-20")
    assert made["address"] == round_.read(order)["address"]
    assert [(item["product_id"], item["quantity"], item["delivered_quantity"]) for item in made["items"]] == [
        (ghee["id"], "0.500", "0.500"),
        (round_.milk["id"], "1.000", "1.000"),
    ]
    assert [(item["unit_price"], item["price_source"]) for item in made["items"]] == [
        ("650.00", "product"),
        ("60.00", "product"),
    ]
    status = made["delivery_status"]
    assert (status["status"], status["delivery_boy_id"]) == ("delivered", round_.boy.user["id"])
    assert (status["confirmed_by_name"], status["confirmation_method"]) == ("Bala Boy", "delivery_boy")
    assert made["invoice"] == round_.read(order)["invoice"]
    assert worth(round_) == [("0.500", "325.00"), ("1.500", "120.00"), ("3.000", "180.00")]
    assert sql("SELECT placed_at_door_of::text, placed_by::text FROM orders WHERE source = 'door'") == [
        (order["id"], round_.boy.user["id"])
    ]
    assert not any(leaks(sql).values())
    assert ok(round_.dairy.confirm(round_.order()), 200)["extra_order_id"] is None


def test_an_agreed_price_counts_as_of_the_day(round_: Round) -> None:
    agreed = f"/customers/{round_.customer['id']}/prices"
    for product, price in ((round_.milk, "55.00"), (round_.curd, "0.00")):
        body = {"product_id": product["id"], "price": price, "valid_from": "2026-11-20"}
        ok(round_.dairy.admin.put(agreed, body))
    order = round_.order()
    answer = ok(round_.dairy.confirm(order, extra_items=[extra(round_.milk), extra(round_.curd)]), 200)
    items = round_.read({"id": answer["extra_order_id"]})["items"]
    assert [(item["unit_price"], item["price_source"]) for item in items] == [("55.00", "customer"), ("0.00", "free")]


def test_not_wanted_but_something_else(round_: Round, sql: Any) -> None:
    order = round_.order()
    answer = ok(round_.dairy.confirm(order, status="not_delivered", extra_items=[extra(round_.curd, "2")]), 200)
    assert answer["order_status"] == "NOT_DELIVERED"
    assert round_.read({"id": answer["extra_order_id"]})["invoice"]["status"] == "draft"
    assert worth(round_) == [("2.000", "160.00")]
    assert not any(leaks(sql).values())


def test_the_same_again_changes_nothing(round_: Round, sql: Any) -> None:
    order, told = round_.order(), [extra(round_.curd), extra(round_.milk, "2")]
    first = ok(round_.dairy.confirm(order, extra_items=told, client_event_id=str(uuid4())), 200)
    again = ok(round_.dairy.confirm(order, extra_items=told[::-1]), 200)
    assert (again["replayed"], again["extra_order_id"]) == (True, first["extra_order_id"])
    for other in ([], told[:1], [extra(round_.curd, "2"), told[1]], [*told, extra(round_.dairy.product())]):
        refused(round_.dairy.confirm(order, extra_items=other), 409, "confirmed_differently")
    refused(round_.dairy.confirm(order), 409, "confirmed_differently")
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(1,)]


def test_extras_that_come_to_mind_later_are_no_repeat(round_: Round) -> None:
    order = round_.order()
    ok(round_.dairy.confirm(order), 200)
    refused(round_.dairy.confirm(order, extra_items=[extra(round_.milk)]), 409, "confirmed_differently")


def test_what_the_office_corrected_since_is_no_other_word_of_the_door(round_: Round) -> None:
    order, told = round_.order(), [extra(round_.curd, "2")]
    made = ok(round_.dairy.confirm(order, extra_items=told), 200)["extra_order_id"]
    body = {"items": [{"product_id": round_.curd["id"], "delivered_quantity": "1"}], "reason": "only one"}
    ok(round_.dairy.admin.patch(f"/deliveries/{made}", body))
    again = ok(round_.dairy.confirm(order, extra_items=told), 200)
    assert (again["replayed"], again["extra_order_id"]) == (True, made)
    assert worth(round_) == [("2.000", "120.00"), ("2.500", "200.00")]


def test_a_second_visit(round_: Round, sql: Any) -> None:
    order, told = round_.order(), [extra(round_.curd)]
    made = ok(round_.dairy.confirm(order, status="not_delivered", extra_items=told), 200)["extra_order_id"]
    refused(round_.dairy.confirm(order, extra_items=[extra(round_.curd, "2")]), 409, "confirmed_differently")
    done = ok(round_.dairy.confirm(order, extra_items=told), 200)
    assert (done["replayed"], done["order_status"], done["extra_order_id"]) == (False, "DELIVERED", None)
    assert sql("SELECT id::text FROM orders WHERE source = 'door'") == [(made,)]
    other = round_.order()
    ok(round_.dairy.confirm(other, status="not_delivered"), 200)
    assert ok(round_.dairy.confirm(other, extra_items=told), 200)["extra_order_id"] is not None


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("product_not_found", lambda _: {"id": str(uuid4())}),
        (
            "product_inactive",
            lambda round_: ok(
                round_.dairy.admin.patch(f"/products/{round_.dairy.product(name='Whey')['id']}", {"is_active": False})
            ),
        ),
        ("no_price", lambda round_: round_.dairy.product(None)),
        ("validation_failed", lambda round_: round_.dairy.product(unit="packet")),
    ],
)
def test_one_wrong_extra_and_nothing_is_confirmed(round_: Round, sql: Any, code: str, make: Any) -> None:
    order = round_.order()
    refused(
        round_.dairy.confirm(order, extra_items=[extra(round_.milk), extra(make(round_), "0.5")]), CODES[code][0], code
    )
    assert round_.read(order)["status"] == "PENDING"
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(0,)]


def test_a_part_of_what_is_sold_whole_is_told_as_that_also_without_a_price(round_: Round) -> None:
    unpriced = round_.dairy.product(None, unit="packet", name="Lassi")
    told = refused(round_.dairy.confirm(round_.order(), extra_items=[extra(unpriced, "0.5")]), 422, "validation_failed")
    assert told["detail"] == "Lassi is sold whole."


@pytest.mark.parametrize(
    "extras",
    [
        [{"quantity": "1"}],
        [{"product_id": "{milk}", "quantity": "0"}],
        [{"product_id": "{milk}", "quantity": "-1"}],
        [{"product_id": "{milk}", "quantity": "1.2345"}],
        [{"product_id": "{milk}", "quantity": "1"}, {"product_id": "{milk}", "quantity": "2"}],
        [{"product_id": "{milk}", "quantity": "1", "unit_price": "1.00"}],
        [{"product_id": f"00000000-0000-7000-8000-{n:012}", "quantity": "1"} for n in range(21)],
    ],
)
def test_bad_extras(round_: Round, extras: Any) -> None:
    named = [{name: text.format(milk=round_.milk["id"]) for name, text in each.items()} for each in extras]
    refused(round_.dairy.confirm(round_.order(), extra_items=named), 422, "validation_failed")


def test_the_limit_of_a_door_and_day(round_: Round) -> None:
    settle(round_, door_extra_limit="300.00")
    first, second = round_.order(), round_.order(shift="evening")
    refused(round_.dairy.confirm(first, extra_items=[extra(round_.milk, "5.001")]), 422, "extra_above_limit")
    ok(round_.dairy.confirm(first, extra_items=[extra(round_.milk, "4")]), 200)
    told = refused(round_.dairy.confirm(second, extra_items=[extra(round_.milk, "1.5")]), 422, "extra_above_limit")
    assert told["detail"] == "Extra items of 330.00 rupees at this door on 2026-11-20; 300.00 are allowed."
    ok(round_.dairy.confirm(second, extra_items=[extra(round_.milk)]), 200)
    settle(round_, door_extra_limit=None)
    ok(round_.dairy.confirm(round_.order(), extra_items=[extra(round_.milk, "500")]), 200)


def test_who_may(round_: Round) -> None:
    told = [extra(round_.milk)]
    ok(round_.dairy.confirm(round_.order(), by=round_.boy, extra_items=told), 200)
    settle(round_, door_extras="off")
    for who in (round_.boy, round_.dairy.admin):
        refused(round_.dairy.confirm(round_.order(), by=who, extra_items=told), 403, "forbidden")
    ok(round_.dairy.confirm(round_.order(), extra_items=[]), 200)
    refused(round_.dairy.admin.patch("/settings", {"door_extras": "everybody"}), 422, "validation_failed")
    refused(round_.dairy.admin.patch("/settings", {"door_extra_limit": "-1"}), 422, "validation_failed")


def test_in_a_batch_each_is_judged_as_the_one_before_left_the_door(round_: Round, sql: Any) -> None:
    settle(round_, door_extra_limit="100.00")
    orders = [round_.order() for _ in range(4)]
    confirmations = [
        {"order_id": order["id"], "status": "delivered", "extra_items": [extra(round_.milk, quantity)]}
        for order, quantity in zip(orders, ("1", "1", "0.5", "2"), strict=True)
    ]
    batch = {"confirmations": confirmations}
    done = ok(round_.dairy.admin.post("/deliveries/confirmations/batch", batch))
    assert [(each["outcome"], each["code"]) for each in done["results"]] == [
        ("confirmed", None),
        ("rejected", "extra_above_limit"),
        ("confirmed", None),
        ("rejected", "extra_above_limit"),
    ]
    made = [each["extra_order_id"] for each in done["results"]]
    assert [each is not None for each in made] == [True, False, True, False]
    again = ok(round_.dairy.admin.post("/deliveries/confirmations/batch", batch))
    assert [(each["outcome"], each["extra_order_id"]) for each in again["results"]][::2] == [
        ("replayed", made[0]),
        ("replayed", made[2]),
    ]
    assert not any(leaks(sql).values())


def test_a_key_that_was_used_for_another_order_in_the_batch(round_: Round, sql: Any) -> None:
    orders, event = [round_.order() for _ in range(3)], uuid4()
    told = [ExtraItem(UUID(round_.milk["id"]), Decimal(1))]
    ids = [UUID(order["id"]) for order in orders]
    outcomes = confirm_set(
        round_.dairy,
        [
            {"order_id": ids[0], "client_event_id": event},
            {"order_id": ids[1], "client_event_id": event, "extra_items": told},
            {"order_id": ids[2], "client_event_id": event},
        ],
    )
    assert [each.code for each in outcomes] == [None, "already_exists", "already_exists"]
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(0,)]


def test_two_phones_at_one_door(round_: Round, sql: Any, database_url: str) -> None:
    """The limit is judged under the customer's lock: what came first counts."""
    settle(round_, door_extra_limit="100.00")
    orders = [round_.order() for _ in range(2)]
    hold = f"SELECT FROM customers WHERE id = '{round_.customer['id']}' FOR UPDATE"
    answers = at_once(
        database_url,
        hold,
        *(
            lambda order=order: round_.dairy.confirm(order, extra_items=[extra(round_.milk)])  # type: ignore[misc]
            for order in orders
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert sql("SELECT count(*) FROM orders WHERE source = 'door'") == [(1,)]
    assert not any(leaks(sql).values())


def test_extras_of_a_late_round_are_billed_with_the_next_month(
    round_: Round, sql: Any, clock: time_machine.Traveller
) -> None:
    order, late = round_.order(), round_.order()
    round_.dairy.seller()
    ok(round_.dairy.confirm(order), 200)
    bill(round_.dairy, "2026-11", through="2026-11-20")
    clock.move_to(at("2026-11-21 06:00"))
    round_.log_in_again()
    answer = ok(
        round_.dairy.confirm(late, delivery_date="2026-11-20", extra_items=[extra(round_.curd)]),
        200,
    )
    made = round_.read({"id": answer["extra_order_id"]})
    assert (made["delivered_on"], made["invoice"]["status"]) == ("2026-11-20", "draft")
    assert round_.read(order)["invoice"]["status"] == "issued"
    assert not any(leaks(sql).values())


def test_the_price_for_functions_is_the_price_for_sets(round_: Round, sql: Any) -> None:
    """On 300 random pairs of product and day, with agreed prices that begin, end and are nothing."""
    sql("SELECT setseed(0.4)")
    sql(
        "INSERT INTO customer_prices (customer_id, product_id, price, valid) SELECT %s, p.id,"
        " (ARRAY[0, 12.5, 44])[1 + floor(random() * 3)::int], daterange(d::date, d::date + (random() * 9)::int + 1)"
        " FROM products p, generate_series('2026-01-01'::date, '2026-12-01', '20 days') d WHERE random() < 0.7",
        round_.customer["id"],
    )
    round_.dairy.product(None)
    customer = UUID(round_.customer["id"])
    pairs = sql(
        "SELECT p.id, '2026-01-01'::date + (random() * 330)::int FROM products p, generate_series(1, 100)"
        " ORDER BY random() LIMIT 300"
    )
    seen = set()
    with round_.dairy.app.database.transaction() as session:
        for product, day in pairs:
            (found,) = sql("SELECT price, price_source FROM price_of(%s, %s, %s)", str(customer), str(product), day)
            price, source = _by_set(session, customer, product, day)
            assert found == (price, "free" if source == "customer" and price == 0 else source)
            seen.add(found[1])
    assert seen == {"customer", "free", "product", None}


def _by_set(session: Session, customer: UUID, product: Any, day: Any) -> tuple[Any, Any]:
    source, price, origin = with_price(Product.__table__, literal(customer), Product.id, day)
    return session.execute(select(price, origin).select_from(source).where(Product.id == product)).one()
