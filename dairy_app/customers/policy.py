"""Which of a customer's fields each role may change."""

from collections.abc import Iterable

from dairy_app.common.errors import FieldError, Problem
from dairy_app.web.access import Actor, Role

#: Where the dairy delivers and what the household wants it to know. Not the name (it is on invoices), not
#: the phone (the delivery boy calls it), nothing that decides money, tax or the round.
OWN_FIELDS = frozenset({
    "address_line1", "address_line2", "city", "pincode", "map_link", "email", "language", "notes", "channel",
    "messages_off",
})  # fmt: skip
#: Who looks after a customer and how it is billed is the admin's to say.
ADMIN_FIELDS = frozenset({"code", "marketing_staff_id", "billing_cycle", "payment_terms", "credit_limit", "billed_to"})


def check_changes(actor: Actor, fields: Iterable[str]) -> None:
    """Raise ``forbidden``, naming the fields, unless the actor may change all of them."""
    match actor.role:
        case Role.ADMIN:
            return
        case Role.MARKETING_STAFF:
            refused = sorted(set(fields) & ADMIN_FIELDS)
        case _:
            refused = sorted(set(fields) - OWN_FIELDS)
    if refused:
        errors = [FieldError(f"/{name}", "forbidden", "Your role may not set this.") for name in refused]
        raise Problem("forbidden", f"Your role may not set: {', '.join(refused)}", errors)
