"""The rows of one customer become another's. Callers hold both customers' rows, and the making of orders."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

#: Of these keys, which say whose a row is twice, both ends move; they are judged at the commit.
TOGETHER = (
    "fk_invoices_companion_of_customer",
    "fk_orders_invoice_of_payer",
    "fk_orders_placed_at_door_of_customer",
    "fk_orders_subscription_of_customer",
    "fk_archived_orders_invoice_of_payer",
    "fk_archived_orders_subscription_of_customer",
    "fk_adjustments_invoice_of_customer",
    "fk_credit_notes_invoice_of_customer",
    "fk_debit_notes_invoice_of_customer",
    "fk_payment_allocations_payment_of_customer",
    "fk_payment_allocations_invoice_of_customer",
    "fk_write_offs_invoice_of_customer",
    "fk_payment_links_invoice_of_customer",
    "fk_delivery_statuses_order_of_customer",
    "fk_container_movements_order_of_customer",
    "fk_delivery_photos_order_of_customer",
    "fk_change_requests_subscription_of_customer",
    "fk_change_requests_order_of_customer",
    "fk_outbox_messages_invoice_of_customer",
)

#: Drafts that end: all of the customer's, and those of the other for days that the customer was billed for.
_ENDING = """
SELECT d.id FROM invoices d
WHERE d.status = 'draft' AND (d.customer_id = :was OR d.customer_id = :into AND EXISTS (
    SELECT FROM invoices i
    WHERE i.customer_id = :was AND i.status = 'issued' AND i.companion_of IS NULL
        AND daterange(i.period_start, i.period_end, '[]') && daterange(d.period_start, d.period_end, '[]')))
ORDER BY d.id FOR UPDATE"""

#: Documents with something of customers that were billed to this one.
_CARRYING = """
SELECT i.id FROM invoices i WHERE i.customer_id = :was AND i.status <> 'draft'
    AND EXISTS (SELECT FROM all_orders o WHERE o.invoice_id = i.id AND o.customer_id <> :was)"""

#: Who was billed to the customer is billed to the other, and that one to nobody.
_FREE_PAYER = "UPDATE customers SET billed_to = NULL, updated_at = now() WHERE id = :into AND billed_to = :was"
_FOLLOW_PAYER = "UPDATE customers SET billed_to = :into, updated_at = now() WHERE billed_to = :was"
_LEAVE = """
UPDATE customers SET merged_into = :into, merged_at = :at, merge_reason = :reason, status = 'stopped',
    billed_to = NULL, user_id = NULL, delivery_boy_id = NULL, stop_sequence = NULL, updated_at = now()
WHERE id = :was"""
#: Who was merged into the customer before is the other now.
_FOLLOW = "UPDATE customers SET merged_into = :into, updated_at = now() WHERE merged_into = :was"
_KEEP_LOGIN = "UPDATE customers SET user_id = :user_id, updated_at = now() WHERE id = :into"
_FORGET_UNLINKED = """
DELETE FROM unlinked_customers u USING customers c
WHERE u.customer_id = c.id AND (c.id = :was OR c.id = :into AND c.user_id IS NOT NULL)"""

#: Out of the way: no two documents of one customer are of the same days. They are deleted below.
_PUT_ASIDE = """
UPDATE invoices i SET period_start = date '0001-01-01' + n.n, period_end = date '0001-01-01' + n.n, updated_at = now()
FROM (SELECT id, row_number() OVER (ORDER BY id)::integer AS n FROM invoices
    WHERE id = ANY (:ending) AND customer_id = :into) n
WHERE i.id = n.id"""
_DOCUMENTS = """
UPDATE invoices SET customer_id = :into, updated_at = now(),
    issued_to = CASE WHEN number IS NOT NULL THEN coalesce(issued_to, customer_id) END
