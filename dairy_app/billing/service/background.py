"""A run that goes on by itself when it lasts longer than somebody wants to wait for it."""

from contextvars import copy_context
from threading import Thread
from uuid import UUID

from dairy_app.billing.models import BillingRun
from dairy_app.billing.queries.runs import get_run
from dairy_app.billing.service.runs import RunRequest, carry_out, start_run
from dairy_app.common.errors import Problem
from dairy_app.database.transactions import Database
from dairy_app.web.access import Actor
from dairy_app.web.logs import log

#: A run that is not done after so many seconds goes on in the background; who asked looks at its row again.
PATIENCE = 20.0


def key_of(actor: Actor, given: str | None) -> str | None:
    """The idempotency key of a run, of what its caller sent as one. Raises validation_failed for what cannot be one."""
    if given is None:
        return None
    if not (1 <= len(given) <= 200 and given.isprintable()):
        raise Problem("validation_failed", "Idempotency-Key must be 1 to 200 printable characters.")
    return f"{actor.user_id}:{given}"


def bill(database: Database, asked: RunRequest, actor: Actor, *, patience: float = PATIENCE) -> BillingRun:
    """Start a run, carry it out, and answer its row: as it is at the end, or after ``patience`` seconds.

    The same idempotency key is the same run. Raises what ``start_run`` refuses, and ``internal_error`` when it failed.
    """
    started = database.run(lambda session: start_run(session, asked, actor))
    if started.to_do:
        arguments = (_carry_out, database, started.run.id, asked, actor)
        # In a copy of this context: the audit log and the log lines go on knowing whose request it is.
        worker = Thread(target=copy_context().run, args=arguments, name=f"billing-run-{started.run.id}")
        worker.start()
        worker.join(patience)
    with database.transaction(read_only=True) as session:
        run = get_run(session, started.run.id)
    if run.status == "failed":
        raise Problem("internal_error", "The run stopped; what was issued stays issued. Ask again to go on.")
    return run


def _carry_out(database: Database, run_id: UUID, asked: RunRequest, actor: Actor) -> None:
    try:
        carry_out(database, run_id, asked, actor)
    except Exception:
        log.exception("billing run failed", run_id=str(run_id))
