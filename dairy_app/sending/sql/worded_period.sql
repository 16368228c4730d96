-- Days from the first to the last one, both included, in the words of messages; p_last NULL: nobody knows until when.
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
