"""Messages go by WhatsApp, and some are sent by themselves: of payments, low balances, pauses, changes, closed days.

Why: whoever begins a conversation there may do so only in words that WhatsApp approved, under a name and in a language.
    A message keeps what fills them, and the id by which the receipts name it. And what a customer is to know is queued
    by the statement that makes it so, whoever runs it; every kind is off until the dairy wants it.
Locks: ACCESS EXCLUSIVE on outbox_messages and message_templates for a moment: no row is written, the CHECKs are
    NOT VALID. 0072 validates them and builds the index. SHARE ROW EXCLUSIVE on payments, subscription_pauses,
    subscription_overrides and closed_days for a moment, for their triggers.
Undo: drops the columns and which kinds are on; refused while a template has a name at WhatsApp or is of a new kind, or
    a receipt is expected, unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE outbox_messages ADD COLUMN told jsonb;
ALTER TABLE outbox_messages ADD COLUMN provider_id text;
COMMENT ON COLUMN outbox_messages.told IS
    'What the names of its kind stand for, where whoever sends it fills words of its own; NULL: nobody can.';
COMMENT ON COLUMN outbox_messages.provider_id IS
    'What the server that took it last knows it by; NULL: it does not say, or nobody took it.';
ALTER TABLE message_templates ADD COLUMN whatsapp_name text;
ALTER TABLE message_templates ADD COLUMN whatsapp_language text;
ALTER TABLE message_templates ADD COLUMN whatsapp_numbered boolean DEFAULT false NOT NULL;
ALTER TABLE message_templates ADD COLUMN whatsapp_document boolean DEFAULT false NOT NULL;
COMMENT ON COLUMN message_templates.whatsapp_name IS
    'The name of the template in which WhatsApp approved these words; NULL: in none.';
COMMENT ON COLUMN message_templates.whatsapp_language IS 'The language of that template, as WhatsApp has it.';
COMMENT ON COLUMN message_templates.whatsapp_numbered IS
    'Whether that template has numbers where these words have names, in the order in which they come first.';
COMMENT ON COLUMN message_templates.whatsapp_document IS
    'Whether the bill goes with it, in a header for documents.';
"""

CHECKS = """
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_told_is_open
    CHECK (told IS NULL OR jsonb_typeof(told) = 'object' AND NOT secret) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_provider_id_length
    CHECK (length(provider_id) BETWEEN 1 AND 200) NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_approved_by_whatsapp
    CHECK (whatsapp_name IS NULL OR channel IS NOT DISTINCT FROM 'whatsapp') NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_name_format
    CHECK (whatsapp_name ~ '^[a-z0-9_]+$' AND length(whatsapp_name) <= 512) NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_language_format
    CHECK (whatsapp_language ~ '^[a-z]{2,3}(_[A-Z]{2})?$') NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_name_has_language
    CHECK ((whatsapp_name IS NULL) = (whatsapp_language IS NULL)) NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_document_of_bill
    CHECK (NOT whatsapp_document OR kind IN ('bill', 'reminder')) NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_options_of_name
    CHECK (whatsapp_name IS NOT NULL OR NOT (whatsapp_numbered OR whatsapp_document)) NOT VALID;
"""

STAND = """
CREATE OR REPLACE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] :=
        '{status,attempts,last_error,sent_at,not_before,leased_until,provider_id,customer_id,updated_at}';
    v_moved constant text[] := '{customer_id,updated_at}';
BEGIN
    IF to_jsonb(NEW) - v_fate <> to_jsonb(OLD) - v_fate
        OR to_jsonb(NEW) - v_moved <> to_jsonb(OLD) - v_moved AND OLD.status <> 'queued'
            AND (OLD.status, NEW.status) NOT IN (('sent', 'delivered'), ('failed', 'queued'))
            AND (NEW.provider_id IS NULL OR (OLD.status, NEW.status) NOT IN
                (('sent', 'failed'), ('sent', 'queued'), ('failed', 'delivered'))) THEN
        RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
    END IF;
    IF NEW.secret AND NEW.status <> 'queued' THEN
        NEW.body := NULL;
    END IF;
    RETURN NEW;
END $$;
"""
STAND_BEFORE = """
CREATE OR REPLACE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] :=
        '{status,attempts,last_error,sent_at,not_before,leased_until,customer_id,updated_at}';
    v_moved constant text[] := '{customer_id,updated_at}';
BEGIN
    IF to_jsonb(NEW) - v_fate <> to_jsonb(OLD) - v_fate
        OR to_jsonb(NEW) - v_moved <> to_jsonb(OLD) - v_moved AND OLD.status <> 'queued'
            AND (OLD.status, NEW.status) NOT IN (('sent', 'delivered'), ('failed', 'queued')) THEN
        RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
    END IF;
    IF NEW.secret AND NEW.status <> 'queued' THEN
        NEW.body := NULL;
    END IF;
    RETURN NEW;
END $$;
"""

