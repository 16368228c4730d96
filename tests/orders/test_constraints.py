"""Round every service with plain SQL: each rule of orders, items and delivery statuses stands in the database."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
import time_machine

from dairy_app.app import create_app
from dairy_app.common.errors import CODES
from dairy_app.database.constraints import TRIGGER_CODES, code_of
from dairy_app.database.transactions import Database
from dairy_app.deliveries.models import DeliveryStatus
from dairy_app.orders.models import ORDER_STATUSES, ClosedDay, Order, OrderItem
from dairy_app.settings import Settings
from tests.conftest import SECRET_KEY, Server, raw_connection
from tests.dairy import Dairy, ok
from tests.deliveries.rounds import Round, at, bill, make_round

#: An order in every state, and papers of every kind, by the name used in the statements below.
Known = dict[str, str]


@pytest.fixture(scope="module")
def url(server: Server, template: str) -> Iterator[str]:
    """One database for all statements below: none of them leaves anything behind."""
    url = server.create_database(template)
    yield url
    server.drop_database(url)


@pytest.fixture(scope="module")
def known(url: str, tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Ids: ``pending``, ``delivered`` (on a draft), ``partial``, ``billed`` (on an issued paper) and so on."""
    database = Database(url)
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=folder, secret_key=SECRET_KEY, log_level="error", password_cost="cheapest")
    try:
        with time_machine.travel(at("2026-11-20 10:00"), tick=False), raw_connection(url) as connection:
            connection.autocommit = True
            return know(make_round(Dairy(create_app(settings, database))), connection.cursor())
    finally:
        database.dispose()


def know(round_: Round, cursor: Any) -> Known:
    dairy = round_.dairy
    dairy.seller()
    other = dairy.customer()
    orders = {"billed": round_.order(), "void_once": dairy.order(other, (round_.milk, "1"))}
    for order in orders.values():
        ok(dairy.confirm(order), 200)
    bill(dairy, "2026-11", through="2026-11-20")
    issued = round_.read(orders["billed"])["invoice"]["id"]
    voided = round_.read(orders["void_once"])["invoice"]["id"]
    ok(dairy.admin.post(f"/invoices/{voided}/void", {"reason": "wrong"}))
    orders |= {name: round_.order() for name in ("pending", "delivered", "partial", "refused", "cancelled")}
    ok(dairy.confirm(orders["delivered"]), 200)
    ok(dairy.confirm(orders["partial"], items=round_.items("2", "0")), 200)
    ok(dairy.confirm(orders["refused"], status="not_delivered"), 200)
    ok(dairy.admin.post(f"/orders/{orders['cancelled']['id']}/cancel", {"reason": "moved away"}))
    known = {name: order["id"] for name, order in orders.items()}
    known |= {"issued": issued, "void": voided, "milk": round_.milk["id"], "curd": round_.curd["id"]}
    known |= {"customer": round_.customer["id"], "other": other["id"], "extra": dairy.product()["id"]}
    known["draft"] = round_.read(orders["delivered"])["invoice"]["id"]
    known["other_draft"] = round_.read(orders["void_once"])["invoice"]["id"]
    cursor.execute(
        "INSERT INTO subscriptions (customer_id, product_id, mode, start_date) VALUES (%s, %s, 'fixed_daily',"
        " '2026-11-01') RETURNING id::text",
        (known["other"], known["milk"]),
    )
    ((known["subscription"],),) = cursor.fetchall()
    known["nobody"] = "00000000-0000-7000-8000-000000000000"
    return known


def update(order: str, changes: str) -> str:
    return f"UPDATE orders SET {changes} WHERE id = '{{{order}}}'"


def deliver(invoice: str, day: str = "2026-11-21") -> str:
    """Everything a delivered order has, items included, on a chosen paper."""
    return (
        "UPDATE order_items SET delivered_quantity = quantity WHERE order_id = '{pending}';"
        f"UPDATE orders SET status = 'DELIVERED', delivered_on = '{day}', delivered_at = now(),"
        f" delivery_confirmed = true, invoice_id = {invoice} WHERE id = '{{pending}}'"
    )


