"""A delivery may have a photo: what the door looked like when the milk was left there.

Why: "it was never brought" is settled by a picture. It is kept as a file; the row says whose it is, who took it and
    when, and the setting photo_days for how long.
Locks: ACCESS EXCLUSIVE on settings for milliseconds: the column has a constant default, so no row is written. SHARE ROW
    EXCLUSIVE on orders, users and shared_links for the foreign keys of the new, empty table, and ACCESS EXCLUSIVE on
    shared_link_events to exchange a check without reading the table; all for milliseconds. 0064 validates.
Undo: refused while there are photos: whose they are would be lost. Their files stay; the record of
    tries to send some over a link goes.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

SETTINGS = """
ALTER TABLE settings ADD COLUMN photo_days smallint DEFAULT 90;
COMMENT ON COLUMN settings.photo_days IS 'For how many days photos of deliveries are kept; NULL: for ever.';
ALTER TABLE settings ADD CONSTRAINT ck_settings_photo_days_range CHECK (photo_days BETWEEN 1 AND 3650) NOT VALID;
"""

TABLE = """
CREATE TABLE delivery_photos (
    id uuid DEFAULT uuid7() NOT NULL,
    order_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    file_name text NOT NULL,
    size integer NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    sha256 bytea NOT NULL,
    sent_sha256 bytea NOT NULL,
    uploaded_at timestamp with time zone NOT NULL,
    taken_by uuid,
    taken_by_name text NOT NULL,
    shared_link_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_delivery_photos PRIMARY KEY (id),
    CONSTRAINT fk_delivery_photos_order_of_customer FOREIGN KEY (order_id, customer_id)
        REFERENCES orders (id, customer_id) DEFERRABLE,
    CONSTRAINT fk_delivery_photos_taken_by FOREIGN KEY (taken_by) REFERENCES users (id),
    CONSTRAINT fk_delivery_photos_shared_link_id FOREIGN KEY (shared_link_id) REFERENCES shared_links (id),
    CONSTRAINT uq_delivery_photos_order_id UNIQUE (order_id),
    CONSTRAINT uq_delivery_photos_file_name UNIQUE (file_name),
    CONSTRAINT ck_delivery_photos_file_name_format CHECK (file_name ~ '^[0-9a-f]{32}[.]jpg$'),
    CONSTRAINT ck_delivery_photos_size_range CHECK (size BETWEEN 1 AND 2097152),
    CONSTRAINT ck_delivery_photos_sides_range CHECK (least(width, height) >= 1 AND greatest(width, height) <= 1600),
    CONSTRAINT ck_delivery_photos_hashes_are_sha256
        CHECK (octet_length(sha256) = 32 AND octet_length(sent_sha256) = 32),
    CONSTRAINT ck_delivery_photos_uploaded_at_finite CHECK (isfinite(uploaded_at)),
    CONSTRAINT ck_delivery_photos_taken_by_one CHECK (num_nonnulls(taken_by, shared_link_id) = 1),
    CONSTRAINT ck_delivery_photos_taken_by_name_length CHECK (length(taken_by_name) BETWEEN 1 AND 200)
);
CREATE INDEX ix_delivery_photos_uploaded_at ON delivery_photos (uploaded_at);
CREATE INDEX ix_delivery_photos_customer_id_id ON delivery_photos (customer_id, id);
COMMENT ON TABLE delivery_photos IS
    'The photo of one order''s delivery. The picture itself is a file, which no backup of the database holds.';
COMMENT ON COLUMN delivery_photos.file_name IS
    'A random name: whoever reads the folder learns nothing, and no address can be guessed.';
COMMENT ON COLUMN delivery_photos.size IS 'Bytes of the file.';
COMMENT ON COLUMN delivery_photos.sha256 IS 'Of the file.';
COMMENT ON COLUMN delivery_photos.sent_sha256 IS 'Of what was sent, which is not kept: the same again is a repeat.';
COMMENT ON COLUMN delivery_photos.uploaded_at IS 'When it came here; it is deleted so many days later.';
COMMENT ON COLUMN delivery_photos.taken_by_name IS 'A person''s name, or a link''s: links have no person.';
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON delivery_photos EXECUTE FUNCTION never_truncated();
CREATE FUNCTION delivery_photos_of_orders_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE id = NEW.order_id AND status IN ('PENDING', 'CANCELLED')) THEN
        RAISE EXCEPTION 'order % is neither out nor confirmed', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_delivery_photos_of_orders_out';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_delivery_photos_of_orders_out BEFORE INSERT OR UPDATE OF order_id, file_name ON delivery_photos
    FOR EACH ROW EXECUTE FUNCTION delivery_photos_of_orders_out();
CREATE TRIGGER tr_audit_insert AFTER INSERT ON delivery_photos REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON delivery_photos REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON delivery_photos
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON delivery_photos REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

EVENTS = """
-- squawk-ignore ban-drop-constraint
ALTER TABLE shared_link_events DROP CONSTRAINT ck_shared_link_events_action_known;
ALTER TABLE shared_link_events ADD CONSTRAINT ck_shared_link_events_action_known
    CHECK (action IN ('round', 'confirm', 'unlock', 'request', 'payment', 'photo')) NOT VALID;
"""


def upgrade() -> None:
    run(SETTINGS)
    run(TABLE)
    run(EVENTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM delivery_photos", "whose photos there are")
    run("""
    DELETE FROM shared_link_events WHERE action = 'photo';
    ALTER TABLE shared_link_events DROP CONSTRAINT ck_shared_link_events_action_known;
    ALTER TABLE shared_link_events ADD CONSTRAINT ck_shared_link_events_action_known
        CHECK (action IN ('round', 'confirm', 'unlock', 'request', 'payment')) NOT VALID;
    DROP TABLE delivery_photos;
    DROP FUNCTION delivery_photos_of_orders_out();
    ALTER TABLE settings DROP COLUMN photo_days;
    """)
