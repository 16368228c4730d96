"""UUIDs are made by our own reader: nobody who gets one can tell."""

import copy
import pickle
from uuid import UUID

from sqlalchemy import text

from dairy_app.database.transactions import Database


def test_uuids_are_those_of_the_standard_library(database: Database) -> None:
    written = "0199f3a4-5b6c-7d8e-8f01-23456789abcd"
    asked = "SELECT CAST(:one AS uuid), ARRAY[CAST(:one AS uuid), NULL], CAST(NULL AS uuid), CAST('{}' AS uuid[])"
    with database.transaction(read_only=True) as session:
        one, many, nothing, none = session.execute(text(asked), {"one": written}).one()
    wanted = UUID(written)
    assert (one, many, nothing, none) == (wanted, [wanted, None], None, [])
    assert type(one) is UUID
    assert (str(one), hash(one), repr(one), one.version) == (written, hash(wanted), repr(wanted), 7)
    assert one.is_safe is wanted.is_safe
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == wanted
