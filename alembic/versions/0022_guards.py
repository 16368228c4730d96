"""Guards read the dairy's own tables, only triggers write the audit log, links of one bill end, quotes have a floor.

Why: PostgreSQL looks for a table in pg_temp first, so a session with a temporary table `orders` or `audit_log` had
    the triggers read and write that instead. Functions that an earlier version of this code made get their search path
    here; later ones, and those of a new database, when they are made (dairy_app.common.functions).
    Throttles count each kind of try for itself. A map link leads to a map.
Locks: ACCESS EXCLUSIVE on login_attempts, settings, products and customers for a moment each: CHECKs that are NOT
    VALID do not look at rows (0023 does), nor do columns without a computed default; SHARE ROW EXCLUSIVE on invoices
    and users for the foreign keys of an empty table. Customers whose map link changes are locked until the end.
Undo: drops them, and the log is written with the rights of who changes a row again; the search paths stay. Refuses
    while the links of a bill are revoked, unless told: they would open again.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

QUOTED = [
    "adjustments_touch_only_drafts",
    "allocations_within_payment_and_invoice",
    "applications",
    "audit_difference",
    "audit_invoices",
    "audit_log_append_only",
    "audit_row",
    "audit_statement",
    "cash_settlements_add_up",
    "change_requests_stand",
    "confirm_deliveries",
    "correct_delivery",
    "credit_notes_add_up",
    "credit_notes_frozen",
    "delivery_statuses_agree_with_orders",
    "gone_papers_hold_no_money",
    "invoice_lines_frozen",
    "invoice_lines_never_change",
    "invoices_begin_as_drafts",
    "invoices_end_after_their_orders",
    "invoices_equal_their_lines",
    "invoices_frozen",
    "invoices_reduced_within_total",
    "invoices_void_keeps_no_orders",
    "money_frozen",
    "never_truncated",
    "open_drafts",
    "open_items",
    "order_items_stay",
    "order_items_touch_only_drafts",
    "orders_agree_with_items",
    "orders_follow_transitions",
    "orders_touch_only_drafts",
    "outbox_messages_of_void_papers",
    "outbox_messages_stand",
    "payment_allocations_only_released",
    "payments_only_reversed",
    "series_stay_apart",
    "write_confirmations",
]

JUDGE = """
CREATE OR REPLACE FUNCTION judge_confirmations(
    p_confirmations jsonb, p_orders uuid[], p_boy uuid, p_areas uuid[], p_first date, p_last date, p_shift text,
    p_at timestamptz
) RETURNS TABLE (
    item_index integer, order_id uuid, customer_id uuid, subscription_id uuid, boy uuid,
    code text, detail text, new_status text, day date, delivered_at timestamptz, confirmation jsonb
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH dairy AS (
    SELECT s.time_zone, s.delivery_window_days AS days, (p_at AT TIME ZONE s.time_zone)::date AS today
    FROM settings s
), wanted AS (
    SELECT (w.c ->> 'index')::integer AS item_index, w.c, (w.c ->> 'order_id')::uuid AS order_id,
        coalesce((w.c ->> 'delivered_at')::timestamptz, p_at) AS at,
        coalesce((w.c ->> 'delivery_date')::date,
            (((w.c ->> 'delivered_at')::timestamptz) AT TIME ZONE d.time_zone)::date, d.today) AS day,
        CASE WHEN jsonb_typeof(w.c -> 'items') = 'array' THEN w.c -> 'items' END AS named
    FROM jsonb_array_elements(p_confirmations) AS w (c) CROSS JOIN dairy d
), known AS (
    SELECT w.*, o.id AS found, o.customer_id, o.subscription_id, o.status, o.delivery_date AS planned,
        coalesce(o.delivery_boy_id, c.delivery_boy_id) AS boy
    FROM wanted w
    LEFT JOIN (orders o JOIN customers c ON c.id = o.customer_id) ON o.id = w.order_id AND o.id = ANY (p_orders)
        AND (p_boy IS NULL OR coalesce(o.delivery_boy_id, c.delivery_boy_id) = p_boy)
        AND (p_areas IS NULL OR c.area_id = ANY (p_areas)) AND (p_shift IS NULL OR o.shift = p_shift)
        AND o.delivery_date BETWEEN coalesce(p_first, o.delivery_date) AND coalesce(p_last, o.delivery_date)
), counted AS (
    SELECT k.item_index,
        bool_or(q.delivered NOT BETWEEN 0 AND i.quantity) AS exceeds,
        bool_or(q.delivered IS NULL) AS unnamed,
        count(*) > count(DISTINCT i.product_id) AS twice,
        bool_and(q.delivered = i.quantity) AS is_full,
        bool_and(q.delivered = 0) AS is_nothing,
        bool_and(q.delivered IS NOT DISTINCT FROM i.delivered_quantity) AS is_same
    FROM known k
    JOIN order_items i ON i.order_id = k.found AND i.order_id = ANY (p_orders)
    LEFT JOIN LATERAL (SELECT (n ->> 'delivered_quantity')::numeric AS delivered
        FROM jsonb_array_elements(k.named) n WHERE (n ->> 'product_id')::uuid = i.product_id) n ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN k.c ->> 'status' = 'not_delivered' THEN 0
        WHEN k.named IS NULL THEN i.quantity ELSE n.delivered END AS delivered) q
    GROUP BY k.item_index
), judged AS (
    SELECT k.*, n.is_full, n.is_nothing, n.twice, CASE
        WHEN k.found IS NULL THEN 'order_not_found'
        WHEN (k.c ->> 'customer_id')::uuid <> k.customer_id THEN 'customer_mismatch'
        WHEN k.status = 'CANCELLED' THEN 'order_cancelled'
        WHEN EXISTS (SELECT FROM jsonb_array_elements(k.named) x WHERE NOT EXISTS (SELECT FROM order_items i
            WHERE i.order_id = k.found AND i.product_id = (x ->> 'product_id')::uuid))
            THEN 'product_not_in_order'
        WHEN n.item_index IS NULL THEN 'illegal_transition'
        WHEN n.exceeds THEN 'quantity_exceeds_ordered'
        WHEN n.unnamed OR n.twice THEN 'validation_failed'
        WHEN k.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR (k.status = 'NOT_DELIVERED' AND (n.is_nothing
            OR EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = k.found AND s.corrected_at IS NOT NULL)))
            THEN CASE WHEN n.is_same OR EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = k.found
                AND s.corrected_at IS NOT NULL AND s.client_event_id = (k.c ->> 'client_event_id')::uuid)
                THEN 'replayed' ELSE 'confirmed_differently' END
        WHEN k.day > d.today OR k.at > p_at + interval '10 minutes' THEN 'delivery_date_in_future'
        WHEN k.day NOT BETWEEN k.planned - d.days AND k.planned + d.days THEN 'delivery_date_outside_window'
        WHEN EXISTS (SELECT FROM delivery_statuses s
            WHERE s.client_event_id = (k.c ->> 'client_event_id')::uuid AND s.order_id <> k.found)
            THEN 'already_exists'
    END AS refused
    FROM known k CROSS JOIN dairy d LEFT JOIN counted n ON n.item_index = k.item_index
), verdicts AS (  -- an event id names one order: in a set, the first one that stands
    SELECT j.*, CASE WHEN j.refused IS NULL AND j.c ->> 'client_event_id' IS NOT NULL AND row_number() OVER (
        PARTITION BY j.refused IS NULL, (j.c ->> 'client_event_id')::uuid ORDER BY j.item_index) > 1
        THEN 'already_exists' ELSE j.refused END AS code
    FROM judged j
)
SELECT v.item_index, v.order_id, v.customer_id, v.subscription_id, v.boy, v.code,
    CASE v.code
        WHEN 'illegal_transition' THEN 'The order has no items.'
        WHEN 'delivery_date_in_future' THEN format('%s has not come yet.', greatest(v.day,
            (v.at AT TIME ZONE d.time_zone)::date))
        WHEN 'delivery_date_outside_window' THEN format(
            'The order is for %s; it can be confirmed for a delivery from %s to %s, not for %s.',
            v.planned, v.planned - d.days, v.planned + d.days, v.day)
        WHEN 'validation_failed' THEN CASE WHEN v.twice THEN 'A product is named twice.'
            ELSE 'With items, every product of the order must be named.' END
        WHEN 'already_exists' THEN 'The client_event_id was used for another order.'
    END,
    CASE WHEN v.code IS NOT NULL THEN v.status WHEN v.is_nothing THEN 'NOT_DELIVERED'
        WHEN v.is_full THEN 'DELIVERED' ELSE 'PARTIALLY_DELIVERED' END,
    v.day, CASE WHEN NOT v.is_nothing THEN v.at END, v.c
