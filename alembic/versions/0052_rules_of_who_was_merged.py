"""A customer that is merged into another keeps no charge rule but one by which bills were issued.

Why: rules go with their customer. Where the other has its own from no later day on, that stands, and a rule
    that bills name stays with the customer that it was made for, ended.
Locks: none but those of the catalogue, for milliseconds.
Undo: a merged customer may keep rules again.
"""

from dairy_app.common.revisions import run

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

LEAVE = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM refunds WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
{rules}        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM container_movements WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""
RULES = """        OR EXISTS (SELECT FROM charge_rules WHERE customer_id = NEW.id
            AND NOT EXISTS (SELECT FROM invoice_lines WHERE charge_rule_id = charge_rules.id))
"""


def upgrade() -> None:
    run(LEAVE.replace("{rules}", RULES))


def downgrade() -> None:
    run(LEAVE.replace("{rules}", ""))
