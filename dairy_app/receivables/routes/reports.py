"""The one balance, however it is looked at: a customer's ledger and balance, statement of account, ageing."""

from datetime import date
from typing import Any
from uuid import UUID

from dairy_app.business.queries import today
from dairy_app.common.errors import invalid
from dairy_app.customers.queries import get_visible_customer
from dairy_app.receivables.queries.ageing import ageing_page
from dairy_app.receivables.queries.ledger import balance, ledger_page, overdue, statement
from dairy_app.receivables.schemas.reports import (
    AgeingOut,
    AgeingQuery,
    BalanceOut,
    LedgerOut,
    LedgerQuery,
    StatementOut,
    StatementQuery,
)
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.pages import read_cursor, write_cursor

reports = Blueprint("reports", __name__, description="Ledger, balance, statement, ageing")


@reports.route("/customers/<uuid:customer_id>/ledger")
@reports.arguments(LedgerQuery, location="query")
@reports.response(200, LedgerOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, may_lag=True)
def read_ledger(query: dict[str, Any], customer_id: UUID) -> dict[str, Any]:
    """Everything that changed what a customer owes, with the balance after each entry."""
    session, limit = current_session(), query["limit"]
    customer = get_visible_customer(session, current_actor(), customer_id)
    after = read_cursor(query["cursor"], [date, int, UUID]) if query["cursor"] else None
    span = {"first": query["first"], "last": query["last"]}
    rows = ledger_page(session, customer.id, after=after, limit=limit + 1, **span)
    last = rows[limit - 1] if len(rows) > limit else None
    following = write_cursor([last["entry_date"], last["place"], last["document_id"]]) if last else None
    whole = balance(session, customer.id)
    return {"customer_id": customer.id, "balance": whole, "items": rows[:limit], "next_cursor": following}


@reports.route("/customers/<uuid:customer_id>/balance")
@reports.response(200, BalanceOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, Role.CUSTOMER)
def read_balance(customer_id: UUID) -> dict[str, Any]:
    """What a customer owes today."""
    session = current_session()
    customer = get_visible_customer(session, current_actor(), customer_id)
    day = today(session)
    sums = {"balance": balance(session, customer.id), "overdue": overdue(session, customer.id, day)}
    return {"customer_id": customer.id, "as_of": day, **sums}


@reports.route("/reports/statement")
@reports.arguments(StatementQuery, location="query")
@reports.response(200, StatementOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, may_lag=True)
def read_statement(query: dict[str, Any]) -> dict[str, Any]:
    """A statement of account: opening balance, every entry with the balance after it, closing balance."""
    session, first, last = current_session(), query["first"], query["last"]
    if last < first:
        raise invalid("/query/to", "Must not be before from.")
    customer = get_visible_customer(session, current_actor(), query["customer_id"])
    opening, *entries = statement(session, customer.id, first, last)
    sums = {name: sum(entry[name] for entry in entries) for name in ("debit", "credit")}
    closing = entries[-1]["balance"] if entries else opening["balance"]
    whose = {"customer_id": customer.id, "customer_code": customer.code, "customer_name": customer.name}
    return {**whose, **query, **sums, "opening": opening["balance"], "closing": closing, "entries": entries}


@reports.route("/reports/ageing")
@reports.arguments(AgeingQuery, location="query")
@reports.response(200, AgeingOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_ageing(query: dict[str, Any]) -> dict[str, Any]:
    """What is open by days past due, as of today or any day before; who stopped and owes is listed too."""
    session, limit, day = current_session(), query["limit"], today(current_session())
    as_of = query["as_of"] or day
    if as_of > day:
        raise invalid("/query/as_of", f"{as_of} is in the future; today is {day}.", "in_future")
    after = read_cursor(query["cursor"], [str])[0] if query["cursor"] else None
    totals, items = ageing_page(session, as_of, area_id=query["area_id"], after=after, limit=limit + 1)
    following = write_cursor([items[limit - 1]["customer_code"]]) if len(items) > limit else None
    return {"as_of": as_of, "items": items[:limit], "totals": totals, "next_cursor": following}
