"""Codes for who forgot the password. Pure functions on values."""

import hmac
import secrets
from datetime import timedelta
from uuid import UUID

RESET_LIFETIME = timedelta(minutes=15)
#: Digits of a code, typed from a message. With five tries a code, and ten codes a day, who guesses at one login for a
#: year gets in with a chance of one in five thousand.
CODE_DIGITS = 8
MOST_WRONG_CODES = 5
#: Requests for one login, and from one address, in a quarter of an hour; codes for one login in a day, which are
#: messages that somebody pays for and somebody is woken by.
REQUESTS_PER_LOGIN, REQUESTS_PER_ADDRESS, CODES_PER_DAY = 3, 30, 10
DAY = timedelta(hours=24)
#: Stands for a login that is not there, so that as much is done for it as for one that is.
NOBODY = UUID(int=0)


def new_code() -> str:
    """A code that nobody can foresee."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def typed_code(text: str) -> str:
    """A code as it was sent, however somebody typed it: ``1234 5678``, ``1234-5678``."""
    return "".join(each for each in text if each not in " -\u00a0\u2011")


def shown_code(code: str) -> str:
    """A code as it is read: ``1234 5678``."""
    half = len(code) // 2
    return f"{code[:half]} {code[half:]}"


def hash_of_code(secret: str, user_id: UUID, code: str) -> bytes:
    """What is stored of a code. Of so few digits a plain hash would be tried through in a moment."""
    return hmac.new(secret.encode(), f"password-reset\n{user_id}\n{code}".encode(), "sha256").digest()
