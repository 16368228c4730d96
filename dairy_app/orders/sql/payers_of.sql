-- Whose rows are the lock of the money of some customers' deliveries: their own, those of whom they are billed to, and
-- of whom they were billed to while its draft is open.
CREATE FUNCTION payers_of(p_customers uuid[]) RETURNS SETOF uuid LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT w.id FROM unnest(p_customers) AS w (id)
    UNION SELECT c.billed_to FROM customers c WHERE c.id = ANY (p_customers) AND c.billed_to IS NOT NULL
    UNION SELECT o.payer_id FROM orders o JOIN invoices i ON i.id = o.invoice_id
    WHERE o.customer_id = ANY (p_customers) AND o.payer_id <> o.customer_id AND i.status = 'draft';
END;
