"""Pictures from anywhere, read with care and written anew.

What a file is called and what a client says it is count for nothing: its content decides. One picture is unpacked at a
time in each process, so that a busy morning needs no more memory than one photo; the others wait, and not for long.
"""

import io
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from dairy_app.common.errors import Problem, invalid
from dairy_app.photos.rules import FORMATS, LONGEST_SIDE, MOST_PIXELS, Picture, fraction_of
from dairy_app.web.logs import log

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

#: Of JPEG, from 1 to 95. At this one even noise is kept within the bytes that may be sent.
QUALITY = 80
#: Seconds that one waits for the others of its process; a connection to the database is held meanwhile.
PATIENCE = 10.0
_ORIENTATION = 0x0112

_one_at_a_time = BoundedSemaphore(1)


def made_small(sent: bytes) -> Picture:
    """A photo as it is kept: upright, no side longer than ``LONGEST_SIDE``, without any of its data beside the pixels.

    Raises ``unsupported_media_type`` for what is no JPEG, PNG or WebP, or moves; ``payload_too_large`` for more pixels
    than are read of its format; ``validation_failed`` for a damaged file; ``timed_out`` while too many others wait.
    """
    with _turn():
        from PIL import Image, UnidentifiedImageError  # loads in a twentieth of a second, and few requests need it

        try:
            with Image.open(io.BytesIO(sent), formats=list(FORMATS)) as image:
                return _kept(image)
        except Problem:
            raise
        except UnidentifiedImageError:
            raise _other_media() from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _too_many_pixels(max(MOST_PIXELS.values())) from None
        except Exception as error:
            # Whatever a damaged file makes the decoders raise, or a fault of ours: the log says where.
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.warning(
                "photo not read", fault=type(error).__name__, place=f"{Path(place.filename).name}:{place.lineno}"
            )
            raise invalid("/photo", "The photo is damaged.") from None


@contextmanager
def _turn() -> Iterator[None]:
    if not _one_at_a_time.acquire(timeout=PATIENCE):
        raise Problem("timed_out", "Many photos are being read just now.")
    try:
        yield
    finally:
        _one_at_a_time.release()


def _kept(image: "Image") -> Picture:
    # A phone's JPEG with a preview behind it is called MPO; the preview is not read.
    read_as = "JPEG" if image.format == "MPO" else image.format or ""
    if image.width * image.height > MOST_PIXELS[read_as]:
        raise _too_many_pixels(MOST_PIXELS[read_as])
    if read_as != "JPEG" and getattr(image, "is_animated", False):
        raise Problem("unsupported_media_type", "Send a picture that does not move.")
    turned = _turning(image)  # what is said beside the pixels may be gone once they are read
    wanted = fraction_of(image.width, image.height)
    image.draft("RGB", wanted)  # the decoder of JPEG leaves out what would be thrown away
    image.load()
    small = _opaque(image).resize(wanted, reducing_gap=2.0) if image.size != wanted else _opaque(image)
    if turned is not None:
        small = small.transpose(turned)
    small.info.clear()  # comments and profiles would be written again
    written = io.BytesIO()
    small.save(written, "JPEG", quality=QUALITY, optimize=True)
    return Picture(written.getvalue(), small.width, small.height)


def _opaque(image: "Image") -> "Image":
    """The picture in red, green and blue, as few copies of it as can be; what one could see through is white."""
    from PIL import Image

    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.has_transparency_data:
        seen = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", seen.size, "white")
        white.paste(seen, mask=seen)
        return white
    return image.convert("RGB")


def _turning(image: "Image") -> "Transpose | None":
    """How the picture has to be turned to stand upright, as its camera says. What cannot be read says nothing."""
    from PIL.Image import Transpose

    turnings = (None, Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM, Transpose.TRANSPOSE,
        Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)  # fmt: skip
    try:
        said: Any = image.getexif().get(_ORIENTATION)
    except Exception:
        return None
    return turnings[said - 1] if isinstance(said, int) and 1 <= said <= len(turnings) else None


def _other_media() -> Problem:
    return Problem("unsupported_media_type", f"Send a photo as {', '.join(FORMATS)}.")


def _too_many_pixels(most: int) -> Problem:
    return Problem("payload_too_large", f"At most {most:,} pixels; {LONGEST_SIDE} on the longer side are kept.")
