-- What differs between two images of a row. Secrets are shown as ***, and only whether they changed.
CREATE FUNCTION audit_difference(was jsonb, is_now jsonb, silent text[]) RETURNS TABLE (before jsonb, after jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN was IS NOT NULL THEN jsonb_object_agg(d.shown, CASE WHEN d.secret AND d.old <> 'null' THEN '"***"'
        ELSE d.old END) END,
    CASE WHEN is_now IS NOT NULL THEN jsonb_object_agg(d.shown, CASE WHEN d.secret AND d.new <> 'null' THEN '"***"'
        ELSE d.new END) END
FROM (
    SELECT was -> c.name AS old, is_now -> c.name AS new, s.secret,
        CASE WHEN s.secret THEN left(c.name, -5) ELSE c.name END AS shown
    FROM jsonb_object_keys(coalesce(is_now, was)) AS c (name)
    CROSS JOIN LATERAL (SELECT c.name IN ('password_hash', 'token_hash', 'pin_hash') AS secret) s
    WHERE c.name <> ALL (silent) AND nullif(was -> c.name, 'null') IS DISTINCT FROM nullif(is_now -> c.name, 'null')
) d HAVING count(*) > 0
$$;
