"""Guarantees A and B against somebody with psql: each attempt is refused by the constraint named."""

from typing import Any

import psycopg2
import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import ok


class Papers:
    """One customer with an issued, a void and a draft paper, another customer's draft, and open orders."""

    def __init__(self, living: LivingDairy) -> None:
        milk = living.product("60.00")
        asha, ravi = living.customer(), living.customer()
        self.billed = living.delivered(asha, (milk, "2"), on="2026-09-29")
        living.go_to("2026-10-01")
        living.bill("2026-09")
        self.void = self.billed["invoice"]["id"]
        self.replaced = ok(living.admin.post(f"/invoices/{self.void}/void", {"reason": "test of voiding"}))
        living.bill("2026-09")
        self.issued = self.replaced["replaced_by"]
        self.drafted = living.delivered(asha, (milk, "2"), on="2026-10-02")
        self.draft = self.drafted["invoice"]["id"]
        self.foreign = living.delivered(ravi, (milk, "2"), on="2026-10-02")["invoice"]["id"]
        self.open = living.order(asha, (milk, "2"))
        self.product = milk["id"]
        self.customer = asha["id"]

    def names(self) -> dict[str, str]:
        ids = {"billed": self.billed["id"], "drafted": self.drafted["id"], "open": self.open["id"]}
        papers = {"void": self.void, "issued": self.issued, "draft": self.draft, "foreign": self.foreign}
        return ids | papers | {"product": self.product, "customer": self.customer}


@pytest.fixture
def papers(living: LivingDairy) -> Papers:
    made: Papers = living.keep(Papers)
    living.go_to("2026-10-02")
    return made


DELIVER = """UPDATE order_items SET delivered_quantity = quantity WHERE order_id = '{open}';
    UPDATE orders SET status = 'DELIVERED', delivered_on = '2026-10-02', delivered_at = now(),
    delivery_confirmed = true"""

