"""Hashes of passwords: argon2id for ours (RFC 9106), bcrypt for logins taken over from the earlier system."""

import bcrypt
from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from dairy_app.accounts.rules.logins import normalise_password

#: RFC 9106's second choice costs about 0.1 s; the cheapest one 0.1 ms, for tests and sample data only.
PROFILES = {"standard": profiles.RFC_9106_LOW_MEMORY, "cheapest": profiles.CHEAPEST}
BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")
#: bcrypt never looked further.
BCRYPT_BYTES = 72


#: Stands in for logins that do not exist: hashes of thrown-away passwords, of the same cost as real ones.
NOBODY = {
    "standard": "$argon2id$v=19$m=65536,t=3,p=4$puxwIOTrmYtbrhxVaFgM6w$Pm6uHS2hluRcBClkyWRDysUTxcXFTImhp8OaIWf1N3c",
    "cheapest": "$argon2id$v=19$m=8,t=1,p=1$91m4S9BzDFE$Nezx8Q",
}


class _Hashing:
    """How this process hashes."""

    def __init__(self, cost: str) -> None:
        self.hasher = PasswordHasher.from_parameters(PROFILES[cost])
        self.nobody = NOBODY[cost]


_hashing = _Hashing("standard")


def use_cost(cost: str) -> None:
    """Hash with ``standard`` or ``cheapest`` cost from now on, in this process. Old hashes stay readable."""
    global _hashing
    _hashing = _Hashing(cost)


def hash_password(password: str) -> str:
    """An argon2id hash with its salt and parameters in it."""
    return _hashing.hasher.hash(normalise_password(password))


def is_password(password: str, stored: str | None, decoy: str | None = None) -> bool:
    """Whether ``password`` fits the hash. Without a hash the same work is done, and the answer is no.

    ``decoy``: a bcrypt hash that somebody else has. With it an answer takes the work of both methods, whatever is
    stored: else its time would tell who has not logged in since the earlier system.
    """
    old = stored if stored is not None and stored.startswith(BCRYPT_PREFIXES) else None
    fits = _is_argon2(password, _hashing.nobody if stored is None or old else stored)
    tried = old or decoy
    if tried is not None and _is_bcrypt(password, tried) and old:
        return True
    return fits and stored is not None and old is None


def _is_bcrypt(password: str, stored: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], stored.encode())
    except ValueError:  # not a bcrypt hash after all
        return False


def _is_argon2(password: str, stored: str) -> bool:
    try:
        return _hashing.hasher.verify(stored, normalise_password(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made by another method or cost than today's."""
    return stored.startswith(BCRYPT_PREFIXES) or _hashing.hasher.check_needs_rehash(stored)
