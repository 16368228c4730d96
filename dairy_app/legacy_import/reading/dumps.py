"""Reads what MongoDB's tools and the earlier system's own backup leave on disk. Needs no MongoDB.

Three forms hold the same documents: a mongodump folder (``*.bson``, ``*.bson.gz``), a mongoexport folder
(``*.json``: lines or an array, canonical or relaxed Extended JSON), and the earlier system's backup, one JSON
file ``{collection: [documents]}``. Documents are streamed; a file that cannot be read to its end raises
``UnreadableDump`` with one line for people.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import bson
from bson import json_util
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from dairy_app.legacy_import.reading import json_stream

Document = dict[str, Any]

#: The server's own databases; a dump of all databases carries them too.
SERVER_DATABASES = frozenset({"admin", "config", "local"})

_BSON = (".bson", ".bson.gz")
_JSON_FILES = (".json", ".json.gz")
#: What the server keeps for itself, and what mongodump writes beside the collections.
_NO_COLLECTIONS = ("system.", "oplog.", "prelude.json")

_ARCHIVE_MAGIC = b"\x6d\xe2\x99\x81"
_GZIP_MAGIC = b"\x1f\x8b"
_CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True,
    tzinfo=UTC,
    uuid_representation=UuidRepresentation.STANDARD,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
_JSON = json_util.JSONOptions(
    tz_aware=True,
    tzinfo=UTC,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
_BROKEN = (
    *(BSONError, EOFError, OSError, zlib.error),
    *(ValueError, TypeError, KeyError, OverflowError, RecursionError),  # malformed Extended JSON
)
_BACKUP_DATE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{6})?")


class UnreadableDump(Exception):
    """The path holds no dump, or one that cannot be read; the text says what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Dump:
    """The collections found under a path. ``form`` is bson, json or backup."""

    path: Path
    form: str
    files: dict[str, Path] = field(default_factory=dict)

    def documents(self, collection: str) -> Iterator[Document]:
        """Every document of a collection in file order; none when the dump has no such collection."""
        file = self.files.get(collection)
        if file is None:
            return
        read = 0
        try:
            for document in self._stream(collection, file):
                if not isinstance(document, dict):
                    raise ValueError("not a document")
                read += 1
                yield document
        except _BROKEN as fault:
            raise UnreadableDump(
                f"{file.name} cannot be read after document {read} of {collection} ({_reason(fault)}). "
                "Nothing was imported; copy the file again or repeat the dump."
            ) from fault

    def _stream(self, collection: str, file: Path) -> Iterator[Any]:
        with _open(file) as stream:
            if self.form == "bson":
                yield from bson.decode_file_iter(stream, _CODEC)
            elif self.form == "json":
                yield from json_stream.documents(stream, _extended)
            else:
                for name, documents in json_stream.members(stream, _from_backup):
                    for document in documents:
                        if name == collection:
                            yield document
                    if name == collection:
                        return


def open_dump(path: Path) -> Dump:
    """Find out what lies under a path: a dump's folder, its parent, or one file.

    Raises ``UnreadableDump`` when there is nothing, more than one database, or a form that is not read.
    """
    if not path.exists():
        raise UnreadableDump(f"{path} does not exist.")
    if path.is_file():
        return _open_file(path)
    folder = _database_folder(path)
    files = _collection_files(folder, _BSON)
    if files:
        return Dump(folder, "bson", files)
    files = _collection_files(folder, _JSON_FILES)
    if files and all(_looks_like_backup(file) for file in files.values()):
        if len(files) > 1:
            raise UnreadableDump(f"{folder} holds {len(files)} backups: name one file.")
        return _open_file(next(iter(files.values())))
    if files:
        return Dump(folder, "json", files)
    raise UnreadableDump(f"{folder} holds no *.bson, *.bson.gz or *.json file of a MongoDB dump.")


