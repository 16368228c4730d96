"""Which drafts are due, previews of a run, and the runs themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, TextClause, func, select, text
from sqlalchemy.orm import Session

from dairy_app.billing.models import BillingRun
from dairy_app.billing.queries.charges import has_rules
from dairy_app.billing.queries.drafts import drafts_with_totals
from dairy_app.common.errors import Problem
from dairy_app.invoices.models import Invoice
from dairy_app.invoices.rules import month_bounds
from dairy_app.receivables.queries.ledger import BALANCE

#: A draft is due when its period is over; with ``through`` when it has begun by then, and it is ended there first.
#: Beside ``today``, ``not_ended`` is the first day whose periods have not ended, which a preview may put later.
DUE = """d.status = 'draft' AND d.companion_of IS NULL AND (
    CAST(:through AS date) IS NULL AND d.period_end <= :last_day AND d.period_end < :not_ended
    OR d.period_start <= :through)
    AND (CAST(:customer_ids AS uuid[]) IS NULL OR d.customer_id = ANY(:customer_ids))"""

#: Where a draft that is due will end.
ENDS = "least(d.period_end, CAST(:through AS date))"

#: Whether a draft's document will be dated the day it is made.
_IS_LATE = f"{ENDS} <= (SELECT late_through(CAST(:today AS date)))"


def due_parameters(
    period: str, today: date, through: date | None, customer_ids: Sequence[UUID] | None
) -> dict[str, Any]:
    """The parameters of ``DUE``: every draft up to the end of month ``period``."""
    ids = None if customer_ids is None else list(customer_ids)
    last_day = month_bounds(period)[1]
    return {"last_day": last_day, "today": today, "not_ended": today, "through": through, "customer_ids": ids}


#: How far a run has come: whether it is at the late documents, the last day of the drafts, the customer's code.
Position = tuple[bool, date, str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Drafts that end on one day: their ids and their customers', in the form that SQL gives and takes.

    ``finished``: how many of the customers have no draft after this one. ``position``: how far a run is with it.
    """

    drafts: list[str]
    customers: list[str]
    ends: date
    finished: int
    position: Position


def next_chunk(session: Session, due: dict[str, Any], after: Position | None, size: int) -> Chunk | None:
    """The next drafts due, at most ``size``, by day and customer's code; None when there are no more.

    Older days first and late documents, dated today, last: dates in a number series never go back.
    """
    is_late, ends, code = after or (False, date.min, "")
    row = session.execute(
        text(f"""
            WITH chosen AS (
                SELECT d.id, d.customer_id, {_IS_LATE} AS is_late, {ENDS} AS ends, c.code
                FROM invoices d JOIN customers c ON c.id = d.customer_id
                WHERE {DUE} AND ({_IS_LATE}, {ENDS}, c.code) > (:is_late, :ends, :code)
                ORDER BY 3, 4, 5 LIMIT :size
            ), chunk AS (
                SELECT n.*, NOT EXISTS (
                    SELECT FROM invoices d WHERE d.customer_id = n.customer_id AND {DUE}
                        AND ({_IS_LATE}, {ENDS}) > (n.is_late, n.ends)) AS is_last
                FROM chosen n
            )
            SELECT CAST(array_agg(id) AS text[]) AS drafts, CAST(array_agg(customer_id) AS text[]) AS customers,
                is_late, ends, max(code) AS code, count(*) FILTER (WHERE is_last) AS finished
            FROM chunk GROUP BY is_late, ends ORDER BY is_late, ends LIMIT 1"""),
        {**due, "is_late": is_late, "ends": ends, "code": code, "size": size},
    ).one_or_none()
    if row is None:
        return None
    return Chunk(row.drafts, row.customers, row.ends, row.finished, (row.is_late, row.ends, row.code))


def due_customers(session: Session, due: dict[str, Any]) -> int:
    """How many customers have drafts that a run would take up."""
    return int(session.scalars(text(f"SELECT count(DISTINCT d.customer_id) FROM invoices d WHERE {DUE}"), due).one())


