"""The settings say how GST is paid: regular, by composition (CGST Act s. 10), or not at all.

Why: a GSTIN alone made the dairy a regular seller, whose bills bear tax. A composition dealer has one, too, collects no
    tax and issues bills of supply (CGST Rules r. 5 (1) (f), r. 49). The scheme is written down for dairies that are
    there: with a GSTIN they are regular, without one none.
Locks: ACCESS EXCLUSIVE on settings, one row, for a moment. 0076 validates.
Undo: drops the columns; refused while the dairy pays by composition, because its next bills would bear tax.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

SETTINGS = """
ALTER TABLE settings ADD COLUMN gst_scheme text DEFAULT 'none' NOT NULL, ADD COLUMN gst_scheme_since date;
UPDATE settings SET gst_scheme = 'regular' WHERE gstin IS NOT NULL;
ALTER TABLE settings
    ADD CONSTRAINT ck_settings_gst_scheme_known
        CHECK (gst_scheme IN ('regular', 'composition', 'none')) NOT VALID,
    ADD CONSTRAINT ck_settings_gst_scheme_of_registered
        CHECK ((gst_scheme = 'none') = (gstin IS NULL)) NOT VALID,
    ADD CONSTRAINT ck_settings_gst_scheme_since_finite CHECK (isfinite(gst_scheme_since)) NOT VALID;
COMMENT ON COLUMN settings.gst_scheme IS
    'Regular: tax by the rates of the goods; composition: a tax on the turnover, which no bill shows (CGST Act s. 10);'
    ' none: not registered. A document is of the scheme of the day it is issued.';
COMMENT ON COLUMN settings.gst_scheme_since IS
    'The day on which the scheme was changed last; NULL: never, since it is written down.';
"""

FACTORS = """
CREATE OR REPLACE FUNCTION tax_factors(p_day date) RETURNS TABLE (tax_class text, factor numeric)
LANGUAGE sql STABLE AS $$
SELECT k.code, CASE WHEN {bears_none} OR s.prices_include_tax THEN 1{gap}ELSE 1 + coalesce(r.gst_rate, 0) / 100 END
FROM tax_classes k
CROSS JOIN settings s
LEFT JOIN tax_rates r ON r.tax_class = k.code AND r.valid @> p_day
$$;
"""

TAKE_CLASS = """
CREATE OR REPLACE FUNCTION adjustments_take_class() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT default_adjustment_class INTO NEW.tax_class FROM settings;
    IF NEW.tax_class IS NULL AND EXISTS (SELECT FROM settings WHERE {bears_tax}) THEN
        RAISE EXCEPTION 'an adjustment of a {kind} seller needs a tax class'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_take_class';
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    run(SETTINGS)
    run(FACTORS.format(bears_none="s.gst_scheme <> 'regular'", gap="\n    "))
    run(TAKE_CLASS.format(bears_tax="gst_scheme = 'regular'", kind="regular"))


def downgrade() -> None:
    refuse_data_loss(
        "SELECT id FROM settings WHERE gst_scheme = 'composition'", "that the dairy pays GST by composition"
    )
    run(FACTORS.format(bears_none="s.gstin IS NULL", gap=" "))
    run(TAKE_CLASS.format(bears_tax="gstin IS NOT NULL", kind="registered"))
    run("ALTER TABLE settings DROP COLUMN gst_scheme, DROP COLUMN gst_scheme_since;")