def order(columns: str = "", values: str = "") -> str:
    return (
        f"INSERT INTO orders (customer_id, delivery_date, source{columns and ', ' + columns})"
        f" VALUES ('{{customer}}', '2026-11-20', 'staff'{values and ', ' + values})"
    )


def item(changes: str, of: str = "pending") -> str:
    return f"UPDATE order_items SET {changes} WHERE order_id = '{{{of}}}' AND line_no = 1"


def new_item(of: str, product: str = "extra", quantity: str = "1", delivered: str = "NULL", line: int = 9) -> str:
    return (
        "INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source,"
        f" delivered_quantity) VALUES ('{{{of}}}', {line}, '{{{product}}}', {quantity}, 1, 'product', {delivered})"
    )


def status(changes: str, of: str = "delivered") -> str:
    return f"UPDATE delivery_statuses SET {changes} WHERE order_id = '{{{of}}}'"


CLOSED = "'00000000-0000-7000-8000-000000000001'"


def closed(**changes: str) -> str:
    """A closed day, with values in place of the usual ones."""
    row = {"id": CLOSED, "day": "'2026-11-20'", "reason": "'Diwali'"} | changes
    return f"INSERT INTO closed_days ({', '.join(row)}) VALUES ({', '.join(row.values())});"


CORRECTED = "corrected_at = now(), corrected_by_user_id = (SELECT id FROM users LIMIT 1)"


DRAFT = "'{draft}'"
SECOND_IN_FULL = "UPDATE order_items SET delivered_quantity = quantity WHERE order_id = '{delivered}' AND line_no = 2"
#: What was planned before is archived.
ARCHIVED = "UPDATE settings SET books_closed_through = '2026-11-30', archived_before = '2026-12-01'; "

