"""Cutting drafts and issuing a chunk of them. Callers hold the customers' rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from dairy_app.billing.bulk.charges import CHARGING
from dairy_app.billing.queries.charges import has_rules
from dairy_app.billing.queries.drafts import SUMS, drafts_with_totals
from dairy_app.billing.rules.runs import SKIP_DETAILS
from dairy_app.database.values import uuid_array
from dairy_app.invoices.queries.content import LINE_COLUMNS, LINES_CONTENT, document_content, listed
from dairy_app.receivables.queries.ledger import BALANCE


@dataclass(frozen=True, slots=True)
class Issued:
    """What one chunk came to. Amounts in rupees."""

    invoices: int = 0
    orders: int = 0
    one_time_orders: int = 0
    prior_period_orders: int = 0
    one_time_amount: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    skipped: Sequence[dict[str, Any]] = ()


def lock_drafts(session: Session, draft_ids: Iterable[UUID | str], ends: date, through: date | None) -> list[str]:
    """Lock those that are still drafts and end on ``ends``, cut at ``through``; ids ascending.

    The others were issued or cut by somebody else meanwhile.
    """
    locked: list[str] = session.scalars(
        text("""
            SELECT CAST(coalesce(array_agg(d.id), '{}') AS text[]) FROM (
                SELECT id FROM invoices WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'draft'
                    AND least(period_end, CAST(:through AS date)) = :ends ORDER BY id FOR NO KEY UPDATE) d"""),
        {"ids": uuid_array(draft_ids), "ends": ends, "through": through},
    ).one()
    return locked


def cut_drafts(session: Session, draft_ids: Iterable[UUID | str], through: date) -> None:
    """End drafts at ``through``; what was delivered later moves to a new draft of the rest of the period.

    At most five statements: the new drafts may only be opened once the old ones have given up the days.
    """
    given = {"ids": uuid_array(draft_ids), "through": through}
    longer = session.execute(
        text("""
            SELECT d.id, d.customer_id, d.period_end,
                EXISTS (SELECT FROM orders o WHERE o.invoice_id = d.id AND o.delivered_on > :through)
                OR EXISTS (SELECT FROM adjustments a WHERE a.invoice_id = d.id AND a.adjusted_on > :through)
                    AS has_later
            FROM invoices d WHERE d.id = ANY(CAST(:ids AS uuid[])) AND d.status = 'draft'
                AND d.period_start <= :through AND d.period_end > :through"""),
        given,
    ).all()
    later = [row for row in longer if row.has_later]
    # Orders of later days must leave before the draft ends earlier than they were delivered, and the new draft
    # may not overlap the old one: so the old one is cut first, which no rule forbids, then they move.
    session.execute(
        text("UPDATE invoices SET period_end = :through, updated_at = now() WHERE id = ANY(CAST(:longer AS uuid[]))"),
        {"through": through, "longer": uuid_array(row.id for row in longer)},
    )
    if later:
        session.execute(
            text("""
                INSERT INTO invoices (customer_id, period_start, period_end)
                SELECT customer_id, CAST(:through AS date) + 1, period_end
                FROM unnest(CAST(:customers AS uuid[]), CAST(:ends AS date[])) AS cut (customer_id, period_end)"""),
            {
                "through": through,
                "customers": uuid_array(row.customer_id for row in later),
                "ends": [row.period_end for row in later],
            },
        )
        session.execute(
            text("""
                UPDATE orders o SET invoice_id = draft_for(o.payer_id, o.delivered_on), updated_at = now()
                WHERE o.invoice_id = ANY(CAST(:later AS uuid[])) AND o.delivered_on > :through"""),
            {"later": uuid_array(row.id for row in later), "through": through},
        )
        session.execute(
            text("""
                UPDATE adjustments a SET invoice_id = draft_for(a.customer_id, a.adjusted_on), updated_at = now()
                WHERE a.invoice_id = ANY(CAST(:later AS uuid[])) AND a.adjusted_on > :through"""),
            {"later": uuid_array(row.id for row in later), "through": through},
        )


#: The lines of issuable drafts; where the law wants two documents, a companion is made for those that are apart.
_WRITTEN = f"""companions AS (
    INSERT INTO invoices (customer_id, period_start, period_end, companion_of)
    SELECT customer_id, period_start, period_end, invoice_id FROM totals WHERE skip_code IS NULL AND documents = 2
    RETURNING id, companion_of
), written AS (
    INSERT INTO invoice_lines ({listed(LINE_COLUMNS)})
    SELECT coalesce(k.id, l.invoice_id), {listed(LINE_COLUMNS[1:], "l")}
    FROM lines l
    JOIN totals t ON t.invoice_id = l.invoice_id AND t.skip_code IS NULL
    LEFT JOIN companions k ON k.companion_of = l.invoice_id AND l.apart
    RETURNING invoice_id
)
SELECT CAST(array_agg(t.invoice_id) FILTER (WHERE ok) || array_agg(k.id) FILTER (WHERE k.id IS NOT NULL) AS text[])
        AS papers,
    min(t.invoice_date) FILTER (WHERE ok) AS invoice_date, min(t.financial_year) FILTER (WHERE ok) AS financial_year,
    coalesce(jsonb_agg(jsonb_build_object('customer_id', t.customer_id, 'code', t.skip_code,
        'invoice_id', t.invoice_id) ORDER BY t.customer_code) FILTER (WHERE NOT ok), '[]') AS skipped
