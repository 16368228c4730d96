"""How every function of the schema is made: it reads what its owner made, whatever a session calls the same.

PostgreSQL looks for a table in ``pg_temp`` first, and a session may set ``search_path`` as it likes: a function that
takes both as they come reads somebody's temporary ``orders`` instead of the orders.
"""

import re

SEARCH_PATH = "pg_catalog, public, pg_temp"

#: A body in quotes is looked up when it runs. One after RETURN or BEGIN ATOMIC was looked up when it was made, is
#: inlined as before, and has no need of it.
_QUOTED_BODY = re.compile(r"\bLANGUAGE (?:plpgsql|sql)\b(?=[^;$]*\bAS \$\$)")


def pinned(sql: str) -> str:
    """The statements, with the search path set in every function whose body is in quotes."""
    return _QUOTED_BODY.sub(rf"\g<0> SET search_path = {SEARCH_PATH}", sql)