WHERE customer_id = :was AND status <> 'draft'"""
_NOTES = """
UPDATE credit_notes SET customer_id = :into, issued_to = coalesce(issued_to, customer_id), updated_at = now()
WHERE customer_id = :was"""
_DEBIT_NOTES = _NOTES.replace("credit_notes", "debit_notes")

#: One of both as of the same day is their sum; the audit log keeps the two.
_SUM_OPENINGS = """
WITH other AS (
    DELETE FROM opening_balances a USING opening_balances b
    WHERE a.customer_id = :was AND b.customer_id = :into RETURNING a.amount
)
UPDATE opening_balances SET amount = opening_balances.amount + other.amount, updated_at = now()
FROM other WHERE customer_id = :into"""

#: What the ending drafts hold joins what is open for its day, as a delivery does.
_OPEN_DRAFTS = """
SELECT open_drafts(array_agg(CAST(:into AS uuid)), array_agg(held.day)) FROM (
    SELECT delivered_on AS day FROM orders WHERE invoice_id = ANY (:ending)
    UNION SELECT adjusted_on FROM adjustments WHERE invoice_id = ANY (:ending)) held"""
#: Where and by whom it was delivered stays, also where an order did not say so itself.
_ORDERS = """
UPDATE orders SET customer_id = :into, updated_at = now(),
    payer_id = CASE WHEN payer_id = :was THEN :into ELSE payer_id END,
    invoice_id = CASE WHEN invoice_id = ANY (:ending) THEN draft_for(:into, delivered_on) ELSE invoice_id END,
    area_id = CASE WHEN customer_id = :was AND status <> 'PENDING' THEN coalesce(area_id, :area) ELSE area_id END,
    delivery_boy_id = CASE WHEN customer_id = :was AND status <> 'PENDING' THEN coalesce(delivery_boy_id, :boy)
        ELSE delivery_boy_id END
WHERE customer_id = :was OR customer_id = :into AND (invoice_id = ANY (:ending) OR payer_id = :was)"""
#: What was brought to others, and billed to the customer.
_ORDERS_OF_OTHERS = """
UPDATE orders SET payer_id = :into, updated_at = now(),
    invoice_id = CASE WHEN invoice_id = ANY (:ending) THEN draft_for(:into, delivered_on) ELSE invoice_id END
WHERE (invoice_id = ANY (:ending) OR invoice_id = ANY (:carrying)) AND customer_id <> :into"""
#: What is archived follows, and stays as it was otherwise.
_ARCHIVED = """
UPDATE archived_orders SET customer_id = :into,
    payer_id = CASE WHEN payer_id = :was THEN :into ELSE payer_id END
WHERE customer_id = :was"""
_ARCHIVED_OF_OTHERS = """
UPDATE archived_orders SET payer_id = :into WHERE invoice_id = ANY (:carrying) AND payer_id = :was"""
_ARCHIVED_STATUSES = "UPDATE archived_delivery_statuses SET customer_id = :into WHERE customer_id = :was"
_ADJUSTMENTS = """
UPDATE adjustments SET customer_id = :into, updated_at = now(),
    invoice_id = CASE WHEN invoice_id = ANY (:ending) THEN draft_for(:into, adjusted_on) ELSE invoice_id END
WHERE customer_id = :was OR invoice_id = ANY (:ending)"""
_END_DRAFTS = "DELETE FROM invoices WHERE id = ANY (:ending)"

#: A price agreed with the other stands; the customer's holds on the days that are left.
_PRICES_BESIDE = """
WITH yielding AS (
    DELETE FROM customer_prices a WHERE a.customer_id = :was AND EXISTS (SELECT FROM customer_prices b
        WHERE b.customer_id = :into AND b.product_id = a.product_id AND b.valid && a.valid)
    RETURNING a.product_id, a.price, a.valid
)
INSERT INTO customer_prices (customer_id, product_id, price, valid)
SELECT :into, a.product_id, a.price, piece
FROM yielding a CROSS JOIN LATERAL (SELECT range_agg(b.valid) AS days FROM customer_prices b
    WHERE b.customer_id = :into AND b.product_id = a.product_id) taken
