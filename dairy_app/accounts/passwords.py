"""Hashes of passwords: argon2id for ours (RFC 9106), bcrypt for logins taken over from the earlier system."""

from functools import cached_property

import bcrypt
from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from dairy_app.accounts.rules import normalise_password

#: RFC 9106's second choice costs about 0.1 s; the cheapest one 0.1 ms, for tests and sample data only.
PROFILES = {"standard": profiles.RFC_9106_LOW_MEMORY, "cheapest": profiles.CHEAPEST}
BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")
#: bcrypt never looked further.
BCRYPT_BYTES = 72


class _Hashing:
    """How this process hashes, and the hash that stands in for logins that do not exist."""

    def __init__(self, cost: str) -> None:
        self.hasher = PasswordHasher.from_parameters(PROFILES[cost])

    @cached_property
    def nobody(self) -> str:
        return self.hasher.hash("nobody has this password")


_hashing = _Hashing("standard")


def use_cost(cost: str) -> None:
    """Hash with ``standard`` or ``cheapest`` cost from now on, in this process. Old hashes stay readable."""
    global _hashing
    _hashing = _Hashing(cost)


def hash_password(password: str) -> str:
    """An argon2id hash with its salt and parameters in it."""
    return _hashing.hasher.hash(normalise_password(password))


def is_password(password: str, stored: str | None) -> bool:
    """Whether ``password`` fits the hash. Without a hash the same work is done, and the answer is no."""
    if stored is not None and stored.startswith(BCRYPT_PREFIXES):
        try:
            return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], stored.encode())
        except ValueError:  # not a bcrypt hash after all
            return False
    try:
        _hashing.hasher.verify(stored or _hashing.nobody, normalise_password(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made by another method or cost than today's."""
    return stored.startswith(BCRYPT_PREFIXES) or _hashing.hasher.check_needs_rehash(stored)
