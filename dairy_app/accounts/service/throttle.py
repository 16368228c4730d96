"""Failed tries, counted in PostgreSQL so that all workers and hosts count together.

A try is counted by what was tried (a login, an invitation, one user's current password) and by address, for each kind
by itself: a hundred guessed links close no login. From a network where the login succeeded before, only the tries from
there count: strangers do not lock anybody out at home. What was tried is stored as a hash, because people type
passwords into the wrong field. Tries for the same login stand in line, so that guessing in parallel gains nothing, and
nobody in it holds a connection.
"""

import hashlib
from dataclasses import dataclass
from math import ceil

from sqlalchemy.orm import Session

from dairy_app.accounts import queries
from dairy_app.accounts.bulk import sessions as bulk
from dairy_app.accounts.models import LoginAttempt
from dairy_app.accounts.rules.logins import THROTTLE_WINDOW, TRIES_PER_ADDRESS, TRIES_PER_LOGIN, network_of
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.database.transactions import NotYourTurn

#: How many outdated tries go with each new one: more than come in, so the table stays small.
SWEEP = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from."""

    address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One guarded try: of which kind, at what, hashed, and from which network."""

    kind: str
    key: bytes
    network: str


def key_of(kind: str, tried: str) -> bytes:
    """By what tries of a kind are counted."""
    return hashlib.sha256(f"{kind}:{tried}".encode()).digest()


def begin(
    session: Session,
    kind: str,
    tried: str,
    caller: Caller,
    *,
    known: bool = False,
    limits: tuple[int, int] = (TRIES_PER_LOGIN, TRIES_PER_ADDRESS),
) -> Try:
    """Stand in line for ``tried`` and raise rate_limited, with Retry-After, when too many tries failed.

    ``known``: this try came from this network before, and succeeded. ``limits``: tries at it, and from one address.
    """
    key = key_of(kind, tried)
    if not queries.is_my_turn(session, key):
        raise NotYourTurn(_too_many(1))
    network = network_of(caller.address)
    since = now() - THROTTLE_WINDOW
    oldest = queries.deciding_try(session, kind, key, network, known, since, limits)
    if oldest is not None:
        raise _too_many(max(1, ceil((oldest - since).total_seconds())))
    return Try(kind, key, network)


def _too_many(seconds: int) -> Problem:
    return Problem("rate_limited", f"Try again in {seconds} s.", headers={"Retry-After": str(seconds)})


def failed(session: Session, attempt: Try) -> None:
    """Record a failure, to be committed: return the refusal, do not raise it. Some outdated ones go."""
    session.add(LoginAttempt(kind=attempt.kind, at=now(), login_hash=attempt.key, ip_address=attempt.network))
    bulk.sweep_attempts(session, now() - THROTTLE_WINDOW, SWEEP)
    session.flush()


def succeeded(session: Session, attempt: Try) -> None:
    """Forget this network's failures at this login; those of strangers and of other logins stay."""
    bulk.forget_attempts(session, attempt.key, attempt.network)


def forgive(session: Session, kind: str, tried: str, caller: Caller) -> None:
    """Forget this network's failures at something that was proved otherwise."""
    bulk.forget_attempts(session, key_of(kind, tried), network_of(caller.address))
