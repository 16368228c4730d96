-- Up to which day the returns of GST are filed. Without a day in the settings a month is taken as filed when the month
-- after the next one begins: GSTR-1 is due on the 11th of the following month (CGST Act s. 37).
CREATE FUNCTION returns_filed_through(p_day date) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT coalesce(s.returns_filed_through,
    (date_trunc('month', p_day::timestamp) - interval '1 month')::date - 1) FROM settings s);
