-- What comes on which days instead of the usual, in the words of messages: at most ten of them. Each has day or first
-- and last, product, quantity (null: as usual) and unit.
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
