"""What is archived stays as it was, whoever comes by whichever door; and no order is added beside it."""

from datetime import date
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from dairy_app.common.errors import Problem
from tests.archiving.conftest import NOVEMBER, Old
from tests.conftest import raw_connection
from tests.dairy import ok, refused

OCTOBER = date(2026, 10, 1)


@pytest.fixture
def archived(closed: Old) -> Old:
    closed.archive()
    return closed


def refusal(old: Old, statement: str) -> str | None:
    """The name of what refuses a statement, at the commit at the latest."""
    url = old.living.app.database.url.render_as_string(hide_password=False)
    with raw_connection(url) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
            connection.commit()
        except psycopg2.IntegrityError as error:
            return str(error.diag.constraint_name)
        finally:
            connection.rollback()
    return None


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE archived_orders SET notes = 'x'", "tr_archived_rows_stand"),
        ("UPDATE archived_orders SET customer_id = (SELECT customer_id FROM orders LIMIT 1)", "tr_archived_rows_stand"),
        ("UPDATE archived_order_items SET delivered_quantity = 0", "tr_archived_rows_stand"),
        ("UPDATE archived_delivery_statuses SET notes = 'x'", "tr_archived_rows_stand"),
        ("UPDATE archived_days SET orders = 0", "tr_archived_rows_stand"),
        ("DELETE FROM archived_days", "tr_archived_rows_stand"),
        ("DELETE FROM archived_order_items", "tr_archived_rows_stand"),
        ("DELETE FROM archived_delivery_statuses", "tr_archived_rows_stand"),
        ("DELETE FROM archived_orders", "tr_archived_rows_stand"),
        ("INSERT INTO archived_orders SELECT * FROM archived_orders", "tr_archived_rows_stand"),
        ("INSERT INTO archived_days (day, orders, items, statuses, amount, digest)"
         " SELECT '2020-01-01', 1, 1, 1, 1, digest FROM archived_days LIMIT 1", "tr_archived_rows_stand"),
        ("TRUNCATE archived_orders CASCADE", "tr_never_truncated"),
        ("UPDATE settings SET returns_filed_through = '2026-09-30';"
         " UPDATE invoices SET status = 'void', void_reason = 'a slip', voided_at = now()"
         " WHERE number IS NOT NULL AND period_start = '2026-10-01'", "tr_invoices_archived_stay"),
        ("UPDATE settings SET books_closed_through = NULL", "ck_settings_archived_books_stay_closed"),
        ("UPDATE settings SET books_closed_through = '2026-10-30'", "ck_settings_archived_books_stay_closed"),
        ("UPDATE settings SET archived_before = '2026-10-15'", "ck_settings_archived_whole_months"),
        ("INSERT INTO orders (customer_id, delivery_date, source) SELECT customer_id, '2026-10-31', 'staff'"
         " FROM orders LIMIT 1", "tr_orders_after_archive"),
        ("UPDATE orders SET delivery_date = '2026-10-31' WHERE invoice_id IS NULL", "tr_orders_after_archive"),
    ],
)  # fmt: skip
def test_the_database_refuses(archived: Old, statement: str, name: str) -> None:
    ok(archived.admin.post("/orders", body_of(archived, "2027-02-05")), 201)
    assert refusal(archived, statement) == name


def body_of(old: Old, day: str) -> dict[str, Any]:
    items = [{"product_id": old.milk["id"], "quantity": "1"}]
    return {"customer_id": old.asha["id"], "delivery_date": day, "items": items, "confirm": True}


def test_the_books_stay_closed_and_the_answer_says_why(archived: Old) -> None:
    refused(archived.admin.patch("/settings", {"books_closed_through": None}), 409, "archived")
    refused(archived.admin.patch("/settings", {"books_closed_through": "2026-09-30"}), 409, "archived")
    refused(archived.admin.patch("/settings", {"archived_before": None}), 422, "validation_failed")
    ok(archived.admin.patch("/settings", {"books_closed_through": "2026-10-31"}))
    archived.bring_back(OCTOBER)
    ok(archived.admin.patch("/settings", {"books_closed_through": None}))


