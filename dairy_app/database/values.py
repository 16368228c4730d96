"""How the driver reads UUIDs, of which a page of fifty orders has five hundred, in half the time, and writes many."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, SafeUUID

from psycopg2.extensions import new_array_type, new_type, register_type

_new, _set, _UNKNOWN = object.__new__, object.__setattr__, SafeUUID.unknown
#: The oids of ``uuid`` and ``uuid[]``.
_ONE, _MANY = 2950, 2951


def _uuid(written: str | None, _cursor: Any) -> UUID | None:
    """A UUID as its class makes it, but without its search for the form: the server knows only one."""
    if written is None:
        return None
    made = _new(UUID)
    _set(made, "int", int(written.replace("-", ""), 16))
    _set(made, "is_safe", _UNKNOWN)
    return made


_UUID = new_type((_ONE,), "UUID", _uuid)
_UUIDS = new_array_type((_MANY,), "UUID[]", _UUID)


def read_uuids(connection: Any) -> None:
    """Let a driver's connection read UUIDs, and arrays of them, this way."""
    register_type(_UUID, connection)
    register_type(_UUIDS, connection)


def uuid_array(ids: Iterable[UUID | str]) -> str:
    """Ids as one value, for ``CAST(:ids AS uuid[])``.

    A list of thousands would be written, parsed and planned id by id, in each statement that names it.
    """
    return f"{{{','.join(map(str, ids))}}}"
