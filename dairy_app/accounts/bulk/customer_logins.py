"""Set-based writes of accounts."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.web.access import Role


def insert_customer_logins(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Users of role customer who cannot log in before they are invited: id, name, email, phone each.

    A login that any user holds is refused by its UNIQUE key, as ``already_exists``.
    """
    session.execute(
        text("""
            INSERT INTO users (id, name, email, phone, role)
            SELECT r.id, r.name, r.email, r.phone, :role
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (id uuid, name text, email text, phone text)"""),
        {"rows": json.dumps(rows, default=str), "role": Role.CUSTOMER.value},
    )