FROM verdicts v CROSS JOIN dairy d;
END;
"""

WRITES_THE_LOG = ("audit_statement", "audit_row", "audit_invoices")

FORMER_JUDGE = """
CREATE OR REPLACE FUNCTION judge_confirmations(
    p_confirmations jsonb, p_orders uuid[], p_boy uuid, p_areas uuid[], p_first date, p_last date, p_shift text,
    p_at timestamptz
) RETURNS TABLE (
    item_index integer, order_id uuid, customer_id uuid, subscription_id uuid, boy uuid,
    code text, detail text, new_status text, day date, delivered_at timestamptz, confirmation jsonb
) LANGUAGE sql STABLE AS $$
WITH dairy AS (
    SELECT s.time_zone, s.delivery_window_days AS days, (p_at AT TIME ZONE s.time_zone)::date AS today
    FROM settings s
), wanted AS (
    SELECT (w.c ->> 'index')::integer AS item_index, w.c, (w.c ->> 'order_id')::uuid AS order_id,
        coalesce((w.c ->> 'delivered_at')::timestamptz, p_at) AS at,
        coalesce((w.c ->> 'delivery_date')::date,
            (((w.c ->> 'delivered_at')::timestamptz) AT TIME ZONE d.time_zone)::date, d.today) AS day,
        CASE WHEN jsonb_typeof(w.c -> 'items') = 'array' THEN w.c -> 'items' END AS named
    FROM jsonb_array_elements(p_confirmations) AS w (c) CROSS JOIN dairy d
), known AS (
    SELECT w.*, o.id AS found, o.customer_id, o.subscription_id, o.status, o.delivery_date AS planned,
        coalesce(o.delivery_boy_id, c.delivery_boy_id) AS boy
    FROM wanted w
    LEFT JOIN (orders o JOIN customers c ON c.id = o.customer_id) ON o.id = w.order_id AND o.id = ANY (p_orders)
        AND (p_boy IS NULL OR coalesce(o.delivery_boy_id, c.delivery_boy_id) = p_boy)
        AND (p_areas IS NULL OR c.area_id = ANY (p_areas)) AND (p_shift IS NULL OR o.shift = p_shift)
        AND o.delivery_date BETWEEN coalesce(p_first, o.delivery_date) AND coalesce(p_last, o.delivery_date)
), counted AS (
    SELECT k.item_index,
        bool_or(q.delivered NOT BETWEEN 0 AND i.quantity) AS exceeds,
        bool_or(q.delivered IS NULL) AS unnamed,
        count(*) > count(DISTINCT i.product_id) AS twice,
        bool_and(q.delivered = i.quantity) AS is_full,
        bool_and(q.delivered = 0) AS is_nothing,
        bool_and(q.delivered IS NOT DISTINCT FROM i.delivered_quantity) AS is_same
    FROM known k
    JOIN order_items i ON i.order_id = k.found AND i.order_id = ANY (p_orders)
    LEFT JOIN LATERAL (SELECT (n ->> 'delivered_quantity')::numeric AS delivered
        FROM jsonb_array_elements(k.named) n WHERE (n ->> 'product_id')::uuid = i.product_id) n ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN k.c ->> 'status' = 'not_delivered' THEN 0
        WHEN k.named IS NULL THEN i.quantity ELSE n.delivered END AS delivered) q
    GROUP BY k.item_index
), judged AS (
    SELECT k.*, n.is_full, n.is_nothing, n.twice, CASE
        WHEN k.found IS NULL THEN 'order_not_found'
        WHEN (k.c ->> 'customer_id')::uuid <> k.customer_id THEN 'customer_mismatch'
        WHEN k.status = 'CANCELLED' THEN 'order_cancelled'
        WHEN EXISTS (SELECT FROM jsonb_array_elements(k.named) x WHERE NOT EXISTS (SELECT FROM order_items i
            WHERE i.order_id = k.found AND i.product_id = (x ->> 'product_id')::uuid))
            THEN 'product_not_in_order'
        WHEN n.item_index IS NULL THEN 'illegal_transition'
        WHEN n.exceeds THEN 'quantity_exceeds_ordered'
        WHEN n.unnamed OR n.twice THEN 'validation_failed'
        WHEN k.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR (k.status = 'NOT_DELIVERED' AND (n.is_nothing
            OR EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = k.found AND s.corrected_at IS NOT NULL)))
            THEN CASE WHEN n.is_same OR EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = k.found
                AND s.corrected_at IS NOT NULL AND s.client_event_id = (k.c ->> 'client_event_id')::uuid)
                THEN 'replayed' ELSE 'confirmed_differently' END
        WHEN k.day > d.today OR k.at > p_at + interval '10 minutes' THEN 'delivery_date_in_future'
        WHEN k.day NOT BETWEEN k.planned - d.days AND k.planned + d.days THEN 'delivery_date_outside_window'
        WHEN EXISTS (SELECT FROM delivery_statuses s
            WHERE s.client_event_id = (k.c ->> 'client_event_id')::uuid AND s.order_id <> k.found)
            THEN 'already_exists'
    END AS refused
    FROM known k CROSS JOIN dairy d LEFT JOIN counted n ON n.item_index = k.item_index
), verdicts AS (  -- an event id names one order: in a set, the first one that stands
    SELECT j.*, CASE WHEN j.refused IS NULL AND j.c ->> 'client_event_id' IS NOT NULL AND row_number() OVER (
        PARTITION BY j.refused IS NULL, (j.c ->> 'client_event_id')::uuid ORDER BY j.item_index) > 1
        THEN 'already_exists' ELSE j.refused END AS code
    FROM judged j
)
SELECT v.item_index, v.order_id, v.customer_id, v.subscription_id, v.boy, v.code,
    CASE v.code
        WHEN 'illegal_transition' THEN 'The order has no items.'
        WHEN 'delivery_date_in_future' THEN format('%s has not come yet.', greatest(v.day,
            (v.at AT TIME ZONE d.time_zone)::date))
        WHEN 'delivery_date_outside_window' THEN format(
            'The order is for %s; it can be confirmed for a delivery from %s to %s, not for %s.',
            v.planned, v.planned - d.days, v.planned + d.days, v.day)
        WHEN 'validation_failed' THEN CASE WHEN v.twice THEN 'A product is named twice.'
            ELSE 'With items, every product of the order must be named.' END
        WHEN 'already_exists' THEN 'The client_event_id was used for another order.'
    END,
    CASE WHEN v.code IS NOT NULL THEN v.status WHEN v.is_nothing THEN 'NOT_DELIVERED'
        WHEN v.is_full THEN 'DELIVERED' ELSE 'PARTIALLY_DELIVERED' END,
    v.day, CASE WHEN NOT v.is_nothing THEN v.at END, v.c
