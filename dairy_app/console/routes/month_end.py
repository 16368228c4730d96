"""Month's end: the steps of the accountant's guide, which tick themselves from what is there.

Nothing is kept of the page itself: left in the middle, and opened again by somebody else, it shows what is still to do.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import Response, request, url_for
from marshmallow import fields

from dairy_app.billing.service.background import bill, key_of
from dairy_app.billing.service.runs import RunRequest
from dairy_app.business.queries import today
from dairy_app.common.errors import invalid
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.invoices.queries.verification import all_series
from dairy_app.invoices.rules import month_bounds
from dairy_app.invoices.service.verification import Finding, verify
from dairy_app.outbox.models import CHANNELS
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_actor, current_database, current_session
from dairy_app.web.inside import act, ask
from dairy_app.web.schemas import Month
from dairy_app.web.validate import REQUIRED

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: Bills of a preview on a page; deliveries and customers that are named of those that keep the month open.
ROWS, NAMED = 25, 20
#: Bills of the month before of the customers on a page: with a weekly cycle, and two documents each.
BILLS_BEFORE = 200
#: Runs of a month that are looked at: those whose bills are told to customers.
RUNS = 100
#: Seconds until a page comes that has started a run, and until one that shows a running one is loaded again.
PATIENCE, AGAIN = 3.0, 4
STEPS = ("exceptions", "preview", "bill", "verify", "send", "download", "payments", "close")
#: Steps that leave nothing behind by which one could tell that they were done.
AT_ANY_TIME = frozenset({"verify", "download"})


class MonthEndQuery(PageQuery):
    """Which month, and from where on to list what will be billed."""

    period = Month()
    cursor = fields.String(validate=validate.Length(max=500))


class MonthForm(Form):
    """A form about one month."""

    period = Month(required=True)


@console.route("/month-end")
@console.arguments(MonthEndQuery, location="query")
@allow(*WHO, page=True)
def month_end(query: dict[str, str]) -> Response:
    """What is still to do of a month; the last one that has ended, unless another is asked for."""
    day = today(current_session())
    period = query.get("period") or f"{day.replace(day=1) - timedelta(days=1):%Y-%m}"
    return _month_page(period, query.get("cursor"))


def _month_page(period: str, cursor: str | None = None, **names: Any) -> Response:
    day, (first, last) = today(current_session()), month_bounds(period)
    runs, settings = ask("/billing/runs", period=period, limit=RUNS)["items"], ask("/settings")
    running = next((run for run in runs if run["status"] == "running"), None)
    names |= {
        "period": period,
        "month_before": f"{first - timedelta(days=1):%Y-%m}",
        "month_after": f"{last + timedelta(days=1):%Y-%m}",
        "first": first,
        "last": last,
        "day_before": first - timedelta(days=1),
        "is_over": last < day,
        "runs": runs,
        "running": running,
        "again": AGAIN,
        "channels": CHANNELS,
        "closed_through": settings["books_closed_through"],
        "is_issued": bool(ask("/invoices", period=period, status="issued", limit=1)["items"]),
        "is_owed": bool(
            ask("/invoices", period=period, payment_status=["overdue", "partial", "unpaid"], limit=1)["items"]
        ),
    }
    if running is None:  # while bills are made, what is left of them says nothing
        # Of a running month, what is still to be delivered today is no exception.
        names |= _what_waits(period, first, min(last, day - timedelta(days=1)), cursor)
        _compare(names["preview"]["items"], names["month_before"], settings["unusual_total_percent"])
        # Of a running month its weeks and half months that are over can be billed already.
        names["due"] = names["preview"]
        if not names["is_over"]:
            names["due"] = ask("/billing/preview", period=period, only_due="true", limit=1)
        names["is_unusual"] = any(each["code"] == "unusual_total" for each in names["due"]["warnings"])
    names |= _messages(runs)
    names["by_composition"] = settings["gst_scheme"] == "composition"
    names["steps"] = [(step, _state(step, names)) for step in STEPS]
    names["numbers"] = {step: number for number, step in enumerate(STEPS, 1)}
    return frame.page("month_end.html", **names)


def _what_waits(period: str, first: date, last: date, cursor: str | None) -> dict[str, Any]:
    """What a run would make, what keeps drafts back and what is not confirmed yet."""
    preview = ask("/billing/preview", period=period, limit=ROWS, cursor=cursor)
    days = {"delivery_date[gte]": first, "delivery_date[lte]": last}
    status = ["PENDING", "OUT_FOR_DELIVERY"]
    kept_back: dict[str, list[dict[str, Any]]] = {}
    for warning in preview["warnings"]:
        if warning["customer_id"]:
            kept_back.setdefault(warning["code"], []).append(warning)
    return {
        "preview": preview,
        "warnings": [each for each in preview["warnings"] if not each["customer_id"]],
        "kept_back": kept_back,
        "open_orders": ask("/orders", status=status, sort="delivery_date", limit=NAMED, **days),
        "named": NAMED,
    }


def _compare(rows: list[dict[str, Any]], month_before: str, percent: str | None) -> None:
    """Beside what a customer's bill will be, what was billed for the month before, and whether it differs unusually."""
    whose, billed = sorted({each["customer_id"] for each in rows}), dict[str, Decimal]()
    if whose:
        asked = {"period": month_before, "status": "issued", "customer_id": whose, "limit": BILLS_BEFORE}
        for bill in ask("/invoices", **asked)["items"]:
            billed[bill["customer_id"]] = billed.get(bill["customer_id"], Decimal(0)) + Decimal(bill["total"])
    for each in rows:
        before = billed.get(each["customer_id"])
        each["before"] = None if before is None else str(before)
        apart = abs(Decimal(each["total"] or 0) - before) * 100 if before is not None else Decimal(0)
        each["is_unusual"] = bool(before and percent and apart > Decimal(percent) * before)


