-- By how much an amount at the dairy's prices is multiplied to have the tax in it, by tax class: 1 where prices include
-- it, or where the dairy's bills bear no tax.
CREATE FUNCTION tax_factors(p_day date) RETURNS TABLE (tax_class text, factor numeric) LANGUAGE sql STABLE AS $$
SELECT k.code, CASE WHEN s.gst_scheme <> 'regular' OR s.prices_include_tax THEN 1
    ELSE 1 + coalesce(r.gst_rate, 0) / 100 END
FROM tax_classes k
CROSS JOIN settings s
LEFT JOIN tax_rates r ON r.tax_class = k.code AND r.valid @> p_day
$$;
