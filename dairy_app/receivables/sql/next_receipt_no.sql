-- Numbers of receipts follow each other without a gap.
-- before the tables
CREATE FUNCTION next_receipt_no() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    taken integer;
BEGIN
    INSERT INTO receipt_series AS r (series, next_no) VALUES ('R', 2)
    ON CONFLICT (series) DO UPDATE SET next_no = r.next_no + 1 RETURNING next_no - 1 INTO taken;
    RETURN 'R' || lpad(taken::text, 7, '0');
END $$;
