-- What the names of a message stand for, in words: numbers are rupees, an object is a day, days from the first to the
-- last, or when something comes instead, a list is of changes; a text stays.
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
