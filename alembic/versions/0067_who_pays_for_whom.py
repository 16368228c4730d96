"""A customer may be billed to another: a family, a shop with branches.

Why: a shop's branches were billed each for itself, and the office added up their bills by hand. What is delivered to a
    customer can be on the invoice of another now.
Locks: ACCESS EXCLUSIVE on customers and invoice_lines for milliseconds: no column has a value, so no row is
    written. 0068 validates.
Undo: refused while somebody is billed to another.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

CUSTOMERS = """
ALTER TABLE customers ADD COLUMN billed_to uuid;
ALTER TABLE customers ADD COLUMN payer_key uuid;
COMMENT ON COLUMN customers.billed_to IS
    'Who pays for what is delivered to it, from the next draft on: a customer that pays for itself; NULL: it does so.';
COMMENT ON COLUMN customers.payer_key IS
    'Its own id once others are billed to it: then it cannot be billed to somebody itself. Set by the database.';
ALTER TABLE customers ADD CONSTRAINT ck_customers_payer_pays_itself
    CHECK (payer_key IS NULL OR (payer_key = id AND billed_to IS NULL AND merged_into IS NULL)) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_merged_is_not_billed
    CHECK (merged_into IS NULL OR billed_to IS NULL) NOT VALID;
"""


LINES = """
ALTER TABLE invoice_lines ADD COLUMN delivered_to uuid;
ALTER TABLE invoice_lines ADD CONSTRAINT fk_invoice_lines_delivered_to FOREIGN KEY (delivered_to)
    REFERENCES customers (id) NOT VALID;
COMMENT ON COLUMN invoice_lines.delivered_to IS
    'Who got it, where that one is billed to the invoice''s customer; NULL: that customer itself.';
"""

FUNCTION = """
CREATE FUNCTION customers_have_one_payer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.billed_to IS NOT NULL OR NEW.merged_into IS NOT NULL THEN
        NEW.payer_key := NULL;
    END IF;
    IF NEW.billed_to IS NOT NULL AND NEW.billed_to <> NEW.id THEN
        UPDATE customers SET payer_key = id, updated_at = now() WHERE id = NEW.billed_to AND payer_key IS NULL;
    END IF;
    RETURN NEW;
END $$;
"""

TRIGGER = """
CREATE TRIGGER tr_customers_have_one_payer BEFORE INSERT OR UPDATE OF billed_to, merged_into ON customers
    FOR EACH ROW WHEN (NEW.billed_to IS NOT NULL OR NEW.merged_into IS NOT NULL)
    EXECUTE FUNCTION customers_have_one_payer();
"""


def upgrade() -> None:
    run(CUSTOMERS)
    run(LINES)
    run(FUNCTION)
    run(TRIGGER)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM customers WHERE billed_to IS NOT NULL", "who pays for whom")
    run("DROP TRIGGER tr_customers_have_one_payer ON customers;")
    run("""
    DROP FUNCTION customers_have_one_payer();
    ALTER TABLE invoice_lines DROP COLUMN delivered_to;
    ALTER TABLE customers DROP COLUMN payer_key;
    ALTER TABLE customers DROP COLUMN billed_to;
    """)
