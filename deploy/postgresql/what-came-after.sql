-- What a database has that one restored to an earlier moment lacks. Run it in the database that was left as it is:
--
--   psql -X -v moment='2026-12-01 09:30+05:30' -f what-came-after.sql DATABASE
--
-- Each list is what somebody has to do again, to take back, or to know.
\set ON_ERROR_STOP on
SET TIME ZONE 'Asia/Kolkata';

\echo 'Documents whose numbers somebody may have in the hand:'
SELECT 'invoice' AS document, number, total, issued_at AS at FROM invoices WHERE issued_at > :'moment'
UNION ALL SELECT 'credit note', number, total, created_at FROM credit_notes WHERE created_at > :'moment'
UNION ALL SELECT 'debit note', number, total, created_at FROM debit_notes WHERE created_at > :'moment'
UNION ALL SELECT 'receipt', receipt_no, amount, created_at FROM payments WHERE created_at > :'moment'
UNION ALL SELECT 'refund', voucher_no, amount, created_at FROM refunds WHERE created_at > :'moment'
ORDER BY at;

\echo 'Money to book again, by its reference at the bank or the gateway:'
SELECT p.receipt_no, c.code, c.name, p.amount, p.method, p.reference, p.received_on
FROM payments p JOIN customers c ON c.id = p.customer_id WHERE p.created_at > :'moment' ORDER BY p.created_at;

\echo 'Deliveries that were confirmed or corrected:'
SELECT d.delivery_date, c.code, c.name, d.status, d.confirmed_by_name, greatest(d.confirmed_at, d.corrected_at) AS at
FROM delivery_statuses d JOIN customers c ON c.id = d.customer_id
WHERE greatest(d.confirmed_at, d.corrected_at) > :'moment' ORDER BY at;

\echo 'Orders that were made, but for those that the nightly run makes again:'
SELECT o.delivery_date, c.code, c.name, o.status, o.source, o.created_at
FROM orders o JOIN customers c ON c.id = o.customer_id
WHERE o.created_at > :'moment' AND o.source <> 'generator' ORDER BY o.created_at;

\echo 'Messages that were sent: what of them still waits in the restored database would be sent again:'
SELECT sent_at, kind, channel, recipient FROM outbox_messages WHERE sent_at > :'moment' ORDER BY sent_at;

\echo 'Events that other programs may have read:'
SELECT min(id) AS first, max(id) AS last, count(*) AS events FROM events WHERE at > :'moment' AND id IS NOT NULL;

\echo 'Logins and links that were closed: they are open again in the restored database:'
SELECT at, table_name, row_id, action, after FROM audit_log
WHERE at > :'moment' AND table_name IN ('users', 'shared_links', 'invitations') AND action <> 'INSERT' ORDER BY id;

\echo 'Everything else that changed, as the audit log has it:'
SELECT at, table_name, action, row_id, coalesce(u.name, db_user) AS who, after
FROM audit_log a LEFT JOIN users u ON u.id = a.actor_user_id
WHERE at > :'moment' AND table_name NOT IN ('users', 'shared_links', 'invitations') ORDER BY a.id;