FROM totals t
LEFT JOIN companions k ON k.companion_of = t.invoice_id
CROSS JOIN LATERAL (SELECT t.skip_code IS NULL) AS verdict (ok)"""


@cache
def _write_lines(*, charged: bool) -> TextClause:
    drafts = drafts_with_totals("d.id = ANY(CAST(:drafts AS uuid[]))", charged=charged, in_order=True)
    return text(f"{drafts}, {_WRITTEN}")


_DELETE_EMPTY = """
DELETE FROM invoices d WHERE d.id = ANY(CAST(:drafts AS uuid[])) AND d.status = 'draft'
    AND NOT EXISTS (SELECT FROM orders o WHERE o.invoice_id = d.id)
    AND NOT EXISTS (SELECT FROM adjustments a WHERE a.invoice_id = d.id)"""

_DELETE_LINES = """
WITH lines AS (DELETE FROM invoice_lines WHERE invoice_id = ANY(CAST(:papers AS uuid[])))
DELETE FROM invoices WHERE id = ANY(CAST(:papers AS uuid[])) AND companion_of IS NOT NULL"""

_LOCK_NUMBERS = "SELECT pg_advisory_xact_lock(hashtextextended('numbers of invoices', 0))"

#: No row when numbers were given that bear a later date.
_TAKE_NUMBERS = """
INSERT INTO number_series AS n (series, financial_year, next_no, last_date)
SELECT s.invoice_series, :financial_year, :count + 1, :invoice_date FROM settings s
ON CONFLICT (series, financial_year) DO UPDATE
    SET next_no = n.next_no + :count, last_date = greatest(n.last_date, excluded.last_date)
    WHERE n.last_date IS NULL OR n.last_date <= excluded.last_date