REFUSED = [
    (ARCHIVED + order(), "tr_orders_after_archive"),
    (ARCHIVED + update("pending", "delivery_date = delivery_date - 1"), "tr_orders_after_archive"),
    (update("pending", "area_id = '{nobody}'"), "fk_orders_area_id"),
    (
        item("delivered_quantity = 0.5")
        + "; UPDATE products SET unit = 'packet' WHERE id = '{milk}'; "
        + item("quantity = 1.5"),
        "tr_order_items_are_whole",
    ),
    ("UPDATE products SET unit = 'packet' WHERE id = '{milk}'; " + item("quantity = 1.5"), "tr_order_items_are_whole"),
    (
        "UPDATE products SET unit = 'packet' WHERE id = '{milk}'; " + item("delivered_quantity = 0.5", "partial"),
        "tr_order_items_are_whole",
    ),
    (
        "UPDATE products SET unit = 'packet' WHERE id = '{extra}'; " + new_item("pending", quantity="1.5"),
        "tr_order_items_are_whole",
    ),
    # orders: columns and keys
    (order("status", "'delivered'"), "ck_orders_status_known"),
    (order("status", "'Delivered'"), "ck_orders_status_known"),
    (order("order_type", "'weekly'"), "ck_orders_order_type_known"),
    (order("shift", "'both'"), "ck_orders_shift_known"),
    (update("pending", "source = 'link'"), "ck_orders_source_known"),
    # orders: made at the door
    (update("pending", "source = 'door'"), "ck_orders_door_order_came"),
    (update("delivered", "placed_at_door_of = '{partial}'"), "ck_orders_placed_at_door_is_door_order"),
    (
        update("delivered", "source = 'door', placed_at_door_of = '{void_once}'"),
        "fk_orders_placed_at_door_of_customer",
    ),
    (
        "UPDATE orders SET source = 'door', placed_at_door_of = '{pending}' WHERE id IN ('{delivered}', '{partial}')",
        "uq_orders_placed_at_door_of",
    ),
    (update("pending", "customer_id = '{nobody}'"), "fk_orders_customer_id"),
    (update("pending", "placed_by = '{nobody}'"), "fk_orders_placed_by"),
    (update("pending", "delivery_boy_id = '{nobody}'"), "fk_orders_delivery_boy_id"),
    (update("pending", "order_type = 'subscription'"), "ck_orders_type_agrees_with_subscription"),
    (order("subscription_id", "'{subscription}'"), "ck_orders_type_agrees_with_subscription"),
    (
        order("order_type, subscription_id", "'subscription', '{subscription}'"),
        "fk_orders_subscription_of_customer",
    ),
    (
        "INSERT INTO orders (customer_id, delivery_date, source, order_type, subscription_id)"
        " SELECT '{other}', '2026-11-20', 'generator', 'subscription', '{subscription}' FROM generate_series(1, 2)",
        "uq_orders_subscription_id_delivery_date",
    ),
    (order("legacy_id", "'7'") + ";" + order("legacy_id", "'7'"), "uq_orders_legacy_id"),
    # orders: the two guarantees
    (update("pending", "status = 'DELIVERED'"), "ck_orders_delivered_iff_dated"),
    (update("delivered", "invoice_id = NULL"), "ck_orders_delivered_iff_on_invoice"),
    (deliver("NULL"), "ck_orders_delivered_iff_on_invoice"),
    (update("pending", "invoice_id = '{draft}'"), "ck_orders_delivered_iff_on_invoice"),
    (update("delivered", "status = 'PENDING'"), "tr_orders_follow_transitions"),
    (deliver("'{issued}'"), "tr_orders_touch_only_drafts"),
    (deliver("'{void}'"), "tr_orders_touch_only_drafts"),
    (deliver("'{nobody}'"), "tr_orders_touch_only_drafts"),
    (deliver("'{other_draft}'", "2026-11-20"), "tr_orders_on_invoice_of_payer"),
    (
        "ALTER TABLE orders DISABLE TRIGGER tr_orders_touch_only_drafts_update;"
        " UPDATE orders SET payer_id = (SELECT customer_id FROM invoices WHERE id = '{other_draft}')"
        " WHERE id = '{delivered}'",
        "fk_orders_invoice_of_payer",
    ),
    (update("pending", "payer_id = customer_id"), "ck_orders_payer_iff_on_invoice"),
    (deliver(DRAFT, "2026-12-01"), "tr_orders_within_period"),
    (update("delivered", "delivered_on = '2026-12-01'"), "tr_orders_within_period"),
    (update("delivered", "invoice_id = '{issued}'"), "tr_orders_touch_only_drafts"),
    (update("billed", "invoice_id = '{draft}'"), "tr_orders_touch_only_drafts"),
    (update("billed", "delivered_on = '2026-11-19'"), "tr_orders_touch_only_drafts"),
    (
        update(
            "billed",
            "status = 'NOT_DELIVERED', invoice_id = NULL, delivered_on = NULL, delivered_at = NULL,"
            " delivery_confirmed = false",
        ),
        "tr_orders_touch_only_drafts",
    ),
    (update("billed", "status = 'PARTIALLY_DELIVERED'"), "tr_orders_touch_only_drafts"),
    ("DELETE FROM orders WHERE id = '{billed}'", "tr_orders_touch_only_drafts"),
    # orders: dates agree with the state
    (update("delivered", "delivered_on = NULL"), "ck_orders_delivered_iff_dated"),
    (update("delivered", "delivered_at = NULL"), "ck_orders_delivered_iff_dated"),
    (update("delivered", "delivery_confirmed = false"), "ck_orders_delivered_iff_dated"),
    (update("pending", "delivered_on = '2026-11-20'"), "ck_orders_delivered_iff_dated"),
    (update("pending", "delivered_at = now()"), "ck_orders_delivered_iff_dated"),
    (update("pending", "delivery_confirmed = true"), "ck_orders_delivered_iff_dated"),
    (update("pending", "status = 'CANCELLED'"), "ck_orders_cancelled_iff_dated"),
    (update("pending", "cancelled_at = now()"), "ck_orders_cancelled_iff_dated"),
    (update("pending", "cancel_reason = 'x'"), "ck_orders_cancelled_iff_dated"),
    (update("cancelled", "status = 'PENDING'"), "tr_orders_follow_transitions"),
    (update("cancelled", "cancelled_at = NULL"), "ck_orders_cancelled_iff_dated"),
    (update("cancelled", "cancelled_by_subscription = true"), "ck_orders_cancelled_by_subscription_fits"),
    (update("pending", "cancelled_by_subscription = true"), "ck_orders_cancelled_by_subscription_fits"),
    (closed() + update("pending", f"closed_day_id = {CLOSED}"), "ck_orders_closed_day_fits"),
    (update("cancelled", "closed_day_id = '{nobody}'"), "fk_orders_closed_day_id"),
    (update("pending", "delivery_date = 'infinity'"), "ck_orders_dates_finite"),
    (update("delivered", "delivered_on = '-infinity'"), "ck_orders_dates_finite"),
    (update("cancelled", "cancel_reason = repeat('x', 501)"), "ck_orders_text_lengths"),
    (update("pending", "notes = repeat('x', 4001)"), "ck_orders_text_lengths"),
    # closed days
    (closed(id="'{nobody}'") + closed(), "ex_closed_days_once"),
    (closed(id="'{nobody}'", shift="'evening'") + closed(shift="'evening'"), "ex_closed_days_once"),
    (closed(shift="'noon'"), "ck_closed_days_shift_known"),
    (closed(day="'infinity'"), "ck_closed_days_days_finite"),
    (closed(deliver_on="'-infinity'"), "ck_closed_days_days_finite"),
    (closed(deliver_on="'2026-11-20'"), "ck_closed_days_deliver_on_another_day"),
    (closed(reason="''"), "ck_closed_days_reason_length"),
    (closed(reason="repeat('x', 501)"), "ck_closed_days_reason_length"),
    (closed(area_id="'{nobody}'"), "fk_closed_days_area_id"),
    (closed(closed_by="'{nobody}'"), "fk_closed_days_closed_by"),
    # orders: the state agrees with the items
    (update("delivered", "status = 'PARTIALLY_DELIVERED'"), "tr_orders_agree_with_items"),
    (update("partial", "status = 'DELIVERED'"), "tr_orders_agree_with_items"),
    (
        "UPDATE orders SET status = 'DELIVERED', delivered_on = '2026-11-21', delivered_at = now(),"
        " delivery_confirmed = true, invoice_id = '{draft}' WHERE id = '{pending}'",
        "tr_orders_agree_with_items",
    ),
    (
        order(
            "status, delivered_on, delivered_at, delivery_confirmed, invoice_id",
            "'DELIVERED', '2026-11-21', now(), true, '{draft}'",
        ),
        "tr_orders_agree_with_items",
    ),
    (item("delivered_quantity = NULL", "delivered"), "tr_orders_agree_with_items"),
    (item("delivered_quantity = 1", "delivered"), "tr_orders_agree_with_items"),
    (item("delivered_quantity = quantity"), "tr_orders_agree_with_items"),
    (item("delivered_quantity = 1", "cancelled"), "tr_orders_agree_with_items"),
    (item("delivered_quantity = 1", "refused"), "tr_orders_agree_with_items"),
    (
        "UPDATE order_items SET delivered_quantity = NULL WHERE order_id = '{partial}' AND line_no = 2",
        "tr_orders_agree_with_items",
    ),
    (new_item("delivered"), "tr_orders_agree_with_items"),
    (new_item("delivered", delivered="0"), "tr_orders_agree_with_items"),
    (new_item("pending", delivered="1"), "tr_orders_agree_with_items"),
    ("DELETE FROM order_items WHERE order_id = '{delivered}'", "tr_orders_agree_with_items"),
    ("DELETE FROM order_items WHERE order_id = '{partial}' AND line_no = 2", "tr_orders_agree_with_items"),
    # … whatever else is right, and in whichever order it was done
    (item("delivered_quantity = NULL", "delivered") + ";" + SECOND_IN_FULL, "tr_orders_agree_with_items"),
    (SECOND_IN_FULL + ";" + item("delivered_quantity = 0", "delivered"), "tr_orders_agree_with_items"),
    (deliver(DRAFT) + ";" + item("delivered_quantity = 0"), "tr_orders_agree_with_items"),
    (
        deliver(DRAFT) + "; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;"
        "UPDATE order_items SET delivered_quantity = 0 WHERE order_id = '{pending}' AND line_no = 2",
        "tr_orders_agree_with_items",
    ),
    ("UPDATE order_items SET delivered_quantity = quantity WHERE order_id = '{partial}'", "tr_orders_agree_with_items"),
    ("UPDATE order_items SET delivered_quantity = 0 WHERE order_id = '{partial}'", "tr_orders_agree_with_items"),
    (
        item("delivered_quantity = quantity", "delivered") + "; DELETE FROM order_items WHERE order_id = '{delivered}'",
        "tr_orders_agree_with_items",
    ),
    # items: columns and keys
    (item("quantity = 0"), "ck_order_items_quantity_positive"),
    (item("quantity = -1"), "ck_order_items_quantity_positive"),
    (item("unit_price = -0.01"), "ck_order_items_unit_price_not_negative"),
    (item("delivered_quantity = -1"), "ck_order_items_delivered_within_ordered"),
    (item("delivered_quantity = quantity + 0.001"), "ck_order_items_delivered_within_ordered"),
    (item("quantity = 1.999", "delivered"), "ck_order_items_delivered_within_ordered"),
    (item("price_source = 'guess'"), "ck_order_items_price_source_known"),
    (item("product_id = '{nobody}'"), "fk_order_items_product_id"),
    (
        "INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)"
        " VALUES ('{nobody}', 1, '{milk}', 1, 1, 'product')",
        "fk_order_items_order_id",
    ),
    (item("quantity = 'NaN'"), "ck_order_items_quantity_positive"),
    (item("unit_price = 'NaN'"), "ck_order_items_unit_price_not_negative"),
    (new_item("pending", product="milk"), "uq_order_items_order_id_product_id"),
    (new_item("pending", line=1), "pk_order_items"),
    # items of an issued paper
    (item("quantity = 9", "billed"), "tr_order_items_touch_only_drafts"),
    (item("unit_price = 1", "billed"), "tr_order_items_touch_only_drafts"),
    (item("delivered_quantity = 1", "billed"), "tr_order_items_touch_only_drafts"),
    # an item stays with its order: moved on or off a delivered one it would be delivered and never billed
    (item("order_id = '{billed}', line_no = 9, product_id = '{extra}'"), "tr_order_items_stay"),
    (item("order_id = '{delivered}', line_no = 9, product_id = '{extra}'"), "tr_order_items_stay"),
    (
        item("order_id = '{pending}', line_no = 9, product_id = '{extra}', delivered_quantity = NULL", "delivered"),
        "tr_order_items_stay",
    ),
    (new_item("billed", delivered="1"), "tr_order_items_touch_only_drafts"),
    (new_item("billed"), "tr_order_items_touch_only_drafts"),
    ("DELETE FROM order_items WHERE order_id = '{billed}'", "tr_order_items_touch_only_drafts"),
    # delivery statuses
    (status("status = 'DELIVERED'"), "ck_delivery_statuses_status_known"),
    (status("confirmation_method = 'phone'"), "ck_delivery_statuses_confirmation_method_known"),
    (status("delivered_at = NULL"), "ck_delivery_statuses_delivered_has_time"),
    (status("delivered_at = now()", "refused"), "ck_delivery_statuses_delivered_has_time"),
    (status("latitude = 91"), "ck_delivery_statuses_latitude_range"),
    (status("longitude = -181"), "ck_delivery_statuses_longitude_range"),
    (status("notes = repeat('x', 2001)"), "ck_delivery_statuses_notes_length"),
    (status("reason_code = repeat('x', 61)"), "ck_delivery_statuses_reason_lengths"),
    (status(f"{CORRECTED}, correction_reason = repeat('x', 501)"), "ck_delivery_statuses_reason_lengths"),
    (status("device_time = 'infinity'"), "ck_delivery_statuses_device_time_finite"),
    (status("correction_reason = 'x'"), "ck_delivery_statuses_corrected_with_reason"),
    (status("corrected_at = now(), correction_reason = 'x'"), "ck_delivery_statuses_corrected_with_reason"),
    (
        status("corrected_at = now(), correction_reason = 'x', corrected_by_user_id = '{nobody}'"),
        "fk_delivery_statuses_corrected_by_user_id",
    ),
    (
        status("shared_link_id = '{nobody}', confirmation_method = 'shared_link'"),
        "fk_delivery_statuses_shared_link_id",
    ),
    (status("shared_link_id = '{nobody}'"), "ck_delivery_statuses_link_confirms_by_link"),
    (status("customer_id = '{other}'"), "fk_delivery_statuses_order_of_customer"),
    (status("order_id = '{nobody}'"), "fk_delivery_statuses_order_of_customer"),
    (status("order_id = '{partial}'"), "uq_delivery_statuses_order_id"),
    (status("delivery_boy_id = '{nobody}'"), "fk_delivery_statuses_delivery_boy_id"),
    (status("confirmed_by_user_id = '{nobody}'"), "fk_delivery_statuses_confirmed_by_user_id"),
    (
        "UPDATE delivery_statuses SET client_event_id = '{nobody}'",
        "uq_delivery_statuses_client_event_id",
    ),
    ("UPDATE delivery_statuses SET legacy_id = '7'", "uq_delivery_statuses_legacy_id"),
    (
        "INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, confirmed_at,"
        " confirmation_method) SELECT '{delivered}', '{customer}', '2026-11-20', 'delivered', now(), now(), 'admin'",
        "uq_delivery_statuses_order_id",
    ),
    (status("status = 'not_delivered', delivered_at = NULL"), "tr_delivery_statuses_agree"),
    (status("delivery_date = '2020-01-01'"), "tr_delivery_statuses_agree"),
    ("DELETE FROM delivery_statuses WHERE order_id = '{delivered}'", "tr_delivery_statuses_agree"),
    ("DELETE FROM orders WHERE id = '{delivered}'", "tr_orders_touch_only_drafts"),
    ("DELETE FROM orders WHERE id = '{refused}'", "fk_delivery_statuses_order_of_customer"),
    ("DELETE FROM customers WHERE id = '{customer}'", "fk_orders_customer_id"),
]


