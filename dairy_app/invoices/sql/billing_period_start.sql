-- First day of the billing period of a day. Weeks are those of the month (1–7, 8–14, 15–21, 22–28, rest): a period
-- never spans two months, so every invoice belongs to one month and one financial year.
CREATE FUNCTION billing_period_start(cycle text, day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_trunc('month', day::timestamp)::date + CASE cycle
    WHEN 'half_monthly' THEN CASE WHEN extract(day FROM day) > 15 THEN 15 ELSE 0 END
    WHEN 'weekly' THEN (extract(day FROM day)::integer - 1) / 7 * 7
    ELSE 0 END;