def period_left_out(session: Session, due: dict[str, Any]) -> date | None:
    """The end of the last period that is over, not late and not asked for, when something asked for is late."""
    last: date | None = session.scalars(
        text(f"""
            SELECT max(w.period_end) FROM invoices w
            WHERE w.status = 'draft' AND w.companion_of IS NULL AND w.period_end < :today
                AND w.period_end > (SELECT late_through(CAST(:today AS date)))
                AND EXISTS (SELECT FROM orders o WHERE o.invoice_id = w.id)
                AND w.id NOT IN (SELECT d.id FROM invoices d WHERE {DUE})
                AND EXISTS (SELECT FROM invoices d WHERE {DUE} AND {_IS_LATE} AND {_HOLDS_SOMETHING})"""),
        due,
    ).one()
    return last


def preview_totals(session: Session, due: dict[str, Any], area_id: UUID | None = None) -> RowMapping:
    """What a run would issue now, in one statement: counts, sums, and the documents that could not be issued.

    ``without_hsn``: untaxed things of a regular dairy that GSTR-1 will want a code for; NULL when there are none.
    ``scheme_since``: when the scheme of GST was changed, where something is of days before; else NULL.
    """
    totals = _preview_totals(charged=has_rules(session))
    return session.execute(totals, {**due, "area_id": area_id}).mappings().one()


@cache
def _preview_totals(*, charged: bool) -> TextClause:
    return text(f"""
        {drafts_with_totals(DUE + _IN_AREA, ENDS, charged=charged)}, counted AS (
            SELECT o.invoice_id, count(*) AS orders,
                count(*) FILTER (WHERE o.order_type = 'one_time') AS one_time_orders,
                count(*) FILTER (WHERE o.delivered_on < p.period_start OR p.is_late) AS prior_period_orders
            FROM papers p JOIN orders o ON o.invoice_id = p.invoice_id AND o.delivered_on <= p.period_end
            GROUP BY o.invoice_id
        ), one_time AS (
            SELECT invoice_id, sum(line_total) AS amount FROM lines WHERE source = 'one_time' GROUP BY invoice_id
        )
        SELECT coalesce(sum(t.documents) FILTER (WHERE ok), 0)::integer AS invoices,
            count(DISTINCT t.customer_id) FILTER (WHERE ok) AS customers,
            coalesce(sum(c.orders) FILTER (WHERE ok), 0)::integer AS orders,
            coalesce(sum(c.one_time_orders) FILTER (WHERE ok), 0)::integer AS one_time_orders,
            coalesce(sum(o.amount) FILTER (WHERE ok), 0)::numeric(24,2) AS one_time_amount,
            coalesce(sum(c.prior_period_orders) FILTER (WHERE ok), 0)::integer AS prior_period_orders,
            coalesce(sum(t.taxable_value) FILTER (WHERE ok), 0)::numeric(24,2) AS taxable,
            coalesce(sum(t.cgst + t.sgst + t.igst) FILTER (WHERE ok), 0)::numeric(24,2) AS tax,
            coalesce(sum(t.round_off) FILTER (WHERE ok), 0)::numeric(24,2) AS round_off,
            coalesce(sum(t.total) FILTER (WHERE ok), 0)::numeric(24,2) AS total,
            coalesce(jsonb_agg(jsonb_build_object('customer_id', t.customer_id, 'customer_code', t.customer_code,
                'customer_name', t.name, 'invoice_id', t.invoice_id, 'code', t.skip_code)
                ORDER BY t.customer_code) FILTER (WHERE NOT ok), '[]') AS warnings,
            (SELECT array_agg(DISTINCT l.description ORDER BY l.description) FROM lines l CROSS JOIN settings s
                WHERE s.gst_scheme = 'regular' AND l.gst_rate = 0 AND l.hsn_code IS NULL) AS without_hsn,
            (SELECT s.gst_scheme_since FROM settings s WHERE EXISTS (
                SELECT FROM lines l WHERE l.first_date < s.gst_scheme_since)) AS scheme_since
        FROM totals t
        LEFT JOIN counted c USING (invoice_id)
        LEFT JOIN one_time o USING (invoice_id)
        CROSS JOIN LATERAL (SELECT t.skip_code IS NULL) AS verdict (ok)""")


