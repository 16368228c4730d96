"""The import of one dump: stage everything, then judge and write entity by entity, then reconcile.

The caller's transaction holds all of it, so a broken file, a failure or a sum that does not balance leaves the
database as it was. Tables follow the order of their foreign keys.
"""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dairy_app.business import queries as business
from dairy_app.common import clock
from dairy_app.legacy_import.judging import fates as judging
from dairy_app.legacy_import.judging import orders as order_judging
from dairy_app.legacy_import.judging import quarantine
from dairy_app.legacy_import.judging import subscriptions as subscription_judging
from dairy_app.legacy_import.queries import sums as queries
from dairy_app.legacy_import.queries.report import ImportReport
from dairy_app.legacy_import.writing import money, passwords, requests, staging
from dairy_app.legacy_import.writing import orders as bulk
from dairy_app.legacy_import.writing import subscriptions as subscription_bulk
from dairy_app.legacy_import.writing.staging import (
    ADDRESSES,
    AREAS,
    BILLS,
    CUSTOMERS,
    DELIVERIES,
    LINKS,
    ORDERS,
    PAYMENTS,
    PRODUCTS,
    REQUESTS,
    SETTINGS,
    SIDES,
    STAGES,
    SUBSCRIPTIONS,
    USERS,
    WALLETS,
    Documents,
    Stage,
)

#: Where the documents of a staging table go.
TARGETS = {
    USERS.table: "users",
    AREAS.table: "areas",
    CUSTOMERS.table: "customers",
    PRODUCTS.table: "products",
    SUBSCRIPTIONS.table: subscription_bulk.SUBSCRIPTION_TARGET,
    SIDES.table: subscription_bulk.SIDE_TARGET,
    ORDERS.table: "orders",
    DELIVERIES.table: "delivery_statuses",
    BILLS.table: "imported_bills",
    PAYMENTS.table: "payments",
    WALLETS.table: "opening_balances",
    LINKS.table: requests.LINK_TARGET,
    REQUESTS.table: requests.REQUEST_TARGET,
    ADDRESSES.table: "customers",  # these two are never written: they fill rows that are there
    SETTINGS.table: "customers",
}

#: Keys named per remark in the report.
NAMED_KEYS = 100

Progress = Callable[[str, int], None]


