"""What every gateway can be asked, and the ways in which that goes wrong."""

from typing import Protocol

from dairy_app.collecting.rules.links import MadeLink, WantedLink


class Unreachable(Exception):
    """Nobody answered, or not now: whether it was done is unknown, and asking again is safe."""


class Refused(Exception):
    """The gateway will not do it, however often it is asked; the message is what it said."""


class Gateway(Protocol):
    """One gateway. Every method may raise Unreachable or Refused."""

    name: str

    def make(self, wanted: WantedLink) -> MadeLink:
        """Make a link; of one that was asked for before, the same again."""

    def find(self, wanted_id: str) -> MadeLink | None:
        """The link of this reference, None: it was never made."""

    def cancel(self, gateway_id: str) -> MadeLink:
        """End a link; how it stands afterwards."""