_IN_AREA = " AND (CAST(:area_id AS uuid) IS NULL OR c.area_id = :area_id)"
#: Draft by draft: of EXISTS one OR the other, all billed orders would be read.
_HOLDS_SOMETHING = """coalesce((SELECT true FROM orders o WHERE o.invoice_id = d.id LIMIT 1),
            (SELECT true FROM adjustments a WHERE a.invoice_id = d.id LIMIT 1))"""


def preview_page(
    session: Session,
    due: dict[str, Any],
    *,
    area_id: UUID | None,
    after: tuple[str, date] | None,
    limit: int,
) -> Sequence[RowMapping]:
    """One row per draft, by customer code and period. The page is cut before amounts are computed.

    ``previous_balance`` counts the customer's drafts that a run issues first as issued: earlier ones, late ones last.
    """
    code, start = after or ("", date.min)
    page = _preview_page(charged=has_rules(session))
    given = {**due, "area_id": area_id, "code": code, "start": start, "limit": limit}
    return session.execute(page, given).mappings().all()


@cache
def _preview_page(*, charged: bool) -> TextClause:
    which = f"""{DUE} AND d.customer_id IN (
        SELECT d.customer_id FROM invoices d JOIN customers c ON c.id = d.customer_id
        WHERE {DUE}{_IN_AREA} AND (c.code, d.period_start) > (:code, :start) AND {_HOLDS_SOMETHING}
        ORDER BY c.code, d.period_start LIMIT :limit)"""
    return text(f"""
        {drafts_with_totals(which, charged=charged)}, owed AS (
            SELECT t.*, {BALANCE.format(customer="t.customer_id")}
                + coalesce(sum(t.total) FILTER (WHERE t.skip_code IS NULL) OVER (PARTITION BY t.customer_id
                    ORDER BY t.is_late, t.period_start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                AS previous_balance
            FROM totals t
        )
        SELECT t.*, t.taxable_value AS taxable, t.cgst + t.sgst + t.igst AS tax,
            (SELECT count(*) FROM orders o WHERE o.invoice_id = t.invoice_id) AS orders
        FROM owed t WHERE (t.customer_code, t.period_start) > (:code, :start)
        ORDER BY t.customer_code, t.period_start LIMIT :limit""")


def issued_total(session: Session, month: str) -> Decimal:
    """What was issued for periods that end in a month; for the comparison with an unusual total."""
    total = select(func.sum(Invoice.total)).where(
        Invoice.status == "issued", Invoice.period_end.between(*month_bounds(month))
    )
    return session.scalars(total).one() or Decimal(0)


def lock_idempotency_key(session: Session, key: str) -> None:
    """Let one caller at a time decide about a run's idempotency key, until its transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


#: A run at work holds a lock in each of its transactions; between two of them its row was written a moment ago. Not a
#: lock of the session: behind a pool that shares sessions it would be nobody's.
RUN_LOCK = 0x62696C6C
RUN_IS_HELD = f"""EXISTS (
    SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory'
        AND l.objsubid = 2 AND l.classid = {RUN_LOCK} AND l.objid = hashtext(r.id::text)::oid)"""


def hold_run(session: Session, run_id: UUID) -> None:
    """Say that somebody is at work on this run, until the transaction ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock_shared(:class, hashtext(:id))"), {"class": RUN_LOCK, "id": str(run_id)}
    )


def held_runs(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these runs that somebody is at work on."""
    found = text(f"SELECT r.id FROM billing_runs r WHERE r.id = ANY (:ids) AND {RUN_IS_HELD}")
    return set(session.scalars(found, {"ids": list(ids)}))


def run_of_key(session: Session, key: str) -> BillingRun | None:
    """The run that was started with an idempotency key."""
    return session.scalars(select(BillingRun).where(BillingRun.idempotency_key == key)).one_or_none()


def get_run(session: Session, run_id: UUID) -> BillingRun:
    """A billing run, or 404 ``billing_run_not_found``."""
    run = session.get(BillingRun, run_id)
    if run is None:
        raise Problem("billing_run_not_found")
    return run


def runs(period: str | None = None) -> Select[Any]:
    """All billing runs, or those of a month ``YYYY-MM``."""
    found = select(BillingRun)
    return found if period is None else found.where(BillingRun.period == period)