ATTEMPTS = [
    ("delivered without an invoice", DELIVER + " WHERE id = '{open}'", "ck_orders_delivered_iff_on_invoice"),
    (
        "on an invoice without being delivered",
        "UPDATE orders SET invoice_id = '{draft}' WHERE id = '{open}'",
        "ck_orders_delivered_iff_on_invoice",
    ),
    (
        "joining an issued invoice",
        DELIVER + ", invoice_id = '{issued}' WHERE id = '{open}'",
        "tr_orders_touch_only_drafts",
    ),
    ("joining a void invoice", DELIVER + ", invoice_id = '{void}' WHERE id = '{open}'", "tr_orders_touch_only_drafts"),
    (
        "joining another customer's draft",
        DELIVER + ", invoice_id = '{foreign}' WHERE id = '{open}'",
        "tr_orders_on_invoice_of_payer",
    ),
    (
        "joining an invoice that ended before",
        "UPDATE orders SET delivered_on = '2026-11-02' WHERE id = '{drafted}'",
        "tr_orders_within_period",
    ),
    (
        "confirmed without quantities",
        DELIVER.split(";")[1] + ", invoice_id = '{draft}' WHERE id = '{open}'",
        "tr_orders_agree_with_items",
    ),
    (
        "delivered item of an open order",
        "UPDATE order_items SET delivered_quantity = 1 WHERE order_id = '{open}'",
        "tr_orders_agree_with_items",
    ),
    (
        "leaving an issued invoice",
        "UPDATE orders SET invoice_id = '{draft}' WHERE id = '{billed}'",
        "tr_orders_touch_only_drafts",
    ),
    (
        "back to pending although invoiced",
        "UPDATE orders SET status = 'PENDING', invoice_id = NULL, delivered_on = NULL, delivered_at = NULL,"
        " delivery_confirmed = false WHERE id = '{billed}'",
        "tr_orders_follow_transitions",
    ),
    ("deleting an invoiced order", "DELETE FROM orders WHERE id = '{billed}'", "tr_orders_touch_only_drafts"),
    (
        "changing an invoiced item",
        "UPDATE order_items SET delivered_quantity = 1 WHERE order_id = '{billed}'",
        "tr_order_items_touch_only_drafts",
    ),
    (
        "changing an invoiced price",
        "UPDATE order_items SET unit_price = 1 WHERE order_id = '{billed}'",
        "tr_order_items_touch_only_drafts",
    ),
    (
        "removing an invoiced item",
        "DELETE FROM order_items WHERE order_id = '{billed}'",
        "tr_order_items_touch_only_drafts",
    ),
    (
        "moving an item onto an invoiced order",
        "UPDATE order_items SET order_id = '{billed}', line_no = 2 WHERE order_id = '{open}'",
        "tr_order_items_stay",
    ),
    (
        "adding an item to an invoiced order",
        "INSERT INTO products (sku, name, unit, tax_class) VALUES ('X', 'X', 'kg', 'milk_fresh');"
        "INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)"
        " SELECT '{billed}', 2, id, 1, 1, 'product' FROM products WHERE sku = 'X'",
        "tr_order_items_touch_only_drafts",
    ),
    ("changing an issued total", "UPDATE invoices SET total = 1 WHERE id = '{issued}'", "tr_invoices_frozen"),
    ("un-issuing", "UPDATE invoices SET status = 'draft', number = NULL WHERE id = '{issued}'", "tr_invoices_frozen"),
    ("deleting an issued invoice", "DELETE FROM invoices WHERE id = '{issued}'", "tr_invoices_frozen"),
    ("changing a void invoice", "UPDATE invoices SET void_reason = 'x' WHERE id = '{void}'", "tr_invoices_frozen"),
    (
        "voiding without moving the orders",
        "UPDATE invoices SET status = 'void', void_reason = 'x', voided_at = issued_at WHERE id = '{issued}'",
        "tr_invoices_void_keeps_no_orders",
    ),
    (
        "voiding what a filed return holds",
        "UPDATE invoices SET status = 'void', void_reason = 'x', voided_at = issued_at + interval '3 months'"
        " WHERE id = '{issued}'",
        "tr_invoices_return_filed",
    ),
    (
        "issued and marked as voided after the return",
        "UPDATE invoices SET voided_after_return = true WHERE id = '{draft}'",
        "ck_invoices_only_void_after_return",
    ),
    (
        "an invoice born issued",
        "INSERT INTO invoices (customer_id, period_start, period_end, status)"
        " VALUES ('{customer}', '2026-01-01', '2026-01-31', 'issued')",
        "tr_invoices_begin_as_drafts",
    ),
    (
        "issuing without a number",
        "UPDATE invoices SET status = 'issued' WHERE id = '{draft}'",
        "ck_invoices_numbered_iff_issued",
    ),
    (
        "changing a line",
        "UPDATE invoice_lines SET quantity = 1 WHERE invoice_id = '{issued}'",
        "tr_invoice_lines_frozen",
    ),
    ("deleting a line", "DELETE FROM invoice_lines WHERE invoice_id = '{issued}'", "tr_invoice_lines_frozen"),
    (
        "adding a line",
        "INSERT INTO invoice_lines SELECT '{issued}', 99, product_id, description, hsn_code, unit, source,"
        " prior_period, deliveries, first_date, last_date, quantity, unit_price, gross_amount, discount, supply_type,"
        " gst_rate, taxable_value, cgst, sgst, igst, line_total FROM invoice_lines WHERE invoice_id = '{issued}'",
        "tr_invoice_lines_frozen",
    ),
    (
        "adding a line to an issued invoice and to a draft at once",
        "INSERT INTO invoice_lines SELECT p.id, 99, product_id, description, hsn_code, unit, source,"
        " prior_period, deliveries, first_date, last_date, quantity, unit_price, gross_amount, discount, supply_type,"
        " gst_rate, taxable_value, cgst, sgst, igst, line_total FROM invoice_lines,"
        " (VALUES (uuid '{issued}'), (uuid '{draft}')) AS p (id) WHERE invoice_id = '{issued}'",
        "tr_invoice_lines_frozen",
    ),
    (
        "a second live paper for the same days",
        "INSERT INTO invoices (customer_id, period_start, period_end)"
        " VALUES ('{customer}', '2026-10-15', '2026-11-15')",
        "ex_invoices_live_period",
    ),
    (
        "a delivery status without its order",
        "UPDATE delivery_statuses SET order_id = uuid7() WHERE order_id = '{drafted}'",
        "fk_delivery_statuses_order_of_customer",
    ),
    (
        "undelivered again although invoiced",
        "UPDATE order_items SET delivered_quantity = 0 WHERE order_id = '{billed}';"
        " UPDATE orders SET status = 'NOT_DELIVERED', invoice_id = NULL, delivered_on = NULL, delivered_at = NULL,"
        " delivery_confirmed = false WHERE id = '{billed}'",
        "tr_order_items_touch_only_drafts",
    ),
    (
        "a draft hidden as a companion",
        "UPDATE invoices SET companion_of = id WHERE id = '{draft}'",
        "tr_invoices_frozen",
    ),
    (
        "a draft that nothing refers to given another id",
        "INSERT INTO invoices (customer_id, period_start, period_end)"
        " VALUES ('{customer}', '2026-12-01', '2026-12-31');"
        " UPDATE invoices SET id = uuid7() WHERE period_start = '2026-12-01'",
        "tr_invoices_frozen",
    ),
    (
        "a draft cut below its deliveries",
        "UPDATE invoices SET period_end = '2026-10-01' WHERE id = '{draft}'",
        "tr_invoices_end_after_their_orders",
    ),
    (
        "a draft without an end",
        "UPDATE invoices SET period_end = 'infinity' WHERE id = '{draft}'",
        "ck_invoices_period_finite",
    ),
    ("lines emptied", "TRUNCATE invoice_lines CASCADE", "tr_never_truncated"),
    ("orders emptied", "TRUNCATE orders CASCADE", "tr_never_truncated"),
    ("invoices emptied", "TRUNCATE invoices CASCADE", "tr_never_truncated"),
    ("numbers emptied", "TRUNCATE number_series", "tr_never_truncated"),
    ("statuses emptied", "TRUNCATE delivery_statuses", "tr_never_truncated"),
    ("a customer with invoices deleted", "DELETE FROM customers WHERE id = '{customer}'", "fk_orders_customer_id"),
]


