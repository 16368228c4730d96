"""Who acts, and which routes they may call. Denied by default: a route names its roles or nothing starts."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

View = TypeVar("View", bound=Callable[..., Any])


class Role(StrEnum):
    """What a login is for; one per login."""

    ADMIN = "admin"
    ACCOUNTANT = "accountant"
    DELIVERY_BOY = "delivery_boy"
    MARKETING_STAFF = "marketing_staff"
    CUSTOMER = "customer"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class Actor:
    """The person behind a request, as the database knows them now (not as the token said).

    ``customer_id`` is the customer linked to a login of role customer, None when there is none.
    """

    user_id: UUID
    name: str
    role: Role
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call a route, and what kind of transaction it wants.

    ``roles`` None is everybody, logged in or not. GET and HEAD run READ ONLY unless ``records``.
    ``own_transactions``: the view opens its own (a billing run is many; an export streams after the view).
    ``page``: for a browser, which shows the cookie of its session; everything else shows a token, and a cookie
    opens nothing.
    ``may_lag``: what it reads may be a few seconds old, so a replica may be asked, where there is one. Not for what
    decides: who may do what, what is owed, what is about to be changed. A view that ``records`` chooses itself what it
    reads there, with ``lagging.read_lagging``.
    """

    roles: frozenset[Role] | None
    records: bool = False
    own_transactions: bool = False
    page: bool = False
    may_lag: bool = False

    def admits(self, role: Role) -> bool:
        return self.roles is None or role in self.roles


def allow(
    *roles: Role,
    records: bool = False,
    own_transactions: bool = False,
    page: bool = False,
    may_lag: bool = False,
) -> Callable[[View], View]:
    """Declare a route's policy: only these roles. Goes directly above the view function."""
    if not roles:
        raise ValueError("name the roles, or say allow_anyone")
    return _declare(Policy(frozenset(roles), records, own_transactions, page, may_lag))


def allow_logged_in() -> Callable[[View], View]:
    """Declare a route's policy: every role, but a login."""
    return _declare(Policy(frozenset(Role)))


def allow_anyone(
    *, records: bool = False, own_transactions: bool = False, may_lag: bool = False
) -> Callable[[View], View]:
    """Declare a route's policy: public, no login. Written out, so that it is never an oversight."""
    return _declare(Policy(None, records, own_transactions, may_lag=may_lag))


def _declare(policy: Policy) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.policy = policy  # type: ignore[attr-defined]
        return view

    return mark


def policy_of(view: Callable[..., Any]) -> Policy | None:
    """The policy declared on a view, None when somebody forgot."""
    return getattr(view, "policy", None)
