"""Billing's use cases: preview, run, void. A run issues drafts; it never looks for forgotten orders.

A run is many transactions: its own row, then one per chunk of customers. A crash leaves finished chunks issued
and the rest draft; the next run takes up what is left. Two runs at once are harmless: each chunk locks its
customers, and a draft that is no longer one is passed over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.billing.bulk import issuing as bulk
from dairy_app.billing.bulk.runs import close_interrupted, fail_run
from dairy_app.billing.models import BillingRun
from dairy_app.billing.queries import runs as queries
from dairy_app.billing.rules.runs import SKIP_DETAILS, is_unusual
from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.database.transactions import Database
from dairy_app.invoices.rules import month_bounds
from dairy_app.web.access import Actor
from dairy_app.web.pages import read_cursor, write_cursor

#: A running run that holds no lock and has not written for this long was interrupted.
SILENCE = timedelta(seconds=30)
INTERRUPTED = "interrupted; what was issued stays issued, the rest is still draft"

Progress = Callable[[BillingRun], None]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to bill: month ``YYYY-MM``; ``through`` bills a running period up to that day."""

    period: str
    through: date | None = None
    customer_ids: Sequence[UUID] | None = None
    confirm: bool = False
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would issue now, without issuing it."""

    totals: Any
    warnings: list[dict[str, Any]]


def preview(session: Session, request: RunRequest, *, area_id: UUID | None = None, only_due: bool = False) -> Preview:
    """Equal to the paisa to what ``run`` would issue; reads only.

    A month that has not ended is shown as it stands, with the warning ``period_not_ended``, or ``only_due``: what a run
    would issue of it now. ``unusual_total`` says that a run must be confirmed. What can be billed but not put on a
    GSTR-1 is named in ``hsn_needed_for_return``; ``gst_scheme_changed`` says that the scheme of GST was another one
    when something was delivered.
    """
    day = today(session)
    last = month_bounds(request.period)[1]
    warnings: list[dict[str, Any]] = []
    if last >= day and request.through is None and not only_due:
        warnings.append({"code": "period_not_ended", "detail": f"{request.period} ends on {last}."})
    warnings += out_of_turn(session, request)
    totals = dict(queries.preview_totals(session, _shown(session, request, only_due), area_id))
    if (last < day or only_due) and area_id is None:
        unusual = _unusual(session, request, lambda: totals["total"])
        warnings += [{"code": unusual.code, "detail": unusual.detail}] if unusual else []
    warnings.extend(_explained(totals.pop("warnings")))
    without_hsn = totals.pop("without_hsn")
    if without_hsn:
        detail = f"They can be billed, but GSTR-1 needs an HSN code of each: {', '.join(without_hsn)}."
        warnings.append({"code": "hsn_needed_for_return", "detail": detail})
    since = totals.pop("scheme_since")
    if since:
        detail = f"The scheme of GST was changed on {since}: what was delivered before is billed by the new one, too."
        warnings.append({"code": "gst_scheme_changed", "detail": detail})
    return Preview(totals, warnings)


def out_of_turn(session: Session, request: RunRequest) -> list[dict[str, Any]]:
    """The warning ``period_unbilled``, when a run would date the documents of a month that it leaves out later, too.

    An invoice for a month whose return is filed is dated the day it is made; no later number has an earlier date.
    """
    last = queries.period_left_out(session, _due(session, request))
    if last is None:
        return []
    month = f"{last:%Y-%m}"
    detail = (
        f"{month} is not billed yet. What is billed now for a month whose return is filed is dated today, and so will"
        f" {month} be: bill it first."
    )
    return [{"code": "period_unbilled", "detail": detail}]


def _explained(skipped: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "detail": SKIP_DETAILS[each["code"]]} for each in skipped]


def preview_page(
    session: Session,
    request: RunRequest,
    *,
    area_id: UUID | None,
    only_due: bool = False,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """The drafts behind a preview, one row each, by customer code."""
    due = _shown(session, request, only_due)
    code, start = read_cursor(cursor, [str, date]) if cursor else ("", date.min)
    rows = queries.preview_page(session, due, area_id=area_id, after=(code, start), limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    following = write_cursor([last["customer_code"], last["period_start"]]) if last else None
    return {"items": rows[:limit], "next_cursor": following}


def _shown(session: Session, request: RunRequest, only_due: bool) -> dict[str, Any]:
    """What a preview shows: what is due, and of a month that still runs what has come so far."""
    due = _due(session, request)
    if request.through is None and not only_due:
        due["not_ended"] = max(due["not_ended"], due["last_day"] + timedelta(days=1))
    return due


def _due(session: Session, request: RunRequest) -> dict[str, Any]:
    day = today(session)
    if request.through is not None:
        first, last = month_bounds(request.period)
        if not first <= request.through <= min(last, day):
            raise invalid("/through", f"through must be a day of {request.period} and not in the future.")
    return queries.due_parameters(request.period, day, request.through, request.customer_ids)


@dataclass(frozen=True, slots=True)
class Started:
    """A run's row, and whether the caller is to carry it out (an earlier answer to the same key may have)."""

    run: BillingRun
    to_do: bool


