"""Who forgot the password gets a code for a new one, by the way that belongs to the login.

Why: a forgotten password needed somebody of the office with time for an invitation. A code goes to the login's own
    e-mail address or telephone, once, for a quarter of an hour; who asked and whether it was used is in the audit log.
Locks: SHARE ROW EXCLUSIVE on users for the foreign key of the new, empty table, and ACCESS EXCLUSIVE on login_attempts
    to exchange a check without reading the table; both for milliseconds. 0066 validates.
Undo: drops the codes, which are good for minutes; who waits for one asks the office.
"""

from dairy_app.common.revisions import run

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE password_resets (
    id uuid DEFAULT uuid7() NOT NULL,
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    wrong_codes smallint DEFAULT 0 NOT NULL,
    used_at timestamp with time zone,
    day_began_at timestamp with time zone NOT NULL,
    codes_of_day smallint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_password_resets PRIMARY KEY (id),
    CONSTRAINT fk_password_resets_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT uq_password_resets_user_id UNIQUE (user_id),
    CONSTRAINT ck_password_resets_code_is_hashed CHECK (octet_length(code_hash) = 32),
    CONSTRAINT ck_password_resets_expires_in_minutes
        CHECK (isfinite(asked_at) AND expires_at > asked_at AND expires_at <= asked_at + interval '15 minutes'),
    CONSTRAINT ck_password_resets_wrong_codes_range CHECK (wrong_codes BETWEEN 0 AND 5),
    CONSTRAINT ck_password_resets_used_while_good
        CHECK (used_at IS NULL OR used_at >= asked_at AND used_at < expires_at AND wrong_codes < 5),
    CONSTRAINT ck_password_resets_codes_of_day_range CHECK (codes_of_day BETWEEN 1 AND 10)
);
CREATE INDEX ix_password_resets_expires_at ON password_resets (expires_at);
COMMENT ON TABLE password_resets IS
    'The latest code with which a login that forgot its password gets a new one: there is at most one that is good.';
COMMENT ON COLUMN password_resets.code_hash IS
    'HMAC of login and code with the secret of the program: with the table alone no code is found.';
COMMENT ON COLUMN password_resets.wrong_codes IS 'With the fifth the code is dead.';
COMMENT ON COLUMN password_resets.day_began_at IS 'Since when the codes of a day are counted.';
COMMENT ON COLUMN password_resets.codes_of_day IS
    'How many were sent since then; after ten nothing is sent until a day is over.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON password_resets REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION
    audit_statement('{created_at,updated_at,code_hash,wrong_codes,day_began_at,codes_of_day}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON password_resets REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION
    audit_statement('{created_at,updated_at,code_hash,wrong_codes,day_began_at,codes_of_day}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON password_resets
    FOR EACH STATEMENT EXECUTE FUNCTION
    audit_statement('{created_at,updated_at,code_hash,wrong_codes,day_began_at,codes_of_day}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE OF id, user_id, asked_at, expires_at, used_at ON password_resets
    FOR EACH ROW EXECUTE FUNCTION
    audit_row('{created_at,updated_at,code_hash,wrong_codes,day_began_at,codes_of_day}', 'id');
"""

TRIES = """
-- squawk-ignore ban-drop-constraint
ALTER TABLE login_attempts DROP CONSTRAINT ck_login_attempts_kind_known;
ALTER TABLE login_attempts ADD CONSTRAINT ck_login_attempts_kind_known
    CHECK (kind IN ('login', 'password', 'invitation', 'shared_link', 'reset_request', 'reset')) NOT VALID;
"""


def upgrade() -> None:
    run(TABLE)
    run(TRIES)


def downgrade() -> None:
    run("""
    DELETE FROM login_attempts WHERE kind IN ('reset_request', 'reset');
    ALTER TABLE login_attempts DROP CONSTRAINT ck_login_attempts_kind_known;
    ALTER TABLE login_attempts ADD CONSTRAINT ck_login_attempts_kind_known
        CHECK (kind IN ('login', 'password', 'invitation', 'shared_link')) NOT VALID;
    DROP TABLE password_resets;
    """)
