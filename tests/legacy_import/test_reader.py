"""Reading what MongoDB's tools leave on disk, whole or broken."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest
from bson import ObjectId, json_util

from dairy_app.legacy_import.reading.dumps import UnreadableDump, open_dump

ORDERS = [
    {
        "_id": ObjectId(),
        "id": f"ord_{n}",
        "amount": 92.75,
        "at": datetime(2026, 9, n, 4, tzinfo=UTC),
        "name": "పాలు",
    }
    for n in range(1, 4)
]
USERS = [{"_id": ObjectId(), "id": "u1", "note": None, "count": 7}]


def write_bson(folder: Path, **collections: list) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, documents in collections.items():
        (folder / f"{name}.bson").write_bytes(b"".join(map(bson.encode, documents)))
        (folder / f"{name}.metadata.json").write_text('{"indexes":[]}')
    return folder


def write_json(folder: Path, **collections: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in collections.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def refusal(path: Path, collection: str = "orders") -> str:
    with pytest.raises(UnreadableDump) as refused:
        list(open_dump(path).documents(collection))
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def mongodump(tmp_path: Path) -> Path:
    """A dump of all databases: the dairy's and the server's own."""
    write_bson(tmp_path / "dump" / "admin", **{"system.version": [{"_id": "x"}]})
    write_bson(tmp_path / "dump" / "dairy", orders=ORDERS, users=USERS, leads=[])
    return tmp_path / "dump"


def test_the_folder_of_a_database_or_its_parent_is_named(mongodump):
    for path in (mongodump, mongodump / "dairy"):
        dump = open_dump(path)
        assert (dump.form, sorted(dump.files)) == ("bson", ["leads", "orders", "users"])
        assert list(dump.documents("orders")) == ORDERS
        assert list(dump.documents("leads")) == []
        assert list(dump.documents("no such collection")) == []


def test_a_collection_may_be_gzipped_whatever_its_name_says(mongodump):
    file = mongodump / "dairy" / "orders.bson"
    packed = gzip.compress(file.read_bytes())
    file.write_bytes(packed)
    assert list(open_dump(mongodump).documents("orders")) == ORDERS
    file.rename(file.with_suffix(".bson.gz"))
    assert list(open_dump(mongodump).documents("orders")) == ORDERS


@pytest.mark.parametrize("options", [json_util.CANONICAL_JSON_OPTIONS, json_util.RELAXED_JSON_OPTIONS])
@pytest.mark.parametrize("form", ["lines", "array", "pretty", "pretty array"])
def test_mongoexport_in_each_of_its_forms(tmp_path, options, form):
    indent = 2 if "pretty" in form else None
    texts = [json_util.dumps(order, json_options=options, indent=indent) for order in ORDERS]
    text = "[" + ",\n".join(texts) + "]\n" if "array" in form else "\n".join(texts) + "\n"
    dump = open_dump(write_json(tmp_path, orders=text, leads="[]" if "array" in form else ""))
    assert dump.form == "json"
    assert list(dump.documents("orders")) == ORDERS
    assert list(dump.documents("leads")) == []


def test_the_systems_own_backup_is_one_file_without_object_ids_and_with_utc_dates(tmp_path):
    without = [{name: value for name, value in order.items() if name != "_id"} for order in ORDERS]
    dates_as_text = [{**order, "at": str(order["at"].replace(tzinfo=None))} for order in without]
    file = tmp_path / "backup_20261101.json"
    file.write_text(json.dumps({"leads": [], "orders": dates_as_text, "users": []}, ensure_ascii=False), "utf-8")
    for path in (tmp_path, file):
        dump = open_dump(path)
        assert (dump.form, sorted(dump.files)) == ("backup", ["leads", "orders", "users"])
        assert list(dump.documents("orders")) == without
        assert list(dump.documents("leads")) == []


def test_documents_longer_than_a_chunk_are_read(tmp_path):
    long = {"_id": 1, "image": "x" * 3_000_000}
    folder = write_json(tmp_path, orders=json.dumps(long) + "\n" + json.dumps({"_id": 2}))
    assert list(open_dump(folder).documents("orders")) == [long, {"_id": 2}]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_cut_bson_file_says_where_it_ends(mongodump, cut):
    file = mongodump / "dairy" / "orders.bson"
    file.write_bytes(file.read_bytes()[:-cut])
    said = refusal(mongodump)
    assert said.startswith("orders.bson cannot be read after document 2 of orders (")
    assert "Nothing was imported" in said


def test_rubbish_instead_of_bson_is_refused(mongodump):
    (mongodump / "dairy" / "orders.bson").write_bytes(b"this is no BSON at all, not one bit of it" * 10)
    assert "orders.bson cannot be read after document 0" in refusal(mongodump)


def test_a_cut_gzip_is_refused(mongodump):
    file = mongodump / "dairy" / "orders.bson"
    packed = gzip.compress(file.read_bytes())
    file.write_bytes(packed[: len(packed) // 2])
    assert "orders.bson cannot be read after document" in refusal(mongodump)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"_id": 1}\n{"_id": 2', 1),
        ('[{"_id": 1}, {"_id": 2}', 2),
        ('[{"_id": 1} {"_id": 2}]', 1),
        ('[{"_id": 1}] and more', 1),
        ('{"_id": 1}\n[2]\n', 1),
        ('{"_id": 1}\n{"at": {"$date": "yesterday"}}\n', 1),
        ('{"_id": 1}\n{"_id": {"$oid": 5}}\n', 1),
    ],
)
def test_broken_json_is_refused_with_the_place(tmp_path, text, read):
    said = refusal(write_json(tmp_path, orders=text))
    assert said.startswith(f"orders.json cannot be read after document {read} of orders (")


def test_a_cut_backup_is_refused_before_anything_is_read(tmp_path):
    file = tmp_path / "backup.json"
    file.write_text('{"users": [{"id": "u1"}], "orders": [{"id": "ord_1"}, {"id"')
    with pytest.raises(UnreadableDump, match=r"backup\.json cannot be read in orders"):
        open_dump(file)


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_is_refused_with_the_way_out(tmp_path, packed):
    archive = tmp_path / "dump.archive"
    content = b"\x6d\xe2\x99\x81" + b"\x00" * 50
    archive.write_bytes(gzip.compress(content) if packed else content)
    said = refusal(archive)
    assert "mongodump archive" in said and "mongorestore --archive" in said


def test_what_is_no_dump_is_refused(tmp_path, mongodump):
    assert "does not exist" in refusal(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no *.bson" in refusal(tmp_path / "empty")
    assert "name its folder" in refusal(mongodump / "dairy" / "orders.bson")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert "no backup" in refusal(tmp_path / "photo.jpg")


@pytest.mark.parametrize("text", ["{0}\r\n{1}\r\n", "[\r\n{0},\r\n{1}\r\n]\r\n", "{0}\r\n\r\n{1}"])
def test_an_export_that_went_through_windows_is_read(tmp_path, text):
    lines = [json_util.dumps(each) for each in ORDERS[:2]]
    (tmp_path / "orders.json").write_bytes(b"\xef\xbb\xbf" + text.format(*lines).encode())
    assert [each["id"] for each in open_dump(tmp_path).documents("orders")] == ["ord_1", "ord_2"]


def test_what_stands_beside_the_collections_hides_none_of_them(mongodump):
    for name in ("prelude.json", "report.json"):
        (mongodump / name).write_text('{"ServerVersion":"7.0.14","ToolVersion":"100.10.0"}')
    (mongodump / "dairy" / "prelude.json.gz").write_bytes(gzip.compress(b'{"ServerVersion":"7.0.14"}'))
    (mongodump / "oplog.bson").write_bytes(bson.encode({"op": "i"}))
    dump = open_dump(mongodump)
    assert (dump.form, sorted(dump.files)) == ("bson", ["leads", "orders", "users"])


def test_of_two_databases_one_must_be_named(mongodump):
    write_bson(mongodump / "old_dairy", orders=[])
    assert "several databases (dairy, old_dairy)" in refusal(mongodump)


def test_a_collection_that_is_there_twice_is_refused(mongodump):
    folder = mongodump / "dairy"
    (folder / "orders.bson.gz").write_bytes(gzip.compress((folder / "orders.bson").read_bytes()))
    assert "holds orders twice: orders.bson and orders.bson.gz" in refusal(mongodump)