def start_run(session: Session, request: RunRequest, actor: Actor | None) -> Started:
    """Check what is asked and write the run's row, status ``running``.

    ``period_not_ended`` when nothing is due because the month has not ended; ``unusual_total`` unless confirmed.
    The same idempotency key is the same run; one that was cut short is taken up again.
    """
    known = _known_run(session, request)
    if known is not None:
        return known
    _, waiting = _judged(session, request)
    close_interrupted(session, now(), now() - SILENCE, INTERRUPTED)
    run = BillingRun(
        period=request.period,
        through=request.through,
        customer_ids=_chosen(request),
        requested_by=actor.user_id if actor else None,
        customers_total=waiting,
        idempotency_key=request.idempotency_key,
        started_at=now(),
        heartbeat_at=now(),
    )
    session.add(run)
    session.flush()
    return Started(run, to_do=True)


def _judged(session: Session, request: RunRequest) -> tuple[dict[str, Any], int]:
    """What is due and to how many customers. Raises ``period_not_ended`` and ``unusual_total`` as a run does."""
    due = _due(session, request)
    waiting = queries.due_customers(session, due)
    if waiting == 0 and request.through is None and due["last_day"] >= due["today"]:
        raise Problem("period_not_ended", f"{request.period} ends on {due['last_day']}; bill a part with through.")
    if not request.confirm:
        unusual = _unusual(session, request, lambda: queries.preview_totals(session, due)["total"])
        if unusual is not None:
            raise unusual
    return due, waiting


def read_run(session: Session, run_id: UUID) -> BillingRun:
    """A run as it is; one that was cut short is ``interrupted``, whatever its row says."""
    return shown(session, [queries.get_run(session, run_id)])[0]


def shown(session: Session, runs: Sequence[BillingRun]) -> list[BillingRun]:
    """Runs as they are read: those that nobody is at work on any more are ``interrupted``."""
    cut_short = _cut_short(session, runs)
    for run in runs:
        session.expunge(run)
        if run.id in cut_short or run.error == INTERRUPTED:
            run.status, run.error = "interrupted", INTERRUPTED
    return list(runs)


def _cut_short(session: Session, runs: Sequence[BillingRun]) -> set[UUID]:
    silent = {run.id for run in runs if run.status == "running" and run.heartbeat_at < now() - SILENCE}
    return silent - queries.held_runs(session, list(silent)) if silent else silent


def _known_run(session: Session, request: RunRequest) -> Started | None:
    """The run of the same idempotency key. The lock makes a second caller wait for the first one's row."""
    if request.idempotency_key is None:
        return None
    queries.lock_idempotency_key(session, request.idempotency_key)
    run = queries.run_of_key(session, request.idempotency_key)
    if run is None:
        return None
    if (run.period, run.through, run.customer_ids) != (request.period, request.through, _chosen(request)):
        raise Problem("idempotency_key_reused", f"This key was already used for a different run, of {run.period}.")
    cut_short = run.status == "failed" or bool(_cut_short(session, [run]))
    if cut_short:
        run.status, run.finished_at, run.error, run.heartbeat_at = "running", None, None, now()
        session.flush()
    return Started(run, to_do=cut_short)


def _chosen(request: RunRequest) -> list[UUID] | None:
    """The customers that were asked for, in one order, each once; None: everybody."""
    return None if request.customer_ids is None else sorted(set(request.customer_ids))


