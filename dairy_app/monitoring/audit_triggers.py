"""The triggers that write the audit log, made from the tables' columns: a new column is in the log by itself.

Where one statement may change many rows, one trigger a statement reads its transition tables; where rows change
all day without being worth an entry (deliveries), a trigger a row is not even called for them.
"""

from collections.abc import Iterator

from dairy_app.accounts.models import PasswordReset, User
from dairy_app.collecting.models import GatewayEvent
from dairy_app.database.ddl import SqlFile
from dairy_app.database.models import Base
from dairy_app.events.models import WebhookEndpoint
from dairy_app.sharing.models import SharedLink
from dairy_app.subscriptions.models import Subscription

#: Tables of which everything is told, and the column of their key.
WHOLE = {
    "users": "id",
    "password_resets": "id",
    "customers": "id",
    "customer_prices": "id",
    "customer_moves": "id",
    "products": "id",
    "containers": "id",
    "product_prices": "id",
    "tax_classes": "code",
    "tax_rates": "id",
    "settings": "id",
    "subscriptions": "id",
    "subscription_overrides": "id",
    "subscription_pauses": "id",
    "subscription_quantities": "id",
    "subscription_schedules": "id",
    "closed_days": "id",
    "delivery_photos": "id",
    "charge_rules": "id",
    "reminder_rules": "id",
    "message_kinds": "kind",
    "message_templates": "id",
    "shared_links": "id",
    "webhook_endpoints": "id",
    "invoice_links": "invoice_id",
    "change_requests": "id",
    "adjustments": "id",
    "credit_notes": "id",
    "debit_notes": "id",
    "payments": "id",
    "payment_allocations": "id",
    "refunds": "id",
    "payment_links": "id",
    "gateway_events": "id",
    "bank_statements": "id",
    "opening_balances": "id",
    "write_offs": "id",
    "cash_settlements": "id",
}
#: Columns that move with every login, delivery, use of a link or event: no news, and their trigger is not called for
#: them. Nor do secrets belong into the log.
MOVING: dict[type[Base], tuple[str, ...]] = {
    User: ("last_login_at",),
    PasswordReset: ("code_hash", "wrong_codes", "day_began_at", "codes_of_day"),
    Subscription: ("last_delivery_date", "last_delivery_at", "last_delivery_confirmed"),
    SharedLink: (
        "failed_attempts",
        "locked_until",
        "use_count",
        "last_used_at",
        "window_started_at",
        "window_cost",
    ),
    GatewayEvent: ("body", "body_sha256"),
    WebhookEndpoint: ("told_through", "rests_until", "secret", "former_secret"),
}
TIMESTAMPS = ("created_at", "updated_at")

_COMING_AND_GOING = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
CREATE TRIGGER tr_audit_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
"""
_CHANGING = """
CREATE TRIGGER tr_audit_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
"""
_CHANGING_AMID_MOVEMENT = """
CREATE TRIGGER tr_audit_update AFTER UPDATE OF {columns} ON {table}
    FOR EACH ROW EXECUTE FUNCTION audit_row({arguments});
"""


def audit_triggers() -> Iterator[SqlFile]:
    """One text a table of which everything is told."""
    for table, key in WHOLE.items():
        yield SqlFile("monitoring", f"tr_audit_of_{table}", _triggers(table, key))


def _triggers(table: str, key: str) -> str:
    model = next((each for each in MOVING if each.__tablename__ == table), None)
    silent = (*TIMESTAMPS, *(MOVING[model] if model else ()))
    news = ", ".join(column.name for column in model.__table__.columns if column.name not in silent) if model else ""
    update = _CHANGING_AMID_MOVEMENT if model else _CHANGING
    arguments = f"'{{{','.join(silent)}}}', '{key}'"
    return (_COMING_AND_GOING + update).format(table=table, columns=news, arguments=arguments)
