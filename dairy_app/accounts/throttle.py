"""Failed tries, counted in PostgreSQL so that all workers and hosts count together.

A try is counted by what was tried (a login, an invitation, one user's current password) and by address. What
was tried is stored as a hash, because people type passwords into the wrong field. Tries for the same login
stand in line, so that guessing in parallel gains nothing.
"""

import hashlib
from dataclasses import dataclass
from math import ceil

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dairy_app.accounts import queries
from dairy_app.accounts.models import LoginAttempt
from dairy_app.accounts.rules import THROTTLE_WINDOW, TRIES_PER_ADDRESS, TRIES_PER_LOGIN, network_of
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem

#: How many outdated tries go with each new one: more than come in, so the table stays small.
SWEEP = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from."""

    address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One guarded try: what was tried, hashed, and from which network."""

    key: bytes
    network: str


def begin(session: Session, kind: str, tried: str, caller: Caller) -> Try:
    """Stand in line for ``tried`` and raise rate_limited, with Retry-After, when too many tries failed."""
    key = hashlib.sha256(f"{kind}:{tried}".encode()).digest()
    lock = int.from_bytes(key[:8], "big", signed=True)
    session.execute(select(func.pg_advisory_xact_lock(lock)))
    network = network_of(caller.address)
    since = now() - THROTTLE_WINDOW
    oldest = queries.deciding_try(session, key, network, since, TRIES_PER_LOGIN, TRIES_PER_ADDRESS)
    if oldest is not None:
        seconds = max(1, ceil((oldest - since).total_seconds()))
        raise Problem("rate_limited", f"Try again in {seconds} s.", headers={"Retry-After": str(seconds)})
    return Try(key, network)


def failed(session: Session, attempt: Try) -> None:
    """Record a failure, to be committed: return the refusal, do not raise it. Some outdated ones go."""
    session.add(LoginAttempt(at=now(), login_hash=attempt.key, ip_address=attempt.network))
    oldest = select(LoginAttempt.id, LoginAttempt.at).order_by(LoginAttempt.id).limit(SWEEP)
    chosen = oldest.with_for_update(skip_locked=True).subquery()
    outdated = select(chosen.c.id).where(chosen.c.at <= now() - THROTTLE_WINDOW)
    session.execute(delete(LoginAttempt).where(LoginAttempt.id.in_(outdated)))
    session.flush()


def succeeded(session: Session, attempt: Try) -> None:
    """Forget the failures of this login; those of the address stay."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.login_hash == attempt.key))
