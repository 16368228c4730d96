"""What happened to logins, in the log: written when it is committed, so that nothing undone is reported."""

from sqlalchemy import event
from sqlalchemy.orm import Session

from dairy_app.web.logs import log


def note(session: Session, fact: str, **details: object) -> None:
    """Log ``fact`` after the commit. Details are ids and addresses, never a login, password or token."""
    event.listen(session, "after_commit", lambda _: log.info(fact, **details), once=True)


def warn(session: Session, fact: str, **details: object) -> None:
    """The same for what somebody should look at."""
    event.listen(session, "after_commit", lambda _: log.warning(fact, **details), once=True)
