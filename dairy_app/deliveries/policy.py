"""Who may confirm what, and how a confirmation of theirs is called."""

from dairy_app.common.access import Actor, Role
from dairy_app.common.errors import Problem
from dairy_app.deliveries.rules import Confirmer, Scope

_METHODS = {Role.ADMIN: "admin", Role.DELIVERY_BOY: "delivery_boy"}


def confirmer_of(actor: Actor, ip: str | None, device: str | None) -> Confirmer:
    """A login as a confirmer. Raises forbidden: only admins and delivery boys confirm with a login."""
    if actor.role not in _METHODS:
        raise Problem("forbidden")
    return Confirmer(actor.user_id, actor.name, _METHODS[actor.role], ip, device)


def scope_of(actor: Actor) -> Scope:
    """Which orders an actor reaches: a delivery boy his own round, an admin all of them."""
    return Scope(delivery_boy_id=actor.user_id if actor.role == Role.DELIVERY_BOY else None)
