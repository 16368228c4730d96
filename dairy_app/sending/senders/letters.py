"""What is handed to a server of somebody else, and the ways in which that goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

#: How long, in seconds, handing over one message may last in all: less than its lease, so nobody else has it yet.
PATIENCE = 40.0
#: How long one answer of the other server may take.
ANSWER = 15.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PDF that goes with an e-mail."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Approved:
    """A template that WhatsApp approved. ``parameters``: the names that it has, in the order of their numbers."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    is_numbered: bool = False
    has_document: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that was leased, with what goes with it. ``id`` is the same at every try: a repeat is known by it."""

    id: UUID
    kind: str
    channel: str
    recipient: str
    language: str
    subject: str | None
    body: str = field(repr=False)
    secret: bool = False
    #: The dairy's name.
    dairy: str = ""
    attachments: tuple[Attachment, ...] = ()
    #: What the names of its kind stand for, and the template of WhatsApp that is filled with them.
    told: Mapping[str, str] | None = field(default=None, repr=False)
    approved: Approved | None = None


class Refused(Exception):
    """The other server will not take this message, however often it is asked."""


class NotNow(Exception):
    """The message was not taken this time. ``is_down``: nor would any other be, so the others wait, too."""

    def __init__(self, said: str, *, is_down: bool = False) -> None:
        super().__init__(said)
        self.is_down = is_down


class Sender(Protocol):
    """One channel."""

    def send(self, letter: Outgoing) -> str | None:
        """Hand it over: what it is known by there, None where nobody says. Raises Refused or NotNow."""

    def close(self) -> None:
        """Let go of what is open."""


def said(letter: Outgoing, code: int, text: bytes | str) -> str:
    """An answer as it is kept with the message: one line. Of a secret message only the number, as it may be quoted."""
    if code < 0:
        return "what was answered is no answer"
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code}" if letter.secret else f"{code} {' '.join(words.split())}"[:300].strip()
