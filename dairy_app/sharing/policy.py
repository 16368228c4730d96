"""How much of a change request each role sees."""

from dairy_app.web.access import Role

#: Who of the dairy asked and decided, and what was noted among its people, is not the customer's business.
INTERNAL_FIELDS = frozenset(
    {"note", "asked_by_link_id", "asked_by_user_id", "asked_by_name", "decided_by", "decided_by_name"}
)


def hidden_request_fields(role: Role) -> frozenset[str]:
    """The fields of a change request that ``role`` does not get."""
    return INTERNAL_FIELDS if role is Role.CUSTOMER else frozenset()
