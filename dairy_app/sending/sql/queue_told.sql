-- Queues one message of a kind for each of some customers, where the kind is on: by the customer's own way, in its
-- language, in the dairy's own words or the usual ones, once for each key ever; who has no address for the way, or
-- wants none of the kind, is left out. p_raw: what the names stand for, as worded_values takes it; name and dairy are
-- added. One statement, whatever the number. Returns how many were queued.
CREATE FUNCTION queue_told(p_kind text, p_customers uuid[], p_raw jsonb[], p_keys text[], p_not_before timestamptz,
    p_expires_at timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_queued integer;
BEGIN
    INSERT INTO outbox_messages (kind, channel, recipient, language, subject, body, told, customer_id, not_before,
        expires_at, quiet_from, quiet_to, dedupe_key)
    SELECT p_kind, w.channel, w.recipient, l.language,
        CASE w.channel WHEN 'email' THEN left(filled_words(coalesce(t.subject, u.subject), v.told), 200) END,
        left(filled_words(coalesce(t.body, u.body), v.told), 4000), v.told, c.id, coalesce(p_not_before, now()),
        p_expires_at, k.quiet_from, k.quiet_to, n.key
    FROM unnest(p_customers, p_raw, p_keys) AS n (customer_id, raw, key)
    JOIN customers c ON c.id = n.customer_id
    CROSS JOIN settings s
    JOIN message_kinds k ON k.kind = p_kind AND k.is_on
    CROSS JOIN LATERAL (SELECT coalesce(c.channel, 'whatsapp') AS channel,
        CASE c.channel WHEN 'email' THEN c.email ELSE c.phone END AS recipient) w
    CROSS JOIN LATERAL (SELECT CASE WHEN c.language IN ('en', s.second_language) AND c.language IN ('en', 'hi')
        THEN c.language WHEN s.language IN ('en', s.second_language) AND s.language IN ('en', 'hi') THEN s.language
        ELSE 'en' END AS language) l
    JOIN usual_words() u ON u.kind = p_kind AND u.language = l.language
    CROSS JOIN LATERAL (SELECT worded_values(n.raw, l.language)
        || jsonb_build_object('name', c.name, 'dairy', coalesce(s.business_name, '')) AS told) v
    LEFT JOIN LATERAL (SELECT m.subject, m.body FROM message_templates m
        WHERE m.kind = p_kind AND m.language = l.language AND (m.channel = w.channel OR m.channel IS NULL)
        ORDER BY m.channel NULLS LAST LIMIT 1) t ON true
    WHERE w.recipient IS NOT NULL AND p_kind <> ALL (c.messages_off)
        AND coalesce(p_expires_at > coalesce(p_not_before, now()), true)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_queued = ROW_COUNT;
    RETURN v_queued;
END $$;