KINDS = """
-- Another takes its place at once.
-- squawk-ignore ban-drop-constraint
ALTER TABLE message_templates DROP CONSTRAINT ck_message_templates_kind_known;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_kind_known
    CHECK (kind IN ('bill', 'reminder', 'payment_received', 'low_balance', 'pause_confirmed', 'change_confirmed',
        'not_delivered')) NOT VALID;
CREATE TABLE message_kinds (
    kind text NOT NULL,
    is_on boolean DEFAULT false NOT NULL,
    quiet_from time without time zone DEFAULT '21:00',
    quiet_to time without time zone DEFAULT '07:00',
    below numeric(12,2),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_message_kinds PRIMARY KEY (kind),
    CONSTRAINT ck_message_kinds_kind_known CHECK (kind IN ('payment_received', 'low_balance', 'pause_confirmed',
        'change_confirmed', 'not_delivered')),
    CONSTRAINT ck_message_kinds_quiet_is_a_span
        CHECK (num_nonnulls(quiet_from, quiet_to) IN (0, 2) AND quiet_from <> quiet_to),
    CONSTRAINT ck_message_kinds_below_of_low_balance CHECK ((below IS NOT NULL) = (kind = 'low_balance')),
    CONSTRAINT ck_message_kinds_below_not_negative CHECK (below >= 0 AND below <> 'NaN')
);
COMMENT ON TABLE message_kinds IS
    'Whether messages of a kind are sent by themselves, and at which hours not. One row a kind, for ever.';
COMMENT ON COLUMN message_kinds.quiet_from IS 'From this hour of the dairy''s day nobody is told …';
COMMENT ON COLUMN message_kinds.quiet_to IS '… until this one, perhaps of the next day.';
COMMENT ON COLUMN message_kinds.below IS
    'Told when less than so many rupees are left until the customer''s limit.';
INSERT INTO message_kinds (kind, below) VALUES ('payment_received', NULL), ('low_balance', 200),
    ('pause_confirmed', NULL), ('change_confirmed', NULL), ('not_delivered', NULL);
CREATE TRIGGER tr_audit_insert AFTER INSERT ON message_kinds REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'kind');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON message_kinds REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'kind');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON message_kinds
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'kind');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON message_kinds REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'kind');
"""
TELLING = r"""
CREATE FUNCTION filled_words(p_text text, p_values jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(string_agg(m.part[1] || coalesce(p_values ->> m.part[3], m.part[2], ''), '' ORDER BY m.n), '')
    FROM regexp_matches(p_text, '([^{]*)(\{([^{}]*)\})?', 'g') WITH ORDINALITY AS m (part, n);
END;
CREATE FUNCTION worded_day(p_day date, p_language text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT extract(day FROM p_day) || ' ' || (CASE p_language
        WHEN 'hi' THEN '{जनवरी,फ़रवरी,मार्च,अप्रैल,मई,जून,जुलाई,अगस्त,सितंबर,अक्टूबर,नवंबर,दिसंबर}'::text[]
        ELSE '{Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec}'::text[] END)[extract(month FROM p_day)::integer]
        || ' ' || extract(year FROM p_day);
END;
CREATE FUNCTION worded_period(p_first date, p_last date, p_language text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN p_first = p_last THEN CASE p_language WHEN 'hi' THEN worded_day(p_first, 'hi') || ' को'
            ELSE 'on ' || worded_day(p_first, p_language) END
        WHEN p_last IS NULL THEN CASE p_language WHEN 'hi' THEN worded_day(p_first, 'hi') || ' से'
            ELSE 'from ' || worded_day(p_first, p_language) || ' on' END
        WHEN p_language = 'hi' THEN worded_day(p_first, 'hi') || ' से ' || worded_day(p_last, 'hi') || ' तक'
        ELSE 'from ' || worded_day(p_first, p_language) || ' to ' || worded_day(p_last, p_language) END;
END;
CREATE FUNCTION worded_amount(p_amount numeric) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT '₹' || CASE WHEN p_amount < 0 THEN '−' ELSE '' END
        || to_char(abs(p_amount), 'FM99,99,99,99,99,99,99,990.00');
END;
CREATE FUNCTION worded_quantity(p_quantity numeric, p_unit text, p_language text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT trim_scale(p_quantity) || ' ' || CASE
        WHEN p_language = 'hi' THEN CASE p_unit WHEN 'litre' THEN 'लीटर' WHEN 'kg' THEN 'किलो'
            WHEN 'packet' THEN 'पैकेट' WHEN 'piece' THEN 'नग' WHEN 'dozen' THEN 'दर्जन' ELSE p_unit END
        WHEN p_unit = 'litre' THEN 'L'
        WHEN p_unit IN ('packet', 'piece') AND p_quantity <> 1 THEN p_unit || 's'
        ELSE p_unit END;
END;
CREATE FUNCTION worded_changes(p_changes jsonb, p_language text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT string_agg(
            coalesce(worded_day(c.day, p_language), worded_period(c.first, c.last, p_language)) || ': ' || c.product
            || ' ' || coalesce(worded_quantity(c.quantity, c.unit, p_language),
                CASE p_language WHEN 'hi' THEN 'हमेशा की तरह' ELSE 'as usual' END),
            '; ' ORDER BY c.n)
        || CASE WHEN jsonb_array_length(p_changes) > 10 THEN '; …' ELSE '' END
    FROM (SELECT (e.each ->> 'day')::date AS day, (e.each ->> 'first')::date AS first,
            (e.each ->> 'last')::date AS last, e.each ->> 'product' AS product,
            (e.each ->> 'quantity')::numeric AS quantity, e.each ->> 'unit' AS unit, e.n
        FROM jsonb_array_elements(p_changes) WITH ORDINALITY AS e (each, n) WHERE e.n <= 10) c;
END;
CREATE FUNCTION worded_values(p_raw jsonb, p_language text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_object_agg(r.key, CASE jsonb_typeof(r.value)
        WHEN 'number' THEN worded_amount((r.value #>> '{}')::numeric)
        WHEN 'array' THEN worded_changes(r.value, p_language)
        WHEN 'object' THEN CASE
            WHEN r.value ? 'first' THEN
                worded_period((r.value ->> 'first')::date, (r.value ->> 'last')::date, p_language)
            WHEN r.value ? 'day' THEN worded_day((r.value ->> 'day')::date, p_language)
            WHEN r.value ->> 'instead' IS NULL THEN
                CASE p_language WHEN 'hi' THEN 'उसके बदले कुछ नहीं आएगा।' ELSE 'Nothing comes instead.' END
            WHEN p_language = 'hi' THEN worded_day((r.value ->> 'instead')::date, 'hi') || ' को उसके बदले आएगा।'
            ELSE 'It comes on ' || worded_day((r.value ->> 'instead')::date, p_language) || ' instead.' END
        ELSE coalesce(r.value #>> '{}', '') END)
    FROM jsonb_each(p_raw) r;
END;
CREATE FUNCTION usual_words() RETURNS TABLE (kind text, language text, subject text, body text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    VALUES
    ('payment_received', 'en', '{dairy}: {amount} received', 'Dear {name}, thank you: {dairy} has received {amount} on'
        ' {day}, receipt {number}. Still to pay: {balance}.'),
    ('payment_received', 'hi', '{dairy}: {amount} मिले', 'प्रिय {name}, धन्यवाद: {dairy} को {day} को'
        ' {amount} मिले, रसीद {number}। अब देय: {balance}।'),
    ('low_balance', 'en', '{dairy}: {left} is left', 'Dear {name}, with {dairy} {left} is left until your limit is'
        ' reached. Please pay soon, so that nothing is held back.'),
    ('low_balance', 'hi', '{dairy}: {left} बचे हैं', 'प्रिय {name}, {dairy} में आपकी सीमा तक {left} बचे हैं।'
        ' कृपया जल्द भुगतान करें, ताकि कुछ न रुके।'),
    ('pause_confirmed', 'en', '{dairy}: nothing comes {period}', 'Dear {name}, noted: {period} this does not come:'
        ' {products}. {dairy}'),
    ('pause_confirmed', 'hi', '{dairy}: {period} कुछ नहीं आएगा', 'प्रिय {name}, नोट किया गया: {period} यह नहीं'
        ' आएगा: {products}। {dairy}'),
    ('change_confirmed', 'en', '{dairy}: your change is noted', 'Dear {name}, noted: {changes}. {dairy}'),
    ('change_confirmed', 'hi', '{dairy}: आपका बदलाव नोट हुआ', 'प्रिय {name}, नोट किया गया: {changes}। {dairy}'),
    ('not_delivered', 'en', '{dairy}: no delivery on {day}', 'Dear {name}, on {day} {dairy} brings nothing: {reason}.'
        ' {instead}'),
    ('not_delivered', 'hi', '{dairy}: {day} को कुछ नहीं आएगा', 'प्रिय {name}, {day} को {dairy} कुछ नहीं'
        ' लाएगी: {reason}। {instead}');
END;
CREATE FUNCTION queue_told(p_kind text, p_customers uuid[], p_raw jsonb[], p_keys text[], p_not_before timestamptz,
    p_expires_at timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_name constant text := chr(1);
    v_queued integer;
BEGIN
    WITH told AS MATERIALIZED (
        SELECT c.id, c.name, n.raw, n.key, w.channel, w.recipient, CASE WHEN c.language = ANY (spoken.languages)
            THEN c.language WHEN s.language = ANY (spoken.languages) THEN s.language ELSE 'en' END AS language,
            k.quiet_from, k.quiet_to, coalesce(s.business_name, '') AS dairy
        FROM unnest(p_customers, p_raw, p_keys) AS n (customer_id, raw, key)
        JOIN customers c ON c.id = n.customer_id
        CROSS JOIN settings s
        JOIN message_kinds k ON k.kind = p_kind AND k.is_on
        CROSS JOIN LATERAL (SELECT array_agg(u.language) AS languages FROM usual_words() u
            WHERE u.kind = p_kind AND u.language IN ('en', s.second_language)) spoken
        CROSS JOIN LATERAL (SELECT coalesce(c.channel, 'whatsapp') AS channel,
            CASE c.channel WHEN 'email' THEN c.email ELSE c.phone END AS recipient) w
        WHERE w.recipient IS NOT NULL AND p_kind <> ALL (c.messages_off)
    ), worded AS MATERIALIZED (
        SELECT d.raw, d.channel, d.language, v.told, left(filled_words(coalesce(t.body, u.body), v.told), 4000) AS body,
            CASE d.channel WHEN 'email' THEN filled_words(coalesce(t.subject, u.subject), v.told) END AS subject
        FROM (SELECT DISTINCT m.raw, m.channel, m.language, m.dairy FROM told m) d
        JOIN usual_words() u ON u.kind = p_kind AND u.language = d.language
        CROSS JOIN LATERAL (SELECT worded_values(d.raw, d.language)
            || jsonb_build_object('name', v_name, 'dairy', d.dairy) AS told OFFSET 0) v
        LEFT JOIN LATERAL (SELECT m.subject, m.body FROM message_templates m
            WHERE m.kind = p_kind AND m.language = d.language AND (m.channel = d.channel OR m.channel IS NULL)
            ORDER BY m.channel NULLS LAST LIMIT 1) t ON true
    )
    INSERT INTO outbox_messages (kind, channel, recipient, language, subject, body, told, customer_id, not_before,
        expires_at, quiet_from, quiet_to, dedupe_key)
    SELECT p_kind, m.channel, m.recipient, m.language, left(replace(w.subject, v_name, m.name), 200),
        left(replace(w.body, v_name, m.name), 4000), w.told || jsonb_build_object('name', m.name), m.id,
        coalesce(p_not_before, now()), p_expires_at, m.quiet_from, m.quiet_to, m.key
    FROM told m
    JOIN worded w ON w.raw = m.raw AND w.channel = m.channel AND w.language = m.language
    WHERE coalesce(p_expires_at > coalesce(p_not_before, now()), true)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_queued = ROW_COUNT;
    RETURN v_queued;
END $$;
CREATE FUNCTION withdraw_told(p_kind text, p_customers uuid[], p_prefixes text[], p_why text) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    UPDATE outbox_messages SET status = 'withdrawn', last_error = p_why, leased_until = NULL, updated_at = now()
    WHERE status = 'queued' AND kind = p_kind AND (p_customers IS NULL OR customer_id = ANY (p_customers))
        AND EXISTS (SELECT FROM unnest(p_prefixes) AS p (prefix) WHERE starts_with(dedupe_key, p.prefix))
        AND (leased_until IS NULL OR leased_until <= now());
END;
CREATE FUNCTION tell_received_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM message_kinds k WHERE k.kind = 'payment_received' AND k.is_on) THEN
        RETURN NULL;
    END IF;
    PERFORM queue_told('payment_received', array_agg(a.customer_id), array_agg(jsonb_build_object('amount', a.amount,
            'day', jsonb_build_object('day', a.received_on), 'number', a.receipt_no, 'balance', b.balance)),
        array_agg('payment_received:' || a.id), NULL, NULL)
    FROM arrived a CROSS JOIN settings s
    CROSS JOIN LATERAL (SELECT greatest(coalesce(sum(l.debit - l.credit), 0), 0) AS balance FROM customer_ledger l
        WHERE l.customer_id = a.customer_id) b
    WHERE a.legacy_id IS NULL AND a.received_on >= (now() AT TIME ZONE s.time_zone)::date - 7;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_insert AFTER INSERT ON payments REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_received_payments();
CREATE FUNCTION take_back_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM withdraw_told('payment_received', ARRAY[NEW.customer_id], ARRAY['payment_received:' || NEW.id],
        'the payment was reversed');
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_update AFTER UPDATE OF status ON payments FOR EACH ROW
    WHEN (NEW.status = 'reversed' AND OLD.status <> 'reversed') EXECUTE FUNCTION take_back_payment();
CREATE FUNCTION tell_pauses() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_rows jsonb;
    v_kind constant text := CASE TG_OP WHEN 'DELETE' THEN 'change_confirmed' ELSE 'pause_confirmed' END;
BEGIN
    IF NOT EXISTS (SELECT FROM message_kinds k WHERE k.kind = v_kind AND k.is_on) AND TG_OP = 'INSERT' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        SELECT jsonb_agg(to_jsonb(a) - 'reason') INTO v_rows FROM arrived a
        WHERE a.legacy_id IS NULL AND a.channel <> 'import';
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT jsonb_agg(to_jsonb(a) - 'reason') INTO v_rows FROM arrived a JOIN departed d ON d.id = a.id
        WHERE a.period <> d.period;
    ELSE
        SELECT jsonb_agg(to_jsonb(d) - 'reason') INTO v_rows FROM departed d;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM withdraw_told('pause_confirmed', array_agg(s.customer_id),
            array_agg(concat('pause_confirmed:', coalesce(r.household_pause_id, r.id), ':')), 'the pause has changed')
        FROM jsonb_to_recordset(v_rows) AS r (id uuid, subscription_id uuid, household_pause_id uuid)
        JOIN subscriptions s ON s.id = r.subscription_id;
    END IF;
    PERFORM queue_told(v_kind, array_agg(p.customer_id), array_agg(p.raw),
        array_agg(concat_ws(':', v_kind, p.pause_id, p.first, p.last, extract(epoch FROM now()))), NULL, NULL)
    FROM (
        SELECT s.customer_id, coalesce(r.household_pause_id, r.id) AS pause_id, lower(r.period) AS first,
            upper(r.period) - 1 AS last,
            CASE TG_OP WHEN 'DELETE' THEN jsonb_build_object('changes', jsonb_agg(jsonb_build_object('product', g.name,
                    'first', lower(r.period), 'last', upper(r.period) - 1) ORDER BY g.name))
                ELSE jsonb_build_object('products', string_agg(DISTINCT g.name, ', '),
                    'period', jsonb_build_object('first', lower(r.period), 'last', upper(r.period) - 1)) END AS raw
        FROM jsonb_to_recordset(v_rows) AS r (id uuid, subscription_id uuid, household_pause_id uuid, period daterange)
        JOIN subscriptions s ON s.id = r.subscription_id
        JOIN products g ON g.id = s.product_id
        WHERE s.status IN ('active', 'paused') AND s.created_at < now()
        GROUP BY 1, 2, r.period
    ) p;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_insert AFTER INSERT ON subscription_pauses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_pauses();
CREATE TRIGGER tr_messages_update AFTER UPDATE ON subscription_pauses
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION tell_pauses();
CREATE TRIGGER tr_messages_delete AFTER DELETE ON subscription_pauses REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_pauses();
CREATE FUNCTION queue_changes(p_rows jsonb) RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT queue_told('change_confirmed', array_agg(p.customer_id),
        array_agg(jsonb_build_object('changes', p.changes)),
        array_agg(concat_ws(':', 'change_confirmed', p.customer_id, md5(p.changes::text), extract(epoch FROM now()))),
        NULL, NULL)
    FROM (
        SELECT o.customer_id, jsonb_agg(jsonb_build_object('day', r.day, 'product', g.name, 'quantity', r.quantity,
            'unit', g.unit) ORDER BY r.day, g.name) AS changes
        FROM jsonb_to_recordset(p_rows) AS r (subscription_id uuid, day date, quantity numeric)
        JOIN subscriptions o ON o.id = r.subscription_id
        JOIN products g ON g.id = o.product_id
        CROSS JOIN settings s
        WHERE o.created_at < now() AND r.day >= (now() AT TIME ZONE s.time_zone)::date
        GROUP BY 1
    ) p;
END;
CREATE FUNCTION tell_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_cleared jsonb := coalesce(nullif(current_setting('dairy.cleared_days', true), ''), '[]')::jsonb;
    v_rows jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM message_kinds k WHERE k.kind = 'change_confirmed' AND k.is_on) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        SELECT jsonb_agg(jsonb_build_object('subscription_id', d.subscription_id, 'day', d.date, 'was', d.quantity))
        INTO v_rows FROM departed d;
        PERFORM set_config('dairy.cleared_days', (v_cleared || coalesce(v_rows, '[]'))::text, true);
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        SELECT jsonb_agg(jsonb_build_object('subscription_id', a.subscription_id, 'day', a.date,
            'quantity', a.quantity)) INTO v_rows
        FROM arrived a WHERE a.legacy_id IS NULL AND a.channel <> 'import' AND NOT EXISTS (
            SELECT FROM jsonb_to_recordset(v_cleared) AS c (subscription_id uuid, day date, was numeric)
            WHERE c.subscription_id = a.subscription_id AND c.day = a.date AND c.was = a.quantity);
    ELSE
        SELECT jsonb_agg(jsonb_build_object('subscription_id', a.subscription_id, 'day', a.date,
            'quantity', a.quantity)) INTO v_rows
        FROM arrived a JOIN departed d ON d.id = a.id WHERE a.quantity <> d.quantity;
    END IF;
    PERFORM queue_changes(v_rows);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_insert AFTER INSERT ON subscription_overrides REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_changes();
CREATE TRIGGER tr_messages_update AFTER UPDATE ON subscription_overrides
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION tell_changes();
CREATE TRIGGER tr_messages_delete AFTER DELETE ON subscription_overrides REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_changes();
CREATE FUNCTION tell_cleared_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_cleared text := nullif(current_setting('dairy.cleared_days', true), '');
BEGIN
    IF v_cleared IS NOT NULL THEN
        PERFORM set_config('dairy.cleared_days', '', true);
        PERFORM queue_changes(jsonb_agg(jsonb_build_object('subscription_id', c.subscription_id, 'day', c.day)))
        FROM (SELECT DISTINCT r.subscription_id, r.day
            FROM jsonb_to_recordset(v_cleared::jsonb) AS r (subscription_id uuid, day date)) c
        WHERE NOT EXISTS (SELECT FROM subscription_overrides o
            WHERE o.subscription_id = c.subscription_id AND o.date = c.day);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_messages_cleared AFTER DELETE ON subscription_overrides DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell_cleared_days();
CREATE FUNCTION queue_not_delivered(p_customers uuid[], p_closings uuid[]) RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT coalesce(sum(queue_told('not_delivered', w.customers, w.raw, w.keys,
        greatest(now(), (w.day - 1)::timestamp AT TIME ZONE s.time_zone),
        (w.day + 1)::timestamp AT TIME ZONE s.time_zone)), 0)::integer
    FROM settings s CROSS JOIN (
        SELECT d.day, array_agg(n.customer_id) AS customers, array_agg(jsonb_build_object('day',
                jsonb_build_object('day', d.day), 'reason', d.reason, 'instead',
                jsonb_build_object('instead', d.deliver_on))) AS raw,
            array_agg(concat_ws(':', 'not_delivered', d.id, n.customer_id)) AS keys
        FROM (SELECT DISTINCT m.customer_id, m.closing_id FROM unnest(p_customers, p_closings)
            AS m (customer_id, closing_id)) n
        JOIN closed_days d ON d.id = n.closing_id
        GROUP BY d.day
    ) w;
END;
CREATE FUNCTION tell_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM message_kinds k WHERE k.kind = 'not_delivered' AND k.is_on) THEN
        PERFORM queue_not_delivered(array_agg(o.customer_id), array_agg(o.closed_day_id))
        FROM orders o WHERE o.closed_day_id = NEW.id AND o.status = 'CANCELLED';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_messages_insert AFTER INSERT ON closed_days DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell_closed_day();
CREATE FUNCTION take_back_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM withdraw_told('not_delivered', NULL, ARRAY['not_delivered:' || OLD.id || ':'],
        'the day was opened again');
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_delete AFTER DELETE ON closed_days
    FOR EACH ROW EXECUTE FUNCTION take_back_closed_day();
"""