RETURNING n.series, n.next_no - :count AS first_no, n.last_hash"""

#: Whose deliveries stand on the document beside its customer's own: the lines of each, and what they come to.
_SECTIONS = """(SELECT jsonb_build_object('sections', jsonb_agg(jsonb_build_object('customer_id', b.id, 'code', b.code,
                'name', b.name, 'address', concat_ws(', ', b.address_line1, b.address_line2, b.city),
                'first_line', x.first_line, 'last_line', x.last_line, 'total', x.total) ORDER BY x.first_line))
            FROM (SELECT l.delivered_to, min(l.line_no) AS first_line, max(l.line_no) AS last_line,
                    sum(l.line_total) AS total
                FROM invoice_lines l WHERE l.invoice_id = m.invoice_id AND l.delivered_to IS NOT NULL GROUP BY 1) x
            JOIN customers b ON b.id = x.delivered_to)"""

_ISSUE = f"""
WITH summed AS MATERIALIZED (
    SELECT l.invoice_id, {LINES_CONTENT} AS content,{SUMS}, bool_or(l.delivered_to IS NOT NULL) AS has_sections
    FROM invoice_lines l WHERE l.invoice_id = ANY(CAST(:papers AS uuid[])) GROUP BY l.invoice_id
), numbered AS (
    SELECT d.id, d.customer_id, d.period_start, d.period_end, m.*,
        CAST(:first_no AS integer) + (row_number() OVER (ORDER BY c.code, d.companion_of IS NOT NULL))::integer - 1
            AS sequence_no,
        CAST(:series AS text) AS series, CAST(:financial_year AS text) AS financial_year,
        CAST(:invoice_date AS date) AS invoice_date, CAST(:invoice_date AS date) + s.due_days AS due_date,
        coalesce(c.state_code, s.state_code) AS place_of_supply,
        CASE WHEN s.gst_scheme = 'none' THEN 'invoice' WHEN NOT m.has_untaxed THEN 'tax_invoice'
            WHEN NOT m.has_taxed THEN 'bill_of_supply' ELSE 'invoice_cum_bill_of_supply' END AS document_type,
        CASE WHEN d.companion_of IS NULL THEN {BALANCE.format(customer="d.customer_id")} ELSE 0.00 END
            AS previous_balance,
        jsonb_build_object(
            'buyer', jsonb_build_object('code', c.code, 'name', c.name, 'gstin', c.gstin,
                'gst_treatment', c.gst_treatment, 'phone', c.phone, 'area', a.name, 'pincode', c.pincode,
                'address', concat_ws(', ', c.address_line1, c.address_line2, c.city), 'state_code', c.state_code),
            'seller', jsonb_build_object('business_name', s.business_name, 'legal_name', s.legal_name,
                'address', s.address, 'gstin', s.gstin, 'gst_scheme', s.gst_scheme, 'state_code', s.state_code,
                'fssai_no', s.fssai_no, 'phone', s.phone, 'upi_id', s.upi_id))
            || CASE WHEN m.has_sections THEN {_SECTIONS} ELSE '{{}}' END AS snapshot
    FROM summed m
    JOIN invoices d ON d.id = m.invoice_id
    JOIN customers c ON c.id = d.customer_id
    LEFT JOIN areas a ON a.id = c.area_id
    CROSS JOIN settings s
), named AS (
    SELECT n.*, n.series || '/' || n.financial_year || '/' || lpad(n.sequence_no::text, 7, '0') AS number
    FROM numbered n
), chained AS (
    SELECT n.*, chained_sha256({document_content("n", "n.content", "{0}.customer_id")}, :last_hash)
        OVER (ORDER BY n.sequence_no) AS document_hash
    FROM named n
), linked AS (
    SELECT c.*, lag(c.document_hash, 1, :last_hash) OVER (ORDER BY c.sequence_no) AS previous_hash FROM chained c
), issued AS (
    UPDATE invoices i SET status = 'issued', series = k.series, financial_year = k.financial_year,
        sequence_no = k.sequence_no, number = k.number, invoice_date = k.invoice_date, due_date = k.due_date,
        document_type = k.document_type, place_of_supply = k.place_of_supply, snapshot = k.snapshot,
        taxable_value = k.taxable_value, exempt_value = k.exempt_value, cgst = k.cgst, sgst = k.sgst,
        igst = k.igst, round_off = k.round_off, total = k.total, previous_balance = k.previous_balance,
        issued_at = :at, issued_by = :issued_by, billing_run_id = :run, document_hash = k.document_hash,
        previous_hash = k.previous_hash, hash_version = 1, updated_at = now()
    FROM linked k WHERE k.id = i.id
    RETURNING i.sequence_no, i.total, i.document_hash
), closed AS (
    UPDATE number_series SET last_hash = (SELECT document_hash FROM issued ORDER BY sequence_no DESC LIMIT 1)
    WHERE series = :series AND financial_year = :financial_year
)
SELECT count(*) AS invoices, coalesce(sum(total), 0) AS total FROM issued"""

_COUNT = """
SELECT count(*) AS orders, count(*) FILTER (WHERE o.order_type = 'one_time') AS one_time_orders,
    count(*) FILTER (WHERE o.delivered_on < d.period_start
        OR d.period_end <= (SELECT late_through(CAST(:today AS date)))) AS prior_period_orders,
    (SELECT coalesce(sum(l.line_total), 0) FROM invoice_lines l
        WHERE l.invoice_id = ANY(CAST(:papers AS uuid[])) AND l.source = 'one_time') AS one_time_amount
