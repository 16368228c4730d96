"""Every table, function and trigger of the application, so that ``Base.metadata`` is whole."""

from dairy_app.accounts import models as accounts
from dairy_app.archiving import models as archiving
from dairy_app.billing import models as billing
from dairy_app.business import models as business
from dairy_app.catalogue import models as catalogue
from dairy_app.collecting import models as collecting
from dairy_app.containers import models as containers
from dairy_app.customers import models as customers
from dairy_app.database import ddl
from dairy_app.deliveries import models as deliveries
from dairy_app.documents import models as documents
from dairy_app.events import models as events
from dairy_app.invoices import models as invoices
from dairy_app.legacy_import import models as legacy_import
from dairy_app.monitoring import models as monitoring
from dairy_app.monitoring.audit_triggers import audit_triggers
from dairy_app.orders import models as orders
from dairy_app.outbox import models as outbox
from dairy_app.photos import models as photos
from dairy_app.receivables import models as receivables
from dairy_app.sending import models as sending
from dairy_app.sharing import models as sharing
from dairy_app.subscriptions import models as subscriptions
from dairy_app.web import idempotency

__all__ = [
    "accounts",
    "archiving",
    "billing",
    "business",
    "catalogue",
    "collecting",
    "containers",
    "customers",
    "deliveries",
    "documents",
    "events",
    "idempotency",
    "invoices",
    "legacy_import",
    "monitoring",
    "orders",
    "outbox",
    "photos",
    "receivables",
    "sending",
    "sharing",
    "subscriptions",
]

ddl.attach(audit_triggers())
