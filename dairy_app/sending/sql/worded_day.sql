-- A day in the words of messages, as documents have it: 10 Nov 2026.
CREATE FUNCTION worded_day(p_day date, p_language text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT extract(day FROM p_day) || ' ' || (CASE p_language
        WHEN 'hi' THEN '{जनवरी,फ़रवरी,मार्च,अप्रैल,मई,जून,जुलाई,अगस्त,सितंबर,अक्टूबर,नवंबर,दिसंबर}'::text[]
        ELSE '{Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec}'::text[] END)[extract(month FROM p_day)::integer]
        || ' ' || extract(year FROM p_day);
END;