def _open_file(file: Path) -> Dump:
    with _open(file) as stream:
        try:
            start = stream.read(64)
        except _BROKEN as fault:
            raise UnreadableDump(f"{file} cannot be read ({_reason(fault)}).") from fault
    if start.startswith(_ARCHIVE_MAGIC):
        raise UnreadableDump(
            f"{file} is a mongodump archive, which is not read. Unpack it with "
            "mongorestore --archive, then dump again with mongodump --out FOLDER."
        )
    if file.name.endswith((".bson", ".bson.gz")):
        raise UnreadableDump(f"{file} is one collection: name its folder {file.parent}.")
    if not _looks_like_backup(file):
        raise UnreadableDump(f"{file} is no backup of the form {{collection: [documents]}}.")
    names = _backup_collections(file)
    return Dump(file, "backup", dict.fromkeys(names, file))


def _database_folder(path: Path) -> Path:
    """The folder itself if it holds collections, else its only database.

    A JSON file beside folders of BSON, such as a report, is no collection: taken for one it would hide the dump.
    """
    if _collection_files(path, _BSON):
        return path
    folders = [each for each in path.iterdir() if each.is_dir() and each.name not in SERVER_DATABASES]
    found = sorted(folder for folder in folders if _collection_files(folder, _BSON))
    if not found and _collection_files(path, _JSON_FILES):
        return path
    found = found or sorted(folder for folder in folders if _collection_files(folder, _JSON_FILES))
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise UnreadableDump(f"{path} holds several databases ({names}): name one folder.")
    return found[0] if found else path


def _collection_files(folder: Path, endings: Sequence[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if not file.is_file() or ".metadata.json" in file.name or file.name.startswith(_NO_COLLECTIONS):
            continue
        for ending in endings:
            name = file.name.removesuffix(ending)
            if name != file.name and not name.endswith(".bson"):
                if name in files:
                    raise UnreadableDump(f"{folder} holds {name} twice: {files[name].name} and {file.name}.")
                files[name] = file
    return files


def _open(file: Path) -> BinaryIO:
    """The file's bytes, unpacked if it is gzipped, whatever its name says."""
    with file.open("rb") as stream:
        packed = stream.read(2) == _GZIP_MAGIC
    return gzip.open(file) if packed else file.open("rb")  # type: ignore[return-value]


def _reason(fault: BaseException) -> str:
    words = " ".join(str(fault).split()) or type(fault).__name__
    return words[:150]


def _extended(pairs: Sequence[tuple[str, Any]]) -> Any:
    return json_util.object_pairs_hook(pairs, _JSON)


def _from_backup(pairs: Sequence[tuple[str, Any]]) -> Document:
    """A document of the one-file backup, whose BSON dates became ``YYYY-MM-DD HH:MM:SS`` text in UTC."""
    return {name: _backup_date(value) for name, value in pairs}


def _backup_date(value: Any) -> Any:
    if isinstance(value, str) and _BACKUP_DATE.fullmatch(value):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


def _looks_like_backup(file: Path) -> bool:
    """Whether the file begins ``{"name": [`` and a document; an exported document begins with ``_id``."""
    with _open(file) as stream:
        try:
            start = stream.read(4096).decode("utf-8", "replace")
        except _BROKEN:
            return False
    return re.match(r'\ufeff?\s*\{\s*"[^"]+"\s*:\s*\[\s*[]{]', start) is not None


def _backup_collections(file: Path) -> list[str]:
    """The names in a backup; reads it to the end, so a cut one is refused before anything is imported."""
    names: list[str] = []
    try:
        with _open(file) as stream:
            for name, documents in json_stream.members(stream, _from_backup):
                names.append(name)
                for _ in documents:
                    pass
    except _BROKEN as fault:
        raise UnreadableDump(
            f"{file.name} cannot be read in {names[-1] if names else 'its first collection'} "
            f"({_reason(fault)}). Nothing was imported."
        ) from fault
    return names
