"""What is no photo, too much of one, or broken is refused by what it is, not by its name; and nothing stays of it."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from dairy_app.photos import pictures
from dairy_app.photos.rules import LONGEST_SIDE, MOST_BYTES, MOST_PIXELS
from dairy_app.photos.store import PhotoFiles
from tests.dairy import ok, refused
from tests.deliveries.rounds import Round
from tests.photos.pictures import door, moving, names, send, send_file, written
from tests.photos.test_taking import confirmed


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def claims(width: int, height: int) -> bytes:
    """A few bytes of PNG that unpack to a grey picture of this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * height) if width * height < 2**27 else b"", 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


OTHER: dict[str, Callable[[], bytes]] = {
    "gif": lambda: written(Image.new("RGB", (40, 40)), "GIF"),
    "bmp": lambda: written(Image.new("RGB", (40, 40)), "BMP"),
    "tiff": lambda: written(Image.new("RGB", (40, 40)), "TIFF"),
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": lambda: b"<!doctype html><script>alert(1)</script>",
    "pdf": lambda: b"%PDF-1.7\n%%EOF",
    "a moving png": lambda: moving("PNG"),
    "a moving webp": lambda: moving("WEBP"),
}


@pytest.mark.parametrize("kind", OTHER)
def test_other_formats_are_refused_by_their_content(round_: Round, files: PhotoFiles, kind: str) -> None:
    order, sent = confirmed(round_), OTHER[kind]()
    refused(send(round_.boy, order, sent, "image/jpeg"), 415, "unsupported_media_type")
    refused(send_file(round_.boy, order, sent, "door.jpg"), 415, "unsupported_media_type")
    assert names(files) == set()


def test_media_types_that_no_photo_has_are_refused_unread(round_: Round) -> None:
    order = confirmed(round_)
    for media in ("image/gif", "image/svg+xml", "text/html", "application/octet-stream", "image/heic"):
        refused(send(round_.boy, order, door(), media), 415, "unsupported_media_type")


def test_a_phones_jpeg_with_a_preview_behind_it_is_one(round_: Round) -> None:
    order, picture = confirmed(round_), Image.new("RGB", (300, 200))
    sent = written(picture, "MPO", save_all=True, append_images=[picture.resize((30, 20))])
    with Image.open(io.BytesIO(sent)) as read:
        assert read.format == "MPO"
    assert ok(send(round_.boy, order, sent))["width"] == 300


@pytest.mark.parametrize(
    ("size", "form"),
    [((4000, 3001), "PNG"), ((4000, 3001), "WEBP"), ((6250, 4001), "JPEG")],
)
def test_more_pixels_than_are_read(round_: Round, files: PhotoFiles, size: tuple[int, int], form: str) -> None:
    assert size[0] * size[1] > MOST_PIXELS[form]
    order = confirmed(round_)
    body = refused(send(round_.boy, order, door(size, form)), 413, "payload_too_large")
    assert f"{MOST_PIXELS[form]:,} pixels" in body["detail"]
    assert names(files) == set()


@pytest.mark.parametrize("side", [10_000, 12_000, 100_000])
def test_a_few_bytes_that_claim_a_huge_picture_are_refused_before_they_unpack(round_: Round, side: int) -> None:
    order, sent = confirmed(round_), claims(side, side)
    assert len(sent) < 200_000
    refused(send(round_.boy, order, sent), 413, "payload_too_large")


def test_as_many_pixels_as_are_read(round_: Round) -> None:
    order = confirmed(round_)
    assert ok(send(round_.boy, order, door((6250, 4000))))["width"] == LONGEST_SIDE
    assert ok(send(round_.boy, order, door((4000, 3000), "WEBP")))["height"] == 1200


def test_bytes_are_counted(round_: Round, files: PhotoFiles) -> None:
    order, sent = confirmed(round_), door()
    refused(send(round_.boy, order, sent.ljust(MOST_BYTES + 1, b"\0")), 413, "payload_too_large")
    refused(send_file(round_.boy, order, sent.ljust(MOST_BYTES + 1, b"\0")), 413, "payload_too_large")
    assert names(files) == set()
    ok(send(round_.boy, order, sent.ljust(MOST_BYTES, b"\0")))


def test_noise_is_kept_within_the_bytes(round_: Round) -> None:
    """Dots of eight colours are three bits each as they are sent, and nothing takes more bytes as it is kept."""
    order, chance = confirmed(round_), random.Random(7)
    noise = Image.frombytes("P", (1600, 1600), bytes(each & 7 for each in chance.randbytes(1600 * 1600)))
    noise.putpalette([255 * (colour >> part & 1) for colour in range(8) for part in range(3)])
    sent = written(noise, "PNG", bits=4)
    told = ok(send(round_.boy, order, sent, "image/png"))
    assert len(sent) < told["size"] <= MOST_BYTES


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_damaged_files_are_refused(round_: Round, files: PhotoFiles, form: str) -> None:
    order, chance = confirmed(round_), random.Random(11)
    whole = written(Image.frombytes("RGB", (200, 200), chance.randbytes(120_000)), form)
    body = refused(send(round_.boy, order, whole[: len(whole) // 2]), 422, "validation_failed")
    assert body["errors"][0]["pointer"] == "/photo"
    for _ in range(40):  # whatever a wrong byte does, it is no fault of ours
        wrong = bytearray(whole)
        for _ in range(20):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        assert send(round_.boy, order, bytes(wrong)).status_code in {200, 413, 415, 422}
    assert len(names(files)) <= 1


def test_nothing_and_too_many_files_are_refused(round_: Round) -> None:
    order = confirmed(round_)
    path = f"/deliveries/{order['id']}/photo"
    refused(send(round_.boy, order, b""), 422, "validation_failed")
    refused(send_file(round_.boy, order, b""), 422, "validation_failed")
    both = {"file": [(io.BytesIO(door()), "a.jpg"), (io.BytesIO(door()), "b.jpg")]}
    refused(round_.boy.call("POST", path, data=both), 422, "validation_failed")
    beside = {"file": (io.BytesIO(door()), "a.jpg"), "order_id": "x"}
    assert refused(round_.boy.call("POST", path, data=beside), 422, "validation_failed")["errors"] == [
        {"pointer": "/order_id", "code": "unknown_field", "detail": "Unknown field."}
    ]


def test_one_picture_is_unpacked_at_a_time(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another has its turn one waits, and after a while is sent away; the turn is given back after a refusal."""
    order = confirmed(round_)
    monkeypatch.setattr(pictures, "PATIENCE", 0.01)
    with pictures._turn():
        refused(send(round_.boy, order, door()), 503, "timed_out")
    refused(send(round_.boy, order, b"GIF89a"), 415, "unsupported_media_type")
    ok(send(round_.boy, order, door()))


def test_what_orders_do_not_admit_is_not_even_unpacked(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    order = round_.order()
    monkeypatch.setattr(pictures, "PATIENCE", 0.01)
    with pictures._turn():
        refused(send(round_.boy, order, door()), 409, "illegal_transition")


def test_a_folder_that_cannot_be_written_to_says_so(round_: Round, files: PhotoFiles, sql: Any) -> None:
    order = confirmed(round_)
    files.folder.parent.mkdir(parents=True)
    files.folder.write_text("a file stands where the folder shall be")
    answer = send(round_.boy, order, door())
    refused(answer, 503, "files_unavailable")
    assert answer.headers["Retry-After"]
    assert str(files.folder) not in answer.get_data(as_text=True)
    assert sql("SELECT count(*) FROM delivery_photos") == [(0,)]
