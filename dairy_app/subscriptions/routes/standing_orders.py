"""``/subscriptions``, the making of orders, and the routes of lower packages that standing orders have a part in."""

from datetime import date
from typing import Any
from uuid import UUID

from dairy_app.business.queries import is_archived, today
from dairy_app.common.errors import invalid
from dairy_app.customers.queries import get_visible_customer
from dairy_app.customers.schemas import CustomerOut, CustomerPatch
from dairy_app.customers.service.customers import CustomerChange
from dairy_app.invoices.rules import month_bounds, report_bounds
from dairy_app.orders.queries import one_time_orders, visible_order_view
from dairy_app.orders.schemas import CancelIn, OrderOut
from dairy_app.subscriptions.queries import regulars, requirements
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.rules.amounts import by_area, by_product, requirement_totals
from dairy_app.subscriptions.rules.wishes import DayQuantity, Ending, NewSubscription, SubscriptionChange
from dairy_app.subscriptions.schemas.reports import (
    CustomersReportOut,
    CustomersReportQuery,
    RequirementsOut,
    RequirementsQuery,
)
from dairy_app.subscriptions.schemas.standing_orders import (
    CalendarOut,
    CalendarQuery,
    CustomerCalendarOut,
    CustomerCalendarQuery,
    CustomerDayOut,
    GeneratedOut,
    GenerateIn,
    OverrideIn,
    OverrideOut,
    StopIn,
    SubscriptionChanged,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionPage,
    SubscriptionPatch,
    SubscriptionQuery,
)
from dairy_app.subscriptions.service import generation
from dairy_app.subscriptions.service import standing_orders as service
from dairy_app.subscriptions.service.open_days import shifts_of
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged, etagged_by
from dairy_app.web.http import Blueprint, current_actor, current_database, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_cursor, write_cursor
from dairy_app.web.schemas import day_in_path

subscriptions = Blueprint("subscriptions", __name__, description="Standing orders and the orders made of them")

WHO = (Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)
#: Years that have a calendar, as months have them.
YEARS = range(2000, 2100)
#: Reasons that a report names.
REASONS = 50


def _view(subscription_id: UUID) -> dict[str, Any]:
    session = current_session()
    return queries.subscription_view(session, current_actor(), subscription_id, today(session))


@subscriptions.route("/subscriptions", methods=["POST"])
@idempotent
@subscriptions.arguments(SubscriptionIn)
@subscriptions.response(201, SubscriptionOut)
@allow(*WHO)
def subscribe(wanted: NewSubscription) -> dict[str, Any]:
    """A new standing order; days whose orders are made already get theirs at once."""
    return _view(service.subscribe(current_session(), current_actor(), wanted))


@subscriptions.route("/subscriptions")
@subscriptions.arguments(SubscriptionQuery, location="query")
@subscriptions.response(200, SubscriptionPage)
@allow(*WHO, may_lag=True)
def list_subscriptions(query: dict[str, Any]) -> Page:
    """Standing orders the caller may see, the oldest first."""
    session, limit, cursor = current_session(), query.pop("limit"), query.pop("cursor")
    return queries.subscription_page(session, current_actor(), today(session), query, limit=limit, cursor=cursor)


@subscriptions.route("/subscriptions/<uuid:subscription_id>")
@etagged
@subscriptions.response(200, SubscriptionOut)
@allow(*WHO)
def read_subscription(subscription_id: UUID) -> dict[str, Any]:
    """One standing order with its pauses, entries and quantities to come."""
    return _view(subscription_id)


@subscriptions.route("/subscriptions/<uuid:subscription_id>", methods=["PATCH"])
@etagged_by(lambda **address: service.lock_to_change(current_session(), current_actor(), **address))
@subscriptions.arguments(SubscriptionPatch)
@subscriptions.response(200, SubscriptionChanged)
@allow(*WHO)
def change_subscription(changes: SubscriptionChange, subscription_id: UUID) -> dict[str, Any]:
    """Change what is sent, till further notice; orders that already exist follow."""
    repriced = service.change(current_session(), current_actor(), subscription_id, changes)
    return _view(subscription_id) | {"repriced_orders": repriced.orders if repriced else 0}


@subscriptions.route("/subscriptions/<uuid:subscription_id>/overrides/<day>", methods=["PUT"])
@subscriptions.arguments(OverrideIn)
@subscriptions.response(200, OverrideOut)
@allow(*WHO)
def set_override(wanted: DayQuantity, subscription_id: UUID, day: str) -> Any:
    """Say what comes on one day; 0 is a quantity."""
    return service.set_override(current_session(), current_actor(), subscription_id, day_in_path(day), wanted)


@subscriptions.route("/subscriptions/<uuid:subscription_id>/overrides/<day>", methods=["DELETE"])
@subscriptions.response(204)
@allow(*WHO)
def clear_override(subscription_id: UUID, day: str) -> None:
    """Let the usual quantity count again on a day."""
    service.clear_override(current_session(), current_actor(), subscription_id, day_in_path(day))


@subscriptions.route("/subscriptions/<uuid:subscription_id>/stop", methods=["POST"])
@idempotent
@subscriptions.arguments(StopIn)
@subscriptions.response(200, SubscriptionOut)
@allow(*WHO)
def stop(wanted: Ending, subscription_id: UUID) -> dict[str, Any]:
    """End a standing order; what was delivered stays billed."""
    service.stop(current_session(), current_actor(), subscription_id, wanted)
    return _view(subscription_id)


