"""Many issued invoices, made by SQL: for what only shows with volume."""

from collections.abc import Callable
from typing import Any

#: Lines are adjustments, because those need no orders.
_STATEMENTS = """
UPDATE settings SET business_name = 'Volume Dairy', state_code = '27';
INSERT INTO products (sku, name, unit, hsn_code, tax_class)
SELECT 'MILK' || n, 'Milk ' || n, 'litre', '0401', 'milk_fresh' FROM generate_series(1, 5) n;
INSERT INTO customers (name) SELECT 'Customer ' || n FROM generate_series(1, {invoices}) n;
INSERT INTO invoices (customer_id, period_start, period_end) SELECT id, '2026-10-01', '2026-10-31' FROM customers;
INSERT INTO users (name, email, role) VALUES ('Volume', 'volume@dairy.example', 'admin');
INSERT INTO adjustments (customer_id, invoice_id, kind, description, amount, adjusted_on, reason, created_by)
SELECT i.customer_id, i.id, 'charge', 'Milk', 9450, '2026-10-31', 'volume', u.id
FROM invoices i CROSS JOIN users u WHERE u.email = 'volume@dairy.example';
INSERT INTO invoice_lines (invoice_id, line_no, product_id, description, hsn_code, unit, source, prior_period,
    deliveries, first_date, last_date, quantity, unit_price, gross_amount, supply_type, gst_rate, taxable_value,
    cgst, sgst, igst, line_total)
SELECT i.id, row_number() OVER (PARTITION BY i.id), NULL::uuid, p.name, p.hsn_code, p.unit, 'adjustment', false, 30,
    '2026-10-01', '2026-10-31', 31.500, 60.00, 1890.00, 'exempt', 0, 0, 0, 0, 0, 1890.00
FROM invoices i CROSS JOIN products p;
ANALYZE customers; ANALYZE invoices; ANALYZE invoice_lines; ANALYZE adjustments;
UPDATE invoices i SET status = 'issued', series = 'INV', financial_year = '2627', sequence_no = k.n,
    number = 'INV/2627/' || lpad(k.n::text, 7, '0'), invoice_date = '2026-10-31', due_date = '2026-11-10',
    document_type = 'bill_of_supply', snapshot = jsonb_build_object(
        'buyer', jsonb_build_object('code', k.code, 'name', k.name, 'gstin', NULL, 'gst_treatment', 'consumer',
            'address', k.n || ' Main Road, Kothrud, Pune', 'pincode', '411038', 'state_code', '27',
            'area', 'Kothrud', 'phone', '+919812345678'),
        'seller', jsonb_build_object('business_name', 'Volume Dairy', 'gstin', '27AAPFU0939F1ZV')),
    place_of_supply = '27', taxable_value = 0, exempt_value = 9450, cgst = 0, sgst = 0, igst = 0, round_off = 0,
    total = 9450, previous_balance = 0, issued_at = '2026-11-01 00:00+05:30',
    document_hash = md5(k.n::text) || md5(k.n::text), previous_hash = '', hash_version = 1
FROM (SELECT c.id, c.code, c.name, row_number() OVER (ORDER BY c.code) AS n FROM customers c) k
WHERE k.id = i.customer_id;
ANALYZE invoices; ANALYZE invoice_lines;
"""


def make_invoices(sql: Callable[..., Any], invoices: int) -> int:
    """So many invoices of five lines each, in October 2026; returns the number of lines."""
    sql(_STATEMENTS.format(invoices=invoices))
    return invoices * 5
