"""Pictures as phones, and others, send them; and what became of them."""

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from dairy_app.photos.store import PhotoFiles
from tests.dairy import Client

RED, BLUE = (200, 20, 20), (20, 20, 200)
ORIENTATION, MAKE, USER_COMMENT = 0x0112, 0x010F, 0x9286


def door(size: tuple[int, int] = (800, 600), form: str = "JPEG", *, mode: str = "RGB", **how: Any) -> bytes:
    """A door: red on the left, blue on the right."""
    picture = Image.new("RGB", size, BLUE)
    picture.paste(RED, (0, 0, size[0] // 2, size[1]))
    return written(picture.convert(mode), form, **how)


def written(picture: Image.Image, form: str = "JPEG", **how: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **how)
    return file.getvalue()


def by_camera(orientation: int, size: tuple[int, int] = (800, 600), form: str = "JPEG") -> bytes:
    """A door with what a phone writes beside the picture: how it was held, what it is, where it was."""
    said = Image.Exif()
    said[ORIENTATION], said[MAKE] = orientation, "Nokia 3310"
    said.get_ifd(0x8825)[1] = "N"
    return door(size, form, exif=said)


def moving(form: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE)]
    return written(frames[0], form, save_all=True, append_images=frames[1:], duration=100)


def seen(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def is_near(colour: Any, wanted: Sequence[int]) -> bool:
    """Whether a pixel is of a colour; JPEG is not exact."""
    return all(abs(one - other) < 30 for one, other in zip(colour, wanted, strict=True))


def send(client: Client, order: Any, content: bytes, media: str = "image/jpeg") -> TestResponse:
    """A photo as the body itself."""
    return client.call("POST", f"/deliveries/{order['id']}/photo", data=content, content_type=media)


def send_file(client: Client, order: Any, content: bytes, name: str = "door.jpg") -> TestResponse:
    """A photo as a form sends it."""
    boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(content), name)})
    media = f"multipart/form-data; boundary={boundary}"
    return client.call("POST", f"/deliveries/{order['id']}/photo", data=body, content_type=media)


def names(files: PhotoFiles) -> set[str]:
    """Every file that is there."""
    return {each.name for part in files.parts() for each in part}
