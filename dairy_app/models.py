"""Every table, function and trigger of the application, so that ``Base.metadata`` is whole."""

from dairy_app.accounts import models as accounts
from dairy_app.billing import ddl as billing_ddl
from dairy_app.billing import models as billing
from dairy_app.business import ddl as business_ddl
from dairy_app.business import models as business
from dairy_app.catalogue import models as catalogue
from dairy_app.customers import ddl as customers_ddl
from dairy_app.customers import models as customers
from dairy_app.database import ddl as common_ddl
from dairy_app.deliveries import ddl as deliveries_ddl
from dairy_app.deliveries import models as deliveries
from dairy_app.documents import ddl as documents_ddl
from dairy_app.documents import models as documents
from dairy_app.legacy_import import models as legacy_import
from dairy_app.monitoring import ddl as monitoring_ddl
from dairy_app.monitoring import models as monitoring
from dairy_app.orders import ddl as orders_ddl
from dairy_app.orders import models as orders
from dairy_app.receivables import ddl as receivables_ddl
from dairy_app.receivables import models as receivables
from dairy_app.sharing import ddl as sharing_ddl
from dairy_app.sharing import models as sharing
from dairy_app.subscriptions import ddl as subscriptions_ddl
from dairy_app.subscriptions import models as subscriptions
from dairy_app.web import idempotency

__all__ = [
    "accounts",
    "billing",
    "billing_ddl",
    "business",
    "business_ddl",
    "catalogue",
    "common_ddl",
    "customers",
    "customers_ddl",
    "deliveries",
    "deliveries_ddl",
    "documents",
    "documents_ddl",
    "idempotency",
    "legacy_import",
    "monitoring",
    "monitoring_ddl",
    "orders",
    "orders_ddl",
    "receivables",
    "receivables_ddl",
    "sharing",
    "sharing_ddl",
    "subscriptions",
    "subscriptions_ddl",
]