def _messages(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What there is to tell of the month's runs, and whether the customers of the latest were told already."""
    billed = [run for run in runs if run["invoices_issued"]]
    names: dict[str, Any] = {"to_tell": sum(run["invoices_issued"] for run in billed), "is_told": False, "failed": None}
    if billed:
        names["is_told"] = bool(ask("/outbox", billing_run_id=billed[0]["id"], limit=1)["items"])
        names["failed"] = ask("/outbox", billing_run_id=billed[0]["id"], status="failed", limit=NAMED)
    return names


def _state(step: str, known: dict[str, Any]) -> str:
    """``done``, ``open``, or ``any`` for what can be done at any time and leaves no trace."""
    if step in AT_ANY_TIME:
        return "any"
    preview = known.get("preview")
    is_billed = known["is_issued"] and preview is not None and not preview["totals"]["invoices"]
    is_done = {
        "exceptions": preview is not None
        and known["is_over"]
        and not known["kept_back"]
        and not known["open_orders"]["items"],
        "preview": is_billed,
        "bill": is_billed,
        "send": known["is_told"],
        "payments": is_billed and not known["is_owed"],
        "close": bool(known["closed_through"]) and known["closed_through"] >= known["last"].isoformat(),
    }
    return "done" if is_done[step] else "open"


@console.route("/month-end/bills", methods=["POST"])
@console.arguments(MonthForm, location="form")
@allow(*WHO, page=True, own_transactions=True)
def bill_month(form: dict[str, str]) -> Response:
    """Issue the bills that are due. What takes longer goes on by itself, and the page shows how far it is."""
    actor, period, made = current_actor(), form["period"], []

    def issue() -> None:
        key = key_of(actor, form.get("key"))
        asked = RunRequest(period, confirm=bool(form.get("confirm")), idempotency_key=key)
        made.append(bill(current_database().for_longer_work(), asked, actor, patience=PATIENCE))

    def again(**names: Any) -> Response:
        with frame.reading():
            return _month_page(period, **names)

    refused = frame.send(issue, again, url_for("console.month_end", period=period))
    if refused is not None:
        return refused
    address = f"{url_for('console.month_end', period=period)}#bill"
    if made[0].status == "running":
        return frame.done(address, "me_running")
    with frame.reading():
        amount = frame.figures().rupees(str(made[0].total))
    return frame.done(address, "me_billed", n=made[0].invoices_issued, amount=amount, waiting=len(made[0].skipped))


@console.route("/month-end/messages", methods=["POST"])
@console.arguments(MonthForm, location="form")
@allow(*WHO, page=True)
def tell_customers(form: dict[str, str]) -> Response:
    """Put a message for every bill of the month's runs into the outbox; again, none twice."""
    period, sums = form["period"], dict.fromkeys(("queued", "already", "without_address", "paid", "off"), 0)
    body = {**frame.fields_of(form, "channel"), "only_open": bool(form.get("only_open"))}

    def tell() -> None:
        for run in ask("/billing/runs", period=period, limit=RUNS)["items"]:
            if run["invoices_issued"]:
                told = act("POST", f"/billing/runs/{run['id']}/messages", body, key=form.get("key"))
                for name in sums:
                    sums[name] += told[name]

    address = url_for("console.month_end", period=period)
    refused = frame.send(tell, lambda **names: _month_page(period, **names), address)
    return refused or frame.done(f"{address}#send", "me_told", **sums)


@console.route("/month-end/books", methods=["POST"])
@console.arguments(MonthForm, location="form")
@allow(Role.ADMIN, page=True)
def close_books(form: dict[str, str]) -> Response:
    """Close the books through the month, or open them again from its first day on."""
    period, (first, last) = form["period"], month_bounds(form["period"])
    through = first - timedelta(days=1) if form.get("open") else last
    address = url_for("console.month_end", period=period)
    refused = frame.send(
        lambda: act("PATCH", "/settings", {"books_closed_through": through.isoformat()}),
        lambda **names: _month_page(period, **names),
        address,
    )
    return refused or frame.done(f"{address}#close", "me_closed", day=frame.figures().day(through))


@console.route("/month-end/e-invoices", methods=["POST"])
@console.arguments(MonthForm, location="form")
@allow(*WHO, page=True)
def keep_e_invoices(form: dict[str, str]) -> Response:
    """Keep the portal's file of answers; of one with faults every line that is wrong is told."""
    period, told = form["period"], dict[str, Any]()

    def keep() -> None:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise invalid("/file", "Choose a file.", REQUIRED)
        told.update(act("PUT", "/invoices/e-invoices", file=file))

    def again(**names: Any) -> Response:
        return _month_page(period, e_wrong=list(names["wrong"].items()), **names)

    address = url_for("console.month_end", period=period)
    refused = frame.send(keep, again, address)
    return refused or frame.done(f"{address}#e-invoices", "me_e_kept", n=told["registered"], known=told["known"])


@console.route("/month-end/verification")
@console.arguments(MonthEndQuery, location="query")
@allow(*WHO, page=True, own_transactions=True)
def verify_documents(query: dict[str, str]) -> Response:
    """Whether the documents of each series are what was issued: as ``dairy verify-invoices`` says it."""
    with current_database().for_longer_work().transaction(read_only=True, snapshot=True) as session:
        series = all_series(session)
        found: list[Finding] = [wrong for each in series for _, findings in verify(session, each) for wrong in findings]
    with frame.reading():
        return frame.page("verification.html", series=series, found=found, period=query.get("period"))
