"""Guards read the dairy's own tables, only triggers write the audit log, links of one bill end, quotes have a floor.

Why: PostgreSQL looks for a table in pg_temp first, so a session with a temporary table `orders` or `audit_log` had
    the triggers read and write that instead. Functions that an earlier version of this code made get their search path
    here; later ones, and those of a new database, when they are made (dairy_app.common.functions).
    Throttles count each kind of try for itself. A map link leads to a map.
Locks: ACCESS EXCLUSIVE on login_attempts, settings, products and customers for a moment each: CHECKs that are NOT
    VALID do not look at rows (0025 does), nor do columns without a computed default; SHARE ROW EXCLUSIVE on invoices
    and users for the foreign keys of an empty table. Customers whose map link changes are locked until the end.
Undo: drops them, and the log is written with the rights of who changes a row again; the search paths stay. Refuses
    while the links of a bill are revoked, unless told: they would open again.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0024"
down_revision = "0023"
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

WRITES_THE_LOG = ("audit_statement", "audit_row", "audit_invoices")

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
