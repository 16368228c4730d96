-- Every entry that moves what a customer owes. Entries of one day are in the order of place.
CREATE VIEW customer_ledger AS
SELECT customer_id, as_of AS entry_date, 1 AS place, 'opening' AS kind, NULL::text AS document, id AS document_id,
    greatest(amount, 0)::numeric(12,2) AS debit, greatest(-amount, 0)::numeric(12,2) AS credit
FROM opening_balances
UNION ALL
SELECT customer_id, invoice_date, 2, 'invoice', number, id, total, 0::numeric(12,2)
FROM invoices WHERE status IN ('issued', 'void')
UNION ALL
SELECT customer_id, invoice_date, 3, 'void', number, id, 0::numeric(12,2), total
FROM invoices WHERE status = 'void'
UNION ALL
SELECT customer_id, note_date, 4, 'credit_note', number, id, 0::numeric(12,2), total FROM credit_notes
UNION ALL
SELECT customer_id, received_on, 5, 'payment', receipt_no, id, 0::numeric(12,2), amount FROM payments
UNION ALL
SELECT customer_id, reversed_on, 6, 'reversal', receipt_no, id, amount, 0::numeric(12,2)
FROM payments WHERE status = 'reversed'
UNION ALL
SELECT customer_id, written_off_on, 7, 'write_off', NULL, id, 0::numeric(12,2), amount FROM write_offs
UNION ALL
SELECT customer_id, paid_on, 8, 'refund', voucher_no, id, amount, 0::numeric(12,2) FROM refunds
UNION ALL
SELECT customer_id, reversed_on, 9, 'refund_reversal', voucher_no, id, 0::numeric(12,2), amount
FROM refunds WHERE status = 'reversed'
UNION ALL
SELECT customer_id, note_date, 4, 'debit_note', number, id, total, 0::numeric(12,2) FROM debit_notes;
