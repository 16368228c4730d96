-- Numbers of the vouchers of refunds follow each other without a gap.
-- before the tables
CREATE FUNCTION next_refund_no() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    taken integer;
BEGIN
    INSERT INTO receipt_series AS r (series, next_no) VALUES ('RF', 2)
    ON CONFLICT (series) DO UPDATE SET next_no = r.next_no + 1 RETURNING next_no - 1 INTO taken;
    RETURN 'RF' || lpad(taken::text, 7, '0');
END $$;