FROM orders o JOIN invoices d ON d.id = o.invoice_id WHERE o.invoice_id = ANY(CAST(:papers AS uuid[]))"""


def issue_drafts(
    session: Session,
    draft_ids: Iterable[UUID | str],
    *,
    today: date,
    at: datetime,
    run_id: UUID | None,
    issued_by: UUID | None,
) -> Issued:
    """Issue locked drafts that end on the same day: lines, numbers, totals, hashes. Nine statements.

    A draft that may not be issued is left as it is and named in ``skipped``; one that holds nothing is deleted.
    """
    # A month of thousands of customers is sorted and hashed in memory, not on disk. Meanwhile no rule is taken back and
    # the settings stay: lines and document must be of one scheme of GST.
    session.execute(
        text("SELECT set_config('work_mem', '64MB', true), pg_advisory_xact_lock_shared(:key) FROM settings FOR SHARE"),
        {"key": CHARGING},
    )
    drafts = {"drafts": uuid_array(draft_ids), "today": today}
    # From the numbers on one chunk after the other, for the numbers and the chain of hashes; lines are written before,
    # while another chunk takes its numbers. Those may bear a later date, and so must these: then they are written anew.
    write_lines = _write_lines(charged=has_rules(session))
    written = session.execute(write_lines, drafts).one()
    taken = _take_numbers(session, written)
    if written.papers and taken is None:
        session.execute(text(_DELETE_LINES), {"papers": uuid_array(written.papers)})
        written = session.execute(write_lines, drafts).one()
        taken = _take_numbers(session, written)
    session.execute(text(_DELETE_EMPTY), drafts)
    skipped = [{**each, "detail": SKIP_DETAILS[each["code"]]} for each in written.skipped]
    if taken is None:
        return Issued(skipped=skipped)
    papers = {"papers": uuid_array(written.papers)}
    dated = {"financial_year": written.financial_year, "invoice_date": written.invoice_date}
    stamped = {"at": at, "issued_by": issued_by, "run": run_id}
    numbers = {"series": taken.series, "first_no": taken.first_no, "last_hash": taken.last_hash}
    done = session.execute(text(_ISSUE), {**papers, **dated, **numbers, **stamped}).one()
    counts = session.execute(text(_COUNT), {**papers, "today": today}).one()
    return Issued(
        invoices=done.invoices,
        orders=counts.orders,
        one_time_orders=counts.one_time_orders,
        prior_period_orders=counts.prior_period_orders,
        one_time_amount=counts.one_time_amount,
        total=done.total,
        skipped=skipped,
    )


def _take_numbers(session: Session, written: Any) -> Any:
    """The numbers of documents with lines, under the lock that is held until the end: (series, first_no, last_hash).

    None when there are no documents, or when the last number bears a later date than they do.
    """
    if not written.papers:
        return None
    session.execute(text(_LOCK_NUMBERS))
    given = {"financial_year": written.financial_year, "invoice_date": written.invoice_date}
    return session.execute(text(_TAKE_NUMBERS), {"count": len(written.papers), **given}).one_or_none()
