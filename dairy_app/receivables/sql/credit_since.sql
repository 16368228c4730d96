-- The least that a customer has had in credit on any day from p_day on, in rupees; below 0 it owed as much. So much can
-- be paid back on p_day: more would be lent to it, on that day or since.
CREATE FUNCTION credit_since(p_customer uuid, p_day date) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT -max(balance) FROM (
        SELECT sum(sum(amount)) OVER (ORDER BY day) AS balance FROM (
            SELECT greatest(entry_date, p_day) AS day, debit - credit AS amount FROM customer_ledger
            WHERE customer_id = p_customer
            UNION ALL SELECT p_day, 0) entries
        GROUP BY day) days);
END $$;
