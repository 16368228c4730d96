-- An invoice for a period up to this day is dated the day it is made: the return is filed, or the financial year is
-- over and closed even to those who file late.
CREATE FUNCTION late_through(p_day date) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT greatest(returns_filed_through(p_day), least(
    (date_trunc('month', p_day::timestamp) - interval '1 month')::date - 1,
    (date_trunc('year', p_day - make_interval(months => s.financial_year_start_month - 1))
        + make_interval(months => s.financial_year_start_month - 1))::date - 1)) FROM settings s);
