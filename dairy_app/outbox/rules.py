"""How often, and after how long, a message is tried; and texts with names in braces."""

import re
from collections.abc import Mapping
from datetime import timedelta

#: A sender that says nothing for so long has ended: the message is another's.
LEASE = timedelta(seconds=60)
#: After so many tries a message has failed.
ATTEMPTS = 8
#: The first wait, which doubles with each try, and the longest one.
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many tries, at least one: a minute, doubled each time, up to six hours."""
    return min(FIRST_WAIT * int(2 ** (attempts - 1)), LONGEST_WAIT)


#: Kinds whose words the dairy may choose → the names that stand for what a message tells.
NAMES = {
    "bill": ("name", "dairy", "number", "period", "total", "previous_balance", "amount_due", "due_date", "link"),
    "reminder": ("name", "dairy", "number", "invoice_date", "due_date", "open", "link"),
    "payment_received": ("name", "dairy", "amount", "day", "number", "balance"),
    "low_balance": ("name", "dairy", "left", "balance"),
    "pause_confirmed": ("name", "dairy", "period", "products"),
    "change_confirmed": ("name", "dairy", "changes"),
    "not_delivered": ("name", "dairy", "day", "reason", "instead"),
}
#: Those that are sent by themselves, where the dairy wants it.
BY_THEMSELVES = ("payment_received", "low_balance", "pause_confirmed", "change_confirmed", "not_delivered")
#: Kinds with which a bill may go.
WITH_DOCUMENT = ("bill", "reminder")
_NAME = re.compile(r"\{([^{}]*)\}")


class UnknownName(ValueError):
    """A text holds a name that its kind does not know, or a brace that belongs to none."""


def check_names(kind: str, text: str) -> None:
    """Raise UnknownName, which says which there are, unless every name in braces is known."""
    known = ", ".join(f"{{{name}}}" for name in NAMES[kind])
    for name in _NAME.findall(text):
        if name not in NAMES[kind]:
            raise UnknownName(f"There is no {{{name}}} in this kind of message; there are {known}.")
    if re.search(r"[{}]", _NAME.sub("", text)):
        raise UnknownName(f"A brace is open: names are written as {known}.")


def names_in(text: str) -> list[str]:
    """The names in braces, each once, in the order in which they come first."""
    return list(dict.fromkeys(_NAME.findall(text)))


def at_whatsapp(text: str, *, is_numbered: bool) -> str:
    """The words as they are entered at WhatsApp to be approved: ``{{name}}``, or ``{{1}}`` where names have numbers."""
    numbers = {name: str(n) for n, name in enumerate(names_in(text), 1)}
    return _NAME.sub(lambda found: f"{{{{{numbers[found[1]] if is_numbered else found[1]}}}}}", text)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with what its names stand for. A brace within a value stays what it is."""
    return _NAME.sub(lambda found: values.get(found[1], found[0]), text)
