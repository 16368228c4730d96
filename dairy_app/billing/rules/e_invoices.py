"""Reading the answer of the government's invoice portal: a file with a row for each document that was registered.

The portals write JSON (an array of objects, as their API answers: ``AckNo``, ``AckDt``, ``Irn``, ``SignedQRCode``), CSV
or a workbook (``Ack No``, ``Ack Date``, ``Doc No``, ``IRN``, ``SignedQRCode``). Fields are known by name, in whatever
capitals and with whatever between the words; others are ignored. The signed text of the QR code names the document and
its IRN itself: it gives the number where the file has none, and must agree where it has one.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import jwt

from dairy_app.common.errors import FieldError, invalid
from dairy_app.invoices.models import ACK_NO_FORMAT, IRN_FORMAT, SIGNED_QR_FORMAT, SIGNED_QR_LENGTH
from dairy_app.invoices.service.e_invoices import DocumentAnswer, PortalAnswer
from dairy_app.web.uploads import SEND_WORKBOOK, fault, is_shortened, plain_heading, refuse_file, table_in

#: More documents come in several files: the portal takes 1 or 2 MB at once.
MOST_ANSWERS = 5000
#: Field → how files name it, as ``plain_heading`` writes it without what is between the words.
_NAMES = {
    "number": {"docno", "documentno", "documentnumber", "docnumber", "invno", "invoiceno", "invoicenumber"},
    "irn": {"irn"},
    "ack_no": {"ackno", "acknowledgementno", "acknowledgementnumber", "acknumber"},
    "ack_date": {"ackdt", "ackdate", "acknowledgementdate"},
    "signed_qr": {"signedqrcode", "signedqr", "qrcode"},
    "status": {"status", "einvoicestatus", "irnstatus"},
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names}
#: The portal's clock.
_INDIA = ZoneInfo("Asia/Kolkata")
_MOMENTS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S",
    "%d/%m/%Y %I:%M:%S %p", "%d-%m-%Y %I:%M:%S %p", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M", "%Y-%m-%dT%H:%M:%S.%f",
)  # fmt: skip
_WRITTEN = {"irn": IRN_FORMAT, "ack_no": ACK_NO_FORMAT, "signed_qr": SIGNED_QR_FORMAT}


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """The portal's file: JSON as it was read, or the text of a file (JSON, or a table as CSV)."""

    answers: Sequence[Mapping[str, Any]] | None = None
    csv: str | None = None


def answers_in(file: AnswerFile) -> list[DocumentAnswer]:
    """The answers of a file, in its order. Raises ``validation_failed`` that names every row that is not one."""
    rows = list(_rows(file))
    if not rows:
        raise invalid("/file", "The file holds no answers.", "empty")
    if len(rows) > MOST_ANSWERS:
        raise invalid("/file", f"At most {MOST_ANSWERS:,} answers; send the rest as another file.", "too_many")
    faults: list[FieldError] = []
    answers: dict[str, DocumentAnswer] = {}
    for line, cells in rows:
        answer, found = _answer(line, cells)
        faults += found
        if answer is None:
            continue
        if answer.number in answers:
            before = answers[answer.number].line
            faults.append(fault(line, "number", "repeated", f"{answer.number} is in line {before} already."))
        answers.setdefault(answer.number, answer)
    if faults:
        raise refuse_file(faults)
    return list(answers.values())


def _rows(file: AnswerFile) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by field. Of JSON the lines are the places in the array, from 1."""
    if file.answers is not None:
        yield from _objects(file.answers)
    elif file.csv is not None and file.csv.lstrip("\ufeff \t\r\n")[:1] in {"[", "{"}:
        try:
            # AckNo is a number of 15 digits, which must not become another one.
            held = json.loads(file.csv.lstrip("\ufeff"), parse_float=str, parse_constant=str)
        except ValueError as error:
            raise invalid("/file", f"The file begins as JSON and is none: {error}.") from None
        yield from _objects(held if isinstance(held, list) else [held])
    elif file.csv is not None:
        table = table_in(file.csv, lambda cells: len({_field(cell) for cell in cells} - {None}))
        fields = [_field(heading) for heading in table.headings]
        for line, cells in table.rows:
            named = {field: cell for field, cell in zip(fields, cells, strict=False) if field and cell}
            if named:
                yield line, named


def _objects(held: Sequence[Any]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, each in enumerate(held, 1):
        if not isinstance(each, Mapping):
            raise invalid(f"/rows/{line}", "Must be an object with AckNo, AckDt, Irn and SignedQRCode.")
        named = ((_field(str(key)), value) for key, value in each.items())
        yield line, {field: str(value).strip() for field, value in named if field and value not in (None, "")}


def _field(heading: str) -> str | None:
    return _FIELD_OF.get(plain_heading(heading).replace("_", ""))


def _answer(line: int, cells: Mapping[str, str]) -> tuple[DocumentAnswer | None, list[FieldError]]:
    """The answer of one row; None with what is wrong with it."""
    if re.match("cnl|cancel", cells.get("status", ""), re.I):
        return None, [fault(line, "status", "cancelled", "The portal cancelled this one; leave it out.")]
    cells = {**cells, "irn": cells.get("irn", "").lower()}
    faults = [_wrong(line, name, cells.get(name, "")) for name in ("irn", "ack_no", "ack_date", "signed_qr")]
    found = [each for each in faults if each is not None]
    if found:
        return None, found
    told = _told_by_code(cells["signed_qr"])
    number = cells.get("number") or told.get("DocNo", "")
    if not number:
        return None, [fault(line, "number", "required", "Neither the row nor its QR code names a document.")]
    for name, is_in_file in (("DocNo", number), ("Irn", cells["irn"])):
        if told.get(name, is_in_file).lower() != is_in_file.lower():
            said = f"The QR code is of {told[name]}, and the row of {is_in_file}."
            return None, [fault(line, "signed_qr", "differs", said)]
    moment = _moment(cells["ack_date"])
    assert moment is not None, "judged above"
    return DocumentAnswer(line, number, PortalAnswer(cells["irn"], cells["ack_no"], moment, cells["signed_qr"])), []


def _wrong(line: int, name: str, cell: str) -> FieldError | None:
    if not cell:
        return fault(line, name, "required", "Nothing is in this cell.")
    if is_shortened(cell):
        return fault(line, name, "shortened", SEND_WORKBOOK)
    if name == "ack_date":
        said = "Must be a moment as the portal writes it: 2026-11-03 11:20:00, or 03/11/2026 11:20:00 AM."
        return None if _moment(cell) else fault(line, name, "date", said)
    if re.fullmatch(_WRITTEN[name].strip("^$"), cell) is None or len(cell) > SIGNED_QR_LENGTH:
        meant = {
            "irn": "Must be 64 hexadecimal digits.",
            "ack_no": "Must be at most 20 digits.",
            "signed_qr": "Must be three parts of base64url with dots between them.",
        }
        return fault(line, name, "pattern", meant[name])
    return None


def _moment(cell: str) -> datetime | None:
    for written in _MOMENTS:
        try:
            return datetime.strptime(cell.strip(), written).replace(tzinfo=_INDIA)
        except ValueError:
            continue
    return None


def _told_by_code(signed_qr: str) -> dict[str, str]:
    """What the signed text says of its document. The signature is the portal's to vouch for; only the text is read."""
    try:
        data = jwt.decode(signed_qr, options={"verify_signature": False}).get("data")
        told = json.loads(data) if isinstance(data, str) else data
    except (jwt.PyJWTError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {name: str(told[name]) for name in ("DocNo", "Irn") if told.get(name)}
