"""What a login and a password may be. Pure functions on values."""

import ipaddress
import re
import unicodedata
from datetime import timedelta

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
INVITATION_LIFETIME = timedelta(days=7)
#: The session of a browser ends so long after it was last used; its cookie is renewed no more often than that.
PAGE_LIFETIME = timedelta(hours=12)
PAGE_RENEWAL = timedelta(minutes=10)
#: A customer's link to its own pages is good for a week unless another time is said, and for no longer than a session.
ACCOUNT_LINK_HOURS, MOST_ACCOUNT_LINK_HOURS = 7 * 24, 30 * 24
#: Answers get lost on bad networks: the refresh token just rotated is accepted once more for so long.
ROTATION_GRACE = timedelta(seconds=30)

#: How far the clocks of two hosts may differ: a token made on the faster one must be good on the slower one.
CLOCK_DIFFERENCE = timedelta(seconds=10)

#: Failed tries within the window, after which the next must wait. Behind a carrier's NAT many share one
#: address, so that limit is wide.
THROTTLE_WINDOW = timedelta(minutes=15)
TRIES_PER_LOGIN = 10
TRIES_PER_ADDRESS = 100

#: NIST SP 800-63B, 5.1.1.2: at least 8 characters, long ones welcome, no rules of composition,
#: but nothing that is commonly used, repeated, or the login itself.
PASSWORD_LENGTH = (8, 128)
#: Below so many guesses (zxcvbn: the usual passwords, names and words with the usual additions) it is a common one.
FEWEST_GUESSES = 500_000
#: Longer ones are no common ones, and take long to judge.
LONGEST_JUDGED = 24
#: What is usual here, and not in a list that was made elsewhere.
_USUAL_WORDS = """
    abcd@1234 admin@123 bharat123 bharat@123 delivery@123 india@123 jaimatadi jaishreeram krishna@123 milk@1234
    mummypapa password@123 radhekrishna sairam123 welcome@123
"""
_USUAL_HERE = frozenset(_USUAL_WORDS.split())
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def normalise_email(written: str) -> str:
    """Trimmed and lower-cased: one mailbox, one login. Raises ValueError for what is no address."""
    email = written.strip().lower()
    if not _EMAIL.fullmatch(email) or len(email) > 254 or not email.isprintable():
        raise ValueError("not an e-mail address")
    return email


def normalise_password(password: str) -> str:
    """One spelling for what looks the same on different keyboards (NFKC, NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def refuse_weak_password(password: str, logins: list[str]) -> None:
    """Raise ValueError, worded for its owner, unless ``password`` may guard one of ``logins``."""
    text = normalise_password(password)
    shortest, longest = PASSWORD_LENGTH
    if len(text) < shortest:
        raise ValueError(f"The password needs at least {shortest} characters.")
    if len(text) > longest:
        raise ValueError(f"The password may have at most {longest} characters.")
    folded = text.casefold()
    if folded in {part for login in logins for part in _spellings(login)}:
        raise ValueError("The password must not be the login.")
    if folded in _USUAL_HERE or len(set(folded)) < 3 or _is_guessed(folded):
        raise ValueError("This password is among the first that anybody would try. Choose another.")


def _is_guessed(password: str) -> bool:
    if len(password) > LONGEST_JUDGED:
        return False
    from zxcvbn import zxcvbn  # its lists take a while to load, and few choose a password

    return bool(zxcvbn(password)["guesses"] < FEWEST_GUESSES)


def is_commonly_used(word: str) -> bool:
    """Whether it is one of the 30,000 passwords that were found most often in what leaked from others."""
    from zxcvbn.matching import RANKED_DICTIONARIES

    return word.casefold() in RANKED_DICTIONARIES["passwords"]


def _spellings(login: str) -> set[str]:
    folded = login.casefold()
    bare = folded.lstrip("+")
    return {folded, bare, bare[-10:], "0" + bare[-10:], folded.split("@")[0]}


def network_of(address: str | None) -> str:
    """What counts as one caller: an IPv4 address, or an IPv6 /64, which is what one household gets."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "0.0.0.0"  # a socket without addresses: all its callers count as one
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