@pytest.fixture
def cursor(url: str) -> Iterator[Any]:
    """A transaction that is never committed."""
    with raw_connection(url) as connection, connection.cursor() as cursor:
        yield cursor


@pytest.mark.parametrize(("statement", "name"), REFUSED)
def test_refused_by_name(known: Known, cursor: Any, statement: str, name: str) -> None:
    with pytest.raises(psycopg2.IntegrityError) as caught:
        commit(cursor, statement.format(**known))
    assert caught.value.diag.constraint_name == name


def commit(cursor: Any, statements: str) -> None:
    """Everything a commit would judge, without the commit."""
    cursor.execute(statements)
    assert cursor.rowcount != 0
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


ALLOWED = [
    order(),
    deliver(DRAFT),
    update("pending", "status = 'OUT_FOR_DELIVERY'"),
    update("delivered", "delivered_on = '2026-11-22'"),
    update("billed", "notes = 'a note is no money'"),
    item("quantity = 3"),
    item("unit_price = 0"),
    new_item("pending"),
    "UPDATE order_items SET delivered_quantity = 0.5 WHERE order_id = '{delivered}' AND line_no = 1;"
    "UPDATE orders SET status = 'PARTIALLY_DELIVERED' WHERE id = '{delivered}'",
    "DELETE FROM orders WHERE id = '{pending}'",
    closed() + closed(id="'{nobody}'", shift="'morning'") + closed(id="'{pending}'", shift="'evening'"),
    closed(deliver_on="'2026-11-19'") + closed(id="'{nobody}'", area_id="(SELECT id FROM areas LIMIT 1)"),
    # A closing that goes lets its orders go, and what it cancelled may come back; nothing else.
    closed() + update("cancelled", f"closed_day_id = {CLOSED}") + "; DELETE FROM closed_days",
    closed()
    + update("cancelled", f"closed_day_id = {CLOSED}")
    + ";"
    + update("cancelled", "status = 'PENDING', cancelled_at = NULL, cancel_reason = NULL, closed_day_id = NULL"),
    # What is wrong for a moment only.
    item("delivered_quantity = NULL", "delivered") + ";" + item("delivered_quantity = quantity", "delivered"),
    item("delivered_quantity = 0", "delivered") + ";" + item("delivered_quantity = quantity", "delivered"),
    update("delivered", "status = 'PARTIALLY_DELIVERED'") + ";" + update("delivered", "status = 'DELIVERED'"),
    update("partial", "status = 'DELIVERED'") + ";" + update("partial", "status = 'PARTIALLY_DELIVERED'"),
    "UPDATE order_items SET delivered_quantity = 1 WHERE order_id = '{partial}'",
    status("status = 'not_delivered', delivered_at = NULL")
    + ";"
    + status("status = 'delivered', delivered_at = now()"),
]


