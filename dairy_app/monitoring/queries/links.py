"""What points at what, and where two ways to a customer must lead to the same one."""

#: (table, its key, column, what it must point at); those with a second column must agree about the customer too.
LINKS = (
    ("orders", "x.id::text", "customer_id", "customers"),
    ("orders", "x.id::text", "invoice_id", "invoices"),
    ("orders", "x.id::text", "payer_id", "customers"),
    ("order_items", "x.order_id || '/' || x.line_no", "order_id", "orders"),
    ("order_items", "x.order_id || '/' || x.line_no", "product_id", "products"),
    ("delivery_statuses", "x.id::text", "customer_id", "customers"),
    ("subscriptions", "x.id::text", "customer_id", "customers"),
    ("subscriptions", "x.id::text", "product_id", "products"),
    ("customers", "x.id::text", "user_id", "users"),
    ("customers", "x.id::text", "delivery_boy_id", "users"),
    ("customers", "x.id::text", "area_id", "areas"),
    ("customers", "x.id::text", "billed_to", "customers"),
    ("customer_moves", "x.id::text", "customer_id", "customers"),
    ("invoices", "x.id::text", "customer_id", "customers"),
    ("invoice_lines", "x.invoice_id || '/' || x.line_no", "invoice_id", "invoices"),
    ("invoice_lines", "x.invoice_id || '/' || x.line_no", "delivered_to", "customers"),
    ("payments", "x.id::text", "customer_id", "customers"),
    ("payment_allocations", "x.id::text", "payment_id", "payments"),
    ("payment_allocations", "x.id::text", "invoice_id", "invoices"),
    ("refunds", "x.id::text", "customer_id", "customers"),
    ("payment_links", "x.id::text", "customer_id", "customers"),
    ("payment_links", "x.id::text", "invoice_id", "invoices"),
    ("bank_statement_lines", "x.id::text", "statement_id", "bank_statements"),
    ("bank_statement_lines", "x.id::text", "payment_id", "payments"),
    ("gateway_events", "x.id::text", "payment_link_id", "payment_links"),
    ("gateway_events", "x.id::text", "payment_id", "payments"),
    ("gateway_events", "x.id::text", "refund_id", "refunds"),
    ("charge_rules", "x.id::text", "customer_id", "customers"),
    ("delivery_photos", "x.id::text", "customer_id", "customers"),
    ("delivery_photos", "x.id::text", "order_id", "orders"),
    ("container_movements", "x.id::text", "customer_id", "customers"),
    ("container_movements", "x.id::text", "order_id", "orders"),
    ("products", "x.id::text", "container_id", "containers"),
    ("credit_notes", "x.id::text", "invoice_id", "invoices"),
    ("debit_notes", "x.id::text", "invoice_id", "invoices"),
)
DANGLING = "\nUNION ALL\n".join(
    f"SELECT '{table}.{column} ' || {key} FROM {table} x WHERE x.{column} IS NOT NULL"
    f" AND NOT EXISTS (SELECT FROM {target} t WHERE t.id = x.{column})"
    for table, key, column, target in LINKS
)


#: (table, column, what it points at): both have a customer, and it is the same one.
OF_ONE_CUSTOMER = (
    ("orders", "subscription_id", "subscriptions"),
    ("orders", "placed_at_door_of", "orders"),
    ("archived_orders", "subscription_id", "subscriptions"),
    ("delivery_statuses", "order_id", "orders"),
    ("delivery_photos", "order_id", "orders"),
    ("container_movements", "order_id", "orders"),
    ("change_requests", "subscription_id", "subscriptions"),
    ("change_requests", "applied_order_id", "orders"),
    ("invoices", "companion_of", "invoices"),
    ("adjustments", "invoice_id", "invoices"),
    ("credit_notes", "invoice_id", "invoices"),
    ("debit_notes", "invoice_id", "invoices"),
    ("payment_allocations", "payment_id", "payments"),
    ("payment_allocations", "invoice_id", "invoices"),
    ("write_offs", "invoice_id", "invoices"),
    ("payment_links", "invoice_id", "invoices"),
    ("outbox_messages", "invoice_id", "invoices"),
)
CONTRADICTED = "\nUNION ALL\n".join(
    [
        *(
            f"SELECT '{table}.{column} ' || x.id FROM {table} x JOIN {target} t ON t.id = x.{column}"
            " WHERE t.customer_id <> x.customer_id"
            for table, column, target in OF_ONE_CUSTOMER
        ),
        "SELECT 'orders.invoice_id ' || x.id FROM orders x JOIN invoices t ON t.id = x.invoice_id"
        " WHERE t.customer_id IS DISTINCT FROM x.payer_id",
        "SELECT 'archived_orders.invoice_id ' || x.id FROM archived_orders x JOIN invoices t ON t.id = x.invoice_id"
        " WHERE t.customer_id IS DISTINCT FROM x.payer_id",
        "SELECT 'archived_delivery_statuses.order_id ' || x.id FROM archived_delivery_statuses x"
        " JOIN archived_orders t ON t.id = x.order_id WHERE t.customer_id <> x.customer_id",
        "SELECT 'customers.billed_to ' || x.id FROM customers x JOIN customers t ON t.id = x.billed_to"
        " WHERE t.billed_to IS NOT NULL OR t.merged_into IS NOT NULL",
    ]
)

#: Tables with a customer of their own, and their key.
OF_CUSTOMERS = {
    "orders": "id",
    "archived_orders": "id",
    "delivery_statuses": "id",
    "archived_delivery_statuses": "id",
    "delivery_photos": "id",
    "unlinked_delivery_statuses": "id",
    "subscriptions": "id",
    "invoices": "id",
    "adjustments": "id",
    "credit_notes": "id",
    "debit_notes": "id",
    "payments": "id",
    "payment_allocations": "id",
    "payment_links": "id",
    "refunds": "id",
    "opening_balances": "id",
    "write_offs": "id",
    "customer_prices": "id",
    "charge_rules": "id",
    "customer_moves": "id",
    "unlinked_customers": "customer_id",
    "change_requests": "id",
    "outbox_messages": "id",
    "container_movements": "id",
    "container_balances": "customer_id",
}
OF_MERGED = "\nUNION ALL\n".join(
    [
        *(
            f"SELECT '{table} ' || x.{key} FROM {table} x JOIN customers c ON c.id = x.customer_id"
            " WHERE c.merged_into IS NOT NULL"
            for table, key in OF_CUSTOMERS.items()
        ),
        *(
            f"SELECT '{table} ' || x.id FROM {table} x JOIN customers c ON c.id = x.issued_to"
            " WHERE c.merged_into IS DISTINCT FROM x.customer_id"
            for table in ("invoices", "credit_notes", "debit_notes")
        ),
        "SELECT 'customers ' || c.id FROM customers c JOIN customers t ON t.id = c.merged_into"
        " WHERE t.merged_into IS NOT NULL",
    ]
)
