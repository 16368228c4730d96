"""Who may confirm what, and how a confirmation of theirs is called."""

from datetime import date

from dairy_app.common.errors import Problem
from dairy_app.deliveries.rules import Confirmer, RoundChoice, Scope
from dairy_app.web.access import Actor, Role

_METHODS = {Role.ADMIN: "admin", Role.DELIVERY_BOY: "delivery_boy"}


def confirmer_of(actor: Actor, ip: str | None, device: str | None) -> Confirmer:
    """A login as a confirmer. Raises forbidden: only admins and delivery boys confirm with a login."""
    if actor.role not in _METHODS:
        raise Problem("forbidden")
    return Confirmer(actor.user_id, actor.name, _METHODS[actor.role], ip, device)


def scope_of(actor: Actor) -> Scope:
    """Which orders an actor reaches: a delivery boy his own round, an admin all of them."""
    return Scope(delivery_boy_id=actor.user_id if actor.role == Role.DELIVERY_BOY else None)


def round_of(actor: Actor, wanted: RoundChoice, day: date) -> Scope:
    """The round of one day that an actor asks for.

    Raises forbidden when a delivery boy names another one.
    """
    own, named = scope_of(actor).delivery_boy_id, wanted.delivery_boy_id
    if own is not None and named not in {None, own}:
        raise Problem("forbidden", "A delivery boy has his own round only.")
    return Scope(own or named, wanted.area_id, day, day, wanted.shift)
