-- The common expressions of open_items and applications. p_customers NULL: all. net is what is left of a debit after
-- its own credit notes and write-offs, rest what the chosen allocations leave of it. What these take back of an invoice
-- beyond its total they take of its debit notes, the oldest first: own_upto is how much of it stands before and in a
-- debit. A chosen amount that its invoice no longer takes is free money again.
-- A refund takes of the free money that was there on the day of the customer's last refund what came last: that had
-- found no debit, so what was settled stays settled, and an invoice that comes later, whatever its date, finds nothing
-- of it. returned is how much of a customer's refunds that covers; the rest, once a payment is taken back, is owed as
-- an invoice is.
own AS (
    SELECT t.*, sum(t.amount) OVER (PARTITION BY t.invoice_id ORDER BY t.day, t.kind, t.id) AS upto FROM (
        SELECT n.invoice_id, 'credit_note' AS kind, n.id, n.total AS amount, n.note_date AS day FROM credit_notes n
        WHERE n.note_date <= p_as_of AND (p_customers IS NULL OR n.customer_id = ANY (p_customers))
        UNION ALL
        SELECT w.invoice_id, 'write_off', w.id, w.amount, w.written_off_on FROM write_offs w
        WHERE w.invoice_id IS NOT NULL AND w.written_off_on <= p_as_of
            AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
    ) t
), taken AS (
    SELECT invoice_id, sum(amount) AS amount FROM own GROUP BY 1
), debits AS (
    SELECT b.customer_id, 'opening' AS kind, b.id, NULL::text AS document, b.as_of AS day, b.as_of AS due_day,
        b.amount, b.amount AS net, NULL::uuid AS own_of, NULL::numeric AS own_upto
    FROM opening_balances b
    WHERE b.amount > 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT i.customer_id, 'invoice', i.id, i.number, i.invoice_date, i.due_date, i.total,
        greatest(i.total - coalesce(t.amount, 0), 0), i.id, i.total
    FROM invoices i LEFT JOIN taken t ON t.invoice_id = i.id
    WHERE i.status = 'issued' AND i.invoice_date <= p_as_of
        AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
    UNION ALL
    SELECT n.customer_id, 'debit_note', n.id, n.number, n.note_date, n.due_date, n.total,
        n.total - least(greatest(coalesce(t.amount, 0) - n.own_upto + n.total, 0), n.total), n.invoice_id, n.own_upto
    FROM (
        SELECT d.*, i.total + sum(d.total) OVER (PARTITION BY d.invoice_id ORDER BY d.note_date, d.id) AS own_upto
        FROM debit_notes d JOIN invoices i ON i.id = d.invoice_id
        WHERE d.note_date <= p_as_of AND (p_customers IS NULL OR d.customer_id = ANY (p_customers))
    ) n LEFT JOIN taken t ON t.invoice_id = n.invoice_id
), received AS (
    SELECT p.customer_id, 'payment' AS kind, p.id, p.received_on AS day, p.amount FROM payments p
    WHERE p.received_on <= p_as_of AND (p.reversed_on IS NULL OR p.reversed_on > p_as_of)
        AND (p_customers IS NULL OR p.customer_id = ANY (p_customers))
    UNION ALL
    SELECT b.customer_id, 'opening', b.id, b.as_of, -b.amount FROM opening_balances b
    WHERE b.amount < 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.customer_id, 'write_off', w.id, w.written_off_on, w.amount FROM write_offs w
    WHERE w.invoice_id IS NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), chosen AS (
    SELECT c.payment_id, c.invoice_id, greatest(least(c.upto, d.net) - (c.upto - c.amount), 0) AS amount
    FROM (
        SELECT a.payment_id, a.invoice_id, a.amount,
            sum(a.amount) OVER (PARTITION BY a.invoice_id ORDER BY a.allocated_on, a.id) AS upto
        FROM payment_allocations a JOIN received p ON p.kind = 'payment' AND p.id = a.payment_id
        WHERE a.allocated_on <= p_as_of AND (a.released_on IS NULL OR a.released_on > p_as_of)
            AND (p_customers IS NULL OR a.customer_id = ANY (p_customers))
    ) c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id
), money AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
), refunded AS (
    SELECT r.customer_id, r.id, r.voucher_no, r.paid_on AS day, r.amount,
        sum(r.amount) OVER (PARTITION BY r.customer_id ORDER BY r.paid_on, r.id) AS upto
    FROM refunds r
    WHERE r.paid_on <= p_as_of AND (r.reversed_on IS NULL OR r.reversed_on > p_as_of)
        AND (p_customers IS NULL OR r.customer_id = ANY (p_customers))
), returned AS (
    SELECT b.customer_id, coalesce(sum(m.rest), 0) AS had, least(b.amount, coalesce(sum(m.rest), 0)) AS amount
    FROM (SELECT r.customer_id, sum(r.amount) AS amount, max(r.day) AS day FROM refunded r GROUP BY 1) b
    LEFT JOIN money m ON m.customer_id = b.customer_id AND m.day <= b.day
    GROUP BY b.customer_id, b.amount
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM (
        SELECT * FROM debits
        UNION ALL
        SELECT r.customer_id, 'refund', r.id, r.voucher_no, r.day, r.day, r.amount,
            greatest(r.upto - greatest(b.amount, r.upto - r.amount), 0), NULL, NULL
        FROM refunded r JOIN returned b ON b.customer_id = r.customer_id
    ) d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT m.customer_id, m.kind, m.id, m.rest - (s.returned_upto - s.returned_before) AS rest,
        m.upto - s.returned_upto AS upto, s.returned_before, s.returned_upto
    FROM money m LEFT JOIN returned b ON b.customer_id = m.customer_id
    CROSS JOIN LATERAL (SELECT
        coalesce(least(greatest(m.upto - m.rest - b.had + b.amount, 0), b.amount), 0) AS returned_before,
        coalesce(least(greatest(m.upto - b.had + b.amount, 0), b.amount), 0) AS returned_upto) s
)
