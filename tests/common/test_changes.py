"""What was sent, and what was not."""

from dataclasses import dataclass

from dairy_app.common.changes import UNSET, Unset, sent


@dataclass(frozen=True, slots=True)
class Change:
    name: str | Unset = UNSET
    notes: str | Unset | None = UNSET
    is_active: bool | Unset = UNSET


def test_only_what_was_sent_is_named() -> None:
    assert sent(Change()) == {}
    assert sent(Change(name="Asha")) == {"name": "Asha"}


def test_nothing_and_no_are_something_that_was_sent() -> None:
    assert sent(Change(name="", notes=None, is_active=False)) == {"name": "", "notes": None, "is_active": False}
