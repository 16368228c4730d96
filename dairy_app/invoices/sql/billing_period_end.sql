-- Last day of the billing period of a day; see billing_period_start.
CREATE FUNCTION billing_period_end(cycle text, day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN cycle = 'half_monthly' AND extract(day FROM day) <= 15
        THEN date_trunc('month', day::timestamp)::date + 14
    WHEN cycle = 'weekly' AND extract(day FROM day) <= 28
        THEN date_trunc('month', day::timestamp)::date + ((extract(day FROM day)::integer - 1) / 7 * 7 + 6)
    ELSE (date_trunc('month', day::timestamp) + interval '1 month - 1 day')::date END;
