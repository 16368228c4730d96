-- Rupees with paise, grouped by lakh and crore, as documents have it: ₹12,34,567.50.
CREATE FUNCTION worded_amount(p_amount numeric) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT '₹' || CASE WHEN p_amount < 0 THEN '−' ELSE '' END
        || to_char(abs(p_amount), 'FM99,99,99,99,99,99,99,990.00');
END;
