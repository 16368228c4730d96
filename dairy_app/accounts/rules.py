"""What a login and a password may be. Pure functions on values."""

import ipaddress
import re
import unicodedata
from datetime import timedelta

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
INVITATION_LIFETIME = timedelta(days=7)
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
_COMMON_WORDS = """
    12345678 123456789 1234567890 87654321 987654321 0987654321 11223344 12341234 123123123 147258369 1q2w3e4r
    1q2w3e4r5t 1qaz2wsx zaq12wsx qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 asdfghjk asdfghjkl zxcvbnm1
    password password1 password12 password123 password1234 password@123 passw0rd p@ssw0rd p@ssword pa$$word
    iloveyou iloveyou1 sunshine princess football baseball superman batman123 welcome1 welcome123 welcome@123
    admin123 admin1234 admin@123 administrator root1234 changeme changeme1 letmein1 letmein123 secret123
    default1 default123 test1234 test12345 testtest abcd1234 abc12345 abcdefgh abcdefg1 abcd@1234 a1b2c3d4
    india123 india@123 bharat123 krishna1 krishna123 ganesh123 jaishreeram jaimatadi mummypapa sairam123
    customer customer1 customer123 delivery delivery1 delivery123 milk1234 dairy123 dairy1234 milkman1
    trustno1 dragon123 monkey123 michael1 computer internet starwars whatever liverpool charlie1 master123
"""
_COMMON = frozenset(_COMMON_WORDS.split())
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
    if folded in _COMMON or len(set(folded)) < 3:
        raise ValueError("This password is among the first that anybody would try. Choose another.")
    if folded in {part for login in logins for part in _spellings(login)}:
        raise ValueError("The password must not be the login.")


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