def test_only_months_of_which_nothing_can_be_made_any_more_are_archived(old: Old) -> None:
    """The nightly making of orders goes a month back: refused one day, it would refuse all."""
    old.living.go_to("2026-12-10")
    old.living.subscription(old.asha, old.milk)
    old.living.go_to("2027-01-31")
    ok(old.admin.patch("/settings", {"books_closed_through": "2026-12-31"}))
    with pytest.raises(Problem, match="Orders of 2026-12-31 can still be made and confirmed"):
        old.archive(date(2027, 1, 1))
    old.living.go_to("2027-02-01")
    old.archive(date(2027, 1, 1))
    refused(old.admin.post("/orders/generate", {"delivery_date": "2026-12-31"}), 422, "validation_failed")
    ok(old.admin.post("/orders/generate", {"delivery_date": "2027-01-01"}))
    items = [{"product_id": old.milk["id"], "quantity": "1"}]
    late = {"customer_id": old.bela["id"], "delivery_date": "2026-12-20", "items": items, "reason": "forgotten"}
    refused(old.admin.post("/deliveries/unplanned", late), 409, "period_closed")


def test_an_archived_order_is_neither_confirmed_nor_corrected(closed: Old) -> None:
    ((missed,), (short,)) = closed.sql("SELECT id FROM orders WHERE delivery_date = '2026-10-08' ORDER BY status")
    closed.archive()
    refused(closed.living.confirm({"id": str(missed)}, client_event_id=str(uuid4())), 404, "order_not_found")
    body = {"items": [{"product_id": closed.milk["id"], "delivered_quantity": "1"}], "reason": "a slip"}
    refused(closed.admin.patch(f"/deliveries/{short}", body), 404, "order_not_found")


def test_an_archived_bill_is_not_voided(archived: Old) -> None:
    paper = archived.paper(archived.asha)
    refused(archived.admin.post(f"/invoices/{paper['id']}/void", {"reason": "a slip"}), 409, "period_closed")


def test_customers_that_are_merged_take_what_is_archived_along(archived: Old) -> None:
    whole = archived.sql("SELECT count(*) FROM archived_orders")
    body = {"into": archived.chitra["id"], "reason": "registered twice"}
    ok(archived.admin.patch(f"/customers/{archived.chitra['id']}", {"billed_to": None}))
    ok(archived.admin.post(f"/customers/{archived.bela['id']}/merge", body))
    assert archived.sql("SELECT count(*) FROM archived_orders") == whole
    for table in ("archived_orders", "archived_delivery_statuses"):
        assert archived.sql(f"SELECT count(*) FROM {table} WHERE customer_id = :was", was=archived.bela["id"]) == [(0,)]
    assert archived.sql("SELECT count(*) FROM archived_orders WHERE payer_id = :was", was=archived.bela["id"]) == [(0,)]
    assert archived.changed() == []
    archived.bring_back(OCTOBER)
    assert archived.changed() == []
    told = ok(archived.admin.get("/monitoring/consistency"))
    assert [each["name"] for each in told["reports"] if each["count"]] == []


def test_a_change_by_the_owner_is_found(archived: Old) -> None:
    assert archived.changed() == []
    archived.sql(
        """ALTER TABLE archived_order_items DISABLE TRIGGER USER;
        UPDATE archived_order_items SET delivered_quantity = delivered_quantity - 0.5 WHERE order_id IN (
            SELECT id FROM archived_orders WHERE delivery_date = '2026-10-07');
        ALTER TABLE archived_order_items ENABLE TRIGGER USER"""
    )
    assert archived.changed() == [date(2026, 10, 7)]
    archived.archive(NOVEMBER)
    assert archived.changed() == [date(2026, 10, 7)]
    archived.bring_back(OCTOBER)
    assert archived.changed() == [date(2026, 10, 7)]  # that it was changed is not forgotten with it
