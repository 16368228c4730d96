-- The financial year of a day: 2627 is April 2026 to March 2027 when first_month is 4.
CREATE FUNCTION financial_year(day date, first_month integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lpad((extract(year FROM day - make_interval(months => first_month - 1))::integer % 100)::text, 2, '0')
    || lpad(((extract(year FROM day - make_interval(months => first_month - 1))::integer + 1) % 100)::text, 2, '0');
