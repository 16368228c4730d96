"""Whose database this is: nobody's yet, the sample dairy's, or somebody else's.

The mark is the key under which the sample admin stands (``users.legacy_id``): ``demo:filling:DAY`` until all is
there, then ``demo:ready:DAY``. DAY is the day the sample counts back from; a filling that was interrupted goes on
with it.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.database import backups, migrations
from dairy_app.settings import SettingsError

MARK = "demo"

_HOLDS_PEOPLE = text("SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM customers)")
_READ_MARK = text("SELECT legacy_id FROM users WHERE legacy_id LIKE 'demo:%'")
_WRITE_MARK = text("UPDATE users SET legacy_id = :mark WHERE legacy_id LIKE 'demo:%'")


@dataclass(frozen=True, slots=True)
class State:
    """How far the sample dairy is; ``day`` None: not begun."""

    is_ready: bool = False
    day: date | None = None

    @property
    def mark(self) -> str:
        return f"{MARK}:{'ready' if self.is_ready else 'filling'}:{self.day}"


def read_state(url: str) -> State:
    """The state of a database of any age. Raises SettingsError for one that is not ours to fill."""
    if backups.is_empty(url):
        return State()
    with migrations.connect(url) as connection:
        if connection.scalar(text("SELECT to_regclass('public.alembic_version')")) is None:
            raise _not_ours()
        if connection.scalar(text("SELECT to_regclass('public.users')")) is None:
            return State()
        mark = connection.scalar(_READ_MARK)
        if mark is None and connection.scalar(_HOLDS_PEOPLE):
            raise _not_ours()
    if mark is None:
        return State()
    _, progress, day = mark.split(":")
    return State(progress == "ready", date.fromisoformat(day))


def _not_ours() -> SettingsError:
    return SettingsError(
        "this database holds data that is not the demo's, and stays as it is: "
        "name an empty one in DATABASE_URL, or another folder in DAIRY_DATA_DIR"
    )


def write_state(session: Session, state: State) -> None:
    """Move the mark; it is on the sample admin."""
    session.execute(_WRITE_MARK, {"mark": state.mark})