class ImportDoesNotBalance(Exception):
    """What was written is not what was read; the transaction must not be kept. ``report`` says where."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__("the import does not balance; nothing was kept")
        self.report = report


def import_dump(session: Session, dump: Documents, progress: Progress = lambda step, done: None) -> ImportReport:
    """Write everything of the dump that has a home here; what waits in quarantine is taken in a dump's place.

    A second run writes nothing. ``progress(step, documents)`` is told what is going on. Raises
    ``UnreadableDump`` and ``ImportDoesNotBalance``; the caller rolls back.
    """
    staging.lock_import(session)
    zone = business.business_settings(session).time_zone
    staging.create(session)
    if isinstance(dump, quarantine.WaitingDocuments):
        dump.take()
    read = staging.load(session, dump, ZoneInfo(zone), progress)
    for step, work in (
        ("writing users", _users),
        ("writing products", _products),
        ("writing areas", _areas),
        ("writing customers", _customers),
        ("finding whose orders they are", _order_customers),
        ("writing standing orders", _subscriptions),
        ("writing orders", _orders),
        ("writing deliveries", _deliveries),
        ("writing bill records", _bills),
        ("writing payments", _money),
        ("writing requests", _requests),
    ):
        progress(step, 0)
        work(session)
    homeless = staging.count_homeless(dump, progress)
    progress("reconciling", 0)
    for stage in STAGES:
        quarantine.keep(session, stage.table)
    report = reconcile(session, read)
    report.add_homeless(homeless)
    if report.findings():
        raise ImportDoesNotBalance(report)
    return report


def reconcile(session: Session, read: dict[str, int]) -> ImportReport:
    """Count and add up what is in our tables now."""
    report = ImportReport(read, money=list(queries.money(session)), left_out=queries.left_out(session))
    report.receipts = list(money.receipts(session))
    for stage in STAGES:
        report.fates |= queries.fates(session, stage, TARGETS[stage.table])
        report.reasons += queries.quarantine_reasons(session, stage)
        report.remarks += queries.remarks(session, stage, NAMED_KEYS)
    report.remarks += queries.rows_for_review(session, NAMED_KEYS)
    return report


def _begin(session: Session, stage: Stage) -> None:
    judging.repeated(session, stage)
    judging.present(session, stage, TARGETS[stage.table])


def _users(session: Session) -> None:
    _begin(session, USERS)
    judging.user_logins(session)
    passwords.drop_default_passwords(session)
    judging.settle(session, USERS)
    bulk.insert_users(session)
    judging.logins(session)


def _products(session: Session) -> None:
    _begin(session, PRODUCTS)
    judging.settle(session, PRODUCTS)
    bulk.insert_products(session, queries.first_day(session) or business.today(session))


def _areas(session: Session) -> None:
    _begin(session, AREAS)
    judging.area_names(session)
    judging.settle(session, AREAS)
    bulk.insert_areas(session)


def _customers(session: Session) -> None:
    _begin(session, CUSTOMERS)
    judging.customer_logins(session)
    judging.settle(session, CUSTOMERS)
    bulk.insert_customers(session, queries.first_day(session) or business.today(session))
    judging.references(session)
    judging.repeated(session, ADDRESSES)
    judging.customers_of(session, ADDRESSES)
    bulk.fill_addresses(session)
    judging.settle(session, ADDRESSES)


def _order_customers(session: Session) -> None:
    _begin(session, DELIVERIES)
    judging.delivery_customers(session)
    _begin(session, ORDERS)
    judging.order_customers(session)
    order_judging.papers(session)
    bulk.insert_lost_products(session)


def _subscriptions(session: Session) -> None:
    _begin(session, SUBSCRIPTIONS)
    subscription_judging.subscriptions(session)
    judging.settle(session, SUBSCRIPTIONS)
    subscription_bulk.insert_subscriptions(session, queries.first_day(session) or business.today(session))
    _begin(session, SIDES)
    subscription_judging.sides(session)
    subscription_judging.days(session)
    judging.settle(session, SIDES)
    subscription_bulk.insert_days(session)


def _orders(session: Session) -> None:
    order_judging.subscriptions(session)
    order_judging.lines(session)
    order_judging.statuses(session, business.today(session))
    judging.settle(session, ORDERS)
    bulk.insert_orders(session)


def _deliveries(session: Session) -> None:
    order_judging.delivery_orders(session)
    judging.settle(session, DELIVERIES)
    bulk.insert_delivery_statuses(session, business.business_settings(session).time_zone)


def _bills(session: Session) -> None:
    _begin(session, BILLS)
    money.judge_bills(session)
    judging.settle(session, BILLS)
    money.insert_bills(session)


def _money(session: Session) -> None:
    for stage in (PAYMENTS, WALLETS):
        _begin(session, stage)
        judging.customers_of(session, stage)
    judging.settle(session, PAYMENTS)
    money.settle_wallets(session)
    judging.settle(session, WALLETS)
    judging.repeated(session, SETTINGS)
    bulk.fill_settings(session)
    judging.settle(session, SETTINGS)
    money.insert(session, queries.first_day(session) or business.today(session))


def _requests(session: Session) -> None:
    _begin(session, LINKS)
    requests.links(session)
    judging.settle(session, LINKS)
    requests.insert_links(session, clock.now())
    _begin(session, REQUESTS)
    requests.without_kind(session)
    judging.customers_of(session, REQUESTS)
    requests.requests(session)
    judging.settle(session, REQUESTS)
    requests.insert_requests(session, clock.now())