def upgrade() -> None:
    run(COLUMNS)
    run(CHECKS)
    run(STAND)
    run(KINDS)
    run(TELLING)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM message_templates WHERE whatsapp_name IS NOT NULL OR kind NOT IN ('bill', 'reminder')"
        " UNION ALL SELECT FROM outbox_messages WHERE provider_id IS NOT NULL",
        "names of templates at WhatsApp, ids of messages there, or own words for new kinds",
    )
    run("""
    DROP TRIGGER tr_messages_insert ON payments;
    DROP TRIGGER tr_messages_update ON payments;
    DROP TRIGGER tr_messages_insert ON subscription_pauses;
    DROP TRIGGER tr_messages_update ON subscription_pauses;
    DROP TRIGGER tr_messages_delete ON subscription_pauses;
    DROP TRIGGER tr_messages_insert ON subscription_overrides;
    DROP TRIGGER tr_messages_update ON subscription_overrides;
    DROP TRIGGER tr_messages_delete ON subscription_overrides;
    DROP TRIGGER tr_messages_cleared ON subscription_overrides;
    DROP TRIGGER tr_messages_insert ON closed_days;
    DROP TRIGGER tr_messages_delete ON closed_days;
    DROP FUNCTION take_back_closed_day;
    DROP FUNCTION tell_closed_day;
    DROP FUNCTION queue_not_delivered;
    DROP FUNCTION tell_cleared_days;
    DROP FUNCTION tell_changes;
    DROP FUNCTION queue_changes;
    DROP FUNCTION tell_pauses;
    DROP FUNCTION take_back_payment;
    DROP FUNCTION tell_received_payments;
    DROP FUNCTION withdraw_told;
    DROP FUNCTION queue_told;
    DROP FUNCTION usual_words;
    DROP FUNCTION worded_values;
    DROP FUNCTION worded_changes;
    DROP FUNCTION worded_quantity;
    DROP FUNCTION worded_amount;
    DROP FUNCTION worded_period;
    DROP FUNCTION worded_day;
    DROP FUNCTION filled_words;
    DROP TABLE message_kinds;
    DELETE FROM message_templates WHERE kind NOT IN ('bill', 'reminder');
    ALTER TABLE message_templates DROP CONSTRAINT ck_message_templates_kind_known;
    ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_kind_known CHECK (kind IN ('bill', 'reminder'));
    """)
    run(STAND_BEFORE)
    run("""
    ALTER TABLE message_templates DROP COLUMN whatsapp_document;
    ALTER TABLE message_templates DROP COLUMN whatsapp_numbered;
    ALTER TABLE message_templates DROP COLUMN whatsapp_language;
    ALTER TABLE message_templates DROP COLUMN whatsapp_name;
    ALTER TABLE outbox_messages DROP COLUMN provider_id;
    ALTER TABLE outbox_messages DROP COLUMN told;
    """)
