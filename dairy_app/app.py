"""The application: settings → logs → database → tokens → routes → errors."""

from collections.abc import Sequence
from dataclasses import dataclass

from werkzeug.middleware.proxy_fix import ProxyFix

import dairy_app.models  # noqa: F401 - a foreign key must find its table, also in a package without routes
from dairy_app import __version__
from dairy_app.accounts.routes.logins import auth, users
from dairy_app.accounts.service import tokens
from dairy_app.billing.routes.charges import charges
from dairy_app.billing.routes.corrections import corrections
from dairy_app.billing.routes.invoices import invoices
from dairy_app.billing.routes.runs import billing
from dairy_app.billing.routes.sales import sales
from dairy_app.business.routes import business
from dairy_app.catalogue.routes.products import products
from dairy_app.catalogue.routes.taxes import taxes
from dairy_app.collecting.routes.events import gateway_events
from dairy_app.collecting.routes.links import payment_links
from dairy_app.collecting.routes.statements import bank_statements
from dairy_app.console.routes import pages as console_pages
from dairy_app.containers.routes import containers
from dairy_app.customers.routes import areas, customers
from dairy_app.database.replicas import Replicas
from dairy_app.database.transactions import Database
from dairy_app.deliveries.routes import deliveries
from dairy_app.documents.routes.documents import documents
from dairy_app.documents.routes.invoice_page import invoice_pages
from dairy_app.events.models import KINDS
from dairy_app.events.routes import events
from dairy_app.events.schemas import WebhookMessage
from dairy_app.exports.routes import exports
from dairy_app.field_words import FIELD_WORDS
from dairy_app.importing.routes import imports
from dairy_app.legacy_import.routes import import_review
from dairy_app.merging.routes import merging
from dairy_app.monitoring.routes import audit, health, metrics, monitoring
from dairy_app.orders.routes import orders
from dairy_app.photos.routes import photos
from dairy_app.receivables.routes.payments import payments, receivables
from dairy_app.receivables.routes.refunds import refunds
from dairy_app.receivables.routes.reports import reports
from dairy_app.sample_words import SAMPLE_WORDS
from dairy_app.sending.routes.kinds import message_kinds
from dairy_app.sending.routes.outbox import outbox
from dairy_app.sending.routes.reminders import reminders
from dairy_app.sending.routes.templates import templates
from dairy_app.sending.routes.whatsapp import gateways
from dairy_app.settings import Settings
from dairy_app.sharing.routes.links import change_requests, shared, shared_links
from dairy_app.sharing.routes.page import pages
from dairy_app.sharing.routes.rounds import rounds
from dairy_app.subscriptions.routes.closed_days import closed_days
from dairy_app.subscriptions.routes.credit import credit
from dairy_app.subscriptions.routes.moves import moves
from dairy_app.subscriptions.routes.pauses import pauses
from dairy_app.subscriptions.routes.prices import prices
from dairy_app.subscriptions.routes.schedules import schedules
from dairy_app.subscriptions.routes.standing_orders import subscriptions
from dairy_app.web import docs, headers, http, lagging, logs
from dairy_app.web.openapi import Words

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Mount:
    """One blueprint and where it stands."""

    blueprint: http.Blueprint
    prefix: str = API


#: Every room of the house, written out: what is not here is not served.
ROUTES = (
    Mount(auth),
    Mount(users),
    Mount(business),
    Mount(products),
    Mount(taxes),
    Mount(areas),
    Mount(customers),
    Mount(orders),
    Mount(prices),
    Mount(moves),
    Mount(schedules),
    Mount(subscriptions),
    Mount(credit),
    Mount(pauses),
    Mount(closed_days),
    Mount(containers),
    Mount(deliveries),
    Mount(photos),
    Mount(rounds),
    Mount(shared_links),
    Mount(shared),
    Mount(change_requests),
    Mount(merging),
    Mount(billing),
    Mount(invoices),
    Mount(payments),
    Mount(refunds),
    Mount(receivables),
    Mount(reports),
    Mount(payment_links),
    Mount(gateway_events),
    Mount(bank_statements),
    Mount(sales),
    Mount(corrections),
    Mount(charges),
    Mount(exports),
    Mount(imports),
    Mount(documents),
    Mount(outbox),
    Mount(events),
    Mount(reminders),
    Mount(templates),
    Mount(message_kinds),
    Mount(gateways),
    Mount(import_review),
    Mount(audit),
    Mount(monitoring),
    Mount(health, "/api"),
)

#: A batch of a thousand confirmations with ten items each takes a good megabyte.
MAX_BODY_BYTES = 4 * 1024 * 1024


def create_app(
    settings: Settings, database: Database | None = None, mounts: Sequence[Mount] = ROUTES
) -> http.DairyFlask:
    """Build the application from ``mounts``.

    Raises SettingsError without a secret key, LookupError for a route without a policy.
    """
    secret = settings.require_secret_key()
    logs.configure_logging(settings.log_level, settings.log_format)
    database = database or settings.open_database_to_serve()
    app = _empty_app(settings.open_replicas(database))
    app.database = database
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        DAIRY=settings,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    http.register_request_id(app)
    logs.register_access_log(app)
    headers.register(app, settings.cors_origins)
    http.register_errors(app)
    http.register_locations(app)
    tokens.register(app, secret, settings.password_cost)
    api = docs.ApiDocument(app, Words(SAMPLE_WORDS, FIELD_WORDS), __version__)
    for mount in mounts:
        api.mount(mount.blueprint, mount.prefix)
    api.tell(WebhookMessage, KINDS)
    docs.register(app, api)
    for page in (console_pages, pages, invoice_pages, metrics):
        app.register_blueprint(page)  # for people and for Prometheus: not in the document of the API
    http.check_policies(app)
    return app


def _empty_app(replicas: Replicas | None) -> http.DairyFlask:
    if replicas is None:
        return http.DairyFlask("dairy_app", static_folder=None)
    return lagging.ReplicatedFlask(replicas, "dairy_app", static_folder=None)
