"""The documents of a series in the order of their numbers, judged in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.invoices.queries.content import (
    LINES_CONTENT,
    NOTE_LINES_CONTENT,
    debit_note_content,
    document_content,
    note_content,
)

#: Documents a statement.
CHUNK = 5000
#: How a series, its year and a place in it make a number.
NUMBER = ":series || '/' || :financial_year || '/' || lpad({no}::text, 7, '0')"

# Documents of one kind in the order of their numbers, each with its hash and sums as they should be.
_INVOICES = f"""
    SELECT i.id, i.number, i.sequence_no, i.document_hash, i.previous_hash, l.lines_total, l.sums,
        i.total - i.round_off AS lines_wanted, (i.taxable_value, i.cgst, i.sgst, i.igst) AS sums_wanted,
        chain_step(NULL, {document_content("i", "l.content")}, i.previous_hash) AS hash_wanted
    FROM (SELECT * FROM invoices i WHERE {{next}}) i
    CROSS JOIN LATERAL (SELECT {LINES_CONTENT} AS content, sum(l.line_total) AS lines_total,
            (sum(l.taxable_value), sum(l.cgst), sum(l.sgst), sum(l.igst)) AS sums
        FROM invoice_lines l WHERE l.invoice_id = i.id) l"""

_CREDIT_NOTES = f"""
    SELECT i.id, i.number, i.sequence_no, i.document_hash, i.previous_hash, l.lines_total, l.sums,
        i.total - i.round_off AS lines_wanted, (i.taxable_value, i.cgst, i.sgst, i.igst) AS sums_wanted,
        chain_step(NULL, {note_content("i", "l.content")}, i.previous_hash) AS hash_wanted
    FROM (SELECT * FROM credit_notes i WHERE {{next}}) i
    CROSS JOIN LATERAL (SELECT {NOTE_LINES_CONTENT} AS content, sum(l.line_total) AS lines_total,
            (sum(l.taxable_value), sum(l.cgst), sum(l.sgst), sum(l.igst)) AS sums
        FROM credit_note_lines l WHERE l.credit_note_id = i.id) l"""

_DEBIT_NOTES = f"""
    SELECT i.id, i.number, i.sequence_no, i.document_hash, i.previous_hash, l.lines_total, l.sums,
        i.total AS lines_wanted, (i.taxable_value, i.cgst, i.sgst, i.igst) AS sums_wanted,
        chain_step(NULL, {debit_note_content("i", "l.content")}, i.previous_hash) AS hash_wanted
    FROM (SELECT * FROM debit_notes i WHERE {{next}}) i
    CROSS JOIN LATERAL (SELECT {NOTE_LINES_CONTENT} AS content, sum(l.line_total) AS lines_total,
            (sum(l.taxable_value), sum(l.cgst), sum(l.sgst), sum(l.igst)) AS sums
        FROM debit_note_lines l WHERE l.debit_note_id = i.id) l"""

_NEXT = """i.series = :series AND i.financial_year = :financial_year AND i.sequence_no >= :after_no
        AND (i.sequence_no, i.id) > (:after_no, CAST(:after_id AS uuid))
        ORDER BY i.sequence_no, i.id LIMIT :chunk"""

PAPERS = {
    "invoices": _INVOICES.format(next=_NEXT),
    "credit_notes": _CREDIT_NOTES.format(next=_NEXT),
    "debit_notes": _DEBIT_NOTES.format(next=_NEXT),
}
NOBODY = UUID(int=0)


def _judged(papers: str) -> str:
    """The findings of the next documents, then their last one with how many they were (its ``code`` is NULL)."""
    return f"""
WITH papers AS MATERIALIZED ({papers}
), linked AS MATERIALIZED (
    SELECT p.*, lag(p.document_hash, 1, :after_hash) OVER w AS hash_before,
        lag(p.sequence_no, 1, :after_no) OVER w AS number_before
    FROM papers p WINDOW w AS (ORDER BY p.sequence_no, p.id)
)
SELECT p.id, p.sequence_no, p.number, p.document_hash, p.number_before, f.code, 0 AS papers
FROM linked p CROSS JOIN LATERAL (VALUES
    ('number_missing', p.sequence_no > p.number_before + 1),
    ('number_taken_twice', p.sequence_no = p.number_before),
    ('number_differs', p.number <> {NUMBER.format(no="p.sequence_no")}),
    ('content_changed', p.hash_wanted <> p.document_hash),
    ('chain_broken', p.sequence_no = p.number_before + 1 AND p.previous_hash <> p.hash_before),
    ('lines_differ', p.lines_total IS DISTINCT FROM p.lines_wanted OR p.sums IS DISTINCT FROM p.sums_wanted)
) AS f (code, holds) WHERE f.holds
UNION ALL
(SELECT p.id, p.sequence_no, p.number, p.document_hash, p.number_before, NULL, count(*) OVER ()
    FROM linked p ORDER BY p.sequence_no DESC, p.id DESC LIMIT 1)
ORDER BY 7, 2, 6"""


@dataclass(slots=True)
class Series:
    """One series in one financial year: what the number series say of it, and how far its documents were looked at."""

    papers: str
    series: str
    financial_year: str
    count: int
    next_no: int | None
    wanted_hash: str | None
    last_no: int = 0
    last_id: UUID = NOBODY
    last_hash: str = "0" * 64

    def number(self, sequence_no: int) -> str:
        return f"{self.series}/{self.financial_year}/{sequence_no:07d}"


def all_series(session: Session, only: str | None = None) -> list[Series]:
    """Every series that has documents or has given numbers; ``only``: of this name."""
    rows = session.execute(
        text("""
            WITH papers AS (
                SELECT 'invoices' AS papers, series, financial_year, count(*) AS count
                FROM invoices WHERE number IS NOT NULL GROUP BY 2, 3
                UNION ALL
                SELECT 'credit_notes', series, financial_year, count(*) FROM credit_notes GROUP BY 2, 3
                UNION ALL
                SELECT 'debit_notes', series, financial_year, count(*) FROM debit_notes GROUP BY 2, 3
            )
            SELECT coalesce(p.papers, (SELECT CASE n.series WHEN s.credit_note_series THEN 'credit_notes'
                    WHEN s.debit_note_series THEN 'debit_notes' ELSE 'invoices' END FROM settings s)) AS papers,
                coalesce(p.series, n.series) AS series, coalesce(p.financial_year, n.financial_year) AS financial_year,
                coalesce(p.count, 0) AS count, n.next_no, n.last_hash AS wanted_hash
            FROM papers p FULL JOIN number_series n ON n.series = p.series AND n.financial_year = p.financial_year
            WHERE CAST(:only AS text) IS NULL OR coalesce(p.series, n.series) = :only
            ORDER BY 1 DESC, 2, 3"""),
        {"only": only},
    )
    return [Series(**row) for row in rows.mappings()]


def next_judged(session: Session, series: Series, chunk: int) -> Sequence[Any]:
    """The findings of the next ``chunk`` documents of a series, then their last one with how many they were."""
    known = {"series": series.series, "financial_year": series.financial_year, "chunk": chunk}
    after = {"after_no": series.last_no, "after_id": series.last_id, "after_hash": series.last_hash}
    return session.execute(text(_judged(PAPERS[series.papers])), known | after).all()
