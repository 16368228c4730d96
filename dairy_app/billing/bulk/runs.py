"""Ending the rows of runs that came to nothing."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.billing.queries.runs import RUN_IS_HELD


def close_interrupted(session: Session, at: datetime, silent_since: datetime, error: str) -> None:
    """Mark as failed every running run that holds no lock and has not written since an instant."""
    session.execute(
        text(f"""
            UPDATE billing_runs r SET status = 'failed', finished_at = :now, updated_at = now(), error = :error
            WHERE status = 'running' AND heartbeat_at < :silent AND NOT {RUN_IS_HELD}"""),
        {"now": at, "silent": silent_since, "error": error},
    )


def fail_run(session: Session, run_id: UUID, at: datetime, reason: str) -> None:
    """Mark a run as failed, unless it has ended already."""
    session.execute(
        text("""
            UPDATE billing_runs SET status = 'failed', finished_at = :now, error = :reason, updated_at = now()
            WHERE id = :id AND status = 'running'"""),
        {"id": run_id, "now": at, "reason": reason},
    )