FROM verdicts v CROSS JOIN dairy d
$$;
"""

TRIES = """
ALTER TABLE login_attempts ADD COLUMN kind text DEFAULT 'login' NOT NULL;
ALTER TABLE login_attempts ADD CONSTRAINT ck_login_attempts_kind_known
    CHECK (kind IN ('login', 'password', 'invitation', 'shared_link')) NOT VALID;
"""

LINKS = """
CREATE TABLE invoice_links (
    invoice_id uuid NOT NULL,
    revocations smallint NOT NULL,
    revoked_at timestamptz NOT NULL,
    revoked_by uuid NOT NULL,
    CONSTRAINT pk_invoice_links PRIMARY KEY (invoice_id),
    CONSTRAINT fk_invoice_links_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoices (id) ON DELETE CASCADE,
    CONSTRAINT fk_invoice_links_revoked_by FOREIGN KEY(revoked_by) REFERENCES users (id),
    CONSTRAINT ck_invoice_links_revocations_range CHECK (revocations BETWEEN 1 AND 1000)
);
CREATE TRIGGER tr_audit_insert AFTER INSERT ON invoice_links REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'invoice_id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON invoice_links REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'invoice_id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON invoice_links
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'invoice_id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON invoice_links
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'invoice_id');
ALTER TABLE settings ADD COLUMN invoice_link_days smallint;
ALTER TABLE settings ADD CONSTRAINT ck_settings_invoice_link_days_range
    CHECK (invoice_link_days BETWEEN 1 AND 3650) NOT VALID;
