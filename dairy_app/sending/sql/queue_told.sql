-- Queues one message of a kind for each of some customers, where the kind is on: by the customer's own way, in its
-- language, in the dairy's own words or the usual ones, once for each key ever; who has no address for the way, or
-- wants none of the kind, is left out. p_raw: what the names stand for, as worded_values takes it; name and dairy are
-- added. What is the same for many is worded once, with a character that no text holds in the place of the name. One
-- statement, whatever the number. Returns how many were queued.
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
