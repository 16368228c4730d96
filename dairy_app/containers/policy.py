"""Who sees how much of a movement of containers."""

from dairy_app.web.access import Role

#: Whose round it was and who entered it is for the dairy's own people.
INTERNAL_FIELDS = ("by", "by_name")


def hidden_fields(role: Role) -> frozenset[str]:
    """The fields of a movement that this role does not see."""
    return frozenset(INTERNAL_FIELDS) if role is Role.CUSTOMER else frozenset()