"""

MAP = (
    "^https://((www[.])?google[.](com|co[.]in)/maps|maps[.]google[.](com|co[.]in)/|maps[.]app[.]goo[.]gl/|goo[.]gl/maps/"
    "|maps[.]apple[.]com/|(www[.])?openstreetmap[.]org/|osm[.]org/|(www[.])?bing[.]com/maps|(maps[.])?mappls[.]com/"
    "|plus[.]codes/|(www[.])?waze[.]com/)[!-~]*$"
)
# Links that lead elsewhere move to the notes, where nobody follows them unawares.
MAPS = f"""
UPDATE customers SET map_link = regexp_replace(map_link, '^http://', 'https://') WHERE map_link ~ '^http://';
UPDATE customers SET notes = left(concat_ws(chr(10), map_link, notes), 2000), map_link = NULL
WHERE map_link !~ '{MAP}';
ALTER TABLE customers ADD CONSTRAINT ck_customers_map_link_leads_to_a_map
    CHECK (map_link ~ '{MAP}') NOT VALID;
"""

# A floor that the owner sets for what staff may quote.
FLOORS = """
ALTER TABLE products ADD COLUMN minimum_price numeric(12,2);
ALTER TABLE products ADD CONSTRAINT ck_products_minimum_price_not_negative
    CHECK (minimum_price >= 0 AND minimum_price <> 'NaN') NOT VALID;
"""


def upgrade() -> None:
    run("\n".join(f"ALTER FUNCTION {name} SET search_path = pg_catalog, public, pg_temp;" for name in QUOTED))
    run(JUDGE)
    for name in WRITES_THE_LOG:
        run(f"ALTER FUNCTION {name}() SECURITY DEFINER; REVOKE ALL ON FUNCTION {name}() FROM PUBLIC;")
    run(TRIES)
    run(LINKS)
    run(FLOORS)
    run(MAPS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM invoice_links", "which links to bills were revoked: they would open again")
    run("ALTER TABLE customers DROP CONSTRAINT ck_customers_map_link_leads_to_a_map;")
    run("ALTER TABLE products DROP COLUMN minimum_price;")
    run("ALTER TABLE settings DROP COLUMN invoice_link_days;")
    run("DROP TABLE invoice_links;")
    run("ALTER TABLE login_attempts DROP COLUMN kind;")
    for name in WRITES_THE_LOG:
        run(f"ALTER FUNCTION {name}() SECURITY INVOKER; GRANT EXECUTE ON FUNCTION {name}() TO PUBLIC;")
    run(FORMER_JUDGE)