CROSS JOIN LATERAL unnest(datemultirange(a.valid) - taken.days) AS piece"""

#: Of a charge or discount by rule that both have, the other's stands: the customer's ends before it, or is replaced.
_CHARGE_RULES = """
UPDATE charge_rules a SET customer_id = :into, updated_at = now(),
    valid = CASE WHEN lower(a.valid) < t.first THEN daterange(lower(a.valid), t.first) ELSE a.valid END,
    replaced_at = CASE WHEN lower(a.valid) >= t.first THEN :at ELSE a.replaced_at END
FROM charge_rules o
LEFT JOIN LATERAL (SELECT min(lower(b.valid)) AS first FROM charge_rules b
    WHERE b.customer_id = :into AND b.replaced_at IS NULL AND o.replaced_at IS NULL AND b.valid && o.valid
        AND b.kind = o.kind AND b.basis = o.basis AND b.product_id IS NOT DISTINCT FROM o.product_id) t ON true
WHERE a.id = o.id AND o.customer_id = :was"""
#: Of two open links for the same, the other's stands; who pays the customer's all the same is booked.
_PAYMENT_LINKS = """
UPDATE payment_links SET customer_id = :into, updated_at = now(),
    status = CASE WHEN status IN ('creating', 'created') AND invoice_id IS NULL AND EXISTS (SELECT FROM payment_links o
        WHERE o.customer_id = :into AND o.invoice_id IS NULL AND o.amount = payment_links.amount
            AND o.status IN ('creating', 'created')) THEN 'expired' ELSE status END
WHERE customer_id = :was"""
#: Where the other lives stands; none of these is still to come, and the audit log keeps them.
_FORGET_MOVES = "DELETE FROM customer_moves WHERE customer_id = :was"
#: The movements took what it had along; what is left of each is nothing.
_FORGET_BALANCES = "DELETE FROM container_balances WHERE customer_id = :was"


def _moved(table: str) -> str:
    stamped = "" if table == "unlinked_delivery_statuses" else ", updated_at = now()"
    return f"UPDATE {table} SET customer_id = :into{stamped} WHERE customer_id = :was"


STATEMENTS = (
    f"SET CONSTRAINTS {', '.join(TOGETHER)} DEFERRED",
    _FREE_PAYER,
    _FOLLOW_PAYER,
    _LEAVE,
    _FOLLOW,
    _KEEP_LOGIN,
    _FORGET_UNLINKED,
    _PUT_ASIDE,
    _DOCUMENTS,
    _NOTES,
    _DEBIT_NOTES,
    _SUM_OPENINGS,
    _moved("opening_balances"),
    _moved("payments"),
    _moved("payment_allocations"),
    _moved("write_offs"),
    _moved("refunds"),
    _PAYMENT_LINKS,
    _moved("subscriptions"),
    _OPEN_DRAFTS,
    _ORDERS,
    _ORDERS_OF_OTHERS,
    _ARCHIVED,
    _ARCHIVED_OF_OTHERS,
    _ARCHIVED_STATUSES,
    _ADJUSTMENTS,
    _END_DRAFTS,
    _moved("delivery_statuses"),
    _moved("unlinked_delivery_statuses"),
    _moved("delivery_photos"),
    _moved("container_movements"),
    _FORGET_BALANCES,
    _moved("change_requests"),
    _moved("outbox_messages"),
    _PRICES_BESIDE,
    _moved("customer_prices"),
    _CHARGE_RULES,
    _FORGET_MOVES,
)


def move(
    session: Session,
    customer: Mapping[str, Any],
    into: Mapping[str, Any],
    *,
    user_id: UUID | None,
    reason: str,
    at: datetime,
) -> None:
    """Make everything of ``customer`` the other's; ``user_id`` is the login that this one has afterwards.

    As many statements for a customer of ten years as for one of a day.
    """
    both = {"was": customer["id"], "into": into["id"]}
    ending = list(session.scalars(text(_ENDING), both))
    carrying = list(session.scalars(text(_CARRYING), both))
    said = {"user_id": user_id, "reason": reason, "at": at, "ending": ending, "carrying": carrying}
    known = {"area": customer["area_id"], "boy": customer["delivery_boy_id"]}
    for statement in STATEMENTS:
        session.execute(text(statement), both | said | known)
    session.expire_all()
