"""A place for documents of the earlier system that could not be placed.

Why: an import may drop nothing and guess nothing: what has no customer, no readable quantity or no known status is
    kept whole with its reason, so that it can be counted, repaired and taken again.
Locks: none that matter: the table is new.
Undo: drops the table; refuses while documents wait in it unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE import_quarantine (
    id uuid DEFAULT uuid7() NOT NULL,
    collection text NOT NULL,
    legacy_id text NOT NULL,
    reason text NOT NULL,
    detail text,
    document jsonb NOT NULL,
    content_hash text NOT NULL,
    resolved_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_import_quarantine PRIMARY KEY (id),
    CONSTRAINT uq_import_quarantine_collection_legacy_id_content_hash UNIQUE (collection, legacy_id, content_hash),
    CONSTRAINT ck_import_quarantine_reason_length CHECK (length(reason) BETWEEN 1 AND 60)
);
"""

TEAR_DOWN = """
DROP TABLE import_quarantine;
"""


def upgrade() -> None:
    run(TABLES)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM import_quarantine WHERE resolved_at IS NULL",
        "documents of the earlier system that wait in quarantine",
    )
    run(TEAR_DOWN)
