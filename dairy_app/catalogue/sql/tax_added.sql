-- An amount in rupees at the dairy's prices, with the tax that a bill adds to them: none where prices include it, or where
-- the dairy is not registered.
CREATE FUNCTION tax_added(p_amount numeric, p_tax_class text, p_day date) RETURNS numeric LANGUAGE sql STABLE AS $$
SELECT CASE WHEN s.gstin IS NULL OR s.prices_include_tax THEN p_amount
    ELSE p_amount + round(p_amount * coalesce((SELECT r.gst_rate FROM tax_rates r
        WHERE r.tax_class = p_tax_class AND r.valid @> p_day), 0) / 100, 2) END
FROM settings s
$$;
