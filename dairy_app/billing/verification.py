"""Whether the issued papers are still what was issued: numbers, amounts, hashes, and the chain from paper to paper.

Each paper's hash covers its content and the hash of the paper before it, so a changed, removed or renumbered paper is
found wherever it stands. It cannot be seen when somebody wrote anew every paper from there on and the series' last
hash: whoever wants to know that too keeps the heads this prints (last number and hash of each series) elsewhere.

Judged in SQL, some thousand papers a statement along the numbers; only what is wrong comes to Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.billing.credit_notes import NOTE_LINES_CONTENT, note_content
from dairy_app.billing.statements import LINES_CONTENT, document_content

#: Papers a statement.
CHUNK = 5000
#: How a series, its year and a place in it make a number.
NUMBER = ":series || '/' || :financial_year || '/' || lpad({no}::text, 7, '0')"

#: What is wrong → what it means.
FINDINGS = {
    "number_missing": "No paper has this number: one was deleted or renumbered.",
    "number_taken_twice": "Two papers have this number.",
    "number_differs": "The number is not that of its series, year and place.",
    "content_changed": "The paper or a line of it was changed after issue: its hash no longer fits.",
    "chain_broken": "The paper does not follow the one before it: one of them was changed or replaced.",
    "lines_differ": "The paper's amounts are not the sum of its lines.",
    "series_differs": "The series' next number or last hash is not that of its last paper.",
    "series_missing": "Papers stand in a series that the number series do not know.",
}

# Papers of one kind in the order of their numbers, each with its hash and sums as they should be.
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

_NEXT = """i.series = :series AND i.financial_year = :financial_year AND i.sequence_no >= :after_no
        AND (i.sequence_no, i.id) > (:after_no, CAST(:after_id AS uuid))
        ORDER BY i.sequence_no, i.id LIMIT :chunk"""

PAPERS = {"invoices": _INVOICES.format(next=_NEXT), "credit_notes": _CREDIT_NOTES.format(next=_NEXT)}
NOBODY = UUID(int=0)


def _judged(papers: str) -> str:
    """The findings of the next papers, then their last one with how many they were (its ``code`` is NULL)."""
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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a paper or a series; ``code`` is one of ``FINDINGS``."""

    papers: str
    number: str
    code: str

    @property
    def detail(self) -> str:
        return FINDINGS[self.code]


@dataclass(slots=True)
class Series:
    """One series in one financial year: what the number series say of it, and how far its papers were looked at."""

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
    """Every series that has papers or has given numbers; ``only``: of this name."""
    rows = session.execute(
        text("""
            WITH papers AS (
                SELECT 'invoices' AS papers, series, financial_year, count(*) AS count
                FROM invoices WHERE number IS NOT NULL GROUP BY 2, 3
                UNION ALL
                SELECT 'credit_notes', series, financial_year, count(*) FROM credit_notes GROUP BY 2, 3
            )
            SELECT coalesce(p.papers, CASE WHEN n.series = (SELECT credit_note_series FROM settings)
                    THEN 'credit_notes' ELSE 'invoices' END) AS papers,
                coalesce(p.series, n.series) AS series, coalesce(p.financial_year, n.financial_year) AS financial_year,
                coalesce(p.count, 0) AS count, n.next_no, n.last_hash AS wanted_hash
            FROM papers p FULL JOIN number_series n ON n.series = p.series AND n.financial_year = p.financial_year
            WHERE CAST(:only AS text) IS NULL OR coalesce(p.series, n.series) = :only
            ORDER BY 1 DESC, 2, 3"""),
        {"only": only},
    )
    return [Series(**row) for row in rows.mappings()]


def verify(session: Session, series: Series, chunk: int = CHUNK) -> Iterator[tuple[int, list[Finding]]]:
    """Look at a series' papers by number: after each stretch, how many papers it had and what is wrong with them.

    Ask in a transaction that sees one instant, or papers issued meanwhile look wrong.
    """
    statement = text(_judged(PAPERS[series.papers]))
    while True:
        known = {"series": series.series, "financial_year": series.financial_year, "chunk": chunk}
        after = {"after_no": series.last_no, "after_id": series.last_id, "after_hash": series.last_hash}
        rows = session.execute(statement, known | after).all()
        if not rows:
            break
        last = rows[-1]
        yield last.papers, [_finding(series, row) for row in rows[:-1]]
        series.last_no, series.last_id, series.last_hash = last.sequence_no, last.id, last.document_hash
    yield 0, _findings_of_the_series(series)


def _finding(series: Series, row: Any) -> Finding:
    if row.code == "number_missing":
        return _missing(series, row.number_before + 1, row.sequence_no - 1)
    return Finding(series.papers, row.number, row.code)


def _missing(series: Series, first: int, last: int) -> Finding:
    named = series.number(first) if first == last else f"{series.number(first)} to {series.number(last)}"
    return Finding(series.papers, named, "number_missing")


def _findings_of_the_series(series: Series) -> list[Finding]:
    name = f"{series.series}/{series.financial_year}"
    if series.next_no is None:
        return [Finding(series.papers, name, "series_missing")]
    if series.next_no > series.last_no + 1:
        return [_missing(series, series.last_no + 1, series.next_no - 1)]
    if series.next_no <= series.last_no or series.wanted_hash != series.last_hash:
        return [Finding(series.papers, name, "series_differs")]
    return []