@pytest.mark.parametrize("statement", ALLOWED)
def test_the_like_of_it_is_allowed(known: Known, cursor: Any, statement: str) -> None:
    """So that the refusals above are refused for their reason."""
    commit(cursor, statement.format(**known))


#: State → the states that plain SQL may give it; the same state is no change.
FOLLOWS = {
    "pending": {"OUT_FOR_DELIVERY", "DELIVERED", "PARTIALLY_DELIVERED", "NOT_DELIVERED", "CANCELLED"},
    "out": {"DELIVERED", "PARTIALLY_DELIVERED", "NOT_DELIVERED", "CANCELLED"},
    "delivered": {"PARTIALLY_DELIVERED", "NOT_DELIVERED"},
    "partial": {"DELIVERED", "NOT_DELIVERED"},
    "refused": {"DELIVERED", "PARTIALLY_DELIVERED", "CANCELLED"},
    "cancelled": set(),
}


@pytest.mark.parametrize("state", ORDER_STATUSES)
@pytest.mark.parametrize("was", FOLLOWS)
def test_states_follow_each_other(known: Known, cursor: Any, was: str, state: str) -> None:
    """What follows may still be refused, for other columns that do not fit it."""
    order = known["pending" if was == "out" else was]
    if was == "out":
        cursor.execute("UPDATE orders SET status = 'OUT_FOR_DELIVERY' WHERE id = %s", (order,))
    cursor.execute("SELECT status FROM orders WHERE id = %s", (order,))
    follows = cursor.fetchone() == (state,) or state in FOLLOWS[was]
    refused_by = None
    try:
        cursor.execute("UPDATE orders SET status = %s WHERE id = %s", (state, order))
    except psycopg2.IntegrityError as error:
        refused_by = error.diag.constraint_name
    assert (refused_by == "tr_orders_follow_transitions") is not follows


def test_no_rule_is_left_out() -> None:
    """Every named constraint of the four tables, but for keys nobody can break, has its statement above."""
    unbreakable = {"pk_orders", "pk_closed_days", "pk_delivery_statuses", "uq_orders_id_customer_id"}
    follows = {"fk_delivery_statuses_customer_id"}  # the pair with the order is refused before it
    names = {
        str(constraint.name)
        for table in (Order.__table__, OrderItem.__table__, ClosedDay.__table__, DeliveryStatus.__table__)
        for constraint in table.constraints  # type: ignore[attr-defined]
    } | {name for name in TRIGGER_CODES if name.startswith(("tr_order", "tr_delivery_statuses"))}
    names |= {str(index.name) for index in Order.__table__.indexes if index.unique}  # type: ignore[attr-defined]
    assert names - unbreakable - follows == {name for _, name in REFUSED}
    for name in names - unbreakable:
        if not name.startswith("pk_"):
            assert code_of(name) in CODES
