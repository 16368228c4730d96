"""What every document has: a key, a reason against it, remarks about it, and its text as JSON."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from bson import json_util
from bson.binary import UuidRepresentation

from dairy_app.legacy_import import rules

Document = Mapping[str, Any]

_OPTIONS = json_util.RELAXED_JSON_OPTIONS.with_options(uuid_representation=UuidRepresentation.STANDARD)
_CAPITAL = re.compile("[A-Z]")

#: Begins the key of a document that has none of its own.
CONTENT_KEY = "content-"

#: Collections that hold the same things; one key in both means one thing.
_SAME_THINGS = {
    "customers": "customers_v2",
    "delivery_status": "delivery_statuses",
    "delivery_boys_v2": "users",
    "delivery_boys": "users",
    "subscriptions": "subscriptions_v2",
}


class Spelt(dict[str, Any]):
    """A document under one spelling of its fields; ``original`` is what was read, and what quarantine keeps."""

    original: Document
    contradicts: bool


def spelt(document: Document) -> Document:
    """The document with every camelCase field under its snake_case name too; what is written in snake case wins."""
    found = {
        _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", name): value
        for name, value in document.items()
        if isinstance(name, str) and not name.islower()
    }
    if not found:
        return document
    both = Spelt(document)
    both.update({name: value for name, value in found.items() if document.get(name) is None})
    both.original = document
    both.contradicts = any(value is not None and both[name] != value for name, value in found.items())
    return both


def without_passwords(document: Document) -> Document:
    """The document without any field that holds a password or its hash, however spelt."""
    kept = document.original if isinstance(document, Spelt) else document
    return spelt({name: value for name, value in kept.items() if "password" not in str(name).lower()})


class Notes:
    """Collects the first reason against a document and the remarks about it."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.detail: str | None = None
        self.remarks: list[str] = []

    def refuse(self, reason: str, value: Any = None) -> None:
        if self.reason is None:
            self.reason = reason
            self.detail = None if value is None else rules.text(repr(value)[:200])

    def remark(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)

    def of(self, document: Document) -> dict[str, Any]:
        if isinstance(document, Spelt) and document.contradicts:
            self.remark("spellings_contradict")
        return {
            "reason": self.reason,
            "detail": self.detail,
            "remarks": self.remarks,
            "document": as_json(document),
        }


def as_json(document: Document) -> str:
    """The document as relaxed Extended JSON that PostgreSQL can store: no NaN literal, no NUL."""
    document = document.original if isinstance(document, Spelt) else document
    try:
        found = _encode(document)
    except (ValueError, TypeError):  # NaN, infinity, or keys that are no text
        found = json_util.dumps(document, json_options=_OPTIONS, ensure_ascii=False)
    if "\\u0000" in found:
        found = json.dumps(_without_nul(json.loads(found)), ensure_ascii=False)
    return found


def _extended(value: Any) -> Any:
    return json_util.default(value, _OPTIONS)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_extended).encode


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    return value


def identity_of(collection: str, line: int, document: Document) -> dict[str, Any]:
    """Collection, line, key and id; a document without any key gets one from its content."""
    key = rules.key_of(document)
    if key is None:
        key = CONTENT_KEY + hashlib.sha256(as_json(document).encode("utf-8", "replace")).hexdigest()[:32]
    return {
        "collection": collection,
        "line": line,
        "key": key,
        "id": rules.row_id(_SAME_THINGS.get(collection, collection), key),
    }


def name_of(value: Any) -> str | None:
    """A name of at most 200 characters, None for nothing."""
    found = rules.text(value)
    return found[:200] if found else None


def first(document: Document, *names: str) -> Any:
    """The value of the first spelling of a field that is there and not null."""
    return next((document[name] for name in names if document.get(name) is not None), None)


def cut(value: Any, length: int) -> str | None:
    """The text of a value, cut to a length; None for nothing."""
    found = rules.text(value)
    return found[:length] if found else None
