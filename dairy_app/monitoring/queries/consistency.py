"""Does the data agree with itself: the reports of STEP 31, and the money against its documents.

Most of these rows cannot come to be, because a constraint or a trigger refuses them. They are counted all the
same: triggers can be switched off, a backup can be repaired by hand, an import can run with them disabled.
One statement, so all reports see the same instant, whatever is written meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.billing.queries.runs import RUN_IS_HELD
from dairy_app.billing.service.runs import SILENCE
from dairy_app.business.queries import today
from dairy_app.common.clock import now
from dairy_app.monitoring.queries.links import CONTRADICTED, DANGLING, OF_MERGED

#: How many ids of a finding are shown.
EXAMPLES = 10
#: An order that is still open so many days after its day was forgotten.
PENDING_DAYS = 7


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that must not be. ``found`` selects the ids, as text, of the rows that are so.

    ``critical``: money or a link is wrong, work stops until it is understood. ``high``: somebody is not served or
    not billed. ``medium``: somebody has to look at it.
    """

    name: str
    severity: str
    means: str
    found: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A report with how many rows it found, and the first of them."""

    name: str
    severity: str
    means: str
    count: int
    examples: Sequence[str]


_DELIVERED = "o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')"


def _unbilled(order_type: str) -> str:
    return f"SELECT o.id::text FROM orders o WHERE {_DELIVERED} AND o.invoice_id IS NULL AND o.order_type {order_type}"


def _unknown(table: str, *statuses: str) -> str:
    known = ", ".join(f"'{each}'" for each in statuses)
    return f"SELECT '{table} ' || id FROM {table} WHERE status NOT IN ({known})"


_LIVE_SUBSCRIPTION = """
EXISTS (SELECT FROM subscriptions s WHERE s.customer_id = c.id AND s.status IN ('draft', 'active', 'paused'))"""

#: In the order of the earlier system's seven reports, then the money, then what an import left.
REPORTS = (
    Report(
        "one_time_orders_unbilled", "critical", "Delivered one-time orders on no invoice.", _unbilled("= 'one_time'")
    ),
    Report("other_orders_unbilled", "critical", "Other delivered orders on no invoice.", _unbilled("<> 'one_time'")),
    Report(
        "orders_pending_long",
        "high",
        f"Orders still open {PENDING_DAYS} days after their day: deliver, mark or cancel them.",
        f"""SELECT o.id::text FROM orders o
        WHERE o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
            AND o.delivery_date < CAST(:today AS date) - {PENDING_DAYS}""",
    ),
    Report(
        "billing_runs_broken_off",
        "high",
        "Billing runs that ended half-way, with no later run of their month: `dairy bill` takes up the rest.",
        f"""SELECT r.id::text FROM billing_runs r
        WHERE (r.status = 'failed' OR r.status = 'running' AND r.heartbeat_at < :silent_since AND NOT {RUN_IS_HELD})
            AND NOT EXISTS (SELECT FROM billing_runs n
                WHERE n.period = r.period AND n.id <> r.id AND n.started_at >= r.started_at
                    AND n.status = 'completed')""",
    ),
    Report(
        "customers_without_login",
        "medium",
        "Customers without a login and without a standing order.",
        "SELECT c.id::text FROM customers c WHERE c.user_id IS NULL AND c.merged_into IS NULL"
        f" AND NOT {_LIVE_SUBSCRIPTION}",
    ),
    Report(
        "subscribers_without_login",
        "high",
        "Customers with a standing order, but without a login.",
        f"SELECT c.id::text FROM customers c WHERE c.user_id IS NULL AND {_LIVE_SUBSCRIPTION}",
    ),
    Report(
        "deliveries_without_order",
        "critical",
        "Delivery statuses without an order.",
        """SELECT d.id::text FROM delivery_statuses d
        WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = d.order_id)""",
    ),
    Report(
        "subscription_orders_dangling",
        "critical",
        "Subscription orders without their subscription, or one-time orders with one.",
        """SELECT o.id::text FROM orders o LEFT JOIN subscriptions s ON s.id = o.subscription_id
        WHERE (o.order_type = 'subscription') <> (s.id IS NOT NULL)
            OR (o.subscription_id IS NULL) <> (s.id IS NULL)""",
    ),
    Report(
        "held_orders_made",
        "medium",
        "Orders kept as held back for a credit limit, though they were made: make the orders of the day again.",
        """SELECT h.subscription_id || '/' || h.day FROM credit_holds h
        JOIN orders o ON o.subscription_id = h.subscription_id AND o.delivery_date = h.day""",
    ),
    Report("links_dangling", "critical", "Other links to rows that are not there.", DANGLING),
    Report(
        "customers_contradicted",
        "critical",
        "Linked rows that name two customers.",
        CONTRADICTED,
    ),
    Report(
        "merged_customers_hold_rows",
        "critical",
        "Rows of customers that were merged into another, or documents that came from one that was not.",
        OF_MERGED,
    ),
    Report(
        "deliveries_contradicted",
        "critical",
        "Orders whose status is not what their delivery status says.",
        """SELECT o.id::text FROM orders o JOIN delivery_statuses d ON d.order_id = o.id
        WHERE CASE d.status WHEN 'delivered' THEN o.status <> 'DELIVERED'
            WHEN 'partially_delivered' THEN o.status <> 'PARTIALLY_DELIVERED'
            ELSE o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') END""",
    ),
    Report(
        "containers_miscounted",
        "high",
        "Containers that went out otherwise than was delivered, and balances that are not what moved.",
        """SELECT 'container_movements ' || m.id FROM container_movements m
            LEFT JOIN order_items i ON i.order_id = m.order_id AND i.product_id = m.product_id
            LEFT JOIN orders o ON o.id = m.order_id
            WHERE m.product_id IS NOT NULL AND (m.out IS DISTINCT FROM
                ceil(coalesce(i.delivered_quantity, 0) * m.per_unit) OR m.out > 0 AND m.day <> o.delivered_on)
        UNION ALL
        SELECT 'container_balances ' || coalesce(b.customer_id, m.customer_id) FROM container_balances b
            FULL JOIN (SELECT customer_id, container_id, sum(out - back - lost) AS balance
                FROM container_movements GROUP BY 1, 2) m
                ON m.customer_id = b.customer_id AND m.container_id = b.container_id
            WHERE coalesce(b.balance, 0) <> coalesce(m.balance, 0) OR b.balance < 0""",
    ),
    Report(
        "phones_shared",
        "medium",
        "Customers with the same phone: one person twice, whom a merge makes one, or a family.",
        """SELECT id::text FROM (SELECT id, count(*) OVER (PARTITION BY phone) AS n FROM customers
        WHERE phone IS NOT NULL AND merged_into IS NULL) c WHERE n > 1""",
    ),
    Report(
        "emails_shared",
        "high",
        "Customers with the same e-mail address.",
        """SELECT id::text FROM (SELECT id, count(*) OVER (PARTITION BY lower(email)) AS n FROM customers
        WHERE email IS NOT NULL AND merged_into IS NULL) c WHERE n > 1""",
    ),
    Report(
        "invoices_without_lines",
        "critical",
        "Issued invoices without a line.",
        """SELECT i.id::text FROM invoices i WHERE i.status = 'issued'
            AND NOT EXISTS (SELECT FROM invoice_lines l WHERE l.invoice_id = i.id)""",
    ),
    Report(
        "periods_billed_twice",
        "critical",
        "Invoices of one customer for the same days.",
        """SELECT id::text FROM (
            SELECT id, period_start <= max(period_end) OVER (PARTITION BY customer_id ORDER BY period_start, id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS again
            FROM invoices WHERE status IN ('draft', 'issued') AND companion_of IS NULL) i WHERE again""",
    ),
    Report(
        "subscription_days_twice",
        "critical",
        "Two orders of one subscription for one day.",
        """SELECT max(o.id::text) FROM orders o WHERE o.subscription_id IS NOT NULL
        GROUP BY o.subscription_id, o.delivery_date HAVING count(*) > 1""",
    ),
    Report(
        "statuses_unknown",
        "critical",
        "Statuses that are no word of this system.",
        "\nUNION ALL\n".join(
            (
                _unknown(
                    "orders",
                    "PENDING",
                    "OUT_FOR_DELIVERY",
                    "DELIVERED",
                    "PARTIALLY_DELIVERED",
                    "NOT_DELIVERED",
                    "CANCELLED",
                ),
                _unknown("delivery_statuses", "delivered", "partially_delivered", "not_delivered"),
                _unknown("subscriptions", "draft", "active", "paused", "stopped"),
                _unknown("customers", "trial", "active", "paused", "stopped"),
                _unknown("invoices", "draft", "issued", "void", "external"),
                _unknown("payments", "received", "reversed"),
                _unknown("refunds", "paid", "reversed"),
            )
        ),
    ),
    Report(
        "drafts_of_ended_periods",
        "medium",
        "Drafts with orders whose period is over: bill them.",
        """SELECT i.id::text FROM invoices i WHERE i.status = 'draft' AND i.period_end < CAST(:today AS date)
            AND EXISTS (SELECT FROM orders o WHERE o.invoice_id = i.id)""",
    ),
    Report(
        "number_gaps",
        "critical",
        "Numbers that were given out and are on no document, or were never given out.",
        """SELECT s.series || '/' || s.financial_year || '/' || lpad(n::text, 7, '0')
        FROM number_series s CROSS JOIN generate_series(1, s.next_no - 1) AS n
        LEFT JOIN (SELECT series, financial_year, sequence_no FROM invoices WHERE sequence_no IS NOT NULL
            UNION ALL SELECT series, financial_year, sequence_no FROM credit_notes
            UNION ALL SELECT series, financial_year, sequence_no FROM debit_notes) p
            ON p.series = s.series AND p.financial_year = s.financial_year AND p.sequence_no = n
        WHERE p.sequence_no IS NULL
        UNION ALL
        SELECT p.number FROM (SELECT number, series, financial_year, sequence_no FROM invoices
            UNION ALL SELECT number, series, financial_year, sequence_no FROM credit_notes
            UNION ALL SELECT number, series, financial_year, sequence_no FROM debit_notes) p
        LEFT JOIN number_series s ON s.series = p.series AND s.financial_year = p.financial_year
        WHERE p.number IS NOT NULL AND p.sequence_no >= coalesce(s.next_no, 0)""",
    ),
    Report(
        "totals_not_of_lines",
        "critical",
        "Issued invoices whose total is not that of their lines.",
        """SELECT i.id::text FROM invoices i
        LEFT JOIN (SELECT invoice_id, sum(line_total) AS total FROM invoice_lines GROUP BY 1) l ON l.invoice_id = i.id
        WHERE i.status IN ('issued', 'void') AND i.total - i.round_off <> coalesce(l.total, 0)""",
    ),
    Report(
        "lines_not_as_delivered",
        "critical",
        "Issued invoices whose lines are not the quantities that were delivered.",
        """SELECT DISTINCT invoice_id::text FROM (
            SELECT coalesce(i.companion_of, i.id) AS invoice_id, l.product_id, l.unit_price, l.source,
                coalesce(c.merged_into, c.id, i.customer_id) AS got_by, sum(l.quantity) AS quantity
            FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id LEFT JOIN customers c ON c.id = l.delivered_to
            WHERE i.status = 'issued' AND l.product_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5) billed
        FULL JOIN (
            SELECT o.invoice_id, n.product_id, n.unit_price, o.order_type AS source, o.customer_id AS got_by,
                sum(n.delivered_quantity) AS quantity
            FROM invoices i JOIN all_orders o ON o.invoice_id = i.id
            JOIN all_order_items n ON n.order_id = o.id AND n.delivered_quantity > 0
            WHERE i.status = 'issued' GROUP BY 1, 2, 3, 4, 5) delivered
            USING (invoice_id, product_id, unit_price, source, got_by)
        WHERE billed.quantity IS DISTINCT FROM delivered.quantity""",
    ),
    Report(
        "charges_of_others",
        "critical",
        "Issued lines by a rule of another customer, of later days, or of the other kind.",
        """SELECT l.invoice_id || '/' || l.line_no FROM invoice_lines l
        JOIN charge_rules r ON r.id = l.charge_rule_id
        JOIN invoices i ON i.id = l.invoice_id AND i.status = 'issued'
        LEFT JOIN customers c ON c.id = l.delivered_to
        WHERE r.customer_id <> coalesce(c.merged_into, c.id, i.customer_id) OR l.first_date < lower(r.valid)
            OR (l.gross_amount < 0) <> (r.kind = 'discount')""",
    ),
    Report(
        "archived_orders_at_work",
        "critical",
        "Orders that are archived and at work: billed once, shown twice.",
        "SELECT a.id::text FROM archived_orders a JOIN orders o ON o.id = a.id",
    ),
    Report(
        "ledger_not_open_items",
        "critical",
        "Customers whose ledger and open items differ.",
        """SELECT customer_id::text FROM (
            SELECT customer_id, sum(debit - credit) AS balance FROM customer_ledger GROUP BY 1) l
        FULL JOIN (SELECT customer_id, sum(open) AS balance FROM open_items(NULL, '9999-12-31') GROUP BY 1) o
            USING (customer_id)
        WHERE coalesce(l.balance, 0) <> coalesce(o.balance, 0)""",
    ),
    Report(
        "gateway_money_differs",
        "critical",
        "Payments and refunds with other rupees than the gateway told, or refunds of another customer's payment.",
        """SELECT e.id::text FROM gateway_events e
        LEFT JOIN payments p ON p.id = e.payment_id LEFT JOIN refunds r ON r.id = e.refund_id
        LEFT JOIN gateway_events o ON o.gateway = e.gateway AND o.gateway_payment_id = e.gateway_payment_id
            AND o.object_type = 'payment' AND o.status = 'booked' AND e.object_type = 'refund'
        LEFT JOIN payments q ON q.id = o.payment_id
        WHERE e.status = 'booked' AND (e.amount <> coalesce(p.amount, r.amount)
            OR q.status = 'received' AND r.customer_id <> q.customer_id)""",
    ),
    Report(
        "bank_lines_differ",
        "critical",
        "Lines of the bank that are booked with other rupees, or on another day.",
        """SELECT l.id::text FROM bank_statement_lines l JOIN payments p ON p.id = l.payment_id
        WHERE (p.amount, p.received_on) <> (l.amount, l.day)""",
    ),
    Report(
        "allocations_over_payment",
        "critical",
        "Payments of which more is allocated than was received.",
        """SELECT p.id::text FROM payments p
        JOIN payment_allocations a ON a.payment_id = p.id AND a.released_on IS NULL
        GROUP BY p.id HAVING sum(a.amount) > CASE p.status WHEN 'received' THEN p.amount ELSE 0 END""",
    ),
    Report(
        "invoices_over_settled",
        "critical",
        "Invoices from which more was taken than their total and their debit notes.",
        """SELECT i.id::text FROM invoices i JOIN (
            SELECT invoice_id, amount FROM payment_allocations WHERE released_on IS NULL
            UNION ALL SELECT invoice_id, total FROM credit_notes
            UNION ALL SELECT invoice_id, -total FROM debit_notes
            UNION ALL SELECT invoice_id, amount FROM write_offs) t ON t.invoice_id = i.id
        GROUP BY i.id HAVING sum(t.amount) > CASE i.status WHEN 'issued' THEN i.total ELSE 0 END""",
    ),
    Report(
        "irns_of_several_documents",
        "critical",
        "Documents with an IRN that another document has, too.",
        """SELECT d.number FROM (
            SELECT irn, number, count(*) OVER (PARTITION BY irn) AS documents FROM (
                SELECT irn, number FROM invoices WHERE irn IS NOT NULL
                UNION ALL SELECT irn, number FROM credit_notes WHERE irn IS NOT NULL
                UNION ALL SELECT irn, number FROM debit_notes WHERE irn IS NOT NULL) e
            ) d WHERE d.documents > 1""",
    ),
    Report(
        "import_quarantine",
        "medium",
        "Documents of the earlier system that could not be placed: repair and import again.",
        "SELECT collection || ' ' || legacy_id FROM import_quarantine WHERE resolved_at IS NULL",
    ),
    Report(
        "import_unlinked",
        "medium",
        "Deliveries and customers that the migration could not link without guessing.",
        """SELECT 'delivery_statuses ' || id FROM unlinked_delivery_statuses
        UNION ALL SELECT 'customers ' || u.customer_id FROM unlinked_customers u
            JOIN customers c ON c.id = u.customer_id WHERE c.user_id IS NULL""",
    ),
)

_ASKED = ",\n".join(f"{each.name} (id) AS MATERIALIZED ({each.found})" for each in REPORTS)
_ANSWERED = "\nUNION ALL\n".join(
    f"SELECT {place}, (SELECT count(*) FROM {each.name}),"
    f" ARRAY(SELECT id FROM {each.name} ORDER BY id LIMIT {EXAMPLES})"
    for place, each in enumerate(REPORTS)
)
_STATEMENT = text(f"WITH {_ASKED}\n{_ANSWERED}\nORDER BY 1")


def find(session: Session, on: date | None = None) -> list[Finding]:
    """Every report, also those that found nothing, as of one instant. Two statements, at any number of rows."""
    rows: Any = session.execute(_STATEMENT, {"today": on or today(session), "silent_since": now() - SILENCE})
    return [
        Finding(each.name, each.severity, each.means, count, examples)
        for each, (_, count, examples) in zip(REPORTS, rows, strict=True)
    ]


def is_critical(found: Sequence[Finding]) -> bool:
    """Whether anything is wrong that must be understood before work goes on."""
    return any(each.count and each.severity == "critical" for each in found)