@subscriptions.route("/subscriptions/<uuid:subscription_id>/calendar")
@subscriptions.arguments(CalendarQuery, location="query")
@subscriptions.response(200, CalendarOut)
@allow(*WHO, may_lag=True)
def read_calendar(query: dict[str, Any], subscription_id: UUID) -> dict[str, Any]:
    """What comes on each day of a month, by which rule, and what became of it."""
    session, period = current_session(), query.get("period") or query["month"]
    queries.require_visible(session, current_actor(), subscription_id)
    days = queries.calendar(session, subscription_id, *month_bounds(period))
    return {"period": period, "month": period, "days": days}


@subscriptions.route("/customers/<uuid:customer_id>/calendar")
@subscriptions.arguments(CustomerCalendarQuery, location="query")
@subscriptions.response(200, CustomerCalendarOut)
@allow(*WHO, may_lag=True)
def read_customer_calendar(query: dict[str, str], customer_id: UUID) -> dict[str, Any]:
    """What comes on each day of a month, of all standing orders and of orders for single days: one calendar."""
    session, period = current_session(), query["period"]
    customer, span = get_visible_customer(session, current_actor(), customer_id), month_bounds(period)
    return {
        "customer_id": customer.id,
        "period": period,
        "archived": is_archived(session, span[0]),
        "days": queries.customer_calendar(session, customer.id, *span),
        "one_time_orders": one_time_orders(session, customer.id, *span),
    }


@subscriptions.route("/customers/<uuid:customer_id>/days/<day>")
@subscriptions.response(200, CustomerDayOut)
@allow(*WHO)
def read_customer_day(customer_id: UUID, day: str) -> dict[str, Any]:
    """What the standing orders of a customer bring on one day, and until when customers may change it."""
    session, wanted = current_session(), day_in_path(day)
    if wanted.year not in YEARS:
        raise invalid("/date", f"Must be between {YEARS.start} and {YEARS.stop - 1}.")
    customer = get_visible_customer(session, current_actor(), customer_id)
    rows = queries.customer_calendar(session, customer.id, wanted, wanted)
    return {"customer_id": customer.id, "date": wanted, "shifts": shifts_of(session, wanted), "standing_orders": rows}


@subscriptions.route("/orders/generate", methods=["POST"])
@idempotent
@subscriptions.arguments(GenerateIn)
@subscriptions.response(200, GeneratedOut)
@allow(Role.ADMIN)
def generate_orders(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make the orders of a day from all standing orders. A second time makes nothing new."""
    session = current_session()
    current_database().lengthen(session)  # 100,000 standing orders take longer than a request may
    done = generation.generate_day(session, wanted["delivery_date"])
    return {
        "delivery_date": wanted["delivery_date"],
        "created": done.created,
        "skipped_existing": done.skipped_existing,
        "by_product": by_product(done.made),
        "by_area": by_area(done.made),
        "held": done.held,
        "blocked": done.blocked,
        "blocked_first": done.blocked_first,
    }


@subscriptions.route("/reports/requirements")
@subscriptions.arguments(RequirementsQuery, location="query")
@subscriptions.response(200, RequirementsOut)
@allow(Role.ADMIN, may_lag=True)
def read_requirements(query: dict[str, Any]) -> dict[str, Any]:
    """What a day needs, by product, area and shift: orders there are and orders to come."""
    session, day = current_session(), query["date"]
    items, blocked = requirements.requirements(session, day)
    return {"date": day, "items": items, "totals": requirement_totals(items), "blocked": blocked}


@subscriptions.route("/reports/customers")
@subscriptions.arguments(CustomersReportQuery, location="query")
@subscriptions.response(200, CustomersReportOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_customers_report(query: dict[str, Any]) -> dict[str, Any]:
    """Customers with standing orders by month: new, returned, paused, lost, and why, as far as somebody wrote it."""
    session, limit, change = current_session(), query["limit"], query["change"]
    first, last = report_bounds(query["from_"], query["to"])
    after = read_cursor(query["cursor"], [date, str, str]) if query["cursor"] else None
    rows = regulars.changes_page(session, first, last, change, after=after, limit=limit + 1)
    end = rows[limit - 1] if len(rows) > limit else None
    return {
        "from_": query["from_"],
        "to": query["to"],
        "months": regulars.regulars_by_month(session, first, last),
        "reasons": regulars.reasons_of_changes(session, first, last, REASONS),
        "items": rows[:limit],
        "next_cursor": write_cursor([end["date"], end["customer_code"], end["change"]]) if end else None,
    }


@subscriptions.route("/orders/<uuid:order_id>/cancel", methods=["POST"])
@idempotent
@subscriptions.arguments(CancelIn)
@subscriptions.response(200, OrderOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)
def cancel_order(body: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """Cancel an order that has not been delivered; one of a standing order becomes a day with nothing."""
    session, actor = current_session(), current_actor()
    service.cancel_order(session, actor, order_id, body["reason"])
    return visible_order_view(session, actor, order_id)


@subscriptions.route("/customers/<uuid:customer_id>", methods=["PATCH"])
@etagged_by(lambda **address: service.lock_customer_to_change(current_session(), current_actor(), **address))
@subscriptions.arguments(CustomerPatch)
@subscriptions.response(200, CustomerOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)
def change_customer(changes: CustomerChange, customer_id: UUID) -> Any:
    """Change what is sent. Customers may change their address, e-mail, language and notes."""
    return service.change_customer(current_session(), current_actor(), customer_id, changes)
