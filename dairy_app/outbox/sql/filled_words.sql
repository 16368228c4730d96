-- A text with what its names in braces stand for; a name without a value stays as it is, and so does a brace within a
-- value. The same as filled() in outbox/rules.py.
CREATE FUNCTION filled_words(p_text text, p_values jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(string_agg(m.part[1] || coalesce(p_values ->> m.part[3], m.part[2], ''), '' ORDER BY m.n), '')
    FROM regexp_matches(p_text, '([^{]*)(\{([^{}]*)\})?', 'g') WITH ORDINALITY AS m (part, n);
END;
