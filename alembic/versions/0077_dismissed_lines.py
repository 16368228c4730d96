"""Lines of a bank statement that are no customer's payments.

Why: interest and transfers of the dairy's own stayed open for ever, so what really waits was not seen.
Locks: ACCESS EXCLUSIVE on bank_statement_lines and SHARE ROW EXCLUSIVE on users for milliseconds. The constraints are
    not validated yet: see 0013.
Undo: refused while lines are dismissed.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None

STAND = """
CREATE OR REPLACE FUNCTION bank_statement_lines_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] := '{payment_id,accepted_by,accepted_at,dismissed_by,dismissed_at,dismissed_reason,'
        'updated_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - v_fate = to_jsonb(OLD) - v_fate
            AND (OLD.payment_id IS NULL
                OR EXISTS (SELECT FROM payments p WHERE p.id = OLD.payment_id AND p.status = 'reversed')) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'line % of a bank statement stays as it is', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_bank_statement_lines_stand';
END $$;
"""

FORMER_STAND = """
CREATE OR REPLACE FUNCTION bank_statement_lines_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] := '{payment_id,accepted_by,accepted_at,updated_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - v_fate = to_jsonb(OLD) - v_fate
            AND (OLD.payment_id IS NULL
                OR EXISTS (SELECT FROM payments p WHERE p.id = OLD.payment_id AND p.status = 'reversed')) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'line % of a bank statement stays as it is', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_bank_statement_lines_stand';
END $$;
"""


def upgrade() -> None:
    run("""
    ALTER TABLE bank_statement_lines
        ADD COLUMN dismissed_by uuid,
        ADD COLUMN dismissed_at timestamp with time zone,
        ADD COLUMN dismissed_reason text;
    ALTER TABLE bank_statement_lines
        ADD CONSTRAINT fk_bank_statement_lines_dismissed_by FOREIGN KEY (dismissed_by) REFERENCES users (id) NOT VALID,
        ADD CONSTRAINT ck_bank_statement_lines_only_what_came_in_is_dismissed
            CHECK (dismissed_at IS NULL OR amount > 0) NOT VALID,
        ADD CONSTRAINT ck_bank_statement_lines_dismissed_whole
            CHECK (num_nonnulls(dismissed_by, dismissed_at, dismissed_reason) IN (0, 3)) NOT VALID,
        ADD CONSTRAINT ck_bank_statement_lines_dismissed_reason_length
            CHECK (length(dismissed_reason) >= 3 AND length(dismissed_reason) <= 500) NOT VALID;
    COMMENT ON COLUMN bank_statement_lines.dismissed_by IS
        'Who said that it is no customer''s payment, and what it is.';
    """)
    run(STAND)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM bank_statement_lines WHERE dismissed_at IS NOT NULL", "dismissed lines of the bank")
    run(FORMER_STAND)
    run("""
    ALTER TABLE bank_statement_lines
        DROP COLUMN dismissed_by,
        DROP COLUMN dismissed_at,
        DROP COLUMN dismissed_reason;
    """)
