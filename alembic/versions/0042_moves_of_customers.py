"""Moves of customers that are known before: another address, area, round or place from a day on.

Why: who moves on the first was changed in the evening before or in the morning after, and the loading list of that day
    was wrong. Orders of the day follow a move as soon as it is entered; the customer's own columns take it on the day.
Locks: SHARE ROW EXCLUSIVE on customers, areas and users for the foreign keys of the new, empty table, for milliseconds.
Undo: drops the table; refused while there are moves. Orders that follow one keep where they lead.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE customer_moves (
    id UUID DEFAULT uuid7() NOT NULL,
    customer_id UUID NOT NULL,
    moves_on DATE NOT NULL,
    address_line1 TEXT,
    address_line2 TEXT,
    city TEXT,
    pincode TEXT,
    map_link TEXT,
    area_id UUID,
    delivery_boy_id UUID,
    stop_sequence INTEGER,
    applied_at timestamp with time zone,
    entered_by UUID NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_customer_moves PRIMARY KEY (id),
    CONSTRAINT fk_customer_moves_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_customer_moves_area_id FOREIGN KEY(area_id) REFERENCES areas (id),
    CONSTRAINT fk_customer_moves_delivery_boy_id FOREIGN KEY(delivery_boy_id) REFERENCES users (id),
    CONSTRAINT fk_customer_moves_entered_by FOREIGN KEY(entered_by) REFERENCES users (id),
    CONSTRAINT uq_customer_moves_customer_id_moves_on UNIQUE (customer_id, moves_on),
    CONSTRAINT ck_customer_moves_moves_on_finite CHECK (isfinite(moves_on)),
    CONSTRAINT ck_customer_moves_changes_something
        CHECK (num_nonnulls(address_line1, area_id, delivery_boy_id, stop_sequence) > 0),
    CONSTRAINT ck_customer_moves_address_is_whole
        CHECK (address_line1 IS NOT NULL OR num_nonnulls(address_line2, city, pincode, map_link) = 0),
    CONSTRAINT ck_customer_moves_text_lengths
        CHECK (length(address_line1) <= 200 AND length(address_line2) <= 200 AND length(city) <= 100
            AND length(map_link) <= 1000),
    CONSTRAINT ck_customer_moves_map_link_leads_to_a_map
        CHECK (map_link ~ '^https://((www[.])?google[.](com|co[.]in)/maps|maps[.]google[.](com|co[.]in)/|maps[.]app[.]goo[.]gl/|goo[.]gl/maps/|maps[.]apple[.]com/|(www[.])?openstreetmap[.]org/|osm[.]org/|(www[.])?bing[.]com/maps|(maps[.])?mappls[.]com/|plus[.]codes/|(www[.])?waze[.]com/)[!-~]*$'),
    CONSTRAINT ck_customer_moves_pincode_format CHECK (pincode ~ '^[1-9][0-9]{5}$')
);
CREATE INDEX ix_customer_moves_pending ON customer_moves (moves_on) WHERE applied_at IS NULL;
COMMENT ON TABLE customer_moves IS
    'What is different with a customer from a day on: another address, area, round or place in it.';
COMMENT ON COLUMN customer_moves.moves_on IS
    'Orders of this day and later follow; what is NULL below stays as it is.';
COMMENT ON COLUMN customer_moves.address_line1 IS
    'With it come second line and map, given or not: those of before lead to the old door.';
COMMENT ON COLUMN customer_moves.applied_at IS
    'When the customer''s own columns took it; until then it can be taken back.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON customer_moves REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON customer_moves REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON customer_moves
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON customer_moves REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

PENDING = """
CREATE VIEW pending_moves AS
WITH moving AS MATERIALIZED (
    SELECT customer_id, moves_on AS first_day, lag(moves_on) OVER (PARTITION BY customer_id ORDER BY moves_on DESC)
            AS next_day,
        (array_agg(address_line1) FILTER (WHERE address_line1 IS NOT NULL) OVER so_far)[1] AS address_line1,
        (array_agg(address_line2) FILTER (WHERE address_line1 IS NOT NULL) OVER so_far)[1] AS address_line2,
        (array_agg(map_link) FILTER (WHERE address_line1 IS NOT NULL) OVER so_far)[1] AS map_link,
        (array_agg(city) FILTER (WHERE city IS NOT NULL) OVER so_far)[1] AS city,
        (array_agg(pincode) FILTER (WHERE pincode IS NOT NULL) OVER so_far)[1] AS pincode,
        (array_agg(area_id) FILTER (WHERE area_id IS NOT NULL) OVER so_far)[1] AS area_id,
        (array_agg(delivery_boy_id) FILTER (WHERE delivery_boy_id IS NOT NULL) OVER so_far)[1] AS delivery_boy_id,
        (array_agg(stop_sequence) FILTER (WHERE stop_sequence IS NOT NULL) OVER so_far)[1] AS stop_sequence
    FROM customer_moves WHERE applied_at IS NULL
    WINDOW so_far AS (PARTITION BY customer_id ORDER BY moves_on DESC
        ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
)
SELECT * FROM moving;
"""

FOLLOWING = """
CREATE FUNCTION follow_moves(p_customers uuid[], p_first date, p_helpers uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders o SET delivery_boy_id = w.delivery_boy_id, area_id = w.area_id, address = w.address,
        updated_at = now()
    FROM (
        SELECT x.id, m.area_id,
            CASE WHEN x.delivery_boy_id = ANY (p_helpers) OR x.delivery_boy_id IS NULL
                    OR EXISTS (SELECT FROM customer_moves q WHERE q.customer_id = x.customer_id
                        AND q.applied_at IS NULL AND q.delivery_boy_id = x.delivery_boy_id)
                THEN m.delivery_boy_id ELSE x.delivery_boy_id END AS delivery_boy_id,
            CASE
                WHEN m.customer_id IS NULL AND x.source = 'generator' THEN NULL
                WHEN m.customer_id IS NULL AND x.source = 'import' THEN x.address
                ELSE jsonb_build_object('address_line1', coalesce(m.address_line1, c.address_line1),
                    'address_line2', CASE WHEN m.address_line1 IS NULL THEN c.address_line2 ELSE m.address_line2 END,
                    'city', coalesce(m.city, c.city), 'state_code', c.state_code,
                    'pincode', coalesce(m.pincode, c.pincode),
                    'map_link', CASE WHEN m.address_line1 IS NULL THEN c.map_link ELSE m.map_link END, 'area', a.name)
            END AS address
        FROM orders x
        JOIN customers c ON c.id = x.customer_id
        LEFT JOIN pending_moves m ON m.customer_id = x.customer_id AND x.delivery_date >= m.first_day
            AND (m.next_day IS NULL OR x.delivery_date < m.next_day)
        LEFT JOIN areas a ON a.id = coalesce(m.area_id, c.area_id)
        WHERE x.customer_id = ANY (p_customers) AND x.delivery_date >= p_first AND x.status IN ('PENDING', 'CANCELLED')
    ) w
    WHERE o.id = w.id
        AND (o.delivery_boy_id, o.area_id, o.address) IS DISTINCT FROM (w.delivery_boy_id, w.area_id, w.address);
END $$;
"""

MERGES = """
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON customer_moves
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
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
        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""
MERGES_BEFORE = """
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
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    for each in (TABLE, PENDING, FOLLOWING, MERGES):
        run(each)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM customer_moves", "moves of customers")
    run(MERGES_BEFORE)
    run("""
    -- squawk-ignore ban-drop-function
    DROP FUNCTION follow_moves(uuid[], date, uuid[]);
    DROP VIEW pending_moves;
    -- squawk-ignore ban-drop-table
    DROP TABLE customer_moves;
    """)
