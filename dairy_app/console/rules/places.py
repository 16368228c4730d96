"""Places in a round as they are typed: who is moved to which place, and who moves up for it."""

from collections.abc import Sequence

#: More digits than any place has.
_LONGEST = 6


def in_order(typed: Sequence[tuple[str, str]]) -> list[str]:
    """Who is reached in which order: each with the place typed beside it, in the order in which they were shown.

    Whoever has the place where he was shown, or none, stays between his neighbours; the others are put at theirs. Of
    those with the same place the one shown first comes first.
    """
    stay, moved = [], []
    for shown, (each, place) in enumerate(typed, 1):
        wanted = int(place) if place.isascii() and place.isdecimal() and len(place) <= _LONGEST else shown
        if wanted == shown:
            stay.append(each)
        else:
            moved.append((wanted, each))
    moved.reverse()
    for wanted, each in sorted(moved, key=lambda one: one[0]):
        stay.insert(max(wanted - 1, 0), each)
    return stay