def _unusual(session: Session, request: RunRequest, waiting: Callable[[], Decimal]) -> Problem | None:
    """What refuses the month's total, with what waits for a run, beside the month before; None when it looks right."""
    percent = business_settings(session).unusual_total_percent
    month_before = (month_bounds(request.period)[0] - timedelta(days=1)).strftime("%Y-%m")
    before = queries.issued_total(session, month_before)
    if percent is None or before <= 0 or request.customer_ids is not None:
        return None
    total = waiting() + queries.issued_total(session, request.period)
    if not is_unusual(total, before, percent):
        return None
    return Problem(
        "unusual_total",
        f"{request.period} would total {total}, {month_before} was {before}: confirm to issue all the same.",
        facts={"total": f"{total:.2f}", "previous_total": f"{before:.2f}"},
    )


def dry_run(session: Session, request: RunRequest) -> dict[str, Any]:
    """The run that would come of it, judged and shaped like one, with nothing written."""
    due, waiting = _judged(session, request)
    totals = queries.preview_totals(session, due)
    return {
        "id": None,
        "period": request.period,
        "through": request.through,
        "status": "completed",
        "dry_run": True,
        "customers_total": waiting,
        "customers_done": waiting,
        "invoices_issued": totals["invoices"],
        "orders_billed": totals["orders"],
        "one_time_orders_billed": totals["one_time_orders"],
        "one_time_amount": totals["one_time_amount"],
        "prior_period_orders": totals["prior_period_orders"],
        "total": totals["total"],
        "skipped": _explained(totals["warnings"]),
    }


def carry_out(
    database: Database,
    run_id: UUID,
    request: RunRequest,
    actor: Actor | None,
    progress: Progress | None = None,
) -> BillingRun:
    """Issue everything that is due, chunk by chunk, and finish the run's row; returns the row.

    A fault marks the run failed and is raised; chunks already issued stay issued. A server that is away for a moment
    (a failover) is waited for: a chunk issues what is still a draft, so doing one again does nothing twice.
    """
    after: queries.Position | None = None
    try:
        while True:
            position = after

            def chunk(session: Session) -> tuple[queries.Position | None, BillingRun]:
                return _issue_chunk(session, run_id, request, actor, position)  # noqa: B023 - run at once

            after, run = database.run_patiently(chunk)
            if progress:
                progress(run)
            if after is None:
                return run
    except BaseException as fault:
        reason = type(fault).__name__ if isinstance(fault, Exception) else INTERRUPTED  # Ctrl-C
        database.run(lambda session: fail_run(session, run_id, now(), reason))
        raise


def _issue_chunk(
    session: Session, run_id: UUID, request: RunRequest, actor: Actor | None, after: queries.Position | None
) -> tuple[queries.Position | None, BillingRun]:
    """One transaction: lock customers, then their drafts, then decide. Returns where to go on, None at the end."""
    queries.hold_run(session, run_id)
    settings = business_settings(session)
    due = _due(session, request)
    chosen = queries.next_chunk(session, due, after, settings.billing_chunk)
    run = queries.get_run(session, run_id)
    run.heartbeat_at = now()
    if chosen is None:
        run.status, run.finished_at, run.customers_done = "completed", now(), run.customers_total
        session.flush()
        return None, run
    lock_customers(session, chosen.customers)
    drafts = bulk.lock_drafts(session, chosen.drafts, chosen.ends, request.through)
    if request.through is not None:
        bulk.cut_drafts(session, drafts, request.through)
    issued = bulk.issue_drafts(
        session,
        drafts,
        today=due["today"],
        at=now(),
        run_id=run_id,
        issued_by=actor.user_id if actor else None,
    )
    _count(run, chosen.finished, issued)
    session.flush()
    return chosen.position, run


def _count(run: BillingRun, customers: int, issued: bulk.Issued) -> None:
    # A run that is taken up again meets those without a document once more.
    run.customers_done = min(run.customers_done + customers, run.customers_total)
    run.invoices_issued += issued.invoices
    run.orders_billed += issued.orders
    run.one_time_orders_billed += issued.one_time_orders
    run.one_time_amount += issued.one_time_amount
    run.prior_period_orders += issued.prior_period_orders
    run.total += issued.total
    run.skipped = [*run.skipped, *issued.skipped]