@pytest.mark.parametrize(("attempt", "name"), [(a[1], a[2]) for a in ATTEMPTS], ids=[a[0] for a in ATTEMPTS])
def test_refused_by_the_database(papers: Papers, database_url: str, sql: Any, attempt: str, name: str) -> None:
    with pytest.raises(psycopg2.IntegrityError) as refusal:
        sql(attempt.format(**papers.names()))
    assert refusal.value.diag.constraint_name == name


def test_an_issue_that_does_not_equal_its_deliveries_is_refused(papers: Papers, sql: Any) -> None:
    """A paper issued by hand must bill exactly what was delivered on it."""
    issue = f"""
        INSERT INTO invoice_lines (invoice_id, line_no, product_id, description, unit, source, prior_period, deliveries,
            first_date, last_date, quantity, unit_price, gross_amount, supply_type, gst_rate, taxable_value, cgst, sgst,
            igst, line_total)
        VALUES ('{papers.draft}', 1, '{papers.product}', 'Milk', 'litre', 'one_time', false, 1, '2026-10-02',
            '2026-10-02', {{quantity}}, 60, {{total}}, 'exempt', 0, 0, 0, 0, 0, {{total}});
        UPDATE invoices SET status = 'issued', series = 'X', financial_year = '2627', sequence_no = 1, number = 'X/1',
            invoice_date = '2026-10-31', due_date = '2026-10-31', document_type = 'invoice', snapshot = '{{{{}}}}',
            taxable_value = 0, exempt_value = {{total}}, cgst = 0, sgst = 0, igst = 0, round_off = 0, total = {{total}},
            previous_balance = 0, issued_at = '2026-11-02 12:00+05:30', document_hash = 'x',
            previous_hash = 'x', hash_version = 1
        WHERE id = '{papers.draft}'"""
    with pytest.raises(psycopg2.IntegrityError) as refusal:
        sql(issue.format(quantity=1, total=60))
    assert refusal.value.diag.constraint_name == "tr_invoices_equal_their_lines"
    sql(issue.format(quantity=2, total=120))
    assert sql(f"SELECT status FROM invoices WHERE id = '{papers.draft}'") == [("issued",)]


@pytest.mark.parametrize(
    ("quantities", "totals"), [((1, 3), (60, 180)), ((2, 2), (60, 180))], ids=["deliveries", "totals"]
)
def test_two_issued_by_one_statement_do_not_make_up_for_each_other(
    papers: Papers, sql: Any, quantities: tuple[int, int], totals: tuple[int, int]
) -> None:
    """Together they bill what was delivered, but not each of them."""

    def issue(quantities: tuple[int, int], totals: tuple[int, int]) -> None:
        (mine, yours), (total, other) = quantities, totals
        sql(f"""
            INSERT INTO invoice_lines (invoice_id, line_no, product_id, description, unit, source, prior_period,
                deliveries, first_date, last_date, quantity, unit_price, gross_amount, supply_type, gst_rate,
                taxable_value, cgst, sgst, igst, line_total)
            SELECT d.id, 1, '{papers.product}', 'Milk', 'litre', 'one_time', false, 1, '2026-10-02', '2026-10-02',
                d.quantity, 60, 60 * d.quantity, 'exempt', 0, 0, 0, 0, 0, 60 * d.quantity
            FROM (VALUES (uuid '{papers.draft}', {mine}), ('{papers.foreign}', {yours})) d (id, quantity);
            UPDATE invoices i SET status = 'issued', series = 'X', financial_year = '2627', sequence_no = d.n,
                number = 'X/' || d.n, invoice_date = '2026-10-31', due_date = '2026-10-31', document_type = 'invoice',
                snapshot = '{{}}', taxable_value = 0, exempt_value = d.total, cgst = 0, sgst = 0, igst = 0,
                round_off = 0, total = d.total, previous_balance = 0, issued_at = '2026-11-02 12:00+05:30',
                document_hash = 'x', previous_hash = 'x', hash_version = 1
            FROM (VALUES (uuid '{papers.draft}', 1, {total}), ('{papers.foreign}', 2, {other})) d (id, n, total)
            WHERE i.id = d.id""")

    with pytest.raises(psycopg2.IntegrityError) as refusal:
        issue(quantities, totals)
    assert refusal.value.diag.constraint_name == "tr_invoices_equal_their_lines"
    issue((2, 2), (120, 120))
    assert sql("SELECT count(*) FROM invoices WHERE series = 'X' AND status = 'issued'") == [(2,)]
