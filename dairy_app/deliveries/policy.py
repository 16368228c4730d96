"""Who may confirm what, and how a confirmation of theirs is called."""

from uuid import UUID

from dairy_app.common.access import Actor, Role
from dairy_app.common.errors import Problem


def confirmation_method(actor: Actor) -> str:
    """``delivery_boy`` or ``admin``; nobody else confirms with a login."""
    if actor.role == Role.ADMIN:
        return "admin"
    if actor.role == Role.DELIVERY_BOY:
        return "delivery_boy"
    raise Problem("forbidden")


def round_of(actor: Actor) -> UUID | None:
    """Whose orders an actor may confirm: a delivery boy his own round, None is everybody's."""
    return actor.user_id if actor.role == Role.DELIVERY_BOY else None
