"""All files of GSTR-1 in one archive, with what they total and whether that agrees. Equal rows give equal bytes."""

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy.orm import Session

from dairy_app.exports.files.streams import CHUNK_BYTES, Progress, Take
from dairy_app.exports.gst.gstr1 import GSTR1
from dairy_app.exports.gst.self_checks import Check, self_checks
from dairy_app.exports.registers.columns import Profile
from dairy_app.exports.registers.findings import voided_after_return
from dairy_app.exports.registers.profiles import count_of, csv_of, totals_of
from dairy_app.exports.rules import Span

VERSION = 2
#: When every member says it was made.
_MADE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Gstr1Source:
    """The set over some days as a zip: a CSV per table, ``manifest.json``, ``self-checks.csv`` and ``.json``."""

    span: Span
    bom: bool = True

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Make the archive aside, then hand it to ``take``; returns the number of rows in all tables."""
        with tempfile.TemporaryFile() as file:
            with ZipFile(file, "w") as archive:
                rows = self._fill(archive, session, progress)
            file.seek(0)
            while chunk := file.read(CHUNK_BYTES):
                if take(chunk) is False:
                    break
        return rows

    def _fill(self, archive: ZipFile, session: Session, progress: Progress | None) -> int:
        tables = []
        for profile in GSTR1:
            tables.append(self._table(archive, session, profile))
            if progress:
                progress(sum(table["rows"] for table in tables))
        checks = self_checks(session, self.span)
        voided = [{key: str(value) for key, value in each.items()} for each in voided_after_return(session, self.span)]
        _write_json(archive, "manifest.json", {**self._manifest(tables), "voided_after_return": voided})
        _write_json(archive, "self-checks.json", self._verdict(checks))
        with archive.open(_member("self-checks.csv"), "w") as member:
            member.write(_as_csv(checks))
        return sum(table["rows"] for table in tables)

    def _table(self, archive: ZipFile, session: Session, profile: Profile) -> dict[str, Any]:
        with archive.open(_member(f"{profile.name.rpartition('/')[2]}.csv"), "w") as member:
            digest = Digest(member)
            rows = csv_of(profile, self.span, bom=self.bom).copy(session, digest.take)
        sums = {name: str(total) for name, total in totals_of(session, profile, self.span).items()}
        return {
            "profile": profile.name,
            "version": profile.version,
            "rows": rows,
            "bytes": digest.size,
            "sha256": digest.sha256.hexdigest(),
            "sums": sums,
        }

    def _days(self) -> dict[str, Any]:
        return {"from": self.span.first.isoformat(), "to": self.span.last.isoformat()}

    def _manifest(self, tables: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"profile": "gstr1", "version": VERSION, **self._days(), "files": tables}

    def _verdict(self, checks: Sequence[Check]) -> dict[str, Any]:
        passed = all(check.passed for check in checks)
        return {**self._days(), "passed": passed, "checks": [check.facts() for check in checks]}


class Digest:
    """SHA-256 and size of what passes, on its way to ``file``."""

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self.sha256, self.size = hashlib.sha256(), 0
        self._file = file

    def take(self, chunk: bytes) -> None:
        self.sha256.update(chunk)
        self.size += len(chunk)
        if self._file:
            self._file.write(chunk)


def count_of_set(session: Session, span: Span) -> int:
    """The rows of all tables."""
    return sum(count_of(session, profile, span) for profile in GSTR1)


def sums_of_set(session: Session, span: Span) -> dict[str, Decimal]:
    """The taxable values by table, in rupees."""
    sums = {profile.name: totals_of(session, profile, span) for profile in GSTR1}
    return {name: total["Taxable Value"] for name, total in sums.items() if "Taxable Value" in total}


def _member(name: str) -> ZipInfo:
    """A member whose head says nothing about the machine or the hour."""
    member = ZipInfo(name, _MADE)
    member.compress_type = ZIP_DEFLATED
    member.create_system, member.external_attr = 3, 0o644 << 16
    return member


def _write_json(archive: ZipFile, name: str, document: dict[str, Any]) -> None:
    with archive.open(_member(name), "w") as member:
        member.write(json.dumps(document, indent=2).encode() + b"\n")


def _as_csv(checks: Sequence[Check]) -> bytes:
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(["check", "what", "left", "right", "difference", "passed"])
    for check in checks:
        rows.writerow([*(check.facts() | {"passed": str(check.passed).lower()}).values()])
    return written.getvalue().encode()
