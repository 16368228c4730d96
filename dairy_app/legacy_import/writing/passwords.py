"""Which kept hashes are of a password that the earlier system gave out, so that anybody knows it.

A made-up address means that nobody chose the password: its hash is dropped unseen. The other logins, the
staff's, are few; each is tried with every default. That costs a quarter of a second per try, so it is done for
logins about to be written only, on all cores.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import bcrypt
from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.legacy_import import rules

_CANDIDATES = """
SELECT line, role, email, password_hash FROM stage_users
WHERE fate IS NULL AND reason IS NULL AND password_hash IS NOT NULL
"""
_DROP = """
UPDATE stage_users SET password_hash = NULL, remarks = array_append(remarks, 'password_given_out')
WHERE line = ANY (:lines)
"""


def drop_default_passwords(session: Session) -> None:
    """Forget hashes of known passwords; their owners need an invitation."""
    known, tried = [], []
    for line, role, email, kept in session.execute(text(_CANDIDATES)):
        if role == "customer" and email is not None and rules.is_synthetic(email):
            known.append(line)
        else:
            tried.append((line, role, kept))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda login: is_default(login[2], login[1]), tried)
        known += [login[0] for login, default in zip(tried, found, strict=True) if default]
    if known:
        session.execute(text(_DROP), {"lines": known})


def is_default(kept: str, role: str) -> bool:
    """Whether a bcrypt hash is of a password of ``rules.DEFAULT_PASSWORDS``; the role's own is tried first."""
    word = role.split("_")[0]
    passwords: Sequence[str] = sorted(rules.DEFAULT_PASSWORDS, key=lambda password: not password.startswith(word))
    return any(bcrypt.checkpw(password.encode(), kept.encode()) for password in passwords)
