"""Logins that end: invitations, refresh tokens, throttling, and requests that may be repeated.

Why: tokens must be revocable, passwords never defaults, and a request sent twice must be done once.
Locks: none that matter: all tables are new.
Undo: drops the tables; everybody logs in again.
"""

from dairy_app.common.revisions import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE login_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz DEFAULT now() NOT NULL,
    login_hash bytea NOT NULL,
    ip_address inet NOT NULL,
    CONSTRAINT pk_login_attempts PRIMARY KEY (id)
);
CREATE INDEX ix_login_attempts_ip_address_at ON login_attempts (ip_address, at);
CREATE INDEX ix_login_attempts_login_hash_at ON login_attempts (login_hash, at);
CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    response text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (user_id, route, key),
    CONSTRAINT fk_idempotency_keys_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_idempotency_keys_key_length CHECK (length(key) BETWEEN 1 AND 200)
);
CREATE TABLE invitations (
    id uuid DEFAULT uuid7() NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_invitations PRIMARY KEY (id),
    CONSTRAINT fk_invitations_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT uq_invitations_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_invitations_user_id ON invitations (user_id);
CREATE TABLE refresh_tokens (
    id uuid DEFAULT uuid7() NOT NULL,
    user_id uuid NOT NULL,
    family uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    rotated_at timestamptz,
    reused_at timestamptz,
    revoked_at timestamptz,
    ip_address inet,
    user_agent text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (id),
    CONSTRAINT fk_refresh_tokens_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX ix_refresh_tokens_user_id ON refresh_tokens (user_id);
"""

TEAR_DOWN = """
DROP TABLE idempotency_keys, login_attempts, refresh_tokens, invitations;
"""


def upgrade() -> None:
    run(TABLES)


def downgrade() -> None:
    run(TEAR_DOWN)
