"""JSON read piece by piece, so that a file of any size needs the memory of one document."""

import codecs
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

#: A document of MongoDB holds 16 MiB at most; as JSON it can be a few times that. Beyond: not JSON at all.
_LARGEST = 1 << 27
_CHUNK = 1 << 20

Hook = Callable[[Sequence[tuple[str, Any]]], Any]


def documents(stream: BinaryIO, hook: Hook) -> Iterator[Any]:
    """Values one after another: one per line, pretty-printed, or the elements of one array."""
    text = Text(stream, hook)
    if text.take("["):
        yield from text.rest_of_array()
        if not text.at_end():
            raise ValueError("text after the array")
        return
    while not text.at_end():
        yield text.value()


def members(stream: BinaryIO, hook: Hook) -> Iterator[tuple[str, Iterator[Any]]]:
    """``{name: [values]}`` as (name, values); each name's values must be read before the next name."""
    text = Text(stream, hook)
    text.expect("{")
    more = not text.take("}")
    while more:
        name = text.value()
        text.expect(":")
        text.expect("[")
        yield name, text.rest_of_array()
        more = text.take(",")
        if not more:
            text.expect("}")
    if not text.at_end():
        raise ValueError("text after the last collection")


class Text:
    """A cursor over a UTF-8 text of which only a window is in memory."""

    def __init__(self, stream: BinaryIO, hook: Hook) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._parse = json.JSONDecoder(object_pairs_hook=hook).raw_decode
        self._window, self._at, self._ended = "", 0, False

    def at_end(self) -> bool:
        """Whether nothing but blanks follows; the cursor then is on what is next."""
        while True:
            rest = self._window[self._at : self._at + 1]
            if rest and not rest.isspace():
                return False
            if rest:
                self._at += 1
            elif not self._read_more():
                return True

    def take(self, sign: str) -> bool:
        """Step over a sign if it is the next one."""
        if self.at_end() or self._window[self._at] != sign:
            return False
        self._at += 1
        return True

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise ValueError(f"no {sign!r} where one must be")

    def value(self) -> Any:
        """The next value. Raises ``ValueError`` when it is not JSON or the text ends inside it."""
        if self.at_end():
            raise ValueError("the file ends too early")
        while True:
            try:
                read, self._at = self._parse(self._window, self._at)
                return read
            except json.JSONDecodeError:
                if len(self._window) - self._at > _LARGEST or not self._read_more():
                    raise

    def rest_of_array(self) -> Iterator[Any]:
        """The elements up to the closing bracket; the opening one has been taken."""
        if self.take("]"):
            return
        while True:
            yield self.value()
            if self.take("]"):
                return
            self.expect(",")

    def _read_more(self) -> bool:
        """Make the window longer, by as much as it holds so that a long value is not parsed too often."""
        if self._ended:
            return False
        kept = self._window[self._at :]
        chunk = self._stream.read(max(_CHUNK, len(kept)))
        self._ended = not chunk
        self._window, self._at = kept + self._decode(chunk, self._ended), 0
        return True
