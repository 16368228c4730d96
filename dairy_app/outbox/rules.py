"""How often, and after how long, a message is tried."""

from datetime import timedelta

#: A sender that says nothing for so long has ended: the message is another's.
LEASE = timedelta(seconds=60)
#: After so many tries a message has failed.
ATTEMPTS = 8
_FIRST, _LONGEST = timedelta(minutes=1), timedelta(hours=6)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many tries, at least one: a minute, doubled each time, up to six hours."""
    return min(_FIRST * int(2 ** (attempts - 1)), _LONGEST)
