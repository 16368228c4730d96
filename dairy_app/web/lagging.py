"""A client's last write, said to it and said by it, so that what it reads later is not of before.

The answer to what wrote carries a position of the primary's log: in a cookie, which browsers send back by themselves,
and in a header, which other clients may. It opens nothing and proves nothing: a position that is made up sends its
reader to the primary, and to no other rows.
"""

from collections.abc import Callable
from math import ceil
from typing import Any, TypeVar
from zlib import crc32

from flask import Response, current_app, g, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from dairy_app.common.errors import Problem
from dairy_app.database.replicas import AHEAD, Replica, Replicas, read_position, write_position
from dairy_app.database.transactions import Database
from dairy_app.web.access import Policy
from dairy_app.web.http import DairyFlask, current_session, refuse_undeclared, writes
from dairy_app.web.logs import log

HEADER, COOKIE = "Dairy-Position", "dairy_position"
#: Seconds that a browser keeps it longer than any replica that is read may lag.
_MARGIN = 60

T = TypeVar("T")


class ReplicatedFlask(DairyFlask):
    """The application where there are replicas: routes that declare ``may_lag`` are read there."""

    def __init__(self, replicas: Replicas, import_name: str, **options: Any) -> None:
        super().__init__(import_name, **options)
        self.replicas = replicas
        self.replicas.tell = log.warning
        self.after_request(self._say_position)

    def answer(self, view: Callable[..., Any], policy: Policy) -> Any:
        """As without replicas, but that reads may go to one, and what writes says how far the log was then."""
        if not writes(policy):
            return self._read(view, policy) if policy.may_lag else super().answer(view, policy)
        try:
            answered = super().answer(view, policy)
        except Exception as error:
            if policy.own_transactions or not isinstance(error, (Problem, HTTPException)):
                g.position = AHEAD  # some of it may have been committed; how much nobody knows
            raise
        g.position = self.replicas.position()
        return answered

    def _read(self, view: Callable[..., Any], policy: Policy) -> Any:
        """Who calls is asked of the primary, always: what was revoked ends at once. The view reads a replica; where
        that fails before the answer has begun, the next one, and at last the primary."""
        if self.replicas.are_resting():
            self.replicas.served_by_primary()
            return super().answer(view, policy)
        arguments: dict[str, Any] = request.view_args or {}
        g.actor = actor = self.database.run(lambda session: self.identify(session, policy), read_only=True)
        assert actor is not None, "check_policies ran at start-up"
        refuse_undeclared(view)

        def show(session: Session) -> Response:
            g.session = session
            return self.make_response(view(**arguments))

        def read(database: Database) -> Any:
            if not policy.own_transactions:
                return database.run(show, read_only=True)
            g.database = database
            return view(**arguments)

        return self.replicas.read(read, seen=seen_position(), turn=actor.user_id.int)

    def _say_position(self, response: Response) -> Response:
        position = g.get("position")
        if position is not None:
            written = write_position(position)
            response.headers[HEADER] = written
            response.set_cookie(
                COOKIE,
                written,
                ceil(self.replicas.max_lag) + _MARGIN,
                path=f"{request.script_root}/",
                secure=request.is_secure,
                httponly=True,
                samesite="Lax",
            )
        return response


def read_lagging(work: Callable[[Session], T], turn: str) -> T:
    """For a view that ``records`` and ``may_lag``: what it only shows, read on a replica, else in its own transaction.

    Before, it has found out on the primary who calls. ``turn``: says whose request it is; the same begins with the same
    replica.
    """
    replicas = current_replicas()
    if replicas is None:
        return work(current_session())

    def read(database: Database) -> T:
        return database.run(work, read_only=True) if isinstance(database, Replica) else work(current_session())

    return replicas.read(read, seen=seen_position(), turn=crc32(turn.encode()))


def current_replicas() -> Replicas | None:
    """The replicas that are read, if there are any."""
    return current_app.replicas if isinstance(current_app, ReplicatedFlask) else None


def seen_position() -> int:
    """The position that the client has seen, by what it says; 0 when it says nothing."""
    return max(read_position(request.headers.get(HEADER)), read_position(request.cookies.get(COOKIE)))
