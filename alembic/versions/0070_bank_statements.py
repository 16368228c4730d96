"""Statements of the dairy's bank, line by line.

Why: who paid by UPI or bank transfer was looked up in the bank's statement and entered by hand, payment by payment. A
    statement is kept, what its lines may be is proposed, and what a person chooses is booked together.
Locks: SHARE ROW EXCLUSIVE on users and payments for milliseconds, for the foreign keys of tables that are empty.
Undo: refused while there are statements. Payments that were booked of them stay.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE bank_statements (
    id uuid DEFAULT uuid7() NOT NULL,
    account text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    line_count integer NOT NULL,
    new_lines integer NOT NULL,
    uploaded_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_bank_statements PRIMARY KEY (id),
    CONSTRAINT fk_bank_statements_uploaded_by FOREIGN KEY (uploaded_by) REFERENCES users (id),
    CONSTRAINT ck_bank_statements_account_length CHECK (length(account) BETWEEN 1 AND 60),
    CONSTRAINT ck_bank_statements_days_in_order CHECK (isfinite(first_day) AND isfinite(last_day) AND first_day
        <= last_day),
    CONSTRAINT ck_bank_statements_lines_counted CHECK (line_count > 0 AND new_lines BETWEEN 0 AND line_count)
);
COMMENT ON TABLE bank_statements IS
        'A file of a bank that was uploaded: what stands in it and was not known before are its lines.';
COMMENT ON COLUMN bank_statements.account IS 'What the dairy calls the account.';
COMMENT ON COLUMN bank_statements.line_count IS
        'How many lines the file has, and how many of them were not in a statement before.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON bank_statements REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON bank_statements REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON bank_statements
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON bank_statements REFERENCING OLD TABLE AS departed NEW TABLE AS
        arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

LINES = """
CREATE TABLE bank_statement_lines (
    id uuid DEFAULT uuid7() NOT NULL,
    statement_id uuid NOT NULL,
    account text NOT NULL,
    line_no integer NOT NULL,
    day date NOT NULL,
    amount numeric(12, 2) NOT NULL,
    narration text NOT NULL,
    reference text,
    balance numeric(14, 2),
    day_number integer NOT NULL,
    payment_id uuid,
    accepted_by uuid,
    accepted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_bank_statement_lines PRIMARY KEY (id),
    CONSTRAINT fk_bank_statement_lines_statement_id FOREIGN KEY (statement_id) REFERENCES bank_statements (id),
    CONSTRAINT fk_bank_statement_lines_payment_id FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT fk_bank_statement_lines_accepted_by FOREIGN KEY (accepted_by) REFERENCES users (id),
    CONSTRAINT uq_bank_statement_lines_statement_id_line_no UNIQUE (statement_id, line_no),
    CONSTRAINT uq_bank_statement_lines_payment_id UNIQUE (payment_id),
    CONSTRAINT ck_bank_statement_lines_amount_not_nothing CHECK (amount <> 0 AND amount <> 'NaN'),
    CONSTRAINT ck_bank_statement_lines_day_finite CHECK (isfinite(day)),
    CONSTRAINT ck_bank_statement_lines_numbers_above_zero CHECK (line_no > 0 AND day_number > 0),
    CONSTRAINT ck_bank_statement_lines_only_what_came_in_is_booked CHECK (payment_id IS NULL OR amount > 0),
    CONSTRAINT ck_bank_statement_lines_accepted_whole CHECK (num_nonnulls(payment_id, accepted_by, accepted_at)
        IN (0, 3)),
    CONSTRAINT ck_bank_statement_lines_text_lengths CHECK (length(account) > 0 AND length(account) <= 60 AND
        length(narration) > 0 AND length(narration) <= 500 AND length(reference) BETWEEN 1 AND 100)
);
CREATE INDEX ix_bank_statement_lines_day ON bank_statement_lines (account, day, amount);
CREATE UNIQUE INDEX uq_bank_statement_lines_same ON bank_statement_lines (account, day, amount,
        coalesce(bare_reference(reference), narration), day_number);
COMMENT ON TABLE bank_statement_lines IS
        'A line of a bank statement, kept once however often it is uploaded, and the payment as which it is booked.';
COMMENT ON COLUMN bank_statement_lines.line_no IS 'Its line in the file, as a spreadsheet counts.';
COMMENT ON COLUMN bank_statement_lines.amount IS 'In rupees: what came in is above 0, what went out below.';
COMMENT ON COLUMN bank_statement_lines.reference IS 'UTR, number of a cheque, or what else the bank knows it by.';
COMMENT ON COLUMN bank_statement_lines.balance IS 'Of the account after it, as the bank says.';
COMMENT ON COLUMN bank_statement_lines.day_number IS
        'Of lines of a day that are the same in everything else, the first is 1.';
"""

STAND = """
CREATE FUNCTION bank_statement_lines_stand() RETURNS trigger LANGUAGE plpgsql AS $$
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

TRIGGERS = """
CREATE TRIGGER tr_bank_statement_lines_stand BEFORE UPDATE OR DELETE ON bank_statement_lines
    FOR EACH ROW EXECUTE FUNCTION bank_statement_lines_stand();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON bank_statements EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON bank_statement_lines EXECUTE FUNCTION never_truncated();
"""


def upgrade() -> None:
    run(STATEMENTS)
    run(LINES)
    run(STAND)
    run(TRIGGERS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM bank_statements", "statements of the bank")
    run("""
    DROP TABLE bank_statement_lines;
    DROP TABLE bank_statements;
    DROP FUNCTION bank_statement_lines_stand();
    """)
