"""``/billing``: previews, runs, what is unbilled and what was recovered."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import request

from dairy_app.billing.models import BillingRun
from dairy_app.billing.queries import runs as queries
from dairy_app.billing.queries.reports import recovery, unbilled
from dairy_app.billing.schemas.monthly_view import MonthlyViewOut, MonthlyViewQuery
from dairy_app.billing.schemas.reports import AsOfQuery, RecoveryOut, UnbilledOut
from dairy_app.billing.schemas.runs import PreviewOut, PreviewQuery, RunIn, RunOut, RunPage, RunQuery
from dairy_app.billing.service import monthly_view as grid
from dairy_app.billing.service import runs as service
from dairy_app.billing.service.background import bill, key_of
from dairy_app.billing.service.runs import RunRequest
from dairy_app.business.queries import today
from dairy_app.invoices.rules import month_bounds
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_database, current_session
from dairy_app.web.pages import Page, read_cursor, read_page, write_cursor
from dairy_app.web.schemas import MonthsQuery

billing = Blueprint("billing", __name__, description="Previews and runs")


@billing.route("/billing/preview")
@billing.arguments(PreviewQuery, location="query")
@billing.response(200, PreviewOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def preview(query: dict[str, Any]) -> dict[str, Any]:
    """What a run of this month would issue now, to the paisa. Reads only."""
    session = current_session()
    chosen = [query["customer_id"]] if query["customer_id"] else None
    asked = RunRequest(query["period"], customer_ids=chosen)
    which = {"area_id": query["area_id"], "only_due": query["only_due"]}
    page = service.preview_page(session, asked, **which, limit=query["limit"], cursor=query["cursor"])
    whole = service.preview(session, asked, **which)
    return {"period": query["period"], "totals": whole.totals, "warnings": whole.warnings, **page}


@billing.route("/billing/monthly-view")
@billing.arguments(MonthlyViewQuery, location="query")
@billing.response(200, MonthlyViewOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, may_lag=True)
def monthly_view(query: dict[str, Any]) -> dict[str, Any]:
    """The month as a grid of delivered quantities; marketing staff see their own customers, without payments."""
    session, actor = current_session(), current_actor()
    period, limit, cursor = query.pop("period"), query.pop("limit"), query.pop("cursor")
    is_marketing = actor.role == Role.MARKETING_STAFF
    if is_marketing:
        query["marketing_staff_id"] = actor.user_id
    after = read_cursor(cursor, [str])[0] if cursor else ""
    rows = grid.monthly_view(session, period, today=today(session), after=after, limit=limit + 1, **query)
    more = len(rows) > limit
    items = [_without_payments(row) for row in rows[:limit]] if is_marketing else rows[:limit]
    following = write_cursor([rows[limit - 1]["code"]]) if more else None
    return {"period": period, "date_list": grid.month_days(period), "items": items, "next_cursor": following}


def _without_payments(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in grid.PAYMENT_FIELDS}


@billing.route("/billing/runs", methods=["POST"])
@billing.arguments(RunIn)
@billing.response(201, RunOut)
@billing.alt_response(202, schema=RunOut, description="Still running: poll the run's row.")
@allow(Role.ADMIN, Role.ACCOUNTANT, own_transactions=True)
def post_run(body: dict[str, Any]) -> Any:
    """Issue every draft that is due. Asking again issues nothing new; a run cut short is completed by the next."""
    database, actor = current_database().for_longer_work(), current_actor()
    only_look = body.pop("dry_run")
    asked = RunRequest(**body, idempotency_key=key_of(actor, request.headers.get("Idempotency-Key")))
    if only_look:
        with database.transaction(read_only=True) as session:
            return service.dry_run(session, asked)
    run = bill(database, asked, actor)
    return (run, 202, {"Retry-After": "5"}) if run.status == "running" else run


@billing.route("/billing/runs")
@billing.arguments(RunQuery, location="query")
@billing.response(200, RunPage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_runs(query: dict[str, Any]) -> Page:
    """Runs, of all months or of one, the latest first."""
    page = read_page(
        current_session(),
        queries.runs(query["period"]),
        [BillingRun.started_at, BillingRun.id],
        limit=query["limit"],
        cursor=query["cursor"],
        descending=True,
        scalars=True,
    )
    return replace(page, items=service.shown(current_session(), page.items))


@billing.route("/billing/runs/<uuid:run_id>")
@billing.response(200, RunOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def read_run(run_id: UUID) -> BillingRun:
    """One run and how far it is."""
    return service.read_run(current_session(), run_id)


@billing.route("/billing/unbilled")
@billing.arguments(AsOfQuery, location="query")
@billing.response(200, UnbilledOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def read_unbilled(query: dict[str, Any]) -> dict[str, Any]:
    """Delivered value that is on drafts, by month and source: what a backfill would recover."""
    session = current_session()
    as_of = query["as_of"] or today(session)
    rows = unbilled(session, as_of)
    sums = {"orders": sum(row["orders"] for row in rows), "amount": sum(row["amount"] for row in rows)}
    return {"as_of": as_of, "items": rows, **sums}


@billing.route("/billing/recovery")
@billing.arguments(MonthsQuery, location="query")
@billing.response(200, RecoveryOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_recovery(query: dict[str, Any]) -> dict[str, Any]:
    """One-time revenue billed per month against all of it."""
    first, last = month_bounds(query["from_"])[0], month_bounds(query["to"])[1]
    rows = recovery(current_session(), first, last)
    sums = {name: sum(row[name] for row in rows) for name in ("one_time_amount", "total_amount")}
    return {"items": rows, **sums}
